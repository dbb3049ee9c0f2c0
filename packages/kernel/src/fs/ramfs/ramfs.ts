import { EINVAL, PAGE_SIZE, RAMFS_MAGIC } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { ROOT } from "../../security/credentials.ts";
import { type FileSystemType, type FileSystemUsage, simpleUsage } from "../../vfs/file-system.ts";
import type { MountOptions } from "../../vfs/mount-options.ts";
import { Tmpfs } from "../tmpfs/tmpfs.ts";
import type { FsKernel } from "../fs-kernel.ts";

const DEFAULT_MODE = 0o755;

/** ramfs of Linux: a tmpfs that has no sizes to give or to show. What bounds it is the machine's memory. */
export class Ramfs extends Tmpfs {
  override readonly type = "ramfs";
  readonly mode: number;

  constructor(kernel: FsKernel, mode: number) {
    const { fsuid: uid, fsgid: gid } = kernel.scheduler.current?.credentials ?? ROOT;
    const { limit } = kernel.memory;
    super(kernel, { sizeBytes: limit * PAGE_SIZE, inodes: limit, mode, uid, gid });
    this.mode = mode;
  }

  override usage(): FileSystemUsage {
    return simpleUsage(RAMFS_MAGIC);
  }

  override get options(): string {
    return this.mode === DEFAULT_MODE ? "" : `mode=${this.mode.toString(8)}`;
  }

  /** Linux has nothing to set anew, and refuses nothing. */
  override reconfigure(): number {
    return 0;
  }

  static {
    stateClass("Ramfs", this);
  }
}

/** Options that it doesn't know are passed over, as Linux does for those who mount it in tmpfs' place. */
export const ramfsType: FileSystemType = {
  name: "ramfs",
  isVirtual: true,
  userNamespace: (caller) => caller.credentials.userNamespace,
  create(kernel: FsKernel, _source: string, options: MountOptions) {
    const mode = options.get("mode");
    if (mode !== undefined && !/^[0-7]{1,10}$/.test(mode)) return -EINVAL;
    return new Ramfs(kernel, mode === undefined ? DEFAULT_MODE : parseInt(mode, 8) & 0o7777);
  },
};
