/** Goal: beside the durable root there is a copy of it that nothing overwrites. Method: commits, and what is free. */
import { test } from "node:test";
import assert from "node:assert/strict";
import { S_IFREG } from "@stratos/abi";
import { BLOCK_SIZE, NODE_SIZE } from "../format/geometry.ts";
import { ROOT_INO } from "../aegisfs.ts";
import { freshVolume } from "../testing/fresh-volume.ts";

test("the root's copy is kept from one commit to the next, and its place is free after that", () => {
  const { device, volume } = freshVolume(32);
  const { root, space, superblock } = volume;
  const bytesAt = (block: number): Uint8Array => {
    const bytes = new Uint8Array(NODE_SIZE);
    assert.ok(device.read(block * BLOCK_SIZE, bytes, 0, NODE_SIZE) >= 0);
    return bytes;
  };
  const places = [1, 2, 3].map((round) => {
    root.create(ROOT_INO, `file ${round}`, S_IFREG | 0o644, 0, 0);
    assert.equal(volume.commit(), 0);
    const { rootCopy } = superblock;
    assert.ok(rootCopy > 0);
    assert.deepEqual(bytesAt(rootCopy), bytesAt(volume.tree.root[0]!), "the same node");
    assert.ok(space.findLastQuad() !== rootCopy, "its place is not given away");
    return rootCopy;
  });
  assert.equal(places[2], places[0], "the copies of two roots take turns");
  assert.notEqual(places[1], places[0]);
});
