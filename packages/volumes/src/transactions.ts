/**
 * Transactions on a volume's files: a fork of them is worked on, and all that was done there becomes the volume's at
 * once, or nothing of it.
 *
 * A transaction is two snapshots whose name says who runs it: `NAME-base`, what the files were, and `NAME`, what is
 * worked on. Who began it may be gone when it ends, so each step finds them by name.
 */
import { lstatSync } from "node:fs";
import { join } from "node:path";
import { type Subvolume, Transaction, type Volume } from "@stratos/aegisfs";
import { isRunning } from "@stratos/host-node";
import { withEnvironmentFilters } from "@stratos/tools-node/volumes";
import { OperationError } from "@stratos/operation";
import { TreeCopier } from "./copy-tree.ts";
import { HostTree } from "./host-tree.ts";
import { mirrorBack, recordTree } from "./mirror-tree.ts";
import { filteredFilesOf, type OpenedVolume, withVolume } from "./open-volume.ts";
import { reclaimAll } from "./snapshots.ts";
import { expectResult, expectValue } from "./volume-error.ts";
import { VolumeTree } from "./volume-tree.ts";

/** A name that no other transaction has; it says which process runs it. */
export function newTransactionName(nowMs: number): string {
  return `.transaction-${process.pid}-${nowMs.toString(36)}`;
}

export function isTransactionName(text: string): boolean {
  return /^\.transaction-\d+-[0-9a-z]+$/.test(text);
}

/** Makes the two snapshots. @throws OperationError; VolumeInUseError: who has it mounted must do it */
export function beginTransaction(path: string, name: string): Promise<void> {
  return withVolume(path, "write", (opened) => {
    const { volume } = opened;
    if (opened.hosted !== null && withEnvironmentFilters(volume.root) !== volume.root)
      throw new OperationError(
        "volume",
        path,
        "is mounted with filters, which what lies in .snapshots passes by: `stratos fs umount` it first",
      );
    // A mount that could not be told of the end is to say so now.
    opened.replaceFiles();
    const label = "of a running transaction";
    const base = expectResult(path, volume.snapshot(volume.root, `${name}-base`, { readOnly: true, label }));
    expectResult(path, volume.snapshot(volume.subvolume(base)!, name, { readOnly: false, label }));
  });
}

/**
 * The work on a copy of the transaction's files, where they cannot be shown otherwise; what it changed is brought in
 * when it succeeds.
 *
 * @param folder  an empty one, for the copy
 * @param work  is told where the copy lies @returns whether it has succeeded
 */
export async function workOnCopy(
  { path, name, folder }: { readonly path: string; readonly name: string; readonly folder: string },
  work: (files: string) => Promise<boolean>,
): Promise<void> {
  // What the host cannot keep stays in the volume as it is.
  const leftOut = new Set<string>();
  const host = new HostTree((at) => void leftOut.add(at));
  const copy = join(folder, "files");
  await withVolume(path, "read", (opened) =>
    new TreeCopier(new VolumeTree(filteredFilesOf(opened, name), path), host, {
      isRecursive: true,
      preserves: true,
    }).copy("/", copy),
  );
  const record = recordTree(host, copy, { ctimeOf, leftOut });
  if (!(await work(copy))) return;
  const changed = new HostTree((at, what) => {
    if (record.attributes.size > 0) throw new OperationError("volume", path, `${at}: cannot be brought in: ${what}`);
  });
  await withVolume(path, "write", (opened) =>
    mirrorBack(changed, copy, new VolumeTree(filteredFilesOf(opened, name), path), record, ctimeOf),
  );
}

function ctimeOf(path: string): string {
  return String(lstatSync(Buffer.from(path, "latin1"), { bigint: true }).ctimeNs);
}

/** @returns why it could not be committed, or null */
export async function endTransaction(path: string, name: string, commits: boolean): Promise<OperationError | null> {
  return withVolume(path, "write", (opened) => {
    const transaction = resumeByName(opened, name);
    // Where the volume is mounted, its users see the outcome, and not what they knew before.
    opened.replaceFiles();
    if (!commits) {
      expectResult(path, transaction.abort());
      reclaimAll(opened);
      return null;
    }
    const result = transaction.commit();
    if (result < 0 && transaction.conflict !== null)
      return new OperationError(
        "volume",
        path,
        `others changed the same meanwhile (${transaction.conflict}): nothing of what the command did was kept`,
      );
    expectResult(path, result);
    reclaimAll(opened);
    return null;
  });
}

function resumeByName({ path, volume }: OpenedVolume, name: string): Transaction {
  return expectValue(path, Transaction.resume(found(volume, path, `${name}-base`), found(volume, path, name)));
}

function found(volume: Volume, path: string, name: string): Subvolume {
  const subvolume = volume.subvolume(Math.max(0, volume.findSubvolume(name)));
  if (subvolume === null) throw new OperationError("volume", `${path}@${name}`, "the transaction's files are gone");
  return subvolume;
}

/** Ends transactions whose process is gone: they were interrupted, so nothing of them happens. */
export function cleanTransactions(path: string): Promise<void> {
  return withVolume(path, "write", (opened) => {
    const { volume } = opened;
    for (const { name, id } of expectValue(path, volume.subvolumes())) {
      const pid = /^\.transaction-(\d+)-/.exec(name)?.[1];
      if (pid === undefined || isRunning(Number(pid)) || volume.subvolume(id) === null) continue;
      expectResult(path, volume.deleteSubvolume(id));
    }
    reclaimAll(opened);
  });
}
