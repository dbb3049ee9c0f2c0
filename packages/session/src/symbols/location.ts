/** Where a variable is: the expressions of DWARF (DWARF 5, 2.5 and 2.6). */
import { ByteReader, DwarfError } from "./byte-reader.ts";

const STEPS_MAX = 10_000;
const STACK_MAX = 256;
const PIECES_MAX = 64;
const PIECE_BYTES_MAX = 4096;
/** x0 … x31, f0 … f31 (RISC-V ELF psABI, "DWARF register numbers"). */
const REGISTERS = 64;

/** A function that is under way, as its variables' places are told by it. */
export interface LocationFrame {
  /** 8 bytes; null: lost. */
  register(number: number): Uint8Array | null;
  /** null: nothing is mapped there. */
  memory(address: number, count: number): Uint8Array | null;
  /** The stack's end in the caller; null: not known. */
  readonly cfa: number | null;
  /** What an address of the file is more in memory. */
  readonly bias: number;
  indexedAddress(index: number): number;
  /** The expression of the function's frame base. */
  readonly frameBase: Uint8Array | null;
}

export type Location =
  | { readonly kind: "memory"; readonly address: number }
  | { readonly kind: "bytes"; readonly bytes: Uint8Array };

/** @returns null: it is nowhere now. @throws DwarfError: it cannot be said */
export function evaluateLocation(expression: Uint8Array, frame: LocationFrame, isBase = false): Location | null {
  return expression.length === 0 ? null : new Evaluation(expression, frame, isBase).run();
}

class Evaluation {
  readonly #reader: ByteReader;
  readonly #frame: LocationFrame;
  /** Of a frame's base, which cannot be said by itself. */
  readonly #isBase: boolean;
  readonly #stack: bigint[] = [];
  /** What the expression has named that is no memory. */
  #bytes: Uint8Array | null = null;
  readonly #pieces: Uint8Array[] = [];

  constructor(expression: Uint8Array, frame: LocationFrame, isBase: boolean) {
    this.#reader = new ByteReader(expression);
    this.#frame = frame;
    this.#isBase = isBase;
  }

