/** Goal: numbers in texts are those that Linux reads there. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { kernelNumber, onlyNumber } from "./kernel-number.ts";

test("the base stands before the digits", () => {
  const values = ["0", "10", "010", "0x1F", "0XaB", "99999999999"].map(kernelNumber);
  assert.deepEqual(values, [0, 10, 8, 31, 171, 99999999999]);
});

test("what is no number is none", () => {
  for (const text of ["", " ", "x", "08", "0x", "1e2", "1.5", "-1", "1 "]) assert.ok(Number.isNaN(kernelNumber(text)));
  for (const text of ["", "-", "5 6", "--5", "1.0", "Infinity"]) assert.ok(Number.isNaN(onlyNumber(text)));
});

test("white space and a sign may stand around one that is alone", () => {
  assert.deepEqual([" -5\n", "+0x10", "7 "].map(onlyNumber), [-5, 16, 7]);
});
