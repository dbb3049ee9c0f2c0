/** Goal: SHA-256 as everyone else has it. Judge: Node's own, over all lengths around block borders, in pieces. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { SeededRandom } from "./seeded-random.ts";
import { Sha256, sha256 } from "./sha256.ts";

test("digests equal Node's, whatever the length and the pieces", () => {
  const random = new SeededRandom(7);
  for (let length = 0; length < 300; length++) {
    const bytes = new Uint8Array(length);
    random.fill(bytes);
    const expected = createHash("sha256").update(bytes).digest("hex");
    assert.equal(Buffer.from(sha256(bytes)).toString("hex"), expected, `${length} bytes`);
    const digest = new Sha256();
    for (let at = 0; at < length;) {
      const count = 1 + random.below(90);
      digest.update(bytes.subarray(at, at + count));
      at += count;
    }
    assert.equal(Buffer.from(digest.digest()).toString("hex"), expected, `${length} bytes in pieces`);
  }
});
