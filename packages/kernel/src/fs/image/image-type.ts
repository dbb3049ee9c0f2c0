/** ISO 9660 and FAT among the types of file systems; what one is made of pages load when one is mounted. */
import type { FileSystemType } from "../../vfs/file-system.ts";
import type { FsKernel } from "../fs-kernel.ts";
import { imageOptionNames, mountImage } from "./mount-image.ts";

function typeOf(name: string): FileSystemType {
  return {
    name,
    isVirtual: false,
    get optionNames() {
      return imageOptionNames(name);
    },
    create: (kernel: FsKernel, _source, options, on) => mountImage(kernel, name, options, on),
  };
}

export const imageTypes: readonly FileSystemType[] = ["iso9660", "vfat", "msdos"].map(typeOf);
