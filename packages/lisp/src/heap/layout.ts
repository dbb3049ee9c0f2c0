/**
 * Words, objects and the map of the linear memory: declared here once, for emitted code and for TypeScript.
 *
 * A value is a word of 64 bits; its low three bits are the tag. A pointer's upper half is zero.
 *
 *     000 fixnum (61 bits, value << 3)        100 vector
 *     001 pair (no header: car, cdr)          101 any other object
 *     010 flonum                              110 immediate: payload << 8 | kind << 3 | 6
 *     011 procedure                           111 header or forwarding, never a value
 *
 * An object lies at an address that is a multiple of 8; its pointer is `address - 8 + tag`, so that the field at byte
 * `n` is read with the constant offset `n + 8 - tag`. Objects but pairs begin with a header:
 *
 *     63           32 31      16 15       8 7    3 2 0
 *     [ count        | extra    | extra    | type | 111 ]
 *
 * `count` is words for objects of slots, bytes for objects of bytes. A procedure has its place in the table of
 * functions there; its `extra` bytes are arity (255: takes its arguments from the argument area) and the number of
 * captured values. A moved object's first word is `new address << 32 | 0xff`.
 *
 * Memory, from low to high addresses: registers, arguments of variadic calls, shadow stack, cells of globals, static
 * objects (never moved, hold no pointers), store buffer, nursery, two halves of the old generation.
 */
export const Tag = {
  fixnum: 0,
  pair: 1,
  flonum: 2,
  procedure: 3,
  vector: 4,
  object: 5,
  immediate: 6,
  header: 7,
} as const;

/** Types in a header. Those from `string` on hold bytes, the others words that the collector follows. */
export const Kind = {
  vector: 0,
  procedure: 1,
  box: 2,
  values: 3,
  record: 4,
  recordType: 5,
  symbol: 6,
  ratnum: 7,
  compnum: 8,
  frame: 9,
  promise: 10,
  parameter: 11,
  port: 12,
  condition: 13,
  host: 14,
  unique: 15,
  /** Key, datum, link; collector.ts. */
  ephemeron: 16,
  /** An entry of a guardian: object, queue, link, tag. */
  guarded: 17,
  string: 20,
  bytevector: 21,
  bignum: 22,
  flonum: 23,
  /** Space in the old generation that is no object's; while something is promoted: where it goes on. */
  hole: 24,
  jump: 25,
} as const;
export const FIRST_BYTES_KIND = 20;

/** The header's low byte. */
export function headerByte(kind: number): number {
  return (kind << 3) | 7;
}

export const Immediate = {
  false: 0x006,
  true: 0x106,
  nil: 0x206,
  unspecified: 0x306,
  eof: 0x406,
  default: 0x506,
  unbound: 0x606,
} as const;
/** Low byte of a character's word; its code stands above. */
export const CHARACTER_BYTE = 0x0e;

/** Arity byte of a procedure that takes its arguments from the argument area. */
export const VARIADIC = 255;
/** Procedures of more parameters take them from the argument area, too. */
export const ARITY_MAX = 8;

/** Offsets of fields from a tagged pointer. */
export const Offset = {
  car: 8 - Tag.pair,
  cdr: 16 - Tag.pair,
  flonum: 16 - Tag.flonum,
  procedureHeader: 8 - Tag.procedure,
  procedureCode: 12 - Tag.procedure,
  captured: 16 - Tag.procedure,
  vectorHeader: 8 - Tag.vector,
  vectorLength: 12 - Tag.vector,
  vectorItems: 16 - Tag.vector,
  header: 8 - Tag.object,
  count: 12 - Tag.object,
  fields: 16 - Tag.object,
} as const;

/**
 * Registers: i32 words at fixed addresses. Nothing lies below 64 KiB, so that a native program can have the whole
 * memory at the addresses that it has here (Linux lets no program map the first 64 KiB: `vm.mmap_min_addr`).
 */
