/** Goal: what is written goes in order, however much it is. Method: a socket that keeps what it is given. */
import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { test } from "node:test";
import { SlicedChannel } from "./sliced-channel.ts";

test("little and much go in the order in which they were written, in slices with turns between", async () => {
  const taken: { readonly bytes: Uint8Array; readonly isBlocking: boolean }[] = [];
  let isBlocking = false;
  const channel = new SlicedChannel({
    writable: true,
    write: (bytes: Uint8Array) => taken.push({ bytes, isBlocking }),
    _handle: { setBlocking: (is: boolean) => (isBlocking = is) },
  } as unknown as Socket);
  const sizes = [3, 9 << 20, 5, 0, (4 << 20) + 1, 7];
  const pieces = sizes.map((size, index) => new Uint8Array(size).fill(index + 1));
  for (const piece of pieces) channel.write(piece);
  assert.equal(taken.length, 2, "the rest waits for its turns");
  const count = (): number => taken.reduce((sum, { bytes }) => sum + bytes.length, 0);
  const whole = Buffer.concat(pieces);
  while (count() < whole.length) await new Promise((resolve) => setImmediate(resolve));
  channel.write(pieces[0]!);
  while (count() < whole.length + 3) await new Promise((resolve) => setImmediate(resolve));
  assert.ok(Buffer.concat(taken.map(({ bytes }) => bytes)).equals(Buffer.concat([whole, pieces[0]!])));
  assert.ok(taken.every(({ bytes }) => bytes.length <= 4 << 20));
  assert.deepEqual([isBlocking, taken[0]!.isBlocking, taken[1]!.isBlocking], [false, false, true]);
  await new Promise((resolve) => setImmediate(resolve));
  taken.length = 0;
  channel.write(new Uint8Array(4_096_000));
  assert.deepEqual([isBlocking, taken.map((each) => each.isBlocking)], [false, [true]], "a screen goes at once");
});
