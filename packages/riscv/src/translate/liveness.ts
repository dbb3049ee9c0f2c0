import type { LazyLoop } from "./lazy-loops.ts";
import { readsF, readsX, reloadsAfter, writesF, writesX } from "./register-use.ts";
import type { Block, Unit } from "./unit.ts";

/**
 * Which registers a block may read before it writes them, through its successors: these are loaded into locals at
 * entries and after calls. Calls and traps end the search, because what follows them loads anew.
 *
 * Sets of registers are bit masks, integer and floating point apart.
 */
export interface Liveness {
  /** By block index. */
  readonly liveX: Int32Array;
  readonly liveF: Int32Array;
  /** All registers that the unit names. */
  readonly usedX: number;
  readonly usedF: number;
}

/** @param lazyOf  registers that a lazy loop holds in locals are live in all of it */
export function analyzeLiveness(unit: Unit, order: readonly Block[], lazyOf: readonly (LazyLoop | null)[]): Liveness {
  const count = unit.blocks.length;
  const liveX = new Int32Array(count);
  const liveF = new Int32Array(count);
  const useX = new Int32Array(count);
  const useF = new Int32Array(count);
  const defX = new Int32Array(count);
  const defF = new Int32Array(count);
  let usedX = 0;
  let usedF = 0;
  for (const block of unit.blocks) {
    const { index } = block;
    const lazy = lazyOf[index]!;
    if (lazy !== null) {
      useX[index] = lazy.maskX;
      useF[index] = lazy.maskF;
    }
    for (const instruction of block.instructions) {
      const rx = readsX(instruction);
      const rf = readsF(instruction);
      const wx = writesX(instruction);
      const wf = writesF(instruction);
      // A write under a condition may leave the old value, so that it reads it.
      if (instruction.isConditional) useX[index]! |= wx & ~defX[index]!;
      useX[index]! |= rx & ~defX[index]!;
      useF[index]! |= rf & ~defF[index]!;
      defX[index]! |= wx;
      defF[index]! |= wf;
      usedX |= rx | wx;
      usedF |= rf | wf;
    }
  }
  for (let changed = true; changed;) {
    changed = false;
    for (let i = order.length - 1; i >= 0; i--) {
      const block = order[i]!;
      const { index } = block;
      let outX = 0;
      let outF = 0;
      if (!reloadsAfter(block)) {
        for (const successor of block.successors) {
          outX |= liveX[successor.index]!;
          outF |= liveF[successor.index]!;
        }
      }
      const x = useX[index]! | (outX & ~defX[index]!);
      const f = useF[index]! | (outF & ~defF[index]!);
      if (x === liveX[index] && f === liveF[index]) continue;
      liveX[index] = x;
      liveF[index] = f;
      changed = true;
    }
  }
  return { liveX, liveF, usedX, usedF };
}
