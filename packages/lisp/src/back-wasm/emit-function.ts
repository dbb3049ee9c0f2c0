/**
 * One piece of code (a function's clause) to WebAssembly: the function itself, and the functions that go on after each
 * of its calls when its frame comes back from the heap.
 *
 * A place to go on from is a context: a `let` or an item of a `seq` whose value is a call. The function of a context
 * takes frame and value, does the rest of that node, and ends in the function of the context around it. Labels get such
 * functions, too, when one of those jumps to them.
 */
import { assert } from "@stratos/base";
import { CodeWriter, Op, Type } from "@stratos/wasm";
import type { ValueType as WasmType } from "@stratos/wasm";
import type { Source } from "../datum/source.ts";
import { Flonum } from "../datum/datum.ts";
import { ARITY_MAX, Immediate, Offset, Region, Tag, cellAddress } from "../heap/layout.ts";
import type { LowSignature } from "../low/compile.ts";
import type { Code } from "../middle/closures.ts";
import { Var, children, constant } from "../middle/ir.ts";
import type { Label, Node, TopLevel } from "../middle/ir.ts";
import { TESTED } from "../middle/value-type.ts";
import { hasCall } from "../middle/normalize.ts";
import { isCapture, takesFloat } from "../middle/representation.ts";
import { blockType, ends, hasTailCall, intersection, jumpsTo, sizeOf } from "./control-flow.ts";
import { emitPrimitive } from "./emit-primitive.ts";
import { FrameWriter, wordsOf } from "./frame-writer.ts";
import type { Context, Destination, Linker } from "./frame-writer.ts";
import { lookCheck, stackCheck } from "./entry-test.ts";
import type { EntryTest } from "./entry-test.ts";
import { FunctionRef, RESUME_SIGNATURE, procedureSignature } from "./unit-module.ts";

/** Nodes after a call that a function going on after another call holds itself. */
const AFTER_CALL_SIZE_MAX = 20;
/** The same in units that are to be small. */
const SMALL_AFTER_CALL_SIZE_MAX = 4;

interface LabelContext {
  readonly label: Label;
  readonly outer: Context | null;
  readonly top: number;
  ref: FunctionRef | null;
}

export class CodeEmitter extends FrameWriter {
  readonly code: Code;
  readonly contexts: Map<Node, Map<number, Context>>;
  readonly labels: Map<Label, LabelContext>;
  readonly pending: (() => void)[];
  active: Map<Label, { target: number; valid: Set<Var> | null }>;
  /** The function that is being written goes on after a call. */
  isAfterCall: boolean;

  constructor(code: Code, self: Var, linker: Linker) {
    super(code, self, linker);
    this.code = code;
    this.contexts = new Map();
    this.labels = new Map();
    this.pending = [];
    this.active = new Map();
    this.isAfterCall = false;
  }

  get name(): string {
    return this.code.fun.name;
  }

  /** @param isUncounted  tests of types in it are told by nobody */
  emit(isUncounted = false): void {
    this.isAgain = isUncounted;
    const { parameters } = this.code;
    let top = 0;
    for (const v of [this.self, ...parameters]) top = this.slotAt(v, top);
    this.assignSlots(this.code.body, top);
    const ref = this.linker.clause(this.code.fun, this.code.clause);
    const entry =
      this.hasCalls && this.linker.checksStack
        ? stackCheck(this, ref, {
            asWord: () =>
              ref.signature.result === Type.f64 ? this.linker.clause(this.code.fun, this.code.clause + 1) : ref,
            later: (write) => void this.pending.push(write),
          })
        : this.linker.looks && hasTailCall(this.code.body)
          ? lookCheck(this)
          : null;
    this.function(ref, [this.self, ...parameters], entry, () => {
      this.top = top;
      this.givesFloat = ref.signature.result === Type.f64;
      this.gen(this.code.body, "tail", null);
      this.givesFloat = false;
    });
    if (ref.signature.result === Type.f64) this.boxingEntry(ref);
    this.isAgain = true;
    while (this.pending.length > 0) this.pending.pop()!();
  }

