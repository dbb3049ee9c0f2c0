/**
 * Goal: where a file has data and where a hole, as lseek(2) tells with SEEK_DATA and SEEK_HOLE. Method: small files of
 * each shape, asked at each place that matters.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ENXIO, S_IFREG } from "@stratos/abi";
import { ROOT_INO } from "../aegisfs.ts";
import { freshVolume } from "../testing/fresh-volume.ts";
import { preallocate } from "./holes.ts";

const BLOCK = 4096;
/** Kept beside the inode. */
const SHORT = 60;

/** A file of `[offset, length]` pieces that are written, cut to `size`. */
function make(size: number, pieces: readonly (readonly [number, number])[]): { root: Root; ino: number } {
  const { root } = freshVolume(16).volume;
  const ino = root.create(ROOT_INO, "file", S_IFREG | 0o644, 0, 0);
  for (const [offset, length] of pieces)
    assert.equal(root.write(ino, offset, new Uint8Array(length).fill(1), 0, length), length);
  assert.equal(root.truncate(ino, size), 0);
  return { root, ino };
}
type Root = ReturnType<typeof freshVolume>["volume"]["root"];

test("a file that begins with a hole has one at 0, and data where that begins", () => {
  const { root, ino } = make(3 * BLOCK, [[BLOCK, 10]]);
  assert.deepEqual(
    [0, 5, BLOCK, BLOCK + 5, 2 * BLOCK].map((at) => root.seekHole(ino, at)),
    [0, 5, 2 * BLOCK, 2 * BLOCK, 2 * BLOCK],
  );
  assert.deepEqual(
    [0, BLOCK, BLOCK + 5, 2 * BLOCK].map((at) => root.seekData(ino, at)),
    [BLOCK, BLOCK, BLOCK + 5, -ENXIO],
  );
});

test("a file without a hole has one at its end alone, however short it is", () => {
  for (const size of [SHORT, BLOCK, BLOCK + 1, 3 * BLOCK]) {
    const { root, ino } = make(size, [[0, size]]);
    assert.deepEqual([root.seekHole(ino, 0), root.seekHole(ino, size - 1)], [size, size]);
    assert.deepEqual([root.seekData(ino, 0), root.seekData(ino, size - 1)], [0, size - 1]);
    for (const at of [size, -1]) assert.deepEqual([root.seekHole(ino, at), root.seekData(ino, at)], [-ENXIO, -ENXIO]);
  }
});

test("a short file that has grown has a hole behind its first block", () => {
  const { root, ino } = make(2 * BLOCK, [[0, SHORT]]);
  assert.deepEqual([root.seekHole(ino, 0), root.seekData(ino, 0), root.seekData(ino, BLOCK)], [BLOCK, 0, -ENXIO]);
});

test("room that is only held is a hole", () => {
  const { root, ino } = make(2 * BLOCK, [[BLOCK, BLOCK]]);
  assert.equal(preallocate(root, ino, 0, BLOCK, false), 0);
  assert.deepEqual([root.seekHole(ino, 0), root.seekData(ino, 0)], [0, BLOCK]);
});

test("where room is only held is told, as far as it goes, beyond the file's end as well", () => {
  const { root, ino } = make(2 * BLOCK, [[BLOCK, BLOCK]]);
  assert.equal(root.seekUnwritten(ino, 0, Infinity), -ENXIO);
  assert.equal(preallocate(root, ino, 0, 4 * BLOCK, true), 0);
  assert.deepEqual(
    [0, 5, BLOCK, 2 * BLOCK, 3 * BLOCK + 1, 4 * BLOCK].map((at) => root.seekUnwritten(ino, at, Infinity)),
    [0, 5, 2 * BLOCK, 2 * BLOCK, 3 * BLOCK + 1, -ENXIO],
  );
  assert.deepEqual([root.unwrittenEnd(ino, 0), root.unwrittenEnd(ino, 2 * BLOCK)], [BLOCK, 4 * BLOCK]);
  assert.deepEqual([root.unwrittenEnd(ino, BLOCK), root.unwrittenEnd(ino, 4 * BLOCK)], [BLOCK, 4 * BLOCK]);
  assert.equal(root.write(ino, 0, new Uint8Array(10), 0, 10), 10);
  assert.equal(root.seekUnwritten(ino, 0, Infinity), 2 * BLOCK);
  assert.equal(root.seekUnwritten(ino, 0, 2 * BLOCK), -ENXIO, "it begins no sooner");
});
