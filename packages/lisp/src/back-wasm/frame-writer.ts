/**
 * The ground of a function that is being written: its locals, its frame on the shadow stack, calls that keep the
 * frame's words, values and memory.
 *
 * A variable that lives across a call is stored to its slot in the frame when it is bound, and read again from there,
 * once, when it is used after a call: the collector may have moved it. Frames nest like scopes: all slots below `top`
 * hold words at each call.
 */
import { assert } from "@stratos/base";
import { CodeWriter, Op, Type } from "@stratos/wasm";
import type { ValueType as WasmType } from "@stratos/wasm";
import type { Source } from "../datum/source.ts";
import type { Datum } from "../datum/datum.ts";
import { immediateWord } from "../heap/immediate.ts";
import { Immediate, Kind, Offset, Region, Register, Tag, cellAddress, headerByte } from "../heap/layout.ts";
import type { Code } from "../middle/closures.ts";
import { children } from "../middle/ir.ts";
import type { Fun, Node, Var } from "../middle/ir.ts";
import type { ProofCounts } from "../middle/proved-tests.ts";
import { narrower, type ValueType } from "../middle/value-type.ts";
import { liveness } from "../middle/liveness.ts";
import type { Liveness } from "../middle/liveness.ts";
import { typeOf, typeOfDatum } from "../middle/type-inference.ts";
import { errorCode } from "../runtime/errors.ts";
import type { FunctionRef, UnitModule } from "./unit-module.ts";

/** What the emitter asks of the unit and the engine around it. */
export interface Linker {
  readonly module: UnitModule;
  /** A free place in the table of functions. */
  tableSlot(): number;
  low(name: string): FunctionRef;
  /** The function of a clause; its parameters include lifted ones. */
  clause(fun: Fun, clause: number): FunctionRef;
  /** Header (its upper half is the place in the table) of a function's closures. */
  closureHeader(fun: Fun): { low: number; slot: number };
  /** Word of the closure of a function that captures nothing. */
  staticClosure(fun: Fun): number;
  /** Cell that holds a constant that needs memory. */
  constantCell(datum: Datum): number;
  /** Tells which call a place of the table goes on after, and in which function. */
  returnsTo(slot: number, name: string, source: Source): void;
  /** Number of a place in a source, for `Register.lastSite`. */
  sourceIndex(source: Source): number;
  /** Table place of the frame that cannot be returned to. */
  readonly coldSlot: number;
  /** Whether type tests that are known to hold are left out. */
  readonly usesTypes: boolean;
  /** Counts tests of types in operations. */
  readonly proofs: ProofCounts;
  /** Whether functions may move the stack to the heap (not those that arithmetic's slow ways call). */
  readonly checksStack: boolean;
  /** Whether loops and what tail calls reach look whether the program was interrupted (native programs). */
  readonly looks: boolean;
  /** Whether a unit's size counts more than how fast frames go on that come back from the heap. */
  readonly isSmall: boolean;
}

/**
 * How a node's value is wanted: on the operand stack as word, double or 0/1; not at all; or as the function's result.
 */
export type Destination = "word" | "f64" | "test" | "effect" | "tail";

export interface Context {
  readonly node: Node;
  readonly index: number;
  readonly outer: Context | null;
  readonly destination: "word" | "effect";
  readonly top: number;
  ref: FunctionRef | null;
  slot: number;
}

export interface Operand {
  readonly constant: number | null;
  readonly local: number;
  readonly type: ValueType;
  readonly isTemporary: boolean;
}

export abstract class FrameWriter {
  readonly linker: Linker;
  readonly self: Var;
  readonly liveness: Liveness;
  hasCalls: boolean;