  /** The same function for tails that must give a word. */
  boxingEntry(entry: FunctionRef): void {
    const { fun, clause, parameters } = this.code;
    this.pending.push(() => {
      // Nothing of its own waits while the entry is called: when the stack is captured there, it is left out.
      this.hasCalls = false;
      this.function(this.linker.clause(fun, clause + 1), [null, ...parameters], null, () => {
        const { writer } = this;
        // A word of the stack, which the budget counts.
        this.top = 0;
        writer.localGet(0);
        writer.i64Const(0);
        writer.memory(Op.i64Store, 0);
        this.pushTop();
        for (let index = 0; index <= parameters.length; index++) writer.localGet(index + 1);
        this.callRef(entry);
        this.finishFloat(constant(false), "tail", null);
      });
    });
    // After all others: they ask whether there are calls.
    this.pending.unshift(this.pending.pop()!);
  }

  assignSlots(node: Node, top: number): void {
    if (node.k === "let") {
      this.assignSlots(node.values[0]!, top);
      this.assignSlots(node.body, this.slotAt(node.vars[0]!, top));
    } else if (node.k === "label") {
      this.assignSlots(node.body, top);
      for (const v of node.label.parameters) top = this.slotAt(v, top);
      this.assignSlots(node.label.body, top);
    } else for (const child of children(node)) this.assignSlots(child, top);
  }

  /** Gives a variable that lives across a call its slot. @returns the first word that is free then */
  slotAt(v: Var, top: number): number {
    if (!this.liveness.slotted.has(v)) return top;
    v.slot = top;
    return top + wordsOf(v);
  }

  /**
   * Writes a function whose first parameter is `sp`; parameters that have slots are stored there. What an entry's test
   * finds is done behind all else, and the function begins anew.
   */
  function(ref: FunctionRef, parameters: readonly (Var | null)[], entry: EntryTest | null, body: () => void): void {
    this.writer = new CodeWriter(256);
    this.locals = [];
    this.localOf = new Map();
    this.freeLocals = new Map();
    this.fixups = [];
    this.valid = new Set();
    this.facts = new Map();
    this.active = new Map();
    this.isAfterCall = false;
    this.site = -1;
    this.parameterCount = 1 + parameters.length;
    const { writer } = this;
    parameters.forEach((v, index) => {
      if (v !== null) this.localOf.set(v, index + 1);
    });
    if (entry !== null) entry.test(writer.block());
    parameters.forEach((v, index) => {
      if (v !== null && v.slot >= 0) this.keep(v, index + 1);
    });
    const start = writer.length;
    body();
    writer.op(Op.unreachable);
    const whole = this.site < 0 ? writer : this.guarded(start);
    if (entry !== null) {
      whole.end();
      entry.cold();
      for (let index = 0; index < this.parameterCount; index++) whole.localGet(index);
      this.callRef(ref, true);
    }
    this.linker.module.addBody(ref, this.locals, whole, this.fixups);
  }

  /** The function with its body, from `start` on, under a handler that saves the frame when the stack is captured. */
  guarded(start: number): CodeWriter {
    const body = this.writer;
    const writer = new CodeWriter(body.length + 64);
    this.writer = writer;
    writer.raw(body.bytes, 0, start);
    const handler = writer.block();
    writer.tryTable([{ tag: this.linker.module.unwindTag, label: handler }]);
    const shift = writer.length - start;
    for (const fixup of this.fixups) if (fixup.at >= start) fixup.at += shift;
    writer.raw(body.bytes, start, body.length);
    writer.end();
    writer.op(Op.unreachable);
    writer.end();
    writer.localGet(0);
    writer.localGet(this.site);
    this.callLow("save-frame");
    writer.throw(this.linker.module.unwindTag);
    return writer;
  }

  // Nodes.

