/** Goal: of what a program has written the last is kept, and shown without a part of a picture. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { KeptBytes } from "./desktop-programs.ts";

function keptOf(max: number, pieces: readonly string[]): string {
  const kept = new KeptBytes(max);
  for (const piece of pieces) kept.add(new TextEncoder().encode(piece));
  return new TextDecoder().decode(kept.bytes());
}

test("the last bytes are kept, in whatever pieces they came", () => {
  assert.equal(keptOf(8, ["one ", "two ", "three"]), "wo three");
  assert.equal(keptOf(8, ["x".repeat(100), "12345678"]), "12345678");
  assert.equal(keptOf(8, [..."0123456789".repeat(10)]), "23456789");
});

test("of a picture that is cut nothing is kept", () => {
  const picture = `\x1bPq${"~".repeat(40)}\x1b\\`;
  assert.equal(keptOf(20, [picture, "after"]), "after");
  assert.equal(keptOf(20, [picture.slice(0, 44)]), "");
  assert.equal(keptOf(20, [picture.slice(0, 44), "\x1b\\", "after"]), "after");
  assert.equal(keptOf(64, [picture, "after"]), `${picture}after`);
});
