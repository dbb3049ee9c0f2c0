/**
 * Repair: each kind of damage that check names is made, named, mended, and gone; what was not damaged is as it was.
 * Then damage by chance: whatever was done to a tree's items, repair ends with a volume that check finds clean.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { DT_DIR, S_IFDIR, S_IFREG } from "@stratos/abi";
import { SeededRandom } from "@stratos/base";
import { MemoryBlockDevice } from "@stratos/host";
import { check, exitOf, format, mount, repair, ROOT_INO } from "../aegisfs.ts";
import type { Subvolume, Volume } from "../aegisfs.ts";
import {
  KIND_ENTRY,
  KIND_EXTENT,
  KIND_INLINE,
  KIND_INODE,
  KIND_ORPHAN,
  KIND_SUBVOLUME,
  keyMiddle,
} from "../format/key.ts";
import { EXTENT_AT_LENGTH } from "../format/extent-item.ts";
import {
  INODE_AT_BLOCKS,
  INODE_AT_BYTES,
  INODE_AT_ENTRIES,
  INODE_AT_NLINK,
  INODE_AT_PARENT,
} from "../format/inode-item.ts";
import { POINTER_AT_BLOCK } from "../format/node-layout.ts";
import { dumpSubvolume } from "../testing/dump.ts";
import { mountedVolume } from "../testing/fresh-volume.ts";
import { Workload } from "../testing/workload.ts";

const SEED = Number(process.env["AEGISFS_SEED"] ?? 20260101);
const INODE = keyMiddle(KIND_INODE, 0);

interface Made {
  device: MemoryBlockDevice;
  folder: number;
  inner: number;
  file: number;
  link: number;
  other: number;
}

function made(copies = 1): Made {
  const device = new MemoryBlockDevice(16 << 20);
  assert.equal(format(device, { uuid: new Uint8Array(16).fill(2), hashSeed: 4, copies }), 0);
  const volume = mountedVolume(mount(device));
  const { root } = volume;
  const folder = root.create(ROOT_INO, "folder", S_IFDIR | 0o755, 0, 0);
  const inner = root.create(folder, "inner", S_IFDIR | 0o755, 0, 0);
  const file = root.create(inner, "file", S_IFREG | 0o644, 0, 0);
  root.write(file, 0, new Uint8Array(50_000).fill(4), 0, 50_000);
  const link = root.symlink(folder, "link", "target", 0, 0);
  const other = root.create(ROOT_INO, "other", S_IFREG | 0o644, 0, 0);
  root.write(other, 0, new Uint8Array(100).fill(5), 0, 100);
  root.setXattr(other, "user.name", new Uint8Array(10), 0);
  volume.snapshot(root, "snapshot", { readOnly: true });
  root.write(file, 8192, new Uint8Array(5000).fill(6), 0, 5000);
  assert.equal(volume.sync(), 0);
  return { device, folder, inner, file, link, other };
}

/** Changes a tree behind the engine's back, with right checksums. */
function forge(device: MemoryBlockDevice, change: (root: Subvolume, volume: Volume) => void): void {
  const volume = mountedVolume(mount(device));
  const { root } = volume;
  root.tree.edit(ROOT_INO, INODE, 0);
  change(root, volume);
  assert.equal(volume.commit(), 0);
}

function setWord(root: Subvolume, ino: number, word: number, value: number): void {
  assert.ok(root.tree.edit(ino, INODE, 0));
  root.tree.words[(root.tree.offset >>> 2) + word] = value;
}

function firstKey(root: Subvolume, ino: number, kind: number): [number, number, number] {
  assert.ok(
    root.tree.ceiling(ino, keyMiddle(kind, 0), 0) && root.tree.key(0) === ino && root.tree.key(1) >>> 24 === kind,
  );
  return [root.tree.key(0), root.tree.key(1), root.tree.key(2)];
}