  // State of the function that is being written.
  writer: CodeWriter;
  locals: WasmType[];
  localOf: Map<Var, number>;
  freeLocals: Map<WasmType, number[]>;
  fixups: { at: number; ref: FunctionRef }[];
  valid: Set<Var>;
  facts: Map<Var, ValueType>;
  top: number;
  site: number;
  parameterCount: number;
  /** Place of the operation that is being written. */
  source: Source | null;
  /** The function that is being written gives a double. */
  givesFloat: boolean;
  /** Places of the table by calls that were put in line. */
  readonly callers: Map<Source, number>;
  /** What is written goes on after a call, or the like: its operations were counted where they stand first. */
  isAgain: boolean;

  protected constructor(code: Code, self: Var, linker: Linker) {
    this.linker = linker;
    this.self = self;
    this.liveness = liveness(code, self);
    this.hasCalls = hasNonTailCall(code.body, true);
    this.writer = new CodeWriter(64);
    this.locals = [];
    this.localOf = new Map();
    this.freeLocals = new Map();
    this.fixups = [];
    this.valid = new Set();
    this.facts = new Map();
    this.top = 0;
    this.site = -1;
    this.parameterCount = 0;
    this.source = null;
    this.givesFloat = false;
    this.callers = new Map();
    this.isAgain = false;
  }

  /** Of the function, as it is told in a backtrace. */
  abstract readonly name: string;
  /** Writes a node: see `CodeEmitter`. */
  abstract gen(node: Node, destination: Destination, context: Context | null): void;
  /** The function that goes on from a context. */
  abstract resume(context: Context): FunctionRef;

  // Locals.

  temporary(type: WasmType): number {
    const free = this.freeLocals.get(type)?.pop();
    if (free !== undefined) return free;
    return this.parameterCount + this.locals.push(type) - 1;
  }

  release(local: number, type: WasmType): void {
    const list = this.freeLocals.get(type);
    if (list === undefined) this.freeLocals.set(type, [local]);
    else list.push(local);
  }

  local(v: Var): number {
    let local = this.localOf.get(v);
    if (local === undefined)
      this.localOf.set(v, (local = this.parameterCount + this.locals.push(v.isFloat ? Type.f64 : Type.i64) - 1));
    return local;
  }

  /** Pushes a variable. */
  get(v: Var): void {
    const { writer } = this;
    if (v.slot >= 0 && !this.valid.has(v)) {
      if (v.isFloat) loadDouble(writer, v.slot);
      else {
        writer.localGet(0);
        writer.memory(Op.i64Load, v.slot * 8);
      }
      writer.localTee(this.local(v));
      this.valid.add(v);
    } else writer.localGet(this.local(v));
  }

  /** Pops a variable's value when it is bound. */
  bind(v: Var): void {
    const { writer } = this;
    if (v.slot >= 0) {
      const local = this.local(v);
      writer.localSet(local);
      this.keep(v, local);
    } else writer.localSet(this.local(v));
  }

  /** Stores a variable's local to its slot in the frame. */
  keep(v: Var, local: number): void {
    const { writer } = this;
    if (v.isFloat) storeDouble(writer, local, v.slot);
    else {
      writer.localGet(0);
      writer.localGet(local);
      writer.memory(Op.i64Store, v.slot * 8);
    }
    this.valid.add(v);
  }

  type(node: Node): ValueType {
    if (!this.linker.usesTypes) return node.k === "const" ? typeOfDatum(node.datum) : "any";
    if (node.k === "ref") return this.facts.get(node.v) ?? node.v.type;
    return typeOf(node);
  }

  /** An operation tests a type, or need not. */
  countTest(isDropped: boolean): void {
    if (this.isAgain) return;
    if (isDropped) this.linker.proofs.testsDropped++;
    else this.linker.proofs.testsKept++;
  }

  /** From here on the node's value is known to be of a type. */
  learn(node: Node, type: ValueType): void {
    if (node.k === "ref" && this.linker.usesTypes) this.facts.set(node.v, narrower(this.type(node), type));
  }

  // Calls.

  callLow(name: string): void {
    this.callRef(this.linker.low(name));
  }

