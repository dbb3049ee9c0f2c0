/** Volumes: formatting, mounting, snapshots, clones, growth, orphans, and what happens when devices fail or lie. */
import { test } from "node:test";
import assert from "node:assert/strict";
import { EEXIST, EINVAL, EIO, ENOENT, ENOSPC, EROFS, EUCLEAN, S_IFREG } from "@stratos/abi";
import { SeededRandom } from "@stratos/base";
import { MemoryBlockDevice } from "@stratos/host";
import { Attributes, check, format, mount, mountOverlay, resizeDevice, ROOT_INO } from "../aegisfs.ts";
import { commitAndCheck, freshVolume, mountedVolume } from "../testing/fresh-volume.ts";
import { dumpSubvolume } from "../testing/dump.ts";
import { Workload } from "../testing/workload.ts";
import { ForwardingDevice } from "../testing/forwarding-device.ts";

const FILE = S_IFREG | 0o644;

/** Passes everything on, until told to fail. */
class FailingDevice extends ForwardingDevice {
  failReads = false;
  failWrites = false;
  override readOnly = false;

  override read(offset: number, bytes: Uint8Array, at: number, length: number): number {
    return this.failReads ? -EIO : super.read(offset, bytes, at, length);
  }

  override write(offset: number, bytes: Uint8Array, at: number, length: number): number {
    return this.failWrites ? -EIO : super.write(offset, bytes, at, length);
  }
}

test("what came of a deleted snapshot comes of what that came of; the others stay as they are", () => {
  const { device, volume } = freshVolume(16);
  const make = (from: number, name: string): number =>
    volume.snapshot(volume.subvolume(from)!, name, { readOnly: false });
  const { root } = volume;
  const first = make(root.id, "first");
  const second = make(first, "second");
  const third = make(second, "third");
  const bases = (): number[] => [root.id, second, third].map((id) => volume.subvolume(id)?.base ?? -1);
  assert.deepEqual(bases(), [first, first, second]);
  assert.equal(volume.deleteSubvolume(second), 0);
  assert.deepEqual(bases(), [first, -1, first]);
  assert.equal(volume.deleteSubvolume(first), 0);
  assert.deepEqual(bases(), [0, -1, 0]);
  commitAndCheck(volume, device);
});

test("what is no volume is told apart", () => {
  assert.equal(mount(new MemoryBlockDevice(8 << 20)), "no-superblock");
  assert.equal(mount(new MemoryBlockDevice(4096)), "no-superblock");
  assert.equal(format(new MemoryBlockDevice(1 << 20), { uuid: new Uint8Array(16), hashSeed: 0 }), "device-too-small");
  const failing = new FailingDevice(new MemoryBlockDevice(8 << 20));
  failing.failReads = true;
  assert.equal(mount(failing), "device-error");
  failing.failWrites = true;
  assert.equal(format(failing, { uuid: new Uint8Array(16), hashSeed: 0 }), "device-error");
  const { device } = freshVolume(8);
  device.resize(7 << 20);
  assert.equal(mount(device), "device-too-small");
});

test("formatting wins over an older volume of a higher generation", () => {
  const { device, volume } = freshVolume(8);
  for (let index = 0; index < 9; index++) {
    volume.root.create(ROOT_INO, `f${index}`, FILE, 0, 0);
    volume.sync();
  }
  assert.equal(format(device, { uuid: new Uint8Array(16), hashSeed: 1, label: "new" }), 0);
  const again = mountedVolume(mount(device));
  assert.equal(again.root.lookup(ROOT_INO, "f0"), -ENOENT);
  assert.equal(again.superblock.label, "new");
});

test("a damaged superblock is replaced by its copy", () => {
  const { device, volume } = freshVolume(8);
  volume.root.create(ROOT_INO, "kept", FILE, 0, 0);
  volume.sync();
  const slot = volume.superblock.generation % 2;
  device.write(slot * 4096 + 40, new Uint8Array([1, 2, 3, 4]), 0, 4);
  assert.ok(mountedVolume(mount(device)).root.lookup(ROOT_INO, "kept") > 0);
});

