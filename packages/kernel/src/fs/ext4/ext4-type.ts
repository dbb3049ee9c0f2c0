/** ext2, ext3 and ext4 among the types of file systems; what one is made of pages load when one is mounted. */
import type { FileSystemType } from "../../vfs/file-system.ts";
import type { FsKernel } from "../fs-kernel.ts";
import { ext4OptionNames, mountExt4 } from "./ext4-mount.ts";

function typeOf(name: string): FileSystemType {
  return {
    name,
    isVirtual: false,
    get optionNames() {
      return ext4OptionNames();
    },
    create: (kernel: FsKernel, _source, options, on) => mountExt4(kernel, name, options, on),
  };
}

export const ext4Types: readonly FileSystemType[] = ["ext3", "ext2", "ext4"].map(typeOf);
