/**
 * Goal: FORMAT.md is enough to read a volume. Method: a reader that was written from it alone (independent-reader.ts)
 * says of the golden images, and of volumes that the engine writes now, what the engine says; in the same words, so
 * that the texts beside the golden images are judges of both.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { gunzipSync, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { SeededRandom } from "@stratos/base";
import { MemoryBlockDevice, type CompressionCodec } from "@stratos/host";
import {
  addDevice,
  CLASS_SLOW,
  COMPRESS_LZ4,
  COMPRESS_ZSTD,
  DEDUPE_ON,
  mount,
  mountOverlay,
  ROOT_INO,
  withCompression,
  withDedupe,
  type FormatOptions,
  type MountOptions,
  type Volume,
} from "../aegisfs.ts";
import { dumpSubvolume } from "./dump.ts";
import { freshVolume, mountedVolume } from "./fresh-volume.ts";
import { signedPair, type ReadInode, type ReadSubvolume } from "./independent-inode.ts";
import { IndependentReader } from "./independent-reader.ts";
import { CRC_SUMS } from "./model.ts";
import { Workload } from "./workload.ts";

const FOLDER = new URL("../../golden/", import.meta.url);
const SEED = Number(process.env["AEGISFS_SEED"] ?? 20260101);

/** The form of the texts in golden/. */
function told(reader: IndependentReader, { inodes }: ReadSubvolume): string {
  const lines: string[] = [];
  const visit = (inode: ReadInode, path: string): void => {
    const { words } = inode;
    const type = words[0]! >>> 12;
    const size = type === 4 ? 0n : reader.size(inode);
    const content = type === 8 ? reader.read(inode, 0n, Number(size)) : new Uint8Array(0);
    const target = type === 10 ? String.fromCharCode(...inode.inline!) : "";
    const attributes = [...inode.attributes]
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([name, value]) => `${name}=${crc32c(value)}`)
      .join(" ");
    lines.push(
      `${path || "/"} ${words[0]!.toString(8)} links ${words[3]} uid ${words[1]} size ${size} sum ` +
        `${crc32c(content)} -> ${target} [${attributes}] ${signedPair(words, 13)} ${signedPair(words, 16)}`,
    );
    for (const [name, ino] of inode.entries) visit(inodes.get(ino)!, `${path}/${name}`);
  };
  visit(inodes.get(1)!, "");
  return lines.sort().join("\n");
}

/** RFC 3720 §12.1, bit by bit. */
function crc32c(bytes: Uint8Array): number {
  let sum = ~0;
  for (const byte of bytes) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit++) sum = (sum >>> 1) ^ (sum & 1 ? 0x82f63b78 : 0);
  }
  return ~sum >>> 0;
}

function bytesOf(device: MemoryBlockDevice): Uint8Array {
  const bytes = new Uint8Array(device.size);
  device.read(0, bytes, 0, bytes.length);
  return bytes;
}

const unpack = (bytes: Uint8Array): Uint8Array => zstdDecompressSync(bytes);

for (const file of readdirSync(FOLDER).filter((name) => name.endsWith(".img.gz"))) {
  test(`${file} is read by who knows FORMAT.md alone`, () => {
    const bytes = gunzipSync(readFileSync(new URL(file, FOLDER)));
    const devices = file.startsWith("pool") ? [bytes.subarray(6 << 20), bytes.subarray(0, 6 << 20)] : [bytes];
    const reader = new IndependentReader(devices, unpack);
    const text = reader.subvolumes.map((one) => `subvolume ${one.name}\n${told(reader, one)}\n`).join("");
    const expected = readFileSync(new URL(file.replace(".img.gz", ".txt"), FOLDER), "utf8");
    // Behind the files the texts tell of what the reader leaves alone.
    assert.equal(text, expected.slice(0, text.length));
    assert.ok(!expected.slice(text.length).includes(" links "), "all subvolumes were read");
  });
}

const zstd: CompressionCodec = {
  name: "zstd",
  compress: (input, at, length, output) => {
    const packed = zstdCompressSync(input.subarray(at, at + length));
    if (packed.length > output.length) return 0;
    output.set(packed);
    return packed.length;
  },
  decompress: (input, at, length, output, to) => {
    output.set(zstdDecompressSync(input.subarray(at, at + length)), to);
    return true;
  },
};

const KINDS: readonly (readonly [string, Partial<FormatOptions>, MountOptions])[] = [
  ["plain", {}, {}],
  ["with LZ4", { properties: withCompression(0, COMPRESS_LZ4, 0) }, {}],
  ["with Zstandard", { properties: withCompression(0, COMPRESS_ZSTD, 1) }, { codecs: [zstd] }],
  ["with two copies", { copies: 2 }, {}],
  ["deduplicated", { properties: withDedupe(0, DEDUPE_ON) }, {}],
  ["of two devices", {}, {}],
];

