/** Rows of `stratos fs snapshot` and `stratos fs schedule`. */
import { Command, Option } from "commander";
import { parseCount, parseSnapshotLabel } from "../volume-options.ts";
import type {
  CreateSnapshotOptions,
  DryRunOptions,
  RollbackOptions,
  ScheduleOptions,
  SnapshotListOptions,
} from "../commands/fs-snapshot-commands.ts";
import { dryRunOption, jsonOption, VOLUME_WORDS, type Finish } from "./fs-rows.ts";

const commands = () => import("../commands/fs-snapshot-commands.ts");

export function snapshotCommand(finish: Finish): Command {
  const snapshot = new Command("snapshot")
    .summary("take, list, compare, roll back and delete snapshots")
    .description(
      "Takes, lists, compares, rolls back and deletes snapshots. Taking one and rolling back take constant time, " +
        "whatever the volume holds. The server of a volume that is mounted does it, at once for all who use it: " +
        "what they have written is in the snapshot, whether or not they have closed or synced it.",
    )
    .usage("COMMAND");
  snapshot.addCommand(
    new Command("create")
      .description("Takes a snapshot of the live files, or of another snapshot.")
      .summary("take a snapshot")
      .argument("<volume>", VOLUME_WORDS)
      .argument("[name]", "its name (default: from the time)")
      .option("-w, --writable", "files in it may be changed")
      .addOption(new Option("-l, --label <text>", "what is to be remembered of it").argParser(parseSnapshotLabel))
      .option("--of <name>", "take it of this snapshot")
      .addOption(jsonOption())
      .action(async (volume: string, name: string | undefined, options: CreateSnapshotOptions) =>
        finish(await (await commands()).createSnapshotCommand(volume, name, options)),
      ),
  );
  snapshot.addCommand(
    new Command("list")
      .alias("ls")
      .description("Lists snapshots as a tree: each below the one that it goes on from.")
      .summary("list snapshots")
      .argument("<volume>", VOLUME_WORDS)
      .option("--names", "print names only")
      .addOption(jsonOption())
      .action(async (volume: string, options: SnapshotListOptions) =>
        finish(await (await commands()).listSnapshotsCommand(volume, options)),
      ),
  );
  snapshot.addCommand(
    new Command("delete")
      .alias("rm")
      .description("Deletes snapshots and frees what they alone hold.")
      .summary("delete snapshots")
      .argument("<volume>", VOLUME_WORDS)
      .argument("<name...>", "snapshots")
      .addOption(dryRunOption())
      .addOption(jsonOption())
      .action(async (volume: string, names: string[], options: DryRunOptions) =>
        finish(await (await commands()).deleteSnapshotsCommand(volume, names, options)),
      ),
  );
  snapshot.addCommand(
    new Command("cleanup")
      .description(
        "Deletes the incomplete snapshots of transfers that broke, which can not be resumed then. `receive " +
          "--status` shows them.",
      )
      .summary("delete what broken transfers left")
      .argument("<volume>", VOLUME_WORDS)
      .addOption(dryRunOption())
      .addOption(jsonOption())
      .action(async (volume: string, options: DryRunOptions) =>
        finish(await (await commands()).cleanUpSnapshotsCommand(volume, options)),
      ),
  );
  snapshot.addCommand(
    new Command("rollback")
      .description(
        "Makes the live files those of a snapshot, atomically. What they were is lost, unless --save keeps it.",
      )
      .summary("go back to a snapshot")
      .argument("<volume>", VOLUME_WORDS)
      .argument("<name>", "snapshot")
      .option("--save <name>", "keep what is there now as a snapshot of this name")
      .addOption(dryRunOption())
      .addOption(jsonOption())
      .action(async (volume: string, name: string, options: RollbackOptions) =>
        finish(await (await commands()).rollbackCommand(volume, name, options)),
      ),
  );
  snapshot.addCommand(
    new Command("stats")
      .description(
        "Shows how much each snapshot refers to, and how much of it no other does: what deleting it would free.",
      )
      .summary("show what snapshots hold")
      .argument("<volume>", VOLUME_WORDS)
      .argument("[name...]", "snapshots (default: all)")
      .addOption(jsonOption())
      .action(async (volume: string, names: string[], options: { json?: true }) =>
        finish(await (await commands()).snapshotStatisticsCommand(volume, names, options)),
      ),
  );
  snapshot.addCommand(
    new Command("diff")
      .description(
        "Shows which files were added (+), removed (-), moved (R) and modified (M) from a snapshot to another " +
          "one, or to the live files. Reads only what differs.",
      )
      .summary("show what changed")
      .argument("<volume>", VOLUME_WORDS)
      .argument("<from>", "snapshot")
      .argument("[to]", "snapshot (default: the live files)")
      .addOption(jsonOption())
      .action(async (volume: string, from: string, to: string | undefined, options: { json?: true }) =>
        finish(await (await commands()).diffCommand(volume, from, to, options)),
      ),
  );
  return snapshot;
}

export function scheduleCommand(finish: Finish): Command {
  const schedule = new Command("schedule")
    .summary("take snapshots by schedule")
    .description(
      "Takes snapshots by schedule, and deletes those that the schedule no longer keeps. The schedule travels " +
        "with the volume; `run` is for cron.",
    )
    .usage("COMMAND");
  const count = (flag: string, text: string): Option => new Option(`--${flag} <n>`, text).argParser(parseCount);
  schedule.addCommand(
    new Command("set")
      .description("Gives a volume its schedule: how many snapshots are kept of each kind.")
      .summary("set a volume's schedule")
      .argument("<volume>", VOLUME_WORDS)
      .addOption(count("hourly", "hours of which one is kept"))
      .addOption(count("daily", "days of which one is kept"))
      .addOption(count("weekly", "weeks of which one is kept"))
      .addOption(count("monthly", "months of which one is kept"))
      .action(async (volume: string, options: ScheduleOptions) =>
        finish(await (await commands()).setScheduleCommand(volume, options)),
      ),
  );
  schedule.addCommand(
    new Command("show")
      .description("Shows a volume's schedule.")
      .summary("show a volume's schedule")
      .argument("<volume>", VOLUME_WORDS)
      .addOption(jsonOption())
      .action(async (volume: string, options: { json?: true }) =>
        finish(await (await commands()).showScheduleCommand(volume, options)),
      ),
  );
  schedule.addCommand(
    new Command("clear")
      .description("Takes a volume's schedule away; its snapshots stay.")
      .summary("take a volume's schedule away")
      .argument("<volume>", VOLUME_WORDS)
      .action(async (volume: string) => finish(await (await commands()).clearScheduleCommand(volume))),
  );
  schedule.addCommand(
    new Command("run")
      .description(
        "Takes the snapshot that is due, and deletes those that the schedule does not keep. To be run as often " +
          "as the shortest period, by cron or a timer. A mounted volume is asked through its mount.",
      )
      .summary("take what is due, delete what is over")
      .argument("<volume...>", VOLUME_WORDS)
      .addOption(dryRunOption())
      .addOption(jsonOption())
      .action(async (volumes: string[], options: DryRunOptions) =>
        finish(await (await commands()).runScheduleCommand(volumes, options)),
      ),
  );
  return schedule;
}
