import assert from "node:assert/strict";
import { test } from "node:test";
import { CallWork } from "../ground/call-work.ts";
import { createTestKernel } from "../testing/fake-task.ts";
import { PageCache, type PageWatcher } from "./page-cache.ts";

function watcher(pageChanged: (index: number) => void, isDone = false): PageWatcher {
  return { pageChanged, isDone };
}

test("each watcher hears of a change once, however often its mapping was made anew", () => {
  const { memory } = createTestKernel().kernel;
  const pages = new PageCache(memory, null);
  pages.frame(3);
  const heard: string[] = [];
  for (let process = 0; process < 20_000; process++)
    pages.watch(
      "text",
      watcher((index) => void heard.push(`text ${index}, process ${process}`)),
    );
  pages.watch(
    "other",
    watcher((index) => void heard.push(`other ${index}`)),
  );
  pages.markDirty(3);
  assert.deepEqual(heard, ["text 3, process 19999", "other 3"]);
  heard.length = 0;
  pages.drop(3);
  assert.deepEqual(heard, ["text 3, process 19999", "other 3"]);
});

test("watchers that are done go, though each has a name of its own", () => {
  const { memory } = createTestKernel().kernel;
  const pages = new PageCache(memory, null);
  let heard = 0;
  pages.watch(
    "lasting",
    watcher(() => heard++),
  );
  for (let version = 0; version < 10_000; version++) {
    pages.watch(
      `version ${version}`,
      watcher(() => {}, true),
    );
    assert.ok(pages.watcherCount <= 64, `${pages.watcherCount} watchers`);
  }
  pages.markDirty(0);
  assert.equal(heard, 1);
});

test("truncating gives up what lies behind, and the frames a piece at a time", () => {
  const { kernel } = createTestKernel({ memoryBytes: 64 << 20 });
  const { memory, reaper } = kernel;
  const pages = new PageCache(memory, null);
  const free = memory.free;
  for (let index = 0; index < 8000; index++) pages.frame(index);
  pages.frame(2 ** 40);
  pages.truncate(100 * 4096 + 5);
  assert.equal(pages.pageCount, 101);
  assert.equal(pages.peek(101), 0);
  assert.notEqual(pages.peek(100), 0);
  assert.equal(pages.peek(2 ** 40), 0);
  while (reaper.run());
  assert.equal(memory.free, free - 101);
  pages.truncate(0);
  while (reaper.run());
  assert.equal(memory.free, free);
  assert.equal(pages.pageCount, 0);
});

test("a range is walked in ascending order, a bounded piece at a time, also where the file is sparse", () => {
  const { kernel } = createTestKernel({ memoryBytes: 64 << 20 });
  for (const [count, stride] of [
    [6000, 1],
    [3000, 1000],
  ] as const) {
    const pages = new PageCache(kernel.memory, null);
    for (let index = count - 1; index >= 0; index--) pages.frame(index * stride);
    const seen: number[] = [];
    let at = 0,
      executions = 0;
    while (at < count * stride) {
      const work = new CallWork(1000);
      work.mayPause = true;
      const reached = pages.forEachInPieces(at, count * stride, work, (index) => seen.push(index));
      assert.ok(reached > at && work.spent < 1200, `${work.spent} units`);
      at = reached;
      executions++;
    }
    assert.ok(executions > 2);
    assert.deepEqual(
      seen,
      Array.from({ length: count }, (_, index) => index * stride),
    );
    pages.dispose();
    while (kernel.reaper.run());
  }
});

test("what a mapping wrote beyond the file's end is not stored, and gone once the rest is", () => {
  const { kernel } = createTestKernel();
  const { memory, physical } = kernel;
  const stored: string[] = [];
  const pages = new PageCache(memory, {
    readPage: () => 0,
    writePage: (_index, bytes, from, length) => {
      stored.push(Buffer.from(bytes.subarray(from, from + length)).toString("latin1"));
      return 0;
    },
  });
  const frame = pages.frame(0);
  physical.u8.set(Buffer.from("file beyond"), frame * 4096);
  pages.markDirty(0);
  assert.equal(pages.writeBack(4), 0);
  assert.deepEqual(stored, ["file"]);
  assert.equal(
    Buffer.from(physical.u8.subarray(frame * 4096, frame * 4096 + 11)).toString("latin1"),
    "file" + "\0".repeat(7),
  );
});
