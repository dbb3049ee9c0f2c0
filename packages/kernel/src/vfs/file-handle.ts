/** What stands for a file in handles (name_to_handle_at(2)) and in events of fanotify(7). */
import { FileHandle } from "@stratos/abi";
import { put64 } from "../ground/words.ts";

/** What a handle holds is for us alone to understand: number and generation of the inode (64 bits each). */
export const HANDLE_INODE = FileHandle.offset.f_handle,
  HANDLE_GENERATION = HANDLE_INODE + 8;
export const HANDLE_BYTES = 16,
  HANDLE_TYPE = 0x82;

/** Puts `struct file_handle` with its bytes at `at`. */
export function putHandle(view: DataView, at: number, ino: number, generation: number): void {
  view.setUint32(at + FileHandle.offset.handle_bytes, HANDLE_BYTES, true);
  view.setInt32(at + FileHandle.offset.handle_type, HANDLE_TYPE, true);
  put64(view, at + HANDLE_INODE, ino);
  put64(view, at + HANDLE_GENERATION, generation);
}
