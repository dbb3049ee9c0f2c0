/**
 * A saved graph of objects:
 *
 * ```
 * "STRATOS\0"  u32 version  u32 CRC-32C of the rest
 * strings      count, then each: length·2 + isWide, Latin-1 bytes or UTF-16 units
 * shapes       count, then each: name of the class (0: a record), count of fields, their names
 * heads        count, then each: what kind of object it is, so that all can be made before any is filled
 * bodies       of arrays, maps, sets, records and instances, in the order of the heads: their values
 * ```
 *
 * Counts and references are varints (LEB128), names are indexes of strings, objects are numbered in the order in which
 * they were met; the root is 0.
 */
export const MAGIC = "STRATOS\0";
export const VERSION = 2;
export const HEADER_BYTES = 16;

/** How a value begins. */
export const VALUE = {
  undefined: 0,
  null: 1,
  false: 2,
  true: 3,
  /** Zigzag varint, 32 bits. */
  integer: 4,
  /** f64. */
  number: 5,
  string: 6,
  object: 7,
  /** A string of decimal digits. */
  bigint: 8,
} as const;

/** How a head begins. */
export const HEAD = {
  array: 0,
  map: 1,
  set: 2,
  /** Index of its shape follows. */
  record: 3,
  instance: 4,
  /** An instance that its class makes anew from a record. */
  remade: 5,
  /** Byte length, length that is kept, bytes; what is behind is zero. */
  buffer: 6,
  /** Which of VIEWS, number of its buffer, offset, length in elements. */
  view: 7,
  /** Name of a constant. */
  constant: 8,
  /** Name of what the loader is given. */
  port: 9,
  /** LoneBytes, as a buffer (since version 2). */
  loneBytes: 10,
} as const;

export const VIEWS = [
  Uint8Array,
  Int8Array,
  Uint16Array,
  Int16Array,
  Uint32Array,
  Int32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
  DataView,
] as const;
