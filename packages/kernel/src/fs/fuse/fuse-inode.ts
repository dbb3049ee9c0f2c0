import {
  EACCES,
  EINVAL,
  EIO,
  ENOENT,
  ENOSYS,
  EOPNOTSUPP,
  EPERM,
  FALLOC_FL_KEEP_SIZE,
  FALLOC_FL_PUNCH_HOLE,
  FALLOC_FL_ZERO_RANGE,
  FS_NOATIME_FL,
  O_ACCMODE,
  O_RDONLY,
  O_WRONLY,
  PATH_MAX,
  S_IFDIR,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  PAGE_SIZE,
  isErrno,
} from "@stratos/abi";
import * as op from "@stratos/abi/fuse";
import { byteString, stateClass } from "@stratos/base";
import type { PageIndex } from "../../frames/frame.ts";
import { isInRanges, type PageRange } from "../../frames/memory-account.ts";
import { getU64, viewOf } from "../../ground/words.ts";
import { checkMode, MAY_EXEC, MAY_READ, MAY_WRITE } from "../../security/permission.ts";
import type { Dentry } from "../../vfs/dentry.ts";
import { noteChild } from "../../vfs/dentry-cache.ts";
import { makeDevice } from "../../vfs/device-registry.ts";
import { FILE_SIZE_MAX } from "../../vfs/content-change.ts";
import type { FileSystem } from "../../vfs/file-system.ts";
import { type AttributeChange, Inode, type NewInode, type Time } from "../../vfs/inode.ts";
import type { OpenFile } from "../../vfs/open-file.ts";
import type { Path } from "../../vfs/path.ts";
import { markInodeDirty } from "../../vfs/write-back.ts";
import type { FsCaller, FsKernel } from "../fs-kernel.ts";
import { attributeValues, mayChangeAttributes, sizeValues } from "./attribute-change.ts";
import { knownId, modeOf, timeAt, validUntil } from "./entry-values.ts";
import { removeServedAttribute, servedAttribute, servedAttributes, setServedAttribute } from "./fuse-attributes.ts";
import type { FuseConnection } from "./fuse-connection.ts";
import { FuseDirectoryFile } from "./fuse-directory-file.ts";
import { FuseFile, handleOf } from "./fuse-file.ts";
import { FuseCreation, FuseHandle } from "./fuse-handle.ts";
import {
  type FuseRequest,
  type Held,
  keyOf,
  message,
  NO_NODE,
  type Opaque,
  opaqueAt,
  putOpaque,
} from "./fuse-request.ts";
import type { StoredPages } from "./stored-pages.ts";
import type { ServedNode } from "./served-node.ts";
import { awaitArrivals, postWritten, storeWritten, writableHandle } from "./store-written.ts";
import { WrittenPages } from "./written-pages.ts";

/** A mounted file system of a server, as its inodes know it (fuse-file-system.ts). */
export interface ServedSystem extends FileSystem {
  readonly kernel: FsKernel;
  readonly connection: FuseConnection;
  readonly stored: StoredPages | null;
  /**
   * The one inode of a `fuse_entry_out`, which is known to the server once more; −EIO: there can't be such a node.
   * @param unique  of the request that it answers
   */
  inodeFor(entry: DataView, unique: number): FuseInode | number;
  inodeOf(node: Opaque): FuseInode | undefined;
  forget(inode: FuseInode): void;
}

/** Names that a folder remembers beyond their entries in the cache. */
const NAMES_MAX = 1024;
/** Flags of open(2) that the server doesn't get: what they ask for is done. */
const OPENING = 0o100 | 0o200 | 0o400 | 0o1000;

/**
 * A file that a program serves. What is known of it is believed for as long as the server said, and each method may
 * have to ask: it then returns BLOCKED, and the call comes again (fuse-connection.ts). Permissions are the server's
 * business, but for `default_permissions`.
 */
