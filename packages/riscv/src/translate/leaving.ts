/**
 * Where a translated function leaves the run: at one place at its end, for all its instructions that may. A call of its
 * own for each made the code a seventh larger, and half of it is what hardly ever happens
 * (docs/decisions/0108-functions-leave-at-one-place.md).
 */
import { Op } from "@stratos/wasm";
import type { CodeWriter } from "@stratos/wasm";
import { BASE, FUEL, PC, RECORD, VA } from "./locals.ts";
import type { TranslationImports } from "./translation-imports.ts";

/** In RECORD: the reason, and above it how many instructions the fuel doesn't know. */
const REASON_BITS = 8;

export class Leaving {
  readonly #code: CodeWriter;
  readonly #imports: TranslationImports;
  /** What is subtracted from addresses in code that is kept, and added at the end. */
  readonly #start: number;
  /** Label of the block that all the function's code is in. */
  #label: number;

  constructor(code: CodeWriter, imports: TranslationImports, regionStart: number) {
    this.#code = code;
    this.#imports = imports;
    this.#start = imports.place === null ? 0 : regionStart;
    this.#label = 0;
  }

  /** At the function's top. */
  open(): void {
    this.#label = this.#code.block();
  }

  /** At the function's end, where nothing goes on. */
  close(): void {
    const code = this.#code;
    code.op(Op.unreachable);
    code.end();
    code.localGet(PC);
    if (this.#imports.place !== null) {
      code.localGet(BASE);
      code.op(Op.i32Add);
    }
    code.localGet(FUEL);
    code.localGet(RECORD);
    code.i32Const(REASON_BITS);
    code.op(Op.i32ShrU);
    code.localGet(RECORD);
    code.i32Const((1 << REASON_BITS) - 1);
    code.op(Op.i32And);
    code.call(this.#imports.leave);
  }

  /**
   * @param pc         null: the one in VA
   * @param completed  instructions that the fuel local doesn't know yet
   * @param reason     an ExitReason
   */
  at(pc: number | null, completed: number, reason: number): void {
    const code = this.#code;
    if (pc !== null) code.i32Const(pc - this.#start);
    else {
      code.localGet(VA);
      if (this.#imports.place !== null) {
        code.localGet(BASE);
        code.op(Op.i32Sub);
      }
    }
    code.localSet(PC);
    code.i32Const((completed << REASON_BITS) | reason);
    code.localSet(RECORD);
    code.br(this.#label);
  }
}
