/**
 * A function's code from its instructions and the registers of its values, for any target: saves what must survive a
 * call, brings it back when it is used, moves arguments to their places.
 */
import { Op, Type } from "@stratos/wasm";
import { Region } from "../heap/layout.ts";
import { allocate, argumentPlaces } from "./allocate.ts";
import type { Allocation } from "./allocate.ts";
import { fallsThrough, isFloat, negated, NONE } from "./instructions.ts";
import type { Comparison, Instruction, NativeFunction } from "./instructions.ts";
import { analyze } from "./liveness.ts";
import type { Liveness } from "./liveness.ts";
import { schedule } from "./schedule.ts";
import { Assembler } from "./target.ts";
import type { Target } from "./target.ts";

/** Where a call returns to, and what an exception does there: places in the function's code, NONE for no handler. */
interface CallSite {
  readonly at: number;
  readonly unwind: number;
  readonly abort: number;
}
export interface NativeCode {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly calls: readonly { readonly at: number; readonly target: string }[];
  readonly sites: readonly CallSite[];
  /** Bytes of its frame with the return address. */
  readonly frameBytes: number;
}

/** Words of memory for arguments that have no register. */
const ARGUMENT_WORDS = Region.callArguments;
/** Throws, by the tag's number. */
const THROW_ROUTINES = ["native/throw-unwind", "native/throw-abort"] as const;

/** @param isScheduled  instructions may change their order */
export function emitFunction(lowered: NativeFunction, target: Target, isScheduled: boolean): NativeCode {
  const fn = isScheduled ? schedule(lowered, target.latencies) : lowered;
  const live = analyze(fn);
  const allocation = allocate(fn, live, target.registers);
  const short = new FunctionEmitter({ fn, live, allocation, target, isLong: false }).emit();
  const code = short ?? new FunctionEmitter({ fn, live, allocation, target, isLong: true }).emit();
  if (code === null) throw new Error(`${fn.name}: is too large for a branch of this processor`);
  return code;
}

class FunctionEmitter {
  readonly #fn: NativeFunction;
  readonly #live: Liveness;
  readonly #register: Int32Array;
  readonly #slot: Int32Array;
  readonly #slotCount: number;
  readonly #target: Target;
  readonly #code: Assembler;
  readonly #hasFrame: boolean;
  /** Whether a value's register holds it, and whether its slot does. */
  readonly #isLoaded: Uint8Array;
  readonly #isSaved: Uint8Array;
  /** Landing places of handlers, by their labels. */
  readonly #landings: Map<number, number>;
  readonly #sites: { at: number; unwind: number; abort: number }[];

  constructor(options: {
    fn: NativeFunction;
    live: Liveness;
    allocation: Allocation;
    target: Target;
    isLong: boolean;
  }) {
    const { fn, live, allocation, target } = options;
    this.#fn = fn;
    this.#live = live;
    this.#register = allocation.register;
    this.#slot = allocation.slot;
    this.#slotCount = allocation.slotCount;
    this.#target = target;
    this.#code = new Assembler(options.isLong);
    this.#hasFrame = live.across.size > 0 || allocation.slotCount > 0;
    this.#isLoaded = new Uint8Array(fn.types.length).fill(1);
    this.#isSaved = new Uint8Array(fn.types.length);
    this.#landings = new Map();
    this.#sites = [];
  }

