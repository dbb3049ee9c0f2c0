/** What the meaning of an instruction is told in: the state of a hart that it changes. */
import type { Decoded } from "../decode.ts";
import { FloatFlag, RoundingMode } from "../softfloat/softfloat.ts";
import type { FloatEnvironment } from "../softfloat/softfloat.ts";
import type { ReferenceMemory } from "./memory.ts";

/** Why an instruction didn't simply complete. The pc stays at the instruction. */
export type Trap = "ecall" | "breakpoint" | "illegal";

/** The effect of one instruction; the pc has already moved on. Throwing nothing, it may give a trap. */
export type Semantics = (hart: ReferenceState, operands: Decoded) => Trap | void;

export class ReferenceState {
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

  constructor(memory: ReferenceMemory, pc: bigint) {
    this.x = new BigUint64Array(32);
    this.f = new BigUint64Array(32);
    this.memory = memory;
    this.pc = pc;
    this.fflags = 0;
    this.frm = 0;
    this.reservation = null;
    this.retired = 0;
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
}

const ALL_FLAGS = FloatFlag.NX | FloatFlag.UF | FloatFlag.OF | FloatFlag.DZ | FloatFlag.NV;
