import type { RandomSource } from "@stratos/host";

const WORD = new Uint8Array(4);

/** @returns 32 bits, below 2^32 */
export function randomWord(random: RandomSource): number {
  random.fill(WORD);
  return ((WORD[0]! << 24) | (WORD[1]! << 16) | (WORD[2]! << 8) | WORD[3]!) >>> 0;
}
