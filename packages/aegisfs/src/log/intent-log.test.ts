/**
 * Goal: what was synced is there after a crash, at the price of one flush. Method: the device as it stands is what a
 * crash leaves; it is mounted again.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import {
  ACL_ACCESS_NAME,
  EIO,
  ENOENT,
  RENAME_EXCHANGE,
  RENAME_WHITEOUT,
  S_IFCHR,
  S_IFDIR,
  S_IFMT,
  S_IFREG,
  serializeAcl,
} from "@stratos/abi";
import { byteString, byteStringOf, SeededRandom } from "@stratos/base";
import type { BlockDevice } from "@stratos/host";
import { MemoryBlockDevice } from "@stratos/host";
import {
  Attributes,
  ATTRIBUTE_MODE,
  ATTRIBUTE_MTIME,
  check,
  COMPRESS_LZ4,
  mount,
  mountOverlay,
  repair,
  ROOT_INO,
  withCompression,
} from "../aegisfs.ts";
import type { Volume } from "../aegisfs.ts";
import { findExtent, foundExtent } from "../file/extents.ts";
import { SUPERBLOCK_SLOTS } from "../format/superblock.ts";
import { BATCH_AT_CHECKSUM, BATCH_AT_RECORDS, BATCH_AT_WORDS, BATCH_HEADER_WORDS } from "../format/log-layout.ts";
import { checksumWords } from "../format/checksum.ts";
import { dumpSubvolume } from "../testing/dump.ts";
import { ForwardingDevice } from "../testing/forwarding-device.ts";
import { freshVolume, mountedVolume } from "../testing/fresh-volume.ts";
import { Workload } from "../testing/workload.ts";

const FILE = S_IFREG | 0o644;
const SEED = Number(process.env["AEGISFS_SEED"] ?? 20260101);

/** A volume that has a log: one that was committed after its mount. */
function loggedVolume(mib = 32): { device: MemoryBlockDevice; volume: Volume } {
  const made = freshVolume(mib);
  made.volume.root.touch();
  assert.equal(made.volume.sync(), 0);
  assert.ok(made.volume.log.blocks > 0);
  return made;
}

function copyOf(device: MemoryBlockDevice): MemoryBlockDevice {
  const copy = new MemoryBlockDevice(device.size);
  const bytes = new Uint8Array(1 << 20);
  for (let at = 0; at < device.size; at += bytes.length) {
    device.read(at, bytes, 0, bytes.length);
    copy.write(at, bytes, 0, bytes.length);
  }
  return copy;
}

function afterCrash(device: MemoryBlockDevice): Volume {
  const crashed = copyOf(device);
  assert.deepEqual(check(crashed, { data: true }), [], "with the log in memory");
  const volume = mountedVolume(mount(crashed));
  assert.deepEqual(check(crashed, { data: true }), [], "with the log committed");
  return volume;
}

