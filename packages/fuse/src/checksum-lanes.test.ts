/** Goal: vectors give the checksums that the format defines. Method: against the plain form, over random content, alignments and counts. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { checksumBlocks, useChecksumLanes } from "@stratos/aegisfs";
import { SeededRandom } from "@stratos/base";
import { NodeWasmEngine } from "@stratos/host-node";
import { makeChecksumLanes } from "./checksum-lanes.ts";

test("blocks that are summed together have the sums that they have alone", () => {
  const seed = 7;
  const random = new SeededRandom(seed);
  const engine = new NodeWasmEngine();
  const memory = engine.createMemory(16);
  const bytes = new Uint8Array(memory.buffer);
  random.fill(bytes.subarray(1024));
  bytes.fill(0, 8192, 16384);
  const lanes = makeChecksumLanes(engine, memory, 0);
  let calls = 0;
  useChecksumLanes({ ...lanes, run: (at, blocks) => (calls++, lanes.run(at, blocks)) });
  for (let round = 0; round < 60; round++) {
    const count = 1 + random.below(150);
    const at = 1024 + random.below(20_000) * (round % 4 === 0 ? 1 : 4);
    const together = new Uint32Array(count + 3);
    checksumBlocks(bytes, at, count, together, 3);
    const alone = new Uint32Array(count);
    // A copy is in another buffer, which vectors do not reach.
    const copy = bytes.slice(at, at + count * 4096);
    checksumBlocks(copy, 0, count, alone, 0);
    assert.deepEqual(together.subarray(3), alone, `seed ${seed}, round ${round}: ${count} blocks at ${at}`);
  }
  assert.ok(calls > 20, "vectors were used");
});
