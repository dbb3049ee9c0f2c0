import {
  BLOCK_EXT_MAJOR,
  EBUSY,
  EEXIST,
  EINVAL,
  ENODEV,
  ENOSPC,
  ENOTTY,
  ENXIO,
  LOOP_CTL_ADD,
  LOOP_CTL_GET_FREE,
  LOOP_CTL_REMOVE,
  LOOP_CTRL_MINOR,
  LOOP_MAJOR,
  MISC_MAJOR,
  O_EXCL,
  isErrno,
} from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { minorOf } from "../../vfs/device-registry.ts";
import type { Inode } from "../../vfs/inode.ts";
import { OpenFile } from "../../vfs/open-file.ts";
import type { Path } from "../../vfs/path.ts";
import type { DeviceDrivers } from "../../vfs/vfs-state.ts";
import { BlockFile } from "../block-file.ts";
import { LoopDevice } from "./loop-device.ts";
import type { BlockCaller, BlockKernel } from "../block-kernel.ts";
import { mayClaim } from "../device-users.ts";

/** Most loop devices (Linux: 2^20 minor numbers); ENOSPC beyond. */
const LOOPS_MAX = 256;

/** The loop devices that were asked for, by number. There are none at first, as with `max_loop=0`. */
export class LoopDevices {
  #kernel: BlockKernel;
  #devices = new Map<number, LoopDevice>();

  constructor(kernel: BlockKernel) {
    this.#kernel = kernel;
  }

  /** Opening a node makes its device, as modprobe does on Linux. */
  open(number: number): LoopDevice | number {
    const present = this.#devices.get(number);
    if (present !== undefined) return present;
    const made = this.add(number);
    return made < 0 ? -ENXIO : this.#devices.get(number)!;
  }

  /** @param number  −1: the first that is not there. @returns its number; −EEXIST, −ENOSPC */
  add(number: number): number {
    if (number < 0) for (number = 0; this.#devices.has(number);) number++;
    if (this.#devices.has(number)) return -EEXIST;
    if (this.#devices.size >= LOOPS_MAX || number >= LOOPS_MAX) return -ENOSPC;
    const loop = new LoopDevice(this.#kernel, number);
    this.#devices.set(number, loop);
    this.#kernel.disks.add(loop.device);
    return number;
  }

  remove(number: number): number {
    if (number < 0) return -EINVAL;
    const loop = this.#devices.get(number);
    if (loop === undefined) return -ENODEV;
    if (loop.state !== "unbound" || loop.device.openings > 0) return -EBUSY;
    this.#devices.delete(number);
    this.#kernel.disks.remove(loop.device);
    return number;
  }

  /** The first that no file lies behind. */
  free(): number {
    const unbound = [...this.#devices.values()].filter((loop) => loop.state === "unbound").map((loop) => loop.number);
    return unbound.length > 0 ? Math.min(...unbound) : this.add(-1);
  }

  static {
    stateClass("LoopDevices", this, {
      save: (it) => ({ kernel: it.#kernel, devices: it.#devices }),
      load: (it, from) => ({ kernel: it.#kernel, devices: it.#devices } = from),
    });
  }
}

/** /dev/loop-control (loop(4)). */
class LoopControlFile extends OpenFile {
  #devices: LoopDevices;

  constructor(devices: LoopDevices, flags: number, inode: Inode, path: Path) {
    super(flags, inode, path);
    this.#devices = devices;
  }

  override ioctl(_task: BlockCaller, command: number, argument: number): number {
    switch (command) {
      case LOOP_CTL_ADD:
        return this.#devices.add(argument | 0);
      case LOOP_CTL_REMOVE:
        return this.#devices.remove(argument | 0);
      case LOOP_CTL_GET_FREE:
        return this.#devices.free();
      default:
        return -ENOTTY;
    }
  }

  static {
    stateClass("LoopControlFile", this, {
      save: (it) => ({ devices: it.#devices }),
      load: (it, from) => ({ devices: it.#devices } = from),
    });
  }
}

/** Tells the vfs who opens block devices. */
export function registerBlockDevices(devices: DeviceDrivers): void {
  const open = (task: BlockCaller, inode: Inode, flags: number, path: Path): OpenFile | number => {
    const device = task.kernel.disks.byNumber(inode.rdev);
    if (device === null) return -ENXIO;
    const refused = device.driver.mayOpen();
    if (refused < 0) return refused;
    if ((flags & O_EXCL) !== 0 && mayClaim(device) < 0) return -EBUSY;
    return new BlockFile(task.kernel, device, flags, inode, path);
  };
  devices.registerBlock(LOOP_MAJOR, -1, {
    name: "loop",
    open: (task: BlockCaller, inode: Inode, flags: number, path: Path) => {
      const loop = task.kernel.disks.loops.open(minorOf(inode.rdev));
      return isErrno(loop) ? loop : open(task, inode, flags, path);
    },
  });
  devices.registerBlock(BLOCK_EXT_MAJOR, -1, { name: "blkext", open });
  devices.registerCharacter(MISC_MAJOR, LOOP_CTRL_MINOR, {
    name: "misc",
    open: (task: BlockCaller, inode: Inode, flags: number, path: Path) =>
      new LoopControlFile(task.kernel.disks.loops, flags, inode, path),
  });
}