test("all changes of names and attributes before an fsync survive it", () => {
  const { device, volume } = loggedVolume();
  const { root } = volume;
  const generation = volume.superblock.generation;
  const folder = root.create(ROOT_INO, "folder", S_IFDIR | 0o755, 1, 2);
  const file = root.create(folder, "file", S_IFREG | 0o666, 3, 4, 0, 0o027);
  root.create(ROOT_INO, "tty", S_IFCHR | 0o620, 0, 5, 0x0503);
  root.symlink(folder, "link", "../folder/file", 6, 7);
  root.link(file, ROOT_INO, "second");
  root.create(ROOT_INO, "gone", FILE, 0, 0);
  root.unlink(ROOT_INO, "gone");
  root.create(ROOT_INO, "empty", S_IFDIR | 0o700, 0, 0);
  root.rmdir(ROOT_INO, "empty");
  root.create(folder, "a", FILE, 0, 0);
  root.create(folder, "b", S_IFDIR | 0o755, 0, 0);
  root.rename(folder, "a", folder, "b", RENAME_EXCHANGE);
  root.rename(folder, "b", ROOT_INO, "moved", RENAME_WHITEOUT);
  root.setXattr(file, "user.one", byteStringOf("1"), 0);
  root.setXattr(file, "user.two", byteStringOf("2"), 0);
  root.removeXattr(file, "user.one");
  root.setAcl(
    folder,
    ACL_ACCESS_NAME,
    serializeAcl([
      { tag: 1, permissions: 7, id: 0 },
      { tag: 2, permissions: 4, id: 9 },
      { tag: 4, permissions: 5, id: 0 },
      { tag: 16, permissions: 5, id: 0 },
      { tag: 32, permissions: 0, id: 0 },
    ]),
  );
  // The list of who may use it follows.
  const closed = new Attributes();
  closed.mode = 0o710;
  root.setAttributes(folder, closed, ATTRIBUTE_MODE);
  const unnamed = root.createUnnamed(ROOT_INO, FILE, 0, 0);
  root.unpin(unnamed);
  const attributes = new Attributes();
  attributes.mode = 0o600;
  attributes.mtimeSeconds = -77;
  attributes.mtimeNanoseconds = 5;
  volume.setTime(1234, 5);
  root.setAttributes(file, attributes, ATTRIBUTE_MODE | ATTRIBUTE_MTIME);
  assert.equal(root.fsync(ROOT_INO), 0);
  assert.equal(volume.superblock.generation, generation, "nothing was committed");
  const again = afterCrash(device);
  assert.equal(dumpSubvolume(again.root), dumpSubvolume(root));
  assert.equal(again.root.stat(again.root.lookup(folder, "b"), attributes), 0);
  assert.equal(attributes.mode & S_IFMT, S_IFCHR, "the whiteout");
});

test("an fsync makes its file durable with one flush, and 32 callers share it", () => {
  const { device, volume } = loggedVolume();
  const { root } = volume;
  const inos = Array.from({ length: 32 }, (_, index) => root.create(ROOT_INO, `f${index}`, FILE, 0, 0));
  const other = root.create(ROOT_INO, "not synced", FILE, 0, 0);
  root.write(other, 0, new Uint8Array(5000).fill(1), 0, 5000);
  const generation = volume.superblock.generation;
  let flushes = 0;
  const flush = device.flush.bind(device);
  device.flush = () => (flushes++, flush());
  for (const [index, ino] of inos.entries()) {
    root.write(ino, index * 4096, new Uint8Array(4096).fill(index + 1), 0, 4096);
    assert.equal(root.prepareFsync(ino), 0);
  }
  assert.equal(volume.finishFsync(), 0);
  assert.equal(flushes, 1);
  for (let round = 0; round < 20; round++) {
    root.write(inos[3]!, 100 * round, new Uint8Array(50).fill(round), 0, 50);
    assert.equal(root.fsync(inos[3]!), 0);
  }
  assert.equal(flushes, 21);
  assert.equal(root.fsync(ROOT_INO), 0);
  assert.equal(volume.superblock.generation, generation);
  const again = afterCrash(device).root;
  const bytes = new Uint8Array(200_000);
  for (const [index, ino] of inos.entries()) {
    assert.equal(again.read(ino, 0, bytes, 0, bytes.length), (index + 1) * 4096);
    const own = new Uint8Array(200_000);
    root.read(ino, 0, own, 0, own.length);
    assert.deepEqual(bytes.subarray(0, (index + 1) * 4096), own.subarray(0, (index + 1) * 4096));
  }
  assert.equal(again.read(other, 0, bytes, 0, 10), 0, "content that nobody synced is not there, its name is");
});

