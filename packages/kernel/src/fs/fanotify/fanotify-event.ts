/**
 * What a listener of fanotify(7) reads of an event. Which files and names it is told depends on what it asked for and
 * on what happened; the rules are those of Linux's fs/notify/fanotify (fanotify_alloc_event,
 * copy_info_records_to_user).
 */
import {
  FAN_ATTRIB,
  FAN_CREATE,
  FAN_DELETE,
  FAN_EVENT_INFO_TYPE_DFID,
  FAN_EVENT_INFO_TYPE_DFID_NAME,
  FAN_EVENT_INFO_TYPE_FID,
  FAN_EVENT_INFO_TYPE_NEW_DFID_NAME,
  FAN_EVENT_INFO_TYPE_OLD_DFID_NAME,
  FAN_EVENT_INFO_TYPE_PIDFD,
  FAN_EVENT_ON_CHILD,
  FAN_MOVED_FROM,
  FAN_MOVED_TO,
  FAN_ONDIR,
  FAN_RENAME,
  FAN_REPORT_DIR_FID,
  FAN_REPORT_FID,
  FAN_REPORT_NAME,
  FAN_REPORT_PIDFD,
  FAN_REPORT_TARGET_FID,
  FanotifyEventInfoFid,
  FanotifyEventInfoHeader,
  FanotifyEventInfoPidfd,
  FanotifyEventMetadata,
} from "@stratos/abi";
import { type FileId, type Happening, ignoredOf, isApplicable, type MetMarks } from "../../vfs/fanotify-mark.ts";
import { HANDLE_BYTES_MAX, HANDLE_INODE, handleBytesOf, putHandle } from "../../vfs/file-handle.ts";
import type { Path } from "../../vfs/path.ts";
import type { PermissionRequest } from "./permission-request.ts";

export const FID_BITS = FAN_REPORT_FID | FAN_REPORT_DIR_FID | FAN_REPORT_NAME | FAN_REPORT_TARGET_FID;
/** Changes of names in a folder. */
export const NAME_EVENTS = FAN_MOVED_FROM | FAN_MOVED_TO | FAN_CREATE | FAN_DELETE | FAN_RENAME;
/** They concern the folder itself, too, and say nothing that opens a file. */
export const EVENT_FLAGS = FAN_ONDIR | FAN_EVENT_ON_CHILD;

/** The files and names that an event tells of. */
interface ToldFiles {
  readonly folder: FileId | null;
  readonly name: string;
  /** FAN_RENAME: where it is now. */
  readonly newFolder: FileId | null;
  readonly newName: string;
  readonly file: FileId | null;
}

interface Record {
  readonly type: number;
  readonly file: FileId;
  readonly name: string;
}

/** An event that waits to be read. */
export interface QueuedEvent {
  /** Equal ones become one; "": never. */
  readonly key: string;
  mask: number;
  /** Process or thread in the initial pid namespace; 0: nobody's doing. */
  readonly who: number;
  /** To be opened for the reader; held. */
  readonly place: Path | null;
  readonly told: ToldFiles;
  readonly permission: PermissionRequest | null;
}

/** A listener's marks, in the roles in which an event meets them. */
const ROLES = ["fileSystem", "mount", "inode", "parent", "newFolder"] as const;

/** What of an event concerns the listener; 0: nothing. */
export function maskFor(fidBits: number, happening: Happening, marks: MetMarks): number {
  const { mask } = happening;
  if (fidBits === 0) {
    if (happening.place === null) return 0;
  } else if ((fidBits & FAN_REPORT_FID) === 0 && happening.folder === null && (mask & FAN_ONDIR) === 0) return 0;
  let wanted = 0,
    ignored = 0;
  for (const role of ROLES) {
    const mark = marks[role];
    if (mark === null) continue;
    ignored |= ignoredOf(mark, mask, role === "parent");
    if (isApplicable(mark.mask, mask, role === "parent")) wanted |= mark.mask;
  }
  const told = mask & wanted & ~ignored;
  if ((told & ~EVENT_FLAGS) === 0) return 0;
  // That it was a folder is told where files are named by their handles.
  return fidBits === 0 ? told & ~EVENT_FLAGS : told & ~FAN_EVENT_ON_CHILD;
}

export const NOTHING: ToldFiles = { folder: null, name: "", newFolder: null, newName: "", file: null };

/** Which files and names are told. */
export function toldOf(fidBits: number, mask: number, happening: Happening, marks: MetMarks): ToldFiles {
  if (fidBits === 0) return NOTHING;
  const isFolder = (mask & FAN_ONDIR) !== 0,
    isOfNames = (mask & NAME_EVENTS) !== 0,
    tellsTarget = (fidBits & FAN_REPORT_TARGET_FID) !== 0;
  const subject = isOfNames && !tellsTarget ? happening.folder : happening.file;
  const folder = isOfNames || !isFolder ? happening.folder : happening.file;
  if ((fidBits & FAN_REPORT_DIR_FID) === 0 || folder === null) return { ...NOTHING, file: subject };
  const tellsChild = isOfNames ? tellsTarget : (fidBits & FAN_REPORT_FID) !== 0 && !isFolder;
  const file = tellsChild && subject !== folder ? subject : null;
  const { name, newFolder, newName } = happening;
  if ((mask & FAN_RENAME) !== 0) {
    // Of the old name hears who has marked the old folder, of the new one who has the new.
    const hasAll = marks.fileSystem !== null;
    const old = hasAll || marks.inode !== null ? { folder, name } : { folder: null, name: "" };
    return {
      ...old,
      ...(hasAll || marks.newFolder !== null ? { newFolder, newName } : { newFolder: null, newName: "" }),
      file,
    };
  }
  if ((fidBits & FAN_REPORT_NAME) !== 0 && (isOfNames || !isFolder))
    return { folder, name, newFolder: null, newName: "", file };
  return file === null ? { ...NOTHING, file: folder } : { ...NOTHING, folder, file };
}