test("snapshots: names, read-only ones, rollback, deletion", () => {
  const { device, volume } = freshVolume(16);
  const root = volume.root;
  const file = root.create(ROOT_INO, "f", FILE, 0, 0);
  root.write(file, 0, new Uint8Array(20_000).fill(1), 0, 20_000);
  const first = volume.snapshot(root, "first", { readOnly: true });
  assert.ok(first > 0);
  assert.equal(volume.snapshot(root, "first", { readOnly: true }), -EEXIST);
  assert.equal(volume.snapshot(root, "a/b", { readOnly: true }), -EINVAL);
  assert.equal(volume.findSubvolume("first"), first);
  assert.equal(volume.subvolume(first)!.create(ROOT_INO, "g", FILE, 0, 0), -EROFS);
  root.write(file, 4096, new Uint8Array(4096).fill(2), 0, 4096);
  root.unlink(ROOT_INO, "f");
  commitAndCheck(volume, device);
  assert.equal(root.lookup(ROOT_INO, "f"), -ENOENT);
  assert.equal(volume.rollback(first), 0);
  const bytes = new Uint8Array(20_000);
  assert.equal(root.read(root.lookup(ROOT_INO, "f"), 0, bytes, 0, 20_000), 20_000);
  assert.ok(bytes.every((byte) => byte === 1));
  const writable = volume.snapshot(root, "writable", { readOnly: false });
  assert.ok(volume.subvolume(writable)!.create(ROOT_INO, "only-here", FILE, 0, 0) > 0);
  assert.equal(root.lookup(ROOT_INO, "only-here"), -ENOENT);
  assert.deepEqual(
    (volume.subvolumes() as { name: string }[]).map(({ name }) => name),
    ["root", "first", "writable"],
  );
  assert.equal(volume.deleteSubvolume(1), -EINVAL);
  assert.equal(volume.deleteSubvolume(99), -ENOENT);
  assert.equal(volume.deleteSubvolume(first), 0);
  commitAndCheck(volume, device);
});

test("a clone belongs to the base that it was made on", () => {
  const { device, volume } = freshVolume(8);
  volume.root.create(ROOT_INO, "base", FILE, 0, 0);
  volume.sync();
  const delta = new MemoryBlockDevice(8 << 20);
  const clone = mountedVolume(mountOverlay(device, delta));
  clone.root.create(ROOT_INO, "clone", FILE, 0, 0);
  assert.equal(clone.sync(), 0);
  assert.ok(mountedVolume(mountOverlay(device, delta)).root.lookup(ROOT_INO, "clone") > 0);
  assert.equal(mount(delta), "base-mismatch");
  volume.root.create(ROOT_INO, "changed", FILE, 0, 0);
  volume.sync();
  assert.equal(mountOverlay(device, delta), "base-mismatch");
  assert.equal(mountOverlay([], delta), "base-mismatch");
});

test("a volatile clone writes nothing on sync, and stays whole beyond its memory", () => {
  const { device } = freshVolume(8);
  const delta = new MemoryBlockDevice(32 << 20);
  const clone = mountedVolume(mountOverlay(device, delta, { volatile: true, dirtyNodes: 4 }));
  const workload = new Workload(new SeededRandom(4), clone.root, { sizeMax: 50_000, names: 100 });
  for (let step = 0; step < 500; step++) workload.step();
  assert.equal(clone.sync(), 0);
  workload.compare();
});

test("a volume grows with its device", () => {
  const { device, volume } = freshVolume(6);
  device.resize(70 << 20);
  const before = volume.usage().freeBlocks;
  assert.equal(resizeDevice(volume, 0, (70 << 20) / 4096), 0);
  assert.ok(volume.usage().freeBlocks > before + 15_900);
  const file = volume.root.create(ROOT_INO, "big", FILE, 0, 0);
  assert.equal(volume.root.write(file, 0, new Uint8Array(40 << 20), 0, 40 << 20), 40 << 20);
  commitAndCheck(volume, device);
});

test("a full volume refuses writes, keeps what it has, and can be emptied", () => {
  const { device, volume } = freshVolume(8);
  const root = volume.root;
  const piece = new Uint8Array(100_000).fill(7);
  let result = 1;
  let files = 0;
  for (; result > 0; files++) {
    const ino = root.create(ROOT_INO, `f${files}`, FILE, 0, 0);
    result = ino < 0 ? ino : root.write(ino, 0, piece, 0, piece.length);
    if (files % 7 === 0) volume.sync();
  }
  assert.equal(result, -ENOSPC);
  commitAndCheck(volume, device);
  for (let file = 0; file < files; file++) assert.ok([0, -ENOENT].includes(root.unlink(ROOT_INO, `f${file}`)));
  commitAndCheck(volume, device);
  const ino = root.create(ROOT_INO, "again", FILE, 0, 0);
  assert.equal(root.write(ino, 0, piece, 0, piece.length), piece.length);
  commitAndCheck(volume, device);
});

