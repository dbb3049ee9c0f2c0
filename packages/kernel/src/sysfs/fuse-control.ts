/** fusectl: how many requests wait for each program that serves files, and how it is cut off (fs/fuse/control.c). */
import { ENOENT, EINVAL, S_IFMT } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import type { FuseConnection } from "../fs/fuse/fuse-connection.ts";
import type { Kernel } from "../task/kernel-state.ts";
import { type FileSystem, type FileSystemUsage, simpleUsage } from "../vfs/file-system.ts";
import type { Inode } from "../vfs/inode.ts";
import {
  FOUND_BY_NAME,
  PseudoDirectory,
  PseudoFile,
  PseudoFileSystem,
  remadeFileSystem,
} from "../pseudo/pseudo-inodes.ts";

const FUSE_CTL_SUPER_MAGIC = 0x65735543;
/** What is told of requests that run in the background: there is no bound of its own on them. */
const BACKGROUND = 12,
  CONGESTED = 9;

interface Served extends FileSystem {
  readonly connection: FuseConnection;
}

class FuseControl extends PseudoFileSystem {
  readonly type = "fusectl";
  readonly root: PseudoDirectory;

  constructor(kernel: Kernel) {
    super(kernel);
    this.root = new Connections(this);
  }

  usage(): FileSystemUsage {
    return simpleUsage(FUSE_CTL_SUPER_MAGIC);
  }

  static {
    stateClass("FuseControl", this, null, remadeFileSystem(FuseControl));
  }
}

/** A folder for each that is mounted. */
class Connections extends PseudoDirectory {
  /** Bound: those that are mounted; others are dropped when the folder is listed. */
  #made = new Map<FuseConnection, PseudoDirectory>();

  constructor(fileSystem: PseudoFileSystem) {
    super(fileSystem, 0o755);
  }

  override get cachesNames(): boolean {
    return false;
  }

  #connections(): FuseConnection[] {
    const served = [...this.fileSystem.kernel.vfs.roots.keys()].filter((each) => each.isServed);
    return served.map((each) => (each as Served).connection);
  }

  #folderOf(connection: FuseConnection): PseudoDirectory {
    const present = this.#made.get(connection);
    if (present !== undefined) return present;
    let folder!: PseudoDirectory;
    const make = (): void => void (folder = this.holds(String(connection.number), this.#make(connection)));
    this.fileSystem.inRegion(connection.number + 1, make);
    this.#made.set(connection, folder);
    return folder;
  }

  #make(connection: FuseConnection): PseudoDirectory {
    const { fileSystem } = this;
    const { userId, groupId } = connection.rules;
    const folder = new PseudoDirectory(fileSystem, 0o500);
    const sink = (): number => {
      connection.abort();
      return 0;
    };
    const refused = (): number => -EINVAL;
    folder.add("waiting", new PseudoFile(fileSystem, () => `${connection.waiting}\n`, { mode: 0o400 }));
    folder.add("abort", new PseudoFile(fileSystem, () => "", { mode: 0o200, sink }));
    folder.add("max_background", new PseudoFile(fileSystem, () => `${BACKGROUND}\n`, { mode: 0o600, sink: refused }));
    folder.add(
      "congestion_threshold",
      new PseudoFile(fileSystem, () => `${CONGESTED}\n`, { mode: 0o600, sink: refused }),
    );
    for (const inode of [folder, ...folder.entries.values()]) Object.assign(inode, { uid: userId, gid: groupId });
    return folder;
  }

  #named(name: string): FuseConnection | undefined {
    return this.#connections().find(({ number }) => String(number) === name);
  }

  override entryNamed(name: string): Inode | null {
    const found = this.#named(name);
    return found === undefined ? null : this.#folderOf(found);
  }

  override lookup(name: string): Inode | number {
    return this.entryNamed(name) ?? -ENOENT;
  }

  override list(
    cursor: number,
    emit: (name: string, ino: number, type: number, nextCursor: number) => boolean,
  ): number {
    const connections = this.#connections();
    for (const made of this.#made.keys()) if (!connections.includes(made)) this.#made.delete(made);
    for (const [index, connection] of connections.entries()) {
      if (index < cursor) continue;
      const folder = this.#folderOf(connection);
      if (!emit(String(connection.number), folder.ino, (folder.mode & S_IFMT) >> 12, index + 1)) break;
    }
    return 0;
  }

  static {
    stateClass("FuseConnections", this, null, { ...FOUND_BY_NAME, keeps: ["#made"] });
  }
}

/** The file system, for each mount anew. */
export function makeFuseControl(kernel: Kernel): FileSystem {
  return new FuseControl(kernel);
}
