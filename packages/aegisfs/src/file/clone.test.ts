/** Goal: a copy shares blocks wherever the ranges allow it, and is one where they do not. */
import { test } from "node:test";
import assert from "node:assert/strict";
import { FIEMAP_EXTENT_SHARED, S_IFREG } from "@stratos/abi";
import { ROOT_INO } from "../aegisfs.ts";
import { freshVolume } from "../testing/fresh-volume.ts";
import type { FileExtent } from "./extent-list.ts";

test("a copy over a file as long shares the last piece, too; over a longer one it does not", () => {
  for (const [size, shared] of [
    [9000, true],
    [9001, false],
  ] as const) {
    const { root } = freshVolume(8).volume;
    const [source, target] = ["source", "target"].map((name, index) => {
      const ino = root.create(ROOT_INO, name, S_IFREG | 0o644, 0, 0);
      const length = index === 0 ? 9000 : size;
      assert.equal(root.write(ino, 0, new Uint8Array(length).fill(index + 1), 0, length), length);
      return ino;
    }) as [number, number];
    assert.equal(root.copyRange({ source, offset: 0, target, targetOffset: 0, length: 9000 }), 9000);
    const last = (root.extents(target, 8192, 1) as FileExtent[])[0]!;
    assert.equal((last.flags & FIEMAP_EXTENT_SHARED) !== 0, shared, `${size}`);
    const bytes = new Uint8Array(size);
    assert.equal(root.read(target, 0, bytes, 0, size), size);
    assert.ok(bytes.subarray(0, 9000).every((byte) => byte === 1) && (size === 9000 || bytes[9000] === 2));
  }
});