  /**
   * Writes a node. `context`: where its value goes on from when a call in it is captured; for a tail null: the
   * caller's.
   */
  gen(node: Node, destination: Destination, context: Context | null): void {
    const { writer } = this;
    switch (node.k) {
      case "const":
        if (destination === "effect") return;
        if (destination === "f64")
          return writer.f64Const(node.datum instanceof Flonum ? node.datum.value : Number(node.datum));
        if (destination === "test") return writer.i32Const(node.datum === false ? 0 : 1);
        this.constant(node.datum);
        return this.finish(destination, context);
      case "ref":
        if (destination === "effect") return;
        if (node.v.isFloat) {
          // A function that goes on after a call gives what the call's place wants as a double: as a word, in a tail.
          assert(destination !== "word", `${node.v.name} is a double`);
          this.get(node.v);
          return this.finishFloat(node, destination, context);
        }
        this.get(node.v);
        return this.finish(destination, context);
      case "captured":
        this.get(this.self);
        if (node.index >= 0) {
          writer.op(Op.i32WrapI64);
          writer.memory(Op.i64Load, Offset.captured + node.index * 8);
        }
        return this.finish(destination, context);
      case "gref":
        return this.globalRef(node.g, destination, context, node.source ?? null);
      case "gset":
        return this.globalSet(node, destination, context);
      case "closure":
        return this.closure(node, destination, context);
      case "prim": {
        // Operands have places of their own: errors of the operation itself are told where it stands.
        const { source } = this;
        this.source = node.source ?? source;
        emitPrimitive(this, node, destination, context);
        this.source = source;
        return;
      }
      case "if":
        return this.if(node, destination, context);
      case "seq":
        return this.sequence(node, 0, destination, context);
      case "let": {
        const [v] = node.vars as [Var];
        const [value] = node.values as [Node];
        const after = hasCall(value) ? this.context(node, 0, context, "word") : null;
        this.gen(value, v.isFloat ? "f64" : "word", after);
        if (after !== null && !v.isFloat && this.isCut(destination, () => sizeOf(node.body))) return this.goOnIn(after);
        return this.letBody(node, v, destination, context);
      }
      case "label":
        return this.label(node, destination, context);
      case "jump":
        return this.jump(node);
      case "call":
        return this.call(node, destination, context);
      case "direct":
        return this.direct(node, destination, context);
      default:
        throw new Error(`${node.k} must be gone before code is written`);
    }
  }

  /** The items of a `seq` from an index on. */
  sequence(node: Node & { k: "seq" }, from: number, destination: Destination, context: Context | null): void {
    const { items } = node;
    for (let index = from; index < items.length - 1; index++) {
      const item = items[index]!;
      const after = hasCall(item) ? this.context(node, index, context, "effect") : null;
      this.gen(item, "effect", after);
      if (after === null) continue;
      if (!this.isCut(destination, () => items.slice(index + 1).reduce((sum, each) => sum + sizeOf(each), 0))) continue;
      this.writer.i64Const(0);
      return this.goOnIn(after);
    }
    this.gen(items.at(-1)!, destination, context);
  }

  /**
   * Whether a function that goes on after a call leaves what follows another call to the function that goes on there:
   * it must not hold all the rest, else the code of a long body would grow with the square of its length.
   */
  isCut(destination: Destination, rest: () => number): boolean {
    const most = this.linker.isSmall ? SMALL_AFTER_CALL_SIZE_MAX : AFTER_CALL_SIZE_MAX;
    return this.isAfterCall && destination === "tail" && rest() > most;
  }

  /** The value of the context's call is on the stack. */
  goOnIn(context: Context): void {
    const { writer } = this;
    const value = this.temporary(Type.i64);
    writer.localSet(value);
    writer.localGet(0);
    writer.localGet(value);
    this.release(value, Type.i64);
    this.callRef(this.resume(context), true);
  }

  /** The value is on the stack. */
  letBody(node: Node & { k: "let" }, v: Var, destination: Destination, context: Context | null): void {
    const saved = this.top;
    this.bind(v);
    if (v.slot >= 0) this.top = v.slot + wordsOf(v);
    this.gen(node.body, destination, context);
    this.top = saved;
  }

  globalRef(g: TopLevel, destination: Destination, context: Context | null, source: Source | null = null): void {
    const { writer } = this;
    if (g.fun !== null) this.word(this.linker.staticClosure(g.fun));
    else {
      this.loadCell(g.cell);
      if (!g.isDefined) {
        const value = this.temporary(Type.i64);
        writer.localTee(value);
        writer.i64Const(Immediate.unbound);
        writer.op(Op.i64Eq);
        writer.if();
        this.constant(g.symbol);
        writer.localSet(value);
        this.source = source;
        this.raise(value, "", "defined variable");
        this.source = null;
        writer.end();
        writer.localGet(value);
        this.release(value, Type.i64);
      }
    }
    this.finish(destination, context);
  }

