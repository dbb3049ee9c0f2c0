import { ARCHIVE_PIECES_MAX } from "@stratos/host";
import type { AddressMode } from "../access.ts";

/**
 * What an archive holds of one region of code: the first piece is the index, then two for each module of units.
 *
 * ```
 * index   i32 little-endian: MAGIC, number of modules, then the units, each
 *           words of it, all · module · number in the module · entry · instructions
 *           entries: count, by entry number (−1: not entered by its record)
 *           ranges: count of words, pairs (offset, bytes); no range spans two pages
 *           exits: count, offsets where it leaves for what wasn't known
 *           jumps: count of words, each (offset of the jump, count, targets)
 *           bytes of the ranges, one after the other, filled up with zeros to a word
 * module  its WebAssembly; its machine code (WasmEngine.preserve)
 * ```
 *
 * Offsets are bytes from the region's start. A unit is only ever used where the bytes that it was made from are the
 * same, so that an archive of another file costs time, and nothing else.
 */
const INDEX_MAGIC = 0x6b737431;
const HEADER_WORDS = 2;

export interface KeptUnit {
  /** In its module. */
  readonly number: number;
  readonly entry: number;
  readonly instructionCount: number;
  readonly entries: ArrayLike<number>;
  readonly ranges: ArrayLike<number>;
  readonly exits: ArrayLike<number>;
  readonly jumps: ArrayLike<number>;
  /** Of the ranges. */
  readonly bytes: Uint8Array;
}

/** What an archive belongs to, beside the beginning of its file. */
export function archiveDetail(label: string, mode: AddressMode): string {
  return `${mode} ${label}`;
}

export class ArchiveIndex {
  readonly #words: Int32Array;
  readonly moduleCount: number;
  /** Positions of units, by module. */
  readonly units: readonly number[][];

  private constructor(words: Int32Array) {
    this.#words = words;
    this.moduleCount = words[1]!;
    const units: number[][] = Array.from({ length: this.moduleCount }, () => []);
    for (let at = HEADER_WORDS; at < words.length; at += words[at]!) units[words[at + 1]!]!.push(at);
    this.units = units;
  }

  /** @returns null when it isn't one, or is damaged in a way that shows (the host checks the bytes) */
  static read(bytes: Uint8Array): ArchiveIndex | null {
    if (bytes.length < HEADER_WORDS * 4 || bytes.length % 4 !== 0) return null;
    const words = new Int32Array(bytes.slice().buffer);
    if (words[0] !== INDEX_MAGIC || words[1]! < 0 || words[1]! > MODULES_MAX) return null;
    for (let at = HEADER_WORDS; at < words.length;) {
      const size = words[at]!;
      if (size < 9 || at + size > words.length || words[at + 1]! < 0 || words[at + 1]! >= words[1]!) return null;
      at += size;
    }
    return new ArchiveIndex(words);
  }

  entryOf(position: number): number {
    return this.#words[position + 3]!;
  }

  /** Calls back with each offset at which a unit can be entered. */
  forEachEntry(visit: (offset: number, module: number) => void): void {
    const words = this.#words;
    for (let at = HEADER_WORDS; at < words.length; at += words[at]!) {
      const count = words[at + 5]!;
      for (let i = 0; i < count; i++) {
        const offset = words[at + 6 + i]!;
        if (offset >= 0) visit(offset, words[at + 1]!);
      }
    }
  }

  unit(position: number): KeptUnit {
    const words = this.#words;
    let at = position + 5;
    const list = (): Int32Array => {
      const count = words[at]!;
      const found = words.subarray(at + 1, at + 1 + count);
      at += 1 + count;
      return found;
    };
    const entries = list();
    const ranges = list();
    const exits = list();
    const jumps = list();
    let length = 0;
    for (let i = 1; i < ranges.length; i += 2) length += ranges[i]!;
    return {
      number: words[position + 2]!,
      entry: words[position + 3]!,
      instructionCount: words[position + 4]!,
      entries,
      ranges,
      exits,
      jumps,
      bytes: new Uint8Array(words.buffer, at * 4, length),
    };
  }
}

/** Modules of one archive at most: each run that finds new code adds some. */
export const MODULES_MAX = (ARCHIVE_PIECES_MAX - 2) / 2;

/** Where a module's pieces stand in its archive. */
export function modulePieces(module: number): { readonly bytes: number; readonly code: number } {
  return { bytes: 1 + 2 * module, code: 2 + 2 * module };
}

/** Of an archive with so many pieces. */
export function moduleCountOf(pieces: number): number {
  return (pieces - 1) / 2;
}

/** @param modules  the units of each */
export function writeIndex(modules: readonly (readonly KeptUnit[])[]): Uint8Array {
  const words: number[] = [INDEX_MAGIC, modules.length];
  const writeUnit = (unit: KeptUnit, module: number): void => {
    const start = words.length;
    words.push(0, module, unit.number, unit.entry, unit.instructionCount);
    for (const list of [unit.entries, unit.ranges, unit.exits, unit.jumps])
      words.push(list.length, ...Array.from(list));
    const bytes = new Uint8Array(Math.ceil(unit.bytes.length / 4) * 4);
    bytes.set(unit.bytes);
    words.push(...new Int32Array(bytes.buffer));
    words[start] = words.length - start;
  };
  modules.forEach((units, module) => units.forEach((unit) => writeUnit(unit, module)));
  return new Uint8Array(Int32Array.from(words).buffer);
}