export const Register = {
  alloc: 0x10040,
  limit: 0x10044,
  oldNext: 0x10048,
  oldEnd: 0x1004c,
  oldStart: 0x10050,
  storeNext: 0x10054,
  cellCount: 0x10058,
  argumentCount: 0x1005c,
  /** Where the shadow stack moves to the heap. 0: somebody wants the program to be looked at (`look` in low.ts). */
  stackLimit: 0x10060,
  oldThreshold: 0x10064,
  storeOverflow: 0x10068,
  minorCount: 0x1006c,
  majorCount: 0x10070,
  staticNext: 0x10074,
  /** Not 0: the host is told of each collection, before and after. 2: there is one at each allocation, too. */
  torture: 0x10078,
  otherStart: 0x10080,
  otherEnd: 0x10084,
  hostBusy: 0x10088,
  nurseryEnd: 0x10094,
  nurserySize: 0x10098,
  unwindCount: 0x1009c,
  lastSite: 0x100a0,
  isWhole: 0x100a4,
  classBase: 0x100a8,
  classMask: 0x100ac,
  classCount: 0x100b0,
  /** While the collector works: ephemerons that wait. */
  ephemerons: 0x100b4,
  /** Of native programs: bytes that a half of the old generation has at most; 0: what there is. */
  heapLimit: 0x100b8,
  /** Bytes at the end of each half that are kept for when the heap is full; how many of them are given out. */
  heapReserve: 0x100bc,
  reserveUsed: 0x10120,
  /** The program was interrupted, which is noticed at the next collection or look. */
  interrupted: 0x100c0,
  /**
   * Fields of old objects are noted when a value is stored that lies so many bytes from the nursery's start on: the
   * nursery's size, while the old generation is marked the whole heap's, and -1 in a forked heap, where all are.
   */
  barrierSize: 0x1007c,
  /** Where what is promoted goes: next place, up to where it may go, the hole's end; whether it is none (0 or 1). */
  fillNext: 0x1008c,
  fillLimit: 0x10090,
  fillEnd: 0x100c4,
  fillIsTop: 0x100c8,
  /** Holes of the old generation: first and last of the small ones, bytes of all. */
  holeFirst: 0x100cc,
  holeLast: 0x100d0,
  holeBytes: 0x100d8,
  /** What is done in slices: `Phase`. */
  phase: 0x100dc,
  /** Where the bits end that were cleared; the words that are looked through; the stack's end; ephemerons that wait. */
  markTop: 0x100e0,
  markAt: 0x100e4,
  markEnd: 0x100e8,
  markNext: 0x100ec,
  markEphemerons: 0x100f0,
  /** Bytes that are to be marked yet, as guessed. */
  markLeft: 0x100f4,
  /** Markings that came to their end. */
  markCount: 0x100f8,
  sweepAt: 0x100fc,
  sweepEnd: 0x10100,
  /** Words that a slice looks through when there is no hurry. */
  slice: 0x10104,
  /** Bytes of the old generation below which it is not marked; those in use after the slice before. */
  leastThreshold: 0x10108,
  usedBefore: 0x1010c,
  /** Of a forked heap (kept-words.ts): 1; words of the old half that are kept when they change; end of the log. */
  forked: 0x10110,
  keptWords: 0x10114,
  keptNext: 0x10118,
  /** Bytes of the nursery, from its start on, that the versions share: what was in it at the last fork. */
  sharedBytes: 0x1011c,
  /** Bytes of the nursery that may be used: as a rule, and while the reserve is given out; those of now. */
  nurseryMost: 0x10124,
  nurseryLeast: 0x10128,
  nurseryRoom: 0x1012c,
  /** Bytes of a half of the old generation, the reserve included. */
  halfBytes: 0x10130,
  /** Whether the last major collection put objects into guardians' queues, which may be unreachable themselves. */
  wasDelivered: 0x10134,
  /** First holes of the others, by their sizes: from 512, 1024 … bytes on; the last one's are LARGE_BYTES and more. */
  holeLists: 0x10140,
} as const;

export const Phase = { idle: 0, marking: 1, sweeping: 2 } as const;

