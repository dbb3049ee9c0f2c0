/**
 * The module of low-level routines: collector, calls, continuations, slow arithmetic, and the base loop under which
 * everything runs.
 */
import { CodeWriter, Op, Type } from "@stratos/wasm";
import { COLLECTOR } from "../heap/collector.ts";
import { ForkWork, KEPT_WORDS } from "../heap/kept-words.ts";
import { MARKING } from "../heap/marking.ts";
import { OLD_SPACE } from "../heap/old-space.ts";
import {
  Cell,
  FIRST_BYTES_KIND,
  Immediate,
  Kind,
  LAST_HOLE_LIST,
  Offset,
  Phase,
  Region,
  Register,
  Tag,
  VARIADIC,
  cellAddress,
  headerByte,
  LARGE_BYTES,
  LARGEST_BYTES,
  STACK_BUDGET,
} from "../heap/layout.ts";
import { LowProgram } from "../low/compile.ts";
import type { LowSignature, LowTarget } from "../low/compile.ts";
import { readForms } from "../low/read.ts";
import { errorCode } from "../runtime/errors.ts";
import { EQUAL } from "../runtime/low-equal.ts";
import { INTEGERS } from "../runtime/low-integers.ts";
import { RUNTIME } from "../runtime/low.ts";
import { FunctionRef, RESUME_SIGNATURE, UnitModule, VARIADIC_SIGNATURE, procedureSignature } from "./unit-module.ts";

/** Places in the table of functions that the runtime fills: slowN at N, then these. */
export const TableSlot = {
  continuation: 10,
  coldResume: 11,
  callcc: 12,
  throwTo: 13,
  apply: 14,
  values: 15,
  callAtBase: 16,
  first: 17,
} as const;

/**
 * Limbs of 32 bits of the shorter operand, and of both together, up to which arithmetic of integers is done here: the
 * host's has better algorithms, but numbers must be carried there and back; results are no large objects.
 */
const INTEGER_LIMBS = 200;
const INTEGER_SUM = 16_000;

/** What the low-level routines import from the host. */
const HOST: Record<string, LowSignature> = {
  "host-call": { parameters: [Type.i32, Type.i32], result: null },
  "heap-full": { parameters: [], result: null },
  "grow-heap": { parameters: [], result: null },
  "look-due": { parameters: [], result: null },
  "fork-work": { parameters: [Type.i32], result: null },
  "collecting": { parameters: [], result: null },
  "collected": { parameters: [Type.i32], result: null },
  "bignum->double": { parameters: [Type.i64], result: Type.f64 },
};

let program: LowProgram | undefined;

/** Numbers that low-level code names. */
export function lowConstants(): Record<string, number> {
  const constants: Record<string, number> = {
    CELLS: Region.cells,
    STACK: Region.stack,
    "STACK-FULL": Region.stack + STACK_BUDGET,
    ARGUMENTS: Region.arguments,
    "ARGUMENTS-END": Region.argumentsEnd,
    STORES: Region.stores,
    "STORES-END": Region.storesEnd,
    NURSERY: Region.nursery,
    "FIRST-BYTES": FIRST_BYTES_KIND,
    LARGE: LARGE_BYTES,
    LARGEST: LARGEST_BYTES,
    // A fixnum that is not 0.
    ASKED: 8,
    TRUE: Immediate.true,
    FALSE: Immediate.false,
    UNBOUND: Immediate.unbound,
    NIL: Immediate.nil,
    CAR: Offset.car,
    CDR: Offset.cdr,
    FLONUM: Offset.flonum,
    "PROCEDURE-HEADER": Offset.procedureHeader,
    "PROCEDURE-ARITY": Offset.procedureHeader + 1,
    "PROCEDURE-CODE": Offset.procedureCode,
    HEADER: Offset.header,
    "HEADER-EXTRA": Offset.header + 1,
    COUNT: Offset.count,
    FIELDS: Offset.fields,
    "FIELD-1": Offset.fields + 8,
    "FIELD-2": Offset.fields + 16,
    "CAPTURED-0": Offset.captured,
    "CAPTURED-1": Offset.captured + 8,
    "CAPTURED-2": Offset.captured + 16,
    "CAPTURED-3": Offset.captured + 24,
    "CONTINUATION-HEADER": headerByte(Kind.procedure) + VARIADIC * 256 + 4 * 2 ** 16 + TableSlot.continuation * 2 ** 32,
    "BIGNUM-BYTE": headerByte(Kind.bignum),
    "HOLE-BYTE": headerByte(Kind.hole),
    "LAST-LIST": LAST_HOLE_LIST,
    "JUMP-BYTE": headerByte(Kind.jump),
    "INTEGER-LIMBS": INTEGER_LIMBS,
    "INTEGER-SUM": INTEGER_SUM,
    "SCRATCH-1": Region.scratch,
    "SCRATCH-2": Region.scratch + 16,
    "EQUAL-STACK": Region.equalStack,
    "EQUAL-STACK-END": Region.stackEnd,
    "FLONUM-HEADER": headerByte(Kind.flonum) + 8 * 2 ** 32,
    "ERROR-TOO-MANY": errorCode("apply", "fewer arguments"),
    "ERROR-LIST": errorCode("apply", "list"),
    "ERROR-RETURN": errorCode("", "a continuation that can be returned to"),
  };
  const dashed = (name: string): string => name.replace(/[A-Z]/gu, (letter) => `-${letter}`).toUpperCase();
  for (const [name, value] of Object.entries(Register)) constants[dashed(name)] = value;
  for (const [name, value] of Object.entries(Kind)) constants[`KIND-${dashed(name)}`] = value;
  for (const [name, value] of Object.entries(Tag)) constants[`TAG-${dashed(name)}`] = value;
  for (const [name, value] of Object.entries(Phase)) constants[dashed(name)] = value;
  for (const [name, value] of Object.entries(ForkWork)) constants[dashed(name)] = value;
  for (const [name, value] of Object.entries(Cell)) constants[`CELL-${dashed(name)}`] = value;
  return constants;
}

