/** Builder of WebAssembly modules: instruction writer, sections, opcodes. Knows nothing of who uses it. */
export { CodeWriter } from "./code-writer.ts";
export { ModuleBuilder } from "./module-builder.ts";
export { Misc, Op, Simd, Type } from "./opcodes.ts";
export type { ValueType } from "./opcodes.ts";
