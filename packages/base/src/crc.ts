/** Cyclic redundancy checks with reflected polynomials, inverted at both ends; sliced by four. */
const CRC32 = makeTable(0xedb88320);
const CRC32C = makeTable(0x82f63b78);

/** CRC-32 as in GPT, gzip and ISO 3309. @param seed  the crc of what came before, to continue it; 0 to begin */
export function crc32(bytes: Uint8Array, start = 0, end = bytes.length, seed = 0): number {
  return remainder(CRC32, bytes, start, end, seed);
}

/** CRC-32C (Castagnoli; RFC 3720 §B.4). @param seed  the crc of what came before, to continue it; 0 to begin */
export function crc32c(bytes: Uint8Array, start = 0, end = bytes.length, seed = 0): number {
  return remainder(CRC32C, bytes, start, end, seed);
}

function remainder(table: Uint32Array, bytes: Uint8Array, start: number, end: number, seed: number): number {
  let crc = ~seed;
  let at = start;
  for (; at + 4 <= end; at += 4) {
    crc ^= bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    crc = table[768 + (crc & 255)]! ^ table[512 + ((crc >>> 8) & 255)]! ^ table[256 + ((crc >>> 16) & 255)]! ^ table[crc >>> 24]!;
  }
  for (; at < end; at++) crc = (crc >>> 8) ^ table[(crc ^ bytes[at]!) & 255]!;
  return ~crc >>> 0;
}

function makeTable(polynomial: number): Uint32Array {
  const table = new Uint32Array(1024);
  for (let value = 0; value < 256; value++) {
    let crc = value;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ polynomial : crc >>> 1;
    table[value] = crc >>> 0;
  }
  for (let slice = 1; slice < 4; slice++) {
    for (let value = 0; value < 256; value++) {
      const previous = table[(slice - 1) * 256 + value]!;
      table[slice * 256 + value] = (previous >>> 8) ^ table[previous & 255]!;
    }
  }
  return table;
}
