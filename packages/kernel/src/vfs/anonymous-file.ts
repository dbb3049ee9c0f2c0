import { ANON_INODE_FS_MAGIC, PIPEFS_MAGIC, SOCKFS_MAGIC, S_IFIFO, S_IFSOCK } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { Dentry } from "./dentry.ts";
import { FileSystem, type FileSystemUsage, simpleUsage } from "./file-system.ts";
import { Inode, type NewInode } from "./inode.ts";
import { Mount } from "./mount.ts";
import type { OpenFile } from "./open-file.ts";
import { Path } from "./path.ts";
import type { VfsKernel } from "./vfs-kernel.ts";

/** Where files without a name live (Linux: pipefs, sockfs and anon_inodefs); never mounted in the tree. */
class AnonymousFileSystem extends FileSystem {
  readonly type = "anon_inodefs";
  readonly root: Inode;

  constructor(kernel: VfsKernel) {
    super(kernel.allocateDevice());
    this.root = new AnonymousInode(this, 0, 0o040500, kernel.vfs.now());
  }

  usage(): FileSystemUsage {
    return simpleUsage(ANON_INODE_FS_MAGIC);
  }

  static {
    stateClass("AnonymousFileSystem", this);
  }
}

/** An inode for a pipe, socket, eventfd …: attributes only. */
export class AnonymousInode extends Inode {
  constructor(fileSystem: FileSystem, ino: number, mode: number, now: NewInode["now"], uid = 0, gid = 0) {
    super(fileSystem, ino, mode, uid, gid, now);
  }

  /** Pipes and sockets lie in file systems of theirs, which are one here (statfs(2)). */
  get fileSystemMagic(): number {
    return this.type === S_IFIFO ? PIPEFS_MAGIC : this.type === S_IFSOCK ? SOCKFS_MAGIC : ANON_INODE_FS_MAGIC;
  }

  static {
    stateClass("AnonymousInode", this);
  }
}

export function anonymousMount(kernel: VfsKernel): Mount {
  let mount = kernel.vfs.anonymousMount;
  if (mount === null) {
    const fileSystem = new AnonymousFileSystem(kernel);
    mount = new Mount(0, fileSystem, new Dentry("/", null, fileSystem.root), null, null, 0, "anon_inodefs");
    kernel.vfs.anonymousMount = mount;
  }
  return mount;
}

/** @param kind  S_IFIFO, S_IFSOCK, or 0 for an anonymous inode without type (as eventfd) */
export function createAnonymousInode(
  kernel: VfsKernel,
  kind: number,
  permissions: number,
  owner: { fsuid: number; fsgid: number } = { fsuid: 0, fsgid: 0 },
): Inode {
  const inode = new AnonymousInode(
    anonymousMount(kernel).fileSystem,
    kernel.allocateAnonymousIno(),
    kind | permissions,
    kernel.vfs.now(),
    owner.fsuid,
    owner.fsgid,
  );
  if (kind === S_IFIFO || kind === S_IFSOCK) inode.nlink = 1;
  return inode;
}

/** The inode of any description; a nameless kind without one of its own gets one. */
export function inodeOfFile(kernel: VfsKernel, file: OpenFile): Inode {
  if (file.inode !== null) return file.shownInode!;
  return (file.anonymousInode ??= createAnonymousInode(kernel, 0, 0o600));
}

/** One is made up for a description without a path, so that each has a place for AT_EMPTY_PATH and /proc/PID/fd. */
export function pathOfFile(kernel: VfsKernel, file: OpenFile): Path {
  if (file.path !== null) return file.path;
  const dentry = new Dentry(file.description, null, inodeOfFile(kernel, file));
  return new Path(anonymousMount(kernel), dentry);
}
