/**
 * Hash of a name, 44 bits, seeded for each volume (FORMAT.md §5.1): two lanes of 32 bits, each multiplied and folded
 * for every byte, crossed at the end.
 */
/** Of the name that was hashed last: 20 and 24 bits. */
export const nameHash = { high: 0, low: 0 };

export function hashName(name: string, seed: number): void {
  let a = (seed ^ 0x811c9dc5) | 0;
  let b = (Math.imul(seed, 0x9e3779b1) ^ name.length) | 0;
  for (let index = 0; index < name.length; index++) {
    const byte = name.charCodeAt(index);
    a = Math.imul(a ^ byte, 0x01000193);
    b = Math.imul(b + byte, 0x85ebca77);
    b ^= b >>> 15;
  }
  a = Math.imul(a ^ (a >>> 16) ^ b, 0xc2b2ae3d);
  b = Math.imul(b ^ (b >>> 13) ^ a, 0x27d4eb2f);
  a ^= a >>> 15;
  b ^= b >>> 16;
  nameHash.high = (a >>> 12) & 0xfffff;
  nameHash.low = b & 0xffffff;
}
