import { EINVAL, EIO, ENOENT, O_ACCMODE, PAGE_SIZE, S_IFMT, isErrno } from "@stratos/abi";
import {
  FUSE_NAME_MAX,
  FUSE_ROOT_ID,
  FUSE_STATFS,
  FuseAttr,
  FuseEntryOut,
  FuseKstatfs,
  FuseNotifyRetrieveIn,
} from "@stratos/abi/fuse";
import { stateClass } from "@stratos/base";
import { getU64, viewOf } from "../../ground/words.ts";
import { dropCachedChild } from "../../vfs/dentry-cache.ts";
import { minorOf } from "../../vfs/device-registry.ts";
import { FileSystem, type FileSystemUsage } from "../../vfs/file-system.ts";
import type { MountOptions } from "../../vfs/mount-options.ts";
import type { FsCaller, FsKernel } from "../fs-kernel.ts";
import { modeOf } from "./entry-values.ts";
import { FuseConnection } from "./fuse-connection.ts";
import { FuseDeviceFile, type ServedFiles } from "./fuse-device-file.ts";
import { FuseInode, type ServedSystem } from "./fuse-inode.ts";
import { keyOf, message, type Opaque, opaqueAt } from "./fuse-request.ts";
import { StoredPages } from "./stored-pages.ts";

const FUSE_SUPER_MAGIC = 0x65735546;

