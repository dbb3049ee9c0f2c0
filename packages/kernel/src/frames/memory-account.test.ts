/**
 * Goal: frames are charged where they are taken and uncharged when they are free, in one place; a promise of frames
 * holds, whatever others take; limits below one hold for themselves.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ENOMEM } from "@stratos/abi";
import { createTestKernel } from "../testing/fake-task.ts";
import { FrameAllocator } from "./frame-allocator.ts";
import type { MemoryAccount } from "./memory-account.ts";
import { PageCache } from "./page-cache.ts";

function createFrames(): FrameAllocator {
  return new FrameAllocator(createTestKernel().kernel.physical);
}

function takeAll(account: MemoryAccount): number[] {
  const taken: number[] = [];
  for (let frame = account.frames.allocate(account); frame > 0; frame = account.frames.allocate(account))
    taken.push(frame);
  return taken;
}

test("an account gets what it was promised, and no more, whatever another takes", () => {
  const frames = createFrames();
  const small = frames.open({ limit: 20 })!;
  const rest = frames.open()!;
  assert.equal(frames.open({ limit: 1 }), null, "everything was promised");
  assert.equal(takeAll(rest).length, frames.total - 20);
  assert.equal(frames.allocate(rest), -ENOMEM);
  assert.deepEqual([small.free, takeAll(small).length, small.free], [20, 20, 0]);
  assert.equal(frames.freeCount, 0);
});

test("a frame stays charged to who took it until its last reference goes", () => {
  const frames = createFrames();
  const account = frames.open({ limit: 20 })!;
  const frame = frames.allocate(account);
  frames.retain(frame);
  frames.release(frame);
  assert.equal(account.charged, 1);
  frames.release(frame);
  assert.equal(account.charged, 0);
});

test("a limit below another one counts in both; what it leaves behind is its parent's", () => {
  const frames = createFrames();
  const top = frames.open({ limit: 30 })!;
  const group = frames.open({ limit: 10, parent: top })!;
  let asked = 0;
  group.shortage = { makeRoom: () => (asked++, false) };
  top.shortage = { makeRoom: () => assert.fail("the group's limit is its own affair") };
  const taken = takeAll(group);
  assert.deepEqual([taken.length, asked, group.charged, top.charged, top.free], [10, 1, 10, 10, 20]);
  frames.close(group);
  for (const frame of taken) frames.release(frame);
  assert.equal(top.charged, 0);
  const wide = frames.open({ limit: 100, parent: top })!;
  top.shortage = null;
  assert.equal(wide.free, 30);
  assert.equal(takeAll(wide).length, 30, "the parent's limit holds, too");
});

test("pages of files count where they are charged, and only that account's are reclaimed for it", () => {
  const frames = createFrames();
  const backing = { readPage: () => 0, writePage: () => 0 };
  const [mine, other] = [frames.open({ limit: 10 })!, frames.open({ limit: 10 })!];
  const [cache, foreign] = [new PageCache(mine, backing), new PageCache(other, backing)];
  for (let index = 0; index < 10; index++) {
    cache.frame(index);
    foreign.frame(index);
  }
  assert.deepEqual([mine.cached, mine.free, other.cached], [10, 0, 10]);
  assert.ok(frames.allocate(mine) > 0);
  assert.deepEqual([cache.pageCount, mine.cached, foreign.pageCount, other.cached], [0, 0, 10, 10]);
});

test("clean pages of a fork that lends them go before a program of its family does; of another they stay", () => {
  const frames = createFrames();
  const original = frames.open({ limit: 10 })!;
  const family = frames.familyOf(original)!;
  const [lending, saved] = [frames.open({ limit: 10, parent: family })!, frames.open({ limit: 10, parent: family })!];
  lending.lendsRoom = true;
  const backing = { readPage: () => 0, writePage: () => 0 };
  const [lent, kept] = [new PageCache(lending, backing), new PageCache(saved, backing)];
  for (let index = 0; index < 4; index++) {
    lent.frame(index);
    kept.frame(index);
  }
  lent.markDirty(0);
  let killed = 0;
  original.shortage = { makeRoom: () => (killed++, false) };
  const taken = takeAll(original);
  assert.deepEqual([taken.length, lent.pageCount, kept.pageCount, killed], [5, 1, 4, 1]);
  for (const frame of taken) frames.release(frame);
  lent.frame(9);
  original.limit = 0;
  assert.deepEqual([frames.allocate(original), lent.pageCount], [-ENOMEM, 2], "its own limit is its own affair");
});

test("closing an account at the top frees its frames, whoever holds them, and its promise", () => {
  const frames = createFrames();
  const before = [frames.freeCount, frames.unpromised];
  const account = frames.open({ limit: 20 })!;
  const other = frames.open({ limit: 20 })!;
  const kept = frames.allocate(other);
  frames.retain(takeAll(account)[3]!);
  frames.close(account);
  assert.equal(frames.references(kept), 1);
  frames.release(kept);
  frames.close(other);
  assert.deepEqual([frames.freeCount, frames.unpromised], before);
});