const forgeries: [string, RegExp, (made: Made, root: Subvolume, volume: Volume) => void][] = [
  ["a wrong link count", /says 9/, ({ file }, root) => setWord(root, file, INODE_AT_NLINK, 9)],
  ["a wrong number of entries", /entries, says/, ({ folder }, root) => setWord(root, folder, INODE_AT_ENTRIES, 7)],
  ["a wrong number of blocks", /blocks, says/, ({ file }, root) => setWord(root, file, INODE_AT_BLOCKS, 700)],
  [
    "a size beyond the largest file",
    /larger than any file/,
    ({ file }, root) => setWord(root, file, INODE_AT_BYTES + 1, 0x80000001),
  ],
  [
    "an extent behind the end of the largest file",
    /behind the end of the largest file/,
    ({ file }, root) => {
      const [ino, middle, low] = firstKey(root, file, KIND_EXTENT);
      const { tree } = root;
      assert.ok(tree.find(ino, middle, low));
      const value = tree.bytes.slice(tree.offset, tree.offset + tree.length);
      tree.remove(ino, middle, low);
      const offset = tree.insert(ino, keyMiddle(KIND_EXTENT, 0x80000), 0, value.length);
      tree.bytes.set(value, offset);
    },
  ],
  ["a wrong parent", /not named in its parent/, ({ inner }, root) => setWord(root, inner, INODE_AT_PARENT, ROOT_INO)],
  [
    "a name without an inode",
    /without an inode/,
    ({ other }, root) => {
      while (root.tree.ceiling(other, 0, 0) && root.tree.key(0) === other)
        root.tree.remove(other, root.tree.key(1), root.tree.key(2));
    },
  ],
  ["content without an inode", /without an inode/, ({ file }, root) => root.tree.remove(file, INODE, 0)],
  ["a directory without an inode", /without an inode/, ({ folder }, root) => root.tree.remove(folder, INODE, 0)],
  ["no root directory's inode", /without an inode/, (_made, root) => root.tree.remove(ROOT_INO, INODE, 0)],
  [
    "an inode without a name",
    /has 0 names/,
    ({ inner }, root) => root.tree.remove(...firstKey(root, inner, KIND_ENTRY)),
  ],
  [
    "a directory without a name",
    /has 0 names/,
    ({ folder }, root) => {
      for (const key of [firstKey(root, folder, KIND_ENTRY)]) root.tree.remove(...key);
    },
  ],
  [
    "a directory below itself",
    /hang from the root|not named/,
    ({ folder, inner }, root) => {
      const { tree } = root;
      const key = firstKey(root, ROOT_INO, KIND_ENTRY);
      for (let more = tree.ceiling(...key); more && tree.key(0) === ROOT_INO; more = tree.next()) {
        if (tree.key(1) >>> 24 !== KIND_ENTRY || tree.words[tree.offset >>> 2] !== folder) continue;
        const value = tree.bytes.slice(tree.offset, tree.offset + tree.length);
        const from: [number, number, number] = [tree.key(0), tree.key(1), tree.key(2)];
        tree.remove(...from);
        tree.bytes.set(value, tree.insert(inner, from[1], from[2], value.length));
        break;
      }
      setWord(root, folder, INODE_AT_PARENT, inner);
    },
  ],
  [
    "a wrong type in an entry",
    /another type/,
    ({ inner }, root) => {
      root.tree.edit(...firstKey(root, inner, KIND_ENTRY));
      root.tree.bytes[root.tree.offset + 4] = DT_DIR;
    },
  ],
  [
    "an entry in the wrong place",
    /hashes to/,
    ({ inner }, root) => {
      const { tree } = root;
      const key = firstKey(root, inner, KIND_ENTRY);
      const value = tree.bytes.slice(tree.offset, tree.offset + tree.length);
      tree.remove(...key);
      tree.bytes.set(value, tree.insert(inner, keyMiddle(KIND_ENTRY, 77), 256, value.length));
    },
  ],
  [
    "extents that overlap",
    /overlap/,
    ({ file }, root) => {
      const { tree } = root;
      firstKey(root, file, KIND_EXTENT);
      const value = tree.bytes.slice(tree.offset, tree.offset + tree.length);
      tree.bytes.set(value, tree.insert(file, keyMiddle(KIND_EXTENT, 0), 1, value.length));
    },
  ],
  [
    "content in the inode, and an extent beside it",
    /block 0 is inline and has an extent/,
    ({ file, other }, root) => {
      const { tree } = root;
      firstKey(root, file, KIND_EXTENT);
      const value = tree.bytes.slice(tree.offset, tree.offset + tree.length);
      tree.bytes.set(value, tree.insert(other, keyMiddle(KIND_EXTENT, 0), 0, value.length));
    },
  ],
  [
    "an extent of nothing",
    /extent of a wrong shape/,
    ({ file }, root) => {
      root.tree.edit(...firstKey(root, file, KIND_EXTENT));
      root.tree.words[(root.tree.offset >>> 2) + EXTENT_AT_LENGTH]! &= 0xffff;
    },
  ],
  [
    "a symbolic link without a target",
    /without its target/,
    ({ link }, root) => root.tree.remove(link, keyMiddle(KIND_INLINE, 0), 0),
  ],
  [
    "an orphan that has a name",
    /orphan list/,
    ({ file }, root) => void root.tree.insert(0, keyMiddle(KIND_ORPHAN, 0), file, 0),
  ],
  [
    "an item of an unknown kind",
    /unknown kind/,
    ({ file }, root) => void root.tree.insert(file, keyMiddle(99, 0), 5, 12),
  ],
  [
    "a wrong count of inodes",
    /inodes, the subvolume says/,
    (_made, root) => {
      root.inodes += 5;
    },
  ],
  ["leaked blocks", /without owner is marked used/, (_made, _root, volume) => void volume.space.allocateData(20, 0)],
  [
    "blocks in use that are marked free",
    /in use is marked free/,
    ({ file }, root, volume) => {
      firstKey(root, file, KIND_EXTENT);
      volume.space.release(root.tree.words[root.tree.offset >>> 2]!, 1);
    },
  ],
  [
    "wrong owners of shared blocks",
    /owners/,
    (_made, _root, volume) => volume.references.setOwners(volume.space.allocateNode(), 4, 6),
  ],
  [
    "a forgotten owner",
    /owners and no right record|record says/,
    (_made, root, volume) => volume.references.rebuild([]),
  ],
  [
    "a lost default subvolume",
    /default subvolume is missing/,
    (_made, _root, volume) => {
      volume.superblock.defaultSubvolume = 40;
    },
  ],
];

