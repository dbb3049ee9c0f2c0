/** The ring against a plain array, through growth, wrapping and emptying. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { ByteRing } from "./byte-ring.ts";
import { BytesCursor } from "./bytes-cursor.ts";
import { SeededRandom } from "./seeded-random.ts";

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

it("takes nothing of a piece that can't be read to its end, wherever the ring wraps", () => {
  for (const [readable, taken] of [
    [0, -14],
    [1, -14],
    [4096, -14],
    [32767, -14],
    [32768, 32768],
    [50000, 32768],
  ] as const) {
    for (const before of [0, 4000, 60000, 65000]) {
      const ring = new ByteRing();
      ring.writeFrom(new BytesCursor(new Uint8Array(before + 1)), 65536);
      ring.discard(before);
      let left = readable;
      const from = {
        remaining: 60000,
        take(target: Uint8Array, start: number, count: number): number {
          const done = Math.min(count, left);
          target.fill(7, start, start + done);
          left -= done;
          return done === 0 ? -14 : done;
        },
      };
      assert.equal(ring.writeFrom(from, 65536), taken);
      assert.equal(ring.length, 1 + Math.max(0, taken));
    }
  }
});

it("keeps what arrives before its turn, through growth and wrapping, until the gap is filled", () => {
  const random = new SeededRandom(11);
  const ring = new ByteRing();
  const source = Uint8Array.from({ length: 200_000 }, (_, index) => (index * 7 + (index >> 8)) & 0xff);
  let end = 0,
    read = 0;
  while (end < 180_000) {
    const gap = 1 + random.below(3000);
    const late = 1 + random.below(6000);
    ring.place(gap, source, end + gap, late);
    const moved = random.below(ring.length + 1);
    const into = new BytesCursor(new Uint8Array(moved));
    assert.equal(ring.readTo(into, moved, false), moved);
    assert.deepEqual(into.bytes, source.subarray(read, read + moved));
    read += moved;
    ring.place(0, source, end, gap);
    ring.extend(gap + late);
    end += gap + late;
    const copy = new Uint8Array(ring.length);
    ring.copyTo(copy, 0, 0, ring.length);
    assert.deepEqual(copy, source.subarray(read, end));
  }
});
