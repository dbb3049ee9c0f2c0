import { isComputation, writesX } from "./register-use.ts";
import type { Block } from "./unit.ts";

/** Stores in the ways out of a block, for one write that doesn't reach the register file otherwise. */
const MAX_STORES = 4;

/**
 * Writes to x registers that are overwritten in the block. They stay in their locals: a way out in between stores them
 * before it leaves (`TranslationLowering.exitWith`), so that the state is precise all the same. Hosts store once or
 * twice in a cycle, and compute more often than that.
 *
 * @returns by position in the block, for the first `count` instructions
 */
export function findDeadWrites(block: Block, count: number): boolean[] {
  const dead = new Array<boolean>(count).fill(false);
  // By register: ways out from here to where it is overwritten.
  const ways = new Int32Array(32).fill(MAX_STORES + 1);
  for (let i = count - 1; i >= 0; i--) {
    const instruction = block.instructions[i]!;
    const written = writesX(instruction);
    if (written !== 0) {
      const register = 31 - Math.clz32(written);
      dead[i] = ways[register]! <= MAX_STORES;
      if (!instruction.isConditional) ways[register] = 0;
    }
    if (!isComputation(instruction)) for (let register = 1; register < 32; register++) ways[register]!++;
  }
  return dead;
}
