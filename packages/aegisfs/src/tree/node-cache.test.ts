/**
 * Goal: a node that is not the one that its pointer means, or whose parts lie outside of it or in each other, is not
 * taken, be its checksum right or not. Method: sound nodes, each broken in one place.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { NODE_SIZE } from "../format/geometry.ts";
import {
  ENTRIES_MAX,
  ENTRY_WORDS,
  NODE_AT_BIRTH_HIGH,
  NODE_AT_BIRTH_LOW,
  NODE_AT_BLOCK,
  NODE_AT_COUNT,
  NODE_AT_GARBAGE,
  NODE_AT_LEVEL,
  NODE_AT_MAGIC,
  NODE_AT_VALUES,
  NODE_HEADER_WORDS,
  NODE_MAGIC,
  POINTER_AT_BIRTH_HIGH,
  POINTER_AT_BIRTH_LOW,
  POINTER_AT_BLOCK,
  POINTER_AT_CHECKSUM,
  POINTER_WORDS,
  SLOT_AT_VALUE,
  SLOT_WORDS,
} from "../format/node-layout.ts";
import { nodeMatches, TreeNode } from "./node-cache.ts";

const BLOCK = 4096;

function header(level: number, count: number): TreeNode {
  const node = new TreeNode(BLOCK, level);
  const { words } = node;
  words[NODE_AT_MAGIC] = NODE_MAGIC;
  words[NODE_AT_LEVEL] = level;
  words[NODE_AT_COUNT] = count;
  words[NODE_AT_BLOCK] = BLOCK;
  words[NODE_AT_BIRTH_LOW] = 7;
  words[NODE_AT_BIRTH_HIGH] = 1;
  return node;
}

/** An inner node whose entries have the keys (1, 1, n). */
function inner(count: number): TreeNode {
  const node = header(1, count);
  for (let entry = 0; entry < Math.min(count, ENTRIES_MAX); entry++)
    node.words.set([1, 1, entry], NODE_HEADER_WORDS + entry * ENTRY_WORDS);
  return node;
}

/** A leaf whose items have the keys (1, 1, n) and values of eight bytes, from the node's end down. */
function leaf(count: number): TreeNode {
  const node = header(0, count);
  for (let item = 0; item < count; item++) {
    const at = NODE_HEADER_WORDS + item * SLOT_WORDS;
    node.words.set([1, 1, item], at);
    node.words[at + SLOT_AT_VALUE] = ((NODE_SIZE - (item + 1) * 8) << 16) | 8;
  }
  node.words[NODE_AT_VALUES] = NODE_SIZE - count * 8;
  return node;
}

/** Is the node taken when its pointer has the right checksum, and this for the rest? */
function isTaken(node: TreeNode, pointed: Partial<Record<number, number>> = {}): boolean {
  const pointer = new Uint32Array(POINTER_WORDS + 3);
  const put = (at: number, value: number): void => void (pointer[3 + at] = pointed[at] ?? value);
  put(POINTER_AT_BLOCK, BLOCK);
  put(POINTER_AT_BIRTH_LOW, 7);
  put(POINTER_AT_BIRTH_HIGH, 1);
  put(POINTER_AT_CHECKSUM, node.checksum());
  return nodeMatches(node, pointer, 3);
}

function broken(node: TreeNode, at: number, value: number): TreeNode {
  node.words[at] = value;
  return node;
}

test("a node is the one of its pointer: checksum, block, birth, level, magic", () => {
  for (const make of [() => inner(3), () => leaf(3)]) {
    assert.equal(isTaken(make()), true);
    for (const [at, value] of [
      [POINTER_AT_CHECKSUM, make().checksum() ^ 1],
      [POINTER_AT_BLOCK, BLOCK + 4],
      [POINTER_AT_BIRTH_LOW, 8],
      [POINTER_AT_BIRTH_HIGH, 2],
    ] as const)
      assert.equal(isTaken(make(), { [at]: value >>> 0 }), false, `pointer's word ${at}`);
    for (const [at, value] of [
      [NODE_AT_MAGIC, 1],
      [NODE_AT_LEVEL, 2],
      [NODE_AT_BLOCK, BLOCK + 4],
      [NODE_AT_BIRTH_LOW, 8],
      [NODE_AT_BIRTH_HIGH, 2],
    ] as const)
      assert.equal(isTaken(broken(make(), at, value)), false, `node's word ${at}`);
  }
});

