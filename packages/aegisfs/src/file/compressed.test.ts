/** Goal: what is compressed is read together, and has its place in free space that is in pieces. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { S_IFREG } from "@stratos/abi";
import { SeededRandom } from "@stratos/base";
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

/** About half of it is noise. */
function halfNoise(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  new SeededRandom(length).fill(bytes);
  return bytes.map((byte, index) => ((index & 64) === 0 ? byte : 7));
}

/** A unit of `halfNoise` needs 9 blocks: none finds a place in 6, and one alone does in 12. */
for (const blocks of [6, 12])
  test(`what is compressed takes no more than it needs where only ${blocks} free blocks lie together`, () => {
    const { device, volume } = freshVolume(16);
    const { space } = volume;
    const held: { start: number; length: number }[] = [];
    for (let length; (length = space.allocateData(blocks, 0)) > 0;) held.push({ start: space.runStart, length });
    const release = ({ start, length }: { start: number; length: number }): void => space.release(start, length);
    held.filter((_, index) => index % 2 === 0).forEach(release);
    const bytes = halfNoise(4 * UNIT);
    const ino = volume.root.create(ROOT_INO, "file", S_IFREG | 0o644, 0, 0);
    assert.equal(volume.root.setProperties(ino, withCompression(0, COMPRESS_LZ4, 0)), 0);
    assert.equal(volume.root.write(ino, 0, bytes, 0, bytes.length), bytes.length);
    volume.settle();
    held.filter((_, index) => index % 2 === 1).forEach(release);
    commitAndCheck(volume, device);
    const again = mountedVolume(mount(device));
    const pages = new Uint8Array(bytes.length);
    assert.equal(again.root.readPages(ino, 0, bytes.length / 4096, pages, 0), 0);
    assert.deepEqual(pages, bytes);
  });