export class FuseInode extends Inode implements Held, ServedNode {
  declare readonly fileSystem: ServedSystem;
  readonly node: Opaque;
  readonly generation: Opaque;
  /** How often the server has named it to us since the last FORGET. */
  lookups = 0;
  attributesUntil = 0;
  /** Of a folder: which node a name led to (null: none), and for how long that is so. */
  readonly names = new Map<string, { readonly node: Opaque | null; readonly until: number }>();
  /** A request of before that tells no attributes, and no names, that hold: calls have changed them since. */
  changedAt = 0;
  /** Of a folder: names in it were looked up, so that it is worth its while to ask for them with the listing. */
  wantsEntries = false;
  /** It was found in a listing, and not looked up since. */
  isListed = false;
  /** The server uses its number for another file by now. */
  isStale = false;
  /** It lost its last name here. */
  isUnlinked = false;
  readonly handles = new Set<FuseHandle>();
  loadedAs = "";
  /** null: no shared mapping has written any. */
  written: WrittenPages | null = null;
  #created: FuseHandle | null = null;

  constructor(fileSystem: ServedSystem, node: Opaque, generation: Opaque, mode: number) {
    super(fileSystem, 0, mode, 0, 0, fileSystem.kernel.vfs.now());
    this.node = node;
    this.generation = generation;
    this.hasNoCapabilities = true;
    // Times of access are the server's.
    this.fileFlags = FS_NOATIME_FL;
  }

  retain(): void {
    this.users++;
  }

  release(): void {
    if (--this.users === 0) this.evictUnused();
  }

  override get decidesAccess(): boolean {
    return true;
  }

  override get cachesNames(): boolean {
    return false;
  }

  /**
   * @param at  of a `fuse_attr`
   * @returns 0, or −EIO: it is another file's
   */
  apply(view: DataView, at: number, validSeconds: number, validNanoseconds: number): number {
    const { offset } = op.FuseAttr;
    const mode = modeOf(view, at);
    if (mode === null || ((mode ^ this.mode) & S_IFMT) !== 0) {
      this.isStale = true;
      return -EIO;
    }
    const { uids, gids } = this.fileSystem.connection.userNamespace;
    const ino = opaqueAt(view, at + offset.ino);
    // What is larger than a number of ours can be is told apart by its lower bits.
    (this as { ino: number }).ino = (ino.high & 0x1fffff) * 0x100000000 + ino.low;
    this.mode = mode;
    this.uid = knownId(uids.toKernel(view.getUint32(at + offset.uid, true)));
    this.gid = knownId(gids.toKernel(view.getUint32(at + offset.gid, true)));
    const nlink = view.getUint32(at + offset.nlink, true);
    this.nlink = this.isUnlinked ? nlink : Math.max(1, nlink);
    const rdev = view.getUint32(at + offset.rdev, true);
    this.rdev = makeDevice((rdev >>> 8) & 0xfff, (rdev & 0xff) | ((rdev >>> 12) & 0xfff00));
    const size = Math.min(getU64(view, at + offset.size), FILE_SIZE_MAX);
    if (size !== this.size) this.fileSystem.stored?.drop(keyOf(this.node), size);
    if (size < this.size) this.#shrink(size);
    this.size = size;
    this.blocks = Math.min(getU64(view, at + offset.blocks), FILE_SIZE_MAX);
    this.atime = timeAt(view, at + offset.atime, at + offset.atimensec);
    this.mtime = timeAt(view, at + offset.mtime, at + offset.mtimensec);
    this.ctime = timeAt(view, at + offset.ctime, at + offset.ctimensec);
    this.btime = this.ctime;
    this.attributesUntil = this.fileSystem.kernel.now() + validSeconds * 1e9 + validNanoseconds;
    return 0;
  }

  ask(
    opcode: number,
    key: string,
    make: () => Uint8Array | number,
    least: number,
    most: number = least,
  ): FuseRequest | number {
    const refused = this.refused;
    return refused < 0
      ? refused
      : this.fileSystem.connection.ask({ node: this.node, inode: this }, opcode, key, make, least, most);
  }

  get refused(): number {
    if (this.isStale) return -EIO;
    const { connection } = this.fileSystem;
    const { caller } = connection;
    return caller === null || connection.admits(caller) ? 0 : -EACCES;
  }

  override refresh(handle: FuseHandle | null = null): number {
    const { connection } = this.fileSystem;
    if (this.refused < 0) return this.refused;
    const key = handle === null ? "" : String(keyOf(handle.fh));
    if (connection.recall(this, key) !== undefined) return 0;
    const isKnown = this.fileSystem.kernel.now() < this.attributesUntil;
    if (isKnown && !connection.isAsked(this.node, op.FUSE_GETATTR, key)) {
      connection.remember(this, key, null);
      return 0;
    }
    const values = { getattr_flags: handle === null ? 0 : op.FUSE_GETATTR_FH };
    const bytes = (): Uint8Array => message(op.FuseGetattrIn, values, handle?.fh);
    const answer = this.ask(op.FUSE_GETATTR, key, bytes, op.FuseAttrOut.size);
    if (isErrno(answer)) return answer;
    return this.#applyOut(answer);
  }