test("what happens to a file after its last name went is no part of what is done again", () => {
  const { device, volume } = loggedVolume();
  const { root } = volume;
  const inos = ["a", "b"].map((name) => root.create(ROOT_INO, name, FILE, 0, 0));
  const folder = root.create(ROOT_INO, "folder", S_IFDIR | 0o755, 0, 0);
  for (const ino of [...inos, folder]) root.pin(ino);
  assert.equal(root.unlink(ROOT_INO, "a"), 0);
  assert.equal(root.rename(ROOT_INO, "b", ROOT_INO, "c", 0, 0, 0), 0);
  assert.equal(root.rmdir(ROOT_INO, "folder"), 0);
  const attributes = new Attributes();
  for (const ino of [inos[0]!, folder]) {
    assert.equal(root.stat(ino, attributes), 0);
    attributes.mode = (attributes.mode & S_IFMT) | 0o700;
    assert.ok(root.setAttributes(ino, attributes, ATTRIBUTE_MODE) >= 0);
    assert.equal(root.setXattr(ino, "user.note", new Uint8Array(3), 0), 0);
    assert.equal(root.removeXattr(ino, "user.note"), 0);
  }
  const generation = volume.superblock.generation;
  assert.equal(root.fsync(inos[1]!), 0);
  assert.equal(volume.superblock.generation, generation, "by the log, not a commit");
  const again = afterCrash(device).root;
  assert.ok(again.lookup(ROOT_INO, "a") < 0);
  assert.equal(again.lookup(ROOT_INO, "c"), inos[1]);
});

test("content in every form comes back: inline, grown, cut, preallocated, compressed, shared with a snapshot", () => {
  const { device, volume } = loggedVolume();
  const { root } = volume;
  const names = ["inline", "grown", "cut", "held", "packed", "shared"];
  const inos = names.map((name) => root.create(ROOT_INO, name, FILE, 0, 0));
  const write = (name: string, offset: number, length: number, byte: number): void => {
    assert.equal(root.write(inos[names.indexOf(name)]!, offset, new Uint8Array(length).fill(byte), 0, length), length);
  };
  write("grown", 0, 500, 1);
  write("cut", 0, 200_000, 2);
  write("shared", 0, 20_000, 3);
  root.setProperties(inos[4]!, withCompression(0, COMPRESS_LZ4, 0));
  assert.ok(volume.snapshot(root, "before", { readOnly: true }) > 0);
  const generation = volume.superblock.generation;
  write("inline", 0, 700, 4);
  write("grown", 400, 9000, 5);
  root.truncate(inos[2]!, 70_001);
  root.punchHole(inos[2]!, 8192, 20_000);
  root.preallocate(inos[3]!, 0, 50_000, true);
  write("held", 4096, 8192, 6);
  write("packed", 0, 150_000, 7);
  write("shared", 20_480, 8192, 8);
  for (const ino of inos) assert.equal(root.fsync(ino), 0);
  write("packed", 30_000, 5000, 9);
  assert.equal(root.fsync(inos[4]!), 0);
  assert.equal(volume.superblock.generation, generation);
  const again = afterCrash(device);
  assert.equal(dumpSubvolume(again.root), dumpSubvolume(root));
  assert.equal(again.root.seekHole(inos[2]!, 8192), 8192);
  assert.equal(dumpSubvolume(again.subvolume(2)!), dumpSubvolume(volume.subvolume(2)!));
});

test("blocks that the log maps are not used again before the next commit", () => {
  const { volume } = loggedVolume(16);
  const { root } = volume;
  const ino = root.create(ROOT_INO, "f", FILE, 0, 0);
  root.write(ino, 0, new Uint8Array(8192).fill(1), 0, 8192);
  assert.equal(root.fsync(ino), 0);
  assert.ok(findExtent(root, ino, 0));
  const logged = foundExtent.block;
  root.write(ino, 0, new Uint8Array(8192).fill(2), 0, 8192);
  volume.settle();
  for (let length = volume.space.allocateData(1, 0); length > 0; length = volume.space.allocateData(1, 0)) {
    assert.ok(
      volume.space.runStart !== logged && volume.space.runStart !== logged + 1,
      "a later write went over what the log needs",
    );
    assert.ok(
      volume.space.runStart < volume.log.start || volume.space.runStart >= volume.log.start + volume.log.blocks,
      "a write went over the log",
    );
  }
});