  callRef(ref: FunctionRef, isTail = false): void {
    this.writer.op(isTail ? Op.returnCall : Op.call);
    this.fixups.push({ at: this.writer.reserveU32(), ref });
  }

  /** Pushes sp beyond the words in use. */
  pushTop(extra = 0): void {
    this.writer.localGet(0);
    const bytes = 8 * Math.max(1, this.top + extra);
    this.writer.i32Const(bytes);
    this.writer.op(Op.i32Add);
  }

  /** Pushes the address of the first free word of the frame. */
  pushFrame(): void {
    this.pushTop();
  }

  setSite(site: number): void {
    if (this.site < 0) this.site = this.temporary(Type.i32);
    this.writer.i32Const(site);
    this.writer.localSet(this.site);
  }

  /** Before what may fail outside of this function: notes where the program is, for the words of an error. */
  markSite(source: Source | null): void {
    if (source === null) return;
    const { writer } = this;
    writer.i32Const(0);
    writer.i32Const(this.linker.sourceIndex(source));
    writer.memory(Op.i32Store, Register.lastSite);
  }

  /** Goes to a label where the program is to be looked at: it calls `look`, which collects nothing. */
  lookAt(label: number): void {
    const { writer } = this;
    writer.i32Const(0);
    writer.memory(Op.i32Load, Register.stackLimit);
    writer.op(Op.i32Eqz);
    writer.brIf(label);
  }

  /** Before a call whose value goes to `context`. */
  beforeCall(context: Context, source: Source | null): void {
    if (context.slot < 0) {
      context.slot = this.linker.tableSlot();
      if (source !== null) this.linker.returnsTo(context.slot, this.name, source);
      this.linker.module.addElement(context.slot, this.resume(context));
    }
    const words = Math.max(1, context.top);
    this.setSite(context.slot | (words << 20));
    if (this.top === 0) {
      // the frame has a word at least, so that sp tells whose caller is the base loop
      this.writer.localGet(0);
      this.writer.i64Const(0);
      this.writer.memory(Op.i64Store, 0);
    }
  }

  /**
   * A rare call that may collect: keeps the words in `live` for its time. `push` pushes what follows sp; the result
   * stays on the stack.
   */
  coldCall(
    node: Node,
    ref: FunctionRef,
    push: () => void,
    live: readonly Var[] = this.liveness.across.get(node) ?? [],
  ): void {
    const { writer } = this;
    const words = live.filter((v) => !v.isFloat && (v.slot < 0 || this.valid.has(v)));
    const spilled = words.filter((v) => v.slot < 0);
    spilled.forEach((v, index) => {
      writer.localGet(0);
      writer.localGet(this.local(v));
      writer.memory(Op.i64Store, (this.top + index) * 8);
    });
    if (this.top + spilled.length === 0) {
      writer.localGet(0);
      writer.i64Const(0);
      writer.memory(Op.i64Store, 0);
    }
    if (this.hasCalls) this.setSite(this.linker.coldSlot | (1 << 20));
    this.markSite(this.source);
    this.pushTop(spilled.length);
    push();
    this.callRef(ref);
    spilled.forEach((v, index) => {
      writer.localGet(0);
      writer.memory(Op.i64Load, (this.top + index) * 8);
      writer.localSet(this.local(v));
    });
    for (const v of words) {
      if (v.slot < 0) continue;
      writer.localGet(0);
      writer.memory(Op.i64Load, v.slot * 8);
      writer.localSet(this.local(v));
    }
  }

  /** A call that raises an error about the word in a local and does not return. Frame words are kept. */
  raise(local: number, primitive: string, expected: string): void {
    const { writer } = this;
    this.beforeRaise();
    this.pushTop();
    writer.localGet(local);
    writer.i32Const(errorCode(primitive, expected));
    this.callLow("type-error");
    writer.op(Op.drop);
    writer.op(Op.unreachable);
  }

