/**
 * The heap from the host's side: words are bigints here (cold paths only), objects are made without ever collecting: in
 * the nursery while it has room, else in the old generation, so that words in a host operation's hands stay where they
 * are.
 */
import { assert } from "@stratos/base";
import type { WasmMemory } from "@stratos/host";
import { Condition, HEAP_FULL, SchemeError } from "../datum/condition.ts";
import {
  Compnum,
  DEFAULT,
  EOF,
  Flonum,
  MString,
  NIL,
  Pair,
  Ratnum,
  SchemeSymbol,
  UNSPECIFIED,
  char,
  codesOf,
  intern,
  textOf,
} from "../datum/datum.ts";
import type { MemoryPart } from "./running-heap.ts";
import { immediateWord } from "./immediate.ts";
import {
  CHARACTER_BYTE,
  Cell,
  Immediate,
  Kind,
  LEAST_THRESHOLD,
  Region,
  Register,
  SLICE_WORDS,
  STACK_BUDGET,
  Tag,
  cellAddress,
  headerByte,
  heapReserve,
  leastNursery,
  promotionRoom,
} from "./layout.ts";

export type Word = bigint;

const PAGE_BYTES = 65536;
const TOO_MANY_NAMES = "out of memory: too many symbols, variables and constants";
/** A fixnum. */
const SPILLED = 8n;

/** The program needs more memory than it may have, and so did its handlers, or there are none that could run. */
export class HeapFullError extends SchemeError {
  override readonly name = "HeapFullError";
  constructor(message = HEAP_FULL) {
    super(new Condition("memory", message));
  }
}

/** A word as it is. Valid until the next collection. */
export class Opaque {
  readonly word: Word;
  constructor(word: Word) {
    this.word = word;
  }
}

/** The heap's objects that the reader does not know: procedures, records, conditions, ports. */
export interface ObjectCodec {
  toObject(word: Word, seen: Map<Word, unknown>): unknown;
  fromObject(object: object, seen: Map<object, Word>): Word;
}

export class Heap {
  /** Of the memory as it is now: another one after the heap has grown. */
  view: DataView;
  #bytes: Uint8Array;
  readonly #memory: WasmMemory;
  /** What the memory grows to. */
  readonly memoryBytes: number;
  readonly #symbols: Map<string, number>;
  readonly #symbolsByAddress: Map<number, SchemeSymbol>;
  readonly #uninterned: Map<SchemeSymbol, number>;
  codec: ObjectCodec | null;

  /** @param options.memoryBytes  what the memory grows to when more than its first part is needed */
  constructor(memory: WasmMemory, options: { nurseryBytes: number; memoryBytes: number }) {
    this.#memory = memory;
    this.memoryBytes = options.memoryBytes;
    this.view = new DataView(memory.buffer);
    this.#bytes = new Uint8Array(memory.buffer);
    this.#symbols = new Map();
    this.#symbolsByAddress = new Map();
    this.#uninterned = new Map();
    this.codec = null;
    const nurseryEnd = Region.nursery + options.nurseryBytes;
    this.set(Register.alloc, Region.nursery + 8);
    this.set(Register.limit, nurseryEnd);
    this.set(Register.stackLimit, Region.stack + STACK_BUDGET);
    this.set(Register.nurseryEnd, nurseryEnd);
    this.set(Register.nurserySize, options.nurseryBytes);
    this.set(Register.nurseryMost, options.nurseryBytes);
    this.set(Register.nurseryLeast, leastNursery(options.nurseryBytes));
    this.set(Register.nurseryRoom, options.nurseryBytes);
    this.set(Register.barrierSize, options.nurseryBytes);
    this.set(Register.leastThreshold, LEAST_THRESHOLD);
    this.set(Register.slice, SLICE_WORDS);
    this.set(Register.oldStart, nurseryEnd);
    this.set(Register.oldNext, nurseryEnd + 8);
    this.#divide(options.memoryBytes);
    const end = this.get(Register.otherEnd) + this.get(Register.heapReserve);
    this.set(Register.isWhole, this.#bytes.length >= end ? 1 : 0);
    this.set(Register.storeNext, Region.stores);
    this.set(Register.staticNext, Region.statics);
    this.set(Register.cellCount, Cell.first);
    this.setCell(Cell.winders, BigInt(Immediate.nil));
    this.setCell(Cell.handlers, BigInt(Immediate.nil));
    this.setCell(Cell.parameters, BigInt(Immediate.nil));
  }

  /** Halves of the old generation, in a memory of so many bytes. */
  #divide(memoryBytes: number): void {
    const start = this.get(Register.nurseryEnd);
    const half = Math.floor((memoryBytes - start) / 2 / PAGE_BYTES) * PAGE_BYTES;
    const nurseryBytes = this.get(Register.nurserySize);
    const reserve = heapReserve(nurseryBytes);
    assert(half > nurseryBytes * 1.5 + reserve, "the memory must hold a nursery and an old generation");
    this.set(Register.halfBytes, half);
    this.set(Register.heapReserve, reserve);
    this.set(Register.oldEnd, start + half - reserve);
    this.set(Register.otherStart, start + half);
    this.set(Register.otherEnd, start + 2 * half - reserve);
    this.set(Register.oldThreshold, Math.min(LEAST_THRESHOLD, Math.floor(half / 2)));
  }