test("files without a name live while pinned, and a mount frees those that a crash left", () => {
  const { device, volume } = freshVolume(8);
  const root = volume.root;
  const free = volume.usage().freeBlocks;
  const ino = root.create(ROOT_INO, "f", FILE, 0, 0);
  root.write(ino, 0, new Uint8Array(50_000), 0, 50_000);
  root.pin(ino);
  assert.equal(root.unlink(ROOT_INO, "f"), 0);
  assert.equal(root.read(ino, 0, new Uint8Array(10), 0, 10), 10);
  const unnamed = root.createUnnamed(ROOT_INO, FILE, 0, 0);
  assert.equal(root.link(unnamed, ROOT_INO, "named"), 0);
  commitAndCheck(volume, device);
  const after = mountedVolume(mount(device));
  assert.equal(after.root.stat(ino, new Attributes()), -ENOENT);
  assert.ok(after.root.lookup(ROOT_INO, "named") > 0);
  commitAndCheck(after, device);
  // Besides it there is the second copy of the root now, which the first commit had none of.
  assert.ok(after.usage().freeBlocks >= free - 12);
  // The first mount goes on by itself, too.
  assert.equal(root.unpin(ino), 0);
  assert.equal(root.stat(ino, new Attributes()), -ENOENT);
});

test("a device that fails in a commit makes the volume read-only, and the last commit stays", () => {
  const { device, volume } = freshVolume(8);
  volume.root.create(ROOT_INO, "kept", FILE, 0, 0);
  volume.sync();
  const failing = new FailingDevice(device);
  const second = mountedVolume(mount(failing));
  assert.ok(second.root.create(ROOT_INO, "lost", FILE, 0, 0) > 0);
  failing.failWrites = true;
  assert.equal(second.sync(), -EIO);
  assert.equal(second.root.create(ROOT_INO, "x", FILE, 0, 0), -EROFS);
  failing.failWrites = false;
  assert.equal(second.sync(), -EROFS);
  assert.deepEqual(check(device, { data: true }), []);
  assert.equal(mountedVolume(mount(device)).root.lookup(ROOT_INO, "lost"), -ENOENT);
});

test("data that cannot be written leaves the file as it was", () => {
  const failing = new FailingDevice(freshVolume(8).device);
  const volume = mountedVolume(mount(failing));
  const ino = volume.root.create(ROOT_INO, "f", FILE, 0, 0);
  const size = 80_000;
  volume.root.write(ino, 0, new Uint8Array(size).fill(5), 0, size);
  failing.failWrites = true;
  assert.equal(volume.root.write(ino, 0, new Uint8Array(size).fill(6), 0, size), -EIO);
  failing.failWrites = false;
  const bytes = new Uint8Array(size);
  assert.equal(volume.root.read(ino, 0, bytes, 0, size), size);
  assert.ok(bytes.every((byte) => byte === 5));
  assert.ok(volume.root.create(ROOT_INO, "g", FILE, 0, 0) > 0, "nothing was half done: the volume goes on");
});

test("what was written to memory and cannot be stored fails the sync, not the write", () => {
  const device = freshVolume(8).device;
  const failing = new FailingDevice(device);
  const volume = mountedVolume(mount(failing));
  const ino = volume.root.create(ROOT_INO, "f", FILE, 0, 0);
  failing.failWrites = true;
  assert.equal(volume.root.write(ino, 0, new Uint8Array(8192).fill(6), 0, 8192), 8192);
  assert.equal(volume.sync(), -EIO);
  assert.equal(volume.root.create(ROOT_INO, "g", FILE, 0, 0), -EROFS);
  const bytes = new Uint8Array(8192);
  assert.equal(volume.root.read(ino, 0, bytes, 0, 8192), 8192);
  assert.equal(mountedVolume(mount(device)).root.lookup(ROOT_INO, "f"), -ENOENT);
});

