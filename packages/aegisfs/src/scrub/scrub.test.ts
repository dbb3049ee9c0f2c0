/** Goal: a scrub mends superblocks and says how many. Method: superblocks are overwritten, then it runs to its end. */
import { test } from "node:test";
import assert from "node:assert/strict";
import { MemoryBlockDevice } from "@stratos/host";
import { format, mount, Scrub } from "../aegisfs.ts";
import { BLOCK_SIZE } from "../format/geometry.ts";
import { decodeSuperblock, SUPERBLOCK_SLOTS } from "../format/superblock.ts";
import { freshVolume, mountedVolume } from "../testing/fresh-volume.ts";

test("superblocks of every device of a pool are looked at", () => {
  for (const rotten of [0, 1]) {
    const devices = [new MemoryBlockDevice(16 << 20), new MemoryBlockDevice(16 << 20)];
    assert.equal(format(devices, { uuid: new Uint8Array(16).fill(9), hashSeed: 77 }), 0);
    const volume = mountedVolume(mount(devices));
    for (let round = 0; round < 2; round++) {
      volume.root.touch();
      assert.equal(volume.commit(), 0);
    }
    devices[rotten]!.write(BLOCK_SIZE, new Uint8Array(BLOCK_SIZE).fill(0xee), 0, BLOCK_SIZE);
    const scrub = new Scrub(volume);
    while (scrub.step(64) === 1);
    assert.deepEqual(
      volume.store.devices.map(({ entry }) => entry.errors.repairedBlocks),
      [0, 1].map((device) => (device === rotten ? 1 : 0)),
    );
  }
});

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
