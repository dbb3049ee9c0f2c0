/**
 * Compressed extents: files read back whatever was overwritten in them, space is saved, properties are inherited,
 * forged content is an error and nothing worse, and crashes leave what they leave without compression.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { EIO, EOPNOTSUPP, S_IFDIR, S_IFREG } from "@stratos/abi";
import { SeededRandom } from "@stratos/base";
import { MemoryBlockDevice } from "@stratos/host";
import {
  check,
  COMPRESS_LZ4,
  COMPRESS_NONE,
  COMPRESS_ZSTD,
  compressionOf,
  format,
  lz4,
  mount,
  ROOT_INO,
  withCompression,
} from "../aegisfs.ts";
import type { Volume } from "../aegisfs.ts";
import { KIND_EXTENT, keyMiddle } from "../format/key.ts";
import { EXTENT_AT_BLOCK, EXTENT_AT_CHECKSUMS } from "../format/extent-item.ts";
import { checksumBlock } from "../format/checksum.ts";
import { simulateCrashes } from "../testing/crash-simulation.ts";
import { mountedVolume } from "../testing/fresh-volume.ts";
import { Workload } from "../testing/workload.ts";

const SEED = Number(process.env["AEGISFS_SEED"] ?? 20260101);
const FILE = S_IFREG | 0o644;
const LZ4 = withCompression(0, COMPRESS_LZ4, 0);

function compressedVolume(mib: number): { device: MemoryBlockDevice; volume: Volume } {
  const device = new MemoryBlockDevice(mib << 20);
  assert.equal(format(device, { uuid: new Uint8Array(16).fill(9), hashSeed: 77, properties: LZ4 }), 0);
  return { device, volume: mountedVolume(mount(device)) };
}

/** Compressible, and different in each place. */
function lines(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at++) bytes[at] = at % 64 < 48 ? 0x61 + (at % 16) : (at >> 6) & 0xff;
  return bytes;
}

function file(volume: Volume, name: string, bytes: Uint8Array): number {
  const ino = volume.root.create(ROOT_INO, name, FILE, 0, 0);
  assert.equal(volume.root.write(ino, 0, bytes, 0, bytes.length), bytes.length);
  return ino;
}

function content(volume: Volume, name: string, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  assert.equal(volume.root.read(volume.root.lookup(ROOT_INO, name), 0, bytes, 0, length), length);
  return bytes;
}

test("compressible content takes less space, other content is stored as it is", () => {
  const { device, volume } = compressedVolume(16);
  const free = volume.space.freeBlocks;
  const text = lines(1 << 20);
  file(volume, "text", text);
  const used = free - volume.space.freeBlocks;
  assert.ok(used < 130, `${used} blocks for 256`);
  const noise = new Uint8Array(1 << 20);
  new SeededRandom(3).fill(noise);
  file(volume, "noise", noise);
  assert.ok(free - used - volume.space.freeBlocks >= 256);
  volume.sync();
  const again = mountedVolume(mount(device));
  assert.deepEqual(content(again, "text", text.length), text);
  assert.deepEqual(content(again, "noise", noise.length), noise);
  assert.deepEqual(check(device, { data: true }), []);
});

test("pages and pieces inside a compressed unit can be overwritten, punched and cut", () => {
  const { device, volume } = compressedVolume(16);
  const text = lines(256 << 10);
  const ino = file(volume, "text", text);
  const small = new Uint8Array(100).fill(0x21);
  for (const [offset, length] of [
    [5000, 100],
    [70_000, 100],
    [65_536, 64],
    [131_072 + 4096, 100],
  ] as const) {
    volume.root.write(ino, offset, small, 0, length);
    text.set(small.subarray(0, length), offset);
  }
  volume.root.punchHole(ino, 40_960, 8192);
  text.fill(0, 40_960, 49_152);
  volume.root.truncate(ino, 200_001);
  volume.sync();
  assert.deepEqual(content(mountedVolume(mount(device)), "text", 200_001), text.subarray(0, 200_001));
  assert.deepEqual(check(device, { data: true }), []);
  volume.root.unlink(ROOT_INO, "text");
  volume.sync();
  assert.deepEqual(check(device, { data: true }), []);
});