  emit(): NativeCode | null {
    const { instructions } = this.#live;
    for (const instruction of instructions)
      if (instruction.k === "call" || instruction.k === "throw")
        for (const label of [instruction.handlers.unwind, instruction.handlers.abort])
          if (label !== NONE && !this.#landings.has(label)) this.#landings.set(label, this.#code.newLabel());
    const frameBytes = this.#hasFrame ? this.#target.enter(this.#code, this.#slotCount) : 0;
    this.#takeParameters();
    instructions.forEach((instruction, index) => this.#instruction(instruction, index));
    if (!this.#code.finish(this.#target)) return null;
    const place = (label: number): number => (label === NONE ? NONE : this.#code.placeOf(this.#landings.get(label)!));
    return {
      name: this.#fn.name,
      bytes: this.#code.bytes,
      calls: this.#code.calls,
      sites: this.#sites.map(({ at, unwind, abort }) => ({ at, unwind: place(unwind), abort: place(abort) })),
      frameBytes,
    };
  }

  #isFloat(v: number): boolean {
    return isFloat(this.#fn.types[v]!);
  }

  // Values.

  /** Brings a value's register up to date. */
  #restore(v: number): void {
    if (this.#isLoaded[v] === 1 || this.#register[v] === NONE) return;
    this.#target.loadSlot(this.#code, this.#register[v]!, this.#slot[v]!, this.#isFloat(v));
    this.#isLoaded[v] = 1;
  }

  /** The register that a value can be read from: its own, or the scratch register of this number. */
  #read(v: number, scratch: 0 | 1): number {
    if (v === NONE) return NONE;
    this.#restore(v);
    if (this.#register[v] !== NONE) return this.#register[v]!;
    const register = (this.#isFloat(v) ? this.#target.floatScratch : this.#target.scratch)[scratch];
    this.#target.loadSlot(this.#code, register, this.#slot[v]!, this.#isFloat(v));
    return register;
  }

  /** Lets `write` fill the register of a value, or a scratch register that is put into its slot then. */
  #write(v: number, write: (register: number) => void): void {
    const own = this.#register[v]!;
    const isOfFloat = this.#isFloat(v);
    const register = own === NONE ? (isOfFloat ? this.#target.floatScratch : this.#target.scratch)[0] : own;
    write(register);
    if (own === NONE) this.#target.storeSlot(this.#code, register, this.#slot[v]!, isOfFloat);
    this.#isLoaded[v] = 1;
    this.#isSaved[v] = 0;
  }

  #readTest(test: Comparison): Comparison {
    return { ...test, a: this.#read(test.a, 0), b: this.#read(test.b, 1) };
  }

  /** At a join each value is in its register. */
  #restoreFor(label: number): void {
    for (const v of this.#live.atLabel[label]!) this.#restore(v);
  }

  /** Moves at once: no source is lost by a move before its own. */
  #moveAll(moves: readonly { from: number; to: number; isFloat: boolean }[]): void {
    for (const kind of [false, true]) {
      const scratch = (kind ? this.#target.floatScratch : this.#target.scratch)[1];
      let left = moves.filter((move) => move.isFloat === kind && move.from !== move.to).map((move) => ({ ...move }));
      while (left.length > 0) {
        const next = left.find(({ to }) => !left.some(({ from }) => from === to));
        if (next !== undefined) {
          this.#target.move(this.#code, next.to, next.from, kind);
          left = left.filter((move) => move !== next);
        } else {
          const { from } = left[0]!;
          this.#target.move(this.#code, scratch, from, kind);
          for (const move of left) if (move.from === from) move.from = scratch;
        }
      }
    }
  }

  #takeParameters(): void {
    const { types, parameterCount } = this.#fn;
    const places = argumentPlaces(types.slice(0, parameterCount), this.#target.registers);
    const isUsed = (v: number): boolean => this.#live.start[v]! >= 0;
    const moves: { from: number; to: number; isFloat: boolean }[] = [];
    places.forEach(({ register }, v) => {
      if (!isUsed(v) || register === NONE) return;
      if (this.#register[v] === NONE) this.#target.storeSlot(this.#code, register, this.#slot[v]!, this.#isFloat(v));
      else moves.push({ from: register, to: this.#register[v]!, isFloat: this.#isFloat(v) });
    });
    this.#moveAll(moves);
    places.forEach(({ word }, v) => {
      if (!isUsed(v) || word === NONE) return;
      const address = { a: NONE, offset: ARGUMENT_WORDS + 8 * word };
      this.#write(v, (d) => this.#target.load(this.#code, this.#isFloat(v) ? Op.f64Load : Op.i64Load, d, address));
    });
  }

  // Instructions.

  #instruction(instruction: Instruction, index: number): void {
    const target = this.#target;
    const code = this.#code;
    switch (instruction.k) {
      case "const":
        return this.#write(instruction.d, (d) => target.integer(code, d, this.#constant(instruction)));
      case "float":
        return this.#write(instruction.d, (d) => target.float(code, d, instruction.value));
      case "move": {
        const a = this.#read(instruction.a, 0);
        return this.#write(instruction.d, (d) => {
          if (d !== a) target.move(code, d, a, this.#isFloat(instruction.d));
        });
      }
      case "unary": {
        const a = this.#read(instruction.a, 0);
        return this.#write(instruction.d, (d) => target.unary(code, instruction.op, d, a));
      }
      case "binary": {
        const operands = { a: this.#read(instruction.a, 0), b: this.#read(instruction.b, 1), imm: instruction.imm };
        return this.#write(instruction.d, (d) => target.binary(code, instruction.op, d, operands));
      }
      case "compare": {
        const test = this.#readTest(instruction.test);
        return this.#write(instruction.d, (d) => target.compare(code, d, test));
      }
      case "select":
        return this.#select(instruction);
      case "load": {
        const a = this.#read(instruction.a, 0);
        const { op, offset } = instruction;
        return this.#write(instruction.d, (d) => target.load(code, op, d, { a, offset }));
      }
      case "store": {
        const a = this.#read(instruction.a, 0);
        const b = this.#read(instruction.b, 1);
        return target.store(code, instruction.op, b, { a, offset: instruction.offset });
      }
      case "call":
        return this.#call(instruction, index);
      case "throw": {
        this.#save(this.#live.across.get(index)!);
        target.call(code, THROW_ROUTINES[instruction.tag]!, false);
        this.#sites.push({ at: code.length, ...instruction.handlers });
        return;
      }
      case "return":
        return this.#return(instruction.a);
      case "label":
        return this.#label(instruction.label, index);
      case "branch": {
        const test = instruction.test === null ? null : this.#readTest(instruction.test);
        this.#restoreFor(instruction.label);
        return target.branch(code, test, instruction.label);
      }
      case "trap":
        return target.trap(code);
    }
  }

  #constant({ d, value }: Instruction & { k: "const" }): bigint {
    return this.#target.isZeroExtended && this.#fn.types[d] === Type.i32 ? BigInt.asUintN(32, value) : value;
  }

  #select(instruction: Instruction & { k: "select" }): void {
    const target = this.#target;
    const code = this.#code;
    this.#restore(instruction.a);
    this.#restore(instruction.b);
    const test = this.#readTest(instruction.test);
    const isOfFloat = this.#isFloat(instruction.d);
    const end = code.newLabel();
    const otherwise = code.newLabel();
    // Either value is read after the test: the test's scratch registers are free then.
    const give = (v: number): void =>
      this.#write(instruction.d, (d) => {
        const a = this.#read(v, 1);
        if (d !== a) target.move(code, d, a, isOfFloat);
      });
    const own = this.#register[instruction.d]!;
    if (own !== NONE && own === this.#register[instruction.a]) {
      target.branch(code, test, end);
      give(instruction.b);
    } else if (own !== NONE && own === this.#register[instruction.b]) {
      target.branch(code, negated(test), end);
      give(instruction.a);
    } else {
      target.branch(code, negated(test), otherwise);
      give(instruction.a);
      target.branch(code, null, end);
      code.bind(otherwise);
      give(instruction.b);
    }
    code.bind(end);
  }

  #save(values: readonly number[]): void {
    for (const v of values) {
      if (this.#register[v] === NONE || this.#isSaved[v] === 1 || this.#isLoaded[v] === 0) continue;
      this.#target.storeSlot(this.#code, this.#register[v]!, this.#slot[v]!, this.#isFloat(v));
      this.#isSaved[v] = 1;
    }
  }

  #call(call: Instruction & { k: "call" }, index: number): void {
    const target = this.#target;
    const code = this.#code;
    const across = call.isTail ? [] : this.#live.across.get(index)!;
    this.#save(across);
    const places = argumentPlaces(
      call.args.map((v) => this.#fn.types[v]!),
      target.registers,
    );
    // Arguments without a register first, while the scratch registers are free.
    places.forEach(({ word }, position) => {
      if (word === NONE) return;
      const v = call.args[position]!;
      const address = { a: NONE, offset: ARGUMENT_WORDS + 8 * word };
      target.store(code, this.#isFloat(v) ? Op.f64Store : Op.i64Store, this.#read(v, 1), address);
    });
    const [entry] = target.scratch;
    if (call.target === null) target.tableEntry(code, entry, this.#read(call.a, 0));
    const moves: { from: number; to: number; isFloat: boolean }[] = [];
    const late: { v: number; to: number }[] = [];
    places.forEach(({ register }, position) => {
      const v = call.args[position]!;
      if (register === NONE) return;
      if (this.#register[v] !== NONE && this.#isLoaded[v] === 1)
        moves.push({ from: this.#register[v]!, to: register, isFloat: this.#isFloat(v) });
      else late.push({ v, to: register });
    });
    this.#moveAll(moves);
    for (const { v, to } of late) target.loadSlot(code, to, this.#slot[v]!, this.#isFloat(v));
    if (call.isTail) {
      if (this.#hasFrame) target.leave(code, this.#slotCount);
      return target.call(code, call.target ?? entry, true);
    }
    target.call(code, call.target ?? entry, false);
    this.#sites.push({ at: code.length, ...call.handlers });
    for (const v of across)
      if (this.#register[v] !== NONE) {
        this.#isLoaded[v] = 0;
        this.#isSaved[v] = 1;
      }
    if (call.d === NONE || this.#live.start[call.d]! < 0) return;
    const isOfFloat = this.#isFloat(call.d);
    const result = isOfFloat ? target.registers.floatResult : target.registers.integerResult;
    if (this.#register[call.d] === NONE) target.storeSlot(code, result, this.#slot[call.d]!, isOfFloat);
    else if (this.#register[call.d] !== result) target.move(code, this.#register[call.d]!, result, isOfFloat);
    this.#isLoaded[call.d] = 1;
    this.#isSaved[call.d] = 0;
  }

  #return(a: number): void {
    const { registers } = this.#target;
    if (a !== NONE) {
      const result = this.#isFloat(a) ? registers.floatResult : registers.integerResult;
      const from = this.#read(a, 0);
      if (from !== result) this.#target.move(this.#code, result, from, this.#isFloat(a));
    }
    if (this.#hasFrame) this.#target.leave(this.#code, this.#slotCount);
    this.#target.return(this.#code);
  }

  #label(label: number, index: number): void {
    const before = this.#live.instructions[index - 1];
    const fallsIn = index === 0 || (before !== undefined && fallsThrough(before));
    if (fallsIn) this.#restoreFor(label);
    const landing = this.#landings.get(label);
    if (landing !== undefined) {
      if (fallsIn) this.#target.branch(this.#code, null, label);
      this.#code.bind(landing);
      for (const v of this.#live.atLabel[label]!)
        if (this.#register[v] !== NONE)
          this.#target.loadSlot(this.#code, this.#register[v]!, this.#slot[v]!, this.#isFloat(v));
    }
    this.#code.bind(label);
    for (const v of this.#live.atLabel[label]!) this.#isLoaded[v] = 1;
    // What comes from elsewhere may not have been saved.
    this.#isSaved.fill(0);
  }
}
