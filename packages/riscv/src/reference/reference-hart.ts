/**
 * An RV64GC hart in plain TypeScript: the meaning of each instruction as the manual words it, with BigInt registers. It
 * is the oracle for the generated interpreter and the translator, and shares only the decoder with them; qemu judges
 * all three.
 */
import { decode, newDecoded, type Decoded } from "../decode.ts";
import { INSTRUCTIONS } from "../instruction-table.ts";
import { AES_SEMANTICS } from "./aes.ts";
import { ATOMIC_SEMANTICS } from "./atomic.ts";
import { BIT_SEMANTICS } from "./bit-manipulation.ts";
import { CACHE_BLOCK_SEMANTICS } from "./cache-block.ts";
import { CONTROL_SEMANTICS } from "./control.ts";
import { FLOAT_SEMANTICS } from "./float.ts";
import { INTEGER_SEMANTICS } from "./integer.ts";
import { ReferenceState, type Semantics, type Trap } from "./semantics.ts";

export class ReferenceHart extends ReferenceState {
  readonly #decoded: Decoded = newDecoded();

  /** Executes one instruction. @throws what the memory throws; then nothing has changed. */
  step(): Trap | undefined {
    const start = this.pc;
    // A compressed instruction may be the last two bytes of what is mapped.
    let word = Number(this.memory.load(start, 2));
    if ((word & 3) === 3) word |= Number(this.memory.load(start + 2n, 2)) << 16;
    decode(word, this.#decoded);
    if (this.#decoded.index < 0) return "illegal";
    const semantics = SEMANTICS[this.#decoded.index];
    if (semantics === undefined) return "illegal";
    this.pc = BigInt.asUintN(64, start + BigInt(this.#decoded.length));
    let trap: Trap | void;
    try {
      trap = semantics(this, this.#decoded);
    } catch (error) {
      this.pc = start;
      throw error;
    }
    if (trap !== undefined) {
      this.pc = start;
      return trap;
    }
    this.retired++;
    return undefined;
  }
}

const BY_NAME: Readonly<Record<string, Semantics>> = {
  ...CONTROL_SEMANTICS,
  ...INTEGER_SEMANTICS,
  ...ATOMIC_SEMANTICS,
  ...FLOAT_SEMANTICS,
  ...BIT_SEMANTICS,
  ...AES_SEMANTICS,
  ...CACHE_BLOCK_SEMANTICS,
};
const SEMANTICS: readonly (Semantics | undefined)[] = INSTRUCTIONS.map((instruction) => BY_NAME[instruction.name]);

/** Names in the instruction table that the reference doesn't know; the tests keep this empty. */
export function unknownInstructions(): string[] {
  return INSTRUCTIONS.filter((_, index) => SEMANTICS[index] === undefined).map((instruction) => instruction.name);
}
