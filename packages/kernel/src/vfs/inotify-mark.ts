import { IN_DELETE_SELF, IN_ISDIR } from "@stratos/abi";
import { endMarks, holdersOf, type Marks } from "./fanotify-mark.ts";

/** Who watches an inode (fs/inotify implements it). */
export interface InotifyMark {
  readonly mask: number;
  /** IN_EXCL_UNLINK: what is done by way of a name that is gone is of no interest. */
  readonly isOnlyLinked: boolean;
  /** @param name  of the entry below the watched directory, "" for the watched file itself */
  notify(mask: number, cookie: number, name: string): void;
  /** The file is gone for good: the watch ends. */
  ignored(): void;
}

/** A file, as far as those who watch it are concerned (inode.ts). */
interface MarkedFile {
  readonly marks: ReadonlySet<InotifyMark> | null;
  readonly fanotify: Marks;
  readonly fileSystem: { readonly fanotify: Marks };
  readonly nlink: number;
  readonly users: number;
  /** Tells listeners of fanotify(7), and nobody twice. */
  tellGone(): void;
}

/**
 * A file without names and without users but its watches is deleted (inotify(7), IN_DELETE_SELF); with users,
 * `Dentry.release` comes here later. Each watch counts as a user.
 */
export function notifyLastName(inode: MarkedFile, otherUsers = 1): void {
  const { marks, fanotify } = inode;
  if (inode.nlink > 0 || (marks === null && fanotify === null && inode.fileSystem.fanotify === null)) return;
  if (inode.users > (marks === null ? 0 : marks.size) + holdersOf(fanotify) + otherUsers) return;
  tellMarks(inode, IN_DELETE_SELF, 0, "");
  inode.tellGone();
  if (marks !== null) for (const mark of [...marks]) mark.ignored();
  endMarks(fanotify);
}

export function tellMarks(
  inode: Pick<MarkedFile, "marks">,
  mask: number,
  cookie: number,
  name: string,
  isUnlinked = false,
): void {
  if (inode.marks === null) return;
  for (const mark of [...inode.marks])
    if ((mark.mask & mask & ~IN_ISDIR) !== 0 && !(isUnlinked && mark.isOnlyLinked)) mark.notify(mask, cookie, name);
}
