/** `stratos fs snapshot …` and `stratos fs schedule …`. */
import { realpathSync } from "node:fs";
import { Command, Option } from "commander";
import { lockOwner } from "@stratos/host-node";
import { volumePaths } from "@stratos/tools-node/volumes";
import { ProgressDisplay } from "../progress-display.ts";
import { AEGISFS_TYPE, readMountTable } from "@stratos/host-node/mounts";
import { formatSize, OperationError } from "@stratos/operation";
import {
  withVolume,
  planSchedule,
  readSchedule,
  runMountedSchedule,
  runSchedule,
  SCHEDULE_PERIODS,
  writeSchedule,
  type ScheduleOutcome,
  type SnapshotSchedule,
  createSnapshot,
  deleteSnapshots,
  listChanges,
  listSnapshots,
  requireSnapshot,
  rollBack,
  snapshotSpaces,
  type ListedChange,
  type SnapshotEntry,
  discardPartialTransfers,
} from "@stratos/volumes";
import { parseCount, parseSnapshotLabel } from "../volume-options.ts";
import { dryRunOption, jsonOption, VOLUME_WORDS, type Finish } from "./row-options.ts";
import { CommandError } from "../command-error.ts";
import { formatTable } from "../text-table.ts";

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
        finish(await createSnapshotCommand(volume, name, options)),
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
        finish(await listSnapshotsCommand(volume, options)),
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
        finish(await deleteSnapshotsCommand(volume, names, options)),
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
      .action(async (volume: string, options: DryRunOptions) => finish(await cleanUpSnapshotsCommand(volume, options))),
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
        finish(await rollbackCommand(volume, name, options)),
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
        finish(await snapshotStatisticsCommand(volume, names, options)),
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
        finish(await diffCommand(volume, from, to, options)),
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
      .action(async (volume: string, options: ScheduleOptions) => finish(await setScheduleCommand(volume, options))),
  );
  schedule.addCommand(
    new Command("show")
      .description("Shows a volume's schedule.")
      .summary("show a volume's schedule")
      .argument("<volume>", VOLUME_WORDS)
      .addOption(jsonOption())
      .action(async (volume: string, options: { json?: true }) => finish(await showScheduleCommand(volume, options))),
  );
  schedule.addCommand(
    new Command("clear")
      .description("Takes a volume's schedule away; its snapshots stay.")
      .summary("take a volume's schedule away")
      .argument("<volume>", VOLUME_WORDS)
      .action(async (volume: string) => finish(await clearScheduleCommand(volume))),
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
      .action(async (volumes: string[], options: DryRunOptions) => finish(await runScheduleCommand(volumes, options))),
  );
  return schedule;
}

interface CreateSnapshotOptions {
  readonly writable?: true;
  readonly label?: string;
  readonly of?: string;
  readonly json?: true;
}
interface SnapshotListOptions {
  readonly json?: true;
  readonly names?: true;
}
interface DryRunOptions {
  readonly json?: true;
  readonly dryRun?: true;
}
interface RollbackOptions extends DryRunOptions {
  readonly save?: string;
}
type ScheduleOptions = Partial<SnapshotSchedule>;

const printJson = (value: unknown): void => void process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);

async function createSnapshotCommand(
  path: string,
  name: string | undefined,
  options: CreateSnapshotOptions,
): Promise<number> {
  const entry = await withVolume(path, "write", (opened) => {
    const created = createSnapshot(opened, {
      ...(name === undefined ? {} : { name }),
      ...(options.label === undefined ? {} : { label: options.label }),
      ...(options.of === undefined ? {} : { of: options.of }),
      writable: options.writable === true,
    });
    return listSnapshots(opened).find((one) => one.name === created)!;
  });
  if (options.json === true) printJson(entry);
  else process.stdout.write(`${entry.name}\n`);
  return 0;
}

async function listSnapshotsCommand(path: string, options: SnapshotListOptions): Promise<number> {
  const entries = await withVolume(path, "read", listSnapshots);
  const snapshots = entries.filter(({ live }) => !live);
  if (options.json === true) printJson(entries);
  else if (options.names === true) process.stdout.write(snapshots.map(({ name }) => `${name}\n`).join(""));
  else process.stdout.write(snapshotTree(entries));
  return 0;
}

