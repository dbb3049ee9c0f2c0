import {
  FAN_OPEN_EXEC,
  IN_ACCESS,
  IN_ATTRIB,
  IN_CLOSE_NOWRITE,
  IN_CLOSE_WRITE,
  IN_CREATE,
  IN_DELETE,
  IN_ISDIR,
  IN_MODIFY,
  IN_MOVED_FROM,
  IN_MOVED_TO,
  IN_MOVE_SELF,
  IN_OPEN,
  IN_UNMOUNT,
} from "@stratos/abi";
import { endFanotify, tellFile, tellName, tellRename } from "./fanotify-marks.ts";
import type { FileSystem } from "./file-system.ts";
import type { Inode, LayerEntry } from "./inode.ts";
import { type InotifyMark, notifyLastName, tellMarks } from "./inotify-mark.ts";
import type { OpenFile } from "./open-file.ts";
import type { Path } from "./path.ts";
import type { VfsKernel } from "./vfs-kernel.ts";

/** A name became another in the same folder: what dnotify calls a rename. No bit of inotify's. */
export const RENAMED_WITHIN = 0x100000;

const MASKS = {
  access: IN_ACCESS,
  modify: IN_MODIFY,
  /** By its name, as what follows: it was not opened. */
  truncate: IN_MODIFY,
  attrib: IN_ATTRIB,
  /** utimensat(2) of one time alone looks like what changes that time (include/linux/fsnotify.h, fsnotify_change). */
  "access-time": IN_ACCESS,
  "modification-time": IN_MODIFY,
  open: IN_OPEN,
  execute: IN_OPEN,
  close: IN_CLOSE_NOWRITE,
  "close-write": IN_CLOSE_WRITE,
} as const;
type FileEvent = keyof typeof MASKS;
const BY_NAME: ReadonlySet<FileEvent> = new Set(["truncate", "attrib", "access-time", "modification-time"]);

/** A file system was unmounted: its watches end (inotify(7), IN_UNMOUNT). */
export function notifyUnmount(kernel: VfsKernel, fileSystem: FileSystem): void {
  endFanotify(kernel, fileSystem);
  for (const inode of [...kernel.vfs.marked]) {
    if (inode.fileSystem !== fileSystem || inode.marks === null) continue;
    for (const mark of [...inode.marks]) {
      mark.notify(IN_UNMOUNT, 0, "");
      mark.ignored();
    }
  }
}

/** Adds a mark, which holds the inode as a user. */
export function addMark(kernel: VfsKernel, inode: Inode, mark: InotifyMark): void {
  inode.marks ??= new Set();
  inode.marks.add(mark);
  inode.users++;
  kernel.vfs.marked.add(inode);
  kernel.vfs.watchCount++;
}

/** Takes a mark away. False: it was gone. */
export function removeMark(kernel: VfsKernel, inode: Inode, mark: InotifyMark): boolean {
  const { marks } = inode;
  if (marks?.delete(mark) !== true) return false;
  if (marks.size === 0) {
    inode.marks = null;
    kernel.vfs.marked.delete(inode);
  }
  kernel.vfs.watchCount--;
  inode.users--;
  return true;
}

/** Something happened by way of an open file. */
export function notifyFile(kernel: VfsKernel, file: OpenFile, event: FileEvent): void {
  if (!file.isSilent) notifyInode(kernel, file.shownInode!, file.path, event);
}

/** A layer's file is reached by no mount (Linux fs/backing-file.c), so that who marks one hears nothing. */
function notifyLayer(kernel: VfsKernel, { inode, parent, name, isDetached }: LayerEntry, event: FileEvent): void {
  const mask = MASKS[event] | (inode!.isDirectory ? IN_ISDIR : 0);
  const isUnlinked = isDetached && !BY_NAME.has(event);
  if (parent?.inode) tellMarks(parent.inode, mask, 0, name, isUnlinked);
  tellMarks(inode!, mask, 0, "", isUnlinked);
  tellFile(kernel, inode!, null, mask, false);
}

/**
 * Something happened to a file: tells those who watch it, and those who watch the directory that it was reached
 * through. Of a stacked one those hear of it, too, who watch the file of the layer.
 */
export function notifyInode(kernel: VfsKernel, inode: Inode, path: Path | null, event: FileEvent): void {
  if (kernel.vfs.watchCount === 0) return;
  const mask = MASKS[event] | (inode.isDirectory ? IN_ISDIR : 0);
  const dentry = path?.dentry;
  const parent = dentry?.parent?.inode;
  // IN_EXCL_UNLINK asks of the name by which a file is open (fs/notify/fsnotify.c, fsnotify_handle_inode_event).
  const isUnlinked = dentry?.isDetached === true && !BY_NAME.has(event);
  if (parent) tellMarks(parent, mask, 0, dentry!.name, isUnlinked);
  tellMarks(inode, mask, 0, "", isUnlinked);
  const told = event === "execute" ? mask | FAN_OPEN_EXEC : mask;
  tellFile(kernel, inode, path, told, !BY_NAME.has(event));
  const layer = path === null ? null : inode.layerEntry;
  if (layer !== null) notifyLayer(kernel, layer, event);
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
  // The number of its names is an attribute of a file; a folder has one name (Linux, vfs_link, vfs_rmdir, vfs_unlink).
  if (!inode.isDirectory && (event === "delete" || inode.nlink > 1)) notifyInode(kernel, inode, null, "attrib");
  if (event === "delete") notifyLastName(inode);
  const mask = event === "create" ? IN_CREATE : IN_DELETE;
  tellMarks(directory, mask | isDirectory, 0, name);
  tellName(kernel, directory, name, inode, mask);
}

/** @param replaced  what had the name before, and has one name less */
export function notifyMove(
  kernel: VfsKernel,
  from: { directory: Inode; name: string },
  to: { directory: Inode; name: string },
  inode: Inode,
  replaced: Inode | null,
): void {
  if (kernel.vfs.watchCount === 0) return;
  const cookie = (kernel.vfs.renameCookie = (kernel.vfs.renameCookie + 1) | 0 || 1);
  const isDirectory = inode.isDirectory ? IN_ISDIR : 0;
  tellRename(kernel, from, to, inode);
  tellMarks(from.directory, IN_MOVED_FROM | isDirectory, cookie, from.name);
  tellName(kernel, from.directory, from.name, inode, IN_MOVED_FROM);
  tellMarks(to.directory, IN_MOVED_TO | isDirectory, cookie, to.name);
  tellName(kernel, to.directory, to.name, inode, IN_MOVED_TO);
  if (from.directory === to.directory) tellMarks(from.directory, RENAMED_WITHIN, 0, to.name);
  if (replaced !== null && !replaced.isDirectory) notifyInode(kernel, replaced, null, "attrib");
  tellMarks(inode, IN_MOVE_SELF, 0, "");
  tellFile(kernel, inode, null, IN_MOVE_SELF | isDirectory, false);
  if (replaced !== null) notifyLastName(replaced);
}
