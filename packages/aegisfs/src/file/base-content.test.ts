/** Goal: clones of a base name the content that they have from it alike, and nothing else. Method: two clones. */
import { test } from "node:test";
import assert from "node:assert/strict";
import { S_IFREG } from "@stratos/abi";
import { MemoryBlockDevice } from "@stratos/host";
import { COMPRESS_LZ4, mountOverlay, ROOT_INO, withCompression } from "../aegisfs.ts";
import { freshVolume, mountedVolume } from "../testing/fresh-volume.ts";

for (const compressed of [false, true])
  test(`${compressed ? "compressed " : ""}content of a base has one name in all clones until it is written`, () => {
    const { device, volume } = freshVolume(
      8,
      {},
      compressed ? { properties: withCompression(0, COMPRESS_LZ4, 0) } : {},
    );
    const ino = volume.root.create(ROOT_INO, "file", S_IFREG | 0o644, 0, 0);
    assert.equal(volume.root.write(ino, 0, new Uint8Array(16_384).fill(5), 0, 16_384), 16_384);
    const reserved = volume.root.create(ROOT_INO, "reserved", S_IFREG | 0o644, 0, 0);
    assert.equal(volume.root.preallocate(reserved, 0, 8192, true), 0);
    assert.equal(volume.sync(), 0);
    const [one, other] = [0, 1].map(() => mountedVolume(mountOverlay(device, new MemoryBlockDevice(8 << 20))).root) as [
      typeof volume.root,
      typeof volume.root,
    ];
    const places = [0, 1, 2, 3].map((index) => one.basePlace(ino, index));
    assert.ok(new Set(places).size === 4 && places.every((place) => place > 0), `${places.join()}`);
    assert.deepEqual(
      [0, 1, 2, 3].map((index) => other.basePlace(ino, index)),
      places,
    );
    const whole = one.baseContent(ino, 4);
    assert.ok(whole !== null && whole === other.baseContent(ino, 4) && whole !== one.baseContent(ino, 3));
    // What was never written has no content, and what a clone wrote is its own.
    assert.deepEqual([one.basePlace(reserved, 0), one.baseContent(reserved, 2)], [-1, null]);
    assert.equal(one.write(ino, 4096, new Uint8Array(4096).fill(6), 0, 4096), 4096);
    assert.deepEqual([one.basePlace(ino, 1), one.baseContent(ino, 4)], [-1, null]);
    assert.deepEqual([one.basePlace(ino, 2), other.baseContent(ino, 4)], [places[2], whole]);
  });