  isChanged(): void {
    this.attributesUntil = 0;
    this.changedAt = this.fileSystem.connection.nextUnique;
  }

  #applyOut(answer: FuseRequest): number {
    const view = viewOf(answer.reply);
    const { offset } = op.FuseAttrOut;
    const seconds = getU64(view, offset.attr_valid);
    if (answer.isTaken) return this.isStale ? -EIO : 0;
    answer.isTaken = true;
    if (answer.opcode === op.FUSE_SETATTR) this.isChanged();
    else if (answer.unique < this.changedAt) return 0;
    return this.apply(view, offset.attr, seconds, view.getUint32(offset.attr_valid_nsec, true));
  }

  /** With `default_permissions` what the mode says; the server decides about the rest. */
  #permits(mask: number): number {
    const { connection } = this.fileSystem;
    const { refused } = this;
    if (refused < 0) return refused;
    if (this.isRegular && (mask & MAY_EXEC) !== 0 && (this.mode & 0o111) === 0) return -EACCES;
    if (!connection.rules.checksPermissions) return 0;
    const failed = this.refresh();
    const { caller } = connection;
    return failed < 0 || caller === null ? failed : checkMode(caller.credentials, this, mask);
  }

  override mayAccess(_task: FsCaller, mask: number): number {
    return this.#permits(mask);
  }

  /** access(2). */
  override askAccess(task: FsCaller, mask: number): number {
    const refused = this.#permits(mask);
    if (refused < 0 || this.fileSystem.connection.rules.checksPermissions || mask === 0) return refused;
    const answer = this.ask(op.FUSE_ACCESS, String(mask), () => message(op.FuseAccessIn, { mask }), 0);
    return isErrno(answer) && answer !== -ENOSYS ? answer : 0;
  }

  // Folders.
  override lookup(name: string): Inode | number {
    const refused = this.#permits(MAY_EXEC);
    if (refused < 0) return refused;
    const { connection, kernel } = this.fileSystem;
    const recalled = connection.recall(this, name);
    if (recalled !== undefined) return recalled === null ? -ENOENT : (recalled as FuseInode);
    if (!connection.isAsked(this.node, op.FUSE_LOOKUP, name)) {
      const known = this.names.get(name);
      if (known !== undefined && kernel.now() < known.until) {
        const inode = known.node === null ? null : this.fileSystem.inodeOf(known.node);
        if (inode !== undefined) {
          connection.remember(this, name, inode);
          if (inode?.isListed === true) {
            inode.isListed = false;
            this.wantsEntries = true;
          }
          return inode ?? -ENOENT;
        }
      }
      this.names.delete(name);
    }
    const answer = this.ask(op.FUSE_LOOKUP, name, () => message(null, {}, null, name), op.FuseEntryOut.size);
    if (isErrno(answer)) return answer;
    this.wantsEntries = true;
    return this.#entry(name, answer);
  }

  /** What a listing tells of a name. @param entry  a `fuse_entry_out` @param unique  of the request */
  noteListed(parent: Dentry, name: string, entry: DataView, unique: number): void {
    const { connection, kernel } = this.fileSystem;
    const inode = this.fileSystem.inodeFor(entry, unique);
    if (isErrno(inode)) {
      connection.forget(opaqueAt(entry, op.FuseEntryOut.offset.nodeid), 1);
      return;
    }
    inode.isListed = true;
    if (unique >= this.changedAt && parent.inode === this && noteChild(kernel, parent, name, inode))
      this.#remember(name, inode.node, validUntil(kernel, entry));
    inode.evictUnused();
  }

  /** What a reply with a `fuse_entry_out` leads to. */
  #entry(name: string, answer: FuseRequest, type = 0): FuseInode | number {
    if (answer.isTaken) return answer.held === null ? this.#absent(answer) : (answer.held as FuseInode);
    answer.isTaken = true;
    const view = viewOf(answer.reply);
    const { offset } = op.FuseEntryOut;
    const until = validUntil(this.fileSystem.kernel, view);
    const node = opaqueAt(view, offset.nodeid);
    if (answer.opcode === op.FUSE_LOOKUP && node.low === 0 && node.high === 0) {
      this.#remember(name, null, until);
      return -ENOENT;
    }
    const inode = this.fileSystem.inodeFor(view, answer.unique);
    if (isErrno(inode)) return inode;
    answer.hold(inode);
    if (type !== 0 && (inode.mode & S_IFMT) !== type) return -EIO;
    this.#remember(name, inode.node, until);
    return inode;
  }

  #absent({ opcode, reply }: FuseRequest): number {
    const node = opaqueAt(viewOf(reply), op.FuseEntryOut.offset.nodeid);
    return opcode === op.FUSE_LOOKUP && node.low === 0 && node.high === 0 ? -ENOENT : -EIO;
  }

  #remember(name: string, node: Opaque | null, until: number): void {
    if (this.names.size >= NAMES_MAX) this.names.clear();
    this.names.set(name, { node, until });
  }

  /** A name changed: what was known of the folder isn't so any more. */
  #changed(name: string): void {
    this.names.delete(name);
    this.isChanged();
  }

  #make(opcode: number, name: string, bytes: () => Uint8Array, type: number): Inode | number {
    const refused = this.#permits(MAY_WRITE | MAY_EXEC);
    if (refused < 0) return refused;
    const answer = this.ask(opcode, name, bytes, op.FuseEntryOut.size);
    if (isErrno(answer)) return answer;
    this.#changed(name);
    return this.#entry(name, answer, type);
  }

  get #umask(): number {
    return this.fileSystem.connection.caller?.fs.umask ?? 0;
  }

  override create(name: string, { mode, rdev, openFlags }: NewInode): Inode | number {
    const type = mode & S_IFMT;
    if (type === S_IFREG && openFlags !== undefined) {
      const made = this.#createOpen(op.FUSE_CREATE, name, mode, openFlags);
      if (made !== -ENOSYS) return made;
    }
    const number = (rdev & 0xff) | ((rdev >>> 8) << 8);
    const bytes = (): Uint8Array => message(op.FuseMknodIn, { mode, rdev: number, umask: this.#umask }, null, name);
    return this.#make(op.FUSE_MKNOD, name, bytes, type);
  }

  override createUnnamed({ mode, openFlags }: NewInode): Inode | number {
    // The name is the one that Linux gives to what has none.
    const made = this.#createOpen(op.FUSE_TMPFILE, "/", mode, openFlags ?? 0);
    if (made === -ENOSYS) return -EOPNOTSUPP;
    if (!isErrno(made) && made.nlink > 0) made.#loseName();
    return made;
  }

  /** FUSE_CREATE, FUSE_TMPFILE: the file comes with a handle, which the opening that follows takes. */
  #createOpen(opcode: number, name: string, mode: number, openFlags: number): FuseInode | number {
    const refused = this.#permits(MAY_WRITE | MAY_EXEC);
    if (refused < 0) return refused;
    const flags = openFlags & ~0o400;
    const bytes = (): Uint8Array => message(op.FuseCreateIn, { flags, mode, umask: this.#umask }, null, name);
    const size = op.FuseEntryOut.size + op.FuseOpenOut.size;
    const answer = this.ask(opcode, name, bytes, size);
    if (isErrno(answer)) return answer;
    this.#changed(name);
    let made = answer.held;
    if (made === null) {
      if (answer.isTaken) return -EIO;
      const view = viewOf(answer.reply);
      const inode = this.fileSystem.inodeFor(view, answer.unique);
      // Left as it is, it is given back with the call.
      if (isErrno(inode)) return inode;
      answer.isTaken = true;
      const opened = this.#opened(answer.reply, op.FuseEntryOut.size, flags & ~OPENING, false);
      made = new FuseCreation(inode, new FuseHandle(this.fileSystem.connection, inode, opened));
      answer.hold(made);
    }
    const { inode, handle } = made as FuseCreation<FuseInode>;
    if (!inode.isRegular) return -EIO;
    inode.#created = handle;
    return inode;
  }

  #opened(
    reply: Uint8Array,
    at: number,
    flags: number,
    isDirectory: boolean,
  ): ConstructorParameters<typeof FuseHandle>[2] {
    const openFlags = viewOf(reply).getUint32(at + op.FuseOpenOut.offset.open_flags, true);
    return { fh: opaqueAt(viewOf(reply), at), openFlags, flags, isDirectory, isUnknown: false };
  }

  override mkdir(name: string, { mode }: NewInode): Inode | number {
    const values = { mode: mode & 0o7777, umask: this.#umask };
    return this.#make(op.FUSE_MKDIR, name, () => message(op.FuseMkdirIn, values, null, name), S_IFDIR);
  }

  override symlink(name: string, target: string): Inode | number {
    return this.#make(op.FUSE_SYMLINK, name, () => message(null, {}, null, name, target), S_IFLNK);
  }

  override link(name: string, inode: Inode): number {
    const { node } = inode as FuseInode;
    const bytes = (): Uint8Array => {
      const made = message(op.FuseLinkIn, {}, null, name);
      putOpaque(viewOf(made), made.length - op.FuseLinkIn.size - name.length - 1, node);
      return made;
    };
    const made = this.#make(op.FUSE_LINK, name, bytes, inode.mode & S_IFMT);
    // A server that has none, as all that has none (link(2)).
    if (isErrno(made)) return made === -ENOSYS ? -EPERM : made;
    (inode as FuseInode).isUnlinked = false;
    return 0;
  }

  override unlink(name: string, inode: Inode): number {
    return this.#remove(op.FUSE_UNLINK, name, inode as FuseInode);
  }

  override rmdir(name: string, inode: Inode): number {
    return this.#remove(op.FUSE_RMDIR, name, inode as FuseInode);
  }

  #remove(opcode: number, name: string, inode: FuseInode): number {
    const refused = this.#permits(MAY_WRITE | MAY_EXEC);
    if (refused < 0) return refused;
    const answer = this.ask(opcode, name, () => message(null, {}, null, name), 0);
    if (isErrno(answer)) return answer;
    this.#changed(name);
    inode.#loseName();
    return 0;
  }

  #loseName(): void {
    this.nlink = this.isDirectory ? 0 : Math.max(0, this.nlink - 1);
    this.isUnlinked = this.nlink === 0;
    this.isChanged();
  }

  override rename(
    name: string,
    inode: Inode,
    newDirectory: Inode,
    newName: string,
    replaced: Inode | null,
    flags: number,
  ): number {
    const target = newDirectory as FuseInode;
    const refused = this.#permits(MAY_WRITE | MAY_EXEC) || target.#permits(MAY_WRITE | MAY_EXEC);
    if (refused < 0) return refused;
    const bytes = (): Uint8Array => {
      const layout = flags === 0 ? op.FuseRenameIn : op.FuseRename2In;
      const made = message<string>(layout, flags === 0 ? {} : { flags }, null, name, newName);
      putOpaque(viewOf(made), made.length - layout.size - name.length - newName.length - 2, target.node);
      return made;
    };
    const opcode = flags === 0 ? op.FUSE_RENAME : op.FUSE_RENAME2;
    const answer = this.ask(opcode, `${name}/${newName}`, bytes, 0);
    if (isErrno(answer)) return answer === -ENOSYS && flags !== 0 ? -EINVAL : answer;
    this.#changed(name);
    target.#changed(newName);
    (inode as FuseInode).isChanged();
    if (replaced !== null && (flags & 2) === 0) (replaced as FuseInode).#loseName();
    return 0;
  }

  override readlink(): string | number {
    if (!this.isSymlink) return -EINVAL;
    const answer = this.ask(op.FUSE_READLINK, "", () => message(null, {}), 0, PATH_MAX);
    if (isErrno(answer)) return answer;
    answer.isTaken = true;
    const text = byteString(answer.reply, 0, Math.min(answer.reply.length, PATH_MAX - 1));
    const end = text.indexOf("\0");
    return end < 0 ? text : text.slice(0, end);
  }

  // Attributes.
  override setAttributes(change: AttributeChange): number {
    const { mode, uid, gid, atime, mtime } = change;
    // The time of change alone is the server's.
    if (mode === undefined && uid === undefined && gid === undefined && atime === undefined && mtime === undefined)
      return 0;
    const refused = mayChangeAttributes(this, change);
    if (refused < 0) return refused;
    const values = attributeValues(this, change);
    return this.#setattr(`${values["valid"]}`, values);
  }

  #setattr(key: string, values: Record<string, number>, handle: FuseHandle | null = null): number {
    const bytes = (): Uint8Array => message<string>(op.FuseSetattrIn, values, handle?.fh ?? null);
    const answer = this.ask(op.FUSE_SETATTR, key, bytes, op.FuseAttrOut.size);
    return isErrno(answer) ? answer : this.#applyOut(answer);
  }

  changePages(offset: number, bytes: Uint8Array, request = Infinity): void {
    const { pages } = this;
    if (pages === null) return;
    const memory = this.fileSystem.kernel.physical.u8;
    let mapped: readonly PageRange[] | null = null;
    for (let at = 0; at < bytes.length;) {
      const within = (offset + at) % PAGE_SIZE;
      const part = Math.min(PAGE_SIZE - within, bytes.length - at);
      const index = (offset + at - within) / PAGE_SIZE;
      let frame = pages.ownFrame(index);
      // What is mapped was read in, but for where the file has become longer since: nothing is there yet.
      if (frame === 0) {
        mapped ??= pages.account.ofKernel.mappings?.mappedRanges(pages) ?? [];
        if (isInRanges(mapped, index)) frame = pages.frameForOverwrite(index);
      }
      if (frame > 0) {
        memory.set(bytes.subarray(at, at + part), frame * PAGE_SIZE + within);
        pages.notifyChange(index);
        this.#noteWritten(index, request);
      }
      at += part;
    }
  }

  #noteWritten(index: PageIndex, request: number): void {
    const { written } = this;
    if (written === null) return;
    const { nextUnique } = this.fileSystem.connection;
    if (written.isNewer(index, request)) written.add(index, nextUnique);
    else written.note(index, nextUnique);
  }

  override pageWritten(index: PageIndex): void {
    const { kernel, connection } = this.fileSystem;
    (this.written ??= new WrittenPages()).add(index, connection.nextUnique);
    markInodeDirty(kernel, this);
  }

  /**
   * sync(2), or a while after: what mappings have written is on its way to the server. Nobody waits for it, as the
   * server could be who does (Linux mm/page-writeback.c, AS_NO_DATA_INTEGRITY); fsync(2) waits.
   */
  override storeAttributes(): number {
    const handle = writableHandle(this);
    if (handle !== null) postWritten(this, handle, false);
    return 0;
  }

  override sync(dataOnly: boolean): number {
    const handle = writableHandle(this);
    return handle === null ? 0 : this.syncBy(handle, dataOnly);
  }

  syncBy({ fh }: FuseHandle, dataOnly: boolean): number {
    const key = `${keyOf(fh)} ${dataOnly}`;
    const stored = storeWritten(this, op.FUSE_FSYNC, key);
    if (stored < 0) return stored;
    const values = { fsync_flags: dataOnly ? op.FUSE_FSYNC_FDATASYNC : 0 };
    const answer = this.ask(op.FUSE_FSYNC, key, () => message(op.FuseFsyncIn, values, fh), 0);
    return isErrno(answer) && answer !== -ENOSYS ? answer : 0;
  }

  override truncate(size: number, _now: Time, by: OpenFile | null = null): number {
    const permitted = this.handles.size > 0 ? 0 : this.#permits(MAY_WRITE);
    if (permitted < 0) return permitted;
    const waits = awaitArrivals(this, op.FUSE_SETATTR);
    if (waits < 0) return waits;
    const handle = handleOf(by);
    const failed = this.#setattr(`size ${size}`, sizeValues(this, size, handle), handle);
    if (failed < 0) return failed;
    this.loadedAs = "";
    this.fileSystem.stored?.drop(keyOf(this.node));
    return 0;
  }

  /** Mappings end where the file does. */
  #shrink(size: number): void {
    const { pages } = this;
    if (pages === null) return;
    // It may be as long again before anybody maps it.
    this.loadedAs = "";
    const { kernel } = this.fileSystem;
    const { mayPause } = kernel.work;
    // Who learns that a file is shorter can't stop at that.
    kernel.work.mayPause = false;
    kernel.fileShrinks(this, size);
    kernel.work.mayPause = mayPause;
    this.written?.drop(Math.ceil(size / PAGE_SIZE));
    // Without memory for a tail of its own it goes, and is read in with the next mapping.
    if (pages.truncate(size) < 0) pages.lose(Math.floor(size / PAGE_SIZE));
  }

  override allocate(...[mode, offset, length, , by = null]: Parameters<Inode["allocate"]>): number {
    // fs/fuse/file.c, fuse_file_fallocate
    if ((mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE)) !== 0) return -EOPNOTSUPP;
    const handle = handleOf(by) ?? [...this.handles].find(({ flags }) => (flags & O_ACCMODE) !== O_RDONLY);
    if (handle === undefined) return -EOPNOTSUPP;
    const bytes = (): Uint8Array => message(op.FuseFallocateIn, { offset, length, mode }, handle.fh);
    const key = `${mode} ${offset} ${length}`;
    const stored = storeWritten(this, op.FUSE_FALLOCATE, key);
    if (stored < 0) return stored;
    const answer = this.ask(op.FUSE_FALLOCATE, key, bytes, 0);
    if (isErrno(answer)) return answer === -ENOSYS ? -EOPNOTSUPP : answer;
    this.isChanged();
    this.loadedAs = "";
    this.fileSystem.stored?.drop(keyOf(this.node), offset, offset + length);
    if ((mode & FALLOC_FL_KEEP_SIZE) === 0 && offset + length > this.size) this.size = offset + length;
    return 0;
  }

  // Extended attributes (fuse-attributes.ts).
  override getXattr(name: string, room?: number): Uint8Array | number {
    return servedAttribute(this, name, room);
  }

  override setXattr(name: string, value: Uint8Array, flags: number): number {
    return setServedAttribute(this, name, value, flags);
  }

  override removeXattr(name: string): number {
    return removeServedAttribute(this, name);
  }

  override listXattrs(room?: number): string[] | number {
    return servedAttributes(this, room);
  }

  override open(_task: FsCaller, flags: number, path: Path): OpenFile | number | null {
    if (!this.isRegular && !this.isDirectory) return null;
    const made = this.#created;
    this.#created = null;
    const refused = made === null ? this.#mayOpen(flags) : 0;
    if (refused < 0) return refused;
    const handle = made ?? this.openHandle(flags & ~OPENING);
    if (isErrno(handle)) return handle;
    if ((handle.openFlags & op.FOPEN_KEEP_CACHE) === 0) {
      this.fileSystem.stored?.drop(keyOf(this.node));
      // The next mapping reads in anew what is mapped, but for what mappings have written (fs/fuse/file.c,
      // fuse_finish_open).
      if (this.pages !== null) this.loadedAs = "";
    }
    return this.isDirectory
      ? new FuseDirectoryFile(flags, this, path, handle)
      : new FuseFile(flags, this, path, handle);
  }

  #mayOpen(flags: number): number {
    if (!this.isDirectory && !this.fileSystem.connection.rules.checksPermissions) return 0;
    const access = flags & O_ACCMODE;
    return this.#permits((access !== O_WRONLY ? MAY_READ : 0) | (access !== O_RDONLY ? MAY_WRITE : 0));
  }

  override askOpen(flags: number): number {
    const refused = this.#mayOpen(flags);
    if (refused < 0) return refused;
    const answer = this.#askOpening(flags & ~OPENING);
    if (isErrno(answer)) return answer === -ENOSYS ? 0 : answer;
    answer.isUsed = false;
    return 0;
  }

  #askOpening(flags: number): FuseRequest | number {
    const opcode = this.isDirectory ? op.FUSE_OPENDIR : op.FUSE_OPEN;
    return this.ask(opcode, String(flags), () => message(op.FuseOpenIn, { flags }), op.FuseOpenOut.size);
  }

  openHandle(flags: number): FuseHandle | number {
    const { connection } = this.fileSystem;
    const { isDirectory } = this;
    const answer = this.#askOpening(flags);
    if (answer === -ENOSYS) {
      const nothing = { fh: NO_NODE, openFlags: 0, flags, isDirectory, isUnknown: true };
      return this.refused < 0 ? this.refused : new FuseHandle(connection, this, nothing);
    }
    if (isErrno(answer)) return answer;
    if (answer.held !== null) return answer.held as FuseHandle;
    answer.isTaken = true;
    const handle = new FuseHandle(connection, this, this.#opened(answer.reply, 0, flags, isDirectory));
    answer.hold(handle);
    return handle;
  }

  override evict(): void {
    this.fileSystem.forget(this);
  }

  override forget(): void {
    this.pages?.dispose();
    this.pages = null;
    this.fileSystem.forget(this);
  }

  static {
    stateClass("FuseInode", this, {
      save: (it) => ({ created: it.#created }),
      load: (it, from) => ({ created: it.#created } = from),
    });
  }
}
