import { assert } from "@stratos/base";
import { ModuleBuilder, Op, Type } from "@stratos/wasm";
import type { CodeArchive, WasmEngine, WasmInstance, WasmModule, WasmTable } from "@stratos/host";
import { TLB_MISS } from "./access.ts";
import { importCodeTable } from "./code-table.ts";
import { emitTargetLookup, pushDepthWithEntry, pushTargetSlot } from "./code-target.ts";
import type { AddressMode } from "./access.ts";
import { HART_EXIT, HART_FUEL, HART_PC, HART_TABLES } from "./hart-state.ts";
import { instructionIndex } from "./instruction-table.ts";
import { DEPTH_LIMIT, emitInterpreter, type InterpreterForm } from "./interpreter.ts";
import { emitOutOfLine, OUT_OF_LINE_SLOTS } from "./out-of-line.ts";
import { READ_TIME } from "./lower/csr.ts";
import type { InstructionMeanings } from "./lower/lowerings.ts";
import type { Helper } from "./lower/lowering.ts";
import type { PhysicalMemory } from "./physical-memory.ts";
import { OUT_OF_LINE } from "./record.ts";

/**
 * The module that is there from the start: the interpreter (function table entry 0), the run loop, the common exit of
 * translated code and the helpers of lowerings. Translations import from its exports.
 */
interface CoreHooks {
  decode(record: number, pc: number): number;
  ecall(): number;
  hot(pc: number, heat: number): void;
  indirect(pc: number, target: number): void;
  tlbMiss(low: number, high: number, form: number): number;
  time(): number;
}

export interface CoreModule {
  /** Runs from HART_PC until something leaves. */
  readonly run: () => void;
  /** Imports of translations, by name: memory, table, `leave`, `ecall`, and the helpers. */
  readonly exports: Record<string, unknown>;
}

interface CoreOptions {
  engine: WasmEngine;
  physical: PhysicalMemory;
  table: WasmTable;
  mode: AddressMode;
  meanings: InstructionMeanings;
  hooks: CoreHooks;
  hotThreshold: number;
  /** The interpreter that stops at any instruction, and runs no translations. Default: false. */
  isExact?: boolean;
  archive: CodeArchive | undefined;
}

export function createCoreModule(options: CoreOptions): CoreModule {
  const { engine, physical, table, hooks } = options;
  const imports: Record<string, unknown> = { memory: physical.memory, table, ...boundHooks(hooks) };
  for (const { name, create } of options.meanings.helpers) if (create !== undefined) imports[name] = create(physical);
  const instance: WasmInstance = engine.instantiate(compileKept(options), { m: imports });
  return { run: instance.exports["run"] as () => void, exports: { ...imports, ...instance.exports } };
}

/**
 * The module is the same in each run: its bytes are kept, and their machine code, so that a run neither writes nor
 * compiles it. What else they depend on, the translator and the processor, the archive's owner adds to its name.
 */
function compileKept({ engine, archive, mode, meanings, hotThreshold, isExact = false }: CoreOptions): WasmModule {
  const emit = (): Uint8Array => emitCoreModule(mode, meanings, { hotThreshold, isExact });
  if (archive === undefined) return engine.compileHot(emit());
  const name = { head: new Uint8Array(0), detail: `core module ${mode} ${isExact ? "exact" : hotThreshold}` };
  const kept = archive.open(name);
  const [code, bytes] = [kept?.read(0) ?? null, kept?.read(1) ?? null];
  const restored = code === null || bytes === null ? null : engine.restore(code, bytes);
  if (restored !== null) return restored;
  const emitted = emit();
  const module = engine.compileHot(emitted);
  const preserved = engine.preserve(emitted);
  if (preserved !== null) archive.write(name, [preserved, emitted]);
  return module;
}

