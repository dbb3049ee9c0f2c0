/** Checks of what primitives are given, with the words of their errors. */
import { Char, MString, SchemeSymbol } from "../../datum/datum.ts";
import { limitReached, outOfRange, SchemeError, Condition, wrongType } from "../../datum/condition.ts";
import { Primitive, type PrimitiveFunction } from "../machine.ts";

/** Of vectors, strings and lists that are made at once: V8 ends the process for arrays that are a little longer. */
const ITEMS_MAX = 100_000_000;
export const BYTES_MAX = 200_000_000;

export type Table = Map<string, unknown>;

/** Adds a primitive that takes `least` to `most` operands. */
export function define(table: Table, name: string, least: number, most: number, call: PrimitiveFunction): void {
  table.set(name, new Primitive(name, least, most, call));
}

export function alias(table: Table, name: string, other: string): void {
  table.set(name, table.get(other));
}

export function stringOf(who: string, value: unknown): MString {
  if (!(value instanceof MString)) throw wrongType(who, "a string", value);
  return value;
}

export function mutableString(who: string, value: unknown): MString {
  const string = stringOf(who, value);
  if (string.isImmutable)
    throw new SchemeError(new Condition("type", `${who}: a literal string cannot be changed:`, [value]));
  return string;
}

export function charOf(who: string, value: unknown): Char {
  if (!(value instanceof Char)) throw wrongType(who, "a character", value);
  return value;
}

export function symbolOf(who: string, value: unknown): SchemeSymbol {
  if (!(value instanceof SchemeSymbol)) throw wrongType(who, "a symbol", value);
  return value;
}

export function vectorOf(who: string, value: unknown): unknown[] {
  if (!Array.isArray(value)) throw wrongType(who, "a vector", value);
  return value;
}

export function bytesOf(who: string, value: unknown): Uint8Array {
  if (!(value instanceof Uint8Array)) throw wrongType(who, "a bytevector", value);
  return value;
}

export function byteOf(who: string, value: unknown): number {
  if (typeof value !== "number" || value < 0 || value > 255)
    throw wrongType(who, "an exact integer from 0 to 255", value);
  return value;
}

/** An index below `length`. */
export function indexOf(who: string, value: unknown, length: number): number {
  if (typeof value !== "number") throw wrongType(who, "an index", value);
  if (value < 0 || value >= length) throw outOfRange(who, "index", value);
  return value;
}

/** How many; there may be fewer. */
export function countOf(who: string, value: unknown): number {
  if (typeof value === "bigint" && value > 0n) return Infinity;
  if (typeof value !== "number" || value < 0) throw wrongType(who, "an exact integer that is not negative", value);
  return value;
}

/** Of what is to be made. */
export function lengthOf(who: string, value: unknown, most: number = ITEMS_MAX): number {
  const count = countOf(who, value);
  checkLength(who, count, most);
  return count;
}

export function checkLength(who: string, count: number, most: number = ITEMS_MAX): void {
  if (count > most) throw limitReached(`${who}: more than ${most} elements`);
}

/** Optional ends: [start, end) within `length`. */
export function rangeOf(who: string, start: unknown, end: unknown, length: number): [number, number] {
  const to = end === undefined ? length : end,
    from = start === undefined ? 0 : start;
  if (typeof from !== "number") throw wrongType(who, "an index", from);
  if (typeof to !== "number") throw wrongType(who, "an index", to);
  if (to < 0 || to > length) throw outOfRange(who, "end", to);
  if (from < 0 || from > to) throw outOfRange(who, "start", from);
  return [from, to];
}