for (const [name, words, change] of forgeries) {
  test(`${name} is named and mended`, () => {
    const state = made();
    if (name === "an inode without a name") {
      forge(state.device, (root, volume) => change({ ...state, inner: state.inner }, root, volume));
    } else forge(state.device, (root, volume) => change(state, root, volume));
    const problems = check(state.device);
    assert.ok(Array.isArray(problems) && problems.some(({ what }) => words.test(what)), JSON.stringify(problems));
    const dry = repair(state.device, { dryRun: true });
    assert.ok(typeof dry === "object" && dry.found.length > 0);
    assert.deepEqual(check(state.device), problems);
    const result = repair(state.device);
    assert.ok(typeof result === "object", String(result));
    assert.deepEqual(result.left, [], JSON.stringify(result));
    assert.deepEqual(check(state.device, { data: true }), []);
    const volume = mountedVolume(mount(state.device));
    // Nothing is made up: what is lost cannot be read.
    if (result.losses.some(({ what }) => what === "content")) assert.throws(() => dumpSubvolume(volume.root), /read/);
    else dumpSubvolume(volume.root);
    assert.equal(exitOf(result), result.losses.length > 0 ? 4 : 1);
    // What was not touched is still there.
    const snapshot = volume.subvolume(volume.findSubvolume("snapshot"))!;
    const bytes = new Uint8Array(50_000);
    assert.equal(
      snapshot.read(
        snapshot.lookup(snapshot.lookup(snapshot.lookup(ROOT_INO, "folder"), "inner"), "file"),
        0,
        bytes,
        0,
        50_000,
      ),
      50_000,
    );
    assert.ok(bytes.every((byte) => byte === 4));
    assert.ok(volume.root.create(ROOT_INO, "afterwards", S_IFREG | 0o644, 0, 0) > 0);
    assert.equal(volume.sync(), 0);
    assert.deepEqual(check(state.device, { data: true }), []);
  });
}

test("what lost its name is found in /lost+found, with what is below it", () => {
  const state = made();
  forge(state.device, (root) => {
    const { tree } = root;
    firstKey(root, ROOT_INO, KIND_ENTRY);
    for (let more = true; more; more = tree.next()) {
      if (tree.words[tree.offset >>> 2] !== state.folder) continue;
      tree.remove(tree.key(0), tree.key(1), tree.key(2));
      break;
    }
  });
  const result = repair(state.device);
  assert.ok(typeof result === "object" && result.left.length === 0);
  const { root } = mountedVolume(mount(state.device));
  const found = root.lookup(root.lookup(ROOT_INO, "lost+found"), `#${state.folder}`);
  assert.equal(found, state.folder);
  assert.equal(root.lookup(root.lookup(found, "inner"), "file"), state.file);
  assert.equal(root.readlink(root.lookup(found, "link")), "target");
});

