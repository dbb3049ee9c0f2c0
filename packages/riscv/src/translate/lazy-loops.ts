import { isComputation, writesF, writesX } from "./register-use.ts";
import { isInside } from "./structure.ts";
import type { Loop, Structure } from "./structure.ts";
import type { Block, Unit } from "./unit.ts";

/**
 * Loops in which registers stay in locals: what the loop writes goes to the register file only where control leaves it,
 * be it by an edge or by an exit (which stores before it leaves, so that the state is precise all the same). Each way
 * out then holds a store for each such register, so that only loops with few ways out are worth it; a call would need
 * them all.
 */
export interface LazyLoop {
  readonly maskX: number;
  readonly maskF: number;
}

/** Stores in the cold ways out of one loop. */
const MAX_STORES = 160;

/** @returns by block index the lazy loop around it; the outermost that fits */
export function chooseLazyLoops(unit: Unit, structure: Structure): (LazyLoop | null)[] {
  const lazyOf = new Array<LazyLoop | null>(unit.blocks.length).fill(null);
  // Outer loops come before the inner ones in `loops`.
  for (const loop of structure.loops) {
    if (lazyOf[loop.header.index] !== null) continue;
    const members = unit.blocks.filter((block) => isInside(structure, block, loop));
    const lazy = consider(members, loop, structure);
    if (lazy !== null) for (const block of members) lazyOf[block.index] = lazy;
  }
  return lazyOf;
}

function consider(members: readonly Block[], loop: Loop, structure: Structure): LazyLoop | null {
  let maskX = 0;
  let maskF = 0;
  let exits = 0;
  for (const block of members) {
    switch (block.ending) {
      case "call":
      case "call-register":
      case "jump-register":
      case "return":
      case "ecall":
      case "ebreak":
      case "fence":
      case "illegal":
        return null;
      case "branch":
      case "jump":
        if (block.target <= block.end) exits++;
        break;
      case "inline-call":
        exits++;
        break;
      case "inline-return":
        exits += 2;
        break;
      default:
        break;
    }
    let inside = 0;
    for (const successor of block.successors) if (isInside(structure, successor, loop)) inside++;
    exits += Math.max(0, (block.ending === "branch" ? 2 : 1) - inside);
    for (const instruction of block.instructions) {
      maskX |= writesX(instruction);
      maskF |= writesF(instruction);
      if (!isComputation(instruction)) exits++;
    }
  }
  return exits * (countBits(maskX) + countBits(maskF)) <= MAX_STORES ? { maskX, maskF } : null;
}

function countBits(mask: number): number {
  let count = 0;
  for (let rest = mask; rest !== 0; rest &= rest - 1) count++;
  return count;
}
