/** `stratos fs backup …`. */
import { Command, Option } from "commander";
import { ProgressDisplay } from "../progress-display.ts";
import {
  makeBackup,
  requireManifest,
  restoreBackup,
  verifyBackup,
  type BackupProgress,
  openBackupStore,
  withBackupVolume,
} from "@stratos/volumes/backup";
import { parsePositiveCount } from "../volume-options.ts";
import { jsonOption, VOLUME_WORDS, type Finish } from "./row-options.ts";
import { formatSize } from "@stratos/operation";
import { formatTable } from "../text-table.ts";

const STORE_HELP = `
STORE is a folder, rsync:HOST:PATH, rclone:REMOTE:PATH (with the program of that name) or s3:BUCKET/PREFIX (with \
AWS_ACCESS_KEY_ID,
AWS_SECRET_ACCESS_KEY, AWS_REGION, and AWS_ENDPOINT_URL for storage that is not Amazon's, in the environment).
Its backup.json lists what is there. Should that be lost, \`cat NAME.* | stratos fs receive VOLUME\` brings a backup \
back all the same, after those that it builds on.`;

export function backupCommand(finish: Finish): Command {
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
        finish(await backupRunCommand(volume, store, options)),
      ),
  );
  backup.addCommand(
    new Command("list")
      .description("Lists the backups in a store.")
      .summary("list backups")
      .argument("<store>", "where they are")
      .addOption(jsonOption())
      .addHelpText("after", STORE_HELP)
      .action(async (store: string, options: { json?: true }) => finish(await backupListCommand(store, options))),
  );
  backup.addCommand(
    new Command("verify")
      .description("Reads all of a backup and checks it. Exit status 1 when something is missing or damaged.")
      .summary("check backups")
      .argument("<store>", "where they are")
      .addOption(jsonOption())
      .addHelpText("after", STORE_HELP)
      .action(async (store: string, options: { json?: true }) => finish(await backupVerifyCommand(store, options))),
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
        finish(await backupRestoreCommand(store, volume, name, options)),
      ),
  );
  return backup;
}

interface BackupRunOptions {
  readonly keep?: number;
  readonly full?: true;
  readonly json?: true;
}
interface BackupRestoreOptions {
  readonly live?: true;
  readonly json?: true;
}

async function withProgress<T>(word: string, work: (onProgress: BackupProgress) => Promise<T>): Promise<T> {
  const progress = new ProgressDisplay(process.stderr);
  try {
    return await work((bytes) => {
      if (process.stderr.isTTY) progress.update(word, bytes, 0, "bytes");
    });
  } finally {
    progress.clear();
  }
}

async function backupRunCommand(path: string, target: string, options: BackupRunOptions): Promise<number> {
  const store = openBackupStore(target);
  const entry = await withProgress("Backing up", (onProgress) =>
    withBackupVolume(path, (volume) =>
      makeBackup(volume, store, { keep: options.keep ?? null, isFull: options.full === true }, onProgress),
    ),
  );
  if (options.json === true) process.stdout.write(`${JSON.stringify(entry, null, 2)}\n`);
  else
    process.stdout.write(
      `${entry.name}: ${entry.parent === null ? "whole" : `since ${entry.parent}`}, ` +
        `${formatSize(entry.pieces.reduce((sum, { bytes }) => sum + bytes, 0))} stored\n`,
    );
  return 0;
}

async function backupListCommand(target: string, options: { readonly json?: true }): Promise<number> {
  const manifest = await requireManifest(openBackupStore(target));
  if (options.json === true) process.stdout.write(`${JSON.stringify(manifest, null, 2)}\n`);
  else {
    process.stdout.write(
      formatTable(
        ["NAME", "CREATED", "SINCE", "STORED"],
        manifest.entries.map((entry) => [
          entry.name,
          entry.createdAt.slice(0, 19).replace("T", " "),
          entry.parent ?? "(whole)",
          formatSize(entry.pieces.reduce((sum, { bytes }) => sum + bytes, 0)),
        ]),
      ),
    );
  }
  return 0;
}

/** Exit status 1 when something is missing or damaged. */
async function backupVerifyCommand(target: string, options: { readonly json?: true }): Promise<number> {
  const problems = await withProgress("Verifying", (onProgress) => verifyBackup(openBackupStore(target), onProgress));
  if (options.json === true)
    process.stdout.write(`${JSON.stringify({ intact: problems.length === 0, problems }, null, 2)}\n`);
  else
    process.stdout.write(
      problems.length === 0 ? `${target}: intact\n` : problems.map((problem) => `${target}: ${problem}\n`).join(""),
    );
  return problems.length === 0 ? 0 : 1;
}

async function backupRestoreCommand(
  target: string,
  path: string,
  name: string | undefined,
  options: BackupRestoreOptions,
): Promise<number> {
  const store = openBackupStore(target);
  const snapshot = await withProgress("Restoring", (onProgress) =>
    withBackupVolume(path, (volume) => restoreBackup(volume, store, name ?? null, options.live === true, onProgress)),
  );
  if (options.json === true)
    process.stdout.write(`${JSON.stringify({ volume: path, snapshot, live: options.live === true }, null, 2)}\n`);
  else process.stdout.write(`${snapshot}\n`);
  return 0;
}