/** As a tree, each below the one that it goes on from; the live files stand where they are now. */
function snapshotTree(entries: readonly SnapshotEntry[]): string {
  const rows: string[][] = [];
  const visit = (parent: string | null, depth: number): void => {
    for (const entry of entries.filter((one) => one.parent === parent)) {
      const name = entry.live ? "(live)" : entry.name;
      rows.push([
        `${"  ".repeat(depth)}${name}`,
        entry.createdAt.slice(0, 19).replace("T", " "),
        entry.incomplete ? "incomplete" : entry.writable ? "rw" : "ro",
        String(entry.files),
        entry.label === "" ? "-" : entry.label,
      ]);
      if (!entry.live) visit(entry.name, depth + 1);
    }
  };
  visit(null, 0);
  return formatTable(["NAME", "CREATED", "ACCESS", "FILES", "LABEL"], rows);
}

async function deleteSnapshotsCommand(path: string, names: readonly string[], options: DryRunOptions): Promise<number> {
  const progress = new ProgressDisplay(process.stderr);
  const freedBytes = await withVolume(path, options.dryRun === true ? "read" : "write", (opened) => {
    if (options.dryRun === true) {
      for (const name of names) requireSnapshot(opened, name);
      return snapshotSpaces(opened, names).reduce((sum, { exclusiveBytes }) => sum + exclusiveBytes, 0);
    }
    return deleteSnapshots(opened, names, (bytes) => {
      if (process.stderr.isTTY) progress.update("Freeing", bytes, 0, "bytes");
    });
  }).finally(() => progress.clear());
  if (options.json === true) printJson({ volume: path, snapshots: names, dryRun: options.dryRun === true, freedBytes });
  else if (options.dryRun === true)
    process.stdout.write(`would delete ${names.join(", ")} and free at least ${formatSize(freedBytes)}\n`);
  return 0;
}

async function cleanUpSnapshotsCommand(path: string, options: DryRunOptions): Promise<number> {
  const dryRun = options.dryRun === true;
  const { snapshots, freedBytes } = await withVolume(path, dryRun ? "read" : "write", (opened) =>
    discardPartialTransfers(opened, dryRun),
  );
  if (options.json === true) printJson({ volume: path, snapshots, dryRun, freedBytes });
  else if (snapshots.length === 0) process.stdout.write(`${path}: nothing is incomplete\n`);
  else
    process.stdout.write(
      `${dryRun ? "would delete" : "deleted"} ${snapshots.join(", ")}, ${formatSize(freedBytes)}` +
        `${dryRun ? " at least" : ""}\n`,
    );
  return 0;
}

async function rollbackCommand(path: string, name: string, options: RollbackOptions): Promise<number> {
  const changes = await withVolume(path, options.dryRun === true ? "read" : "write", (opened): ListedChange[] => {
    requireSnapshot(opened, name);
    if (options.dryRun === true) return listChanges(opened, name, null);
    rollBack(opened, name, options.save);
    return [];
  });
  if (options.dryRun === true) {
    if (options.json === true) printJson({ volume: path, snapshot: name, dryRun: true, lost: changes });
    else
      process.stdout.write(
        changes.length === 0
          ? "nothing would change\n"
          : `these changes since ${name} would be lost:\n${changes.map(changeLine).join("")}`,
      );
  } else if (options.json === true) printJson({ volume: path, snapshot: name, saved: options.save ?? null });
  return 0;
}

async function snapshotStatisticsCommand(
  path: string,
  names: readonly string[],
  options: { readonly json?: true },
): Promise<number> {
  const spaces = await withVolume(path, "read", (opened) => snapshotSpaces(opened, names));
  if (options.json === true) printJson(spaces);
  else {
    process.stdout.write(
      formatTable(
        ["NAME", "FILES", "REFERENCED", "EXCLUSIVE", "SHARED"],
        spaces.map((one) => [
          one.name,
          String(one.files),
          formatSize(one.referencedBytes),
          formatSize(one.exclusiveBytes),
          formatSize(one.sharedBytes),
        ]),
      ),
    );
  }
  return 0;
}

