import { Misc, Op } from "./opcodes.ts";
import type { ValueType } from "./opcodes.ts";

/**
 * Writes WebAssembly instructions into a byte buffer that is used again for each module. Emission is on the path of
 * every translation, so nothing here allocates (but when the buffer grows) and lengths are patched in place.
 *
 * Labels are absolute nesting depths: `block`, `loop` and `if` return theirs, `br(label)` computes the relative index.
 */
export class CodeWriter {
  bytes: Uint8Array;
  length: number;
  /** Two numbers for each branch that was said to be unlikely: its function (from 0) and its place in the body. */
  readonly unlikelyBranches: number[];
  #depth: number;
  #functionCount: number;
  #bodyStart: number;

  constructor(capacity = 1 << 16) {
    this.bytes = new Uint8Array(capacity);
    this.length = 0;
    this.unlikelyBranches = [];
    this.#depth = 0;
    this.#functionCount = 0;
    this.#bodyStart = 0;
  }

  get depth(): number {
    return this.#depth;
  }

  reset(): void {
    this.length = 0;
    this.unlikelyBranches.length = 0;
    this.#depth = 0;
    this.#functionCount = 0;
  }

  /** Room for `count` more bytes. Each public method asks for what it writes. */
  reserve(count: number): void {
    if (this.length + count <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(this.bytes.length * 2, this.length + count));
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
  }

  byte(value: number): void {
    this.reserve(1);
    this.bytes[this.length++] = value;
  }

  raw(source: Uint8Array, start = 0, end = source.length): void {
    this.reserve(end - start);
    this.bytes.set(source.subarray(start, end), this.length);
    this.length += end - start;
  }

  /** Unsigned LEB128 of a u32. */
  u32(value: number): void {
    if (value >= 0 && value < 0x80) {
      // nearly always
      this.byte(value);
      return;
    }
    this.reserve(5);
    value >>>= 0;
    while (value >= 0x80) {
      this.bytes[this.length++] = (value & 0x7f) | 0x80;
      value >>>= 7;
    }
    this.bytes[this.length++] = value;
  }

  /** Signed LEB128 of an i32. */
  s32(value: number): void {
    this.reserve(5);
    value |= 0;
    while (value < -64 || value > 63) {
      this.bytes[this.length++] = (value & 0x7f) | 0x80;
      value >>= 7;
    }
    this.bytes[this.length++] = value & 0x7f;
  }

  /** Signed LEB128 of the i64 with these halves. */
  s64(high: number, low: number): void {
    this.reserve(10);
    high |= 0;
    low |= 0;
    while (!(high === low >> 31 && low >= -64 && low <= 63)) {
      this.bytes[this.length++] = (low & 0x7f) | 0x80;
      low = (low >>> 7) | (high << 25);
      high >>= 7;
    }
    this.bytes[this.length++] = low & 0x7f;
  }

  /** Five bytes that `patchU32` fills when the number is known. */
  reserveU32(): number {
    this.reserve(5);
    const at = this.length;
    this.length += 5;
    return at;
  }

  patchU32(at: number, value: number): void {
    for (let i = 0; i < 4; i++) {
      this.bytes[at + i] = (value & 0x7f) | 0x80;
      value >>>= 7;
    }
    this.bytes[at + 4] = value;
  }

  name(text: string): void {
    this.u32(text.length);
    for (let i = 0; i < text.length; i++) this.byte(text.charCodeAt(i));
  }

  // Instructions.

  op(opcode: number): void {
    this.reserve(1);
    this.bytes[this.length++] = opcode;
  }

  /** Instruction after the 0xfc prefix without immediates (saturating truncations). */
  misc(code: number): void {
    this.byte(0xfc);
    this.u32(code);
  }

  /** Instruction after the 0xfd prefix; `lane` only for lane access. */
  simd(code: number, lane = -1): void {
    this.byte(0xfd);
    this.u32(code);
    if (lane >= 0) this.byte(lane);
  }

  /** A load or store of a vector. Alignment as in `memory`. */
  simdMemory(code: number, offset: number): void {
    this.simd(code);
    this.byte(0);
    this.u32(offset);
  }

  i32Const(value: number): void {
    this.op(Op.i32Const);
    this.s32(value);
  }

  /** An i64 constant from an i32, sign-extended. */
  i64Const(value: number): void {
    this.op(Op.i64Const);
    this.s32(value);
  }

  /** An i64 constant from its halves. */
  i64ConstBits(high: number, low: number): void {
    this.op(Op.i64Const);
    this.s64(high, low);
  }

  f64Const(value: number): void {
    this.op(Op.f64Const);
    this.reserve(8);
    FLOAT_VIEW.setFloat64(0, value, true);
    for (let i = 0; i < 8; i++) this.bytes[this.length++] = FLOAT_VIEW.getUint8(i);
  }

  f32Const(value: number): void {
    this.op(Op.f32Const);
    this.reserve(4);
    FLOAT_VIEW.setFloat32(0, value, true);
    for (let i = 0; i < 4; i++) this.bytes[this.length++] = FLOAT_VIEW.getUint8(i);
  }

