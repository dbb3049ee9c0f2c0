/**
 * exp, log, sin, cos, tan, asin, acos, atan and powers of doubles: the same bits wherever they are computed. Hosts and
 * C libraries differ in these; here all is additions, products, quotients and square roots, which IEEE 754 defines, so
 * that runtime/native-elementary.ts, which does the same steps in Scheme, gives the same. Errors are below one unit in
 * the last place (tests/lisp-elementary.test.ts): arguments are reduced to a sum of two doubles, a
 * Taylor series of what is left is added to the larger term last.
 */

/** 1/n!, n from 0. */
const INVERSE_FACTORIALS: readonly number[] = inverseFactorials();
/** Coefficients by ascending powers: of (exp h - 1 - h) / h², by h; of the others by the square of their argument. */
export const EXP: readonly number[] = INVERSE_FACTORIALS.slice(2, 15);
/** (sin h - h) / h³, (cos h - 1 + h²/2) / h⁴. */
export const SIN: readonly number[] = alternating([3, 5, 7, 9, 11, 13, 15, 17].map((n) => INVERSE_FACTORIALS[n]!));
export const COS: readonly number[] = alternating([4, 6, 8, 10, 12, 14, 16, 18].map((n) => INVERSE_FACTORIALS[n]!)).map(
  (c) => -c,
);
/** (sinh h - h) / h³. */
export const SINH: readonly number[] = [3, 5, 7, 9, 11, 13, 15, 17].map((n) => INVERSE_FACTORIALS[n]!);
/** (atanh s - s) / s³, and its part from s⁹ on; (atan t - t) / t³. */
export const ATANH: readonly number[] = [3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23].map((n) => 1 / n);
export const ATANH_TAIL: readonly number[] = [9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29].map((n) => 1 / n);
export const ATAN: readonly number[] = alternating([3, 5, 7, 9, 11, 13, 15].map((n) => 1 / n));
/** 1/3, 1/5, 1/7 as sums of two doubles. */
export const THIRD: readonly [number, number] = [1 / 3, 1.850371707708594e-17];
export const FIFTH: readonly [number, number] = [1 / 5, -1.1102230246251566e-17];
export const SEVENTH: readonly [number, number] = [1 / 7, 7.93016446160826e-18];

/** Parts of ln 2, π/2 whose products with integers up to 2²⁰ are exact, the last ones but for rounding; of π. */
export const LN2: readonly [number, number, number] = [
  0.6931471803691238, 1.9082149288430703e-10, 4.275175589747649e-20,
];
export const HALF_PI: readonly [number, number, number, number] = [
  1.5707963267341256, 6.077100506303966e-11, 2.0222662487111665e-21, 8.4784276603689e-32,
];
export const HALF_PI_SUM: readonly [number, number] = [1.5707963267948966, 6.123233995736766e-17];
export const PI_SUM: readonly [number, number] = [3.141592653589793, 1.2246467991473532e-16];
/** atan(k/8) for k from 0 to 8, as sums. */
export const ATAN_EIGHTHS: readonly (readonly [number, number])[] = [
  [0.0, 0.0],
  [0.12435499454676144, -3.1253241424539383e-18],
  [0.24497866312686414, 1.0698755618734451e-17],
  [0.35877067027057225, -2.4623815582638635e-17],
  [0.4636476090008061, 2.2698777452961687e-17],
  [0.5585993153435624, -5.4556305485916264e-18],
  [0.6435011087932844, 1.5834785051444286e-17],
  [0.7188299996216245, -2.1478388444456983e-17],
  [0.7853981633974483, 3.061616997868383e-17],
];
/** ⌊π/2 · 2¹²¹⁶⌋, for arguments beyond what its parts reduce. */
export const HALF_PI_BITS = 1216;
export const HALF_PI_INTEGER: bigint = BigInt(
  "0x1921fb54442d18469898cc51701b839a252049c1114cf98e804177d4c76273644a29410f31c6809bbdf2a33679a748636605614dbe" +
    "4be286e9fc26adadaa3848bc90b6aecc4bcfd8de89885d34c6fdad617feb96de80d6fdbdc70d7f6b5133f4b5d3e4822f8963fcc9250c" +
    "ca3d9c8b67b8400f97142c77e0b31b4906c38aba734d22c7f51fa499ebf06caba47b9475b2c38c5e6ac410aa577",
);

