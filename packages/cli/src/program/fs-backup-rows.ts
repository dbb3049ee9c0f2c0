/** Rows of `stratos fs backup`. */
import { Command, Option } from "commander";
import { parsePositiveCount } from "../volume-options.ts";
import type { BackupRestoreOptions, BackupRunOptions } from "../commands/fs-backup-commands.ts";
import { jsonOption, VOLUME_WORDS, type Finish } from "./fs-rows.ts";

const STORE_HELP = `
STORE is a folder, rsync:HOST:PATH, rclone:REMOTE:PATH (with the program of that name) or s3:BUCKET/PREFIX (with \
AWS_ACCESS_KEY_ID,
AWS_SECRET_ACCESS_KEY, AWS_REGION, and AWS_ENDPOINT_URL for storage that is not Amazon's, in the environment).`;

export function backupCommand(finish: Finish): Command {
  const commands = () => import("../commands/fs-backup-commands.ts");
  const backup = new Command("backup")
    .summary("back volumes up and restore them")
    .description(
      "Backs volumes up to a folder, another host or object storage, and restores them. A backup is a snapshot, " +
        "whole or as differences from the one before.",
    )
    .usage("COMMAND");
  backup.addCommand(
    new Command("run")
      .description(
        "Takes a snapshot and stores it: as differences from the last backup where that is still in the volume. " +
          "For cron, or by hand.",
      )
      .summary("make a backup")
      .argument("<volume>", VOLUME_WORDS)
      .argument("<store>", "where to")
      .addOption(
        new Option("--keep <n>", "remove older backups than the last n, save what these build on").argParser(
          parsePositiveCount,
        ),
      )
      .option("--full", "store everything, not only differences")
      .addOption(jsonOption())
      .addHelpText("after", STORE_HELP)
      .action(async (volume: string, store: string, options: BackupRunOptions) =>
        finish(await (await commands()).backupRunCommand(volume, store, options)),
      ),
  );
  backup.addCommand(
    new Command("list")
      .description("Lists the backups in a store.")
      .summary("list backups")
      .argument("<store>", "where they are")
      .addOption(jsonOption())
      .addHelpText("after", STORE_HELP)
      .action(async (store: string, options: { json?: true }) =>
        finish(await (await commands()).backupListCommand(store, options)),
      ),
  );
  backup.addCommand(
    new Command("verify")
      .description("Reads all of a backup and checks it. Exit status 1 when something is missing or damaged.")
      .summary("check backups")
      .argument("<store>", "where they are")
      .addOption(jsonOption())
      .addHelpText("after", STORE_HELP)
      .action(async (store: string, options: { json?: true }) =>
        finish(await (await commands()).backupVerifyCommand(store, options)),
      ),
  );
  backup.addCommand(
    new Command("restore")
      .description(
        "Brings a backup into a volume as a snapshot, with those that it builds on; what is there already is not " +
          "fetched again.",
      )
      .summary("restore a backup")
      .argument("<store>", "where it is")
      .argument("<volume>", `${VOLUME_WORDS}; formatted`)
      .argument("[name]", "which one (default: the last)")
      .option("--live", "and make it the volume's files, in place of what is there")
      .addOption(jsonOption())
      .addHelpText("after", STORE_HELP)
      .action(async (store: string, volume: string, name: string | undefined, options: BackupRestoreOptions) =>
        finish(await (await commands()).backupRestoreCommand(store, volume, name, options)),
      ),
  );
  return backup;
}
