import {
  PAGE_SIZE,
  EAGAIN,
  EFAULT,
  EINVAL,
  EIO,
  ENODEV,
  ENOENT,
  ENOMEM,
  ENOTTY,
  EPERM,
  O_NONBLOCK,
  POLLERR,
  POLLIN,
  POLLOUT,
  POLLRDNORM,
  POLLWRNORM,
} from "@stratos/abi";
import {
  FUSE_DEV_IOC_CLONE,
  FUSE_EXPIRE_ONLY,
  FUSE_MIN_READ_BUFFER,
  FUSE_NOTIFY_DELETE,
  FUSE_NOTIFY_INC_EPOCH,
  FUSE_NOTIFY_INVAL_ENTRY,
  FUSE_NOTIFY_INVAL_INODE,
  FUSE_NOTIFY_POLL,
  FUSE_NOTIFY_RETRIEVE,
  FUSE_NOTIFY_STORE,
  FuseNotifyDeleteOut,
  FuseNotifyInvalEntryOut,
  FuseNotifyInvalInodeOut,
  FuseNotifyPollWakeupOut,
  FuseNotifyRetrieveOut,
  FuseNotifyStoreOut,
  FuseOutHeader,
  FuseWriteIn,
} from "@stratos/abi/fuse";
import { byteString, stateClass } from "@stratos/base";
import type { IoCursor } from "../../ground/io-cursor.ts";
import { BLOCKED, WaitQueue } from "../../ground/wait-queue.ts";
import { get64, getU64, viewOf } from "../../ground/words.ts";
import { FILE_SIZE_MAX } from "../../vfs/content-change.ts";
import { OpenFile } from "../../vfs/open-file.ts";
import type { FsCaller } from "../fs-kernel.ts";
import type { FuseConnection } from "./fuse-connection.ts";
import { HEADER_SIZE, type Opaque, opaqueAt, REPLY_HEADER_SIZE } from "./fuse-request.ts";

/** The lowest error that a reply may have (fs/fuse/dev.c). */
const ERROR_LOWEST = -511;
/** Bytes of a notice at most: a structure and a name. */
const NOTICE_MAX = 4096;
/** Bytes that are stored at once. */
const STORED_MAX = 1 << 24;
/** Shared by all: what is read or written is over at once. */
const HEADER = new Uint8Array(REPLY_HEADER_SIZE);

/** What a server's notices are about. */
export interface ServedFiles {
  /** Attributes of a node are to be asked for anew, and `length` bytes of its content, if `offset` isn't below 0. */
  invalidate(node: Opaque, offset: number, length: number): number;
  /** A name is to be looked up anew. @param expires  it stays while it leads to the same file */
  invalidateName(parent: Opaque, name: string, expires: boolean): number;
  invalidateAll(): void;
  /** May content of a node be stored, or had back? 0, −ENOENT, −EINVAL: it is no regular file. */
  mayStore(node: Opaque): number;
  /** Bytes of the content, which fit a page. @param end  of all that is stored with them */
  store(node: Opaque, offset: number, bytes: Uint8Array, end: number): void;
  /** What is stored is to be told, by a request of the number that the server gives. */
  retrieve(node: Opaque, unique: Opaque, offset: number, size: number): number;
}

/**
 * A descriptor of /dev/fuse: a server reads requests from it, one each time, and writes replies. It is nobody's until a
 * file system is mounted with it.
 */
export class FuseDeviceFile extends OpenFile {
  connection: FuseConnection | null = null;
  files: ServedFiles | null = null;
  /** Nothing wakes who polls one that is nobody's. */
  #idle = new WaitQueue();

  serve(connection: FuseConnection, files: ServedFiles): void {
    this.connection = connection;
    this.files = files;
    connection.devices++;
  }

  /** Of a request, or a reply. */
  override get messageMost(): number {
    return Math.max(FUSE_MIN_READ_BUFFER, PAGE_SIZE + (this.connection?.maxWrite ?? 0));
  }

