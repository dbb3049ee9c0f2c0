/**
 * Sources are UTF-8 (R7RS leaves it open, §7.1). In one that is not, what its bytes meant is unknown: its strings would
 * be others than those of the file, so it is refused with its first such place.
 */
import { textOf } from "../datum/datum.ts";
import { Condition, SchemeError } from "../datum/condition.ts";
import { utf8Decode, utf8Encode } from "./utf8.ts";

/** Throws SchemeError, of kind read, with the place. */
export function sourceTextOf(bytes: Uint8Array, file: string): string {
  const codes = utf8Decode(bytes);
  const at = codes.includes(0xfffd) ? firstDifference(bytes, utf8Encode(codes)) : -1;
  if (at < 0) return textOf(codes);
  let line = 1,
    start = 0;
  for (let index = 0; index < at; index++) {
    if (bytes[index] !== 10) continue;
    line++;
    start = index + 1;
  }
  const column = textOf(utf8Decode(bytes.subarray(start, at))).length;
  const offset = textOf(utf8Decode(bytes.subarray(0, at))).length;
  const byte = bytes[at] === undefined ? "the end" : `byte 0x${bytes[at].toString(16).padStart(2, "0")}`;
  const place = { file, line, column, offset, length: 1 };
  throw new SchemeError(new Condition("read", `the source is not UTF-8 (${byte})`, [], place));
}

/** −1: none. */
function firstDifference(a: Uint8Array, b: Uint8Array): number {
  const count = Math.max(a.length, b.length);
  for (let index = 0; index < count; index++) if (a[index] !== b[index]) return index;
  return -1;
}
