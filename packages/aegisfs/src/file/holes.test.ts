/** Goal: room is made and given back only for ranges that there can be (fallocate(2)). Method: ranges at the edges. */
import { test } from "node:test";
import assert from "node:assert/strict";
import { EINVAL, S_IFREG } from "@stratos/abi";
import { Attributes, ROOT_INO } from "../aegisfs.ts";
import { freshVolume } from "../testing/fresh-volume.ts";
import { readAttributes } from "./attributes.ts";
import { preallocate, punchHole } from "./holes.ts";

test("a range begins at 0 or later and has a length", () => {
  const { volume } = freshVolume(16);
  const { root } = volume;
  const ino = root.create(ROOT_INO, "file", S_IFREG | 0o644, 0, 0);
  for (const [offset, length] of [
    [-1, 4096],
    [0, 0],
    [4096, -1],
    [-1, -1],
  ] as const) {
    assert.equal(preallocate(root, ino, offset, length, false), -EINVAL, `${offset} ${length}`);
    assert.equal(punchHole(root, ino, offset, length), -EINVAL, `${offset} ${length}`);
  }
  const attributes = new Attributes();
  assert.equal(readAttributes(root, ino, attributes), 0);
  assert.deepEqual([attributes.size, attributes.blocks], [0, 0]);
  assert.equal(preallocate(root, ino, 4096, 1, true), 0);
  assert.equal(preallocate(root, ino, 0, 1, false), 0);
  assert.equal(readAttributes(root, ino, attributes), 0);
  assert.equal(attributes.size, 1, "only what is said to grow it");
});
