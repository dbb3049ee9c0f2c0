import {
  CAP_SYS_ADMIN,
  CAP_SYSLOG,
  EINVAL,
  ENODEV,
  ENOSPC,
  EPERM,
  MEM_MAJOR,
  O_ACCMODE,
  O_WRONLY,
  PAGE_SIZE,
  POLLIN,
  POLLRDNORM,
  SEEK_CUR,
  SEEK_SET,
} from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { KernelMessageDevice } from "./kernel-message-device.ts";
import { WORK } from "../../ground/call-work.ts";
import { isCapable } from "../../security/credentials.ts";
import type { Inode } from "../../vfs/inode.ts";
import { WaitQueue } from "../../ground/wait-queue.ts";
import type { IoCursor } from "../../ground/io-cursor.ts";
import { OpenFile } from "../../vfs/open-file.ts";
import type { Path } from "../../vfs/path.ts";
import type { DeviceDrivers } from "../../vfs/vfs-state.ts";
import type { FsCaller, FsKernel } from "../fs-kernel.ts";

export const NULL_MINOR = 3,
  ZERO_MINOR = 5,
  FULL_MINOR = 7,
  RANDOM_MINOR = 8,
  URANDOM_MINOR = 9,
  KMSG_MINOR = 11;

const zeroes = new Uint8Array(65536);
const chunk = new Uint8Array(4096);

/** Common to the endless devices: seeking is allowed and means nothing (null(4)). */
abstract class MemoryDevice extends OpenFile {
  readonly kernel: FsKernel;

  constructor(kernel: FsKernel, flags: number, inode: Inode, path: Path) {
    super(flags, inode, path);
    this.kernel = kernel;
  }

  override write(_task: FsCaller, from: IoCursor, _offset: number): number {
    const count = from.remaining;
    from.skip(count);
    return count;
  }

  override seek(offset: number, whence: number): number {
    if (whence === SEEK_SET) this.position = offset < 0 ? 0 : offset;
    else if (whence !== SEEK_CUR && whence !== 2) return -EINVAL;
    return 0;
  }
}

class NullDevice extends MemoryDevice {
  override read(): number {
    return 0;
  }

  static {
    stateClass("NullDevice", this);
  }
}

class ZeroDevice extends MemoryDevice {
  override read(task: FsCaller, to: IoCursor, _offset: number): number {
    let done = 0;
    while (to.remaining > 0) {
      const part = Math.min(to.remaining, zeroes.length);
      const moved = to.put(zeroes, 0, part);
      if (moved < 0) return done > 0 ? done : moved;
      done += moved;
      if (moved < part || task.kernel.work.mustPause()) break;
    }
    return done;
  }

  override mapping(): null | number {
    return null;
  }

  static {
    stateClass("ZeroDevice", this);
  }
}

class FullDevice extends ZeroDevice {
  override get mayNotWait(): boolean {
    return false;
  }

  override hasIterator(isWrite: boolean): boolean {
    return !isWrite;
  }

  override write(_task: FsCaller, from: IoCursor, _offset: number): number {
    return from.remaining === 0 ? 0 : -ENOSPC;
  }

  override mapping(): number {
    return -ENODEV;
  }

  static {
    stateClass("FullDevice", this);
  }
}

class RandomDevice extends MemoryDevice {
  #queue = new WaitQueue();

  override read(task: FsCaller, to: IoCursor, _offset: number): number {
    let done = 0;
    while (to.remaining > 0) {
      const part = Math.min(to.remaining, chunk.length);
      this.kernel.random.fill(chunk.subarray(0, part));
      const moved = to.put(chunk, 0, part);
      if (moved < 0) return done > 0 ? done : moved;
      done += moved;
      task.kernel.work.charge(1 + Math.floor((part * WORK.RANDOM_PAGE) / PAGE_SIZE));
      if (moved < part || task.kernel.work.mustPause()) break;
    }
    return done;
  }

  /** random(4) ioctls: the pool is always full. */
  override ioctl(task: FsCaller, command: number, argument: number): number {
    const RNDGETENTCNT = 0x80045200,
      RNDADDTOENTCNT = 0x40045201,
      RNDADDENTROPY = 0x40085203;
    if (command === RNDGETENTCNT) return task.space.storeU32(argument, 256);
    if (command === RNDADDTOENTCNT || command === RNDADDENTROPY)
      return isCapable(task.credentials, CAP_SYS_ADMIN) ? 0 : -EPERM;
    return -EINVAL;
  }

  override get asyncQueue(): WaitQueue {
    return this.#queue;
  }

  static {
    stateClass("RandomDevice", this, {
      save: (it) => ({ queue: it.#queue }),
      load: (it, from) => ({ queue: it.#queue } = from),
    });
  }
}

/** /dev/random: as urandom, but one can wait for it to be readable; it always is (random_poll in Linux). */
class AwaitedRandomDevice extends RandomDevice {
  override poll(): number {
    return POLLIN | POLLRDNORM;
  }

  override get waitQueue(): WaitQueue {
    return this.asyncQueue;
  }

  static {
    stateClass("AwaitedRandomDevice", this);
  }
}

/** Tells the vfs who opens them. */
export function registerMemoryDevices(devices: DeviceDrivers): void {
  type Make = (kernel: FsKernel, flags: number, inode: Inode, path: Path) => OpenFile;
  const register = (minor: number, make: Make): void => {
    devices.registerCharacter(MEM_MAJOR, minor, {
      name: "mem",
      open: ({ kernel }: FsCaller, inode: Inode, flags: number, path: Path) => make(kernel, flags, inode, path),
    });
  };
  register(NULL_MINOR, (kernel, flags, inode, path) => new NullDevice(kernel, flags, inode, path));
  register(ZERO_MINOR, (kernel, flags, inode, path) => new ZeroDevice(kernel, flags, inode, path));
  register(FULL_MINOR, (kernel, flags, inode, path) => new FullDevice(kernel, flags, inode, path));
  register(RANDOM_MINOR, (kernel, flags, inode, path) => new AwaitedRandomDevice(kernel, flags, inode, path));
  register(URANDOM_MINOR, (kernel, flags, inode, path) => new RandomDevice(kernel, flags, inode, path));
  devices.registerCharacter(MEM_MAJOR, KMSG_MINOR, {
    name: "mem",
    open: ({ kernel, credentials }: FsCaller, inode: Inode, flags: number, path: Path) => {
      const reads = (flags & O_ACCMODE) !== O_WRONLY;
      if (reads && kernel.messages.isRestricted && !isCapable(credentials, CAP_SYSLOG)) return -EPERM;
      return new KernelMessageDevice(kernel, flags, inode, path);
    },
  });
}
