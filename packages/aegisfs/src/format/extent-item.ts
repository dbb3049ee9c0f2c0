/**
 * Value of an extent item (FORMAT.md §6):
 *
 *   word 0     first block on the device
 *   word 1     blocks in the file (16 bits) | blocks on the device << 16
 *   word 2     flags: compression (8 bits) | encryption << 8 | EXTENT_UNWRITTEN | EXTENT_LOST
 *   word 3     blocks to skip of the decoded data (compressed extents of which a part was overwritten)
 *   word 4 …   checksum of each block on the device
 */
export const EXTENT_AT_BLOCK = 0;
export const EXTENT_AT_LENGTH = 1;
export const EXTENT_AT_FLAGS = 2;
export const EXTENT_AT_SKIP = 3;
export const EXTENT_AT_CHECKSUMS = 4;
/** Space is held, the content reads as zeros, and there are no checksums that count. */
export const EXTENT_UNWRITTEN = 0x10000;
/**
 * What was here is lost, as a repair found: reading it fails. It has no blocks on the device, and up to
 * `LOST_BLOCKS_MAX` in the file. Needs FEATURE_LOST.
 */
export const EXTENT_LOST = 0x20000;
export const LOST_BLOCKS_MAX = 0xffff;

export function extentSize(blocks: number): number {
  return (EXTENT_AT_CHECKSUMS + blocks) * 4;
}
