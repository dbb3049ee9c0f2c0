/** Files of a snapshot come back to the live ones, with owners, times and attributes; nobody sees half of it. */
import { RENAME_EXCHANGE, RENAME_NOREPLACE } from "@stratos/abi";
import { TreeCopier, type CopyCount } from "./copy-tree.ts";
import { filteredFilesOf, type OpenedVolume } from "./open-volume.ts";
import { removeTree } from "./remove-tree.ts";
import { requireSnapshot } from "./snapshots.ts";
import { VolumeTree } from "./volume-tree.ts";

/**
 * What is at `to` becomes what the snapshot has at `from`; what was there is gone, a folder with all that is in it.
 *
 * @param from  in the snapshot, a byte string. @param to  in the live files
 * @throws OperationError
 */
export function restoreFiles(opened: OpenedVolume, snapshot: string, from: string, to: string): CopyCount {
  requireSnapshot(opened, snapshot);
  const source = new VolumeTree(filteredFilesOf(opened, snapshot), `${opened.path}@${snapshot}`);
  const target = new VolumeTree(filteredFilesOf(opened, null), opened.path);
  const draft = `${to}.restored-${Math.random().toString(36).slice(2, 10)}`;
  const copier = new TreeCopier(source, target, { isRecursive: true, preserves: true });
  try {
    copier.copy(from, draft);
    if (target.facts(to) === null) target.move(draft, to, RENAME_NOREPLACE);
    else {
      target.move(draft, to, RENAME_EXCHANGE);
      removeTree(target, draft, { isRecursive: true, isDryRun: false });
    }
  } catch (error) {
    if (target.facts(draft) !== null) removeTree(target, draft, { isRecursive: true, isDryRun: false });
    throw error;
  }
  return copier.count;
}
