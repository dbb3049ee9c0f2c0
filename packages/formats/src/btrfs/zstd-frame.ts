/** How long a zstd frame is, where other bytes follow it. Source: RFC 8878 §3.1.1. */
import { viewOf } from "../disk/disk.ts";

const MAGIC = 0xfd2fb528;
const DICTIONARY_BYTES = [0, 1, 2, 4],
  SIZE_BYTES = [0, 2, 4, 8];
const BLOCK_RLE = 1;

/** @returns bytes of the first frame; all of them when it is damaged, which who unpacks it will find */
export function zstdFrameLength(bytes: Uint8Array): number {
  if (bytes.length < 6 || viewOf(bytes).getUint32(0, true) !== MAGIC) return bytes.length;
  const descriptor = bytes[4]!,
    isSingle = (descriptor & 0x20) !== 0,
    sizeFlag = descriptor >> 6;
  let at =
    5 +
    (isSingle ? 0 : 1) +
    DICTIONARY_BYTES[descriptor & 3]! +
    (sizeFlag === 0 && isSingle ? 1 : SIZE_BYTES[sizeFlag]!);
  for (let isLast = false; !isLast;) {
    if (at + 3 > bytes.length) return bytes.length;
    const header = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16);
    isLast = (header & 1) === 1;
    at += 3 + (((header >> 1) & 3) === BLOCK_RLE ? 1 : header >> 3);
  }
  return Math.min(bytes.length, at + ((descriptor & 4) !== 0 ? 4 : 0));
}