  /** How much memory a heap needs of whose objects so many bytes may be in use. */
  static memoryBytes({ heapBytes, nurseryBytes }: { heapBytes: number; nurseryBytes: number }): number {
    const half = Math.ceil((heapBytes + heapReserve(nurseryBytes)) / PAGE_BYTES) * PAGE_BYTES;
    return Math.ceil((Region.nursery + nurseryBytes) / PAGE_BYTES) * PAGE_BYTES + 2 * half;
  }

  /** Sets how much of the nursery may be used, before anything lies in it. */
  useNursery(bytes: number): void {
    this.set(Register.nurseryMost, bytes);
    this.set(Register.nurseryRoom, bytes);
    this.set(Register.limit, Region.nursery + bytes);
  }

  /** How large the memory must be at first, for an engine that keeps so many bytes of its own in the old generation. */
  static firstPages({ nurseryBytes, ownBytes }: { nurseryBytes: number; ownBytes: number }): number {
    return Math.ceil((Region.nursery + nurseryBytes + ownBytes) / PAGE_BYTES) + 1;
  }

  /**
   * Takes the memory that was promised, before a collection needs it. A host that does not give as much gives half, or
   * half of that: nothing lies in the halves of the old generation yet that says where they end.
   * @throws HeapFullError
   */
  grow(): void {
    const least = this.get(Register.nurseryEnd) + 6 * this.get(Register.nurserySize) + this.#bytes.length;
    for (let bytes = this.memoryBytes; ; bytes = Math.floor(bytes / 2)) {
      const pages = Math.floor((bytes - this.#bytes.length) / PAGE_BYTES);
      try {
        this.#memory.grow(pages);
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
        if (bytes / 2 < least) throw new HeapFullError();
        continue;
      }
      this.view = new DataView(this.#memory.buffer);
      this.#bytes = new Uint8Array(this.#memory.buffer);
      if (bytes !== this.memoryBytes) this.#divide(bytes);
      this.set(Register.isWhole, 1);
      return;
    }
  }

  /** Pages of 64 KiB that the memory has. */
  get pages(): number {
    return this.#bytes.length / PAGE_BYTES;
  }

  get(register: number): number {
    return this.view.getUint32(register, true);
  }
  set(register: number, value: number): void {
    this.view.setUint32(register, value, true);
  }
  word(address: number): Word {
    return this.view.getBigUint64(address, true);
  }
  setWord(address: number, word: Word): void {
    this.view.setBigUint64(address, BigInt.asUintN(64, word), true);
  }
  cell(cell: number): Word {
    return this.word(cellAddress(cell));
  }
  setCell(cell: number, word: Word): void {
    this.setWord(cellAddress(cell), word);
  }

  newCell(word: Word): number {
    const cell = this.get(Register.cellCount);
    if (cellAddress(cell + 1) > Region.cellsEnd) throw new HeapFullError(TOO_MANY_NAMES);
    this.setCell(cell, word);
    this.set(Register.cellCount, cell + 1);
    return cell;
  }

  /** An object that never moves and holds no pointers. @returns its address */
  allocateStatic(bytes: number): number {
    const address = this.get(Register.staticNext);
    if (address + bytes > Region.staticsEnd) throw new HeapFullError(TOO_MANY_NAMES);
    this.set(Register.staticNext, address + bytes);
    return address;
  }

  /** @returns the address of so many bytes without content, a multiple of 8 */
  allocate(bytes: number): number {
    const nursery = this.get(Register.alloc);
    if (nursery + bytes <= this.get(Register.limit)) {
      this.set(Register.alloc, nursery + bytes);
      return nursery;
    }
    const old = this.get(Register.oldNext);
    const room = promotionRoom(this.get(Register.nurseryRoom));
    // The nursery must always fit behind what is there.
    if (old + bytes + room > this.get(Register.oldEnd)) throw new HeapFullError();
    if (this.get(Register.isWhole) === 0) this.grow();
    this.set(Register.oldNext, old + bytes);
    this.setCell(Cell.hostSpilled, SPILLED);
    // What is made next is collected before; and what is dead in the old generation where the next result as large as
    // this one would find no room.
    this.set(Register.limit, nursery);
    if (old + 3 * bytes + room > this.get(Register.oldEnd)) this.setCell(Cell.majorAsked, SPILLED);
    return old;
  }

  static address(word: Word): number {
    return ((Number(word) & ~7) + 8) >>> 0;
  }
  static tag(word: Word): number {
    return Number(word & 7n);
  }
  static pointer(address: number, tag: number): Word {
    return BigInt(address - 8 + tag);
  }

  /** Whether an object of the old generation is marked; until the next marking begins. */
  isMarked(address: number): boolean {
    const at = (address - this.get(Register.oldStart)) >>> 3;
    return ((this.view.getUint8(this.get(Register.otherStart) + (at >>> 3)) >> (at & 7)) & 1) === 1;
  }

  /** Bytes of the old generation that are no holes. */
  get oldBytes(): number {
    const end = this.get(Register.oldNext) - this.get(Register.fillEnd) + this.get(Register.fillNext);
    return end - this.get(Register.oldStart) - this.get(Register.holeBytes);
  }

  /** Of a continuation's frames, the innermost first, the place in the table of what goes on there. */
  framesOf(continuation: Word, most: number): number[] {
    const slots: number[] = [];
    for (let frame = this.word(Heap.address(continuation) + 8); frame !== 0n && slots.length < most;) {
      slots.push(Number(this.field(frame, 1)) >> 3);
      frame = this.field(frame, 0);
    }
    return slots;
  }

  /** Kind in an object's header. */
  kind(word: Word): number {
    const tag = Heap.tag(word);
    return tag === Tag.object || tag === Tag.vector || tag === Tag.procedure
      ? (this.view.getUint8(Heap.address(word)) >> 3) & 31
      : -1;
  }

  count(word: Word): number {
    return this.view.getUint32(Heap.address(word) + 4, true);
  }
  car(pair: Word): Word {
    return this.word(Heap.address(pair));
  }
  cdr(pair: Word): Word {
    return this.word(Heap.address(pair) + 8);
  }
  field(word: Word, index: number): Word {
    return this.word(Heap.address(word) + 8 + 8 * index);
  }

  /** Stores into an object; the field of an old one is noted when the collector must know (`Register.barrierSize`). */
  initField(address: number, word: Word): void {
    this.setWord(address, word);
    const tag = Heap.tag(word);
    if (tag === 0 || tag > 5) return;
    if (Number(word) - Region.nursery >= this.get(Register.barrierSize) || Number(word) < Region.nursery) return;
    if (address >= Region.nursery && address < this.get(Register.nurseryEnd)) return;
    const next = this.get(Register.storeNext);
    if (next >= Region.storesEnd) this.set(Register.storeOverflow, 1);
    else {
      this.set(next, address);
      this.set(Register.storeNext, next + 4);
    }
  }

  object(kind: number, fields: readonly Word[], tag: number = Tag.object): Word {
    const address = this.allocate(8 + 8 * fields.length);
    this.setWord(address, BigInt(headerByte(kind)) | (BigInt(fields.length) << 32n));
    fields.forEach((field, index) => this.initField(address + 8 + 8 * index, field));
    return Heap.pointer(address, tag);
  }

  bytesObject(kind: number, count: number, extra = 0): { word: Word; address: number } {
    const aligned = (count + 7) & ~7;
    const address = this.allocate(8 + aligned);
    this.setWord(address, BigInt(headerByte(kind)) | (BigInt(extra) << 8n) | (BigInt(count) << 32n));
    if (aligned > 0) this.setWord(address + aligned, 0n);
    return { word: Heap.pointer(address, Tag.object), address: address + 8 };
  }

  pair(car: Word, cdr: Word): Word {
    const address = this.allocate(16);
    this.initField(address, car);
    this.initField(address + 8, cdr);
    return Heap.pointer(address, Tag.pair);
  }

  flonum(value: number): Word {
    const address = this.allocate(16);
    this.setWord(address, BigInt(headerByte(Kind.flonum)) | (8n << 32n));
    this.view.setFloat64(address + 8, value, true);
    return Heap.pointer(address, Tag.flonum);
  }

  integer(value: bigint): Word {
    if (value >= -(1n << 60n) && value < 1n << 60n) return BigInt.asUintN(64, value << 3n);
    let magnitude = value < 0n ? -value : value;
    const digits = magnitude.toString(16).length;
    const limbs = Math.ceil(digits / 8);
    const { word, address } = this.bytesObject(Kind.bignum, limbs * 4, value < 0n ? 1 : 0);
    for (let at = 0; at < limbs; at++) {
      this.view.setUint32(address + at * 4, Number(magnitude & 0xffffffffn), true);
      magnitude >>= 32n;
    }
    return word;
  }

  /** The exact integer of a fixnum or bignum. */
  integerOf(word: Word): bigint {
    if (Heap.tag(word) === Tag.fixnum) return BigInt.asIntN(64, word) >> 3n;
    const address = Heap.address(word);
    let text = "";
    for (let at = this.count(word) - 4; at >= 0; at -= 4)
      text += this.view
        .getUint32(address + 8 + at, true)
        .toString(16)
        .padStart(8, "0");
    const magnitude = BigInt(`0x${text === "" ? "0" : text}`);
    return (this.view.getUint8(address + 1) & 1) === 1 ? -magnitude : magnitude;
  }

  string(codes: readonly number[], isImmutable = false): Word {
    const { word, address } = this.bytesObject(Kind.string, codes.length * 4, isImmutable ? 1 : 0);
    codes.forEach((code, index) => this.view.setUint32(address + 4 * index, code, true));
    return word;
  }

  codesOf(word: Word): number[] {
    const address = Heap.address(word) + 8;
    return Array.from({ length: this.count(word) / 4 }, (_, index) => this.view.getUint32(address + 4 * index, true));
  }

  text(word: Word): string {
    return textOf(this.codesOf(word));
  }

  /** The symbol of a name: one static object. Its only field is the name's place among the cells, as a fixnum. */
  symbol(symbol: SchemeSymbol): Word {
    const known = symbol.isInterned ? this.#symbols.get(symbol.name) : this.#uninterned.get(symbol);
    if (known !== undefined) return Heap.pointer(known, Tag.object);
    const codes = codesOf(symbol.name);
    const address = this.allocateStatic(16);
    const name = this.newCell(this.string(codes, true));
    this.setWord(address, BigInt(headerByte(Kind.symbol)) | (1n << 32n));
    this.setWord(address + 8, BigInt(name) << 3n);
    if (symbol.isInterned) this.#symbols.set(symbol.name, address);
    else this.#uninterned.set(symbol, address);
    this.#symbolsByAddress.set(address, symbol);
    return Heap.pointer(address, Tag.object);
  }

  /** Names of interned symbols with their addresses. */
  get symbols(): ReadonlyMap<string, number> {
    return this.#symbols;
  }

  get uninterned(): ReadonlyMap<SchemeSymbol, number> {
    return this.#uninterned;
  }

  /** Tells that a symbol lies at an address already, as an image has it. */
  knowSymbol(symbol: SchemeSymbol, address: number): void {
    if (symbol.isInterned) this.#symbols.set(symbol.name, address);
    else this.#uninterned.set(symbol, address);
    this.#symbolsByAddress.set(address, symbol);
  }

  /** A copy of a part of the memory. */
  copyOut(start: number, end: number): Uint8Array {
    return this.#bytes.slice(start, end);
  }

  /** Copies of parts of the memory, in one buffer. */
  copyParts(ranges: readonly (readonly [start: number, end: number])[]): MemoryPart[] {
    const all = new Uint8Array(ranges.reduce((sum, [start, end]) => sum + end - start, 0));
    let at = 0;
    return ranges.map(([start, end]) => {
      const bytes = all.subarray(at, (at += end - start));
      bytes.set(this.#bytes.subarray(start, end));
      return { start, bytes };
    });
  }

  copyIn(start: number, bytes: Uint8Array): void {
    if (start + bytes.length > this.#bytes.length) this.grow();
    this.#bytes.set(bytes, start);
  }

  bytes(word: Word): Uint8Array {
    const address = Heap.address(word) + 8;
    return this.#bytes.subarray(address, address + this.count(word));
  }

  bytevector(bytes: Uint8Array): Word {
    const { word, address } = this.bytesObject(Kind.bytevector, bytes.length);
    this.#bytes.set(bytes, address);
    return word;
  }

  /** The word of a datum; sharing and cycles are kept. Without recursion, but for the host's own objects. */
  fromDatum(datum: unknown, seen: Map<object, Word> = new Map()): Word {
    const atom = this.#atomWord(datum);
    if (atom !== null) return atom;
    const open: (Pair | unknown[])[] = [];
    const word = this.#newWord(datum as object, seen, open);
    for (let next = open.pop(); next !== undefined; next = open.pop()) this.#fillWords(next, seen, open);
    return word;
  }

  #atomWord(datum: unknown): Word | null {
    const immediate = immediateWord(datum);
    if (immediate !== null) return BigInt.asUintN(64, immediate);
    if (typeof datum === "bigint") return this.integer(datum);
    if (datum instanceof Flonum) return this.flonum(datum.value);
    if (datum instanceof SchemeSymbol) return this.symbol(datum);
    if (datum instanceof Opaque) return datum.word;
    if (datum instanceof Ratnum)
      return this.object(Kind.ratnum, [this.integer(datum.numerator), this.integer(datum.denominator)]);
    if (datum instanceof Compnum)
      return this.object(Kind.compnum, [this.fromDatum(datum.real), this.fromDatum(datum.imaginary)]);
    assert(typeof datum === "object" && datum !== null, "a datum must have a word");
    return null;
  }

  /** @param open  gets what has a place, and waits for its content */
  #newWord(datum: object, seen: Map<object, Word>, open: (Pair | unknown[])[]): Word {
    const known = seen.get(datum);
    if (known !== undefined) return known;
    let word: Word;
    if (datum instanceof MString) word = this.string(datum.codes, datum.isImmutable);
    else if (datum instanceof Uint8Array) word = this.bytevector(datum);
    else if (Array.isArray(datum) || datum instanceof Pair) {
      word =
        datum instanceof Pair ? this.#emptyPair() : this.object(Kind.vector, Array(datum.length).fill(0n), Tag.vector);
      open.push(datum);
    } else {
      assert(this.codec !== null, "an object of the host must have a word");
      word = this.codec.fromObject(datum, seen);
    }
    seen.set(datum, word);
    return word;
  }

  #emptyPair(): Word {
    const address = this.allocate(16);
    this.view.setFloat64(address, 0);
    this.view.setFloat64(address + 8, 0);
    return Heap.pointer(address, Tag.pair);
  }

  #fillWords(datum: Pair | unknown[], seen: Map<object, Word>, open: (Pair | unknown[])[]): void {
    const address = Heap.address(seen.get(datum)!);
    if (datum instanceof Pair) {
      this.#fillField(address, datum.car, seen, open);
      this.#fillField(address + 8, datum.cdr, seen, open);
    } else datum.forEach((item, index) => this.#fillField(address + 8 + 8 * index, item, seen, open));
  }

  #fillField(address: number, part: unknown, seen: Map<object, Word>, open: (Pair | unknown[])[]): void {
    // The commonest are written without a BigInt.
    if (part === NIL) this.#setSmall(address, Immediate.nil);
    else if (typeof part === "number" && (part << 3) >> 3 === part) this.#setSmall(address, part << 3);
    else this.initField(address, this.#atomWord(part) ?? this.#newWord(part as object, seen, open));
  }

  #setSmall(address: number, word: number): void {
    this.view.setInt32(address, word, true);
    this.view.setInt32(address + 4, word >> 31, true);
  }

  /** The datum of a word; objects without one come as `Opaque`. Without recursion, but for the host's own objects. */
  toDatum(word: Word, seen: Map<Word, unknown> = new Map()): unknown {
    const tag = Heap.tag(word);
    if (tag !== Tag.pair && tag !== Tag.vector) return this.#newDatum(word, seen, []);
    const open: Word[] = [];
    const datum = this.#newDatum(word, seen, open);
    for (let next = open.pop(); next !== undefined; next = open.pop()) this.#fillData(next, seen, open);
    return datum;
  }

  /** @param open  gets what is there, and waits for its content */
  #newDatum(word: Word, seen: Map<Word, unknown>, open: Word[]): unknown {
    const tag = Heap.tag(word);
    switch (tag) {
      case Tag.fixnum:
        return smallest(BigInt.asIntN(64, word) >> 3n);
      case Tag.flonum:
        return new Flonum(this.view.getFloat64(Heap.address(word) + 8, true));
      case Tag.immediate:
        return immediateOf(Number(word));
    }
    const known = seen.get(word);
    if (known !== undefined) return known;
    const isOpen = tag === Tag.pair || tag === Tag.vector;
    if (isOpen) open.push(word);
    const datum = tag === Tag.pair ? new Pair(NIL, NIL) : tag === Tag.vector ? [] : this.#objectDatum(word, seen);
    seen.set(word, datum);
    return datum;
  }

