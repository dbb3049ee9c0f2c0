/**
 * Goal: the reader takes all of R7RS's lexical syntax, tells where what is wrong stands, and gives an error, never a
 * crash or a hang, for any text. Method: tables of texts with their written form; random texts of syntax's own
 * characters (seeded).
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { SeededRandom } from "@stratos/base";
import { Condition, SchemeError } from "../datum/condition.ts";
import { NIL, Pair } from "../datum/datum.ts";
import { IncompleteError, readAll } from "./reader.ts";
import { writeText } from "./writer.ts";

const written = (text: string): string =>
  readAll(text, "t")
    .map((datum) => writeText(datum))
    .join(" ");

function failure(text: string): Condition {
  try {
    readAll(text, "t");
  } catch (error) {
    assert.ok(error instanceof SchemeError, String(error));
    return error.payload as Condition;
  }
  throw new Error(`read without an error: ${text}`);
}

test("each kind of datum is read and written", () => {
  const rows: [string, string][] = [
    ["(a . b) (a b . (c d)) [x y]", "(a . b) (a b c d) (x y)"],
    ["#(1 #u8(0 255) ()) #true #f", "#(1 #u8(0 255) ()) #t #f"],
    ["'a `(b ,c ,@d)", "'a `(b ,c ,@d)"],
    ["|a b| |\\x41;\\|| ||", "|a b| |A\\|| ||"],
    ['"a\\n\\x3bb;\\""', '"a\\nλ\\""'],
    ['"a\\   \n   b"', '"ab"'],
    ["#\\a #\\space #\\x3bb #\\( #\\x", "#\\a #\\space #\\λ #\\( #\\x"],
    ["#;(a b) c #| x #| y |# z |# d ; e\nf", "c d f"],
    ["#;#;a b c", "c"],
    ["#!fold-case ABC #!no-fold-case ABC", "abc ABC"],
    ["#0=(a b . #0#)", "#0=(a b . #0#)"],
    ["(#1=(x) #1#)", "((x) (x))"],
    ["#0=#(1 #0#)", "#0=#(1 #0#)"],
    ["+ - ... ->x +.a 1+ .5.", "+ - ... ->x +.a 1+ .5."],
    ["'#(a)", "'#(a)"],
    ["(quote a b) (quote . a)", "(quote a b) (quote . a)"],
  ];
  for (const [text, expected] of rows) assert.equal(written(text), expected, text);
});

test("shared structure is labelled by write-shared only", () => {
  const [datum] = readAll("(#0=(x) #0#)", "t");
  assert.equal(writeText(datum, "shared"), "(#0=(x) #0#)");
  assert.equal(writeText(datum, "write"), "((x) (x))");
});

test("an error tells its place, and whether more text could mend it", () => {
  const place = ({ source }: Condition): string => `${source!.line}:${source!.column}`;
  assert.equal(place(failure("(a\n  b) )")), "2:5");
  assert.equal(place(failure("(a\n  (b c")), "2:2");
  assert.equal(place(failure('\n "abc')), "2:1");
  for (const text of ["(", "(a .", "#(1", '"x', "|x", "#| a", "'", "#;", "#\\", "#0="])
    assert.throws(() => readAll(text, "t"), IncompleteError, text);
  for (const text of [
    ")",
    "(a . )",
    "(. a)",
    "(a . b c)",
    "(a]",
    "#u8(256)",
    "#u8(a)",
    "#\\spaec",
    "#x",
    "#0#",
    "#0=#0#",
    '"\\q"',
    '"\\x110000;"',
    "#\\xd800",
    "#!nothing",
    "#<a>",
    "(#;a . b)",
    "(a . #;b)",
  ]) {
    assert.throws(
      () => readAll(text, "t"),
      (error) =>
        error instanceof SchemeError &&
        !(error instanceof IncompleteError) &&
        (error.payload as Condition).kind === "read",
      text,
    );
  }
});

test("many open lists cost memory, not the stack", () => {
  let [datum] = readAll("(".repeat(100_000) + ")".repeat(100_000), "t");
  assert.equal(writeText(datum).length, 200_000);
  let depth = 0;
  for (; datum instanceof Pair; datum = datum.car) depth++;
  assert.equal(datum, NIL);
  assert.equal(depth, 99_999);
  assert.match(String(failure("(".repeat(1_100_000)).message), /nested deeper/);
});

test("random texts give data that are written and read again, or an error", () => {
  const seed = 20261121,
    random = new SeededRandom(seed);
  const pieces = [
    "(",
    ")",
    "[",
    "]",
    "'",
    "`",
    ",",
    ",@",
    "#(",
    "#u8(",
    "#;",
    "#|",
    "|#",
    "|",
    '"',
    "\\",
    "#\\",
    "#0=",
    "#0#",
    "#1=",
    "#1#",
    ".",
    " ",
    "\n",
    ";",
    "a",
    "1",
    "-1.5e3",
    "1/2",
    "+i",
    "1@2",
    "#e1.5",
    "#x",
    "#!fold-case",
    "#t",
    "\\x41;",
    "λ",
    "\u{1f600}",
    "\ud800",
    "\0",
    "...",
    "e400",
    "#!eof",
  ];
  for (let round = 0; round < 20_000; round++) {
    let text = "";
    for (let left = random.below(12); left >= 0; left--) text += pieces[random.below(pieces.length)]!;
    try {
      for (const datum of readAll(text, "t")) {
        const once = writeText(datum);
        assert.equal(writeText(readAll(once, "t")[0]), once, `seed ${seed}, round ${round}: ${JSON.stringify(text)}`);
      }
    } catch (error) {
      assert.ok(
        error instanceof SchemeError,
        `seed ${seed}, round ${round}: ${JSON.stringify(text)}: ${String(error)}`,
      );
    }
  }
});
