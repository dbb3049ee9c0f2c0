/**
 * Goal: numbers are exact where R7RS says so, and read and printed so that nothing is lost. Method: tables; random
 * ratios whose nearest double is checked against its two neighbours in exact arithmetic; random arithmetic against
 * BigInt (seeded).
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { SeededRandom } from "@stratos/base";
import { Flonum, type Real } from "../datum/datum.ts";
import {
  add,
  compare,
  divide,
  exactDouble,
  type Exact,
  isEqvNumber,
  makeRatio,
  multiply,
  type Num,
  ratioToDouble,
  subtract,
  toDouble,
} from "./arithmetic.ts";
import {
  exactIntegerSqrt,
  floorQuotient,
  floorRemainder,
  rationalize,
  truncateQuotient,
  truncateRemainder,
} from "./integer.ts";
import { parseNumber } from "./parse.ts";
import { numberToText } from "./print.ts";
import { expt, log, sqrt } from "./transcendental.ts";

const shown = (text: string, radix = 10): string | null => {
  const value = parseNumber(text, radix);
  return value === null ? null : numberToText(value);
};

test("numeric syntax", () => {
  const rows: [string, string | null][] = [
    ["1e3", "1000.0"],
    ["#e1.5", "3/2"],
    ["#i1/3", "0.3333333333333333"],
    ["#xFF", "255"],
    ["#b-101", "-5"],
    ["#e#x10", "16"],
    ["#x#e10", "16"],
    ["1/2", "1/2"],
    ["4/2", "2"],
    ["1/0", null],
    ["#i1/0", null],
    [".", null],
    ["+", null],
    ["1e", null],
    ["1.2.3", null],
    ["#e#e1", null],
    ["--1", null],
    ["1+", null],
    ["e1", null],
    ["+inf.0", "+inf.0"],
    ["-nan.0", "+nan.0"],
    ["#e+inf.0", null],
    ["+i", "+i"],
    ["-2.5i", "-2.5i"],
    ["1+2i", "1+2i"],
    ["1e2-3e-1i", "100.0-0.3i"],
    ["+inf.0-inf.0i", "+inf.0-inf.0i"],
    ["2@0", "2"],
    ["1@a", null],
    ["i", null],
    ["1i", null],
    ["-0.0", "-0.0"],
    ["-0", "0"],
    ["9007199254740993", "9007199254740993"],
    ["#e1e400000", null],
    ["1e400", "+inf.0"],
    ["4.9e-324", "5.0e-324"],
    ["2.2250738585072011e-308", "2.225073858507201e-308"],
    ["1e21", "1.0e+21"],
  ];
  for (const [text, expected] of rows) assert.equal(shown(text), expected, text);
  assert.equal(shown("zz", 36), "1295");
});

test("the double of a ratio is the nearest one, also among the subnormal", () => {
  const seed = 7,
    random = new SeededRandom(seed);
  for (let round = 0; round < 1000; round++) {
    const digits = (most: number): bigint => {
      let value = 1n;
      for (let left = random.below(most); left >= 0; left--)
        value = value * 4294967296n + BigInt(random.below(4294967296));
      return value;
    };
    const top = digits(round % 3 === 0 ? 2 : 6),
      bottom = digits(round % 3 === 0 ? 36 : 6);
    const found = ratioToDouble(top, bottom);
    if (found === 0 || !Number.isFinite(found)) continue;
    const exact = makeRatio(top, bottom);
    const error = (value: number): Exact => {
      const distance = subtract(exactDouble(value), exact) as Exact;
      return compare(distance, 0) < 0 ? (subtract(0, distance) as Exact) : distance;
    };
    for (const neighbour of [nextAfter(found, 1), nextAfter(found, -1)])
      if (Number.isFinite(neighbour))
        assert.ok(compare(error(found), error(neighbour)) <= 0, `seed ${seed}, round ${round}: ${top}/${bottom}`);
  }
});

function nextAfter(value: number, step: 1 | -1): number {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  view.setBigInt64(0, view.getBigInt64(0) + BigInt(step));
  return view.getFloat64(0);
}

test("what is printed is read as the same double", () => {
  const seed = 11,
    random = new SeededRandom(seed);
  const view = new DataView(new ArrayBuffer(8));
  for (let round = 0; round < 5000; round++) {
    view.setUint32(0, random.below(4294967296));
    view.setUint32(4, random.below(4294967296));
    const value = new Flonum(view.getFloat64(0));
    if (Number.isNaN(value.value)) continue;
    const text = numberToText(value);
    assert.ok(isEqvNumber(parseNumber(text)!, value), `seed ${seed}: ${text}`);
  }
});

test("integers cross from small to large and back without loss", () => {
  const seed = 13,
    random = new SeededRandom(seed);
  const any = (): Num => {
    const value =
      (BigInt(random.below(4294967296)) * BigInt(random.below(4194304)) + BigInt(random.below(3))) *
      (random.below(2) === 0 ? 1n : -1n);
    return parseNumber(value.toString())!;
  };
  for (let round = 0; round < 5000; round++) {
    const a = any() as number | bigint,
      b = any() as number | bigint,
      x = BigInt(a),
      y = BigInt(b);
    const check = (value: Num, expected: bigint, what: string): void =>
      assert.equal(numberToText(value), expected.toString(), `seed ${seed}: ${what} ${a} ${b}`);
    check(add(a, b), x + y, "+");
    check(subtract(a, b), x - y, "-");
    check(multiply(a, b), x * y, "*");
    if (y === 0n) continue;
    check(truncateQuotient(a, b), x / y, "quotient");
    check(truncateRemainder(a, b), x % y, "remainder");
    check(floorRemainder(a, b), ((x % y) + y) % y, "modulo");
    check(add(multiply(floorQuotient(a, b), b), floorRemainder(a, b)), x, "floor/");
    check(multiply(divide(a, b), b), x, "/");
  }
});

test("roots and powers are exact where they can be", () => {
  const text = (value: Num): string => numberToText(value);
  assert.equal(text(sqrt(16)), "4");
  assert.equal(text(sqrt(makeRatio(9n, 4n))), "3/2");
  assert.equal(text(sqrt(-4)), "+2i");
  assert.equal(text(sqrt(2)), "1.4142135623730951");
  assert.equal(text(sqrt(parseNumber("3+4i")!)), "2+i");
  assert.equal(text(expt(2, 100)), "1267650600228229401496703205376");
  assert.equal(text(expt(makeRatio(2n, 3n), -2)), "9/4");
  assert.equal(text(expt(parseNumber("+i")!, 2)), "-1");
  for (const [base, power, result] of [
    ["0", "0.0", "1.0"],
    ["0", "-0.0", "1.0"],
    ["0", "0", "1"],
    ["0.0", "5+0.5i", "0.0"],
    ["0", "1/2", "0"],
    ["10.0", "-5", "0.00001"],
    ["-2.0", "-3", "-0.125"],
    ["10.0", "22", "1.0e+22"],
  ] as const)
    assert.equal(text(expt(parseNumber(base)!, parseNumber(power)!)), result, `(expt ${base} ${power})`);
  assert.equal(text(log(new Flonum(-0))), "-inf.0+3.141592653589793i");
  assert.deepEqual(exactIntegerSqrt(10n ** 40n + 5n), [100000000000000000000n, 5]);
  assert.equal(text(rationalize(new Flonum(0.3), makeRatio(1n, 10n))), "0.3333333333333333");
  assert.equal(text(rationalize(makeRatio(3n, 10n), makeRatio(1n, 10n))), "1/3");
});

test("beside an inexact operand of a division the exact one is made inexact; a remainder of 0 has no sign", () => {
  const divide = { quotient: truncateQuotient, remainder: truncateRemainder, modulo: floorRemainder };
  for (const [name, a, b, result] of [
    ["remainder", "-9007199254740993", "1e10", "-9254740992.0"],
    ["modulo", "-9007199254740993", "1e10", "745259008.0"],
    ["modulo", "1e20", "9007199254740993", "2073873865506816.0"],
    ["remainder", "9007199254740993", "10", "3"],
    ["remainder", "-4.0", "2.0", "0.0"],
    ["remainder", "-1e20", "1e10", "0.0"],
    ["modulo", "-4", "2.0", "0.0"],
    ["quotient", "-1.0", "2", "-0.0"],
    ["quotient", "0.0", "-1e30", "-0.0"],
    ["remainder", `1${"0".repeat(400)}`, "7.0", "4.0"],
  ] as const)
    assert.equal(
      numberToText(divide[name](parseNumber(a), parseNumber(b))),
      result,
      `(${name} ${a.slice(0, 30)} ${b})`,
    );
});

test("comparison is by exact value, so that it is transitive", () => {
  const large = parseNumber("9007199254740993") as Real,
    near = new Flonum(9007199254740992);
  assert.equal(compare(large, near), 1);
  assert.equal(compare(makeRatio(1n, 3n), new Flonum(1 / 3)), 1);
  assert.ok(Number.isNaN(compare(0, new Flonum(Number.NaN))));
  assert.equal(toDouble(large), 9007199254740992);
});