/** 1.5 · 2⁵²: a sum with it rounds to an integer. */
export const ROUNDER = 6755399441055744;
/** 2²⁷ + 1: halves of a double's digits. */
export const SPLITTER = 134217729;
export const INVERSE_LN2 = 1.4426950408889634;
export const INVERSE_HALF_PI = 0.6366197723675814;
/** Arguments up to here are reduced by parts of π/2. */
export const REDUCED_MAX = 1647099;
export const TINY = 2 ** -27;

function inverseFactorials(): number[] {
  const all = [1];
  for (let n = 1; n <= 18; n += 1) all.push(all[n - 1]! * n);
  return all.map((factorial) => 1 / factorial);
}
function alternating(positive: readonly number[]): number[] {
  return positive.map((c, index) => (index % 2 === 0 ? -c : c));
}

const view = new DataView(new ArrayBuffer(8));
function highWord(x: number): number {
  view.setFloat64(0, x);
  return view.getUint32(0);
}
function withHighWord(x: number, high: number): number {
  view.setFloat64(0, x);
  view.setUint32(0, high);
  return view.getFloat64(0);
}
function twoTo(k: number): number {
  return withHighWord(0, (k + 1023) << 20);
}

/** What a result lacks to be exact: the second result of the functions below. */
let low = 0;
function sum(a: number, b: number): number {
  const s = a + b;
  const part = s - a;
  low = a - (s - part) + (b - part);
  return s;
}
function product(a: number, b: number): number {
  const p = a * b;
  const s = SPLITTER * a;
  const ah = s - (s - a);
  const al = a - ah;
  const t = SPLITTER * b;
  const bh = t - (t - b);
  const bl = b - bh;
  low = ah * bh - p + ah * bl + al * bh + al * bl;
  return p;
}
function nearest(x: number): number {
  return x + ROUNDER - ROUNDER;
}
function series(coefficients: readonly number[], z: number): number {
  let value = coefficients.at(-1)!;
  for (let n = coefficients.length - 2; n >= 0; n -= 1) value = coefficients[n]! + z * value;
  return value;
}

/** y · 2^k, rounded once. @param k  from -1076 to 1024 */
function scaled(y: number, k: number): number {
  if (k > 1023) return y * twoTo(k - 1) * 2;
  return k < -1022 ? y * twoTo(k + 54) * twoTo(-54) : y * twoTo(k);
}

/** exp(h + l). */
function expOf(h: number, l: number): number {
  if (h !== h) return h;
  if (h > 710) return Infinity;
  if (h < -746) return 0;
  const k = nearest(h * INVERSE_LN2);
  const a = sum(h - k * LN2[0], -(k * LN2[1]));
  const b = low + (l - k * LN2[2]);
  const r = a + b;
  const rest = a - r + b;
  const c = rest * (1 + r) + r * r * series(EXP, r);
  const s = sum(1, r);
  return scaled(s + (low + c), k);
}
export function exp(x: number): number {
  return expOf(x, 0);
}

