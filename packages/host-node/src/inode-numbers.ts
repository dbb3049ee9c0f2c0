import type { BigIntStats, Stats } from "node:fs";

/** Above all numbers that pass as they are, and the size of what lies between here and 2⁵³. */
const OTHERS = 2 ** 52;

/**
 * Numbers of files that tell all of a shared folder apart. Other file systems may be mounted in the folder, and number
 * their files as they like (each btrfs subvolume begins with 256, each tmpfs with 1); and some number beyond 2⁵³ (NTFS,
 * FUSE, 9p), where a double takes neighbours for one file. Both get a number from 2⁵² on, made of device and number:
 * the same each time, and unlikely to be another's (2⁻⁵² for each pair).
 */
export class InodeNumbers {
  readonly #device: number;

  /** @param device  `st_dev` of the folder itself, whose files keep their numbers */
  constructor(device: number) {
    this.#device = device;
  }

  /** @param exact  asks for the same file's numbers once more; called when `stats` cannot hold them */
  of(stats: Stats, exact: () => BigIntStats): number {
    const { dev, ino } = stats;
    if (ino <= Number.MAX_SAFE_INTEGER) {
      if (dev === this.#device && ino < OTHERS) return ino;
      return mixed(dev, ino >>> 0, Math.floor(ino / 2 ** 32));
    }
    const whole = exact().ino;
    return mixed(dev, Number(whole & 0xffff_ffffn), Number((whole >> 32n) & 0xffff_ffffn));
  }
}

/** 52 bits of two FNV-like lanes with MurmurHash3's last mixing, in the upper half of the safe integers. */
function mixed(device: number, low: number, high: number): number {
  let a = 0x811c9dc5;
  let b = 0x9747b28c;
  for (const word of [low, high, device >>> 0, Math.floor(device / 2 ** 32)]) {
    a = lastMix(Math.imul(a ^ word, 0x01000193));
    b = lastMix(Math.imul(b ^ word, 0xcc9e2d51) + a);
  }
  return OTHERS + (a >>> 0) * 2 ** 20 + (b >>> 12);
}

function lastMix(word: number): number {
  let h = word ^ (word >>> 16);
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return h ^ (h >>> 16);
}
