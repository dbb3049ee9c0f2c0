/**
 * Names of an overlay that come, go and move. What is more than one step in the upper layer is prepared in the working
 * folder, where nobody sees it, and put in place by one rename, so that a crash leaves what was or what is to be.
 */
import { EEXIST, EIO, ENOENT, ENOTEMPTY, EPERM, EXDEV, RENAME_EXCHANGE, S_IFCHR, isErrno } from "@stratos/abi";
import { UNFINISHED } from "../../ground/wait-queue.ts";
import { Dentry } from "../../vfs/dentry.ts";
import { lookupChild } from "../../vfs/dentry-cache.ts";
import type { Inode, NewInode } from "../../vfs/inode.ts";
import { removeEntry, renameEntry } from "../../vfs/name-changes.ts";
import {
  addToLayer,
  firstNames,
  isWhiteout,
  keptAs,
  layerChild,
  removeFromLayer,
  type Layers,
  type OverlaySystem,
} from "./layer.ts";

/** A file of an overlay, as what happens to its names knows it. */
export interface OverlayFile extends Inode {
  readonly fileSystem: OverlaySystem & { inodeFor(layers: Layers, parent: OverlayFile, name: string): Inode };
  readonly upper: Dentry | null;
  readonly lowers: readonly Dentry[];
  /** Does the folder show nothing? @returns 0, −ENOTEMPTY; UNFINISHED, or why it can't be told */
  checkEmpty(): number;
  /** What lower layers have in the folder, which the upper one has, too, is not shown from now on. */
  hideLowers(): number;
  /** Have the lower layers the name, whatever the upper one says of it? */
  isBelow(name: string): boolean | number;
  /** Of the folder's names one came, went, or is another file's. */
  nameChanged(name: string): void;
  /** It has another name now. */
  movedTo(parent: OverlayFile, name: string): void;
  /** A name of it is gone: the last, but for those in the upper layer. */
  unlinked(): void;
}

/** A name of an overlay, and what it stands for. */
interface Place<File> {
  readonly folder: OverlayFile;
  readonly name: string;
  readonly inode: File;
}

/** @param make  makes the file in a folder of the upper layer, under a name that may be another for a while */
export function addName(
  folder: OverlayFile,
  name: string,
  make: (directory: Inode, name: string) => Inode | number,
): Inode | number {
  const { fileSystem } = folder;
  const ready = folder.copyUp();
  if (ready < 0) return ready;
  const upper = folder.upper!;
  const covering = layerChild(fileSystem.kernel, upper, name);
  if (isErrno(covering)) return covering;
  if (covering !== null && !isWhiteout(covering.inode!)) return -EEXIST;
  const made =
    covering === null ? addToLayer(fileSystem.kernel, upper, name, make) : addOverWhiteout(fileSystem, covering, make);
  if (isErrno(made)) return made;
  // Nobody makes whiteouts but by removing something.
  if (isWhiteout(made.inode!)) {
    removeEntry(fileSystem.kernel, made);
    return -EPERM;
  }
  folder.nameChanged(name);
  return fileSystem.inodeFor({ upper: made, lowers: [] }, folder, name);
}

function addOverWhiteout(
  fileSystem: OverlaySystem,
  whiteout: Dentry,
  make: (directory: Inode, name: string) => Inode | number,
): Dentry | number {
  const { kernel } = fileSystem;
  const made = addToLayer(kernel, fileSystem.work!, fileSystem.nextWorkName(), make);
  if (isErrno(made)) return made;
  let failed: number;
  if (made.inode!.isDirectory) {
    // What the layers below have in a folder of that name is not the new one's.
    failed = fileSystem.marks.setOpaque(made.inode!);
    if (failed >= 0) failed = renameEntry(kernel, made, whiteout, RENAME_EXCHANGE);
    if (failed >= 0) removeEntry(kernel, whiteout);
  } else failed = renameEntry(kernel, made, whiteout, 0);
  if (failed >= 0) return made;
  removeEntry(kernel, made);
  return failed;
}

