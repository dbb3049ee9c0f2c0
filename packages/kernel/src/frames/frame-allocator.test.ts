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

test("with windows a frame is had by its number, where it is free, and no more are touched than there are", () => {
  const { kernel } = createTestKernel({ memoryBytes: 16 * 4096, windows: true });
  const { frames, memory, physical } = kernel;
  const FAR = 0xc0000;
  const before = frames.freeCount;
  assert.equal(frames.allocateAt(memory, FAR, true), FAR);
  assert.equal(frames.allocateAt(memory, FAR, true), 0, "somebody has it");
  assert.equal(frames.allocateAt(memory, 1, true), 0, "no frame");
  assert.equal(frames.allocateAt(memory, frames.allocate(memory), true), 0, "an ordinary one");
  assert.equal(frames.freeCount, before - 2);
  physical.u8.fill(255, FAR * 4096, (FAR + 1) * 4096);
  frames.release(FAR);
  assert.equal(frames.freeCount, before - 1);
  assert.equal(frames.allocateAt(memory, FAR, true), FAR);
  assert.ok(physical.u8.subarray(FAR * 4096, (FAR + 1) * 4096).every((byte) => byte === 0));
  frames.release(FAR);

  // All that is left, whatever its number: the one that was given out by it among them.
  const rest: number[] = [];
  for (let frame = frames.allocateZeroed(memory); frame > 0; frame = frames.allocateZeroed(memory)) rest.push(frame);
  assert.equal(rest.length, before - 1);
  assert.equal(new Set(rest).size, rest.length);
  assert.ok(rest.includes(FAR));
  assert.equal(frames.freeCount, 0);
  assert.equal(frames.allocateAt(memory, FAR + 1, true), 0, "no memory");
  frames.release(rest[0]!);
  assert.equal(frames.allocateAt(memory, FAR + 1, true), 0, "not a frame more than was promised is touched");
  assert.equal(frames.allocateZeroed(memory), rest[0]);
  for (const frame of rest) frames.release(frame);
  assert.equal(frames.freeCount, before - 1);
});

test("frames that were given out by number are told among those in use, and go with their account", () => {
  const { frames, memory } = createTestKernel({ memoryBytes: 64 * 4096, windows: true }).kernel;
  for (const number of [0xf0000, 0xf0002, 0xe0000]) assert.equal(frames.allocateAt(memory, number, false), number);
  assert.deepEqual([...frames.used()].slice(-3), [0xe0000, 0xf0000, 0xf0002]);
  frames.release(0xf0000);
  assert.deepEqual([...frames.used()].slice(-2), [0xe0000, 0xf0002]);
  frames.close(memory);
  assert.equal(frames.usedCount, 0);
});

test("no frame is given twice where an account may have more than there are", () => {
  const { frames, memory } = createTestKernel({ memoryBytes: 64 * 4096 }).kernel;
  memory.limit = Infinity;
  const given = new Set<number>();
  for (let frame = frames.allocate(memory); frame >= 0; frame = frames.allocate(memory)) {
    assert.ok(!given.has(frame), `frame ${frame}`);
    given.add(frame);
  }
  assert.equal(frames.allocate(memory), -ENOMEM);
  const [one] = given;
  frames.release(one!);
  assert.equal(frames.allocate(memory), one);
});

test("where frames run short before an account is full, as beside forks, clean pages are given up, too", () => {
  const { frames, memory } = createTestKernel({ memoryBytes: 64 * 4096 }).kernel;
  memory.limit = Infinity;
  const cache = new PageCache(memory, { readPage: () => 0, writePage: () => 0 });
  while (frames.freeCount > 0) assert.ok(cache.frame(cache.pageCount) > 0);
  const cached = cache.pageCount;
  let taken = 0;
  while (frames.allocate(memory) > 0) taken++;
  assert.deepEqual([taken, cache.pageCount], [cached, 0]);
});