  globalSet(node: Node & { k: "gset" }, destination: Destination, context: Context | null): void {
    const { writer } = this;
    if (!node.isDefinition && !node.g.isDefined) {
      this.globalRef(node.g, "effect", null);
    }
    writer.i32Const(0);
    this.gen(node.value, "word", null);
    writer.memory(Op.i64Store, cellAddress(node.g.cell));
    if (destination === "effect") return;
    this.word(Immediate.unspecified);
    this.finish(destination, context);
  }

  closure(node: Node & { k: "closure" }, destination: Destination, context: Context | null): void {
    const { writer } = this;
    if (destination === "effect") return;
    if (node.fun.isClosed) this.word(this.linker.staticClosure(node.fun));
    else {
      const { low, slot } = this.linker.closureHeader(node.fun);
      const address = this.allocate(node, 8 + 8 * node.values.length);
      this.storeHeader(address, low, slot);
      node.values.forEach((value, index) => {
        writer.localGet(address);
        this.gen(value, "word", null);
        writer.memory(Op.i64Store, 8 + 8 * index);
      });
      this.pointer(address, Tag.procedure);
      this.release(address, Type.i32);
    }
    this.finish(destination, context);
  }

  /** Writes a node as a test. */
  test(node: Node): void {
    this.gen(node, "test", null);
  }

  if(node: Node & { k: "if" }, destination: Destination, context: Context | null): void {
    const { writer } = this;
    this.test(node.test);
    const valid = new Set(this.valid);
    const facts = new Map(this.facts);
    writer.if(blockType(destination));
    this.learnTest(node.test);
    this.gen(node.then, destination, context);
    const validThen = ends(node.then) ? null : this.valid;
    this.valid = new Set(valid);
    this.facts = new Map(facts);
    if (!(destination === "effect" && node.else.k === "const")) {
      writer.else();
      this.gen(node.else, destination, context);
    }
    const isElseOpen = !ends(node.else);
    writer.end();
    if (destination === "tail") writer.op(Op.unreachable);
    if (validThen !== null) {
      this.valid = isElseOpen ? intersection(this.valid, validThen) : validThen;
      this.facts = facts;
    }
  }

  learnTest(test: Node): void {
    if (test.k === "if" && test.else.k === "const" && test.else.datum === false) {
      // (and a b)
      this.learnTest(test.test);
      this.learnTest(test.then);
    }
    if (test.k !== "prim" || test.args.length !== 1) return;
    const type = TESTED[test.op.name];
    if (type !== undefined) this.learn(test.args[0]!, type);
  }

  label(node: Node & { k: "label" }, destination: Destination, context: Context | null): void {
    const { writer } = this;
    const { label } = node;
    const saved = this.top;
    this.labels.set(label, this.labels.get(label) ?? { label, outer: context, top: saved, ref: null });
    const facts = new Map(this.facts);
    const type = blockType(destination);
    const exit = destination === "tail" ? -1 : writer.block(type);
    const target = writer.block();
    const entry = { target, valid: null as Set<Var> | null };
    this.active.set(label, entry);
    this.gen(node.body, destination, context);
    const isBodyOpen = destination !== "tail" && !ends(node.body);
    const validBody = isBodyOpen ? this.valid : null;
    if (destination !== "tail") writer.br(exit);
    else writer.op(Op.unreachable);
    writer.end();
    this.facts = facts;
    this.labelBody(label, entry.valid ?? new Set(), destination, context);
    if (destination !== "tail") writer.end();
    if (validBody !== null) this.valid = ends(label.body) ? validBody : intersection(this.valid, validBody);
    this.active.delete(label);
    this.top = saved;
    this.facts = new Map(facts);
  }