test("caches stay within their bounds, whatever waits in them", () => {
  const { device, volume } = freshVolume(32, { cacheInodes: 20, cacheEntries: 30, cachePages: 16, pendingChanges: 40 });
  for (let file = 0; file < 500; file++) {
    const ino = volume.root.create(ROOT_INO, `f${file}`, FILE, 0, 0);
    assert.equal(volume.root.write(ino, 4096 * (file % 3), new Uint8Array(5000).fill(file), 0, 5000), 5000);
    assert.ok(
      volume.inodes.count <= 62 && volume.entries.count <= 72 && volume.pages.count <= 16,
      `${volume.inodes.count} ${volume.entries.count} ${volume.pages.count}`,
    );
  }
  const bytes = new Uint8Array(5000);
  for (let file = 0; file < 500; file++) {
    assert.equal(volume.root.read(volume.root.lookup(ROOT_INO, `f${file}`), 4096 * (file % 3), bytes, 0, 5000), 5000);
    assert.ok(
      bytes.every((byte) => byte === (file & 255)),
      `f${file}`,
    );
  }
  commitAndCheck(volume, device);
});

test("a write that is longer than the pages which are free keeps its beginning", () => {
  const { device, volume } = freshVolume(8, { cachePages: 4 });
  const bytes = Uint8Array.from({ length: 20_000 }, (_, at) => 1 + (at % 251));
  for (let file = 0; file < 20; file++) {
    // Their pages wait, so that the long one finds room for its first page alone.
    for (let other = 0; other < 3; other++)
      assert.equal(volume.root.write(volume.root.create(ROOT_INO, `f${file}-${other}`, FILE, 0, 0), 0, bytes, 0, 5), 5);
    const ino = volume.root.create(ROOT_INO, `f${file}`, FILE, 0, 0);
    assert.equal(volume.root.write(ino, 0, bytes, 0, bytes.length), bytes.length);
  }
  const found = new Uint8Array(bytes.length);
  for (let file = 0; file < 20; file++) {
    assert.equal(volume.root.read(volume.root.lookup(ROOT_INO, `f${file}`), 0, found, 0, found.length), found.length);
    assert.deepEqual(found, bytes, `f${file}`);
  }
  commitAndCheck(volume, device);
});

test("every flipped byte in use is found: an error or the right data, never other data", () => {
  const { device, volume } = freshVolume(8);
  const workload = new Workload(new SeededRandom(8), volume.root, { sizeMax: 40_000, names: 20 });
  for (let step = 0; step < 500; step++) workload.step();
  volume.sync();
  const expected = dumpSubvolume(volume.root);
  const random = new SeededRandom(9);
  const block = new Uint8Array(4096);
  let found = 0;
  for (let number = 0; number < 1500; number++) {
    if (!volume.space.isAllocated(number)) continue;
    device.read(number * 4096, block, 0, 4096);
    const at = random.below(4096);
    const bit = 1 << random.below(8);
    block[at]! ^= bit;
    device.write(number * 4096, block, 0, 4096);
    const damaged = mount(device, { readOnly: true });
    let dump = expected;
    if (typeof damaged !== "string") {
      try {
        dump = dumpSubvolume(damaged.root);
      } catch (error) {
        assert.match((error as Error).message, new RegExp(`: -(${EIO}|${EUCLEAN})$|^read `));
      }
    }
    assert.equal(dump, expected, `block ${number}: wrong data was shown`);
    const problems = check(device, { data: true });
    if (problems.length > 0) found++;
    block[at]! ^= bit;
    device.write(number * 4096, block, 0, 4096);
  }
  assert.ok(found > 20, `${found} damaged blocks were named`);
  assert.deepEqual(check(device, { data: true }), []);
});

test("a snapshot keeps the time of its making, however early or late", () => {
  for (const seconds of [-5, 7, 2 ** 32 + 7]) {
    const { device, volume } = freshVolume(16);
    volume.setTime(seconds, 0);
    const id = volume.snapshot(volume.root, "then", { readOnly: true });
    assert.equal(volume.sync(), 0);
    assert.equal(mountedVolume(mount(device)).subvolume(id)!.seconds, seconds);
  }
});

test("a volume tells whether something waits to be written, also when that is an inode alone", () => {
  const { volume } = freshVolume(16);
  const ino = volume.root.create(ROOT_INO, "file", S_IFREG | 0o644, 0, 0);
  assert.equal(volume.sync(), 0);
  assert.equal(volume.hasChanges, false);
  volume.root.write(ino, 0, Uint8Array.of(1), 0, 1);
  assert.equal(volume.hasChanges, true);
  assert.equal(volume.sync(), 0);
  assert.equal(volume.hasChanges, false);
});
