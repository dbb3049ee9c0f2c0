import {
  IN_ACCESS,
  IN_ATTRIB,
  IN_CLOSE_NOWRITE,
  IN_CLOSE_WRITE,
  IN_CREATE,
  IN_DELETE,
  IN_DELETE_SELF,
  IN_ISDIR,
  IN_MODIFY,
  IN_MOVED_FROM,
  IN_MOVED_TO,
  IN_MOVE_SELF,
  IN_OPEN,
  IN_UNMOUNT,
} from "@stratos/abi";
import { stateClass } from "@stratos/base";
import type { FileSystem } from "./file-system.ts";
import type { Inode } from "./inode.ts";
import type { Path } from "./path.ts";
import type { VfsKernel } from "./vfs-kernel.ts";

/** Who watches an inode (fs/inotify implements it). */
export interface InotifyMark {
  readonly mask: number;
  /** IN_EXCL_UNLINK: what happens to a file that has lost its name in the folder is of no interest. */
  readonly isOnlyLinked: boolean;
  /** @param name  of the entry below the watched directory, "" for the watched file itself */
  notify(mask: number, cookie: number, name: string): void;
  /** The file is gone for good: the watch ends. */
  ignored(): void;
}

/** A name became another in the same folder: what dnotify calls a rename. No bit of inotify's. */
export const RENAMED_WITHIN = 0x100000;

export class InotifyMarks {
  readonly marks = new Set<InotifyMark>();

  static {
    stateClass("InotifyMarks", this);
  }
}

const MASKS = {
  access: IN_ACCESS,
  modify: IN_MODIFY,
  attrib: IN_ATTRIB,
  open: IN_OPEN,
  close: IN_CLOSE_NOWRITE,
  "close-write": IN_CLOSE_WRITE,
} as const;
type FileEvent = keyof typeof MASKS;

/** A file system was unmounted: its watches end (inotify(7), IN_UNMOUNT). */
export function notifyUnmount(kernel: VfsKernel, fileSystem: FileSystem): void {
  for (const inode of [...kernel.vfs.marked]) {
    if (inode.fileSystem !== fileSystem || inode.marks === null) continue;
    for (const mark of [...inode.marks.marks]) {
      mark.notify(IN_UNMOUNT, 0, "");
      mark.ignored();
    }
  }
}

/** Adds a mark, which holds the inode as a user. */
export function addMark(kernel: VfsKernel, inode: Inode, mark: InotifyMark): void {
  inode.marks ??= new InotifyMarks();
  inode.marks.marks.add(mark);
  inode.users++;
  kernel.vfs.marked.add(inode);
  kernel.vfs.watchCount++;
}

/** Takes a mark away. False: it was gone. */
export function removeMark(kernel: VfsKernel, inode: Inode, mark: InotifyMark): boolean {
  const { marks } = inode;
  if (marks?.marks.delete(mark) !== true) return false;
  if (marks.marks.size === 0) {
    inode.marks = null;
    kernel.vfs.marked.delete(inode);
  }
  kernel.vfs.watchCount--;
  inode.users--;
  return true;
}

/**
 * Something happened to a file: tells those who watch it, and those who watch the directory that it was reached
 * through.
 */
export function notifyInode(kernel: VfsKernel, inode: Inode, path: Path | null, event: FileEvent): void {
  if (kernel.vfs.watchCount === 0) return;
  const mask = MASKS[event] | (inode.isDirectory ? IN_ISDIR : 0);
  const dentry = path?.dentry;
  const parent = dentry?.parent?.inode;
  if (parent) send(parent, mask, 0, dentry!.name, dentry!.isDetached);
  send(inode, mask, 0, "");
}

/** A name came into a directory or left it. */
export function notifyName(
  kernel: VfsKernel,
  directory: Inode,
  name: string,
  inode: Inode,
  event: "create" | "delete",
): void {
  if (kernel.vfs.watchCount === 0) return;
  const isDirectory = inode.isDirectory ? IN_ISDIR : 0;
  if (event === "delete") {
    // The number of its names is an attribute of a file; a folder has one name (Linux, vfs_rmdir and vfs_unlink).
    if (!inode.isDirectory) send(inode, IN_ATTRIB, 0, "");
    notifyLastName(inode);
  }
  send(directory, (event === "create" ? IN_CREATE : IN_DELETE) | isDirectory, 0, name);
}

/**
 * A file without names and without users but its watches is deleted (inotify(7), IN_DELETE_SELF); with users,
 * `Dentry.release` comes here later. Each watch counts as a user.
 */
export function notifyLastName(inode: Inode, otherUsers = 1): void {
  const { marks } = inode;
  if (marks === null || inode.nlink > 0 || inode.users > marks.marks.size + otherUsers) return;
  send(inode, IN_DELETE_SELF, 0, "");
  for (const mark of [...marks.marks]) mark.ignored();
}

export function notifyMove(
  kernel: VfsKernel,
  from: { directory: Inode; name: string },
  to: { directory: Inode; name: string },
  inode: Inode,
): void {
  if (kernel.vfs.watchCount === 0) return;
  const cookie = (kernel.vfs.renameCookie = (kernel.vfs.renameCookie + 1) | 0 || 1);
  const isDirectory = inode.isDirectory ? IN_ISDIR : 0;
  send(from.directory, IN_MOVED_FROM | isDirectory, cookie, from.name);
  send(to.directory, IN_MOVED_TO | isDirectory, cookie, to.name);
  if (from.directory === to.directory) send(from.directory, RENAMED_WITHIN, 0, to.name);
  send(inode, IN_MOVE_SELF, 0, "");
}

function send(inode: Inode, mask: number, cookie: number, name: string, isUnlinked = false): void {
  if (inode.marks === null) return;
  for (const mark of [...inode.marks.marks])
    if ((mark.mask & mask & ~IN_ISDIR) !== 0 && !(isUnlinked && mark.isOnlyLinked)) mark.notify(mask, cookie, name);
}