  /** The same for a word that is no record of the type that the procedure of this name wants. */
  raiseRecord(record: Operand, type: Node, name: Node): void {
    const { writer } = this;
    this.beforeRaise();
    this.pushTop();
    this.gen(name, "word", null);
    this.gen(type, "word", null);
    this.push(record);
    this.callLow("record-error");
    writer.op(Op.drop);
    writer.op(Op.unreachable);
  }

  /**
   * The same where a check that the program's types ask for has failed. A call that was put in line waits in this
   * function's frame, unless it stood in a tail.
   */
  raiseCheck({ args: [words, value], caller = null }: Node & { k: "prim" }, isTail: boolean): void {
    const { writer } = this;
    const given = this.operand(value!);
    this.beforeRaise();
    if (caller !== null && !isTail) this.setSite(this.callerSlot(caller) | (1 << 20));
    this.pushTop();
    this.gen(words!, "word", null);
    this.word(Immediate.false);
    this.push(given);
    this.callLow("record-error");
    writer.op(Op.drop);
    writer.op(Op.unreachable);
    this.done(given);
  }

  /** A place that is told in a backtrace, and cannot be returned to. */
  callerSlot(caller: Source): number {
    let slot = this.callers.get(caller);
    if (slot !== undefined) return slot;
    slot = this.linker.tableSlot();
    this.callers.set(caller, slot);
    this.linker.returnsTo(slot, this.name, caller);
    this.linker.module.addElement(slot, this.linker.low("cold-resume"));
    return slot;
  }

  /** The frame of a function that is left for an error. */
  beforeRaise(): void {
    const { writer } = this;
    this.markSite(this.source);
    if (this.top === 0) {
      writer.localGet(0);
      writer.i64Const(0);
      writer.memory(Op.i64Store, 0);
    }
    if (this.hasCalls) this.setSite(this.linker.coldSlot | (1 << 20));
  }

  // Values.

  /** Pushes a word's constant. */
  word(value: number): void {
    this.writer.i64ConstBits(Math.floor(value / 2 ** 32), value | 0);
  }

  fixnum(value: number): void {
    const bits = BigInt(value) << 3n;
    this.writer.i64ConstBits(Number(BigInt.asIntN(32, bits >> 32n)), Number(BigInt.asIntN(32, bits)));
  }

  loadCell(cell: number): void {
    this.writer.i32Const(0);
    this.writer.memory(Op.i64Load, cellAddress(cell));
  }

  constant(datum: Datum): void {
    const word = immediateWord(datum);
    if (word !== null)
      this.writer.i64ConstBits(Number(BigInt.asIntN(32, word >> 32n)), Number(BigInt.asIntN(32, word)));
    else this.loadCell(this.linker.constantCell(datum));
  }

  /** The node's value as a word in a local, or as a fixnum constant. Release it with `done`. */
  operand(node: Node): Operand {
    const type = this.type(node);
    if (node.k === "const" && typeof node.datum === "number")
      return { constant: node.datum, local: -1, type, isTemporary: false };
    if (node.k === "ref" && !node.v.isFloat) {
      if (node.v.slot >= 0 && !this.valid.has(node.v)) {
        this.get(node.v);
        this.writer.op(Op.drop);
      }
      return { constant: null, local: this.local(node.v), type, isTemporary: false };
    }
    this.gen(node, "word", null);
    const local = this.temporary(Type.i64);
    this.writer.localSet(local);
    return { constant: null, local, type, isTemporary: true };
  }

  push(operand: Operand): void {
    if (operand.constant !== null) this.fixnum(operand.constant);
    else this.writer.localGet(operand.local);
  }

  done(...operands: Operand[]): void {
    for (const { isTemporary, local } of operands) if (isTemporary) this.release(local, Type.i64);
  }

