import { Op, Type } from "@stratos/wasm";
import type { CodeWriter, ValueType } from "@stratos/wasm";
import { emitTranslate, hostOffset, pushHost } from "./access.ts";
import type { AccessForm, AccessLocals, AddressMode } from "./access.ts";
import { ExitReason } from "./exit-reason.ts";
import { RS1 } from "./lower/lowering.ts";
import type { Source } from "./lower/lowering.ts";

/** First locals of the scratch kinds, four of each. */
interface ScratchLocals {
  readonly i32: number;
  readonly i64: number;
  readonly f32: number;
  readonly f64: number;
}

/**
 * What the interpreter's lowering and the translator's have in common: how addresses are translated, where scratch
 * values are, how to leave.
 */
export abstract class AddressedLowering {
  readonly code: CodeWriter;
  protected readonly mode: AddressMode;
  protected readonly access: AccessLocals;
  readonly #scratch: ScratchLocals;
  readonly #helper: (name: string) => number;

  protected constructor(options: {
    code: CodeWriter;
    mode: AddressMode;
    access: AccessLocals;
    scratch: ScratchLocals;
    helper: (name: string) => number;
  }) {
    this.code = options.code;
    this.mode = options.mode;
    this.access = options.access;
    this.#scratch = options.scratch;
    this.#helper = options.helper;
  }

  abstract readX(source: Source): void;

  /** Leaves at the current instruction, which doesn't count. */
  abstract exitWith(reason: number): void;

  /** Stack: the virtual address as i64. */
  protected translate(form: AccessForm): void {
    emitTranslate(this.code, this.mode, this.access, form, () => this.exitWith(ExitReason.MEMORY), this.#helper);
  }

  physicalAddress(size: 4 | 8, write: boolean): void {
    this.readX(RS1);
    this.translate({ size, write, mustAlign: true });
    this.#pushPhysical();
  }

  blockAddress(write: boolean): void {
    this.readX(RS1);
    this.code.i64Const(-64);
    this.code.op(Op.i64And);
    this.translate({ size: 8, write });
    this.#pushPhysical();
  }

  #pushPhysical(): void {
    pushHost(this.code, this.access);
    const offset = hostOffset(this.mode);
    if (offset === 0) return;
    this.code.i32Const(offset);
    this.code.op(Op.i32Add);
  }

  reservationAddress(): void {
    if (this.mode === "wide") pushHost(this.code, this.access);
    else this.code.localGet(this.access.va);
  }

  exitIllegalIf(): void {
    this.code.if();
    this.exitWith(ExitReason.ILLEGAL);
    this.code.end();
  }

  scratch(type: ValueType, which: number): number {
    switch (type) {
      case Type.i32:
        return this.#scratch.i32 + which;
      case Type.i64:
        return this.#scratch.i64 + which;
      case Type.f32:
        return this.#scratch.f32 + which;
      default:
        return this.#scratch.f64 + which;
    }
  }

  call(helper: string): void {
    this.code.call(this.#helper(helper));
  }
}