async function diffCommand(
  path: string,
  from: string,
  to: string | undefined,
  options: { readonly json?: true },
): Promise<number> {
  const changes = await withVolume(path, "read", (opened) => listChanges(opened, from, to ?? null));
  if (options.json === true) printJson(changes);
  else process.stdout.write(changes.map(changeLine).join(""));
  return 0;
}

const LETTERS = { added: "+", removed: "-", moved: "R", modified: "M" } as const;

function changeLine({ change, path, from, type, aspects }: ListedChange): string {
  const slash = type === "directory" && path !== "/" ? "/" : "";
  const detail =
    aspects.length > 0 && (change === "moved" || aspects.join() !== "content") ? ` (${aspects.join(", ")})` : "";
  return `${LETTERS[change]} ${from === undefined ? "" : `${from}${slash} -> `}${path}${slash}${detail}\n`;
}

async function setScheduleCommand(path: string, options: ScheduleOptions): Promise<number> {
  const schedule: SnapshotSchedule = {
    hourly: options.hourly ?? 0,
    daily: options.daily ?? 0,
    weekly: options.weekly ?? 0,
    monthly: options.monthly ?? 0,
  };
  if (SCHEDULE_PERIODS.every((period) => schedule[period] === 0))
    throw new CommandError(path, "a schedule keeps something: give --hourly, --daily, --weekly or --monthly");
  await withVolume(path, "write", (opened) => writeSchedule(opened, schedule));
  return 0;
}

async function clearScheduleCommand(path: string): Promise<number> {
  await withVolume(path, "write", (opened) => writeSchedule(opened, null));
  return 0;
}

async function showScheduleCommand(path: string, options: { readonly json?: true }): Promise<number> {
  const schedule = await withVolume(path, "read", readSchedule);
  if (options.json === true) printJson(schedule);
  else if (schedule === null) process.stdout.write(`${path}: no schedule\n`);
  else
    process.stdout.write(
      formatTable(
        ["PERIOD", "KEPT"],
        SCHEDULE_PERIODS.map((period) => [period, String(schedule[period])]),
      ),
    );
  return 0;
}

async function runOne(path: string, isDryRun: boolean, isOnly: boolean): Promise<ScheduleOutcome> {
  const now = Math.floor(Date.now() / 1000);
  // The process that serves a mounted volume runs a command on it; one of several is done through the mount's
  // `.snapshots`.
  const mountPoint = isDryRun || isOnly ? null : mountPointOf(path);
  if (!isDryRun && mountPoint === null) return withVolume(path, "write", (opened) => runSchedule(opened, now));
  const plan = await withVolume(path, "read", (opened) => planSchedule(opened, now));
  if (mountPoint !== null) runMountedSchedule(plan, mountPoint);
  return plan;
}

/** Where the volume's live files are mounted, or null. */
function mountPointOf(path: string): string | null {
  const first = volumePaths(path)[0]!;
  if (lockOwner(first) === null) return null;
  const source = realpathSync(first);
  return (
    readMountTable().findLast((mount) => mount.type === AEGISFS_TYPE && mount.source === source)?.mountPoint ?? null
  );
}

/** For cron: quiet unless something was done; a volume that fails does not keep the others from their turn. */
async function runScheduleCommand(paths: readonly string[], options: DryRunOptions): Promise<number> {
  const outcomes: (ScheduleOutcome & { volume: string })[] = [];
  const failures: unknown[] = [];
  for (const path of paths) {
    try {
      outcomes.push({ volume: path, ...(await runOne(path, options.dryRun === true, paths.length === 1)) });
    } catch (error) {
      if (!(error instanceof OperationError) || paths.length === 1) throw error;
      failures.push(error);
      process.stderr.write(`stratos: ${error.message}\n`);
    }
  }
  if (options.json === true) printJson(outcomes);
  else {
    const would = options.dryRun === true ? "would be " : "";
    for (const { volume, created, deleted } of outcomes) {
      if (created !== null) process.stdout.write(`${volume}: ${created} ${would}taken\n`);
      for (const name of deleted) process.stdout.write(`${volume}: ${name} ${would}deleted\n`);
    }
  }
  return failures.length === 0 ? 0 : 1;
}
