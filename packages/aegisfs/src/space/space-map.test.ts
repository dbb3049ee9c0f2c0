/**
 * Allocation: what is given out is free, aligned and within bounds; what is given back waits for the commit; counts are
 * exact.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { SeededRandom } from "@stratos/base";
import { freshVolume } from "../testing/fresh-volume.ts";
import { Layout } from "../store/layout.ts";

test("random allocation and release match a set of blocks", () => {
  const { volume } = freshVolume(64);
  const space = volume.space;
  const random = new SeededRandom(5);
  const held = new Map<number, number>();
  const used = new Set<number>();
  const pinned = new Set<number>();
  const fresh = new Set<number>();
  const before = space.freeBlocks;
  const take = (start: number, length: number): void => {
    for (let block = start; block < start + length; block++) {
      assert.ok(!used.has(block) && !pinned.has(block), `block ${block} is given out twice`);
      assert.ok(block < volume.superblock.blocks);
      used.add(block);
      fresh.add(block);
    }
    held.set(start, length);
  };
  for (let step = 0; step < 6000; step++) {
    const action = random.below(10);
    if (action < 3 && space.availableQuads > 50) {
      const block = space.allocateNode();
      assert.equal(block % 4, 0);
      take(block, 4);
    } else if (action < 6 && space.availableQuads > 50) {
      const want = 1 + random.below(64);
      const length = space.allocateData(want, 40);
      if (length === 0) continue;
      assert.ok(length <= want);
      take(space.runStart, length);
    } else if (held.size > 0 && (action < 9 || space.availableQuads < 200)) {
      const [start, length] = [...held][random.below(held.size)]!;
      space.release(start, length);
      held.delete(start);
      for (let block = start; block < start + length; block++) {
        used.delete(block);
        if (!fresh.delete(block)) pinned.add(block);
      }
    } else if (random.below(20) === 0) {
      space.committed();
      pinned.clear();
      fresh.clear();
    }
    assert.equal(space.freeBlocks, before - used.size);
    assert.equal(space.availableBlocks, before - used.size - pinned.size);
  }
});

test("data leaves the quads that nodes need", () => {
  const { volume } = freshVolume(8);
  const space = volume.space;
  while (space.allocateData(7, 60) > 0);
  assert.ok(space.availableQuads >= 60);
  for (let node = 0; node < 60; node++) space.allocateNode();
});

test("an empty device has what the superblocks leave", () => {
  assert.deepEqual(Layout.ofDevice(0, 2048).countEmpty(), { freeBlocks: 2044, freeQuads: 510 });
});

test("what is given back while a reader holds the volume is not given out before it lets go", () => {
  const { volume } = freshVolume(64);
  const { space } = volume;
  // The volume has nothing to write: this is the end of a commit alone.
  const commit = (): void => space.committed();
  const length = space.allocateData(64, 40);
  const start = space.runStart;
  commit();
  space.hold();
  const available = space.availableBlocks;
  space.release(start, length);
  commit();
  commit();
  assert.ok(space.availableBlocks <= available, "it is free, but not available");
  while (space.availableQuads > 400) {
    const taken = space.allocateData(64, 40);
    if (taken === 0) break;
    assert.ok(space.runStart + taken <= start || space.runStart >= start + length, "a held block is given out");
  }
  space.letGo();
  commit();
  assert.equal(space.availableBlocks, space.freeBlocks);
});

test("a place for the log is the longest run that there is, when none is as long as it should be", () => {
  const { volume } = freshVolume(40);
  const { space } = volume;
  const taken: [number, number][] = [];
  for (let length = space.allocateData(64, -100); length > 0; length = space.allocateData(64, -100))
    taken.push([space.runStart, length]);
  assert.equal(space.findFree(16, 8), 0);
  for (const [start, length] of taken) for (let at = 0; at + 4 <= length; at += 4) space.release(start + at, 3);
  assert.equal(space.findFree(16, 8), 0, "runs of three are none");
  // What was taken in this transaction is free at once when it is given back.
  const [start] = taken[taken.length >> 1]!;
  for (const block of [3, 7]) space.release(start + block, 1);
  assert.equal(space.findFree(16, 8), 11);
  assert.equal(space.runStart, start);
  assert.equal(space.findFree(8, 8), 8);
});

test("a search in a full volume goes past what is known to be full, and finds what is given back", () => {
  const { volume } = freshVolume(34 * 32);
  const { space } = volume;
  const nodes: number[] = [];
  for (;;) {
    try {
      nodes.push(space.allocateNode());
    } catch (thrown) {
      assert.ok((thrown as { kind: string }).kind === "no-space");
      break;
    }
  }
  assert.equal(space.availableQuads, 0);
  for (let round = 0; round < 2000; round++) {
    const block = nodes[(round * 7919) % nodes.length]!;
    space.release(block, 4);
    assert.equal(space.allocateNode(), block);
  }
  for (const block of nodes) space.release(block, 4);
  assert.equal(space.allocateData(64, 0), 64);
});

test("a fragmented volume has its log, wherever the run for it is, and each changed bitmap is stored once", () => {
  const { volume } = freshVolume(80 * 32);
  const { space, tree } = volume;
  const taken: [number, number][] = [];
  for (let length = space.allocateData(64, -1000); length > 0; length = space.allocateData(64, -1000))
    taken.push([space.runStart, length]);
  const [start] = taken.find(([block, length]) => block >= 75 * 8192 && length === 64)!;
  space.release(start, 16);
  let calls = 1;
  while (space.findFree(16, 8) === 0) assert.ok(++calls <= 2, "64 groups are looked at in one call");
  assert.equal(space.runStart, start);
  // Room for the bitmaps' own leaves.
  for (const [block, length] of taken) if (block !== start) space.release(block, length);
  assert.equal(volume.sync(), 0);
  for (let group = 2; group < 80; group++) assert.ok(space.claim(group * 8192 + 600));
  const { dirtyGroups } = space;
  assert.ok(dirtyGroups > 70);
  let stored = 0;
  const replace = tree.replace.bind(tree);
  tree.replace = (...given): number => (stored++, replace(...given));
  space.store();
  assert.ok(stored <= dirtyGroups + 4, `${stored} items for ${dirtyGroups} groups`);
});

test("the last free quad is found, however much behind it is full", () => {
  const { volume } = freshVolume(34 * 128);
  const { space } = volume;
  const nodes: number[] = [];
  for (let left = space.availableQuads; left > 0; left--) nodes.push(space.allocateNode());
  assert.equal(space.findLastQuad(), -1);
  nodes.sort((a, b) => a - b);
  for (const place of [0, 3, nodes.length >> 1, nodes.length - 1]) {
    space.release(nodes[place]!, 4);
    assert.equal(space.findLastQuad(), nodes[place]);
  }
});
