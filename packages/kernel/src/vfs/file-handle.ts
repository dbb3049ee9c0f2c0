/** What stands for a file in handles (name_to_handle_at(2)) and in events of fanotify(7). */
import { FileHandle } from "@stratos/abi";
import { getU64, put64 } from "../ground/words.ts";

/** What a handle holds is for us alone to understand: number and generation of the inode (64 bits each). */
export const HANDLE_INODE = FileHandle.offset.f_handle;
const HANDLE_GENERATION = HANDLE_INODE + 8;
export const HANDLE_BYTES_MAX = 16;
const HANDLE_TYPE = 0x82;

/**
 * The generation of files whose number alone is their handle. Those of cgroup2 are so: programs take the number of a
 * control group from its handle, and make the handle of the number (fs/kernfs/mount.c, kernfs_encode_fh).
 */
export const NUMBER_ALONE = Number.MAX_SAFE_INTEGER;
const FILEID_KERNFS = 0xfe;

/** How much a handle holds behind its head. */
export function handleBytesOf(generation: number): number {
  return generation === NUMBER_ALONE ? 8 : HANDLE_BYTES_MAX;
}

export function handleTypeOf(generation: number): number {
  return generation === NUMBER_ALONE ? FILEID_KERNFS : HANDLE_TYPE;
}

/** Puts `struct file_handle` with its bytes at `at`. */
export function putHandle(view: DataView, at: number, ino: number, generation: number): void {
  view.setUint32(at + FileHandle.offset.handle_bytes, handleBytesOf(generation), true);
  view.setInt32(at + FileHandle.offset.handle_type, handleTypeOf(generation), true);
  put64(view, at + HANDLE_INODE, ino);
  if (generation !== NUMBER_ALONE) put64(view, at + HANDLE_GENERATION, generation);
}

/** @returns the generation that the handle at 0 has; null: it is none of ours */
export function generationIn(view: DataView): number | null {
  const bytes = view.getUint32(FileHandle.offset.handle_bytes, true),
    type = view.getInt32(FileHandle.offset.handle_type, true);
  if (type === FILEID_KERNFS && bytes === handleBytesOf(NUMBER_ALONE)) return NUMBER_ALONE;
  return type === HANDLE_TYPE && bytes === HANDLE_BYTES_MAX ? getU64(view, HANDLE_GENERATION) : null;
}
