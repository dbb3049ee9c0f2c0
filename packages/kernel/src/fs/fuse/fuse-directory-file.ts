import { DT_UNKNOWN, EIO, EISDIR, ENOSYS, ENOTDIR, PAGE_SIZE, isErrno } from "@stratos/abi";
import {
  FUSE_FSYNCDIR,
  FUSE_FSYNC_FDATASYNC,
  FUSE_NAME_MAX,
  FUSE_READDIR,
  FUSE_READDIRPLUS,
  FuseDirent,
  FuseEntryOut,
  FuseFsyncIn,
  FuseReadIn,
} from "@stratos/abi/fuse";
import { byteString, stateClass } from "@stratos/base";
import { viewOf } from "../../ground/words.ts";
import { notifyFile } from "../../vfs/file-events.ts";
import { OpenFile } from "../../vfs/open-file.ts";
import type { Path } from "../../vfs/path.ts";
import { seekTarget } from "../../vfs/seek-target.ts";
import type { FsCaller } from "../fs-kernel.ts";
import type { FuseHandle } from "./fuse-handle.ts";
import { servedIoctl } from "./fuse-ioctl.ts";
import {
  forEachListed,
  type FuseRequest,
  isNameOfOther,
  keyOf,
  message,
  type Opaque,
  opaqueAt,
} from "./fuse-request.ts";
import type { ServedNode } from "./served-node.ts";

const LISTED_AT_ONCE = 8 * PAGE_SIZE;
/** Positions from here on stand for places of the server's that no number of ours can be. */
const COOKIES_FROM = 2 ** 52;

/** An open folder of a server: a position is where the server goes on listing. */
export class FuseDirectoryFile extends OpenFile {
  declare readonly inode: ServedNode;
  declare readonly path: Path;
  readonly handle: FuseHandle;
  /** What the server has listed last, which begins at `#heldFrom`. */
  #held: Uint8Array | null = null;
  #heldFrom = 0;
  /** Bound: entries of the folder; they go when it is listed from its beginning. */
  #cookies: Opaque[] = [];

  constructor(flags: number, inode: ServedNode, path: Path, handle: FuseHandle) {
    super(flags, inode, path);
    this.handle = handle;
    handle.retain();
  }

  override read(): number {
    return -EISDIR;
  }

  override readDirectory(
    _task: FsCaller,
    emit: (name: string, ino: number, type: number, nextPosition: number) => boolean,
  ): number {
    if (this.position === 0) this.#cookies = [];
    let held = this.#heldFrom === this.position ? this.#held : null;
    if (held === null) {
      const listed = this.#list();
      if (isErrno(listed)) return listed;
      held = listed;
    }
    const view = viewOf(held);
    let at = 0;
    while (at + FuseDirent.size <= held.length) {
      const length = view.getUint32(at + FuseDirent.offset.namelen, true);
      const nameAt = at + FuseDirent.size;
      if (length === 0 || length > FUSE_NAME_MAX) return this.#wrong();
      if (nameAt + length > held.length) break;
      const name = byteString(held, nameAt, nameAt + length);
      if (name.includes("/") || name.includes("\0")) return this.#wrong();
      const next = this.#positionOf(opaqueAt(view, at + FuseDirent.offset.off));
      const ino = opaqueAt(view, at + FuseDirent.offset.ino);
      const type = view.getUint32(at + FuseDirent.offset.type, true);
      const shown = (ino.high & 0x1fffff) * 0x100000000 + ino.low;
      if (!emit(name, shown, type > 15 ? DT_UNKNOWN : type, next)) break;
      this.position = next;
      at = nameAt + Math.ceil(length / 8) * 8;
    }
    // What wasn't told stays for the next call, which begins there.
    this.#held = at < held.length && at > 0 ? held.subarray(at) : at === 0 ? held : null;
    this.#heldFrom = this.position;
    return 0;
  }

