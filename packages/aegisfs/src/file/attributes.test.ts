/** Goal: st_blocks of a file that waits to be stored is no hole's, and is what it takes afterwards. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { S_IFREG } from "@stratos/abi";
import { ROOT_INO } from "../aegisfs.ts";
import { commitAndCheck, freshVolume } from "../testing/fresh-volume.ts";
import { Attributes } from "./attributes.ts";

test("blocks are told before they are stored, the last one that is only in part there among them", () => {
  const { device, volume } = freshVolume(8);
  for (const [size, blocks] of [
    [10, 1],
    [2048, 4],
    [4096, 8],
    [5000, 16],
    [8192, 16],
    [8193, 24],
  ] as const) {
    const ino = volume.root.create(ROOT_INO, `f${size}`, S_IFREG | 0o644, 0, 0);
    const bytes = new Uint8Array(size).fill(7);
    assert.equal(volume.root.write(ino, 0, bytes, 0, size), size);
    const told = (): number => {
      const attributes = new Attributes();
      assert.equal(volume.root.stat(ino, attributes), 0);
      return attributes.blocks;
    };
    assert.equal(told(), blocks, `${size} bytes that wait`);
    commitAndCheck(volume, device);
    assert.equal(told(), blocks, `${size} bytes that are stored`);
    if (size > 2048) continue;
    assert.equal(volume.root.truncate(ino, 1 << 20), 0);
    commitAndCheck(volume, device);
    assert.equal(told(), 4, `${size} bytes in the inode, and a hole`);
  }
});
