/**
 * What is translated together: the blocks that control reaches from an entry without leaving the guest function or its
 * region, and small leaf functions that it calls, inlined: each call site has blocks of its own for them (a `Context`).
 * Only what the interpreter has executed is taken (its records are decoded); the rest stays an exit.
 */
import type { TranslatedRegion } from "../code-cache.ts";
import type { Decoded } from "../decode.ts";

/** A function's blocks at one call site; the unit's own have no `returnTo`. */
export interface Context {
  readonly blockAt: Map<number, Block>;
  /** Where the inlined function returns to. */
  returnTo: Block | null;
}

export interface UnitInstruction extends Decoded {
  readonly pc: number;
  /** A branch within a block: how many instructions after it are done only when it isn't taken. */
  readonly skips: number;
  /** Done under the condition of the branch before. */
  readonly isConditional: boolean;
}

type Ending =
  | "fall" // into the next block
  | "branch"
  | "jump" // jal x0
  | "call" // jal rd
  | "inline-call" // jal rd into blocks of the unit
  | "call-register" // jalr ra or t0
  | "jump-register" // jalr elsewhere
  | "return" // jalr x0, ra or t0
  | "inline-return" // the same, out of an inlined function
  | "ecall"
  | "ebreak"
  | "fence"
  | "illegal";

export interface Block {
  readonly index: number;
  readonly pc: number;
  readonly context: Context;
  readonly instructions: UnitInstruction[];
  ending: Ending;
  /** pc after the last instruction. */
  end: number;
  /** Target of a branch, jump or call; −1 otherwise. */
  target: number;
  /** Known targets of a jump through a register, inside the unit. */
  readonly targets: number[];
  /** Blocks that control reaches next within the unit; for branches the one taken first. */
  readonly successors: Block[];
  predecessorCount: number;
}

export interface Unit {
  readonly region: TranslatedRegion;
  readonly entry: number;
  readonly blocks: readonly Block[];
  readonly main: Block;
  /** Page indices in the region. */
  readonly pages: readonly number[];
  readonly instructionCount: number;
  /** Places in the same loops that are left to other units. */
  readonly excluded: ReadonlySet<number>;
}