test("a log that is full, or cannot say it, is followed by a commit", () => {
  const { device, volume } = loggedVolume(16);
  const { root } = volume;
  const ino = root.create(ROOT_INO, "f", FILE, 0, 0);
  const { generation } = volume.superblock;
  for (let round = 0; round <= volume.log.blocks; round++) {
    root.write(ino, 0, new Uint8Array(100).fill(round), 0, 100);
    assert.equal(root.fsync(ino), 0);
  }
  assert.equal(volume.superblock.generation, generation + 1);
  for (let index = 0; index < 300; index++) root.write(ino, index * 16_384, new Uint8Array(4096).fill(1), 0, 4096);
  assert.equal(root.fsync(ino), 0);
  assert.equal(volume.superblock.generation, generation + 2);
  assert.equal(dumpSubvolume(afterCrash(device).root), dumpSubvolume(root));
});

test("a volume that is mounted read-only shows what the log has, and writes nothing", () => {
  const { device, volume } = loggedVolume();
  const ino = volume.root.create(ROOT_INO, "synced", FILE, 0, 0);
  volume.root.write(ino, 0, new Uint8Array(6000).fill(3), 0, 6000);
  volume.root.fsync(ino);
  const { generation } = volume.superblock;
  const shown = mountedVolume(mount(device, { readOnly: true }));
  assert.equal(dumpSubvolume(shown.root), dumpSubvolume(volume.root));
  assert.ok(mountedVolume(mount(device, { readOnly: true, ignoreLog: true })).root.lookup(ROOT_INO, "synced") < 0);
  assert.equal(mountOverlay(device, new MemoryBlockDevice(8 << 20)), "needs-recovery", "a clone would not see it");
  assert.equal(mountedVolume(mount(device)).superblock.generation, generation + 1);
  assert.equal(typeof mountOverlay(device, new MemoryBlockDevice(8 << 20)), "object");
});

test(`random work, an fsync now and then, and a crash at any time (seed ${SEED})`, () => {
  for (let round = 0; round < 4; round++) {
    const random = new SeededRandom(SEED + round);
    const { device, volume } = loggedVolume(12);
    const workload = new Workload(random, volume.root, { sizeMax: 100_000, names: 15 });
    for (let step = 0; step < 40; step++) {
      for (let count = random.below(12); count >= 0; count--) workload.step();
      const ino = workload.pickFile();
      assert.equal(volume.root.fsync(ino), 0);
      const again = afterCrash(device).root;
      const own = new Uint8Array(400_000);
      const other = new Uint8Array(400_000);
      const length = volume.root.read(ino, 0, own, 0, own.length);
      assert.equal(again.read(ino, 0, other, 0, other.length), length, `seed ${SEED + round}, step ${step}`);
      assert.deepEqual(
        own.subarray(0, Math.max(0, length)),
        other.subarray(0, Math.max(0, length)),
        `seed ${SEED + round}, step ${step}`,
      );
    }
  }
});

test(`a log that lies is damage, never a crash (seed ${SEED})`, () => {
  const { device, volume } = loggedVolume(6);
  const workload = new Workload(new SeededRandom(SEED), volume.root, { sizeMax: 40_000, names: 15 });
  for (let step = 0; step < 60; step++) workload.step();
  volume.sync();
  for (let step = 0; step < 25; step++) {
    workload.step();
    volume.root.prepareFsync(workload.pickFile());
  }
  assert.equal(volume.finishFsync(), 0);
  const random = new SeededRandom(SEED);
  const at = volume.log.start * 4096;
  const bytes = new Uint8Array(volume.log.blocks * 4096);
  let refused = 0;
  for (let round = 0; round < 120; round++) {
    const forged = copyOf(device) as MemoryBlockDevice & BlockDevice;
    forged.read(at, bytes, 0, bytes.length);
    const words = new Uint32Array(bytes.buffer);
    const count = words[BATCH_AT_WORDS]!;
    for (let flips = 1 + random.below(4); flips > 0; flips--) {
      const word = BATCH_HEADER_WORDS + random.below(count - BATCH_HEADER_WORDS);
      words[word] = random.below(2) === 0 ? random.u32() : (words[word]! ^ (1 << random.below(32))) >>> 0;
    }
    if (round % 5 === 0) words[BATCH_AT_RECORDS] = random.below(100);
    words[BATCH_AT_CHECKSUM] = 0;
    words[BATCH_AT_CHECKSUM] = checksumWords(new Int32Array(bytes.buffer), 0, count, 0);
    forged.write(at, bytes, 0, bytes.length);
    let mounted: Volume | string;
    try {
      mounted = mount(forged);
      if (typeof mounted !== "string") dumpSubvolume(mounted.root);
    } catch (error) {
      assert.ok(
        error instanceof Error && !(error instanceof RangeError) && !(error instanceof TypeError),
        `round ${round}: ${(error as Error).stack}`,
      );
      continue;
    }
    if (mounted === "corrupt") refused++;
  }
  assert.ok(refused > 20, `${refused} of 120 forged logs were refused`);
});

