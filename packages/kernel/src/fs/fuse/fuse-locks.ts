/**
 * Locks of a server's files (fs/fuse/file.c, `fuse_file_lock`, `fuse_file_flock`): where it said that it keeps them,
 * each is a request, and the kernel knows of none of them. What a process had goes with the FLUSH of a descriptor, what
 * flock(2) gave a description with its RELEASE.
 */
import { EINTR, EIO, F_RDLCK, F_UNLCK, F_WRLCK, LOCK_EX, LOCK_SH, isErrno } from "@stratos/abi";
import {
  FUSE_GETLK,
  FUSE_LK_FLOCK,
  FUSE_SETLK,
  FUSE_SETLKW,
  FuseFileLock,
  FuseLkIn,
  FuseLkOut,
} from "@stratos/abi/fuse";
import { identityOf } from "../../ground/identity.ts";
import { BLOCKED } from "../../ground/wait-queue.ts";
import { viewOf } from "../../ground/words.ts";
import { isToldOfSignal } from "../../signal/send-signal.ts";
import type { FoundLock, LockOwner, RangeLock } from "../../vfs/held-locks.ts";
import type { OpenFile } from "../../vfs/open-file.ts";
import type { FsCaller } from "../fs-kernel.ts";
import type { FuseHandle } from "./fuse-handle.ts";
import { HEADER_SIZE, keyOf, message } from "./fuse-request.ts";
import type { ServedNode } from "./served-node.ts";

/** `loff_t` at its largest: the last byte of a range that goes to the end. */
const OFFSET_MAX = 2n ** 63n - 1n;

interface ServedFile extends OpenFile {
  readonly inode: ServedNode;
  readonly handle: FuseHandle;
}

interface Wanted {
  readonly type: number;
  readonly pid: number;
  readonly start: number | bigint;
  readonly end: number | bigint;
}

/** By what the server knows whose a lock is: a table of descriptors, or a description. */
export function lockOwnerOf({ kernel }: FsCaller, owner: LockOwner): number {
  return identityOf(kernel, owner);
}

/**
 * fcntl(2), F_SETLK and F_SETLKW.
 * @returns 0; the server's error; BLOCKED, also where a signal is there: its handler runs, and the call ends or begins
 *   anew
 */
export function setServedRange(task: FsCaller, file: ServedFile, wanted: RangeLock, mayWait: boolean): number {
  const pid = wanted.type === F_UNLCK ? 0 : task.pid;
  return setLock(task, file, { ...wanted, pid }, lockOwnerOf(task, wanted.owner), 0, mayWait);
}

/** flock(2), as a range that is the whole file. @param kind  LOCK_SH, LOCK_EX or 0 (unlock) */
export function setServedFlock(task: FsCaller, file: ServedFile, kind: number, mayWait: boolean): number {
  const type = kind === LOCK_SH ? F_RDLCK : kind === LOCK_EX ? F_WRLCK : F_UNLCK;
  const owner = lockOwnerOf(task, file);
  file.handle.flockOwner = owner;
  const wanted = { type, pid: type === F_UNLCK ? 0 : task.pid, start: 0, end: Infinity };
  return setLock(task, file, wanted, owner, FUSE_LK_FLOCK, mayWait);
}

function setLock(
  task: FsCaller,
  { inode, handle }: Pick<ServedFile, "inode" | "handle">,
  wanted: Wanted,
  owner: number,
  flags: number,
  mayWait: boolean,
): number {
  const opcode = mayWait ? FUSE_SETLKW : FUSE_SETLK;
  const make = (): Uint8Array => lockMessage(handle, wanted, owner, flags);
  const { type, start, end } = wanted;
  const answer = inode.ask(opcode, `${keyOf(handle.fh)} ${owner} ${type} ${start} ${end}`, make, 0);
  if (!isErrno(answer)) return 0;
  const { connection } = inode.fileSystem;
  const asked = answer === -EINTR ? connection.askedOf(inode.node, opcode) : null;
  if (asked?.isInterrupted !== true) return answer;
  // What the server says then stays with the call, which is executed once more before it is interrupted.
  if (isToldOfSignal(task)) return BLOCKED;
  // Another thread took the signal meanwhile.
  connection.used(asked);
  return setLock(task, { inode, handle }, wanted, owner, flags, mayWait);
}

/** fcntl(2), F_GETLK. @returns of type F_UNLCK: it could be set */
export function findServedRange(task: FsCaller, { inode, handle }: ServedFile, wanted: RangeLock): FoundLock | number {
  const { type, start, end } = wanted;
  const owner = lockOwnerOf(task, wanted.owner);
  // The server is told no number of who only asks.
  const make = (): Uint8Array => lockMessage(handle, { ...wanted, pid: 0 }, owner, 0);
  const key = `${keyOf(handle.fh)} ${owner} ${type} ${start} ${end}`;
  const answer = inode.ask(FUSE_GETLK, key, make, FuseLkOut.size);
  if (isErrno(answer)) return answer;
  answer.isTaken = true;
  const view = viewOf(answer.reply);
  const { offset } = FuseFileLock;
  const first = view.getBigUint64(offset.start, true),
    last = view.getBigUint64(offset.end, true);
  const found = view.getUint32(offset.type, true);
  if (found === F_UNLCK) return { type: F_UNLCK, pid: 0, start: 0, end: 0 };
  if ((found !== F_RDLCK && found !== F_WRLCK) || first > OFFSET_MAX || last > OFFSET_MAX || last < first) return -EIO;
  const pid = wanted.pid < 0 ? -1 : view.getUint32(offset.pid, true);
  return { type: found, pid, start: first, end: last === OFFSET_MAX ? Infinity : last + 1n };
}

function lockMessage({ fh }: FuseHandle, { type, pid, start, end }: Wanted, owner: number, flags: number): Uint8Array {
  const bytes = message(FuseLkIn, { owner, lk_flags: flags }, fh);
  const view = viewOf(bytes);
  const at = HEADER_SIZE + FuseLkIn.offset.lk;
  const { offset } = FuseFileLock;
  view.setBigUint64(at + offset.start, BigInt(start), true);
  view.setBigUint64(at + offset.end, end === Infinity ? OFFSET_MAX : BigInt(end) - 1n, true);
  view.setUint32(at + offset.type, type, true);
  view.setUint32(at + offset.pid, pid, true);
  return bytes;
}
