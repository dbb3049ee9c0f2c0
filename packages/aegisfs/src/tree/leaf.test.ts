/**
 * Goal: a leaf that was written is one that is read. Method: items in and out of one leaf, and after each step the test
 * that every reader makes.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { SeededRandom } from "@stratos/base";
import {
  NODE_AT_BLOCK,
  NODE_AT_COUNT,
  NODE_AT_MAGIC,
  NODE_MAGIC,
  POINTER_AT_BLOCK,
  POINTER_AT_CHECKSUM,
  POINTER_WORDS,
  SLOT_WORDS,
} from "../format/node-layout.ts";
import { nodeMatches, TreeNode } from "./node-cache.ts";
import { initializeLeaf, itemSize, leafInsert, leafRemove, leafRoom, lowerBound } from "./leaf.ts";

const BLOCK = 12;

/** Is what the node holds now what a reader takes for whole? */
function isReadable(node: TreeNode): boolean {
  node.words[NODE_AT_MAGIC] = NODE_MAGIC;
  node.words[NODE_AT_BLOCK] = BLOCK;
  node.words[NODE_AT_COUNT] = node.count;
  const pointer = new Uint32Array(POINTER_WORDS);
  pointer[POINTER_AT_BLOCK] = BLOCK;
  pointer[POINTER_AT_CHECKSUM] = node.checksum();
  return nodeMatches(node, pointer, 0);
}

function freshLeaf(): TreeNode {
  const node = new TreeNode(BLOCK, 0);
  initializeLeaf(node);
  return node;
}

test("an item without a value outlives the one that was put in before it", () => {
  const node = freshLeaf();
  leafInsert(node, 0, 5, 0, 0, 128);
  const offset = leafInsert(node, 0, 1, 0, 0, 0);
  leafRemove(node, 1);
  leafInsert(node, 1, 6, 0, 0, 64);
  assert.equal(isReadable(node), true);
  assert.equal(offset >= node.words[3]!, true, "readers of earlier versions want every value behind the lowest");
});

test("a leaf with an item of no bytes below the lowest value, as earlier versions wrote it, is read", () => {
  const node = freshLeaf();
  leafInsert(node, 0, 1, 0, 0, 0);
  leafInsert(node, 1, 2, 0, 0, 8);
  node.words[12 + 3] = (12200 << 16) >>> 0;
  assert.equal(isReadable(node), true);
});

test("whatever goes in and out of a leaf, it stays readable, for earlier versions too", () => {
  const seed = 20;
  const random = new SeededRandom(seed);
  const node = freshLeaf();
  for (let step = 0; step < 20_000; step++) {
    const key = random.below(400);
    const slot = lowerBound(node.words, node.count, SLOT_WORDS, 0, 0, key);
    const isThere = slot < node.count && node.words[12 + slot * SLOT_WORDS + 2] === key;
    const length = random.below(3) === 0 ? 0 : random.below(200);
    if (isThere) leafRemove(node, slot);
    else if (leafRoom(node) >= itemSize(length))
      node.bytes.fill(step, leafInsert(node, slot, 0, 0, key, length), node.words[12 + slot * SLOT_WORDS + 3]! >>> 16);
    for (let each = 0; each < node.count; each++)
      assert.equal(
        node.words[12 + each * SLOT_WORDS + 3]! >>> 16 >= node.words[3]!,
        true,
        `seed ${seed}, step ${step}`,
      );
  }
  assert.equal(isReadable(node), true);
});