const KIB = 1024;
const MIB = 1024 * KIB;
export const Region = {
  /** `Register`, and what lies beside them. */
  registers: 64 * KIB,
  /** Words that routines use while they run. */
  scratch: 65 * KIB,
  /** Of native programs: arguments of calls that have no register there. */
  callArguments: 64 * KIB + 512,
  arguments: 68 * KIB,
  argumentsEnd: 1 * MIB,
  stack: 1 * MIB,
  /** Of `equal?`, in what the stack leaves free (STACK_BUDGET). */
  equalStack: 1 * MIB + 256 * KIB,
  stackEnd: 2 * MIB,
  cells: 2 * MIB,
  cellsEnd: 4 * MIB,
  statics: 4 * MIB,
  staticsEnd: 7 * MIB,
  stores: 7 * MIB,
  storesEnd: 8 * MIB,
  nursery: 8 * MIB,
} as const;

/** Bytes of the shadow stack after which the stack moves to the heap: some 4000 of the host's frames. */
export const STACK_BUDGET = 32 * KIB;

/** Cells (8 bytes each, all roots) that the runtime itself uses; globals of units follow. */
export const Cell = {
  continuation: 0,
  newHead: 1,
  newTail: 2,
  pendingProcedure: 3,
  pendingArgument: 4,
  value: 5,
  winders: 6,
  handlers: 7,
  raiseError: 8,
  rewind: 9,
  applyError: 10,
  temporary: 11,
  temporary2: 12,
  parameters: 13,
  symbols: 14,
  add: 15,
  subtract: 16,
  multiply: 17,
  divide: 18,
  less: 19,
  lessEqual: 20,
  greater: 21,
  greaterEqual: 22,
  equal: 23,
  quotient: 24,
  remainder: 25,
  modulo: 26,
  inexact: 27,
  sqrt: 28,
  raise: 29,
  raised: 30,
  inputPort: 31,
  outputPort: 32,
  errorPort: 33,
  recordError: 34,
  identities: 35,
  fuel: 36,
  threadHooks: 37,
  thread: 38,
  /** Of native programs: what C's calls of Lisp procedures enter. */
  foreignEntry: 39,
  /** Entries of guardians: those since the last collection, and the others. */
  guarded: 40,
  oldGuarded: 41,
  /** Not 0: the next collection is a major one. */
  majorAsked: 42,
  /** A procedure that is called in place of all that runs when the reserve is full, or the program was interrupted. */
  recovery: 43,
  /** Of native programs: the list of output ports. */
  outputs: 44,
  /** A procedure that is called in place of what runs, with its handlers, when the heap is full; what it raises. */
  heapFull: 45,
  heapFullCondition: 46,
  /** Not 0: an operation of the host made objects for which the nursery had no room; a collection is due. */
  hostSpilled: 47,
  first: 64,
} as const;

export function cellAddress(cell: number): number {
  return Region.cells + cell * 8;
}

/** Words that a slice of marking looks through: some two milliseconds at most. */
export const SLICE_WORDS = 100_000;
/** Bytes of the old generation below which it is not marked. */
export const LEAST_THRESHOLD = 64 * MIB;

/** Room that a collection must find for what it promotes: beside objects there are jumps and rests of holes. */
export function promotionRoom(nurseryBytes: number): number {
  return nurseryBytes + (nurseryBytes >>> 3);
}

/** Bytes of the nursery that may be used while the reserve is given out. */
export function leastNursery(nurseryBytes: number): number {
  return Math.max(NURSERY_BYTES_MIN, Math.floor(nurseryBytes / 256) * 64);
}

/**
 * Bytes that are kept at the end of each half: when the heap is full what lies before them may reach up to them, so
 * they hold what a handler's nursery promotes, and then what a recovery's does.
 */
export function heapReserve(nurseryBytes: number): number {
  return 2 * promotionRoom(leastNursery(nurseryBytes));
}

/** What is longer is allocated in the old generation at once. */
export const LARGE_BYTES = 256 * 1024;
/** No object is larger. */
export const LARGEST_BYTES = 0x70000000;
export const NURSERY_BYTES_MIN = 2 * LARGE_BYTES;
/** Number of the last list of holes, from 0 on. */
export const LAST_HOLE_LIST = 9;
