/** Goal: what is compressed is read together. Method: reads of the device are counted. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { S_IFREG } from "@stratos/abi";
import { COMPRESS_LZ4, mount, ROOT_INO, withCompression } from "../aegisfs.ts";
import { commitAndCheck, freshVolume, mountedVolume } from "../testing/fresh-volume.ts";

const UNIT = 128 << 10;

/** Compressible; no two blocks alike. */
function text(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (index % 64 === 0 ? (index >> 6) * 31 : 7) ^ (index >> 14));
}

test("units that lie together are read from the device at once, and only those that are asked for", () => {
  const { device, volume } = freshVolume(32);
  const bytes = text(8 * UNIT);
  const ino = volume.root.create(ROOT_INO, "file", S_IFREG | 0o644, 0, 0);
  assert.equal(volume.root.setProperties(ino, withCompression(0, COMPRESS_LZ4, 0)), 0);
  assert.equal(volume.root.write(ino, 0, bytes, 0, bytes.length), bytes.length);
  commitAndCheck(volume, device);
  const again = mountedVolume(mount(device));
  let reads = 0;
  const read = device.read.bind(device);
  device.read = (...args) => (reads++, read(...args));
  for (const [from, units] of [
    [0, 8],
    [2, 3],
    [7, 1],
  ] as const) {
    const pages = new Uint8Array(units * UNIT);
    reads = 0;
    assert.equal(again.root.readPages(ino, (from * UNIT) / 4096, pages.length / 4096, pages, 0), 0);
    assert.deepEqual(pages, bytes.slice(from * UNIT, from * UNIT + pages.length));
    assert.ok(from === 0 || reads <= 2, `${reads} reads of the device for ${units} units`);
  }
});
