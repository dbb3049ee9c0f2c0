/**
 * An RV64GC hart in plain TypeScript: the meaning of each instruction as the manual words it, with BigInt registers. It
 * is the oracle for the generated interpreter and the translator, and shares only the decoder with them; qemu judges
 * all three.
 */
import { decode, newDecoded, type Decoded } from "../decode.ts";
import { INSTRUCTIONS } from "../instruction-table.ts";
import { FloatFlag, RoundingMode } from "../softfloat/softfloat.ts";
import type { FloatEnvironment } from "../softfloat/softfloat.ts";
import { ATOMIC_SEMANTICS } from "./atomic.ts";
import { CONTROL_SEMANTICS } from "./control.ts";
import { FLOAT_SEMANTICS } from "./float.ts";
import { INTEGER_SEMANTICS } from "./integer.ts";
import type { ReferenceMemory } from "./memory.ts";

/** Why an instruction didn't simply complete. The pc stays at the instruction. */
type Trap = "ecall" | "breakpoint" | "illegal";

/** The effect of one instruction; the pc has already moved on. Throwing nothing, it may give a trap. */
export type Semantics = (hart: ReferenceHart, operands: Decoded) => Trap | void;

export class ReferenceHart {
  /** x0 … x31 as unsigned 64-bit values; `setX` keeps x0 zero. */
  readonly x: BigUint64Array;
  readonly f: BigUint64Array;
  readonly memory: ReferenceMemory;
  pc: bigint;
  fflags: number;
  frm: number;
  /** Address that LR reserved, with the value it saw; null when there is none. */
  reservation: { readonly address: bigint; readonly value: bigint } | null;
  retired: number;
  readonly #decoded: Decoded;

  constructor(memory: ReferenceMemory, pc: bigint) {
    this.x = new BigUint64Array(32);
    this.f = new BigUint64Array(32);
    this.memory = memory;
    this.pc = pc;
    this.fflags = 0;
    this.frm = 0;
    this.reservation = null;
    this.retired = 0;
    this.#decoded = newDecoded();
  }

  setX(register: number, value: bigint): void {
    if (register !== 0) this.x[register] = BigInt.asUintN(64, value);
  }

  /** The register as a signed number. */
  signed(register: number): bigint {
    return BigInt.asIntN(64, this.x[register]!);
  }

  /** Address of the current instruction, whose length is `operands.length`. */
  pcOf(operands: Decoded): bigint {
    return this.pc - BigInt(operands.length);
  }

  /** Rounding mode of an instruction with this `rm` field; null when reserved, which is illegal. */
  rounding(rm: number): RoundingMode | null {
    const mode = rm === 7 ? this.frm : rm;
    return mode <= RoundingMode.RMM ? (mode as RoundingMode) : null;
  }

  /** Computes under the mode and accrues the flags. */
  withFlags<T>(rounding: RoundingMode, compute: (environment: FloatEnvironment) => T): T {
    const environment: FloatEnvironment = { rounding, flags: 0 };
    const result = compute(environment);
    this.fflags |= environment.flags & ALL_FLAGS;
    return result;
  }

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

const ALL_FLAGS = FloatFlag.NX | FloatFlag.UF | FloatFlag.OF | FloatFlag.DZ | FloatFlag.NV;

const BY_NAME: Readonly<Record<string, Semantics>> = {
  ...CONTROL_SEMANTICS,
  ...INTEGER_SEMANTICS,
  ...ATOMIC_SEMANTICS,
  ...FLOAT_SEMANTICS,
};
const SEMANTICS: readonly (Semantics | undefined)[] = INSTRUCTIONS.map((instruction) => BY_NAME[instruction.name]);

/** Names in the instruction table that the reference doesn't know; the tests keep this empty. */
export function unknownInstructions(): string[] {
  return INSTRUCTIONS.filter((_, index) => SEMANTICS[index] === undefined).map((instruction) => instruction.name);
}
