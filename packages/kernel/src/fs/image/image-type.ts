/** ISO 9660 and FAT among the types of file systems; what one is made of pages load when one is mounted. */
import type { FileSystemType } from "../../vfs/file-system.ts";
import type { FsKernel } from "../fs-kernel.ts";
import { mountImage } from "./mount-image.ts";

/**
 * What Linux knows (Documentation/filesystems/isofs.rst, vfat.rst). Heeded are those of rights and owners, `norock`
 * and `nojoliet`; the others are about names in other alphabets, caches and what is written, or ask for what is done
 * anyhow.
 */
const ISO_OPTIONS =
  "norock nojoliet uid gid mode dmode overriderockperm iocharset utf8 map check cruft unhide hide showassoc block " +
  "conv session sbsector nocompress";
const FAT_OPTIONS =
  "uid gid umask dmask fmask iocharset codepage utf8 nonumtail uni_xlate shortname check quiet sys_immutable flush " +
  "errors tz time_offset usefree discard nfs dos1xfloppy showexec debug allow_utime rodir conv dots nodots";

function typeOf(name: string): FileSystemType {
  return {
    name,
    isVirtual: false,
    optionNames: (name === "iso9660" ? ISO_OPTIONS : FAT_OPTIONS).split(" "),
    create: (kernel: FsKernel, _source, options, on) => mountImage(kernel, name, options, on),
  };
}

export const imageTypes: readonly FileSystemType[] = ["iso9660", "vfat", "msdos"].map(typeOf);
