import { accessSize, isStoreAccess } from "./access-groups.ts";
import { readsX, writesX } from "./register-use.ts";
import { isInside } from "./structure.ts";
import type { Loop, Structure } from "./structure.ts";
import type { Block, Unit } from "./unit.ts";

/**
 * In loops, the page that a base register last pointed into is kept in locals with its table entry. An access compares
 * its page with that one, which the host predicts, and has the host address at once: without the window, each link of a
 * list would wait for the load of a table entry too. A window whose page changes every few instructions is given up
 * until the loop is entered again, because then the comparison would be mispredicted.
 *
 * Address tables change only outside of translated code, so a window must not outlive a call or ecall: only loops
 * without are given any.
 */
export interface AccessWindow {
  /** Which of the unit's, for its locals. */
  readonly number: number;
  /** Some access by it stores: it holds entries of the table for writing only. */
  hasStore: boolean;
}

/** In larger loops other work hides the look-ups, and registers are too few for windows. */
const MAX_INSTRUCTIONS = 64;
/** Windows of one unit: one for each base register. */
const MAX_WINDOWS = 10;

export interface WindowPlan {
  /** By block index: the windows by base register in the loop around it. */
  readonly windowsOf: readonly (readonly (AccessWindow | undefined)[] | null)[];
  /** Windows that are closed where control enters a loop. */
  readonly atEntry: ReadonlyMap<Loop, readonly AccessWindow[]>;
  readonly count: number;
}

export function planWindows(unit: Unit, structure: Structure): WindowPlan {
  const windowsOf = new Array<readonly (AccessWindow | undefined)[] | null>(unit.blocks.length).fill(null);
  const atEntry = new Map<Loop, readonly AccessWindow[]>();
  let count = 0;
  // Outer loops come before the inner ones in `loops`.
  for (const loop of structure.loops) {
    if (windowsOf[loop.header.index] !== null) continue;
    const members = unit.blocks.filter((block) => isInside(structure, block, loop));
    if (
      members.some(mayCall) ||
      members.reduce((count, block) => count + block.instructions.length, 0) > MAX_INSTRUCTIONS
    )
      continue;
    const windows = openWindows(members, chasedRegisters(members));
    if (windows.all.length === 0) continue;
    count = Math.max(count, windows.all.length);
    atEntry.set(loop, windows.all);
    for (const block of members) windowsOf[block.index] = windows.byRegister;
  }
  return { windowsOf, atEntry, count };
}

function mayCall(block: Block): boolean {
  return block.ending === "call" || block.ending === "call-register" || block.ending === "ecall";
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

function openWindows(
  members: readonly Block[],
  bases: number,
): { byRegister: (AccessWindow | undefined)[]; all: AccessWindow[] } {
  const byRegister = new Array<AccessWindow | undefined>(32).fill(undefined);
  const all: AccessWindow[] = [];
  for (const block of members) {
    for (const instruction of block.instructions) {
      if (accessSize(instruction) === 0 || ((bases >>> instruction.rs1) & 1) === 0) continue;
      let window = byRegister[instruction.rs1];
      if (window === undefined) {
        if (all.length === MAX_WINDOWS) continue;
        window = { number: all.length, hasStore: false };
        byRegister[instruction.rs1] = window;
        all.push(window);
      }
      window.hasStore ||= isStoreAccess(instruction);
    }
  }
  return { byRegister, all };
}
