/**
 * A function of WebAssembly as instructions over values: the operand stack goes away. Constants, variables, comparisons
 * and the wrapping of pointers stay on the stack of this file as what they are until they are used, so that they become
 * operands of instructions; what a variable's change or a join would make untrue is put into a value of its own first.
 */
import { assert } from "@stratos/base";
import { Misc, Op, Type } from "@stratos/wasm";
import type { ValueType } from "@stratos/wasm";
import { negated, NO_HANDLERS, NONE } from "./instructions.ts";
import type { Comparison, Handlers, Instruction, NativeFunction } from "./instructions.ts";
import { ByteReader } from "./wasm-module.ts";
import type { FunctionBody, FunctionType } from "./wasm-module.ts";

/** What the module around the function knows. */
interface LowerContext {
  /** The program's name of a function, by its index in the module. */
  functionAt(index: number): { readonly name: string; readonly type: FunctionType };
  readonly types: readonly FunctionType[];
  /** Whether the target does an operation by calling a routine. */
  routineFor(op: number): string | null;
}

/** Tags by their index: the runtime's module has both, the others the first. */
const UNWIND_TAG = 0;

type Entry =
  | { readonly k: "value"; readonly v: number }
  | { readonly k: "const"; readonly value: bigint; readonly type: ValueType }
  /** The lower half of a word. */
  | { readonly k: "wrap"; readonly v: number }
  | { readonly k: "test"; readonly test: Comparison };

interface Control {
  readonly op: number;
  /** Where branches to it go. */
  readonly label: number;
  /** Where an `if` goes when it does not hold; NONE once that stands. */
  otherwise: number;
  readonly height: number;
  readonly result: number;
  readonly handlers: Handlers;
}

const IMMEDIATE_MAX = 2047;
const EMPTY_TYPE = 0x40;
const TEST_OPS = range(Op.i32Eqz, Op.f64Ge);

export function lowerFunction(body: FunctionBody, name: string, context: LowerContext): NativeFunction {
  return new Lowering(body, name, context).lower();
}

class Lowering {
  readonly #body: FunctionBody;
  readonly #name: string;
  readonly #context: LowerContext;
  readonly #reader: ByteReader;
  readonly #types: ValueType[];
  readonly #out: Instruction[];
  readonly #stack: Entry[];
  readonly #controls: Control[];
  #labelCount: number;
  #isDead: boolean;
  /** Controls that were opened in code that is never reached. */
  #deadDepth: number;

  constructor(body: FunctionBody, name: string, context: LowerContext) {
    this.#body = body;
    this.#name = name;
    this.#context = context;
    this.#reader = new ByteReader(body.code);
    this.#types = [...body.locals];
    this.#out = [];
    this.#stack = [];
    this.#controls = [];
    this.#labelCount = 0;
    this.#isDead = false;
    this.#deadDepth = 0;
  }