test("a log is never longer than a mount can do again in a moment", () => {
  const { device, volume } = loggedVolume(1024);
  const { generation } = volume.superblock;
  let made = 0;
  while (made < 40_000 && volume.superblock.generation === generation) {
    const ino = volume.root.create(ROOT_INO, `file${made++}`, S_IFREG | 0o644, 0, 0);
    if (made % 500 === 0) assert.equal(volume.root.fsync(ino), 0);
  }
  assert.ok(made > 10_000 && made < 20_000, `a commit after ${made} files`);
  const again = mountedVolume(mount(device));
  assert.ok(again.root.lookup(ROOT_INO, `file${made - 1}`) > 0);
});

test(
  "what replaces a file goes with the next batch: after a crash there is the " + "old or the new one, and never less",
  () => {
    const { device, volume } = loggedVolume();
    const { root } = volume;
    const textOf = (files: Volume, name: string): string => {
      const bytes = new Uint8Array(10_000);
      return byteString(bytes, 0, files.root.read(files.root.lookup(ROOT_INO, name), 0, bytes, 0, bytes.length));
    };
    const make = (name: string, text: string): number => {
      const ino = root.create(ROOT_INO, name, FILE, 0, 0);
      assert.equal(root.write(ino, 0, byteStringOf(text), 0, text.length), text.length);
      return ino;
    };
    const old = "old ".repeat(2000);
    const renewed = "renewed ".repeat(1000);
    for (const name of ["renamed", "one", "two", "emptied", "small"]) make(name, old);
    const other = make("other", "");
    assert.equal(volume.sync(), 0);
    const generation = volume.superblock.generation;
    make("beside", renewed);
    assert.equal(root.rename(ROOT_INO, "beside", ROOT_INO, "renamed"), 0);
    const [one, two] = [root.lookup(ROOT_INO, "one"), root.lookup(ROOT_INO, "two")];
    root.write(one, 0, byteStringOf(renewed), 0, renewed.length);
    assert.equal(root.rename(ROOT_INO, "one", ROOT_INO, "two", RENAME_EXCHANGE), 0);
    const emptied = root.lookup(ROOT_INO, "emptied");
    const small = root.lookup(ROOT_INO, "small");
    assert.equal(root.truncate(emptied, 0), 0);
    assert.equal(root.truncate(small, 0), 0);
    assert.equal(root.fsync(other), 0);
    assert.equal(textOf(afterCrash(device), "emptied"), old, "it was not written again yet");
    root.write(emptied, 0, byteStringOf(renewed), 0, renewed.length);
    root.write(small, 0, byteStringOf("new"), 0, 3);
    assert.equal(root.fsync(other), 0);
    assert.equal(volume.superblock.generation, generation, "nothing was committed");
    const again = afterCrash(device);
    assert.deepEqual(
      ["renamed", "two", "one", "emptied", "small"].map((name) => textOf(again, name)),
      [renewed, renewed, old, renewed, "new"],
    );
    assert.equal(again.root.lookup(ROOT_INO, "two"), one);
    assert.equal(again.root.lookup(ROOT_INO, "one"), two);
    // Emptied before a commit, written after it.
    assert.equal(root.truncate(emptied, 0), 0);
    assert.equal(volume.sync(), 0);
    root.write(emptied, 0, byteStringOf(renewed), 0, renewed.length);
    assert.equal(root.fsync(other), 0);
    assert.equal(textOf(afterCrash(device), "emptied"), renewed);
  },
);