test("files take the properties of their folder, then of the subvolume", () => {
  const device = new MemoryBlockDevice(8 << 20);
  format(device, { uuid: new Uint8Array(16), hashSeed: 1 });
  let volume = mountedVolume(mount(device));
  assert.equal(volume.root.setDefaultProperties(withCompression(0, COMPRESS_ZSTD, 3)), -EOPNOTSUPP);
  const folder = volume.root.create(ROOT_INO, "folder", S_IFDIR | 0o755, 0, 0);
  assert.equal(volume.root.setProperties(folder, LZ4), 0);
  const below = volume.root.create(folder, "below", S_IFDIR | 0o755, 0, 0);
  const inside = volume.root.create(below, "file", FILE, 0, 0);
  const outside = volume.root.create(ROOT_INO, "file", FILE, 0, 0);
  volume.sync();
  volume = mountedVolume(mount(device));
  assert.equal(compressionOf(volume.root.effectiveProperties(inside)), COMPRESS_LZ4);
  assert.equal(compressionOf(volume.root.effectiveProperties(outside)), 0);
  assert.equal(volume.root.setDefaultProperties(withCompression(0, COMPRESS_LZ4, 0)), 0);
  assert.equal(volume.root.setProperties(inside, withCompression(0, COMPRESS_NONE, 0)), 0);
  volume.sync();
  volume = mountedVolume(mount(device));
  assert.equal(compressionOf(volume.root.effectiveProperties(inside)), COMPRESS_NONE);
  assert.equal(compressionOf(volume.root.effectiveProperties(outside)), COMPRESS_LZ4);
});

test(`random operations on compressed files match the model (seed ${SEED})`, () => {
  for (let round = 0; round < 3; round++) {
    const { device, volume } = compressedVolume(64);
    const workload = new Workload(new SeededRandom(SEED + round), volume.root, { sizeMax: 300_000, names: 20 });
    for (let step = 0; step < 1500; step++) {
      workload.step();
      if (step % 100 === 0) volume.snapshot(volume.root, `snapshot${step}`, { readOnly: true });
    }
    workload.compare();
    volume.sync();
    assert.deepEqual(check(device, { data: true }), []);
  }
});

test(`crashes with compressed files leave the last commit or the next (seeds from ${SEED})`, () => {
  let states = 0;
  for (let round = 0; round < 4; round++)
    states += simulateCrashes({ seed: SEED + round, states: 250, format: { properties: LZ4 } });
  assert.ok(states > 700, `${states}`);
});

test("forged content that carries right checksums is an error, never a crash or other data", () => {
  const random = new SeededRandom(SEED);
  const text = lines(64 << 10);
  let refused = 0;
  for (let round = 0; round < 400; round++) {
    const { device, volume } = compressedVolume(4);
    const ino = file(volume, "text", text);
    assert.ok(volume.root.tree.edit(ino, keyMiddle(KIND_EXTENT, 0), 0));
    const words = volume.root.tree.words;
    const at = volume.root.tree.offset >>> 2;
    const place = words[at + EXTENT_AT_BLOCK]! * 4096;
    const block = new Uint8Array(4096);
    device.read(place, block, 0, 4096);
    for (let flips = 1 + random.below(3); flips > 0; flips--)
      block[random.below(random.below(2) === 0 ? 8 : 4096)] = random.below(256);
    device.write(place, block, 0, 4096);
    words[at + EXTENT_AT_CHECKSUMS] = checksumBlock(block, 0);
    if (round % 4 === 0) words[at + 1] = (words[at + 1]! ^ (1 << random.below(32))) >>> 0;
    if (round % 7 === 0) words[at + 3] = random.below(40);
    volume.commit();
    const forged = mountedVolume(mount(device));
    const result = forged.root.read(ino, 0, new Uint8Array(text.length), 0, text.length);
    assert.ok(result === text.length || result < 0, `${result}`);
    if (result < 0) refused++;
    check(device, { data: true });
    forged.root.unlink(ROOT_INO, "text");
    forged.sync();
  }
  assert.ok(refused > 50, `${refused}`);
});

test("a codec that the reading host lacks is named as such", () => {
  const device = new MemoryBlockDevice(8 << 20);
  const pretended = { ...lz4, name: "zstd" };
  format(device, { uuid: new Uint8Array(16), hashSeed: 1, properties: withCompression(0, COMPRESS_ZSTD, 1) });
  const volume = mountedVolume(mount(device, { codecs: [pretended] }));
  const ino = file(volume, "text", lines(65_536));
  volume.sync();
  assert.equal(mountedVolume(mount(device)).root.read(ino, 0, new Uint8Array(10), 0, 10), -EOPNOTSUPP);
  assert.equal(
    mountedVolume(mount(device, { codecs: [{ ...pretended, decompress: () => false }] })).root.read(
      ino,
      0,
      new Uint8Array(10),
      0,
      10,
    ),
    -EIO,
  );
});
