/** `number->string`: the shortest text that reads back as the same number. */
import { Compnum, Flonum, Ratnum } from "../datum/datum.ts";
import type { Num } from "./arithmetic.ts";

/** @param radix  2 … 36 */
export function numberToText(value: Num, radix = 10): string {
  if (typeof value === "number" || typeof value === "bigint") return value.toString(radix);
  if (value instanceof Flonum) return doubleToText(value.value, radix);
  if (value instanceof Ratnum) return `${value.numerator.toString(radix)}/${value.denominator.toString(radix)}`;
  return complexToText(value, radix);
}

function complexToText({ real, imaginary }: Compnum, radix: number): string {
  const tail = numberToText(imaginary, radix),
    sign = /^[+-]/.test(tail) ? "" : "+";
  const amount = imaginary === 1 ? "+" : imaginary === -1 ? "-" : `${sign}${tail}`;
  return `${real === 0 ? "" : numberToText(real, radix)}${amount}i`;
}

function doubleToText(value: number, radix: number): string {
  if (Number.isNaN(value)) return "+nan.0";
  if (!Number.isFinite(value)) return value < 0 ? "-inf.0" : "+inf.0";
  if (Object.is(value, -0)) return "-0.0";
  if (radix !== 10) {
    const text = value.toString(radix);
    return text.includes(".") ? text : `${text}.0`;
  }
  // JavaScript's digits are the shortest ones; a point is always shown.
  const [digits, exponent] = value.toString().split("e") as [string, string?];
  return `${digits.includes(".") ? digits : `${digits}.0`}${exponent === undefined ? "" : `e${exponent}`}`;
}