  #wrong(): number {
    this.#held = null;
    return -EIO;
  }

  /**
   * With attributes: as long as those of the last listing were wanted, where the server lets the kernel choose
   * (fs/fuse/readdir.c, fuse_use_readdirplus).
   */
  #listsEntries(key: string): boolean {
    const { inode, position } = this;
    const { connection } = inode.fileSystem;
    if (!connection.listsEntries) return false;
    if (connection.isAsked(inode.node, FUSE_READDIRPLUS, key)) return true;
    if (connection.isAsked(inode.node, FUSE_READDIR, key)) return false;
    if (!connection.choosesListings) return true;
    const isWanted = inode.wantsEntries;
    inode.wantsEntries = false;
    return isWanted || position === 0;
  }

  /** Takes what a listing tells of its entries. @returns the listing without that; −EIO it isn't one */
  #withoutEntries({ reply, unique }: FuseRequest): Uint8Array | number {
    const { inode, path } = this;
    const listed = new Uint8Array(reply.length);
    let end = 0;
    const isWhole = forEachListed(reply, (entry, at, length) => {
      const size = Math.ceil((FuseDirent.size + length) / 8) * 8;
      listed.set(reply.subarray(at, Math.min(reply.length, at + size)), end);
      end += size;
      const name = byteString(reply, at + FuseDirent.size, at + FuseDirent.size + length);
      // Without a node nothing is told of it.
      if (keyOf(opaqueAt(entry, FuseEntryOut.offset.nodeid)) === 0 || !isNameOfOther(name)) return;
      inode.noteListed(path.dentry, name, entry, unique);
    });
    return isWhole ? listed.subarray(0, end) : this.#wrong();
  }

  #list(): Uint8Array | number {
    const { fh } = this.handle;
    const { position } = this;
    const place = this.#placeOf(position);
    const make = (): Uint8Array => {
      const bytes = message(FuseReadIn, { size: most }, fh);
      const view = viewOf(bytes);
      const at = bytes.length - FuseReadIn.size + FuseReadIn.offset.offset;
      view.setUint32(at, place.low, true);
      view.setUint32(at + 4, place.high, true);
      return bytes;
    };
    const key = `${keyOf(fh)} ${position}`;
    const { connection } = this.inode.fileSystem;
    const isWanted = this.inode.wantsEntries;
    const opcode = this.#listsEntries(key) ? FUSE_READDIRPLUS : FUSE_READDIR;
    // Whether files are wanted with their names is seen by the first few (Linux asks for a page each time).
    const isTrial = opcode === FUSE_READDIRPLUS && position === 0 && !isWanted && connection.choosesListings;
    const most = isTrial ? PAGE_SIZE : LISTED_AT_ONCE;
    const answer = this.inode.ask(opcode, key, make, 0, most);
    if (isErrno(answer)) return answer === -ENOSYS ? -ENOTDIR : answer;
    answer.isTaken = true;
    const reply = opcode === FUSE_READDIR ? answer.reply : this.#withoutEntries(answer);
    connection.used(answer);
    return reply;
  }

  #positionOf(place: Opaque): number {
    if (place.high < COOKIES_FROM / 0x100000000) return place.high * 0x100000000 + place.low;
    const known = this.#cookies.findLastIndex(({ low, high }) => low === place.low && high === place.high);
    if (known >= 0) return COOKIES_FROM + known;
    this.#cookies.push(place);
    return COOKIES_FROM + this.#cookies.length - 1;
  }

  #placeOf(position: number): Opaque {
    if (position >= COOKIES_FROM) return this.#cookies[position - COOKIES_FROM] ?? { low: 0, high: 0 };
    return { low: position >>> 0, high: Math.floor(position / 0x100000000) };
  }

  override seek(offset: number, whence: number): number {
    const target = seekTarget({ position: this.position, size: this.inode.size }, offset, whence);
    if (target < 0) return target;
    this.position = target;
    this.#held = null;
    return target;
  }

  override sync(dataOnly: boolean): number {
    const values = { fsync_flags: dataOnly ? FUSE_FSYNC_FDATASYNC : 0 };
    const make = (): Uint8Array => message(FuseFsyncIn, values, this.handle.fh);
    const answer = this.inode.ask(FUSE_FSYNCDIR, `${keyOf(this.handle.fh)} ${dataOnly}`, make, 0);
    return isErrno(answer) && answer !== -ENOSYS ? answer : 0;
  }

  override ioctl(task: FsCaller, command: number, argument: number): number {
    return servedIoctl(task, this, command, argument);
  }

  protected override dispose(): void {
    this.handle.release();
    const { kernel } = this.inode.fileSystem;
    if (kernel.vfs.watchCount > 0) notifyFile(kernel, this, "close");
  }

  static {
    stateClass("FuseDirectoryFile", this, {
      save: (it) => ({ held: it.#held, heldFrom: it.#heldFrom, cookies: it.#cookies }),
      load: (it, from) => ({ held: it.#held, heldFrom: it.#heldFrom, cookies: it.#cookies } = from),
    });
  }
}
