/** What a function looks at first: whether the stack is beyond its budget, and whether the program was interrupted. */
import { CodeWriter, Op, Type } from "@stratos/wasm";
import { Region, Register, STACK_BUDGET } from "../heap/layout.ts";
import { loadDouble, storeDouble } from "./frame-writer.ts";
import type { FrameWriter } from "./frame-writer.ts";
import { FunctionRef, RESUME_SIGNATURE } from "./unit-module.ts";

/** `test` goes to a label where there is something to be done; then the function begins anew. */
export interface EntryTest {
  test(cold: number): void;
  cold(): void;
}

/** Of a function that needs no room on the stack, and may be one of those that call each other for ever. */
export function lookCheck(emitter: FrameWriter): EntryTest {
  return { test: (cold) => emitter.lookAt(cold), cold: () => emitter.callLow("look") };
}

/**
 * Beyond the budget the arguments go to the frame, and the stack to the heap. `asWord`: the form of the function that
 * gives a word. `later` writes another function when this one is through.
 */
export function stackCheck(
  emitter: FrameWriter,
  ref: FunctionRef,
  { asWord, later }: { asWord: () => FunctionRef; later: (write: () => void) => void },
): EntryTest {
  const slot = emitter.linker.tableSlot();
  const again = new FunctionRef(`${ref.name}/again`, RESUME_SIGNATURE);
  const types = ref.signature.parameters.slice(1);
  const test = (cold: number): void => {
    const { writer } = emitter;
    writer.localGet(0);
    if (emitter.linker.looks) {
      writer.i32Const(0);
      writer.memory(Op.i32Load, Register.stackLimit);
    } else writer.i32Const(Region.stack + STACK_BUDGET);
    writer.op(Op.i32GtU);
    writer.brIf(cold);
  };
  const cold = (): void => {
    const { writer } = emitter;
    let words = 0;
    types.forEach((type, index) => {
      if (type === Type.f64) storeDouble(writer, index + 1, words);
      else {
        writer.localGet(0);
        writer.localGet(index + 1);
        writer.memory(Op.i64Store, words * 8);
      }
      words += type === Type.f64 ? 2 : 1;
    });
    writer.localGet(0);
    writer.i32Const(slot | (words << 20));
    emitter.callLow("overflow");
  };
  emitter.linker.module.addElement(slot, again);
  later(() => {
    const body = new CodeWriter(64);
    body.localGet(0);
    let word = 0;
    for (const type of types) {
      if (type === Type.f64) loadDouble(body, word);
      else {
        body.localGet(0);
        body.memory(Op.i64Load, word * 8);
      }
      word += type === Type.f64 ? 2 : 1;
    }
    body.op(Op.returnCall);
    emitter.linker.module.addBody(again, [], body, [{ at: body.reserveU32(), ref: asWord() }]);
  });
  return { test, cold };
}
