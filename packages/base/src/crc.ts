/** Cyclic redundancy checks with reflected polynomials, inverted at both ends; sliced by sixteen. */
const SLICES = 16;
/** From so many bytes on a view of words is worth its making. */
const LONG = 64;
const IS_LITTLE_ENDIAN = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;
/** Made when they are first asked for: both together take a short command 2 ms. */
let crc32Table: Uint32Array | undefined;
let crc32cTable: Uint32Array | undefined;

/** CRC-32 as in GPT, gzip and ISO 3309. @param seed  the crc of what came before, to continue it; 0 to begin */
export function crc32(bytes: Uint8Array, start = 0, end = bytes.length, seed = 0): number {
  return remainder((crc32Table ??= makeTable(0xedb88320)), bytes, start, end, seed);
}

/** CRC-32C (Castagnoli; RFC 3720 §B.4). @param seed  the crc of what came before, to continue it; 0 to begin */
export function crc32c(bytes: Uint8Array, start = 0, end = bytes.length, seed = 0): number {
  return remainder((crc32cTable ??= makeTable(0x82f63b78)), bytes, start, end, seed);
}

function remainder(table: Uint32Array, bytes: Uint8Array, start: number, end: number, seed: number): number {
  let crc = ~seed;
  let at = start;
  if (IS_LITTLE_ENDIAN && end - start >= LONG) {
    for (; (bytes.byteOffset + at) % 4 !== 0; at++) crc = (crc >>> 8) ^ table[(crc ^ bytes[at]!) & 255]!;
    const words = new Int32Array(bytes.buffer, bytes.byteOffset + at, ((end - at) >> 4) * 4);
    for (let word = 0; word < words.length; word += 4) {
      const a = crc ^ words[word]!,
        b = words[word + 1]!,
        c = words[word + 2]!,
        d = words[word + 3]!;
      crc =
        table[3840 + (a & 255)]! ^
        table[3584 + ((a >>> 8) & 255)]! ^
        table[3328 + ((a >>> 16) & 255)]! ^
        table[3072 + (a >>> 24)]! ^
        table[2816 + (b & 255)]! ^
        table[2560 + ((b >>> 8) & 255)]! ^
        table[2304 + ((b >>> 16) & 255)]! ^
        table[2048 + (b >>> 24)]! ^
        table[1792 + (c & 255)]! ^
        table[1536 + ((c >>> 8) & 255)]! ^
        table[1280 + ((c >>> 16) & 255)]! ^
        table[1024 + (c >>> 24)]! ^
        table[768 + (d & 255)]! ^
        table[512 + ((d >>> 8) & 255)]! ^
        table[256 + ((d >>> 16) & 255)]! ^
        table[d >>> 24]!;
    }
    at += words.length * 4;
  }
  for (; at + 4 <= end; at += 4) {
    crc ^= bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    crc =
      table[768 + (crc & 255)]! ^
      table[512 + ((crc >>> 8) & 255)]! ^
      table[256 + ((crc >>> 16) & 255)]! ^
      table[crc >>> 24]!;
  }
  for (; at < end; at++) crc = (crc >>> 8) ^ table[(crc ^ bytes[at]!) & 255]!;
  return ~crc >>> 0;
}

function makeTable(polynomial: number): Uint32Array {
  const table = new Uint32Array(256 * SLICES);
  for (let value = 0; value < 256; value++) {
    let crc = value;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ polynomial : crc >>> 1;
    table[value] = crc >>> 0;
  }
  for (let slice = 1; slice < SLICES; slice++) {
    for (let value = 0; value < 256; value++) {
      const previous = table[(slice - 1) * 256 + value]!;
      table[slice * 256 + value] = (previous >>> 8) ^ table[previous & 255]!;
    }
  }
  return table;
}
