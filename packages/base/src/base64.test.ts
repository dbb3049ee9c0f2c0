/** Goal: base 64 as others write it, and nothing else is taken for it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { fromBase64, toBase64 } from "./base64.ts";

test("bytes come back from base 64, which is what Node makes of them", () => {
  for (let length = 0; length < 8; length++) {
    const bytes = Uint8Array.from({ length }, (_, index) => index * 37);
    assert.equal(toBase64(bytes), Buffer.from(bytes).toString("base64"));
    assert.deepEqual(fromBase64(toBase64(bytes)), bytes);
  }
});

test("white space and missing padding are read, other characters are not", () => {
  assert.deepEqual(fromBase64("AQ\nID\n"), Uint8Array.of(1, 2, 3));
  assert.deepEqual(fromBase64("AQ"), Uint8Array.of(1));
  for (const text of ["not base64!", "A=Q=", "====", "A\u0141ID"]) assert.equal(fromBase64(text), undefined, text);
});
