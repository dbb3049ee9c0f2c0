import type { PhysicalMemory, Processor, ProcessorHooks } from "@stratos/riscv";
import { Kernel, type KernelOptions } from "./task/kernel-state.ts";
import { aegisfsType } from "./fs/aegisfs/device-mount.ts";
import { ext4Types } from "./fs/ext4/ext4-type.ts";
import { imageTypes } from "./fs/image/image-type.ts";
import { devtmpfsType } from "./fs/devtmpfs/devtmpfs.ts";
import { registerMemoryDevices } from "./fs/devtmpfs/memory-devices.ts";
import { fuseType, registerFuse } from "./fs/fuse/fuse-type.ts";
import { mqueueType } from "./fs/mqueue/mqueue.ts";
import { procType } from "./procfs/procfs.ts";
import { cgroup2Type } from "./cgroup/cgroup2.ts";
import { sysfsType } from "./sysfs/sysfs.ts";
import { fuseControlType } from "./sysfs/fuse-control-type.ts";
import { ramfsType } from "./fs/ramfs/ramfs.ts";
import { registerFifos } from "./fs/pipe/pipe-file.ts";
import { overlayType } from "./fs/overlay/overlay-type.ts";
import { tmpfsType } from "./fs/tmpfs/tmpfs.ts";
import { registerRealTimeClock } from "./event/real-time-clock-file.ts";
import { LoopDevices, registerBlockDevices } from "./block/loop/loop-devices.ts";
import { Board } from "./task/board.ts";
import { namespaceRequest } from "./task/enter-namespaces.ts";
import { openNamespace } from "./task/namespace-of.ts";
import { pidfdOf } from "./task/pidfd.ts";
import { futexObserver } from "./task/futex.ts";
import { OutOfMemory } from "./task/oom-killer.ts";
import { piFutexObserver } from "./task/pi-futex.ts";
import { taskStatistics } from "./task/task-statistics.ts";
import { handleEcall, handleTlbMiss } from "./task/run-loop.ts";
import { seccompObserver } from "./task/seccomp-listener.ts";
import { registerTun } from "./socket/tun/tun-node.ts";
import { devptsType } from "./tty/devpts.ts";
import { registerTerminalDevices } from "./tty/terminal-devices.ts";
import { DeviceRegistry } from "./vfs/device-registry.ts";
import type { FileSystemType } from "./vfs/file-system.ts";
import type { DeviceDrivers } from "./vfs/vfs-state.ts";

/** A board for kernels. */
export function makeBoard(physical: PhysicalMemory, createProcessor: (hooks: ProcessorHooks) => Processor): Board {
  return new Board(physical, createProcessor, { handleEcall, handleTlbMiss });
}

/** The kernel of a machine, with all that it can mount and open. */
export function createKernel(options: KernelOptions): Kernel {
  const kernel = new Kernel(options, [futexObserver, piFutexObserver, seccompObserver]);
  kernel.memory.shortage = new OutOfMemory(kernel);
  kernel.vfs.types = TYPES;
  kernel.vfs.devices.base = DRIVERS;
  kernel.vfs.devices.fifo = DRIVERS.fifo;
  kernel.disks.loops = new LoopDevices(kernel);
  kernel.vfs.namespaceRequest = namespaceRequest;
  kernel.vfs.openNamespace = openNamespace;
  kernel.vfs.pidfdOf = pidfdOf;
  kernel.socketState.taskStatistics = taskStatistics;
  return kernel;
}

/** Which file systems mount(2) knows, in the order of /proc/filesystems. */
const TYPES: ReadonlyMap<string, FileSystemType> = new Map(
  [
    sysfsType,
    tmpfsType,
    procType,
    cgroup2Type,
    devtmpfsType,
    ramfsType,
    mqueueType,
    overlayType,
    fuseType,
    fuseControlType,
    ...ext4Types,
    ...imageTypes,
    aegisfsType,
    devptsType,
  ].map((type) => [type.name, type]),
);

/** Of devices that each machine has: they know the machine by who opens one. */
const DRIVERS: DeviceDrivers = new DeviceRegistry();
registerMemoryDevices(DRIVERS);
registerFifos(DRIVERS);
registerTerminalDevices(DRIVERS);
registerBlockDevices(DRIVERS);
registerRealTimeClock(DRIVERS);
registerTun(DRIVERS);
registerFuse(DRIVERS);
