/**
 * What /proc/PID/ns/KIND leads to: a file that stands for a namespace and keeps it alive while it is open or mounted
 * somewhere (namespaces(7)). Read next: task/enter-namespaces.ts, setns(2).
 */
import { EINVAL, EPERM, NSFS_MAGIC, O_ACCMODE, O_RDONLY, S_IFREG } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import type { Namespace } from "../security/namespace.ts";
import { Dentry } from "./dentry.ts";
import { FileSystem, type FileSystemUsage, simpleUsage } from "./file-system.ts";
import { Inode } from "./inode.ts";
import { Mount } from "./mount.ts";
import { OpenFile } from "./open-file.ts";
import { Path } from "./path.ts";
import type { Caller, VfsKernel } from "./vfs-kernel.ts";

/** The number by which a directory entry, a link and an open file name it. */
export function namespaceName({ kind, ino }: Namespace): string {
  return `${kind}:[${ino}]`;
}

class NamespaceFileSystem extends FileSystem {
  readonly type = "nsfs";
  readonly root: Inode;
  readonly kernel: VfsKernel;
  /** Of namespaces whose file is open or mounted: each is one inode. Bound: namespaces. */
  readonly entries = new Map<Namespace, NamespaceEntry>();
  #mount: Mount;

  constructor(kernel: VfsKernel) {
    super(kernel.allocateDevice());
    this.kernel = kernel;
    this.root = new NamespaceRoot(this, 0, 0o040500, 0, 0, kernel.vfs.now());
    this.#mount = new Mount(0, this, new Dentry("/", null, this.root), null, null, 0, "nsfs");
    // It stays, mounted or not.
    kernel.vfs.roots.set(this, { dentry: this.#mount.root, mounts: 1, lingering: 0 });
  }

  usage(): FileSystemUsage {
    return simpleUsage(NSFS_MAGIC);
  }

  pathOf(namespace: Namespace): Path {
    return new Path(this.#mount, this.entries.get(namespace) ?? new NamespaceEntry(this, namespace));
  }

  static {
    stateClass("NamespaceFileSystem", this, {
      save: (it) => ({ mount: it.#mount }),
      load: (it, from) => ({ mount: it.#mount } = from),
    });
  }
}

class NamespaceRoot extends Inode {
  static {
    stateClass("NamespaceRoot", this);
  }
}

/** Holds its namespace while somebody holds it. */
class NamespaceEntry extends Dentry {
  declare readonly inode: NamespaceInode;

  constructor(fileSystem: NamespaceFileSystem, namespace: Namespace) {
    super(namespaceName(namespace), null, new NamespaceInode(fileSystem, namespace));
  }

  override retain(): void {
    const { fileSystem, namespace } = this.inode;
    if (this.users === 0) fileSystem.entries.set(namespace.retain(), this);
    super.retain();
  }

  override release(): void {
    const { fileSystem, namespace } = this.inode;
    super.release();
    if (this.users > 0) return;
    fileSystem.entries.delete(namespace);
    namespace.release();
  }

  static {
    stateClass("NamespaceEntry", this);
  }
}

export class NamespaceInode extends Inode {
  declare readonly fileSystem: NamespaceFileSystem;
  readonly namespace: Namespace;

  constructor(fileSystem: NamespaceFileSystem, namespace: Namespace) {
    super(fileSystem, namespace.ino, S_IFREG | 0o444, 0, 0, fileSystem.kernel.vfs.now());
    this.namespace = namespace;
  }

  override open(_task: Caller, flags: number, path: Path): OpenFile | number {
    return (flags & O_ACCMODE) === O_RDONLY ? new NamespaceFile(flags, this, path) : -EPERM;
  }

  override setAttributes(): number {
    return 0;
  }

  static {
    stateClass("NamespaceInode", this);
  }
}

export class NamespaceFile extends OpenFile {
  declare readonly inode: NamespaceInode;

  get namespace(): Namespace {
    return this.inode.namespace;
  }

  override get description(): string {
    return namespaceName(this.namespace);
  }

  override read(): number {
    return -EINVAL;
  }

  /** ioctl_ns(2): asks a higher floor, which knows what namespaces are to tasks. */
  override ioctl(task: Caller, command: number, argument: number): number {
    return task.kernel.vfs.namespaceRequest(task, this.namespace, command, argument);
  }

  static {
    stateClass("NamespaceFile", this);
  }
}

/** The file system of a machine's namespaces, made when it is first asked for. */
export function namespaceFileSystem(kernel: VfsKernel): NamespaceFileSystem {
  return (kernel.vfs.namespaces ??= new NamespaceFileSystem(kernel)) as NamespaceFileSystem;
}