  /** The label's parameters are in their locals. */
  labelBody(label: Label, valid: Set<Var>, destination: Destination, context: Context | null): void {
    const { writer } = this;
    const isAgain = label.isLoop && jumpsTo(label.body, label);
    this.valid = isAgain && hasCall(label.body) ? new Set() : new Set(valid);
    const entry = { target: -1, valid: new Set<Var>() as Set<Var> | null };
    let done = -1;
    let again = -1;
    let cold = -1;
    if (isAgain) {
      if (this.linker.looks) {
        // The way to `look` and back stands behind the loop, where it costs the loop no jump.
        if (destination !== "tail") done = writer.block(blockType(destination));
        again = writer.loop();
        cold = writer.block();
      }
      entry.target = writer.loop(blockType(destination));
      this.active.set(label, entry);
      if (this.linker.looks) this.lookAt(cold);
    } else this.active.delete(label);
    for (const v of label.parameters) {
      if (v.slot < 0) continue;
      this.keep(v, this.local(v));
      this.top = Math.max(this.top, v.slot + wordsOf(v));
    }
    this.gen(label.body, destination, context);
    if (isAgain) {
      writer.end();
      if (again >= 0) {
        if (destination === "tail") writer.op(Op.unreachable);
        else writer.br(done);
        writer.end();
        this.callLow("look");
        writer.br(again);
        writer.end();
        if (destination !== "tail") {
          writer.op(Op.unreachable);
          writer.end();
        }
      }
      if (destination === "tail") writer.op(Op.unreachable);
    }
  }

  jump(node: Node & { k: "jump" }): void {
    const { writer } = this;
    const active = this.active.get(node.label);
    const { parameters } = node.label;
    if (active === undefined) {
      // from a function that goes on after a call
      writer.localGet(0);
      writer.i64Const(0);
      node.args.forEach((arg, index) => this.gen(arg, parameters[index]!.isFloat ? "f64" : "word", null));
      this.callRef(this.labelFunction(node.label), true);
      return;
    }
    node.args.forEach((arg, index) => this.gen(arg, parameters[index]!.isFloat ? "f64" : "word", null));
    for (let index = parameters.length - 1; index >= 0; index--) writer.localSet(this.local(parameters[index]!));
    active.valid = active.valid === null ? new Set(this.valid) : intersection(active.valid, this.valid);
    writer.br(active.target);
  }

  call(node: Node & { k: "call" }, destination: Destination, context: Context | null): void {
    const { writer } = this;
    const isTail = destination === "tail" && context === null;
    if (node.args.length > ARITY_MAX) return this.callVariadic(node, destination, context);
    if (isCapture(node)) {
      if (!isTail) return this.callWithContinuation(node, destination, context!);
      writer.localGet(0);
      this.gen(node.args[0]!, "word", null);
      return this.callRef(this.linker.low("capture"), true);
    }
    if (isTail) writer.localGet(0);
    else this.pushTop();
    const f = this.temporary(Type.i64);
    this.gen(node.f, "word", null);
    writer.localTee(f);
    for (const arg of node.args) this.gen(arg, "word", null);
    if (!isTail) this.beforeCall(context!, node.source);
    this.markSite(node.source);
    // Code of a procedure that takes exactly these arguments, else the slow way.
    writer.localGet(f);
    writer.op(Op.i32WrapI64);
    writer.i32Const(7);
    writer.op(Op.i32And);
    writer.i32Const(Tag.procedure);
    writer.op(Op.i32Eq);
    writer.if(Type.i32);
    writer.localGet(f);
    writer.op(Op.i32WrapI64);
    writer.memory(Op.i32Load, Offset.procedureCode);
    writer.i32Const(node.args.length);
    writer.localGet(f);
    writer.op(Op.i32WrapI64);
    writer.memory(Op.i32Load8U, Offset.procedureHeader + 1);
    writer.i32Const(node.args.length);
    writer.op(Op.i32Eq);
    writer.op(Op.select);
    writer.else();
    writer.i32Const(node.args.length);
    writer.end();
    this.release(f, Type.i64);
    const type = this.linker.module.typeIndex(procedureSignature(node.args.length));
    if (isTail) writer.returnCallIndirect(type);
    else {
      writer.callIndirect(type);
      this.afterCall(destination, context);
    }
  }

  /**
   * `(call/cc f)` that is waited for. When this function lies on the base loop alone its frame goes to the heap at once
   * and it is left for good: no exception, so that programs which live by continuations cost an allocation for each.
   */
  callWithContinuation(node: Node & { k: "call" }, destination: Destination, context: Context): void {
    const { writer } = this;
    const receiver = this.temporary(Type.i64);
    this.gen(node.args[0]!, "word", null);
    writer.localSet(receiver);
    this.beforeCall(context, node.source);
    writer.localGet(0);
    writer.i32Const(Region.stack);
    writer.op(Op.i32Eq);
    writer.if();
    writer.localGet(0);
    writer.localGet(this.site);
    writer.localGet(receiver);
    this.callRef(this.linker.low("capture-site"), true);
    writer.end();
    this.pushTop();
    writer.localGet(receiver);
    this.callLow("capture");
    this.release(receiver, Type.i64);
    this.afterCall(destination, context);
  }

