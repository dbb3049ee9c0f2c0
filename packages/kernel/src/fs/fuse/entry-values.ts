/** What a `fuse_entry_out` and a `fuse_attr` say, as the kernel has it. */
import { S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFMT, S_IFREG, S_IFSOCK } from "@stratos/abi";
import { FuseAttr, FuseEntryOut } from "@stratos/abi/fuse";
import { get64, getU64 } from "../../ground/words.ts";
import type { Time } from "../../vfs/inode.ts";
import type { FsKernel } from "../fs-kernel.ts";

const TYPES: readonly number[] = [S_IFREG, S_IFDIR, S_IFLNK, S_IFCHR, S_IFBLK, S_IFIFO, S_IFSOCK];

/** What a `fuse_attr` says, if a file can be so: else null. */
export function modeOf(view: DataView, at: number): number | null {
  const mode = view.getUint32(at + FuseAttr.offset.mode, true);
  const isLarge = view.getUint32(at + FuseAttr.offset.size + 4, true) >= 0x80000000;
  return TYPES.includes(mode & S_IFMT) && !isLarge ? mode & 0o177777 : null;
}

/** How long what a `fuse_entry_out` says of a name holds. */
export function validUntil(kernel: FsKernel, entry: DataView): number {
  const { offset } = FuseEntryOut;
  return kernel.now() + getU64(entry, offset.entry_valid) * 1e9 + entry.getUint32(offset.entry_valid_nsec, true);
}

/** An owner that the server's user namespace has no name for. */
export function knownId(id: number): number {
  return id < 0 ? 65534 : id;
}

export function timeAt(view: DataView, seconds: number, nanoseconds: number): Time {
  return { seconds: get64(view, seconds), nanoseconds: Math.min(999_999_999, view.getUint32(nanoseconds, true)) };
}
