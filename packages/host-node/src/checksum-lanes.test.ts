/**
 * Goal: vectors give the checksums that the format defines. Method: against the plain form, over random content,
 * alignments and counts.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { checksumBlocks, offerChecksumLanes, useChecksumLanes } from "@stratos/aegisfs";
import { SeededRandom } from "@stratos/base";
import { makeChecksumLanes, makeStagedLanes } from "./checksum-lanes.ts";
import { NodeWasmEngine } from "./wasm-engine.ts";

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

test("content in any memory has the sums that it has block by block", () => {
  const seed = 11;
  const random = new SeededRandom(seed);
  const bytes = new Uint8Array(200 * 4096 + 3);
  random.fill(bytes);
  let calls = 0;
  offerChecksumLanes(() => {
    const lanes = makeStagedLanes(new NodeWasmEngine());
    return { ...lanes, run: (at, blocks) => (calls++, lanes.run(at, blocks)) };
  });
  for (let round = 0; round < 40; round++) {
    const count = 1 + random.below(150);
    const at = random.below(bytes.length - count * 4096);
    const together = new Uint32Array(count);
    checksumBlocks(bytes, at, count, together, 0);
    const alone = new Uint32Array(count);
    for (let block = 0; block < count; block++) checksumBlocks(bytes, at + block * 4096, 1, alone, block);
    assert.deepEqual(together, alone, `seed ${seed}, round ${round}: ${count} blocks at ${at}`);
  }
  assert.ok(calls > 20, "vectors were used");
});
