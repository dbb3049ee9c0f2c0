/** Goal: a scrub mends superblocks and says how many. Method: superblocks are overwritten, then it runs to its end. */
import { test } from "node:test";
import assert from "node:assert/strict";
import { Scrub } from "../aegisfs.ts";
import { BLOCK_SIZE } from "../format/geometry.ts";
import { decodeSuperblock, SUPERBLOCK_SLOTS } from "../format/superblock.ts";
import { freshVolume } from "../testing/fresh-volume.ts";

test("superblocks that rot are written again, and counted", () => {
  for (const damaged of [[], [257], [1, 256]]) {
    const { device, volume } = freshVolume(16);
    for (let round = 0; round < 2; round++) {
      volume.root.touch();
      assert.equal(volume.commit(), 0);
    }
    for (const slot of damaged) device.write(slot * BLOCK_SIZE, new Uint8Array(BLOCK_SIZE).fill(0xee), 0, BLOCK_SIZE);
    const scrub = new Scrub(volume);
    while (scrub.step(64) === 1);
    assert.equal(scrub.done, true);
    assert.equal(scrub.cursor.repaired, damaged.length);
    assert.equal(volume.store.devices[0]!.entry.errors.repairedBlocks, damaged.length);
    const bytes = new Uint8Array(BLOCK_SIZE);
    for (const slot of SUPERBLOCK_SLOTS.flat()) {
      device.read(slot * BLOCK_SIZE, bytes, 0, BLOCK_SIZE);
      assert.equal(typeof decodeSuperblock(bytes), "object", `slot ${slot}`);
    }
  }
});
