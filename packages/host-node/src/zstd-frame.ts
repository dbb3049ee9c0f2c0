/**
 * The outline of a Zstandard frame (RFC 8878 §3.1.1): how much it holds, and where it ends, by its headers alone.
 *
 * A decoder that is used again must not be left in the middle of a frame: what it still held would come out with the
 * next one. So frames are measured before they are decoded.
 */

const MAGIC = 0xfd2fb528;
const BLOCK_RLE = 1;
const BLOCK_RESERVED = 3;

/**
 * @returns the size of the content that the header promises, when the frame fills `input[at … at + length)` exactly; −1
 *   when it does not, or promises nothing
 */
export function zstdFrameContent(input: Uint8Array, at: number, length: number): number {
  const end = at + length;
  if (
    length < 6 ||
    (input[at]! | (input[at + 1]! << 8) | (input[at + 2]! << 16) | (input[at + 3]! << 24)) >>> 0 !== MAGIC
  )
    return -1;
  const descriptor = input[at + 4]!;
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const contentBytes = contentSizeBytes(descriptor >>> 6, isSingleSegment);
  if (contentBytes === 0) return -1;
  let position = at + 5 + (isSingleSegment ? 0 : 1) + dictionaryIdBytes(descriptor & 3);
  if (position + contentBytes > end) return -1;
  // Of two bytes the first 256 values are those of one (RFC 8878 §3.1.1.1.4).
  let content = contentBytes === 2 ? 256 : 0;
  for (let byte = 0; byte < contentBytes; byte++) content += input[position + byte]! * 2 ** (8 * byte);
  position += contentBytes;
  for (let isLast = false; !isLast;) {
    if (position + 3 > end) return -1;
    const header = input[position]! | (input[position + 1]! << 8) | (input[position + 2]! << 16);
    isLast = (header & 1) !== 0;
    const type = (header >>> 1) & 3;
    if (type === BLOCK_RESERVED) return -1;
    position += 3 + (type === BLOCK_RLE ? 1 : header >>> 3);
  }
  if ((descriptor & 4) !== 0) position += 4;
  return position === end ? content : -1;
}

function contentSizeBytes(flag: number, isSingleSegment: boolean): number {
  return flag === 0 ? (isSingleSegment ? 1 : 0) : 2 ** flag;
}

function dictionaryIdBytes(flag: number): number {
  return flag === 3 ? 4 : flag;
}