/** Of a positive finite double: m with x = m · 2^exponent, from √½ to √2. */
let exponent = 0;
function mantissa(x: number): number {
  let k = 0;
  let y = x;
  if (y < 2.2250738585072014e-308) {
    y *= 18014398509481984;
    k = -54;
  }
  const high = highWord(y);
  k += (high >>> 20) - 1023;
  let m = withHighWord(y, (high & 0xfffff) | 0x3ff00000);
  if (m > 1.4142135623730951) {
    m *= 0.5;
    k += 1;
  }
  exponent = k;
  return m;
}
/** (m - 1) / (m + 1) as a sum. */
function logArgument(m: number): number {
  const d = sum(m, 1);
  const rest = low;
  const f = m - 1;
  const s = f / d;
  const p = product(s, d);
  low = (f - p - low - s * rest) / d;
  return s;
}
export function log(x: number): number {
  if (x !== x || x < 0) return NaN;
  if (x === 0) return -Infinity;
  if (x === Infinity) return x;
  const m = mantissa(x);
  const k = exponent;
  const s = logArgument(m);
  const z = s * s;
  const twice = 2 * s;
  const rest = 2 * low + twice * z * series(ATANH, z);
  if (k === 0) return twice + rest;
  const t = sum(k * LN2[0], twice);
  return t + (low + (rest + (k * LN2[1] + k * LN2[2])));
}
/** As a sum whose error is below 2⁻⁶⁵ of it. */
function logSum(x: number): number {
  const m = mantissa(x);
  const k = exponent;
  const s = logArgument(m);
  const sl = low;
  const z = product(s, s);
  const zl = low + 2 * s * sl;
  let u = sum(SEVENTH[0], z * series(ATANH_TAIL, z));
  let ul = low + SEVENTH[1];
  let p = product(u, z);
  let pl = low + (u * zl + ul * z);
  u = sum(FIFTH[0], p);
  ul = low + (FIFTH[1] + pl);
  p = product(u, z);
  pl = low + (u * zl + ul * z);
  u = sum(THIRD[0], p);
  ul = low + (THIRD[1] + pl);
  p = product(u, z);
  pl = low + (u * zl + ul * z);
  const twice = 2 * s;
  const q = product(twice, p);
  const ql = low + (twice * pl + 2 * sl * p);
  const h = sum(twice, q);
  const l = low + (ql + 2 * sl);
  if (k === 0) return sum(h, l);
  const t = sum(k * LN2[0], h);
  const tl = low;
  const b = product(k, LN2[1]);
  return sum(t, tl + (l + (b + (low + k * LN2[2]))));
}

function isOdd(y: number): boolean {
  const half = y * 0.5;
  return y === Math.floor(y) && half !== Math.floor(half);
}
/** x to the power of y, as ECMAScript has its special cases. */
export function power(x: number, y: number): number {
  if (y === 0) return 1;
  if (x !== x || y !== y) return NaN;
  const a = Math.abs(x);
  if (Math.abs(y) === Infinity) return a === 1 ? NaN : a > 1 === y > 0 ? Infinity : 0;
  const isNegative = (x < 0 || Object.is(x, -0)) && isOdd(y);
  let value;
  if (a === Infinity || a === 0) value = (a === Infinity) === y > 0 ? Infinity : 0;
  else if (x < 0 && y !== Math.floor(y)) return NaN;
  else {
    const h = logSum(a);
    const l = low;
    const rough = y * h;
    if (rough > 750) value = Infinity;
    else if (rough < -750) value = 0;
    else {
      const t = product(y, h);
      value = expOf(t, low + y * l);
    }
  }
  return isNegative ? -value : value;
}