test("a lost leaf takes only what was in it", () => {
  for (let round = 0; round < 12; round++) {
    const device = new MemoryBlockDevice(24 << 20);
    format(device, { uuid: new Uint8Array(16), hashSeed: 4 });
    const volume = mountedVolume(mount(device));
    const workload = new Workload(new SeededRandom(SEED + round), volume.root, { sizeMax: 60_000, names: 300 });
    for (let step = 0; step < 1200; step++) workload.step();
    volume.sync();
    const { tree } = volume.root;
    const root = volume.cache.load(tree.root, 0);
    if (root.level === 0) continue;
    // The child in the middle of the root.
    const child = 12 + Math.floor((root.count * (1 + (round % 5))) / 6) * 12 + 3;
    const block = root.words[child + POINTER_AT_BLOCK]!;
    device.write(block * 4096 + 1000, new Uint8Array([1, 2, 3]), 0, 3);
    const before = check(device);
    assert.ok(typeof before === "string" || before.length > 0);
    const result = repair(device);
    assert.ok(typeof result === "object", String(result));
    assert.deepEqual(result.left, [], `round ${round}: ${JSON.stringify(result.left.slice(0, 4))}`);
    assert.deepEqual(check(device, { data: true }), []);
    const again = mountedVolume(mount(device));
    assert.ok(again.root.inodes > 20);
    assert.ok(
      result.losses.some(({ what, lastIno }) => what === "metadata" && lastIno > 0) && exitOf(result) === 4,
      JSON.stringify(result.losses),
    );
    again.root.create(ROOT_INO, "afterwards", S_IFREG | 0o644, 0, 0);
    again.sync();
    assert.deepEqual(check(device, { data: true }), []);
  }
});

test("damaged copies are mended, and lost content is told", () => {
  const mirrored = made(2);
  for (let block = 300; block < 400; block++)
    mirrored.device.write(block * 4096, new Uint8Array(4096).fill(block), 0, 4096);
  const result = repair(mirrored.device);
  assert.ok(typeof result === "object");
  assert.deepEqual([result.left, result.lost], [[], []]);

  const single = made();
  const volume = mountedVolume(mount(single.device));
  firstKey(volume.root, single.file, KIND_EXTENT);
  single.device.write(
    volume.root.tree.words[volume.root.tree.offset >>> 2]! * 4096,
    new Uint8Array(10).fill(99),
    0,
    10,
  );
  const lost = repair(single.device);
  assert.ok(typeof lost === "object" && lost.left.length === 0);
  assert.ok(
    lost.lost.some(({ ino, what }) => ino === single.file && what === "data"),
    JSON.stringify(lost.lost),
  );
});

test(`whatever was done to the items of a tree, repair makes a volume of it (seed ${SEED})`, () => {
  const random = new SeededRandom(SEED);
  for (let round = 0; round < 120; round++) {
    const device = new MemoryBlockDevice(12 << 20);
    format(device, { uuid: new Uint8Array(16), hashSeed: 4 });
    const volume = mountedVolume(mount(device));
    const workload = new Workload(random, volume.root, { sizeMax: 40_000, names: 30 });
    for (let step = 0; step < 120; step++) workload.step();
    volume.snapshot(volume.root, "snapshot", { readOnly: true });
    for (let step = 0; step < 60; step++) workload.step();
    volume.sync();
    forge(device, (root, forged) => {
      const tree = random.below(6) === 0 ? forged.tree : root.tree;
      for (let count = 1 + random.below(4); count > 0; count--) {
        const keys: [number, number, number][] = [];
        for (let more = tree.ceiling(0, 0, 0); more; more = tree.next())
          if (tree.key(1) >>> 24 !== KIND_SUBVOLUME) keys.push([tree.key(0), tree.key(1), tree.key(2)]);
        const key = keys[random.below(keys.length)];
        if (key === undefined) break;
        if (random.below(2) === 0) tree.remove(...key);
        else {
          tree.edit(...key);
          const at = tree.offset + random.below(Math.max(1, Math.min(tree.length, 64)));
          tree.bytes[at] = random.below(256);
        }
      }
    });
    const result = repair(device);
    assert.ok(typeof result === "object", `round ${round}: ${String(result)}`);
    assert.deepEqual(result.left, [], `round ${round}: ${JSON.stringify([result.fixed, result.left]).slice(0, 900)}`);
    assert.deepEqual(check(device), [], `round ${round}`);
    const again = mountedVolume(mount(device));
    assert.ok(again.root.create(ROOT_INO, "afterwards", S_IFREG | 0o644, 0, 0) > 0, `round ${round}`);
    assert.equal(again.sync(), 0, `round ${round}`);
    assert.deepEqual(check(device), [], `round ${round}`);
  }
});
