/** CRC-32 as in GPT, gzip and ISO 3309: reflected polynomial 0xEDB88320, inverted at both ends; sliced by four. */
const TABLE = makeTable();

function makeTable(): Uint32Array {
  const table = new Uint32Array(1024);
  for (let value = 0; value < 256; value++) {
    let crc = value;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
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

/** @param seed  the crc of what came before, to continue it; 0 to begin */
export function crc32(bytes: Uint8Array, seed = 0): number {
  let crc = ~seed;
  let at = 0;
  for (; at + 4 <= bytes.length; at += 4) {
    crc ^= bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    crc = TABLE[768 + (crc & 255)]! ^ TABLE[512 + ((crc >>> 8) & 255)]! ^ TABLE[256 + ((crc >>> 16) & 255)]! ^ TABLE[crc >>> 24]!;
  }
  for (; at < bytes.length; at++) crc = (crc >>> 8) ^ TABLE[(crc ^ bytes[at]!) & 255]!;
  return ~crc >>> 0;
}