function lowProgram(): LowProgram {
  return (program ??= makeLowProgram(lowConstants()));
}

function makeLowProgram(constants: Record<string, number>): LowProgram {
  const program = new LowProgram(constants);
  program.add(readForms(COLLECTOR));
  program.add(readForms(OLD_SPACE));
  program.add(readForms(MARKING));
  program.add(readForms(KEPT_WORDS));
  program.add(readForms(RUNTIME));
  program.add(readForms(INTEGERS));
  program.add(readForms(EQUAL));
  return program;
}

/** Signatures of the low-level routines and of what they import, by name. */
export function lowSignatures(): Map<string, LowSignature> {
  const own = lowProgram().functions.map(({ name, signature }) => [name, signature] as const);
  return new Map([...own, ...Object.entries(HOST)]);
}

/**
 * The module's bytes; it exports each routine by its name, `run`, and the tag `unwind`.
 *
 * @param isNative  no host has better algorithms: integers are handed to none while their results are no large objects
 */
export function runtimeModule({ isNative = false }: { isNative?: boolean } = {}): Uint8Array {
  const low = isNative ? makeLowProgram({ ...lowConstants(), "INTEGER-LIMBS": INTEGER_SUM }) : lowProgram();
  const module = new UnitModule({ ownsTags: true });
  const refs = new Map(low.functions.map((fn) => [fn.name, new FunctionRef(fn.name, fn.signature)]));
  for (const [name, signature] of Object.entries(HOST)) refs.set(name, module.importFunction("host", name, signature));
  const types: Record<string, LowSignature> = { variadic: VARIADIC_SIGNATURE, resume: RESUME_SIGNATURE };
  for (let count = 0; count <= 8; count++) types[`procedure${count}`] = procedureSignature(count);
  let fixups: { at: number; ref: FunctionRef }[] = [];
  const target: LowTarget = {
    signature: (name) => refs.get(name)?.signature,
    functionIndex: (code, name) => {
      fixups.push({ at: code.reserveU32(), ref: refs.get(name)! });
    },
    typeIndex: (name) => ({ index: module.typeIndex(types[name]!), signature: types[name]! }),
    tag: (name) => (name === "unwind" ? module.unwindTag : module.abortTag),
  };
  for (const fn of low.functions) {
    fixups = [];
    const { code, locals } = low.compile(fn, target);
    module.addBody(refs.get(fn.name)!, locals, code, fixups);
    module.exportFunction(fn.name, refs.get(fn.name)!);
  }
  for (let count = 0; count <= 8; count++) module.addElement(count, refs.get(`slow${count}`)!);
  module.addElement(TableSlot.continuation, refs.get("continuation")!);
  module.addElement(TableSlot.coldResume, refs.get("cold-resume")!);
  module.addElement(TableSlot.callcc, refs.get("call/cc-code")!);
  module.addElement(TableSlot.throwTo, refs.get("throw-code")!);
  module.addElement(TableSlot.apply, refs.get("apply-code")!);
  module.addElement(TableSlot.callAtBase, refs.get("base-code")!);
  module.addElement(TableSlot.values, refs.get("list-values")!);
  addRun(module, refs);
  return module.finish();
}

/**
 * `run`: calls the procedure in the value's cell without arguments and goes on from the heap until no frame is left;
 * the value lies in the cell then. Frames that return one into the other stay inside of the handler.
 */
function addRun(module: UnitModule, refs: ReadonlyMap<string, FunctionRef>): void {
  const run = new FunctionRef("run", { parameters: [], result: null });
  const code = new CodeWriter(256);
  const fixups: { at: number; ref: FunctionRef }[] = [];
  const call = (name: string): void => {
    code.op(Op.call);
    fixups.push({ at: code.reserveU32(), ref: refs.get(name)! });
  };
  const continuation = (): void => {
    code.i32Const(0);
    code.memory(Op.i64Load, cellAddress(Cell.continuation));
    code.op(Op.i64Eqz);
  };
  const isStarted = 0;
  const value = 1;
  const again = code.loop();
  const aborted = code.block();
  const unwound = code.block();
  code.tryTable([
    { tag: module.unwindTag, label: unwound },
    { tag: module.abortTag, label: aborted },
  ]);
  code.localGet(isStarted);
  code.if(Type.i64);
  call("go-on");
  code.else();
  code.i32Const(1);
  code.localSet(isStarted);
  code.i32Const(0);
  code.memory(Op.i64Load, cellAddress(Cell.value));
  call("start");
  code.end();
  code.localSet(value);
  const done = code.block();
  const next = code.loop();
  continuation();
  code.brIf(done);
  code.localGet(value);
  call("next-frame");
  code.localSet(value);
  code.br(next);
  code.end();
  code.end();
  code.i32Const(0);
  code.localGet(value);
  code.memory(Op.i64Store, cellAddress(Cell.value));
  code.return();
  code.end();
  code.end();
  call("link-frames");
  code.end();
  code.br(again);
  code.end();
  module.addBody(run, [Type.i32, Type.i64], code, fixups);
  module.exportFunction("run", run);
}