  /** @returns bytes of one request; −EPERM not mounted; −EINVAL no room; −EAGAIN; −ENODEV it is over */
  override read(task: FsCaller, to: IoCursor): number {
    const { connection } = this;
    if (connection === null) return -EPERM;
    const least = Math.max(FUSE_MIN_READ_BUFFER, HEADER_SIZE + FuseWriteIn.size + connection.maxWrite);
    const room = to.remaining;
    if (room < least) return -EINVAL;
    const bytes = connection.isConnected ? connection.next(room) : null;
    if (bytes === null) {
      if (!connection.isConnected || connection.isEnding) return -ENODEV;
      if ((this.flags & O_NONBLOCK) !== 0) return -EAGAIN;
      task.waitOn(connection.readers);
      return BLOCKED;
    }
    const put = to.put(bytes, 0, bytes.length);
    if (put === bytes.length) return put;
    connection.lost(bytes);
    return put < 0 ? put : -EFAULT;
  }

  /**
   * One reply, or one notice.
   * @returns −EPERM; −EINVAL it isn't whole, or no reply to that request; −ENOENT there is no such request
   */
  override write(_task: FsCaller, from: IoCursor): number {
    const { connection } = this;
    if (connection === null) return -EPERM;
    const length = from.remaining;
    if (length < REPLY_HEADER_SIZE) return -EINVAL;
    const taken = from.take(HEADER, 0, REPLY_HEADER_SIZE);
    if (taken < REPLY_HEADER_SIZE) return taken < 0 ? taken : -EFAULT;
    const view = viewOf(HEADER);
    if (view.getUint32(FuseOutHeader.offset.len, true) !== length) return -EINVAL;
    const error = view.getInt32(FuseOutHeader.offset.error, true);
    const unique = getU64(view, FuseOutHeader.offset.unique);
    if (unique === 0) {
      const told = this.#notice(error, from);
      return told < 0 ? told : length;
    }
    if (error > 0 || error < ERROR_LOWEST) return -EINVAL;
    const request = connection.processing.get(unique - (unique % 2));
    if (request === undefined) return -ENOENT;
    const rest = from.remaining;
    if (unique % 2 === 1) {
      if (rest > 0) return -EINVAL;
      connection.interruptAnswered(request, error);
      return length;
    }
    const isRight = error < 0 ? rest === 0 : rest >= request.least && rest <= request.most;
    if (!isRight) {
      connection.answered(request, -EIO, NOTHING);
      return -EINVAL;
    }
    const body = rest === 0 ? NOTHING : new Uint8Array(rest);
    const got = rest === 0 ? 0 : from.take(body, 0, rest);
    if (got < rest) {
      connection.answered(request, -EIO, NOTHING);
      return got < 0 ? got : -EFAULT;
    }
    connection.answered(request, error, body);
    return length;
  }