test("a batch that replaces nothing has no more in it than its own file", () => {
  const { volume } = loggedVolume();
  const { root } = volume;
  const other = root.create(ROOT_INO, "other", FILE, 0, 0);
  root.write(root.create(ROOT_INO, "waits", FILE, 0, 0), 0, new Uint8Array(8000), 0, 8000);
  root.create(ROOT_INO, "name", FILE, 0, 0);
  assert.equal(root.rename(ROOT_INO, "name", ROOT_INO, "new name"), 0);
  assert.equal(root.fsync(other), 0);
  assert.equal(volume.pages.dirtyCount, 2);
});

/** Flips a bit of a block. */
function rot(device: MemoryBlockDevice, block: number, byte: number): void {
  const one = new Uint8Array(1);
  device.read(block * 4096 + byte, one, 0, 1);
  one[0]! ^= 4;
  device.write(block * 4096 + byte, one, 0, 1);
}

test("a block of the last batch that rots costs what is in it: the rest of what was synced stays", () => {
  const { device, volume } = loggedVolume();
  const { root } = volume;
  const bytes = new Uint8Array(20_000);
  const files = ["one", "two", "three"].map((name) => root.create(ROOT_INO, name, FILE, 0, 0));
  for (const ino of files) {
    assert.equal(root.write(ino, 0, bytes.fill(ino), 0, bytes.length), bytes.length);
    assert.equal(root.prepareFsync(ino), 0);
  }
  assert.equal(volume.finishFsync(), 0);
  assert.ok(findExtent(root, files[1]!, 2));
  rot(device, foundExtent.block + 2 - foundExtent.start, 77);
  const named = check(device, { data: true });
  assert.ok(Array.isArray(named) && named.length === 1 && named[0]!.ino === files[1], JSON.stringify(named));
  const { root: left } = mountedVolume(mount(device));
  for (const ino of files) {
    for (let block = 0; block < 4; block++) {
      const result = left.read(ino, block * 4096, bytes, 0, 4096);
      if (ino === files[1] && block === 2) assert.equal(result, -EIO);
      else
        assert.ok(
          result === 4096 && bytes.subarray(0, 4096).every((byte) => byte === ino),
          `inode ${ino}, block ${block}: ${result}`,
        );
    }
  }
});

test(
  "a batch that rots is not taken for one that was never written: the mount says so, check names it, repair goes " +
    "on without it",
  () => {
    for (const rotten of [0, 1, 2]) {
      const { device, volume } = loggedVolume();
      const { root } = volume;
      for (let file = 0; file < 3; file++) {
        const ino = root.create(ROOT_INO, `f${file}`, FILE, 0, 0);
        root.write(ino, 0, new Uint8Array(9000).fill(file + 1), 0, 9000);
        assert.equal(root.fsync(ino), 0);
      }
      assert.equal(volume.log.used, 3);
      rot(device, volume.log.start + rotten, rotten === 1 ? 9 : 200);
      assert.equal(mount(device), "corrupt");
      const named = check(device);
      assert.ok(
        Array.isArray(named) && named.length === 1 && named[0]!.what.startsWith(`${3 - rotten} of 3 batches`),
        JSON.stringify(named),
      );
      const result = repair(device);
      assert.ok(typeof result === "object");
      assert.deepEqual(check(device, { data: true }), []);
      const { root: left } = mountedVolume(mount(device));
      for (let file = 0; file < 3; file++)
        assert.equal(left.lookup(ROOT_INO, `f${file}`) > 0, file < rotten, `f${file}`);
    }
  },
);