  run(): Location | null {
    const reader = this.#reader;
    for (let steps = 0; !reader.isAtEnd; steps++) {
      if (steps >= STEPS_MAX) throw new DwarfError("an expression without end");
      this.#step(reader.u8());
      if (this.#stack.length > STACK_MAX) throw new DwarfError("an expression with too many values");
    }
    if (this.#pieces.length > 0) return { kind: "bytes", bytes: joined(this.#pieces) };
    if (this.#bytes !== null) return { kind: "bytes", bytes: this.#bytes };
    return { kind: "memory", address: Number(this.#pop()) };
  }

  #pop(): bigint {
    const value = this.#stack.pop();
    if (value === undefined) throw new DwarfError("an expression without a value");
    return value;
  }

  #push(value: bigint | number): void {
    this.#stack.push(BigInt.asUintN(64, typeof value === "bigint" ? value : whole(value)));
  }

  #register(number: number): Uint8Array {
    const bytes = number < REGISTERS ? this.#frame.register(number) : null;
    if (bytes === null) throw new DwarfError(`register ${number} is not known here`);
    return bytes;
  }

  #based(number: number): void {
    this.#push(littleEndian(this.#register(number)) + whole(this.#reader.sleb()));
  }

  #load(count: number): void {
    const address = Number(this.#pop());
    const bytes = count > 0 && count <= 8 ? this.#frame.memory(address, count) : null;
    if (bytes === null) throw new DwarfError(`nothing is mapped at 0x${address.toString(16)}`);
    this.#push(littleEndian(bytes));
  }

  #frameBase(): number {
    const { frameBase } = this.#frame;
    if (this.#isBase || frameBase === null) throw new DwarfError("no frame base is known");
    const base = evaluateLocation(frameBase, this.#frame, true);
    if (base === null) throw new DwarfError("no frame base is known");
    return base.kind === "memory" ? base.address : Number(littleEndian(base.bytes));
  }

  #piece(count: number): void {
    if (count > PIECE_BYTES_MAX || this.#pieces.length >= PIECES_MAX) throw new DwarfError("a piece that is too large");
    const isMissing = this.#bytes === null && this.#stack.length === 0;
    if (isMissing) throw new DwarfError("a part of it is lost");
    const bytes = this.#bytes ?? this.#frame.memory(Number(this.#pop()), count);
    if (bytes === null || bytes.length < count) throw new DwarfError("a part of it is lost");
    this.#pieces.push(bytes.slice(0, count));
    this.#bytes = null;
  }

  /** DW_OP (7.7.1). */
  #step(opcode: number): void {
    const reader = this.#reader;
    if (opcode >= 0x30 && opcode <= 0x4f) return this.#push(opcode - 0x30);
    if (opcode >= 0x50 && opcode <= 0x6f) return void (this.#bytes = this.#register(opcode - 0x50));
    if (opcode >= 0x70 && opcode <= 0x8f) return this.#based(opcode - 0x70);
    switch (opcode) {
      case 0x03:
        return this.#push(reader.u64() + this.#frame.bias);
      case 0x06:
        return this.#load(8);
      case 0x08:
        return this.#push(reader.u8());
      case 0x09:
        return this.#push(reader.s8());
      case 0x0a:
        return this.#push(reader.u16());
      case 0x0b:
        return this.#push(reader.s16());
      case 0x0c:
        return this.#push(reader.u32());
      case 0x0d:
        return this.#push(reader.s32());
      case 0x0e:
      case 0x0f:
        return this.#push(BigInt(reader.u32()) | (BigInt(reader.u32()) << 32n));
      case 0x10:
        return this.#push(reader.uleb());
      case 0x11:
        return this.#push(reader.sleb());
      case 0x23:
        return this.#push(this.#pop() + whole(reader.uleb()));
      case 0x28:
      case 0x2f: {
        const by = reader.s16();
        if (opcode === 0x28 && this.#pop() === 0n) return;
        if (reader.at + by < 0 || reader.at + by > reader.end) throw new DwarfError("a jump out of an expression");
        reader.at += by;
        return;
      }
      case 0x90:
        return void (this.#bytes = this.#register(reader.uleb()));
      case 0x91:
        return this.#push(this.#frameBase() + reader.sleb());
      case 0x92:
        return this.#based(reader.uleb());
      case 0x93:
        return this.#piece(reader.uleb());
      case 0x94:
        return this.#load(reader.u8());
      case 0x96:
        return;
      case 0x9c:
        if (this.#frame.cfa === null) throw new DwarfError("the frame is not known");
        return this.#push(this.#frame.cfa);
      case 0x9e: {
        const count = reader.uleb();
        const from = reader.at;
        reader.skip(count);
        return void (this.#bytes = reader.bytes(from, from + count));
      }
      case 0x9f:
        return void (this.#bytes = bytesOf(this.#pop()));
      case 0xa1:
        return this.#push(this.#frame.indexedAddress(reader.uleb()) + this.#frame.bias);
      default:
        return this.#compute(opcode);
    }
  }

  #compute(opcode: number): void {
    const stack = this.#stack;
    switch (opcode) {
      case 0x12:
        return this.#pick(0);
      case 0x13:
        return void this.#pop();
      case 0x14:
        return this.#pick(1);
      case 0x15:
        return this.#pick(this.#reader.u8());
      case 0x16: {
        const [top, below] = [this.#pop(), this.#pop()];
        return void stack.push(top, below);
      }
      case 0x17: {
        const [first, second, third] = [this.#pop(), this.#pop(), this.#pop()];
        return void stack.push(first, third, second);
      }
      case 0x19: {
        const value = BigInt.asIntN(64, this.#pop());
        return this.#push(value < 0n ? -value : value);
      }
      case 0x1f:
        return this.#push(-this.#pop());
      case 0x20:
        return this.#push(~this.#pop());
    }
    const operate = BINARY[opcode];
    if (operate === undefined) throw new DwarfError(`an operation 0x${opcode.toString(16)}, which is not known`);
    const right = this.#pop();
    this.#push(operate(this.#pop(), right));
  }

  #pick(depth: number): void {
    const value = this.#stack.at(-1 - depth);
    if (value === undefined) throw new DwarfError("an expression without a value");
    this.#push(value);
  }
}

/** A number of the expression may be too long for any. */
function whole(value: number): bigint {
  if (!Number.isInteger(value)) throw new DwarfError("a number that is too large");
  return BigInt(value);
}

const signed = (value: bigint): bigint => BigInt.asIntN(64, value);
const shift = (value: bigint): bigint => (value > 64n ? 64n : value);
const truth = (holds: boolean): bigint => (holds ? 1n : 0n);

function divisor(value: bigint): bigint {
  if (value === 0n) throw new DwarfError("a division by zero");
  return value;
}

const BINARY: Readonly<Record<number, (a: bigint, b: bigint) => bigint>> = {
  0x1a: (a, b) => a & b,
  0x1b: (a, b) => signed(a) / divisor(signed(b)),
  0x1c: (a, b) => a - b,
  0x1d: (a, b) => a % divisor(b),
  0x1e: (a, b) => a * b,
  0x21: (a, b) => a | b,
  0x22: (a, b) => a + b,
  0x24: (a, b) => a << shift(b),
  0x25: (a, b) => a >> shift(b),
  0x26: (a, b) => signed(a) >> shift(b),
  0x27: (a, b) => a ^ b,
  0x29: (a, b) => truth(a === b),
  0x2a: (a, b) => truth(signed(a) >= signed(b)),
  0x2b: (a, b) => truth(signed(a) > signed(b)),
  0x2c: (a, b) => truth(signed(a) <= signed(b)),
  0x2d: (a, b) => truth(signed(a) < signed(b)),
  0x2e: (a, b) => truth(a !== b),
};

/** The number that bytes are, without a sign. */
export function littleEndian(bytes: Uint8Array): bigint {
  let value = 0n;
  for (let at = bytes.length - 1; at >= 0; at--) value = (value << 8n) | BigInt(bytes[at]!);
  return value;
}

function bytesOf(value: bigint): Uint8Array {
  return Uint8Array.from({ length: 8 }, (_, at) => Number((value >> BigInt(8 * at)) & 255n));
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}