/** x less a multiple of π/2, as a sum; the multiple. @param x  finite */
let quadrant = 0;
function reduced(x: number): number {
  const size = Math.abs(x);
  if (size <= 0.7853981633974483) {
    quadrant = 0;
    low = 0;
    return x;
  }
  if (size > REDUCED_MAX) return reducedByInteger(x);
  const k = nearest(x * INVERSE_HALF_PI);
  let h = sum(x - k * HALF_PI[0], -(k * HALF_PI[1]));
  let l = low;
  h = sum(h, -(k * HALF_PI[2]));
  l += low;
  h = sum(h, l);
  l = low - k * HALF_PI[3];
  quadrant = k & 3;
  return sum(h, l);
}
function reducedByInteger(x: number): number {
  const high = highWord(x);
  const e = ((high >>> 20) & 0x7ff) - 1075;
  const digits = (BigInt((high & 0xfffff) | 0x100000) << 32n) | BigInt(view.getUint32(4));
  const whole = digits << BigInt(e + HALF_PI_BITS);
  let k = whole / HALF_PI_INTEGER;
  let rest = whole - k * HALF_PI_INTEGER;
  if (rest * 2n > HALF_PI_INTEGER) {
    k += 1n;
    rest -= HALF_PI_INTEGER;
  }
  const isNegative = rest < 0n !== x < 0;
  const size = rest < 0n ? -rest : rest;
  // Its first 120 bits or so are two doubles.
  const h = Number(size >> BigInt(HALF_PI_BITS - 128)) / 2 ** 128;
  const behind = size - (BigInt(h * 2 ** 128) << BigInt(HALF_PI_BITS - 128));
  const l = Number(behind >> BigInt(HALF_PI_BITS - 256)) / 2 ** 256;
  quadrant = Number((x < 0 ? -k : k) & 3n);
  return isNegative ? sum(-h, -l) : sum(h, l);
}
function sinOf(h: number, l: number): number {
  const z = h * h;
  const rest = h * z * series(SIN, z) + l * (1 - 0.5 * z);
  const value = h + rest;
  low = h - value + rest;
  return value;
}
function cosOf(h: number, l: number): number {
  const z = product(h, h);
  const half = 0.5 * z;
  const w = 1 - half;
  const rest = 1 - w - half + (z * z * series(COS, z) - h * l - 0.5 * low);
  const value = w + rest;
  low = w - value + rest;
  return value;
}
export function sin(x: number): number {
  if (!(Math.abs(x) < Infinity)) return NaN;
  if (Math.abs(x) < TINY) return x;
  const h = reduced(x);
  const value = (quadrant & 1) === 0 ? sinOf(h, low) : cosOf(h, low);
  return (quadrant & 2) === 0 ? value : -value;
}
export function cos(x: number): number {
  if (!(Math.abs(x) < Infinity)) return NaN;
  const h = reduced(x);
  const value = (quadrant & 1) === 0 ? cosOf(h, low) : sinOf(h, low);
  return ((quadrant + 1) & 2) === 0 ? value : -value;
}
export function tan(x: number): number {
  if (!(Math.abs(x) < Infinity)) return NaN;
  if (Math.abs(x) < TINY) return x;
  const h = reduced(x);
  const l = low;
  const s = sinOf(h, l);
  const sl = low;
  const c = cosOf(h, l);
  const cl = low;
  return (quadrant & 1) === 0 ? quotient(s, sl, c, cl) : -quotient(c, cl, s, sl);
}
/** Of two sums, rounded. */
function quotient(n: number, nl: number, d: number, dl: number): number {
  const q = n / d;
  const p = product(q, d);
  return q + (n - p - low + nl - q * dl) / d;
}