test("a batch that was torn, or whose blocks never came, does not count", () => {
  const { device, volume } = loggedVolume();
  const { root } = volume;
  const before = root.create(ROOT_INO, "before", FILE, 0, 0);
  assert.equal(root.fsync(before), 0);
  const durable = copyOf(device);
  const ino = root.create(ROOT_INO, "torn", FILE, 0, 0);
  root.write(ino, 0, new Uint8Array(9000).fill(7), 0, 9000);
  assert.equal(root.fsync(ino), 0);
  // The batch came to the disk, what it maps and the receipt behind it did not.
  const batch = new Uint8Array(4096);
  device.read((volume.log.start + 1) * 4096, batch, 0, 4096);
  durable.write((volume.log.start + 1) * 4096, batch, 0, 4096);
  const { root: left } = afterCrash(durable);
  assert.ok(left.lookup(ROOT_INO, "before") > 0);
  assert.equal(left.lookup(ROOT_INO, "torn"), -ENOENT);
});

/** The device as one sees it who took its superblocks a while ago, and reads all else now. */
class LateReader extends ForwardingDevice {
  readonly #superblocks = new Map<number, Uint8Array>();

  constructor(device: BlockDevice) {
    super(device);
    for (const slot of SUPERBLOCK_SLOTS.flat()) {
      const bytes = new Uint8Array(4096);
      if (device.read(slot * 4096, bytes, 0, 4096) >= 0) this.#superblocks.set(slot, bytes);
    }
  }

  override read(offset: number, bytes: Uint8Array, at: number, length: number): number {
    const superblock = this.#superblocks.get(offset / 4096);
    if (superblock === undefined) return super.read(offset, bytes, at, length);
    bytes.set(superblock.subarray(0, length), at);
    return length;
  }
}

test("who reads while the volume is written finds the log of its superblock, eight commits later as well", () => {
  const { device, volume } = loggedVolume(128);
  const { root, space } = volume;
  const bytes = new Uint8Array(9000);
  let made = 0;
  const sync = (): void => {
    const ino = root.create(ROOT_INO, `f${++made}`, FILE, 0, 0);
    assert.equal(root.write(ino, 0, bytes.fill(made), 0, bytes.length), bytes.length);
    assert.equal(root.fsync(ino), 0);
  };
  const commit = (): void => assert.equal(volume.sync(), 0);
  commit();
  const pinned = (): number => space.freeBlocks - space.availableBlocks;
  const usual = pinned();
  space.hold();
  // The state that is held, and one of many commits later: a reader may take its time before it opens the volume.
  for (const before of [0, 20]) {
    for (let round = 0; round < before; round++) commit();
    sync();
    sync();
    const reader = new LateReader(device);
    const last = made;
    for (let round = 0; round < 8; round++) {
      commit();
      sync();
    }
    assert.deepEqual(check(reader, { data: true }), [], `${before} commits after the hold`);
    const seen = mountedVolume(mount(reader, { readOnly: true })).root;
    assert.equal(seen.read(seen.lookup(ROOT_INO, `f${last}`), 0, bytes, 0, bytes.length), bytes.length);
    assert.ok(bytes.every((byte) => byte === last));
    assert.equal(seen.lookup(ROOT_INO, `f${last + 1}`), -ENOENT);
  }
  space.letGo();
  commit();
  assert.equal(pinned(), usual, "the logs are free as well");
});

test("a log that grows while it is read has lost nothing", () => {
  for (const present of [0, 1, 2]) {
    const { device, volume } = loggedVolume();
    const { root } = volume;
    const names: string[] = [];
    const sync = (): void => {
      names.push(`f${names.length}`);
      assert.equal(root.fsync(root.create(ROOT_INO, names.at(-1)!, FILE, 0, 0)), 0);
    };
    for (let batch = 0; batch < present; batch++) sync();
    // The server writes the next batch just after the reader has found that there is none.
    let growths = 3;
    const reader = new ForwardingDevice(device);
    reader.read = (offset, bytes, at, length) => {
      const result = device.read(offset, bytes, at, length);
      if (offset === (volume.log.start + volume.log.used) * 4096 && growths > 0) {
        growths--;
        sync();
      }
      return result;
    };
    assert.deepEqual(check(reader), [], `${present} batches before`);
    assert.equal(growths, 0);
    growths = 3;
    const seen = mountedVolume(mount(reader, { readOnly: true })).root;
    for (const name of names.slice(0, -3)) assert.ok(seen.lookup(ROOT_INO, name) > 0, name);
  }
});
