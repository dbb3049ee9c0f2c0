/**
 * fanotify(7): who is told of an event, and asked before one. An event meets the marks on its file system, its mount,
 * the file and the folder that has it; each listener hears of it once, whatever it has marked (Linux fs/notify,
 * fsnotify). Read fanotify-mark.ts first.
 */
import { FAN_ACCESS_PERM, FAN_EVENT_ON_CHILD, FAN_ONDIR, FAN_RENAME, S_IFDIR, S_IFMT, S_IFREG } from "@stratos/abi";
import {
  type AskedPermissions,
  type AskingCall,
  endMarks,
  type FanotifyListener,
  type FanotifyMark,
  type Happening,
  isOfChildren,
  isWanted,
  type Marks,
  meet,
  type MetMarks,
  metMarks,
  tell,
} from "./fanotify-mark.ts";
import type { FileSystem } from "./file-system.ts";
import type { Inode } from "./inode.ts";
import type { Mount } from "./mount.ts";
import type { OpenFile } from "./open-file.ts";
import type { Path } from "./path.ts";
import type { Caller, VfsKernel } from "./vfs-kernel.ts";

/** What a mark can be on. */
export type Marked = Inode | Mount | FileSystem;

export function addFanotifyMark(kernel: VfsKernel, marked: Marked, mark: FanotifyMark): void {
  marked.fanotify ??= new Set();
  marked.fanotify.add(mark);
  kernel.vfs.watchCount++;
  kernel.vfs.fanotifyCount++;
  kernel.vfs.fanotifyMarked.add(marked);
}

export function removeFanotifyMark(kernel: VfsKernel, marked: Marked, mark: FanotifyMark): void {
  const { fanotify } = marked;
  if (fanotify?.delete(mark) !== true) return;
  if (fanotify.size === 0) {
    marked.fanotify = null;
    kernel.vfs.fanotifyMarked.delete(marked);
  }
  kernel.vfs.watchCount--;
  kernel.vfs.fanotifyCount--;
}

/** A file system ends: so do the marks on it, its mounts and its files. */
export function endFanotify(kernel: VfsKernel, fileSystem: FileSystem): void {
  for (const marked of [...kernel.vfs.fanotifyMarked])
    if (marked === fileSystem || ("fileSystem" in marked && marked.fileSystem === fileSystem))
      endMarks(marked.fanotify);
}

/**
 * Something happened to a file.
 *
 * @param place  by which it was reached; null: it is known by itself alone
 * @param hasMount  false: what concerns the file and not how it was reached, such as its attributes
 */
export function tellFile(kernel: VfsKernel, inode: Inode, place: Path | null, mask: number, hasMount: boolean): void {
  if (kernel.vfs.fanotifyCount === 0) return;
  const mount = hasMount ? (place?.mount.fanotify ?? null) : null;
  const folder = place?.dentry.parent?.inode ?? null;
  const all = withFolder(inode, folder, mask);
  if (!isMet(inode, mount, folder, all)) return;
  const met = meet(inode, mount, (all & FAN_EVENT_ON_CHILD) !== 0 ? folder!.fanotify : null);
  tell(met, happened(inode, folder, place, all, hasMount));
}

/** A name came into a folder, or left it. @param to  FAN_RENAME: where the file is now */
export function tellName(
  kernel: VfsKernel,
  directory: Inode,
  name: string,
  inode: Inode,
  event: number,
  to: { readonly directory: Inode; readonly name: string } | null = null,
): void {
  if (kernel.vfs.fanotifyCount === 0) return;
  const mask = event | (inode.isDirectory ? FAN_ONDIR : 0);
  const other = to?.directory.fanotify ?? null;
  if (!isWanted(directory.fanotify, mask) && !isWanted(other, mask) && !isWanted(directory.fileSystem.fanotify, mask))
    return;
  tell(metMarks(meet(directory, null, null), other, "newFolder"), {
    mask,
    file: inode.fileId,
    folder: directory.fileId,
    name,
    newFolder: to === null ? null : to.directory.fileId,
    newName: to?.name ?? "",
    place: null,
  });
}

/**
 * Before something is done to a file: those who decide about it are asked, the highest class first.
 *
 * @param mask  one of FAN_*_PERM
 * @returns 0, −EPERM, or BLOCKED_KILLABLE
 */
export function askPermission(task: Caller, place: Path, mask: number): number {
  if (task.kernel.vfs.permissionCount === 0) return 0;
  const inode = place.dentry.inode!;
  const type = inode.mode & S_IFMT;
  if (type !== S_IFREG && type !== S_IFDIR) return 0;
  const { fanotify: mount } = place.mount;
  const folder = place.dentry.parent?.inode ?? null;
  const all = withFolder(inode, folder, mask | (type === S_IFDIR ? FAN_ONDIR : 0));
  if (!isMet(inode, mount, folder, all)) return 0;
  const met = meet(inode, mount, (all & FAN_EVENT_ON_CHILD) !== 0 ? folder!.fanotify : null);
  const happening = happened(inode, folder, place, all, true);
  for (const [listener, marks] of ranked(met)) {
    const verdict = listener.ask(task, happening, marks);
    if (verdict !== 0) return verdict;
  }
  return 0;
}

/** Before an open file is read: 0, −EPERM, or BLOCKED_KILLABLE. */
export function mayRead(task: Caller, file: OpenFile): number {
  const { path } = file;
  if (path === null || file.isSilent || task.kernel.vfs.permissionCount === 0) return 0;
  return askPermission(task, path, FAN_ACCESS_PERM);
}

/** What the call under way was told by those that it asked. */
export function permissionsOf(task: Caller): AskedPermissions {
  return (task.permissions ??= { given: [], asked: null, made: "", served: null });
}

/** The call is over, or none any more. */
export function endAsking(asking: AskingCall): void {
  const { permissions } = asking;
  asking.permissions = null;
  permissions?.served?.end();
}

/** Is the folder that has the file concerned? */
function withFolder(inode: Inode, folder: Inode | null, mask: number): number {
  return folder !== null && folder !== inode && isOfChildren(folder.fanotify, mask) ? mask | FAN_EVENT_ON_CHILD : mask;
}

function isMet(inode: Inode, mount: Marks, folder: Inode | null, mask: number): boolean {
  return (
    isWanted(inode.fileSystem.fanotify, mask) ||
    isWanted(mount, mask) ||
    isWanted(inode.fanotify, mask) ||
    ((mask & FAN_EVENT_ON_CHILD) !== 0 && isWanted(folder!.fanotify, mask))
  );
}

function happened(inode: Inode, folder: Inode | null, place: Path | null, mask: number, hasMount: boolean): Happening {
  const isPlain = (inode.mode & S_IFMT) === S_IFREG || inode.isDirectory;
  return {
    mask,
    file: inode.fileId,
    folder: folder === null ? null : folder.fileId,
    name: folder === null ? "" : place!.dentry.name,
    newFolder: null,
    newName: "",
    place: hasMount && isPlain ? place : null,
  };
}

function ranked(met: Map<FanotifyListener, MetMarks>): readonly [FanotifyListener, MetMarks][] {
  return [...met].sort(([one], [other]) => other.rank - one.rank);
}

/** FAN_RENAME is told once, for both folders. */
export function tellRename(
  kernel: VfsKernel,
  from: { readonly directory: Inode; readonly name: string },
  to: { readonly directory: Inode; readonly name: string },
  inode: Inode,
): void {
  tellName(kernel, from.directory, from.name, inode, FAN_RENAME, to);
}
