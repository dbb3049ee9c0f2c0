/** `fuse` among the types of file systems, and /dev/fuse; what serves them (fuse-connection.ts) pages load later. */
import { FUSE_DEVICE_MINOR, MISC_MAJOR } from "@stratos/abi";
import type { FileSystemType } from "../../vfs/file-system.ts";
import type { MountOptions } from "../../vfs/mount-options.ts";
import type { DeviceDrivers } from "../../vfs/vfs-state.ts";
import type { FsCaller, FsKernel } from "../fs-kernel.ts";
import { makeFuse, openFuseDevice } from "./make-fuse.ts";

export const fuseType: FileSystemType = {
  name: "fuse",
  isVirtual: true,
  hasSubtypes: true,
  userNamespace: (caller) => caller.credentials.userNamespace,
  create: (kernel: FsKernel, _source: string, options: MountOptions) => makeFuse(kernel, options),
};

/** Tells the vfs who opens /dev/fuse. */
export function registerFuse(devices: DeviceDrivers): void {
  devices.registerCharacter(MISC_MAJOR, FUSE_DEVICE_MINOR, {
    name: "misc",
    open: (_task: FsCaller, inode, flags, path) => openFuseDevice(flags, inode, path),
  });
}