  #notice(code: number, from: IoCursor): number {
    const { files } = this;
    const length = from.remaining;
    if (files === null) return -EINVAL;
    if (code === FUSE_NOTIFY_STORE) return this.#store(files, from);
    if (length > NOTICE_MAX) return -EINVAL;
    const bytes = new Uint8Array(length);
    if (length > 0 && from.take(bytes, 0, length) < length) return -EFAULT;
    const view = viewOf(bytes);
    switch (code) {
      case FUSE_NOTIFY_POLL: {
        const { size, offset } = FuseNotifyPollWakeupOut;
        if (length !== size) return -EINVAL;
        this.connection!.polled.get(getU64(view, offset.kh))?.pollNoticed();
        return 0;
      }
      case FUSE_NOTIFY_INVAL_INODE: {
        const { size, offset } = FuseNotifyInvalInodeOut;
        if (length !== size) return -EINVAL;
        return files.invalidate(opaqueAt(view, offset.ino), get64(view, offset.off), get64(view, offset.len));
      }
      case FUSE_NOTIFY_INVAL_ENTRY:
      case FUSE_NOTIFY_DELETE: {
        const layout = code === FUSE_NOTIFY_DELETE ? FuseNotifyDeleteOut : FuseNotifyInvalEntryOut;
        if (length < layout.size) return -EINVAL;
        const named = view.getUint32(layout.offset.namelen, true);
        if (named > 1024 || length !== layout.size + named + 1) return -EINVAL;
        const expires =
          code === FUSE_NOTIFY_INVAL_ENTRY &&
          (view.getUint32(FuseNotifyInvalEntryOut.offset.flags, true) & FUSE_EXPIRE_ONLY) !== 0;
        return files.invalidateName(opaqueAt(view, 0), byteString(bytes, layout.size, layout.size + named), expires);
      }
      case FUSE_NOTIFY_RETRIEVE: {
        const { size, offset } = FuseNotifyRetrieveOut;
        if (length !== size) return -EINVAL;
        const unique = opaqueAt(view, offset.notify_unique);
        const wanted = view.getUint32(offset.size, true);
        return files.retrieve(opaqueAt(view, offset.nodeid), unique, getU64(view, offset.offset), wanted);
      }
      case FUSE_NOTIFY_INC_EPOCH:
        files.invalidateAll();
        return length === 0 ? 0 : -EINVAL;
      default:
        return -EINVAL;
    }
  }

  #store(files: ServedFiles, from: IoCursor): number {
    const { size, offset } = FuseNotifyStoreOut;
    if (from.remaining < size) return -EINVAL;
    const head = new Uint8Array(size);
    if (from.take(head, 0, size) < size) return -EFAULT;
    const view = viewOf(head);
    const length = view.getUint32(offset.size, true);
    if (from.remaining !== length) return -EINVAL;
    const node = opaqueAt(view, offset.nodeid);
    const refused = files.mayStore(node);
    if (refused < 0) return refused;
    const start = getU64(view, offset.offset);
    if (length > STORED_MAX || start + length > FILE_SIZE_MAX) return -ENOMEM;
    const page = new Uint8Array(PAGE_SIZE);
    for (let at = 0; at < length;) {
      const part = Math.min(PAGE_SIZE - ((start + at) % PAGE_SIZE), length - at);
      const taken = from.take(page, 0, part);
      if (taken < part) return taken < 0 ? taken : -EFAULT;
      files.store(node, start + at, page.subarray(0, part), start + length);
      at += part;
    }
    return 0;
  }

  override poll(): number {
    const { connection } = this;
    if (connection === null || !connection.isConnected) return POLLERR;
    // By that libfuse knows that it is unmounted already.
    if (connection.isEnding && !connection.isReadable) return POLLERR;
    return POLLOUT | POLLWRNORM | (connection.isReadable ? POLLIN | POLLRDNORM : 0);
  }

  override get waitQueue(): WaitQueue {
    return this.connection?.readers ?? this.#idle;
  }

  override get asyncQueue(): WaitQueue | number {
    return this.connection === null ? -EPERM : this.waitQueue;
  }

  /** lseek(2) refuses, but pread(2) and pwrite(2) take any place for none. */
  override get hasPositions(): boolean {
    return true;
  }

  override ioctl(task: FsCaller, command: number, argument: number): number {
    if (command >>> 0 !== FUSE_DEV_IOC_CLONE) return -ENOTTY;
    const fd = task.space.loadU32(argument);
    if (fd < 0) return -EFAULT;
    const other = task.files.get(fd);
    if (!(other instanceof FuseDeviceFile) || other.connection === null) return -EINVAL;
    if (this.connection !== null) return -EINVAL;
    this.serve(other.connection, other.files!);
    return 0;
  }

  /** With its last descriptor the server is gone. */
  protected override dispose(): void {
    const { connection } = this;
    if (connection !== null && --connection.devices === 0) connection.abort();
  }

  static {
    stateClass("FuseDeviceFile", this, {
      save: (it) => ({ idle: it.#idle }),
      load: (it, from) => ({ idle: it.#idle } = from),
    });
  }
}

const NOTHING = new Uint8Array(0);
