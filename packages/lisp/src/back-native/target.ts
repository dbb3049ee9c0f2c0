/** What a processor's back end does for `emit.ts`: each method writes one step of a function's code. */
import { assert } from "@stratos/base";
import type { Comparison } from "./instructions.ts";
import type { RegisterSet } from "./allocate.ts";
import type { Latencies } from "./schedule.ts";

export interface Target {
  readonly registers: RegisterSet;
  readonly latencies: Latencies;
  /** Registers that no value has; two of each kind. */
  readonly scratch: readonly [number, number];
  readonly floatScratch: readonly [number, number];
  /** Whether an i32's upper half is zero in its register, or copies of its sign. */
  readonly isZeroExtended: boolean;
  /** Makes room for so many slots and keeps the return address. @returns bytes of the frame with it */
  enter(code: Assembler, slots: number): number;
  /** Undoes `enter`. */
  leave(code: Assembler, slots: number): void;
  return(code: Assembler): void;
  move(code: Assembler, d: number, a: number, isFloat: boolean): void;
  loadSlot(code: Assembler, d: number, slot: number, isFloat: boolean): void;
  storeSlot(code: Assembler, a: number, slot: number, isFloat: boolean): void;
  integer(code: Assembler, d: number, value: bigint): void;
  float(code: Assembler, d: number, value: number): void;
  unary(code: Assembler, op: number, d: number, a: number): void;
  binary(code: Assembler, op: number, d: number, operands: Operands): void;
  compare(code: Assembler, d: number, test: Comparison): void;
  branch(code: Assembler, test: Comparison | null, label: number): void;
  load(code: Assembler, op: number, d: number, address: Address): void;
  store(code: Assembler, op: number, value: number, address: Address): void;
  /** The address of the code at an index of the table. */
  tableEntry(code: Assembler, d: number, index: number): void;
  call(code: Assembler, target: string | number, isTail: boolean): void;
  trap(code: Assembler): void;
  /** Fills in where a branch goes. @returns false: it is too far away for the instruction */
  patchBranch(bytes: DataView, at: number, target: number): boolean;
  /** Fills in where a call goes. */
  patchCall(bytes: DataView, at: number, target: number): void;
}

/** The right operand: a register, or with `b` NONE a constant. */
export interface Operands {
  readonly a: number;
  readonly b: number;
  readonly imm: number;
}
/** A register's value and an offset, or with `a` NONE a constant. */
export interface Address {
  readonly a: number;
  readonly offset: number;
}

/** Code of one function, with places to be filled in. */
export class Assembler {
  #bytes: Uint8Array;
  view: DataView;
  length: number;
  /** Branches are written so that they reach anywhere in the function. */
  readonly isLong: boolean;
  readonly #labels: Map<number, number>;
  readonly #branches: { at: number; label: number }[];
  readonly calls: { at: number; target: string }[];
  #ownLabel: number;

  constructor(isLong: boolean) {
    this.#bytes = new Uint8Array(1024);
    this.view = new DataView(this.#bytes.buffer);
    this.length = 0;
    this.isLong = isLong;
    this.#labels = new Map();
    this.#branches = [];
    this.calls = [];
    this.#ownLabel = -2;
  }

  #reserve(count: number): void {
    if (this.length + count <= this.#bytes.length) return;
    const grown = new Uint8Array(this.#bytes.length * 2);
    grown.set(this.#bytes);
    this.#bytes = grown;
    this.view = new DataView(grown.buffer);
  }
  u8(value: number): void {
    this.#reserve(1);
    this.#bytes[this.length++] = value;
  }
  u32(value: number): void {
    this.#reserve(4);
    this.view.setUint32(this.length, value, true);
    this.length += 4;
  }
  u64(value: bigint): void {
    this.#reserve(8);
    this.view.setBigUint64(this.length, BigInt.asUintN(64, value), true);
    this.length += 8;
  }

  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.length);
  }

  /** A label of the emitter's own. */
  newLabel(): number {
    return this.#ownLabel--;
  }
  bind(label: number): void {
    this.#labels.set(label, this.length);
  }
  placeOf(label: number): number {
    const place = this.#labels.get(label);
    assert(place !== undefined, "a label must stand somewhere");
    return place;
  }
  /** The branch that follows goes to a label. */
  branchHere(label: number): void {
    this.#branches.push({ at: this.length, label });
  }
  callHere(target: string): void {
    this.calls.push({ at: this.length, target });
  }

  /** @returns false: some branch does not reach */
  finish(target: Target): boolean {
    const view = new DataView(this.#bytes.buffer, 0, this.length);
    return this.#branches.every(({ at, label }) => target.patchBranch(view, at, this.placeOf(label)));
  }
}