  localGet(index: number): void {
    this.op(Op.localGet);
    this.u32(index);
  }

  localSet(index: number): void {
    this.op(Op.localSet);
    this.u32(index);
  }

  localTee(index: number): void {
    this.op(Op.localTee);
    this.u32(index);
  }

  /** A load or store. Alignment is a hint; 0 says nothing and is always right. */
  memory(opcode: number, offset: number): void {
    this.op(opcode);
    this.byte(0);
    this.u32(offset);
  }

  call(functionIndex: number): void {
    this.op(Op.call);
    this.u32(functionIndex);
  }

  /** A call in the place of this function's return (tail call). */
  returnCall(functionIndex: number): void {
    this.op(Op.returnCall);
    this.u32(functionIndex);
  }

  returnCallIndirect(typeIndex: number, tableIndex = 0): void {
    this.op(Op.returnCallIndirect);
    this.u32(typeIndex);
    this.u32(tableIndex);
  }

  callIndirect(typeIndex: number, tableIndex = 0): void {
    this.op(Op.callIndirect);
    this.u32(typeIndex);
    this.u32(tableIndex);
  }

  /** A call of the function reference on the stack, which has this type. */
  callRef(typeIndex: number): void {
    this.op(Op.callRef);
    this.u32(typeIndex);
  }

  returnCallRef(typeIndex: number): void {
    this.op(Op.returnCallRef);
    this.u32(typeIndex);
  }

  refFunc(functionIndex: number): void {
    this.op(Op.refFunc);
    this.u32(functionIndex);
  }

  globalGet(index: number): void {
    this.op(Op.globalGet);
    this.u32(index);
  }

  globalSet(index: number): void {
    this.op(Op.globalSet);
    this.u32(index);
  }

  /** `memory.copy` or `memory.fill` of memory 0; their operands are on the stack. */
  memoryCopy(): void {
    this.misc(Misc.memoryCopy);
    this.byte(0);
    this.byte(0);
  }

  memoryFill(): void {
    this.misc(Misc.memoryFill);
    this.byte(0);
  }

  throw(tag: number): void {
    this.op(Op.throw);
    this.u32(tag);
  }

  throwRef(): void {
    this.op(Op.throwRef);
  }

  /**
   * Opens a block whose exceptions go to labels outside of it: first match wins. A `ref` clause leaves the exception as
   * the label's last value (`exnref`); a `tag` of null takes any exception.
   */
  tryTable(catches: readonly { tag: number | null; label: number; ref?: boolean }[], type = 0x40): number {
    this.op(Op.tryTable);
    this.byte(type);
    this.u32(catches.length);
    for (const { tag, label, ref = false } of catches) {
      this.byte((tag === null ? 2 : 0) + (ref ? 1 : 0));
      if (tag !== null) this.u32(tag);
      this.u32(this.#depth - label);
    }
    return ++this.#depth;
  }

  /** @param type  0x40 for none, a value type, or a type index */
  block(type = 0x40): number {
    this.op(Op.block);
    this.byte(type);
    return ++this.#depth;
  }

  loop(type = 0x40): number {
    this.op(Op.loop);
    this.byte(type);
    return ++this.#depth;
  }

  if(type = 0x40): number {
    this.op(Op.if);
    this.byte(type);
    return ++this.#depth;
  }

  /**
   * The `if` or `br_if` that comes next is hardly ever taken: a host that listens puts what it leads to out of the way.
   * Source: WebAssembly branch hinting proposal, `metadata.code.branch_hint`.
   */
  unlikely(): void {
    this.unlikelyBranches.push(this.#functionCount - 1, this.length - this.#bodyStart);
  }

  else(): void {
    this.op(Op.else);
  }

  end(): void {
    this.op(Op.end);
    this.#depth--;
  }

  br(label: number): void {
    this.op(Op.br);
    this.u32(this.#depth - label);
  }

  brIf(label: number): void {
    this.op(Op.brIf);
    this.u32(this.#depth - label);
  }

  /** Jumps to `labels[index]`, else to `otherwise`. */
  brTable(labels: readonly number[], otherwise: number): void {
    this.op(Op.brTable);
    this.u32(labels.length);
    for (let i = 0; i < labels.length; i++) this.u32(this.#depth - (labels[i] as number));
    this.u32(this.#depth - otherwise);
  }

  return(): void {
    this.op(Op.return);
  }

  /** Starts a function body in a code section: its length (patched by `endFunction`) and its locals by type. */
  beginFunction(locals: readonly { count: number; type: ValueType }[]): number {
    const at = this.reserveU32();
    this.#bodyStart = this.length;
    this.#functionCount++;
    this.u32(locals.length);
    for (const group of locals) {
      this.u32(group.count);
      this.byte(group.type);
    }
    this.#depth = 0;
    return at;
  }

  endFunction(at: number): void {
    this.op(Op.end);
    this.patchU32(at, this.length - at - 5);
  }
}

const FLOAT_VIEW = new DataView(new ArrayBuffer(8));
