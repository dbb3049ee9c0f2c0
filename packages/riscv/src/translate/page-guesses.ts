import { accessSize } from "./access-groups.ts";
import { readsX, writesX } from "./register-use.ts";
import { isInside } from "./structure.ts";
import type { Structure } from "./structure.ts";
import type { Block, Unit } from "./unit.ts";

/**
 * Base registers for which a unit guesses what the entry of their page in the address table is: what it was the last
 * time. The guess is compared with the entry, which the host predicts, and has the host address at once: else each link
 * of a list would wait for the load of an entry, too. Neighbouring pages often have one entry in common (see
 * access.ts), so that the guess holds over many pages, and nothing that happens to the tables makes it wrong.
 */
export interface GuessPlan {
  /** By block index: a bit for each base register. */
  readonly guessedIn: Int32Array;
  /** All of them: each has a local. */
  readonly registers: number;
}

/** In larger loops other work hides the look-ups, and registers are too few for guesses. */
const MAX_INSTRUCTIONS = 64;

export function planGuesses(unit: Unit, structure: Structure): GuessPlan {
  const guessedIn = new Int32Array(unit.blocks.length);
  let registers = 0;
  // Outer loops come before the inner ones in `loops`.
  for (const loop of structure.loops) {
    if (guessedIn[loop.header.index] !== 0) continue;
    const members = unit.blocks.filter((block) => isInside(structure, block, loop));
    if (members.reduce((count, block) => count + block.instructions.length, 0) > MAX_INSTRUCTIONS) continue;
    const chased = chasedRegisters(members);
    for (const block of members) guessedIn[block.index] = chased;
    registers |= chased;
  }
  return { guessedIn, registers };
}

/**
 * Base registers whose address comes, in the end, from a load by the same register: the next link of a list, the
 * table's index in a checksum. There the look-up's latency counts; where addresses are computed ahead, it overlaps with
 * other work and costs less than a window.
 */
function chasedRegisters(members: readonly Block[]): number {
  // By register, what its value may depend on, through loads or not.
  const sources = new Int32Array(32);
  let loaders = 0;
  for (const block of members) {
    for (const instruction of block.instructions) {
      const written = writesX(instruction);
      if (written === 0) continue;
      const register = 31 - Math.clz32(written);
      sources[register]! |= readsX(instruction);
    }
  }
  for (let changed = true; changed;) {
    changed = false;
    for (let register = 1; register < 32; register++) {
      let mask = sources[register]!;
      for (let rest = mask; rest !== 0; rest &= rest - 1) mask |= sources[31 - Math.clz32(rest & -rest)]!;
      if (mask === sources[register]) continue;
      sources[register] = mask;
      changed = true;
    }
  }
  for (const block of members) {
    for (const instruction of block.instructions) {
      const written = writesX(instruction);
      if (written === 0 || accessSize(instruction) === 0) continue;
      const register = 31 - Math.clz32(written);
      if ((sources[instruction.rs1]! >>> register) & 1) loaders |= 1 << instruction.rs1;
      if (instruction.rs1 === register) loaders |= 1 << register;
    }
  }
  return loaders;
}
