/** The ring's own table of files (IORING_REGISTER_FILES), and of buffers. */
import { EBADF, EINVAL, ENFILE, ENXIO } from "@stratos/abi";
import { IORING_FILE_INDEX_ALLOC } from "@stratos/abi/io-uring";
import type { OpenFile } from "../../vfs/open-file.ts";

/** What a slot of a registered table stands for, and the result that tells when it is done with (0: none). */
export interface Slot<Thing> {
  readonly thing: Thing;
  readonly tagLow: number;
  readonly tagHigh: number;
  /** Requests that use it, and whether it has left the table. */
  users: number;
  isGone: boolean;
}

export function slotFor<Thing>(thing: Thing, tag: { low: number; high: number } = NO_TAG): Slot<Thing> {
  return { thing, tagLow: tag.low, tagHigh: tag.high, users: 0, isGone: false };
}

const NO_TAG = { low: 0, high: 0 };

/** Of a ring. */
export interface FixedTable {
  readonly files: (Slot<OpenFile> | null)[] | null;
  /** Where IORING_FILE_INDEX_ALLOC looks. */
  readonly allocation: { start: number; end: number; next: number };
  /** A result. */
  post(low: number, high: number, result: number, flags: number): void;
}

/** @param index  `sqe.file_index`: one more than the slot, or IORING_FILE_INDEX_ALLOC. @returns 0, or the slot found */
export function installFixed(ring: FixedTable, file: OpenFile, index: number): number {
  const slot = index === IORING_FILE_INDEX_ALLOC ? freeSlot(ring) : index - 1;
  const result = slot < 0 ? slot : putFixed(ring, slot, file);
  if (result < 0) file.release();
  return result < 0 ? result : index === IORING_FILE_INDEX_ALLOC ? slot : 0;
}

function freeSlot({ files, allocation }: FixedTable): number {
  if (files === null) return -ENFILE;
  const count = allocation.end - allocation.start;
  for (let tried = 0; tried < count; tried++) {
    const at = allocation.start + ((Math.max(0, allocation.next - allocation.start) + tried) % count);
    if (files[at] !== null) continue;
    allocation.next = at + 1;
    return at;
  }
  return -ENFILE;
}

/**
 * Puts a file, whose reference it takes when it succeeds, where another may have been.
 * @returns 0; −EBADF a ring; −ENXIO there is no table; −EINVAL it has no such slot
 */
export function putFixed(ring: FixedTable, slot: number, file: OpenFile, tag = NO_TAG): number {
  if (!file.isPassable) return -EBADF;
  const { files } = ring;
  if (files === null) return -ENXIO;
  if (slot >= files.length) return -EINVAL;
  const before = files[slot]!;
  files[slot] = slotFor(file, tag);
  if (before !== null) dropFile(ring, before);
  return 0;
}

/** @returns 0; −ENXIO, −EINVAL, −EBADF: it is empty */
export function closeFixed(ring: FixedTable, slot: number): number {
  const { files, allocation } = ring;
  if (files === null) return -ENXIO;
  if (slot >= files.length) return -EINVAL;
  const before = files[slot]!;
  if (before === null) return -EBADF;
  files[slot] = null;
  if (slot >= allocation.start && slot < allocation.next) allocation.next = slot;
  dropFile(ring, before);
  return 0;
}

export function fixedFile({ files }: FixedTable, slot: number): OpenFile | undefined {
  return files?.[slot]?.thing;
}

export function dropFile(ring: FixedTable, slot: Slot<OpenFile>): void {
  slot.thing.release();
  tellTag(ring, slot);
}

/** The resource has left its table. Its tag says so once no request uses it. */
export function tellTag(ring: FixedTable, slot: Slot<unknown>): void {
  slot.isGone = true;
  const { tagLow, tagHigh, users } = slot;
  if (users === 0 && (tagLow !== 0 || tagHigh !== 0)) ring.post(tagLow, tagHigh, 0, 0);
}

/** A request is done with it. */
export function leaveSlot(ring: FixedTable, slot: Slot<unknown>): void {
  slot.users--;
  if (slot.isGone) tellTag(ring, slot);
}