  #fillData(word: Word, seen: Map<Word, unknown>, open: Word[]): void {
    const datum = seen.get(word) as Pair | unknown[];
    if (datum instanceof Pair) {
      datum.car = this.#newDatum(this.word(Heap.address(word)), seen, open);
      datum.cdr = this.#newDatum(this.word(Heap.address(word) + 8), seen, open);
    } else
      for (let index = 0; index < this.count(word); index++)
        datum.push(this.#newDatum(this.field(word, index), seen, open));
  }

  #objectDatum(word: Word, seen: Map<Word, unknown>): unknown {
    switch (this.kind(word)) {
      case Kind.string:
        return new MString(this.codesOf(word), (this.view.getUint8(Heap.address(word) + 1) & 1) === 1);
      case Kind.symbol:
        return (
          this.#symbolsByAddress.get(Heap.address(word)) ??
          intern(this.text(this.cell(Number(this.field(word, 0)) >> 3)))
        );
      case Kind.bignum:
        return smallest(this.integerOf(word));
      case Kind.ratnum:
        return new Ratnum(this.integerOf(this.field(word, 0)), this.integerOf(this.field(word, 1)));
      case Kind.compnum:
        return new Compnum(this.toDatum(this.field(word, 0)) as Flonum, this.toDatum(this.field(word, 1)) as Flonum);
      case Kind.bytevector:
        return this.bytes(word).slice();
      default:
        return this.codec === null ? new Opaque(word) : this.codec.toObject(word, seen);
    }
  }
}

function smallest(value: bigint): number | bigint {
  return value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value;
}

function immediateOf(word: number): unknown {
  if ((word & 255) === CHARACTER_BYTE) return char(Math.floor(word / 256));
  switch (word) {
    case Immediate.false:
      return false;
    case Immediate.true:
      return true;
    case Immediate.nil:
      return NIL;
    case Immediate.eof:
      return EOF;
    case Immediate.default:
      return DEFAULT;
    default:
      return UNSPECIFIED;
  }
}
