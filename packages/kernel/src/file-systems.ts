import type { Kernel } from "./task/kernel-state.ts";
import { aegisfsType } from "./fs/aegisfs/device-mount.ts";
import { devtmpfsType } from "./fs/devtmpfs/devtmpfs.ts";
import { registerMemoryDevices } from "./fs/devtmpfs/memory-devices.ts";
import { mqueueType } from "./fs/mqueue/mqueue.ts";
import { procType } from "./procfs/procfs.ts";
import { cgroup2Type, sysfsType } from "./sysfs/sysfs.ts";
import { tmpfsType } from "./fs/tmpfs/tmpfs.ts";

/** Which file systems mount(2) knows, in the order of /proc/filesystems. */
export function registerFileSystems(kernel: Kernel): void {
  for (const type of [sysfsType, tmpfsType, procType, cgroup2Type, devtmpfsType, mqueueType, aegisfsType])
    kernel.vfs.types.set(type.name, type);
  registerMemoryDevices(kernel);
}
