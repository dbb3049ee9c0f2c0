/**
 * How much files are used: accesses, fading with a time constant of one week, so that a file's heat is its mean number
 * of accesses in a week, the last days counting most. Accesses are counted in memory; `settle` puts them into the
 * inodes.
 *
 *   inode word 28   heat (IEEE 754 single)
 *   inode word 29   when it was that, in minutes since 1970
 */
import { changeInode } from "../file/inode.ts";
import { INODE_AT_HEAT, INODE_AT_HEAT_TIME } from "../format/inode-item.ts";
import type { Volume } from "../volume/volume.ts";

const WEEK_SECONDS: number = 7 * 86400;
/** Files counted in memory; the ones that were used first are settled when there are more. */
const FILES_MAX = 65536;
const INO_SPAN = 0x100000000;

const single = new Float32Array(1);
const singleWord = new Uint32Array(single.buffer);

export class Heat {
  /** Accesses by subvolume and inode. */
  readonly #counts = new Map<number, number>();
  #settled = 0;

  get isFull(): boolean {
    return this.#counts.size > FILES_MAX;
  }

  touch(subvolume: number, ino: number): void {
    const name = subvolume * INO_SPAN + ino;
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
  }

  pending(subvolume: number, ino: number): number {
    return this.#counts.get(subvolume * INO_SPAN + ino) ?? 0;
  }

  /** Is it time, ten minutes after the last one, to settle? */
  isDue(seconds: number): boolean {
    return this.#counts.size > 0 && (this.isFull || seconds - this.#settled >= 600);
  }

  /**
   * Puts what was counted into the inodes, within an operation. What is read-only keeps its heat to itself. Throws
   * Failure.
   */
  settle(volume: Volume): void {
    this.#settled = volume.seconds;
    for (const [name, count] of this.#counts) {
      const subvolume = volume.subvolume(Math.floor(name / INO_SPAN));
      if (subvolume === null || subvolume.readOnly) continue;
      const at = changeInode(subvolume, name % INO_SPAN);
      if (at < 0) continue;
      const { words } = volume.inodes;
      single[0] = faded(words[at + INODE_AT_HEAT]!, words[at + INODE_AT_HEAT_TIME]!, volume.seconds) + count;
      words[at + INODE_AT_HEAT] = singleWord[0]!;
      words[at + INODE_AT_HEAT_TIME] = Math.floor(volume.seconds / 60);
    }
    this.#counts.clear();
  }
}

/** Heat as it is now, of a stored one and its time. */
export function faded(word: number, minutes: number, seconds: number): number {
  singleWord[0] = word;
  const heat = single[0]!;
  if (!(heat > 0)) return 0;
  return heat * Math.exp(-Math.max(0, seconds - minutes * 60) / WEEK_SECONDS);
}