test("an inner node has at least one entry, and no more than fit", () => {
  assert.equal(isTaken(inner(1)), true);
  assert.equal(isTaken(inner(ENTRIES_MAX)), true);
  assert.equal(isTaken(inner(0)), false);
  assert.equal(isTaken(inner(ENTRIES_MAX + 1)), false);
});

test("keys ascend, by all three words", () => {
  for (const [node, stride] of [
    [() => inner(3), ENTRY_WORDS],
    [() => leaf(3), SLOT_WORDS],
  ] as const) {
    const withKey = (...key: number[]): TreeNode => {
      const made = node();
      made.words.set(key, NODE_HEADER_WORDS + stride);
      made.words.set([3, 3, 3], NODE_HEADER_WORDS + 2 * stride);
      return made;
    };
    for (const key of [
      [1, 1, 1],
      [1, 2, 0],
      [2, 0, 0],
    ])
      assert.equal(isTaken(withKey(...key)), true, key.join());
    for (const key of [
      [1, 1, 0],
      [1, 0, 9],
      [0, 9, 9],
      [3, 3, 3],
      [4, 0, 0],
    ])
      assert.equal(isTaken(withKey(...key)), false, key.join());
  }
});

test("a leaf's values lie between its slots and its end, on words, and not below where they begin", () => {
  const valueAt = NODE_HEADER_WORDS + 2 * SLOT_WORDS + SLOT_AT_VALUE;
  const value = (offset: number, length: number): number => ((offset << 16) | length) >>> 0;
  assert.equal(isTaken(leaf(0)), true);
  assert.equal(isTaken(broken(leaf(3), valueAt, value(NODE_SIZE - 24, 7))), true);
  assert.equal(isTaken(broken(leaf(3), valueAt, value(NODE_SIZE - 24, 0))), true);
  assert.equal(
    isTaken(broken(leaf(3), valueAt, value(NODE_SIZE - 28, 0))),
    true,
    "of no bytes, as earlier versions left",
  );
  for (const bad of [value(NODE_SIZE - 28, 8), value(NODE_SIZE - 22, 4), value(NODE_SIZE - 4, 8), value(NODE_SIZE, 4)])
    assert.equal(isTaken(broken(leaf(3), valueAt, bad)), false, bad.toString(16));
  for (const values of [NODE_SIZE + 4, NODE_SIZE - 22, (NODE_HEADER_WORDS + 3 * SLOT_WORDS - 1) * 4])
    assert.equal(isTaken(broken(leaf(3), NODE_AT_VALUES, values)), false, String(values));
  assert.equal(
    isTaken(broken(leaf(3), NODE_AT_VALUES, (NODE_HEADER_WORDS + 3 * SLOT_WORDS) * 4)),
    true,
    "no room left",
  );
});

test("values and garbage are no more than there is room for", () => {
  assert.equal(isTaken(broken(leaf(3), NODE_AT_GARBAGE, 4)), false);
  const roomy = broken(leaf(3), NODE_AT_VALUES, NODE_SIZE - 32);
  assert.equal(isTaken(broken(roomy, NODE_AT_GARBAGE, 8)), true);
  assert.equal(isTaken(broken(roomy, NODE_AT_GARBAGE, 12)), false);
  const twice = leaf(3);
  twice.words[NODE_HEADER_WORDS + SLOT_AT_VALUE] = ((NODE_SIZE - 24) << 16) | 20;
  assert.equal(isTaken(twice), false, "values in each other");
});
