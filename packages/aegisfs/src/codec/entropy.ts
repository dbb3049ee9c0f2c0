/**
 * Whether content can be compressed, guessed from every fifth byte of its first block (records have lengths that five
 * does not divide): that takes a microsecond or two, where compressing the block takes twenty. The sum of the squares
 * of what bytes occur how often is n² / 256 + n for random ones, and grows with whatever some bytes have before others.
 */
const STRIDE = 5;
const SAMPLES = Math.floor(4096 / STRIDE);
/** Four times as unequal as random bytes. */
const RANDOM_LIMIT = (4 * SAMPLES * SAMPLES) / 256;
const counts = new Uint16Array(256);

/**
 * Do the 4096 bytes at `bytes[at …)` look random? Compressed content does; so may what repeats itself only at a
 * distance.
 */
export function looksRandom(bytes: Uint8Array, at: number): boolean {
  counts.fill(0);
  let squares = 0;
  // A byte's n-th time adds n² − (n − 1)².
  for (let end = at + SAMPLES * STRIDE; at < end; at += STRIDE) squares += 2 * counts[bytes[at]!]!++ + 1;
  return squares < RANDOM_LIMIT;
}
