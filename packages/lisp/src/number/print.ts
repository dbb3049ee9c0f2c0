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
  if (value === 0) return "0.0";
  if (radix !== 10) return value < 0 ? `-${positiveInRadix(-value, radix)}` : positiveInRadix(value, radix);
  // JavaScript's digits are the shortest ones; a point is always shown.
  const [digits, exponent] = value.toString().split("e") as [string, string?];
  return `${digits.includes(".") ? digits : `${digits}.0`}${exponent === undefined ? "" : `e${exponent}`}`;
}

/**
 * The shortest digits that read back as it, and of those the nearest (Steele and White 1990), without an exponent:
 * hosts differ in theirs. runtime/native-writer.ts has the same.
 */
function positiveInRadix(value: number, radix: number): string {
  const { digits, point } = shortestDigits(value, BigInt(radix));
  const text = digits.map((digit) => digit.toString(radix)).join("");
  if (point <= 0) return `0.${"0".repeat(-point)}${text}`;
  if (text.length <= point) return `${text}${"0".repeat(point - text.length)}.0`;
  return `${text.slice(0, point)}.${text.slice(point)}`;
}

/** @returns value = 0.d₁d₂… · radix^point */
function shortestDigits(value: number, radix: bigint): { readonly digits: bigint[]; readonly point: number } {
  const bits = new DataView(new ArrayBuffer(8));
  bits.setFloat64(0, value);
  const high = bits.getUint32(0),
    exponent = high >>> 20;
  const fraction = BigInt(high & 0xfffff) * 0x100000000n + BigInt(bits.getUint32(4));
  const mantissa = exponent === 0 ? fraction : fraction + 0x10000000000000n,
    k = (exponent === 0 ? 1 : exponent) - 1075;
  // Neighbours are nearer below a power of two.
  const two = fraction === 0n && exponent > 1 ? 2n : 1n;
  const isEven = mantissa % 2n === 0n;
  let down = k > 0 ? 1n << BigInt(k) : 1n,
    up = two * down,
    r = 2n * two * mantissa * down,
    s = 2n * two * (k < 0 ? 1n << BigInt(-k) : 1n),
    point = 0;
  const isBelowEnd = (): boolean => (isEven ? r + up >= s : r + up > s);
  while (isBelowEnd()) {
    s *= radix;
    point++;
  }
  for (;;) {
    r *= radix;
    up *= radix;
    down *= radix;
    if (isBelowEnd()) break;
    point--;
  }
  for (const digits: bigint[] = []; ; r *= radix, up *= radix, down *= radix) {
    const digit = r / s;
    r %= s;
    const isLow = isEven ? r <= down : r < down,
      isHigh = isBelowEnd();
    if (!isLow && !isHigh) {
      digits.push(digit);
      continue;
    }
    const twice = 2n * r;
    const isUp = isLow && isHigh ? twice > s || (twice === s && digit % 2n === 1n) : isHigh;
    digits.push(isUp ? digit + 1n : digit);
    return { digits, point };
  }
}
