/**
 * Goal: a debugger's expressions have the values that C gives them, and mistakes are told. Method: by hand against C's
 * rules; random expressions against gcc's, whose `int` is widened where it is used; random texts, which end in a value
 * or in words.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { SeededRandom } from "@stratos/base";
import type { DataType } from "../symbols/data-type.ts";
import { ExpressionError } from "./arithmetic.ts";
import { parseExpression, type ValueSource } from "./expression.ts";
import { numberOfValue, textOfValue, type TypedValue } from "./typed-value.ts";

const INT: DataType = { kind: "base", name: "int", size: 4, encoding: "signed" };
const LONG: DataType = { kind: "base", name: "long", size: 8, encoding: "signed" };
const UNSIGNED: DataType = { kind: "base", name: "unsigned long", size: 8, encoding: "unsigned" };
const DOUBLE: DataType = { kind: "base", name: "double", size: 8, encoding: "float" };
const CHAR: DataType = { kind: "base", name: "char", size: 1, encoding: "unsigned char" };
const NAMES = new Map([
  [0n, "RED"],
  [5n, "GREEN"],
]);
const COLOUR: DataType = { kind: "enum", name: "enum colour", size: 4, isSigned: false, names: () => NAMES };
const ARRAY: DataType = { kind: "array", name: "int[4]", size: 16, count: 4, element: () => INT };
const NODE: DataType & { kind: "struct" } = {
  ...{ kind: "struct", name: "struct node", size: 16 },
  members: () => [
    { name: "next", type: () => POINTER, offset: 0, bits: null },
    { name: "colour", type: () => COLOUR, offset: 8, bits: null },
  ],
};
const POINTER: DataType = { kind: "pointer", name: "struct node *", size: 8, target: () => NODE };

/** Where each variable lies. */
const VARIABLES: Readonly<Record<string, { type: DataType; address: number }>> = {
  i: { type: INT, address: 0x2000 },
  big: { type: LONG, address: 0x2008 },
  u: { type: UNSIGNED, address: 0x2010 },
  d: { type: DOUBLE, address: 0x2018 },
  c: { type: CHAR, address: 0x2020 },
  table: { type: ARRAY, address: 0x2028 },
  node: { type: POINTER, address: 0x2040 },
  lost: { type: LONG, address: 0x9000 },
};
/** From 0x1000 on: two numbers, the variables, two nodes. */
const MEMORY = new DataView(new ArrayBuffer(0x2000));
const put = (address: number, value: bigint): void => MEMORY.setBigInt64(address - 0x1000, value, true);
put(0x1000, 42n);
put(0x1008, -1n);
MEMORY.setInt32(0x1000, -7, true);
put(0x2008, 1n << 40n);
put(0x2010, -2n);
MEMORY.setFloat64(0x1018, 2.5, true);
MEMORY.setUint8(0x1020, 65);
[10, -20, 30, 40].forEach((each, index) => MEMORY.setInt32(0x1028 + 4 * index, each, true));
put(0x2040, 0x2100n);
put(0x2100, 0x2110n);
put(0x2108, 5n);
put(0x2110, 0n);
put(0x2118, 0n);

const SOURCE: ValueSource = {
  register: (name) => ({ a0: 7n, sp: 0x1000n, s0: 0xffff_ffff_ffff_fffen })[name] ?? null,
  variable: (name) => {
    const found = Object.hasOwn(VARIABLES, name) ? VARIABLES[name] : undefined;
    return found === undefined ? null : { type: found.type, place: { kind: "memory", address: found.address } };
  },
  memory: (address, count) =>
    address >= 0x1000 && address + count <= 0x3000 ? new Uint8Array(MEMORY.buffer, address - 0x1000, count) : null,
};

const typed = (text: string): TypedValue => parseExpression(text).evaluate(SOURCE);
const value = (text: string): bigint => {
  const number = numberOfValue(typed(text), SOURCE.memory);
  assert.ok(number !== null, text);
  return number;
};
const shown = (text: string): string => textOfValue(typed(text), SOURCE.memory);

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
    ["1 ? 2 : 1 / 0", 2n],
    ["0 ? 1 : 0 ? 2 : 3", 3n],
    ["'a' + 1", 98n],
    ["'\\n' + '\\x41' + '\\101' + '\\''", 10n + 65n + 65n + 39n],
  ];
  for (const [text, wanted] of cases) assert.equal(value(text), wanted, text);
});