/** O_TMPFILE. */
export function addUnnamed(folder: OverlayFile, attributes: NewInode): Inode | number {
  const ready = folder.copyUp();
  if (ready < 0) return ready;
  const upper = folder.upper!;
  const kept = keptAs(folder.fileSystem.idMapOf(upper), attributes);
  const inode = isErrno(kept) ? kept : upper.inode!.createUnnamed(kept);
  if (isErrno(inode)) return inode;
  const entry = new Dentry(`#${inode.ino}`, upper, inode);
  entry.isDetached = true;
  return folder.fileSystem.inodeFor({ upper: entry, lowers: [] }, folder, entry.name);
}

/** unlink(2), rmdir(2): where a lower layer has the name, a whiteout says that it is gone. */
export function removeName(folder: OverlayFile, name: string, inode: OverlayFile): number {
  const { kernel } = folder.fileSystem;
  const ready = folder.copyUp();
  if (ready < 0) return ready;
  let failed = inode.isDirectory ? makeEmpty(inode) : 0;
  if (failed < 0) return failed;
  const isBelow = folder.isBelow(name);
  if (isErrno(isBelow)) return isBelow;
  const entry = layerChild(kernel, folder.upper!, name);
  if (isErrno(entry)) return entry;
  if (isBelow) failed = whiteOut(folder, name, entry);
  else failed = entry === null ? -ENOENT : removeEntry(kernel, entry);
  if (failed < 0) return failed;
  inode.unlinked();
  folder.nameChanged(name);
  return 0;
}

/**
 * A folder that shows nothing is one in which nothing is: whiteouts go from it, in pieces of bounded work. So that none
 * of their names comes back meanwhile, it hides what lower layers have before the first goes (Linux puts an empty
 * opaque folder in its place, ovl_clear_empty).
 *
 * @returns 0, −ENOTEMPTY; UNFINISHED, or why one stays
 */
function makeEmpty(folder: OverlayFile): number {
  const { kernel } = folder.fileSystem;
  let failed = folder.lowers.length > 0 ? folder.checkEmpty() : 0;
  if (failed < 0 || folder.upper === null) return failed;
  for (let names = firstNames(folder.upper); names !== 0; names = firstNames(folder.upper)) {
    if (isErrno(names)) return names;
    for (const name of names) {
      if (kernel.work.isUsed) return UNFINISHED;
      const entry = layerChild(kernel, folder.upper, name);
      if (isErrno(entry)) return entry;
      if (entry === null || !isWhiteout(entry.inode!)) return -ENOTEMPTY;
      if (folder.lowers.length > 0) failed = folder.hideLowers();
      if (failed >= 0) failed = removeFromLayer(kernel, entry);
      if (failed < 0) return failed;
    }
  }
  return 0;
}

/** @param entry  what the upper layer has there, which goes; null: nothing */
function whiteOut(folder: OverlayFile, name: string, entry: Dentry | null): number {
  const { fileSystem } = folder;
  const { kernel } = fileSystem;
  const whiteout = makeWhiteout(fileSystem);
  if (isErrno(whiteout)) return whiteout;
  const target = entry ?? lookupChild(kernel, folder.upper!, name);
  let failed = isErrno(target) ? target : 0;
  if (!isErrno(target)) {
    // A folder gives its place only to another, but for an exchange.
    const isFolder = entry?.inode!.isDirectory === true;
    failed = renameEntry(kernel, whiteout, target, isFolder ? RENAME_EXCHANGE : 0);
    if (failed >= 0 && isFolder) removeEntry(kernel, target);
  }
  if (failed < 0) removeEntry(kernel, whiteout);
  return failed;
}

function makeWhiteout(fileSystem: OverlaySystem): Dentry | number {
  const { kernel, owner } = fileSystem;
  const shown = { mode: S_IFCHR, rdev: 0, uid: owner.uid, gid: owner.gid, now: kernel.vfs.now() };
  const attributes = keptAs(fileSystem.idMapOf(fileSystem.work!), shown);
  if (isErrno(attributes)) return attributes;
  return addToLayer(kernel, fileSystem.work!, fileSystem.nextWorkName(), (directory, own) =>
    directory.create(own, attributes),
  );
}