  lower(): NativeFunction {
    const { parameters, results } = this.#body.type;
    // Locals begin as zero; nearly all are set before they are read, which liveness tells (allocate.ts).
    for (let local = parameters.length; local < this.#body.locals.length; local++)
      if (this.#body.locals[local] === Type.f64) this.#emit({ k: "float", d: local, value: 0 });
      else this.#emit({ k: "const", d: local, value: 0n });
    this.#controls.push({
      op: Op.block,
      label: this.#newLabel(),
      otherwise: NONE,
      height: 0,
      result: results.length > 0 ? this.#newValue(results[0]!) : NONE,
      handlers: NO_HANDLERS,
    });
    while (this.#controls.length > 0) this.#instruction();
    return {
      name: this.#name,
      parameterCount: parameters.length,
      types: this.#types,
      instructions: this.#out,
      labelCount: this.#labelCount,
    };
  }

  #emit(instruction: Instruction): void {
    this.#out.push(instruction);
  }
  #newLabel(): number {
    return this.#labelCount++;
  }
  #newValue(type: ValueType): number {
    return this.#types.push(type) - 1;
  }
  #push(v: number): void {
    this.#stack.push({ k: "value", v });
  }

  #pop(): Entry {
    const entry = this.#stack.pop();
    assert(entry !== undefined, `${this.#name}: the operand stack must not be empty`);
    return entry;
  }

  /** The entry as a value. */
  #valueOf(entry: Entry): number {
    switch (entry.k) {
      case "value":
        return entry.v;
      case "const": {
        const d = this.#newValue(entry.type);
        this.#emit({ k: "const", d, value: entry.value });
        return d;
      }
      case "wrap": {
        const d = this.#newValue(Type.i32);
        this.#emit({ k: "unary", op: Op.i32WrapI64, d, a: entry.v });
        return d;
      }
      case "test": {
        const d = this.#newValue(Type.i32);
        this.#emit({ k: "compare", d, test: entry.test });
        return d;
      }
    }
  }
  #value(): number {
    return this.#valueOf(this.#pop());
  }

  /** Entries that hold by a local's value until now get values of their own; without a local: all but constants. */
  #settle(local: number): void {
    this.#stack.forEach((entry, index) => {
      if (entry.k === "const") return;
      const uses = entry.k === "test" ? entry.test.a === local || entry.test.b === local : entry.v === local;
      if (local === NONE ? entry.k === "value" && entry.v >= this.#body.locals.length : !uses) return;
      let v = this.#valueOf(entry);
      if (entry.k === "value") {
        const d = this.#newValue(this.#types[v]!);
        this.#emit({ k: "move", d, a: v });
        v = d;
      }
      this.#stack[index] = { k: "value", v };
    });
  }

  #test(): Comparison {
    const entry = this.#pop();
    if (entry.k === "test") return entry.test;
    return { op: Op.i32Ne, a: this.#valueOf(entry), b: NONE, imm: 0, isNegated: false };
  }

  get #handlers(): Handlers {
    return this.#controls.at(-1)!.handlers;
  }

  #open(op: number, handlers = this.#handlers): Control {
    const type = this.#reader.byte();
    if (this.#isDead) {
      this.#deadDepth++;
      return this.#controls[0]!;
    }
    const test = op === Op.if ? this.#test() : null;
    this.#settle(NONE);
    const control: Control = {
      op,
      label: this.#newLabel(),
      otherwise: op === Op.if ? this.#newLabel() : NONE,
      height: this.#stack.length,
      result: type === EMPTY_TYPE ? NONE : this.#newValue(type as ValueType),
      handlers,
    };
    if (test !== null) this.#emit({ k: "branch", label: control.otherwise, test: negated(test) });
    if (op === Op.loop) this.#emit({ k: "label", label: control.label });
    return control;
  }

  #try(): void {
    const control = this.#open(Op.tryTable);
    let { unwind, abort } = control.handlers;
    this.#reader.list(() => {
      assert(this.#reader.byte() === 0, `${this.#name}: only handlers of a tag without its value are known`);
      const tag = this.#reader.u32();
      const target = this.#controls.at(-1 - this.#reader.u32())!;
      if (tag === UNWIND_TAG) unwind = target?.label ?? NONE;
      else abort = target?.label ?? NONE;
    });
    if (!this.#isDead) this.#controls.push({ ...control, handlers: { unwind, abort } });
  }

  /** The value of a branch to a control, or of its end. */
  #give(control: Control, isKept: boolean): void {
    if (control.result === NONE || control.op === Op.loop) return;
    const entry = this.#stack.at(-1)!;
    if (entry.k === "const") this.#emit({ k: "const", d: control.result, value: entry.value });
    else this.#emit({ k: "move", d: control.result, a: this.#valueOf(entry) });
    if (!isKept) this.#stack.pop();
  }

  #else(): void {
    if (this.#deadDepth > 0) return;
    const control = this.#controls.at(-1)!;
    if (!this.#isDead) {
      this.#giveAtEnd(control);
      this.#emit({ k: "branch", label: control.label, test: null });
    }
    this.#emit({ k: "label", label: control.otherwise });
    control.otherwise = NONE;
    this.#stack.length = control.height;
    this.#isDead = false;
  }

  #giveAtEnd(control: Control): void {
    if (control.result === NONE) return;
    const entry = this.#pop();
    if (entry.k === "const") this.#emit({ k: "const", d: control.result, value: entry.value });
    else this.#emit({ k: "move", d: control.result, a: this.#valueOf(entry) });
  }

  #end(): void {
    if (this.#deadDepth > 0) {
      this.#deadDepth--;
      return;
    }
    const control = this.#controls.pop()!;
    if (!this.#isDead) this.#giveAtEnd(control);
    if (control.otherwise !== NONE) this.#emit({ k: "label", label: control.otherwise });
    // Code before may be left by no branch, and what follows then be dead; liveness finds that out.
    if (control.op !== Op.loop) this.#emit({ k: "label", label: control.label });
    this.#stack.length = control.height;
    if (this.#controls.length === 0) this.#emit({ k: "return", a: control.result });
    else if (control.result !== NONE) this.#push(control.result);
    this.#isDead = control.op === Op.loop && this.#isDead;
  }

  #leave(): void {
    this.#isDead = true;
  }

  #branch(depth: number, test: Comparison | null): void {
    const control = this.#controls.at(-1 - depth)!;
    if (test !== null && control.result !== NONE && control.op !== Op.loop) {
      const over = this.#newLabel();
      this.#settle(NONE);
      this.#emit({ k: "branch", label: over, test: negated(test) });
      this.#give(control, true);
      this.#emit({ k: "branch", label: control.label, test: null });
      this.#emit({ k: "label", label: over });
      return;
    }
    if (test === null) this.#give(control, false);
    this.#emit({ k: "branch", label: control.label, test });
    if (test === null) this.#leave();
  }

  #call(target: string | null, type: FunctionType, isTail: boolean): void {
    const a = target === null ? this.#value() : NONE;
    const args: number[] = type.parameters.map(() => NONE);
    for (let index = args.length - 1; index >= 0; index--) args[index] = this.#value();
    const d = type.results.length > 0 && !isTail ? this.#newValue(type.results[0]!) : NONE;
    this.#emit({ k: "call", target, a, args, d, isTail, handlers: isTail ? NO_HANDLERS : this.#handlers });
    if (d !== NONE) this.#push(d);
    if (isTail) this.#leave();
  }

  #setLocal(local: number, isKept: boolean): void {
    const entry = this.#pop();
    this.#settle(local);
    if (entry.k === "const") this.#emit({ k: "const", d: local, value: entry.value });
    else if (entry.k === "wrap") this.#emit({ k: "unary", op: Op.i32WrapI64, d: local, a: entry.v });
    else if (entry.k === "test") this.#emit({ k: "compare", d: local, test: entry.test });
    else if (entry.v !== local) this.#retarget(entry.v, local);
    if (isKept) this.#stack.push(entry.k === "const" ? entry : { k: "value", v: local });
  }

  /** What was just computed for the stack is computed for the local instead. */
  #retarget(v: number, local: number): void {
    const last = this.#out.at(-1);
    if (
      last !== undefined &&
      v >= this.#body.locals.length &&
      "d" in last &&
      last.d === v &&
      !this.#stack.some((entry) => entry.k !== "const" && entry.k !== "test" && entry.v === v) &&
      !this.#controls.some(({ result }) => result === v)
    )
      this.#out[this.#out.length - 1] = { ...last, d: local };
    else this.#emit({ k: "move", d: local, a: v });
  }

  #instruction(): void {
    const reader = this.#reader;
    const op = reader.byte();
    if (op === Op.end) return this.#end();
    if (op === Op.else) return this.#else();
    if (op === Op.block || op === Op.loop || op === Op.if) {
      const control = this.#open(op);
      if (!this.#isDead) this.#controls.push(control);
      return;
    }
    if (op === Op.tryTable) return this.#try();
    if (this.#isDead) return this.#skip(op);
    switch (op) {
      case Op.unreachable:
        this.#emit({ k: "trap" });
        return this.#leave();
      case Op.nop:
        return;
      case Op.br:
        return this.#branch(reader.u32(), null);
      case Op.brIf: {
        const test = this.#test();
        return this.#branch(reader.u32(), test);
      }
      case Op.return: {
        const a = this.#body.type.results.length > 0 ? this.#value() : NONE;
        this.#emit({ k: "return", a });
        return this.#leave();
      }
      case Op.call:
      case Op.returnCall: {
        const { name, type } = this.#context.functionAt(reader.u32());
        return this.#call(name, type, op === Op.returnCall);
      }
      case Op.callIndirect:
      case Op.returnCallIndirect: {
        const type = this.#context.types[reader.u32()]!;
        reader.u32();
        return this.#call(null, type, op === Op.returnCallIndirect);
      }
      case Op.throw:
        this.#emit({ k: "throw", tag: reader.u32(), handlers: this.#handlers });
        return this.#leave();
      case Op.drop:
        this.#pop();
        return;
      case Op.select: {
        const test = this.#test();
        const b = this.#value();
        const a = this.#value();
        const d = this.#newValue(this.#types[a]!);
        this.#emit({ k: "select", d, test, a, b });
        return this.#push(d);
      }
      case Op.localGet:
        return this.#push(reader.u32());
      case Op.localSet:
      case Op.localTee:
        return this.#setLocal(reader.u32(), op === Op.localTee);
      case Op.i32Const:
        this.#stack.push({ k: "const", value: reader.signed(32), type: Type.i32 });
        return;
      case Op.i64Const:
        this.#stack.push({ k: "const", value: reader.signed(64), type: Type.i64 });
        return;
      case Op.f64Const: {
        const d = this.#newValue(Type.f64);
        this.#emit({ k: "float", d, value: reader.double() });
        return this.#push(d);
      }
      case Op.i32WrapI64: {
        const entry = this.#pop();
        if (entry.k === "const")
          this.#stack.push({ k: "const", value: BigInt.asIntN(32, entry.value), type: Type.i32 });
        else this.#stack.push({ k: "wrap", v: this.#valueOf(entry) });
        return;
      }
      case 0xfc:
        return this.#misc();
      default:
    }
    if (op >= Op.i32Load && op <= Op.i64Store32) return this.#memory(op);
    if (op in TEST_OPS) return this.#compare(op);
    assert(op >= Op.i32Clz && op <= Op.i64Extend32S, `${this.#name}: unknown instruction 0x${op.toString(16)}`);
    const routine = this.#context.routineFor(op);
    if (routine !== null) return this.#routine(routine, op);
    if (isUnary(op)) {
      const a = this.#value();
      const d = this.#newValue(resultOf(op));
      this.#emit({ k: "unary", op, d, a });
      return this.#push(d);
    }
    this.#binary(op);
  }

  #routine(target: string, op: number): void {
    const type = resultOf(op);
    const parameter = op === Op.i32Clz ? Type.i32 : type;
    this.#call(target, { parameters: [parameter], results: [type] }, false);
  }

  #misc(): void {
    const kind = this.#reader.u32();
    this.#reader.byte();
    if (kind === Misc.memoryCopy) this.#reader.byte();
    const parameters = [Type.i32, Type.i32, Type.i32];
    this.#call(
      kind === Misc.memoryCopy ? "native/copy-memory" : "native/fill-memory",
      { parameters, results: [] },
      false,
    );
  }

  #memory(op: number): void {
    this.#reader.u32(); // alignment: a hint
    const offset = this.#reader.u32();
    const b = op >= Op.i32Store ? this.#stored(op) : NONE;
    const entry = this.#pop();
    // A pointer's upper half is zero (heap/layout.ts): the word itself is the address.
    const at =
      entry.k === "const"
        ? { a: NONE, offset: offset + Number(entry.value) }
        : { a: entry.k === "wrap" ? entry.v : this.#valueOf(entry), offset };
    if (op >= Op.i32Store) return this.#emit({ k: "store", op, ...at, b });
    const d = this.#newValue(op === Op.f64Load ? Type.f64 : LOADS_I32.has(op) ? Type.i32 : Type.i64);
    this.#emit({ k: "load", op, d, ...at });
    this.#push(d);
  }

  /** What is stored: of a word whose lower half is stored, the word. */
  #stored(op: number): number {
    const entry = this.#pop();
    return entry.k === "wrap" && (op === Op.i32Store || op === Op.i32Store8) ? entry.v : this.#valueOf(entry);
  }

  #compare(op: number): void {
    const right = this.#pop();
    if (op === Op.i32Eqz || op === Op.i64Eqz) {
      if (right.k === "test") this.#stack.push({ k: "test", test: negated(right.test) });
      else {
        const test = { op: op === Op.i32Eqz ? Op.i32Eq : Op.i64Eq, a: this.#valueOf(right), b: NONE, imm: 0 };
        this.#stack.push({ k: "test", test: { ...test, isNegated: false } });
      }
      return;
    }
    const isSmall = right.k === "const" && right.value >= -2048n && right.value <= BigInt(IMMEDIATE_MAX);
    const b = isSmall ? NONE : this.#valueOf(right);
    const a = this.#value();
    const imm = isSmall ? Number(right.value) : 0;
    this.#stack.push({ k: "test", test: { op, a, b, imm, isNegated: false } });
  }

  #binary(op: number): void {
    const right = this.#pop();
    const left = this.#pop();
    const type = resultOf(op);
    const d = this.#newValue(type);
    const isSmall =
      right.k === "const" && right.value >= -BigInt(IMMEDIATE_MAX) && right.value <= BigInt(IMMEDIATE_MAX);
    if (isSmall && HAS_IMMEDIATE.has(op)) {
      const imm = Number(right.value);
      // Bits of the lower half: there is nothing to wrap.
      if (op === Op.i32And && imm >= 0 && left.k === "wrap")
        this.#emit({ k: "binary", op: Op.i64And, d, a: left.v, b: NONE, imm });
      else this.#emit({ k: "binary", op, d, a: this.#valueOf(left), b: NONE, imm });
    } else {
      const a = this.#valueOf(left);
      this.#emit({ k: "binary", op, d, a, b: this.#valueOf(right), imm: 0 });
    }
    this.#push(d);
  }

  /** Past an instruction that is never reached. */
  #skip(op: number): void {
    const reader = this.#reader;
    if ([Op.br, Op.brIf, Op.call, Op.returnCall, Op.throw, Op.localGet, Op.localSet, Op.localTee].includes(op as never))
      reader.u32();
    else if (op === Op.callIndirect || op === Op.returnCallIndirect || (op >= Op.i32Load && op <= Op.i64Store32)) {
      reader.u32();
      reader.u32();
    } else if (op === Op.i32Const || op === Op.i64Const) reader.signed(64);
    else if (op === Op.f64Const) reader.double();
    else if (op === 0xfc) reader.take(reader.u32() === Misc.memoryCopy ? 2 : 1);
  }
}