  callVariadic(node: Node & { k: "call" }, destination: Destination, context: Context | null): void {
    const { writer } = this;
    const isTail = destination === "tail" && context === null;
    node.args.forEach((arg, index) => {
      writer.i32Const(Region.arguments);
      this.gen(arg, "word", null);
      writer.memory(Op.i64Store, index * 8);
    });
    if (isTail) writer.localGet(0);
    else this.pushTop();
    this.gen(node.f, "word", null);
    writer.i32Const(node.args.length);
    if (!isTail) this.beforeCall(context!, node.source);
    this.markSite(node.source);
    this.callRef(this.linker.low("call-variadic"), isTail);
    if (!isTail) this.afterCall(destination, context);
  }

  direct(node: Node & { k: "direct" }, destination: Destination, context: Context | null): void {
    const { writer } = this;
    const isTail = destination === "tail" && context === null;
    if (isTail) writer.localGet(0);
    else this.pushTop();
    if (node.self === null) writer.i64Const(0);
    else this.gen(node.self, "word", null);
    node.args.forEach((arg, index) => this.gen(arg, takesFloat(node, index) ? "f64" : "word", null));
    if (!isTail) this.beforeCall(context!, node.source);
    let target = this.linker.clause(node.fun, node.clause);
    const givesFloat = target.signature.result === Type.f64;
    if (isTail && givesFloat && !this.givesFloat) target = this.linker.clause(node.fun, node.clause + 1);
    // What this unit's own functions do wrong they tell themselves.
    if (target.from !== null) this.markSite(node.source);
    this.callRef(target, isTail);
    if (isTail) return;
    this.valid.clear();
    if (givesFloat) this.finishFloat(node, destination, context);
    else this.finish(destination, context);
  }

  afterCall(destination: Destination, context: Context | null): void {
    this.valid.clear();
    this.finish(destination, context);
  }

  // Going on after a call.

  context(node: Node, index: number, outer: Context | null, destination: "word" | "effect"): Context {
    let contexts = this.contexts.get(node);
    if (contexts === undefined) this.contexts.set(node, (contexts = new Map()));
    let found = contexts.get(index);
    if (found === undefined)
      contexts.set(index, (found = { node, index, outer, destination, top: this.top, ref: null, slot: -1 }));
    return found;
  }

  /** The function that does the rest of a context's node with the value. */
  resume(context: Context): FunctionRef {
    if (context.ref !== null) return context.ref;
    const ref = new FunctionRef(`${this.code.fun.name}/after`, RESUME_SIGNATURE);
    context.ref = ref;
    this.pending.push(() => {
      const value = new Var("value");
      this.function(ref, [value], null, () => {
        this.isAfterCall = true;
        this.top = context.top;
        const { node } = context;
        if (node.k === "let") {
          this.writer.localGet(1);
          const [v] = node.vars as [Var];
          if (v.isFloat) this.finish("f64", null);
          this.letBody(node, v, "tail", context.outer);
        } else {
          assert(node.k === "seq", "only a let or a sequence waits for a value");
          this.sequence(node, context.index + 1, "tail", context.outer);
        }
      });
    });
    return ref;
  }

  /** The function that is the label for jumps from such functions. */
  labelFunction(label: Label): FunctionRef {
    const found = this.labels.get(label);
    assert(found !== undefined, `label ${label.name} must have been met`);
    if (found.ref !== null) return found.ref;
    const signature: LowSignature = {
      parameters: [Type.i32, Type.i64, ...label.parameters.map((v): WasmType => (v.isFloat ? Type.f64 : Type.i64))],
      result: Type.i64,
    };
    const ref = new FunctionRef(`${this.code.fun.name}/${label.name}`, signature);
    found.ref = ref;
    this.pending.push(() => {
      this.function(ref, [null, ...label.parameters], null, () => {
        this.top = found.top;
        this.labelBody(label, new Set(), "tail", found.outer);
      });
    });
    return ref;
  }
}
