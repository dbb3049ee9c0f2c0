/** `stratos fs backup …`. */
import { ProgressDisplay } from "@stratos/host-node";
import {
  makeBackup,
  requireManifest,
  restoreBackup,
  verifyBackup,
  type BackupProgress,
  openBackupStore,
  withBackupVolume,
} from "@stratos/volumes/backup";
import { formatSize } from "../option-values.ts";
import { formatTable } from "../text-table.ts";

export interface BackupRunOptions {
  readonly keep?: number;
  readonly full?: true;
  readonly json?: true;
}
export interface BackupRestoreOptions {
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

export async function backupRunCommand(path: string, target: string, options: BackupRunOptions): Promise<number> {
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

export async function backupListCommand(target: string, options: { readonly json?: true }): Promise<number> {
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
export async function backupVerifyCommand(target: string, options: { readonly json?: true }): Promise<number> {
  const problems = await withProgress("Verifying", (onProgress) => verifyBackup(openBackupStore(target), onProgress));
  if (options.json === true)
    process.stdout.write(`${JSON.stringify({ intact: problems.length === 0, problems }, null, 2)}\n`);
  else
    process.stdout.write(
      problems.length === 0 ? `${target}: intact\n` : problems.map((problem) => `${target}: ${problem}\n`).join(""),
    );
  return problems.length === 0 ? 0 : 1;
}

export async function backupRestoreCommand(
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
