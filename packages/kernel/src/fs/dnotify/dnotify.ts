import {
  DN_ACCESS,
  DN_ATTRIB,
  DN_CREATE,
  DN_DELETE,
  DN_MODIFY,
  DN_MULTISHOT,
  DN_RENAME,
  EINVAL,
  ENOTDIR,
  IN_ACCESS,
  IN_ATTRIB,
  IN_CREATE,
  IN_DELETE,
  IN_MODIFY,
  IN_MOVED_FROM,
  IN_MOVED_TO,
  POLL_MSG,
} from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { setFirstOwner } from "../../vfs/file-owner.ts";
import { sendIoSignal } from "../../vfs/io-signal.ts";
import type { InotifyMark } from "../../vfs/inotify-mark.ts";
import { addMark, removeMark, RENAMED_WITHIN } from "../../vfs/file-events.ts";
import type { Inode } from "../../vfs/inode.ts";
import type { OpenFile } from "../../vfs/open-file.ts";
import type { FsCaller, FsKernel } from "../fs-kernel.ts";

const EVENTS: readonly (readonly [flag: number, mask: number])[] = [
  [DN_ACCESS, IN_ACCESS],
  [DN_MODIFY, IN_MODIFY],
  [DN_ATTRIB, IN_ATTRIB],
  [DN_RENAME, RENAMED_WITHIN],
  [DN_CREATE, IN_CREATE | IN_MOVED_TO],
  [DN_DELETE, IN_DELETE | IN_MOVED_FROM],
];

/**
 * fcntl(2), F_NOTIFY: inotify's predecessor, a signal when something happens in a folder. What a description asked for
 * goes with the description. Bound: one mark for each description of a folder.
 */
class DirectoryNotification implements InotifyMark {
  #kernel: FsKernel;
  #file: OpenFile;
  #inode: Inode;
  #fd: number;
  #isMultishot = false;
  mask = 0;
  readonly isOnlyLinked = false;

  constructor(kernel: FsKernel, file: OpenFile, inode: Inode, fd: number) {
    this.#kernel = kernel;
    this.#file = file;
    this.#inode = inode;
    this.#fd = fd;
    addMark(kernel, inode, this);
  }

  /** More events: each request adds to those before (fcntl(2)). */
  extend(flags: number): void {
    for (const [flag, mask] of EVENTS) if ((flags & flag) !== 0) this.mask |= mask;
    this.#isMultishot ||= (flags & DN_MULTISHOT) !== 0;
  }

  notify(): void {
    sendIoSignal(this.#kernel, this.#file, this.#fd, POLL_MSG);
    if (!this.#isMultishot) this.mask = 0;
  }

  ignored(): void {
    this.stop();
  }

  stop(): void {
    if (removeMark(this.#kernel, this.#inode, this)) this.#file.directoryNotification = null;
  }

  static {
    stateClass("DirectoryNotification", this, {
      save: (it) => ({
        kernel: it.#kernel,
        file: it.#file,
        inode: it.#inode,
        fd: it.#fd,
        isMultishot: it.#isMultishot,
      }),
      load: (it, from) =>
        ({ kernel: it.#kernel, file: it.#file, inode: it.#inode, fd: it.#fd, isMultishot: it.#isMultishot } = from),
    });
  }
}

/** @returns 0, −ENOTDIR, −EINVAL */
export function notifyOfDirectory(task: FsCaller, file: OpenFile, fd: number, flags: number): number {
  const { inode } = file;
  if (!task.kernel.vfs.hasDirectoryNotes) return -EINVAL;
  if ((flags & ~DN_MULTISHOT) === 0) {
    file.directoryNotification?.stop();
    return 0;
  }
  if (inode?.isDirectory !== true) return -ENOTDIR;
  if ((flags & ~(DN_ACCESS | DN_MODIFY | DN_CREATE | DN_DELETE | DN_RENAME | DN_ATTRIB | DN_MULTISHOT)) !== 0) {
    return -EINVAL;
  }
  setFirstOwner(task, file);
  const notification = file.directoryNotification ?? new DirectoryNotification(task.kernel, file, inode, fd);
  notification.extend(flags);
  file.directoryNotification = notification;
  return 0;
}