function assertSame(reader: IndependentReader, volume: Volume): void {
  const ids = volume.subvolumeIds();
  assert.deepEqual(
    reader.subvolumes.map(({ id }) => id),
    ids,
  );
  for (const [index, id] of ids.entries())
    assert.equal(
      told(reader, reader.subvolumes[index]!),
      dumpSubvolume(volume.subvolume(id)!, null, null, undefined, CRC_SUMS),
    );
}

for (const [number, [kind, format, options]] of KINDS.entries()) {
  test(
    `a volume ${kind}: trees of several levels, snapshots, and a log that was never committed (seed ` +
      `${SEED + number})`,
    () => {
      const { device, volume } = freshVolume(24, { ...options, cacheNodes: 8, dirtyNodes: 20 }, format);
      const devices = [device];
      if (kind === "of two devices") {
        const second = new MemoryBlockDevice(16 << 20);
        assert.equal(addDevice(volume, second, { class: CLASS_SLOW }), 1);
        devices.unshift(second);
      }
      const workload = new Workload(new SeededRandom(SEED + number), volume.root, { sizeMax: 60_000, names: 300 });
      for (let step = 0; step < 500; step++) workload.step();
      assert.ok(volume.snapshot(volume.root, "browsed", { readOnly: true }) > 0);
      for (let step = 0; step < 200; step++) workload.step();
      assert.equal(volume.commit(), 0);
      for (let step = 0; step < 40; step++) {
        workload.step();
        if (step % 8 === 7) assert.equal(volume.root.fsync(workload.pickFile()), 0);
      }
      // What a mount of the same bytes has is what a reader is to find: the log ends where the last fsync did.
      const copies = devices.map((one) => {
        const copy = new MemoryBlockDevice(one.size);
        copy.write(0, bytesOf(one), 0, one.size);
        return copy;
      });
      assertSame(
        new IndependentReader(devices.map(bytesOf), unpack),
        mountedVolume(mount(copies, { ...options, readOnly: true })),
      );
    },
  );
}

test("a damaged copy is passed over", () => {
  const { device, volume } = freshVolume(16, {}, { copies: 2 });
  const ino = volume.root.create(ROOT_INO, "f", 0o100644, 0, 0);
  volume.root.write(ino, 0, new Uint8Array(100_000).fill(0xa7), 0, 100_000);
  assert.equal(volume.sync(), 0);
  const bytes = bytesOf(device);
  bytes[bytes.indexOf(0xa7) + 5] = 0;
  const reader = new IndependentReader([bytes], unpack);
  assert.ok(reader.read(reader.at(reader.subvolume("root"), "/f"), 0n, 200_000).every((byte) => byte === 0xa7));
});

test("overlays, and files of 2^63 − 1 bytes", () => {
  const { device: base, volume } = freshVolume(16);
  const ino = volume.root.create(ROOT_INO, "largest", 0o100644, 0, 0);
  const size = 2n ** 63n - 1n;
  volume.root.write(ino, size - 5n, Uint8Array.of(1, 2, 3, 4, 5), 0, 5);
  volume.root.write(ino, 2 ** 53 - 1, Uint8Array.of(8, 9), 0, 2);
  assert.equal(volume.sync(), 0);
  const delta = new MemoryBlockDevice(16 << 20);
  const clone = mountedVolume(mountOverlay(base, delta));
  clone.root.write(ino, size - 1n, Uint8Array.of(6), 0, 1);
  const made = clone.root.create(ROOT_INO, "made", 0o100600, 0, 0);
  clone.root.write(made, 0, new Uint8Array(10_000).fill(3), 0, 10_000);
  assert.equal(clone.sync(), 0);
  const under = new IndependentReader([bytesOf(base)], unpack);
  const reader = new IndependentReader([bytesOf(delta)], unpack, under);
  const ends = [under, reader].map((one) => {
    const inode = one.at(one.subvolume("root"), "/largest");
    return [one.size(inode), [...one.read(inode, size - 5n, 100)], [...one.read(inode, 2n ** 53n - 2n, 4)]];
  });
  assert.deepEqual(ends, [
    [size, [1, 2, 3, 4, 5], [0, 8, 9, 0]],
    [size, [1, 2, 3, 4, 6], [0, 8, 9, 0]],
  ]);
  assert.equal(
    told(
      { size: reader.size.bind(reader), read: reader.read.bind(reader) } as IndependentReader,
      withoutLargest(reader),
    ),
    dumpWithoutLargest(clone),
  );
});

function withoutLargest(reader: IndependentReader): ReadSubvolume {
  const root = reader.subvolume("root");
  root.inodes.get(1)!.entries.delete("largest");
  return root;
}

function dumpWithoutLargest(clone: Volume): string {
  assert.equal(clone.root.unlink(ROOT_INO, "largest"), 0);
  return dumpSubvolume(clone.root, null, null, undefined, CRC_SUMS);
}
