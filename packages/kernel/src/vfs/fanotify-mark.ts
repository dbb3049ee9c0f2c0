/**
 * fanotify(7) as files see it: marks on inodes, mounts and file systems, and who listens by them (fs/fanotify
 * implements both). What happens is told in plain data, so that an inode knows no class of its listeners.
 */
import {
  FAN_ACCESS_PERM,
  FAN_DELETE_SELF,
  FAN_EVENT_ON_CHILD,
  FAN_MODIFY,
  FAN_ONDIR,
  FAN_OPEN_EXEC_PERM,
  FAN_OPEN_PERM,
  FAN_RENAME,
} from "@stratos/abi";

/** Events that wait for an answer. */
export const PERMISSIONS = FAN_OPEN_PERM | FAN_ACCESS_PERM | FAN_OPEN_EXEC_PERM;
/** All that can be told, beside those of inotify(7) that fanotify knows by the same bits. */
const EVENTS = 0x1fff | FAN_RENAME | PERMISSIONS;

/** What a listener wants of one thing. */
export interface FanotifyMark {
  readonly listener: FanotifyListener;
  readonly mask: number;
  /** Of these it doesn't want to hear; a change of the file ends that, unless `survivesModify`. */
  ignored: number;
  readonly survivesModify: boolean;
  /** `ignored` has FAN_ONDIR and FAN_EVENT_ON_CHILD of its own (FAN_MARK_IGNORE). */
  readonly hasOwnFlags: boolean;
  /** It keeps its inode in memory (no FAN_MARK_EVICTABLE). */
  readonly isHolding: boolean;
  /** What it was on is gone. */
  ended(): void;
}

/** What stands for a file in handles: name_to_handle_at(2) gives the same. */
export interface FileId {
  readonly device: number;
  readonly ino: number;
  readonly generation: number;
}

export interface Happening {
  /** FAN_* of what happened, FAN_ONDIR of a folder, FAN_EVENT_ON_CHILD where the folder that has it is asked, too. */
  readonly mask: number;
  readonly file: FileId | null;
  /** The folder that has its name, or whose names changed. */
  readonly folder: FileId | null;
  readonly name: string;
  /** FAN_RENAME: where it is now. */
  readonly newFolder: FileId | null;
  readonly newName: string;
  /** The Path by which it was reached, of what is a regular file or a folder; null: nothing can be opened. */
  readonly place: Place | null;
}

/** A Path, as far as it is told. */
interface Place {
  retain(): unknown;
  release(): void;
}

/** A listener's marks that an event meets. */
export interface MetMarks {
  fileSystem: FanotifyMark | null;
  mount: FanotifyMark | null;
  /** Of the file; of the folder whose names changed. */
  inode: FanotifyMark | null;
  /** Of the folder that has the file. */
  parent: FanotifyMark | null;
  /** FAN_RENAME: of the folder where it is now. */
  newFolder: FanotifyMark | null;
}

export interface FanotifyListener {
  /** Who decides about content is asked before the others (FAN_CLASS_*). */
  readonly rank: number;
  tell(happening: Happening, marks: MetMarks): void;
  /** @returns 0: it may be; −EPERM; BLOCKED_KILLABLE: the answer is to come, and the call is executed again then */
  ask(asking: AskingCall, happening: Happening, marks: MetMarks): number;
}

/** The call that waits for an answer, and what it was told before: a task is that. */
export interface AskingCall {
  permissions: AskedPermissions | null;
}

/** Goes with the call (task/run-loop.ts): it is executed again after each answer. */
export interface AskedPermissions {
  /** What was asked and allowed. Bound: files that one call opens, times those who decide. */
  readonly given: string[];
  /** Whose answer is to come. */
  asked: object | null;
  /** The file that this call made before it had to wait, by device and number: to be opened, not made again. */
  made: string;
  /** What programs that serve files were asked (fs/fuse), and what they have answered. */
  served: { end(): void } | null;
}

export type Marks = ReadonlySet<FanotifyMark> | null;

/** Does anybody want to hear of it, or stop ignoring a file that changed? */
export function isWanted(marks: Marks, mask: number): boolean {
  if (marks === null) return false;
  for (const mark of marks) {
    if ((mark.mask & mask & EVENTS) !== 0) return true;
    if ((mask & FAN_MODIFY) !== 0 && mark.ignored !== 0 && !mark.survivesModify) return true;
  }
  return false;
}