/**
 * rename(2). @returns 0; −EXDEV: a folder that lower layers have something of, which mv(1) then copies (Linux without
 *   `redirect_dir` says the same); UNFINISHED
 */
export function moveName(from: Place<OverlayFile>, to: Place<OverlayFile | null>, flags: number): number {
  const exchanges = (flags & RENAME_EXCHANGE) !== 0;
  if ((from.inode.isDirectory && from.inode.lowers.length > 0) || (exchanges && isMergedFolder(to.inode!)))
    return -EXDEV;
  const changed = [from.folder, to.folder, from.inode];
  if (exchanges) changed.push(to.inode!);
  for (const inode of changed) {
    const ready = inode.copyUp();
    if (ready < 0) return ready;
  }
  const refused = !exchanges && to.inode?.isDirectory === true ? makeEmpty(to.inode) : 0;
  if (refused < 0) return refused;
  const failed = exchanges ? exchange(from, to as Place<OverlayFile>) : replace(from, to);
  if (failed < 0) return failed;
  from.inode.movedTo(to.folder, to.name);
  if (exchanges) to.inode!.movedTo(from.folder, from.name);
  else to.inode?.unlinked();
  from.folder.nameChanged(from.name);
  to.folder.nameChanged(to.name);
  return 0;
}

function isMergedFolder(inode: OverlayFile): boolean {
  return inode.isDirectory && inode.lowers.length > 0;
}

function exchange(from: Place<OverlayFile>, to: Place<OverlayFile>): number {
  const { kernel } = from.folder.fileSystem;
  const one = layerChild(kernel, from.folder.upper!, from.name);
  const other = layerChild(kernel, to.folder.upper!, to.name);
  if (one === null || isErrno(one)) return one ?? -EIO;
  if (other === null || isErrno(other)) return other ?? -EIO;
  const failed = hideBelow(one, to) || hideBelow(other, from);
  return failed < 0 ? failed : renameEntry(kernel, one, other, RENAME_EXCHANGE);
}

function replace(from: Place<OverlayFile>, to: Place<OverlayFile | null>): number {
  const { fileSystem } = from.folder;
  const { kernel } = fileSystem;
  const entry = layerChild(kernel, from.folder.upper!, from.name);
  if (entry === null || isErrno(entry)) return entry ?? -EIO;
  const target = lookupChild(kernel, to.folder.upper!, to.name);
  if (isErrno(target)) return target;
  const leavesSomething = from.folder.isBelow(from.name);
  if (isErrno(leavesSomething)) return leavesSomething;
  let failed = hideBelow(entry, to);
  if (failed < 0) return failed;
  const whiteout = leavesSomething ? makeWhiteout(fileSystem) : null;
  if (isErrno(whiteout)) return whiteout;
  // A folder takes the place of a whiteout by an exchange, which leaves one where it was.
  const exchanges = entry.inode!.isDirectory && target.inode !== null && isWhiteout(target.inode);
  failed = renameEntry(kernel, entry, target, exchanges ? RENAME_EXCHANGE : 0);
  if (failed < 0) {
    if (whiteout !== null) removeEntry(kernel, whiteout);
    return failed;
  }
  if (exchanges) removeEntry(kernel, target);
  if (whiteout === null) return 0;
  const left = lookupChild(kernel, from.folder.upper!, from.name);
  failed = isErrno(left) ? left : renameEntry(kernel, whiteout, left, 0);
  if (failed < 0) removeEntry(kernel, whiteout);
  return failed;
}

/** A folder that comes to a place shows nothing of what lower layers have there. */
function hideBelow(entry: Dentry, to: Place<OverlayFile | null>): number {
  if (!entry.inode!.isDirectory) return 0;
  const isBelow = to.folder.isBelow(to.name);
  if (isErrno(isBelow)) return isBelow;
  return isBelow ? to.folder.fileSystem.marks.setOpaque(entry.inode!) : 0;
}
