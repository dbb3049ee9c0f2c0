import { EINVAL, EIO, EROFS, isErrno } from "@stratos/abi";
import { FormatError } from "@stratos/formats/image";
import type { FileSystem, MountedDevice } from "../../vfs/file-system.ts";
import type { MountOptions } from "../../vfs/mount-options.ts";
import { DiskError } from "../mounted-disk.ts";
import type { FsKernel } from "../fs-kernel.ts";
import { ImageFileSystem } from "./image-file-system.ts";
import { parseRights } from "./image-rights.ts";

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

export function imageOptionNames(name: string): readonly string[] {
  return (name === "iso9660" ? ISO_OPTIONS : FAT_OPTIONS).split(" ");
}

/**
 * `mount -o loop,ro debian.iso /mnt`. What is wrong with an image stands in the kernel's log.
 *
 * @param name  iso9660, vfat or msdos
 * @returns −EINVAL (no such image, a bad option), −EIO, −EROFS: it is to be written (mount(8) tries again without)
 */
export function mountImage(
  kernel: FsKernel,
  name: string,
  options: MountOptions,
  on: MountedDevice | undefined,
): FileSystem | number {
  if (on === undefined) return -EINVAL;
  const { device } = on;
  const complain = (why: string): void => kernel.log(`${name}: ${device.name}: ${why}`);
  const rights = parseRights(name, options, complain);
  if (isErrno(rights)) return rights;
  try {
    const made = ImageFileSystem.mount(kernel, name, device, rights);
    return on.readOnly ? made : -EROFS;
  } catch (thrown) {
    if (thrown instanceof DiskError) return -EIO;
    if (!(thrown instanceof FormatError)) throw thrown;
    complain(thrown.message);
    return -EINVAL;
  }
}
