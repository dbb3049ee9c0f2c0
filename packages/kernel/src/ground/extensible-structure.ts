import { E2BIG, PAGE_SIZE } from "@stratos/abi";
import type { UserMemory } from "./user-memory.ts";

/**
 * Copies a structure that grows with Linux's versions, of which callers know less or more than we do (Linux
 * include/linux/uaccess.h, copy_struct_from_user): what they don't give is zero, and what we don't know has to be.
 *
 * @param into  at least a page @param size  that the caller gives @param known  bytes that are known here
 * @returns 0, −E2BIG, −EFAULT
 */
export function copyExtensible(
  space: Pick<UserMemory, "copyIn">,
  address: number,
  into: Uint8Array,
  size: number,
  known: number,
): number {
  if (size > PAGE_SIZE) return -E2BIG;
  into.fill(0, 0, known);
  const failed = space.copyIn(address, into, 0, Math.min(size, known));
  if (failed < 0) return failed;
  // As far as they can be read, by words: what comes first is told.
  for (let at = known; at < size; at += 8) {
    const count = Math.min(8, size - at);
    const unreadable = space.copyIn(address + at, into, at, count);
    if (unreadable < 0) return unreadable;
    for (let one = at; one < at + count; one++) if (into[one] !== 0) return -E2BIG;
  }
  return 0;
}
