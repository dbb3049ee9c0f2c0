/**
 * `string->number`: the syntax of numbers, R7RS §7.1.1, correctly rounded; beyond it, fractions in every radix.
 *
 *     prefix = (#e|#i|#b|#o|#d|#x)*      complex = real | real@real | [real](+|-)[ureal]i | infnan
 */
import { Flonum, type Real } from "../datum/datum.ts";
import {
  type Exact,
  makeRatio,
  makeRectangular,
  normalize,
  type Num,
  ratioToDouble,
  toExact,
  toInexact,
} from "./arithmetic.ts";
import { makePolar } from "./transcendental.ts";

/**
 * Digits and exponents beyond these bounds are no number: they would only be a way to fill the memory. Decimals become
 * doubles without exact ones on the way: their exponents have no bound.
 */
const DIGITS_MAX = 1_000_000;
const EXPONENT_MAX = 100_000;

/** @returns null when the text is not a number */
export function parseNumber(text: string, defaultRadix = 10): Num | null {
  let radix = defaultRadix,
    exactness: "e" | "i" | null = null,
    at = 0,
    hasRadix = false;
  while (text[at] === "#") {
    const letter = text[at + 1]?.toLowerCase();
    if (letter === "e" || letter === "i") {
      if (exactness !== null) return null;
      exactness = letter;
    } else {
      const found = letter === "b" ? 2 : letter === "o" ? 8 : letter === "d" ? 10 : letter === "x" ? 16 : 0;
      if (found === 0 || hasRadix) return null;
      radix = found;
      hasRadix = true;
    }
    at += 2;
  }
  if (text.length - at > DIGITS_MAX) return null;
  const rest = text.slice(at).toLowerCase();
  // R5RS's markers of precision: all are doubles.
  return complexOf(radix === 10 ? rest.replace(/([\d.])[sfdl](?=[+-]?\d)/g, "$1e") : rest, radix, exactness);
}

function complexOf(text: string, radix: number, exactness: "e" | "i" | null): Num | null {
  if (text === "") return null;
  const polar = text.indexOf("@");
  if (polar >= 0) {
    const size = realOf(text.slice(0, polar), radix, exactness),
      turn = realOf(text.slice(polar + 1), radix, exactness);
    if (size === null || turn === null) return null;
    const result = makePolar(size, turn);
    return exactness === "e" ? exactOrNull(result) : result;
  }
  if (text.endsWith("i") && !(radix > 18 && !/[+-]/.test(text))) {
    const body = text.slice(0, -1);
    const split = lastSign(body, radix);
    if (split >= 0) {
      const real = split === 0 ? 0 : realOf(body.slice(0, split), radix, exactness);
      const tail = body.slice(split);
      const one = exactness === "i" ? new Flonum(tail === "-" ? -1 : 1) : tail === "-" ? -1 : 1;
      const imaginary = tail === "+" || tail === "-" ? one : realOf(tail, radix, exactness);
      if (real !== null && imaginary !== null) return makeRectangular(real, imaginary);
    }
  }
  return realOf(text, radix, exactness);
}

/** Where the imaginary part begins: the last sign that is not an exponent's. */
function lastSign(text: string, radix: number): number {
  for (let index = text.length - 1; index >= 0; index--) {
    if (text[index] !== "+" && text[index] !== "-") continue;
    if (radix <= 10 && index >= 2 && text[index - 1] === "e" && /[\d.]/.test(text[index - 2]!)) continue;
    return index;
  }
  return -1;
}

function exactOrNull(value: Num): Num | null {
  try {
    return toExact(value);
  } catch {
    return null;
  }
}

function realOf(text: string, radix: number, exactness: "e" | "i" | null): Real | null {
  if (text === "+inf.0" || text === "-inf.0" || text === "+nan.0" || text === "-nan.0") {
    if (exactness === "e") return null;
    return new Flonum(text === "+inf.0" ? Infinity : text === "-inf.0" ? -Infinity : Number.NaN);
  }
  const sign = text[0] === "-" ? -1 : 1;
  const body = text[0] === "+" || text[0] === "-" ? text.slice(1) : text;
  const digits = digitClass(radix);
  const slash = body.indexOf("/");
  if (slash >= 0) {
    const top = body.slice(0, slash),
      bottom = body.slice(slash + 1);
    if (!digits.whole.test(top) || !digits.whole.test(bottom)) return null;
    const low = integerOf(bottom, radix);
    // 1/0 is no exact number; R7RS leaves it open what `#i1/0` is.
    if (low === 0n) return null;
    const ratio = makeRatio(BigInt(sign) * integerOf(top, radix), low);
    return exactness === "i"
      ? new Flonum(ratio === 0 && sign < 0 ? -0 : ratioToDouble(BigInt(sign) * integerOf(top, radix), low))
      : ratio;
  }
  if (digits.whole.test(body)) {
    const value = BigInt(sign) * integerOf(body, radix);
    if (exactness === "i") return value === 0n && sign < 0 ? new Flonum(-0) : new Flonum(Number(value));
    return normalize(value);
  }
  const match = digits.decimal.exec(body);
  if (match === null || (match[1] === "" && (match[2] ?? "") === "")) return null;
  const whole = match[1]!,
    fraction = match[2] ?? "",
    exponent = match[3] === undefined ? 0 : Number(match[3]);
  if (exactness === "e") {
    if (Math.abs(exponent) > EXPONENT_MAX) return null;
    return scaled(BigInt(sign) * integerOf(whole + fraction, radix), exponent - fraction.length, radix);
  }
  if (radix === 10)
    return new Flonum(sign * Number(`${whole === "" ? "0" : whole}.${fraction === "" ? "0" : fraction}e${exponent}`));
  if (Math.abs(exponent) > EXPONENT_MAX) return null;
  const exact = scaled(BigInt(sign) * integerOf(whole + fraction, radix), exponent - fraction.length, radix);
  return toInexact(exact) as Real;
}

const classes = new Map<number, { whole: RegExp; decimal: RegExp }>();

function digitClass(radix: number): { whole: RegExp; decimal: RegExp } {
  let found = classes.get(radix);
  if (found === undefined) {
    const set = radix <= 10 ? `[0-${radix - 1}]` : `[0-9a-${String.fromCharCode(86 + radix)}]`;
    // An exponent's letter would be a digit beyond radix 14.
    const exponent = radix <= 10 ? "(?:e([+-]?\\d+))?" : "";
    found = { whole: new RegExp(`^${set}+$`), decimal: new RegExp(`^(${set}*)(?:\\.(${set}*))?${exponent}$`) };
    classes.set(radix, found);
  }
  return found;
}

function integerOf(digits: string, radix: number): bigint {
  if (digits === "") return 0n;
  if (radix === 10) return BigInt(digits);
  if (radix === 2 || radix === 8 || radix === 16)
    return BigInt(`0${radix === 2 ? "b" : radix === 8 ? "o" : "x"}${digits}`);
  // Halves, so that long numbers do not cost the square of their length.
  if (digits.length <= 8) return BigInt(Number.parseInt(digits, radix));
  const split = digits.length >> 1;
  return (
    integerOf(digits.slice(0, split), radix) * BigInt(radix) ** BigInt(digits.length - split) +
    integerOf(digits.slice(split), radix)
  );
}

function scaled(mantissa: bigint, exponent: number, radix: number): Exact {
  const power = BigInt(radix) ** BigInt(Math.abs(exponent));
  return exponent >= 0 ? normalize(mantissa * power) : makeRatio(mantissa, power);
}