  /** Turns the word on the stack into what the destination wants. */
  finish(destination: Destination, context: Context | null): void {
    const { writer } = this;
    if (destination === "effect") writer.op(Op.drop);
    else if (destination === "test") {
      writer.i64Const(Immediate.false);
      writer.op(Op.i64Ne);
    } else if (destination === "f64") {
      writer.op(Op.i32WrapI64);
      writer.memory(Op.f64Load, Offset.flonum);
    } else if (destination === "tail") {
      if (context === null) {
        if (this.givesFloat) this.finish("f64", null);
        writer.return();
      } else {
        const value = this.temporary(Type.i64);
        writer.localSet(value);
        writer.localGet(0);
        writer.localGet(value);
        this.callRef(this.resume(context), true);
        this.release(value, Type.i64);
      }
    }
  }

  /** The same for 0 or 1. */
  finishTest(destination: Destination, context: Context | null): void {
    const { writer } = this;
    if (destination === "test") return;
    if (destination === "effect") return writer.op(Op.drop);
    assert(destination !== "f64", "a truth value is no double");
    const bit = this.temporary(Type.i32);
    writer.localSet(bit);
    writer.i64Const(Immediate.true);
    writer.i64Const(Immediate.false);
    writer.localGet(bit);
    writer.op(Op.select);
    this.release(bit, Type.i32);
    this.finish(destination, context);
  }

  /**
   * Turns the double on the stack into what the destination wants; `node`: the safepoint whose live words are known.
   */
  finishFloat(node: Node, destination: Destination, context: Context | null): void {
    const { writer } = this;
    if (destination === "f64") return;
    if (destination === "effect") return writer.op(Op.drop);
    if (destination === "tail" && context === null && this.givesFloat) return writer.return();
    if (destination === "test") {
      writer.op(Op.drop);
      writer.i32Const(1);
      return;
    }
    const value = this.temporary(Type.f64);
    writer.localSet(value);
    const address = this.allocate(node, 16);
    this.storeHeader(address, headerByte(Kind.flonum), 8);
    writer.localGet(address);
    writer.localGet(value);
    writer.memory(Op.f64Store, 8);
    this.pointer(address, Tag.flonum);
    this.release(address, Type.i32);
    this.release(value, Type.f64);
    this.finish(destination, context);
  }

  // Memory.

  /** Takes `bytes` from the nursery. @returns the local with the address; release it */
  allocate(node: Node, bytes: number): number {
    const { writer } = this;
    const address = this.temporary(Type.i32);
    const end = this.temporary(Type.i32);
    const next = (): void => {
      writer.i32Const(0);
      writer.memory(Op.i32Load, Register.alloc);
      writer.localTee(address);
      writer.i32Const(bytes);
      writer.op(Op.i32Add);
      writer.localTee(end);
    };
    next();
    writer.i32Const(0);
    writer.memory(Op.i32Load, Register.limit);
    writer.op(Op.i32GtU);
    writer.if();
    this.coldCall(node, this.linker.low("collect"), () => writer.i32Const(bytes));
    next();
    writer.op(Op.drop);
    writer.end();
    writer.i32Const(0);
    writer.localGet(end);
    writer.memory(Op.i32Store, Register.alloc);
    this.release(end, Type.i32);
    return address;
  }

  storeHeader(address: number, low: number, high: number): void {
    this.writer.localGet(address);
    this.writer.i64ConstBits(high, low);
    this.writer.memory(Op.i64Store, 0);
  }

  pointer(address: number, tag: number): void {
    this.writer.localGet(address);
    this.writer.i32Const(8 - tag);
    this.writer.op(Op.i32Sub);
    this.writer.op(Op.i64ExtendI32U);
  }

