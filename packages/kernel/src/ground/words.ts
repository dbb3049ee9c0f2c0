/** 64-bit fields of structures in the kernel's bytes, as doubles: exact below 2^53. */
import { Timeval, type Field, type Struct } from "@stratos/abi";
import { assert } from "@stratos/base";

/** Where numbers from registers end to be exact (task/hart-registers.ts): what is larger is no less than this. */
export const EXACT_END = 2 ** 53 - 2 ** 32;

/** How far it is to 2^63, where places in files end: exact where it is less than 2^53. */
export function roomBehind(place: number): number {
  return 2 ** 63 - place;
}

/** The same for a place that is told by its words. */
export function roomBehindWords(low: number, high: number): number {
  return (0x80000000 - high) * 0x100000000 - low;
}

/** Takes negative values, too (two's complement). */
export function put64(view: DataView, at: number, value: number): void {
  view.setUint32(at, value >>> 0, true);
  view.setInt32(at + 4, Math.floor(value / 0x100000000) | 0, true);
}

/** A signed field. */
export function get64(view: DataView, at: number): number {
  return view.getInt32(at + 4, true) * 0x100000000 + view.getUint32(at, true);
}

/** An unsigned field: addresses and sizes. */
export function getU64(view: DataView, at: number): number {
  return view.getUint32(at + 4, true) * 0x100000000 + view.getUint32(at, true);
}

/** A 64-bit number of two words, in hexadecimal without leading zeros. */
export function hex64(low: number, high: number): string {
  const lowText = (low >>> 0).toString(16);
  return high === 0 ? lowText : (high >>> 0).toString(16) + lowText.padStart(8, "0");
}

/** The bytes as a view of their own. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Writes integer fields of a structure at `at`, by their names; the others stay as they are. For cold paths. */
export function putFields<Name extends string>(
  view: DataView,
  layout: Struct<Name>,
  values: { readonly [N in Name]?: number },
  at = 0,
): void {
  for (const field of layout.fields) {
    const value = values[field.name as Name];
    if (value !== undefined) putInteger(view, at, field, value);
  }
}

function putInteger(view: DataView, start: number, { name, offset, type }: Field, value: number): void {
  assert(type.kind === "integer", `${name} is an integer`);
  const at = start + offset;
  if (type.size === 1) view.setUint8(at, value);
  else if (type.size === 2) view.setUint16(at, value, !type.isBigEndian);
  else if (type.size === 4) view.setUint32(at, value, !type.isBigEndian);
  else put64(view, at, value);
}

/** A `struct timeval`. */
export function putTimeval(view: DataView, at: number, ns: number): void {
  put64(view, at + Timeval.offset.tv_sec, Math.floor(ns / 1e9));
  put64(view, at + Timeval.offset.tv_usec, Math.floor((ns % 1e9) / 1000));
}