test("variables are computed with by their types, and so are their parts", () => {
  const cases: readonly [string, string][] = [
    ["i", "-7"],
    ["i + 1", "-6"],
    ["i * big", `${-7n * (1n << 40n)}`],
    ["i < 0 && big > 1000", "1"],
    // As `unsigned long` both are large: C17 §6.3.1.8.
    ["i < u", "1"],
    ["u > 1", "1"],
    ["u / 2", `${(1n << 63n) - 1n}`],
    ["u >> 1", `${(1n << 63n) - 1n}`],
    ["i >> u * 0 + 1", "-4"],
    ["d * 2 == 5", "1"],
    ["d / 2", "1.25"],
    ["-d", "-2.5"],
    ["i + 0.5", "-6.5"],
    ["c == 'A'", "1"],
    ["!c", "0"],
    ["table[1] + table[i + 9]", "10"],
    ["*(table + 3)", "40"],
    ["&table[3] - &table[1]", "2"],
    ["&table[3] > table", "1"],
    ["*(&i + 2 - 2)", "-7"],
    ["node != 0 && node->next->next == 0", "1"],
    ["node->colour", "GREEN"],
    ["node->colour == GREEN", "1"],
    ["RED != (*node).colour", "1"],
    ["node->next->colour == GREEN || node->colour", "1"],
    ["node ? node->colour : 0", "GREEN"],
    ["(node + 1)->colour", "RED"],
    ["&*node == node", "1"],
  ];
  for (const [text, wanted] of cases) assert.equal(shown(text), wanted, text);
  assert.equal(typed("&table[1]").type.name, "int *");
  assert.equal(typed("node + 1").type.name, "struct node *");
});

test("what has no meaning or no value is told", () => {
  assert.throws(() => parseExpression("1 +"), /1 \+: a value is missing at the end/);
  assert.throws(() => parseExpression("(1"), /a \) is missing/);
  assert.throws(() => parseExpression("1 2"), /1 2: 2 is too much/);
  assert.throws(() => parseExpression("i = 3"), /i = 3: not understood from "= 3" on/);
  assert.throws(() => parseExpression("1 ? 2"), /1 \? 2: a : is missing/);
  assert.throws(() => parseExpression("i[2"), /i\[2: a \] is missing/);
  assert.throws(() => parseExpression("node->2"), /2 where a member's name should be/);
  assert.throws(() => parseExpression("i[".repeat(200)), /more than 100 levels/);
  assert.throws(() => parseExpression("1?".repeat(200)), /more than 100 levels/);
  assert.throws(() => value("total > 3"), /^ExpressionError: total: no variable of this name is known here$|total: no/);
  assert.throws(() => value("node->colour == BLUE"), /BLUE: no variable of this name/);
  assert.throws(() => value("node * 2"), /struct node \* \* long/);
  assert.throws(() => value("*node + 1"), /struct node is no number/);
  assert.throws(() => value("d % 2"), /double % long/);
  assert.throws(() => value("table[d]"), /an index of type double/);
  assert.throws(() => value("i.next"), /int has no member next/);
  assert.throws(() => value("&3"), /the address of long that is not in memory/);
  assert.throws(() => value("lost > 1"), /long: nothing is mapped at 0x9000/);
  assert.throws(() => parseExpression("/ 2"), /\/ where a value should be/);
  assert.throws(() => parseExpression("(".repeat(1001)), /at most 1000 characters/);
  assert.throws(() => parseExpression("(".repeat(1000)), /more than 100 levels/);
  assert.throws(() => parseExpression("-".repeat(999) + "1"), /more than 100 levels/);
  assert.equal(value("(".repeat(98) + "-1" + ")".repeat(98)), -1n);
  assert.throws(() => value("$a9"), /\$a9: no such register/);
  assert.throws(() => value("*$a0"), /nothing is mapped at 0x7/);
  assert.throws(() => value("1 % 0"), /a division by zero/);
});

