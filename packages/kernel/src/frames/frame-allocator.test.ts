import assert from "node:assert/strict";
import { test } from "node:test";
import { ENOMEM } from "@stratos/abi";
import { createTestKernel } from "../testing/fake-task.ts";
import { PageCache } from "./page-cache.ts";

test("frames count their references, and a double free is refused", () => {
  const { frames, memory } = createTestKernel().kernel;
  const frame = frames.allocate(memory);
  frames.retain(frame);
  frames.release(frame);
  assert.equal(frames.references(frame), 1);
  frames.release(frame);
  assert.throws(() => frames.release(frame), /a released frame is in use/);
  assert.throws(() => frames.retain(frame), /a retained frame is in use/);
});

test("a zeroed frame is zero whatever it held", () => {
  const { frames, memory, physical } = createTestKernel().kernel;
  const frame = frames.allocate(memory);
  physical.u8.fill(255, frame * 4096, frame * 4096 + 4096);
  frames.release(frame);
  const again = frames.allocateZeroed(memory);
  assert.equal(again, frame, "the warm frame is used first");
  assert.ok(physical.u8.subarray(again * 4096, again * 4096 + 4096).every((byte) => byte === 0));
});

test("leaks are told with their number and where the frames were taken", () => {
  const { frames, memory } = createTestKernel().kernel;
  frames.trackSites = true;
  const kept = [frames.allocate(memory), frames.allocate(memory)];
  frames.release(frames.allocate(memory));
  const leaks = frames.leaks();
  assert.equal(leaks.count, 2);
  assert.match([...leaks.sites.keys()][0]!, /frame-allocator\.test/);
  for (const frame of kept) frames.release(frame);
  assert.equal(frames.leaks().count, 0);
});

test("clean cached pages are given up before an allocation fails; dirty and mapped ones are not", () => {
  const { frames, memory } = createTestKernel().kernel;
  const stored: number[] = [];
  const cache = new PageCache(memory, {
    readPage: (index, bytes, at) => (bytes.fill(index, at, at + 4096), 0),
    writePage: (index) => (stored.push(index), 0),
  });
  while (memory.free > 0) assert.ok(cache.frame(cache.pageCount) > 0);
  const mapped = cache.peek(0);
  frames.retain(mapped);
  cache.markDirty(1);
  const taken: number[] = [];
  for (let frame = frames.allocate(memory); frame > 0; frame = frames.allocate(memory)) taken.push(frame);
  assert.equal(frames.allocate(memory), -ENOMEM);
  assert.equal(cache.pageCount, 2);
  assert.equal(cache.peek(0), mapped);
  assert.deepEqual(stored, [], "reclaim writes nothing by itself");
  for (const frame of taken) frames.release(frame);
  assert.equal(cache.frame(77) > 0, true);
});