/** The angle of a point with positive coordinates, sums both, as a sum. */
function angleOf(y: number, yl: number, x: number, xl: number): number {
  const isSteep = y > x;
  const n = isSteep ? x : y;
  const nl = isSteep ? xl : yl;
  const d = isSteep ? y : x;
  const dl = isSteep ? yl : xl;
  const k = nearest((n / d) * 8);
  let a = n;
  let al = nl;
  let b = d;
  let bl = dl;
  if (k > 0) {
    const c = k * 0.125;
    const p = product(c, d);
    const pl = low + c * dl;
    const u = sum(n, -p);
    const ul = low + (nl - pl);
    const q = product(c, n);
    const ql = low + c * nl;
    const v = sum(d, q);
    const vl = low + (dl + ql);
    a = sum(u, ul);
    al = low;
    b = sum(v, vl);
    bl = low;
  }
  const t = a / b;
  const p = product(t, b);
  const tl = (a - p - low + al - t * bl) / b;
  const z = t * t;
  const rest = tl + t * z * series(ATAN, z);
  const [base, baseLow] = ATAN_EIGHTHS[k]!;
  const s = sum(base, t);
  const e = low + (baseLow + rest);
  if (!isSteep) {
    low = e;
    return s;
  }
  const steep = sum(HALF_PI_SUM[0], -s);
  low += HALF_PI_SUM[1] - e;
  return steep;
}
function withSign(value: number, sign: number): number {
  return sign < 0 ? -value : value;
}
export function atan(x: number): number {
  const a = Math.abs(x);
  if (x !== x || a < TINY) return x;
  if (a > 1152921504606846976) return withSign(HALF_PI_SUM[0], x);
  const s = angleOf(a, 0, 1, 0);
  return withSign(s + low, x);
}
/** √(1 - a²) as a sum, of a from 0 to below 1. */
function cosineOf(a: number): number {
  const p = sum(1, -a);
  const pl = low;
  const q = sum(1, a);
  const ql = low;
  const u = product(p, q);
  const ul = low + (p * ql + pl * q);
  const r = Math.sqrt(u);
  const square = product(r, r);
  low = (u - square - low + ul) / (2 * r);
  return r;
}
export function asin(x: number): number {
  const a = Math.abs(x);
  if (!(a <= 1)) return NaN;
  if (a < TINY) return x;
  if (a === 1) return withSign(HALF_PI_SUM[0], x);
  const r = cosineOf(a);
  const s = angleOf(a, 0, r, low);
  return withSign(s + low, x);
}
export function acos(x: number): number {
  const a = Math.abs(x);
  if (!(a <= 1)) return NaN;
  if (x === 1) return 0;
  if (x === -1) return PI_SUM[0];
  if (a < 1e-30) return HALF_PI_SUM[0];
  const r = cosineOf(a);
  const s = angleOf(r, low, a, 0);
  return x > 0 ? s + low : supplement(s, low);
}
function supplement(s: number, l: number): number {
  const t = sum(PI_SUM[0], -s);
  return t + (low + (PI_SUM[1] - l));
}
function isMinus(x: number): boolean {
  return highWord(x) >= 0x80000000;
}
export function atan2(y: number, x: number): number {
  if (x !== x || y !== y) return NaN;
  const size = atan2OfSizes(Math.abs(y), Math.abs(x), isMinus(x));
  if (size >= 0) return isMinus(y) ? -size : size;
  return y / x;
}
/** @returns what is negative: y/x is it */
function atan2OfSizes(a: number, b: number, isLeft: boolean): number {
  if (a === 0) return isLeft ? PI_SUM[0] : 0;
  if (b === 0) return HALF_PI_SUM[0];
  if (b === Infinity) {
    if (a === Infinity) return isLeft ? 2.356194490192345 : 0.7853981633974483;
    return isLeft ? PI_SUM[0] : 0;
  }
  const ratio = a / b;
  if (ratio > 1152921504606846976) return HALF_PI_SUM[0];
  if (ratio < 8.673617379884035e-19) return isLeft ? PI_SUM[0] : -1;
  const largest = a > b ? a : b;
  const scale = largest > 1e150 ? twoTo(-600) : largest < 1e-150 ? twoTo(600) : 1;
  const s = angleOf(a * scale, 0, b * scale, 0);
  return isLeft ? supplement(s, low) : s + low;
}

/** The length of a vector, √(x² + y²). */
export function hypot(x: number, y: number): number {
  const a = Math.abs(x),
    b = Math.abs(y);
  if (a === Infinity || b === Infinity) return Infinity;
  const largest = a > b ? a : b;
  const scale = largest > 1e150 ? -600 : largest < 1e-150 ? 600 : 0;
  const p = a * twoTo(scale),
    q = b * twoTo(scale);
  return scaled(Math.sqrt(p * p + q * q), -scale);
}

/** Half of e to the power of a, a ≥ 0. */
function halfExp(a: number): number {
  if (a < 709) return 0.5 * exp(a);
  const root = exp(0.5 * a);
  return 0.5 * root * root;
}
export function cosh(x: number): number {
  const half = halfExp(Math.abs(x));
  return half + 0.25 / half;
}
export function sinh(x: number): number {
  const a = Math.abs(x),
    z = a * a;
  if (a < 0.5) return x + x * z * series(SINH, z);
  const half = halfExp(a);
  return withSign(half - 0.25 / half, x);
}
