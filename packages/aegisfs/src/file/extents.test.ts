/**
 * Goal: an extent of a shape that no writer makes is refused wherever it is met, and the check names it. Method: one
 * item of a file is forged, with right checksums above it.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { EUCLEAN, S_IFREG } from "@stratos/abi";
import { check, mount, ROOT_INO } from "../aegisfs.ts";
import {
  EXTENT_AT_BLOCK,
  EXTENT_AT_FLAGS,
  EXTENT_AT_LENGTH,
  EXTENT_AT_SKIP,
  EXTENT_LOST,
  extentSize,
} from "../format/extent-item.ts";
import { EXTENT_BLOCKS_MAX, FILE_BLOCKS_MAX, UNIT_BLOCKS } from "../format/geometry.ts";
import { highOf, KIND_EXTENT, keyMiddle } from "../format/key.ts";
import { freshVolume, mountedVolume } from "../testing/fresh-volume.ts";
import { Failure } from "../failure.ts";
import { findNextExtent } from "./extents.ts";

const LZ4 = 1;

interface Shape {
  start?: number;
  length: number;
  stored: number;
  flags?: number;
  skip?: number;
  /** Checksums that the value has room for; default: one for each stored block. */
  checksums?: number;
}

const WRONG: Readonly<Record<string, Shape>> = {
  "fewer blocks on the device than in the file": { length: 3, stored: 2 },
  "more blocks on the device than in the file": { length: 1, stored: 2 },
  "no block": { length: 0, stored: 0 },
  "more blocks than an extent may have": { length: EXTENT_BLOCKS_MAX + 1, stored: EXTENT_BLOCKS_MAX + 1 },
  "blocks behind the last that a file may have": { start: FILE_BLOCKS_MAX - 1, length: 2, stored: 2 },
  "a value that is too short": { length: 2, stored: 2, checksums: 1 },
  "a value that is too long": { length: 2, stored: 2, checksums: 3 },
  "lost, with a block on the device": { length: 2, stored: 1, flags: EXTENT_LOST },
  "compressed, with no block on the device": { length: 2, stored: 0, flags: LZ4 },
  "compressed, and no smaller": { length: UNIT_BLOCKS, stored: UNIT_BLOCKS, flags: LZ4 },
  "compressed, from behind its unit": { length: 2, stored: 1, flags: LZ4, skip: UNIT_BLOCKS - 1 },
};

for (const [what, { start = 0, length, stored, flags = 0, skip = 0, checksums = stored }] of Object.entries(WRONG)) {
  test(`an extent is refused: ${what}`, () => {
    const { device, volume } = freshVolume(8);
    const ino = volume.root.create(ROOT_INO, "file", S_IFREG | 0o644, 0, 0);
    const bytes = new Uint8Array(12_288).fill(5);
    assert.equal(volume.root.write(ino, 0, bytes, 0, bytes.length), bytes.length);
    assert.equal(volume.commit(), 0);
    const { tree } = volume.root;
    assert.ok(tree.edit(ino, keyMiddle(KIND_EXTENT, 0), 0));
    const block = tree.words[(tree.offset >>> 2) + EXTENT_AT_BLOCK]!;
    assert.ok(tree.remove(ino, keyMiddle(KIND_EXTENT, 0), 0));
    const size = extentSize(checksums);
    const at = tree.insert(ino, keyMiddle(KIND_EXTENT, highOf(start)), start >>> 0, size) >>> 2;
    tree.words.fill(0, at, at + size / 4);
    tree.words[at + EXTENT_AT_BLOCK] = block;
    tree.words[at + EXTENT_AT_LENGTH] = length | (stored << 16);
    tree.words[at + EXTENT_AT_FLAGS] = flags;
    tree.words[at + EXTENT_AT_SKIP] = skip;
    assert.equal(volume.commit(), 0);

    const { root } = mountedVolume(mount(device));
    assert.throws(
      () => findNextExtent(root, ino, start),
      (thrown) => thrown instanceof Failure && thrown.kind === "corrupt-node",
    );
    if (start === 0) assert.equal(root.read(ino, 0, bytes, 0, bytes.length), -EUCLEAN);
    assert.equal(root.truncate(ino, 0), -EUCLEAN);
    const problems = check(device);
    assert.ok(typeof problems === "object" && problems.length > 0, "check says nothing");
  });
}
