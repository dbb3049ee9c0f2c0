/** The ring against a plain array, through growth, wrapping and emptying. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { SeededRandom } from "@stratos/base";
import { BytesCursor } from "../ground/io-cursor.ts";
import { ByteRing } from "./byte-ring.ts";

it("gives back what was written, in order, for random sizes", () => {
  const random = new SeededRandom(7);
  const ring = new ByteRing();
  const model: number[] = [];
  let next = 0,
    read = 0;
  for (let step = 0; step < 600; step++) {
    if (random.below(2) === 0) {
      const bytes = Uint8Array.from({ length: random.below(9000) }, () => next++ & 0xff);
      const room = 60000 - model.length;
      const moved = ring.writeFrom(new BytesCursor(bytes), 60000);
      assert.equal(moved, Math.min(bytes.length, Math.max(0, room)));
      model.push(...bytes.subarray(0, moved));
      next -= bytes.length - moved;
    } else {
      const peek = random.below(4) === 0;
      const skip = peek ? random.below(model.length + 1) : 0;
      const into = new BytesCursor(new Uint8Array(random.below(9000)));
      const moved = ring.readTo(into, 9000, peek, skip);
      assert.deepEqual([...into.bytes.subarray(0, moved)], model.slice(skip, skip + moved));
      assert.equal(moved, Math.min(into.bytes.length, model.length - skip));
      if (!peek) {
        model.splice(0, moved);
        read += moved;
      }
    }
    assert.equal(ring.length, model.length);
    assert.equal(ring.readPosition, read);
  }
});