/** Does a folder's mark say anything about the files in it? */
function watchesChildren(mark: FanotifyMark): boolean {
  return ((mark.mask | (mark.hasOwnFlags ? mark.ignored : 0)) & FAN_EVENT_ON_CHILD) !== 0;
}

/** Does the folder that has the file want to hear of it, or to have it kept from others of its listeners' marks? */
export function isOfChildren(marks: Marks, mask: number): boolean {
  if (marks === null) return false;
  for (const mark of marks)
    if (((mark.mask | mark.ignored) & mask & EVENTS) !== 0 && watchesChildren(mark)) return true;
  return false;
}

/** What of the mask of a mark concerns a folder (FAN_ONDIR) and, on a folder, its files (FAN_EVENT_ON_CHILD). */
export function isApplicable(mask: number, happened: number, isParent: boolean): boolean {
  if ((happened & FAN_ONDIR) !== 0 && (mask & FAN_ONDIR) === 0) return false;
  return !isParent || (mask & FAN_EVENT_ON_CHILD) !== 0;
}

/** The events that a mark keeps from its listener. */
export function ignoredOf(mark: FanotifyMark, happened: number, isParent: boolean): number {
  const { ignored } = mark;
  if ((ignored & EVENTS) === 0) return 0;
  if ((happened & FAN_ONDIR) === 0 && !isParent) return ignored & EVENTS;
  // Without flags of its own it is for folders as well, and for files below as the mark's own mask is.
  const flags = mark.hasOwnFlags ? ignored : FAN_ONDIR | (mark.mask & FAN_EVENT_ON_CHILD);
  return isApplicable(flags, happened, isParent) ? ignored & EVENTS : 0;
}

/** How many of the marks are users of their inode. */
export function holdersOf(marks: Marks): number {
  let count = 0;
  if (marks !== null) for (const mark of marks) if (mark.isHolding) count++;
  return count;
}

export function endMarks(marks: Marks): void {
  if (marks !== null) for (const mark of [...marks]) mark.ended();
}

/** Adds what a thing is marked with to those who listen. */
export function metMarks(
  met: Map<FanotifyListener, MetMarks>,
  marks: Marks,
  role: keyof MetMarks,
): Map<FanotifyListener, MetMarks> {
  if (marks === null) return met;
  for (const mark of marks) {
    if (role === "parent" && !watchesChildren(mark)) continue;
    let mine = met.get(mark.listener);
    if (mine === undefined) {
      mine = { fileSystem: null, mount: null, inode: null, parent: null, newFolder: null };
      met.set(mark.listener, mine);
    }
    mine[role] = mark;
  }
  return met;
}

/** A file changed: whoever ignored it until then hears of it again. */
function forgetIgnored(marks: MetMarks): void {
  for (const mark of [marks.fileSystem, marks.mount, marks.inode, marks.parent, marks.newFolder])
    if (mark !== null && !mark.survivesModify) mark.ignored = 0;
}

/** A file with marks (inode.ts). */
interface MarkedFile {
  readonly fanotify: Marks;
  readonly fileSystem: { readonly fanotify: Marks };
  readonly isDirectory: boolean;
  readonly fileId: FileId;
}

/** Those who listen to a file, by its file system or its folder. */
export function meet(inode: MarkedFile, mount: Marks, parent: Marks): Map<FanotifyListener, MetMarks> {
  const met = new Map<FanotifyListener, MetMarks>();
  metMarks(met, inode.fileSystem.fanotify, "fileSystem");
  metMarks(met, mount, "mount");
  metMarks(met, inode.fanotify, "inode");
  return metMarks(met, parent, "parent");
}

export function tell(met: Map<FanotifyListener, MetMarks>, happening: Happening): void {
  for (const [listener, marks] of met) {
    if ((happening.mask & FAN_MODIFY) !== 0) forgetIgnored(marks);
    listener.tell(happening, marks);
  }
}

/** The number of a file's names is none left: it goes for good. */
export function tellGone(inode: MarkedFile): void {
  const mask = FAN_DELETE_SELF | (inode.isDirectory ? FAN_ONDIR : 0);
  if (!isWanted(inode.fanotify, mask) && !isWanted(inode.fileSystem.fanotify, mask)) return;
  tell(meet(inode, null, null), {
    mask,
    file: inode.fileId,
    folder: null,
    name: "",
    newFolder: null,
    newName: "",
    place: null,
  });
}
