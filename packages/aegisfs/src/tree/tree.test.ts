/**
 * The tree against a sorted list: random items of all sizes in and out, every way to search, over several levels and
 * commits.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { SeededRandom } from "@stratos/base";
import type { TreeNode } from "./node-cache.ts";
import { freshVolume } from "../testing/fresh-volume.ts";
import { ENTRY_AT_POINTER, NODE_HEADER_WORDS } from "../format/node-layout.ts";
import { Tree } from "./tree.ts";

type Key = readonly [number, number, number];
const less = (a: Key, b: Key): number => a[0] - b[0] || a[1] - b[1] || a[2] - b[2];

function run(seed: number, keys: number, steps: number, sizeMax: number): void {
  const random = new SeededRandom(seed);
  const { volume } = freshVolume(256);
  const tree = new Tree(volume.cache, volume);
  tree.initialize();
  const model = new Map<string, { key: Key; length: number; mark: number }>();
  const randomKey = (): Key => {
    const number = random.below(keys);
    return [
      number % 7 === 0 ? 0xffffffff : number % 13,
      number % 3 === 0 ? 0xff000000 + (number % 5) : 3,
      (number * 0x9e3779b1) >>> 0,
    ];
  };
  for (let step = 0; step < steps; step++) {
    const key = randomKey();
    const [k0, k1, k2] = key;
    const name = key.join();
    const known = model.get(name);
    const growing = step < steps * 0.6;
    const action = random.below(10);
    if (action < (growing ? 6 : 1)) {
      const length = random.below(random.below(8) === 0 ? sizeMax : 60);
      const offset = known === undefined ? tree.insert(k0, k1, k2, length) : tree.replace(k0, k1, k2, length);
      tree.bytes.fill(step & 255, offset, offset + length);
      model.set(name, { key, length, mark: step & 255 });
    } else if (action < (growing ? 7 : 6)) {
      assert.equal(tree.remove(k0, k1, k2), known !== undefined);
      model.delete(name);
    } else {
      assert.equal(tree.find(k0, k1, k2), known !== undefined);
      if (known !== undefined) {
        assert.equal(tree.length, known.length);
        for (let at = 0; at < known.length; at++) assert.equal(tree.bytes[tree.offset + at], known.mark);
      }
    }
    if (random.below(steps / 3) === 0) {
      const nodes: TreeNode[] = [];
      tree.seal(nodes);
      volume.superblock.generation++;
      for (const node of nodes) {
        volume.store.write(node.block, 4, node.bytes, 0);
        volume.cache.clean(node);
      }
    }
  }
  const sorted = [...model.values()].sort((a, b) => less(a.key, b.key));
  let index = 0;
  for (let more = tree.ceiling(0, 0, 0); more; more = tree.next(), index++) {
    assert.deepEqual([tree.key(0), tree.key(1), tree.key(2)], [...sorted[index]!.key]);
    assert.equal(tree.length, sorted[index]!.length);
  }
  assert.equal(index, sorted.length);
  for (let probe = 0; probe < 500; probe++) {
    const key = randomKey();
    const at = sorted.findIndex((item) => less(item.key, key) >= 0);
    assert.equal(tree.ceiling(...key), at >= 0);
    if (at >= 0) assert.deepEqual([tree.key(0), tree.key(1), tree.key(2)], [...sorted[at]!.key]);
    const below = sorted.findLast((item) => less(item.key, key) <= 0);
    assert.equal(tree.floor(...key), below !== undefined);
    if (below !== undefined) assert.deepEqual([tree.key(0), tree.key(1), tree.key(2)], [...below.key]);
  }
  for (const { key } of sorted) assert.ok(tree.remove(...key));
  assert.ok(!tree.ceiling(0, 0, 0), "an emptied tree is empty");
}

test("few large items", () => run(1, 400, 6000, 4160));
test("many small items over several levels", () => run(2, 200_000, 80_000, 80));
test("ascending insertion fills leaves", () => {
  const { volume } = freshVolume(64);
  const tree = new Tree(volume.cache, volume);
  const before = volume.space.freeBlocks;
  tree.initialize();
  for (let key = 0; key < 20_000; key++) tree.insert(1, 2, key, 64);
  const leaves = Math.ceil((20_000 * 80) / 16_300);
  assert.ok((before - volume.space.freeBlocks) / 4 < leaves * 1.05 + 3);
});
test("a root that a repair left with one child may lose it, too", () => {
  for (const [keys, levels] of [
    [400, 1],
    [200_000, 2],
  ] as const) {
    const { volume } = freshVolume(256);
    const tree = new Tree(volume.cache, volume);
    tree.initialize();
    for (let key = 0; key < keys; key++) tree.insert(1, 2, key, 64);
    let node = volume.cache.load(tree.root, 0);
    assert.equal(node.level, levels);
    // Of each branch the first child alone is left.
    for (; node.level > 0; node = volume.cache.load(node.words, NODE_HEADER_WORDS + ENTRY_AT_POINTER)) node.count = 1;
    const left = node.count;
    const before = volume.space.freeBlocks;
    for (let key = 0; key < left; key++) assert.ok(tree.remove(1, 2, key));
    assert.ok(!tree.ceiling(0, 0, 0));
    assert.equal(volume.space.freeBlocks, before + 4 * levels, "its branches are given back");
    tree.insert(1, 2, 3, 64);
    assert.ok(tree.find(1, 2, 3));
  }
});