  /**
   * Stores a word into a field of an object that may be old. `object`: local with its pointer; `value`: pushed twice.
   * @param address  pushes the field's address, less `offset`
   */
  storeField(address: () => void, offset: number, value: Operand): void {
    const { writer } = this;
    if (value.constant !== null || ["fixnum", "boolean", "char", "nil"].includes(value.type)) {
      this.ifForked(() => {
        address();
        writer.i32Const(offset);
        writer.op(Op.i32Add);
        writer.i32Const(0);
        this.callLow("keep");
      });
    } else {
      writer.localGet(value.local);
      writer.op(Op.i32WrapI64);
      writer.i32Const(Region.nursery);
      writer.op(Op.i32Sub);
      writer.i32Const(0);
      writer.memory(Op.i32Load, Register.barrierSize);
      writer.op(Op.i32LtU);
      writer.if();
      address();
      writer.i32Const(offset);
      writer.op(Op.i32Add);
      writer.localGet(value.local);
      this.callLow("remember");
      writer.end();
    }
    address();
    this.push(value);
    writer.memory(Op.i64Store, offset);
  }

  /** What comes before a store of what the barrier of the generations need not know, in a heap that may be forked. */
  ifForked(write: () => void): void {
    const { writer } = this;
    writer.i32Const(0);
    writer.memory(Op.i32Load, Register.barrierSize);
    writer.i32Const(0);
    writer.op(Op.i32LtS);
    writer.if();
    write();
    writer.end();
  }

  /** Raises unless the low bits of the word are `tag`. */
  checkTag(operand: Operand, node: Node, tag: number, known: ValueType, primitive: string, expected: string): void {
    const { writer } = this;
    this.countTest(operand.type === known);
    if (operand.type === known) return;
    this.push(operand);
    writer.op(Op.i32WrapI64);
    writer.i32Const(7);
    writer.op(Op.i32And);
    writer.i32Const(tag);
    writer.op(Op.i32Ne);
    this.raiseIf(operand, primitive, expected);
    this.learn(node, known);
  }

  /** Pops a condition: raises when it holds. */
  raiseIf(operand: Operand, primitive: string, expected: string): void {
    const { writer } = this;
    writer.if();
    let { local } = operand;
    if (operand.constant !== null) {
      local = this.temporary(Type.i64);
      this.push(operand);
      writer.localSet(local);
    }
    this.raise(local, primitive, expected);
    writer.end();
  }
}

/** A double in a frame is two fixnums, its halves: frames hold words. */
export function storeDouble(writer: CodeWriter, local: number, slot: number): void {
  for (const half of [0, 1]) {
    writer.localGet(0);
    writer.localGet(local);
    writer.op(Op.i64ReinterpretF64);
    writer.i64Const(32 * half);
    writer.op(Op.i64ShrU);
    writer.i64Const(0xffffffff);
    writer.op(Op.i64And);
    writer.i64Const(3);
    writer.op(Op.i64Shl);
    writer.memory(Op.i64Store, (slot + half) * 8);
  }
}

/** Pushes the double that lies at a slot of the frame. */
export function loadDouble(writer: CodeWriter, slot: number): void {
  writer.localGet(0);
  writer.memory(Op.i64Load, slot * 8);
  writer.i64Const(3);
  writer.op(Op.i64ShrU);
  writer.localGet(0);
  writer.memory(Op.i64Load, (slot + 1) * 8);
  writer.i64Const(29);
  writer.op(Op.i64Shl);
  writer.op(Op.i64Or);
  writer.op(Op.f64ReinterpretI64);
}

/** Words of the frame that a variable's slot takes. */
export function wordsOf(v: Var): number {
  return v.isFloat ? 2 : 1;
}

function hasNonTailCall(node: Node, isTail: boolean): boolean {
  switch (node.k) {
    case "call":
    case "direct":
      return !isTail;
    case "if":
      return hasNonTailCall(node.test, false) || hasNonTailCall(node.then, isTail) || hasNonTailCall(node.else, isTail);
    case "seq":
      return node.items.some((item, index) => hasNonTailCall(item, isTail && index === node.items.length - 1));
    case "let":
      return hasNonTailCall(node.values[0]!, false) || hasNonTailCall(node.body, isTail);
    case "label":
      return hasNonTailCall(node.label.body, isTail) || hasNonTailCall(node.body, isTail);
    default:
      return children(node).some((child) => hasNonTailCall(child, false));
  }
}
