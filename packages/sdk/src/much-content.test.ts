/** Goal: content that comes in pieces is what it would be at once, and others have turns meanwhile. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { encodedAtOnce, encodedPieces, joinLittleByLittle } from "./much-content.ts";
import { KeptOutput } from "./remote-program.ts";

test("a text is encoded piece by piece as it is at once, whatever lies where it is cut", () => {
  for (const middle of ["ab", "é", "\u{1f600}", "\ud83d", "\ude00", "\ud83dx", "€\u{1f600}\u{1f600}"]) {
    for (const before of [2 ** 20 - 2, 2 ** 20 - 1]) {
      const text = "x".repeat(before) + middle + "y".repeat(7);
      const pieces = [...encodedPieces(text)];
      assert.ok(pieces.length === 2);
      assert.equal(Buffer.compare(Buffer.concat(pieces), Buffer.from(text)), 0, JSON.stringify(middle));
      assert.equal(encodedAtOnce(text), null);
    }
  }
  assert.deepEqual([...encodedPieces("")], []);
  assert.deepEqual(encodedAtOnce("é"), Uint8Array.of(0xc3, 0xa9));
});

test("bytes are joined with turns between, and an output that was kept is whole", async () => {
  let turns = 0;
  const breathe = async (): Promise<void> => void turns++;
  const pieces = [5, 20 << 20, 0, 9 << 20].map((length, index) => new Uint8Array(length).fill(index + 1));
  const joined = await joinLittleByLittle(pieces, breathe);
  assert.equal(Buffer.compare(joined, Buffer.concat(pieces)), 0);
  assert.ok(turns >= 4, String(turns));
  for (const limit of [40 << 20, 30 << 20, 3 << 20]) {
    const output = new KeptOutput(limit, undefined);
    const written = Array.from({ length: 35 }, (_, index) => new Uint8Array(1 << 20).fill(index));
    for (const piece of written) output.add(piece, () => {});
    const bytes = await output.bytes(breathe);
    assert.equal(Buffer.compare(bytes, Buffer.concat(written).subarray(0, limit)), 0);
    assert.equal(output.isCut, limit < 35 << 20);
  }
});