/** In which words: that depends on all that was joined. */
function recordsOf(fidBits: number, { mask, told }: QueuedEvent): Record[] {
  const records: Record[] = [];
  const { folder, name, newFolder, newName, file } = told;
  if (folder !== null) {
    const isRename = (mask & FAN_RENAME) !== 0;
    const plain = name === "" ? FAN_EVENT_INFO_TYPE_DFID : FAN_EVENT_INFO_TYPE_DFID_NAME;
    records.push({ type: isRename ? FAN_EVENT_INFO_TYPE_OLD_DFID_NAME : plain, file: folder, name });
  }
  if (newFolder !== null) records.push({ type: FAN_EVENT_INFO_TYPE_NEW_DFID_NAME, file: newFolder, name: newName });
  if (file === null) return records;
  const isFolder = (mask & FAN_ONDIR) !== 0;
  if (fidBits === FAN_REPORT_FID || records.length > 0) records.push({ type: FAN_EVENT_INFO_TYPE_FID, file, name: "" });
  else if ((fidBits & FAN_REPORT_NAME) !== 0 && isFolder)
    records.push({ type: FAN_EVENT_INFO_TYPE_DFID_NAME, file, name: "." });
  else {
    const isOfFolder = (mask & NAME_EVENTS) !== 0 || isFolder;
    records.push({ type: isOfFolder ? FAN_EVENT_INFO_TYPE_DFID : FAN_EVENT_INFO_TYPE_FID, file, name: "" });
  }
  return records;
}

/** Events with the same key are told as one, with both masks: names that come and go are apart from folders that do. */
export function keyOf(mask: number, who: number, told: ToldFiles, place: Path | null): string {
  const kind = ((mask & FAN_ONDIR) !== 0 ? "d" : "") + ((mask & FAN_RENAME) !== 0 ? "r" : "");
  const files = [idText(told.folder) + told.name, idText(told.newFolder) + told.newName, idText(told.file)];
  if (place !== null) {
    const { ino, fileSystem } = place.dentry.inode!;
    files.push(`${place.mount.id} ${fileSystem.device} ${ino}`);
  }
  return `${who} ${kind} ${files.join("\0")}`;
}

function idText(id: FileId | null): string {
  return id === null ? "" : `${id.device} ${id.ino} ${id.generation} `;
}

function sizeOfRecord({ name, file }: Record): number {
  const bytes =
    FanotifyEventInfoFid.size + HANDLE_INODE + handleBytesOf(file.generation) + (name === "" ? 0 : name.length + 1);
  return (bytes + 3) & ~3;
}

export function sizeOfEvent(flags: number, event: QueuedEvent): number {
  let size = FanotifyEventMetadata.size + ((flags & FAN_REPORT_PIDFD) !== 0 ? FanotifyEventInfoPidfd.size : 0);
  for (const record of recordsOf(flags & FID_BITS, event)) size += sizeOfRecord(record);
  return size;
}

/** The largest: three files with names, and a pidfd. */
export const EVENT_SIZE_MAX =
  FanotifyEventMetadata.size + 3 * (FanotifyEventInfoFid.size + HANDLE_INODE + HANDLE_BYTES_MAX + 260) + 8;

/** Puts the records at `at`. @returns where they end */
export function putRecords(bytes: Uint8Array, view: DataView, at: number, flags: number, event: QueuedEvent): number {
  for (const record of recordsOf(flags & FID_BITS, event)) {
    const size = sizeOfRecord(record);
    bytes.fill(0, at, at + size);
    bytes[at + FanotifyEventInfoHeader.offset.info_type] = record.type;
    view.setUint16(at + FanotifyEventInfoHeader.offset.len, size, true);
    view.setUint32(at + FanotifyEventInfoFid.offset.fsid, record.file.device >>> 0, true);
    const handle = at + FanotifyEventInfoFid.offset.handle;
    putHandle(view, handle, record.file.ino, record.file.generation);
    const name = handle + HANDLE_INODE + handleBytesOf(record.file.generation);
    for (let index = 0; index < record.name.length; index++) bytes[name + index] = record.name.charCodeAt(index);
    at += size;
  }
  return at;
}

export function putPidfd(bytes: Uint8Array, view: DataView, at: number, pidfd: number): void {
  bytes.fill(0, at, at + FanotifyEventInfoPidfd.size);
  bytes[at + FanotifyEventInfoHeader.offset.info_type] = FAN_EVENT_INFO_TYPE_PIDFD;
  view.setUint16(at + FanotifyEventInfoHeader.offset.len, FanotifyEventInfoPidfd.size, true);
  view.setInt32(at + FanotifyEventInfoPidfd.offset.pidfd, pidfd, true);
}

/** Events that say which file by a descriptor. */
export const DESCRIPTOR_EVENTS = 0x103b | 0x70000;
/** All that can be asked for. */
export const ALL_EVENTS = DESCRIPTOR_EVENTS | NAME_EVENTS | FAN_ATTRIB | 0xc00 | 0x8000;