test("random expressions have the values that gcc gives them", () => {
  const seed = Date.now() % 2 ** 31;
  const random = new SeededRandom(seed);
  const folder = mkdtempSync(join(tmpdir(), "stratos-expression-"));
  try {
    const pairs = Array.from({ length: 400 }, () => randomExpression(random, 5));
    const source =
      `#include <stdio.h>\nint main(void) { int i = -7; long big = 1L << 40; unsigned long u = -2; double d = 2.5;\n` +
      `unsigned char c = 65; int table[4] = {10, -20, 30, 40};\n` +
      `${pairs.map(([, c]) => `printf("%ld\\n", (long)(${c}));`).join("\n")}\nreturn 0; }\n`;
    writeFileSync(join(folder, "p.c"), source);
    execFileSync("gcc", ["-w", "-O0", "-fwrapv", "-o", "p", "p.c"], { cwd: folder });
    const wanted = execFileSync(join(folder, "p"), { encoding: "latin1" }).trimEnd().split("\n");
    assert.equal(wanted.length, pairs.length);
    for (const [index, [text]] of pairs.entries())
      assert.equal(BigInt.asIntN(64, value(text)), BigInt(wanted[index]!), `seed ${seed}: ${text}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

/** An expression as it is given here, and as C computes it with operands of 64 bits. */
function randomExpression(random: SeededRandom, depth: number): readonly [string, string] {
  const leaves: readonly (readonly [string, string])[] = [
    ...(["i", "big", "c"] as const).map((name) => [name, `(long)${name}`] as const),
    ["u", "u"],
    [String(random.below(100)), ""],
    ["table[2]", "(long)table[2]"],
    ["*(table + 1)", "(long)*(table + 1)"],
  ];
  if (depth === 0 || random.below(6) === 0) {
    const [ours, theirs] = leaves[random.below(leaves.length)]!;
    return /^\d+$/.test(ours) ? [ours, `${ours}L`] : [ours, theirs];
  }
  const inner = (): readonly [string, string] => randomExpression(random, depth - 1);
  const [a, ca] = inner();
  const unary = ["-", "~", "!"][random.below(3)]!;
  if (random.below(5) === 0) return [`${unary} (${a})`, unary === "!" ? `(long)!(${ca})` : `${unary} (${ca})`];
  const [b, cb] = inner();
  const kind = random.below(10);
  if (kind === 0) return [`(${a} << (${b} & 63))`, `((${ca}) << ((${cb}) & 63L))`];
  if (kind === 1) return [`(${a} >> (${b} & 63))`, `((${ca}) >> ((${cb}) & 63L))`];
  const divided = ["/", "%"][kind - 2];
  if (divided !== undefined)
    return [`(${a} ${divided} ((${b} & 255) + 1))`, `((${ca}) ${divided} (((${cb}) & 255L) + 1L))`];
  const truths = ["==", "!=", "<", "<=", ">", ">=", "&&", "||"];
  if (kind < 7) {
    const operator = truths[random.below(truths.length)]!;
    return [`((${a}) ${operator} (${b}))`, `(long)((${ca}) ${operator} (${cb}))`];
  }
  const operator = ["+", "-", "*", "&", "|", "^"][random.below(6)]!;
  return [`((${a}) ${operator} (${b}))`, `((${ca}) ${operator} (${cb}))`];
}

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
    "i",
    "node",
    "->",
    "[",
    "]",
    "?",
    ":",
    "'x'",
    "0.5",
    " ",
  ];
  for (let times = 0; times < 3000; times++) {
    const text = Array.from({ length: random(12) }, () => words[(random(2 ** 20) >> 4) % words.length]!).join("");
    try {
      assert.equal(typeof shown(text), "string");
    } catch (error) {
      assert.ok(error instanceof ExpressionError, `seed ${seed}, ${JSON.stringify(text)}: ${String(error)}`);
    }
  }
});
