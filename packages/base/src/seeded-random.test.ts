import assert from "node:assert/strict";
import { test } from "node:test";
import { SeededRandom } from "./seeded-random.ts";

test("bytes are those that single draws would give, and draws go on behind them", () => {
  const filling = new SeededRandom(20261121);
  const drawing = new SeededRandom(20261121);
  const bytes = new Uint8Array(1000);
  filling.fill(bytes);
  assert.deepEqual(
    bytes,
    Uint8Array.from(bytes, () => drawing.u32() >>> 24),
  );
  assert.equal(filling.u32(), drawing.u32());
});
