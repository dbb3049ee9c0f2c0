/**
 * Goal: a debugger's expressions have the values that C gives them, and mistakes are told. Method: by hand against
 * C's rules for `long`; random texts, which end in a value or in words.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ExpressionError, parseExpression, type ValueSource } from "./expression.ts";

const SOURCE: ValueSource = {
  register: (name) => ({ a0: 7n, sp: 0x1000n, s0: 0xffff_ffff_ffff_fffen })[name] ?? null,
  memory: (address) => ({ 0x1000: 42n, 0x1008: 0xffff_ffff_ffff_ffffn })[Number(address)] ?? null,
};

const value = (text: string): bigint => parseExpression(text)(SOURCE);

test("operators, registers and memory have the values that C gives them", () => {
  const cases: readonly [string, bigint][] = [
    ["2 + 3 * 4", 14n],
    ["(2 + 3) * 4", 20n],
    ["10 - 4 - 3", 3n],
    ["-7 / 2", -3n],
    ["-7 % 2", -1n],
    ["1 << 3 + 1", 16n],
    ["-8 >> 1", -4n],
    ["1 | 6 & 3 ^ 1", 3n],
    ["1 == 1 != 0", 1n],
    ["$a0 > 6 && $a0 <= 7", 1n],
    ["$s0 == -2", 1n],
    ["!$a0 || ~0 == -1", 1n],
    ["*$sp", 42n],
    ["*($sp + 8)", -1n],
    ["0xffffffffffffffff", -1n],
    ["0x7fffffffffffffff + 1", -(1n << 63n)],
    ["0 && 1 / 0", 0n],
    ["1 || *0", 1n],
  ];
  for (const [text, wanted] of cases) assert.equal(value(text), wanted, text);
});

test("what has no meaning or no value is told", () => {
  assert.throws(() => parseExpression("1 +"), /1 \+: a value is missing at the end/);
  assert.throws(() => parseExpression("(1"), /a \) is missing/);
  assert.throws(() => parseExpression("1 2"), /1 2: 2 is too much/);
  assert.throws(() => parseExpression("total > 3"), /total > 3: not understood from "total > 3" on/);
  assert.throws(() => parseExpression("/ 2"), /\/ where a value should be/);
  assert.throws(() => parseExpression("(".repeat(1001)), /at most 1000 characters/);
  assert.throws(() => parseExpression("(".repeat(1000)), /more than 100 levels/);
  assert.throws(() => parseExpression("-".repeat(999) + "1"), /more than 100 levels/);
  assert.equal(value("(".repeat(98) + "-1" + ")".repeat(98)), -1n);
  assert.throws(() => value("$a9"), /\$a9: no such register/);
  assert.throws(() => value("*$a0"), /nothing is mapped at 0x7/);
  assert.throws(() => value("1 % 0"), /a division by zero/);
});

test("random texts end in a value or in words", () => {
  const seed = Date.now() % 2 ** 31;
  let state = seed;
  const random = (below: number): number => (state = (state * 1103515245 + 12345) % 2 ** 31) % below;
  const words = [
    "1",
    "0x10",
    "$a0",
    "$zz",
    "*",
    "(",
    ")",
    "-",
    "+",
    "/",
    "%",
    "<<",
    "&&",
    "||",
    "==",
    "!",
    "~",
    "x",
    " ",
  ];
  for (let times = 0; times < 3000; times++) {
    const text = Array.from({ length: random(12) }, () => words[(random(2 ** 20) >> 4) % words.length]!).join("");
    try {
      assert.equal(typeof value(text), "bigint");
    } catch (error) {
      assert.ok(error instanceof ExpressionError, `seed ${seed}, ${JSON.stringify(text)}: ${String(error)}`);
    }
  }
});