const LOADS_I32: ReadonlySet<number> = new Set([Op.i32Load, Op.i32Load8S, Op.i32Load8U, Op.i32Load16S, Op.i32Load16U]);
const HAS_IMMEDIATE: ReadonlySet<number> = new Set([
  Op.i32Add,
  Op.i32Sub,
  Op.i32And,
  Op.i32Or,
  Op.i32Xor,
  Op.i32Shl,
  Op.i32ShrS,
  Op.i32ShrU,
  Op.i64Add,
  Op.i64Sub,
  Op.i64And,
  Op.i64Or,
  Op.i64Xor,
  Op.i64Shl,
  Op.i64ShrS,
  Op.i64ShrU,
]);
const UNARY_OPS = {
  ...range(Op.i32Clz, Op.i32Popcnt),
  ...range(Op.i64Clz, Op.i64Popcnt),
  ...range(Op.f64Abs, Op.f64Sqrt),
  ...range(Op.i32WrapI64, Op.i64Extend32S),
};

function range(first: number, last: number): Record<number, true> {
  const all: Record<number, true> = {};
  for (let op = first; op <= last; op++) all[op] = true;
  return all;
}

function isUnary(op: number): boolean {
  return op in UNARY_OPS;
}

function resultOf(op: number): ValueType {
  if (op >= Op.i32Clz && op <= Op.i32Rotr) return Type.i32;
  if (op >= Op.i64Clz && op <= Op.i64Rotr) return Type.i64;
  if (op >= Op.f64Abs && op <= Op.f64Copysign) return Type.f64;
  if (op === Op.i32WrapI64 || (op >= Op.i32TruncF32S && op <= Op.i32TruncF64U)) return Type.i32;
  if (op === Op.i32Extend8S || op === Op.i32Extend16S) return Type.i32;
  return op >= Op.f64ConvertI32S && op <= Op.f64PromoteF32
    ? Type.f64
    : op === Op.f64ReinterpretI64
      ? Type.f64
      : Type.i64;
}
