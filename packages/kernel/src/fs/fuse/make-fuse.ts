/** What of the kernel's side of FUSE others call; pages load it when a program first opens the device. */
import type { Inode } from "../../vfs/inode.ts";
import type { OpenFile } from "../../vfs/open-file.ts";
import type { MountOptions } from "../../vfs/mount-options.ts";
import type { Path } from "../../vfs/path.ts";
import type { FileSystem } from "../../vfs/file-system.ts";
import type { FsKernel } from "../fs-kernel.ts";
import { FuseDeviceFile } from "./fuse-device-file.ts";
import { mountFuse } from "./fuse-file-system.ts";

export function openFuseDevice(flags: number, inode: Inode, path: Path): OpenFile {
  return new FuseDeviceFile(flags, inode, path);
}

export function makeFuse(kernel: FsKernel, options: MountOptions): FileSystem | number {
  return mountFuse(kernel, options);
}
