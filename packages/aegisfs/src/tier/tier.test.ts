/**
 * Tiers and defragmentation: hot files come to the fast device, cold ones leave it, pins hold, heat fades over weeks,
 * and files come to lie in one piece.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { S_IFREG } from "@stratos/abi";
import { MemoryBlockDevice } from "@stratos/host";
import {
  check,
  CLASS_FAST,
  CLASS_SLOW,
  COMPRESS_LZ4,
  format,
  migrate,
  mount,
  ROOT_INO,
  TIER_FAST,
  TIER_SLOW,
  tierStatus,
  withCompression,
  withTier,
} from "../aegisfs.ts";
import type { FileTier, MigrateResult, TierStatus, Volume } from "../aegisfs.ts";
import { dumpSubvolume } from "../testing/dump.ts";
import { freshVolume, mountedVolume } from "../testing/fresh-volume.ts";

const FILE = S_IFREG | 0o644;
const WEEK = 7 * 86400;

function tiered(): { set: MemoryBlockDevice[]; volume: Volume } {
  const set = [new MemoryBlockDevice(16 << 20), new MemoryBlockDevice(64 << 20)];
  assert.equal(format(set, { uuid: new Uint8Array(16).fill(9), hashSeed: 77, classes: [CLASS_FAST, CLASS_SLOW] }), 0);
  return { set, volume: mountedVolume(mount(set, { seconds: 1000 * WEEK, cachePages: 64 })) };
}

function put(volume: Volume, name: string, mib: number, fill: number): number {
  const ino = volume.root.create(ROOT_INO, name, FILE, 0, 0);
  const bytes = new Uint8Array(mib << 20).fill(fill);
  assert.equal(volume.root.write(ino, 0, bytes, 0, bytes.length), bytes.length);
  volume.root.fsync(ino);
  return ino;
}

function status(volume: Volume): TierStatus {
  const found = tierStatus(volume);
  assert.ok(typeof found === "object", String(found));
  return found;
}

function fileOf(volume: Volume, ino: number): FileTier {
  const found = status(volume).files.find((file) => file.ino === ino);
  assert.ok(found !== undefined);
  return found;
}

function moved(result: MigrateResult | number): MigrateResult {
  assert.ok(typeof result === "object", String(result));
  return result;
}

test("new content goes to the fast device while there is room, then to the slow one; metadata stays fast", () => {
  const { set, volume } = tiered();
  for (let index = 0; index < 10; index++) put(volume, `f${index}`, 3, index);
  const { fast, slow, files } = status(volume);
  assert.ok(fast.freeBlocks > 0 && fast.freeBlocks < fast.blocks / 5, `${fast.freeBlocks}`);
  assert.ok(slow.blocks - slow.freeBlocks > 3000);
  assert.ok(files.some(({ slowBlocks }) => slowBlocks > 700) && files.some(({ fastBlocks }) => fastBlocks > 700));
  assert.ok(volume.store.layout.segmentAt(volume.tree.root[0]!)!.class === CLASS_FAST);
  assert.deepEqual(check(set, { data: true }), []);
});

test("what is used moves to the fast device, what is not moves away; pins hold", () => {
  const { set, volume } = tiered();
  const files = Array.from({ length: 10 }, (_, index) => put(volume, `f${index}`, 3, index));
  volume.snapshot(volume.root, "snapshot", { readOnly: true });
  const bytes = new Uint8Array(4096);
  for (let count = 0; count < 50; count++)
    for (const ino of [files[8]!, files[9]!]) volume.root.read(ino, count * 4096, bytes, 0, 4096);
  assert.equal(volume.root.setProperties(files[0]!, withTier(0, TIER_SLOW)), 0);
  assert.equal(volume.root.setProperties(files[7]!, withTier(0, TIER_FAST)), 0);
  volume.sync();
  const dump = dumpSubvolume(volume.root);
  const used = volume.store.layout.blocks - volume.space.freeBlocks;
  const planned = moved(migrate(volume, { dryRun: true }));
  const result = moved(migrate(volume));
  assert.deepEqual(result, planned);
  assert.ok(result.files > 2 && result.toFast > 1000 && result.toSlow > 1000);
  for (const ino of [files[7]!, files[8]!, files[9]!]) assert.equal(fileOf(volume, ino).slowBlocks, 0);
  assert.equal(fileOf(volume, files[0]!).fastBlocks, 0);
  assert.equal(dumpSubvolume(volume.root), dump);
  assert.ok(volume.store.layout.blocks - volume.space.freeBlocks - used < 40, "snapshots go on sharing");
  assert.deepEqual(check(set, { data: true }), []);
  assert.equal(moved(migrate(volume)).files, 0);
  assert.equal(dumpSubvolume(mountedVolume(mount(set)).root), dump);
});

test("what finds no room where it belongs stays, and is told", () => {
  const set = [new MemoryBlockDevice(64 << 20), new MemoryBlockDevice(16 << 20)];
  assert.equal(format(set, { uuid: new Uint8Array(16).fill(9), hashSeed: 77, classes: [CLASS_FAST, CLASS_SLOW] }), 0);
  const volume = mountedVolume(mount(set, { seconds: 1000 * WEEK, cachePages: 64 }));
  const [large, small] = [put(volume, "large", 20, 1), put(volume, "small", 2, 2)];
  for (const ino of [large, small]) assert.equal(volume.root.setProperties(ino, withTier(0, TIER_SLOW)), 0);
  volume.sync();
  const planned = moved(migrate(volume, { dryRun: true }));
  assert.deepEqual(planned, { files: 1, toFast: 0, toSlow: 512, left: 1 });
  assert.deepEqual(moved(migrate(volume)), planned);
  assert.deepEqual([fileOf(volume, small).fastBlocks, fileOf(volume, large).slowBlocks], [0, 0]);
  assert.deepEqual(moved(migrate(volume)), { files: 0, toFast: 0, toSlow: 0, left: 1 });
});

test("heat is what a week's use comes to, and outlives the mount", () => {
  const { set, volume } = tiered();
  const ino = put(volume, "f", 1, 1);
  const bytes = new Uint8Array(4096);
  for (let count = 0; count < 99; count++) volume.root.read(ino, 0, bytes, 0, 4096);
  const heat = fileOf(volume, ino).heat;
  assert.ok(heat >= 100, `${heat}`);
  volume.setTime(1000 * WEEK + 700, 0);
  volume.root.create(ROOT_INO, "other", FILE, 0, 0);
  volume.sync();
  const later = mountedVolume(mount(set, { seconds: 1001 * WEEK }));
  const faded = fileOf(later, ino).heat;
  assert.ok(Math.abs(faded - heat / Math.E) < 2, `${heat} became ${faded}`);
  for (let count = 0; count < 10; count++) later.root.read(ino, 0, bytes, 0, 4096);
  assert.ok(Math.abs(fileOf(later, ino).heat - faded - 10) < 1);
  later.setTime(1001 * WEEK + 700, 0);
  later.root.create(ROOT_INO, "another", FILE, 0, 0);
  later.sync();
  assert.ok(Math.abs(fileOf(mountedVolume(mount(set, { seconds: 1001 * WEEK + 700 })), ino).heat - faded - 10) < 1);
});

test("a file in pieces is written anew in few, and takes its properties then", () => {
  const { device, volume } = freshVolume(32);
  const { root } = volume;
  const one = root.create(ROOT_INO, "one", FILE, 0, 0);
  const other = root.create(ROOT_INO, "other", FILE, 0, 0);
  const bytes = new Uint8Array(8192);
  for (let part = 0; part < 100; part++) {
    bytes.fill(part + 1);
    for (const ino of [one, other]) {
      root.write(ino, part * 8192, bytes, 0, 8192);
      root.fsync(ino);
    }
  }
  volume.sync();
  const before = root.fragmentation(one);
  assert.ok(typeof before === "object" && before.runs > 50, JSON.stringify(before));
  const dump = dumpSubvolume(root);
  let at = 0;
  while (at >= 0) at = root.defragment(one, at, 64);
  assert.equal(at, -1);
  volume.sync();
  const after = root.fragmentation(one);
  assert.ok(typeof after === "object" && after.runs < 10 && after.blocks === 200, JSON.stringify(after));
  root.setProperties(one, withCompression(0, COMPRESS_LZ4, 0));
  at = 0;
  while (at >= 0) at = root.defragment(one, at, 64);
  volume.sync();
  const packed = root.fragmentation(one);
  assert.ok(typeof packed === "object" && packed.stored < 60 && packed.blocks === 200, JSON.stringify(packed));
  const again = mountedVolume(mount(device)).root;
  const time = (line: string): string => line.replace(/\] .*$/gm, "]");
  assert.equal(time(dumpSubvolume(again)), time(dump));
  assert.deepEqual(check(device, { data: true }), []);
});