function emitCoreModule(
  mode: AddressMode,
  { helpers, lowerings }: InstructionMeanings,
  form: InterpreterForm,
): Uint8Array {
  const builder = new ModuleBuilder();
  const { code } = builder;
  builder.importMemory("m", "memory");
  const codeType = importCodeTable(builder);
  const decode = builder.importFunction("m", "decode", codeType);
  const ecall = builder.importFunction("m", "ecall", builder.type([], [Type.i32]));
  const hot = builder.importFunction("m", "hot", builder.type([Type.i32, Type.i32], []));
  const indirect = builder.importFunction("m", "indirect", builder.type([Type.i32, Type.i32], []));

  // JavaScript helpers are imports, wasm helpers follow as functions: all indices are known before the first body.
  const indexOf = new Map<string, number>();
  if (mode === "wide")
    indexOf.set(
      TLB_MISS,
      builder.importFunction("m", TLB_MISS, builder.type([Type.i32, Type.i32, Type.i32], [Type.i32])),
    );
  indexOf.set(READ_TIME, builder.importFunction("m", READ_TIME, builder.type([], [Type.f64])));
  for (const helper of helpers) {
    if (helper.create === undefined) continue;
    indexOf.set(helper.name, builder.importFunction("m", helper.name, builder.type(helper.parameters, helper.results)));
  }
  const helperIndex = (name: string): number => {
    const index = indexOf.get(name);
    assert(index !== undefined, `the core module has the helper ${name}`);
    return index;
  };
  const interpreter = builder.addFunction(codeType);
  const run = builder.addFunction(builder.type([], []));
  const leave = builder.addFunction(builder.type([Type.i32, Type.i32, Type.i32, Type.i32], [Type.i32]));
  const dispatch = builder.addFunction(codeType);
  const outOfLine = OUT_OF_LINE.filter((name) => lowerings[name] !== undefined);
  for (const name of outOfLine)
    builder.addElement(OUT_OF_LINE_SLOTS + instructionIndex(name), builder.addFunction(codeType));
  for (const helper of helpers) {
    if (helper.emit !== undefined)
      indexOf.set(helper.name, builder.addFunction(builder.type(helper.parameters, helper.results)));
  }

  const interpreterImports = { codeType, decode, ecall, hot, indirect, helper: helperIndex, lowerings };
  emitInterpreter(code, mode, interpreterImports, form);
  emitRun(builder, codeType, form.isExact ? interpreter : null);
  emitLeave(builder);
  emitDispatch(builder, codeType);
  for (const name of outOfLine) emitOutOfLine(code, mode, interpreterImports, name);
  for (const helper of helpers) emitHelper(builder, helper, helperIndex);

  builder.addElement(0, interpreter);
  builder.exportFunction("interpreter", interpreter);
  builder.exportFunction("run", run);
  builder.exportFunction("leave", leave);
  builder.exportFunction("dispatch", dispatch);
  for (const helper of helpers)
    if (helper.emit !== undefined) builder.exportFunction(helper.name, helperIndex(helper.name));
  return builder.finish();
}

function boundHooks(hooks: CoreHooks): Record<string, unknown> {
  return {
    decode: (record: number, pc: number) => hooks.decode(record, pc),
    ecall: () => hooks.ecall(),
    hot: (pc: number, heat: number) => hooks.hot(pc, heat),
    indirect: (pc: number, target: number) => hooks.indirect(pc, target),
    [TLB_MISS]: (low: number, high: number, access: number) => hooks.tlbMiss(low, high, access),
    [READ_TIME]: () => hooks.time(),
  };
}

function emitHelper(builder: ModuleBuilder, helper: Helper, helperIndex: (name: string) => number): void {
  if (helper.emit === undefined) return;
  const { code } = builder;
  const start = code.beginFunction((helper.locals ?? []).map((type) => ({ count: 1, type })));
  helper.emit(code, (name) => code.call(helperIndex(name)));
  code.endFunction(start);
}

/**
 * Enters what stands at the pc, and goes on at the pc that comes back, until −1.
 *
 * @param interpreter  enters this, whatever stands there
 */
function emitRun(builder: ModuleBuilder, codeType: number, interpreter: number | null): void {
  const { code } = builder;
  const [pc, target, tables] = [0, 1, 2];
  const start = code.beginFunction([{ count: 3, type: Type.i32 }]);
  code.i32Const(0);
  code.memory(Op.i32Load, HART_TABLES);
  code.localSet(tables);
  code.i32Const(0);
  code.memory(Op.i32Load, HART_PC);
  code.localSet(pc);
  const again = code.loop();
  emitTargetLookup(code, tables, pc, target);
  code.localGet(pc);
  code.i32Const(DEPTH_LIMIT);
  if (interpreter === null) {
    pushTargetSlot(code, target);
    code.callIndirect(codeType);
  } else code.call(interpreter);
  code.localTee(pc);
  code.i32Const(-1);
  code.op(Op.i32Ne);
  code.brIf(again);
  code.end();
  code.endFunction(start);
}

/** leave(pc, fuel, completed, reason) → −1: the cold end of every exit of translated code. */
function emitLeave(builder: ModuleBuilder): void {
  const { code } = builder;
  const start = code.beginFunction([]);
  code.i32Const(0);
  code.localGet(0);
  code.memory(Op.i32Store, HART_PC);
  code.i32Const(0);
  code.localGet(1);
  code.localGet(2);
  code.op(Op.i32Sub);
  code.memory(Op.i32Store, HART_FUEL);
  code.i32Const(0);
  code.localGet(3);
  code.memory(Op.i32Store, HART_EXIT);
  code.i32Const(-1);
  code.endFunction(start);
}

/**
 * dispatch(pc, depth) → next pc: goes on at the pc with its translation or the interpreter, in the place of the caller.
 */
function emitDispatch(builder: ModuleBuilder, codeType: number): void {
  const { code } = builder;
  const [pc, depth, target, tables] = [0, 1, 2, 3];
  const start = code.beginFunction([{ count: 2, type: Type.i32 }]);
  code.i32Const(0);
  code.memory(Op.i32Load, HART_TABLES);
  code.localSet(tables);
  emitTargetLookup(code, tables, pc, target);
  code.localGet(pc);
  pushDepthWithEntry(code, depth, pc, target);
  pushTargetSlot(code, target);
  code.returnCallIndirect(codeType);
  code.endFunction(start);
}