/** A file system whose files a program in the machine serves (fuse(4)). Read fuse-connection.ts first. */
class FuseFileSystem extends FileSystem implements ServedSystem, ServedFiles {
  readonly type: string;
  readonly kernel: FsKernel;
  readonly connection: FuseConnection;
  readonly root: FuseInode;
  /** null: the server has never stored anything. */
  stored: StoredPages | null = null;
  /** Those that the server was not told to forget. */
  #inodes = new Map<number | string, FuseInode>();
  #usage: FileSystemUsage = {
    magic: FUSE_SUPER_MAGIC,
    blockSize: 4096,
    blocks: 0,
    blocksFree: 0,
    files: 0,
    filesFree: 0,
    nameMax: 255,
  };

  constructor(kernel: FsKernel, type: string, rootMode: number, caller: FsCaller, rules: FuseConnection["rules"]) {
    super(kernel.allocateDevice());
    this.type = type;
    this.kernel = kernel;
    this.connection = new FuseConnection(kernel, minorOf(this.device), caller.credentials.userNamespace, rules);
    this.root = new FuseInode(this, { low: FUSE_ROOT_ID, high: 0 }, { low: 0, high: 0 }, rootMode);
    (this.root as { ino: number }).ino = FUSE_ROOT_ID;
    this.#inodes.set(FUSE_ROOT_ID, this.root);
  }

  override get isServed(): boolean {
    return true;
  }

  override get nameMost(): number {
    return FUSE_NAME_MAX;
  }

  inodeFor(entry: DataView, unique: number): FuseInode | number {
    const { offset } = FuseEntryOut;
    const node = opaqueAt(entry, offset.nodeid);
    const generation = opaqueAt(entry, offset.generation);
    const key = keyOf(node);
    const mode = modeOf(entry, offset.attr);
    if (key === 0 || key === FUSE_ROOT_ID || mode === null) return -EIO;
    let inode = this.#inodes.get(key);
    const isOther =
      inode !== undefined &&
      (((inode.mode ^ mode) & S_IFMT) !== 0 ||
        inode.isStale ||
        inode.generation.low !== generation.low ||
        inode.generation.high !== generation.high);
    if (inode === undefined || isOther) {
      if (inode !== undefined) inode.isStale = true;
      inode = new FuseInode(this, node, generation, mode);
      this.#inodes.set(key, inode);
    }
    inode.lookups++;
    if (unique < inode.changedAt) return inode;
    const seconds = getU64(entry, offset.attr_valid);
    inode.apply(entry, offset.attr, seconds, entry.getUint32(offset.attr_valid_nsec, true));
    return inode;
  }

  inodeOf(node: Opaque): FuseInode | undefined {
    return this.#inodes.get(keyOf(node));
  }

  forget(inode: FuseInode): void {
    if (inode === this.root) return;
    const key = keyOf(inode.node);
    if (this.#inodes.get(key) === inode) {
      this.#inodes.delete(key);
      this.stored?.drop(key);
    }
    if (inode.lookups > 0) this.connection.forget(inode.node, inode.lookups);
    inode.lookups = 0;
  }

  invalidate(node: Opaque, offset: number, length: number): number {
    const inode = this.inodeOf(node);
    if (inode === undefined) return -ENOENT;
    inode.attributesUntil = 0;
    if (offset < 0) return 0;
    inode.loadedAs = "";
    this.stored?.drop(keyOf(node), offset, length <= 0 ? Infinity : offset + length);
    return 0;
  }

  mayStore(node: Opaque): number {
    const inode = this.inodeOf(node);
    return inode === undefined ? -ENOENT : inode.isRegular ? 0 : -EINVAL;
  }

  store(node: Opaque, offset: number, bytes: Uint8Array, end: number): void {
    const inode = this.inodeOf(node)!;
    inode.changePages(offset, bytes);
    if (offset + bytes.length > inode.size) {
      inode.size = offset + bytes.length;
      inode.attributesUntil = 0;
    }
    const within = offset % PAGE_SIZE;
    // What isn't known of a page makes it worthless, but for what lies beyond the end of the file.
    const isWhole = within === 0 && (bytes.length === PAGE_SIZE || inode.size === end);
    const key = keyOf(node);
    const index = (offset - within) / PAGE_SIZE;
    const page =
      this.stored?.page(key, index) ?? (isWhole ? (this.stored ??= new StoredPages()).add(key, index) : null);
    page?.set(bytes, within);
  }

  retrieve(node: Opaque, unique: Opaque, offset: number, size: number): number {
    const refused = this.mayStore(node);
    if (refused < 0) return refused;
    const inode = this.inodeOf(node)!;
    const { connection } = this;
    const end = Math.min(inode.size, offset + Math.min(size, connection.writeSize));
    const parts: Uint8Array[] = [];
    let at = offset;
    while (at < end) {
      const within = at % PAGE_SIZE;
      const page = this.stored?.page(keyOf(node), (at - within) / PAGE_SIZE);
      if (page === undefined) break;
      const part = page.subarray(within, Math.min(PAGE_SIZE, within + end - at));
      parts.push(part);
      at += part.length;
    }
    return connection.handBack(
      node,
      unique,
      message(FuseNotifyRetrieveIn, { offset, size: at - offset }, null, ...parts),
    );
  }

  invalidateName(parent: Opaque, name: string, expires: boolean): number {
    const inode = this.inodeOf(parent);
    if (inode === undefined) return -ENOENT;
    inode.attributesUntil = 0;
    const wasKnown = inode.names.delete(name);
    // What nobody uses is told to be forgotten.
    return dropCachedChild(this.kernel, inode, name, expires) || wasKnown ? 0 : -ENOENT;
  }

  invalidateAll(): void {
    for (const inode of this.#inodes.values()) inode.names.clear();
  }

  usage(): FileSystemUsage {
    return this.#usage;
  }

  override refreshUsage(): number {
    const answer = this.root.ask(FUSE_STATFS, "", () => message(null, {}), FuseKstatfs.size);
    // Who may not come near learns nothing, and no more than that.
    if (isErrno(answer)) return this.root.refused < 0 ? 0 : answer;
    answer.isTaken = true;
    const view = viewOf(answer.reply);
    const { offset } = FuseKstatfs;
    const size = view.getUint32(offset.frsize, true) || view.getUint32(offset.bsize, true) || 4096;
    this.#usage = {
      magic: FUSE_SUPER_MAGIC,
      blockSize: size,
      blocks: getU64(view, offset.blocks),
      blocksFree: getU64(view, offset.bavail),
      files: getU64(view, offset.files),
      filesFree: getU64(view, offset.ffree),
      nameMax: view.getUint32(offset.namelen, true),
    };
    return 0;
  }

  override get options(): string {
    const { userId, groupId, allowsOthers, checksPermissions, maxRead } = this.connection.rules;
    const { uids, gids } = this.connection.userNamespace;
    return (
      `user_id=${uids.shown(userId)},group_id=${gids.shown(groupId)}` +
      (checksPermissions ? ",default_permissions" : "") +
      (allowsOthers ? ",allow_other" : "") +
      (maxRead === Infinity ? "" : `,max_read=${maxRead}`)
    );
  }

  override forceUnmount(): void {
    this.connection.abort();
  }

  override shutdown(): void {
    for (const inode of this.#inodes.values()) {
      inode.pages?.dispose();
      inode.pages = null;
    }
    this.#inodes.clear();
    this.connection.end();
  }

  static {
    stateClass("FuseFileSystem", this, {
      save: (it) => ({ inodes: it.#inodes, usage: it.#usage }),
      load: (it, from) => ({ inodes: it.#inodes, usage: it.#usage } = from),
    });
  }
}

function numberOf(text: string | undefined, base: 8 | 10): number {
  const pattern = base === 8 ? /^[0-7]{1,7}$/ : /^[0-9]{1,10}$/;
  return text !== undefined && pattern.test(text) ? parseInt(text, base) : -1;
}

const OPTIONS: readonly string[] = [
  ...["fd", "rootmode", "user_id", "group_id", "default_permissions", "allow_other", "max_read", "subtype"],
];

/** mount(2) by a server, or by fusermount3(1) for one: `fd=` is its descriptor of the device. */
export function mountFuse(kernel: FsKernel, options: MountOptions): FileSystem | number {
  const caller = kernel.scheduler.current as FsCaller | null;
  const mode = numberOf(options.get("rootmode"), 8);
  const uid = numberOf(options.get("user_id"), 10),
    gid = numberOf(options.get("group_id"), 10),
    fd = numberOf(options.get("fd"), 10);
  if (caller === null || mode < 0 || uid < 0 || gid < 0 || fd < 0) return -EINVAL;
  for (const name of options.keys()) {
    if (OPTIONS.includes(name)) continue;
    kernel.log(`fuse: Unknown parameter '${name}'`);
    return -EINVAL;
  }
  const { userNamespace } = caller.credentials;
  const userId = userNamespace.uids.toKernel(uid),
    groupId = userNamespace.gids.toKernel(gid);
  const maxReadText = options.get("max_read");
  const maxRead = maxReadText === undefined ? Infinity : Math.max(4096, numberOf(maxReadText, 10));
  if (userId < 0 || groupId < 0 || (maxReadText !== undefined && numberOf(maxReadText, 10) < 0)) return -EINVAL;
  const file = caller.files.get(fd);
  if (!(file instanceof FuseDeviceFile) || (file.flags & O_ACCMODE) === 3) return -EINVAL;
  // It is mounted once more (Linux: fuse_get_tree).
  if (file.files !== null) {
    const present = file.files as FuseFileSystem;
    return kernel.vfs.roots.has(present) ? present : -EINVAL;
  }
  if (file.openedBy !== null && file.openedBy.userNamespace !== userNamespace) return -EINVAL;
  if (modeOfRoot(mode) === null) return -EINVAL;
  const subtype = options.get("subtype") ?? "";
  const fileSystem = new FuseFileSystem(kernel, subtype === "" ? "fuse" : `fuse.${subtype}`, mode, caller, {
    userId,
    groupId,
    allowsOthers: options.has("allow_other"),
    checksPermissions: options.has("default_permissions"),
    maxRead,
  });
  file.serve(fileSystem.connection, fileSystem);
  return fileSystem;
}

function modeOfRoot(mode: number): number | null {
  const view = new DataView(new ArrayBuffer(FuseAttr.size));
  view.setUint32(FuseAttr.offset.mode, mode, true);
  return modeOf(view, 0);
}
