import type { Block, Unit } from "./unit.ts";

/**
 * Which pages of code the address space is known to have fetched from, at each block of a unit. A page that it has not
 * fetched from must be fetched before an instruction in it is done, whatever runs that instruction: faults are counted,
 * and what a program sees of them must not depend on what has been translated.
 *
 * Blocks don't span pages, but for one instruction that lies in two (`unit.ts`). A page that is known stays so until
 * the unit is left: what takes pages away leaves translated code first.
 */
export class PagePresence {
  /** By block index: bits of the pages known when its instructions are done. */
  readonly #known: Int32Array;
  /** Bits by page number, for the unit's first 31 pages: others are always asked for. */
  readonly #bits: Map<number, number>;

  /** @param entries  where the unit is entered from outside, by the record of the pc: its own page is there */
  constructor(unit: Unit, entries: readonly Block[]) {
    this.#bits = new Map();
    const { blocks } = unit;
    for (const block of blocks)
      for (const pc of places(block))
        if (!this.#bits.has(pc >>> 12)) this.#bits.set(pc >>> 12, this.#bits.size < 31 ? 1 << this.#bits.size : 0);
    this.#known = new Int32Array(blocks.length).fill(-1);
    const work: Block[] = [...entries];
    for (const block of entries) this.#known[block.index] = this.#own(block);
    for (let block = work.pop(); block !== undefined; block = work.pop()) {
      const known = this.#known[block.index]!;
      for (const successor of block.successors) {
        const before = this.#known[successor.index]!;
        const after = (before & known) | this.#own(successor);
        if (after === before) continue;
        this.#known[successor.index] = after;
        work.push(successor);
      }
    }
  }

  #own(block: Block): number {
    let bits = 0;
    for (const pc of places(block)) bits |= this.#bits.get(pc >>> 12)!;
    return bits;
  }

  /** Places in the pages of `to` that may not be there when control comes from `from`. */
  unknown(from: Block, to: Block): readonly number[] {
    return places(to).filter((pc) => !this.isKnown(from, pc));
  }

  isKnown(from: Block, pc: number): boolean {
    return (this.#known[from.index]! & (this.#bits.get(pc >>> 12) ?? 0)) !== 0;
  }
}

/** One place in each page of the block. */
function places(block: Block): readonly number[] {
  const first = block.instructions[0];
  if (first === undefined || !isInTwoPages(first)) return [block.pc];
  return [block.pc, first.pc + 2];
}

export function isInTwoPages(instruction: { readonly pc: number; readonly length: number }): boolean {
  return (instruction.pc & 0xfff) + instruction.length > 4096;
}
