import type { WasmEngine, WasmTable } from "@stratos/host";
import { ModuleBuilder, Op, Type } from "@stratos/wasm";

/** As many as a slot of 16 bits can name (code-target.ts). */
const SIZE = 65536;

/**
 * The table through which code calls code: all its elements are functions of one type, none is null, and its size is
 * fixed, so that a call asks neither for the function's type nor for the table's size. JavaScript can't make such a
 * table; a module can.
 */
export function createCodeTable(engine: WasmEngine): WasmTable {
  const builder = new ModuleBuilder();
  const type = codeType(builder);
  const filler = builder.addFunction(type);
  const start = builder.code.beginFunction([]);
  builder.code.op(Op.unreachable);
  builder.code.endFunction(start);
  builder.exportTable("table", builder.addFunctionTable({ type, size: SIZE }, filler));
  return engine.instantiate(engine.compile(builder.finish()), {}).exports["table"] as WasmTable;
}

/** Imports it as table 0. @returns the type of its functions: (pc, depth) → next pc */
export function importCodeTable(builder: ModuleBuilder): number {
  const type = codeType(builder);
  builder.importFunctionTable("m", "table", { type, size: SIZE });
  return type;
}

function codeType(builder: ModuleBuilder): number {
  return builder.type([Type.i32, Type.i32], [Type.i32]);
}
