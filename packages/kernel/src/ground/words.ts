/** 64-bit fields of structures in the kernel's bytes, as doubles: exact below 2^53. */
import { Timeval } from "@stratos/abi";

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

/** A `struct timeval`. */
export function putTimeval(view: DataView, at: number, ns: number): void {
  put64(view, at + Timeval.offset.tv_sec, Math.floor(ns / 1e9));
  put64(view, at + Timeval.offset.tv_usec, Math.floor((ns % 1e9) / 1000));
}
