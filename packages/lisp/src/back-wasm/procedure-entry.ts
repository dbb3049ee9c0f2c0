/**
 * How procedures are entered by unknown callers: header of their closures, and entries that take any count of
 * arguments.
 */
import { CodeWriter, Op, Type } from "@stratos/wasm";
import { ARITY_MAX, Kind, Region, Register, VARIADIC, headerByte } from "../heap/layout.ts";
import type { Fun } from "../middle/ir.ts";
import type { Linker } from "./frame-writer.ts";
import type { FunctionRef } from "./unit-module.ts";

/** The entry of a function that takes its arguments from the argument area: finds the clause for their count. */
export function emitVariadicEntry(fun: Fun, entry: FunctionRef, linker: Linker): void {
  const writer = new CodeWriter(256);
  const fixups: { at: number; ref: FunctionRef }[] = [];
  const call = (ref: FunctionRef, isTail: boolean): void => {
    writer.op(isTail ? Op.returnCall : Op.call);
    fixups.push({ at: writer.reserveU32(), ref });
  };
  const load = (index: number): void => {
    writer.i32Const(Region.arguments);
    writer.memory(Op.i64Load, index * 8);
  };
  fun.clauses.forEach(({ parameters, hasRest }, index) => {
    const required = hasRest ? parameters.length - 1 : parameters.length;
    writer.localGet(2);
    writer.i32Const(required);
    writer.op(hasRest ? Op.i32GeS : Op.i32Eq);
    writer.if();
    if (hasRest) {
      // self is kept in the frame: making the list may collect
      writer.localGet(0);
      writer.localGet(1);
      writer.memory(Op.i64Store, 0);
      writer.localGet(0);
      writer.i32Const(8);
      writer.op(Op.i32Add);
      writer.i32Const(required);
      writer.localGet(2);
      call(linker.low("rest-list"), false);
      writer.localSet(3);
      writer.localGet(0);
      writer.memory(Op.i64Load, 0);
      writer.localSet(1);
    }
    writer.i32Const(0);
    writer.i32Const(0);
    writer.memory(Op.i32Store, Register.argumentCount);
    writer.localGet(0);
    writer.localGet(1);
    for (let at = 0; at < required; at++) load(at);
    if (hasRest) writer.localGet(3);
    call(linker.clause(fun, index), true);
    writer.end();
  });
  writer.localGet(0);
  writer.localGet(1);
  writer.localGet(2);
  call(linker.low("apply-error"), true);
  linker.module.addBody(entry, [Type.i64], writer, fixups);
}

/** Arity byte and code of a function's closures: variadic when it has clauses to choose from. */
export function isVariadic(fun: Fun): boolean {
  return fun.clauses.length !== 1 || fun.clauses[0]!.hasRest || fun.clauses[0]!.parameters.length > ARITY_MAX;
}

export function closureLow(fun: Fun): number {
  const captured = fun.isClosed || fun.isLifted ? 0 : fun.free.length;
  return (
    headerByte(Kind.procedure) |
    ((isVariadic(fun) ? VARIADIC : fun.clauses[0]!.parameters.length) << 8) |
    (captured << 16)
  );
}
