/**
 * Goal: a repair makes nothing up. What is lost reads as an error and is named; what is still on the device is found.
 * Method: nodes of a small volume are damaged, and its files compared; then by chance (testing/repair-flips.ts).
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { EIO, S_IFDIR, S_IFREG } from "@stratos/abi";
import { MemoryBlockDevice } from "@stratos/host";
import { check, exitOf, format, mount, repair, ROOT_INO } from "../aegisfs.ts";
import type { RepairResult, Volume } from "../aegisfs.ts";
import { KIND_INODE, KIND_XATTR, keyMiddle } from "../format/key.ts";
import { NODE_HEADER_WORDS, POINTER_AT_BLOCK, ENTRY_AT_POINTER, ENTRY_WORDS } from "../format/node-layout.ts";
import { slotAt } from "../tree/leaf.ts";
import { mountedVolume } from "../testing/fresh-volume.ts";
import { simulateRepair } from "../testing/repair-flips.ts";

const SEED = Number(process.env["AEGISFS_SEED"] ?? 20260101);
const FILES = 400;

/**
 * A volume with files in a folder, each of its own bytes; committed twice, so that most of it is older than the last
 * commit.
 */
function made(copies: number, { files = FILES, size = 3000 } = {}): { device: MemoryBlockDevice; volume: Volume } {
  const device = new MemoryBlockDevice(24 << 20);
  assert.equal(format(device, { uuid: new Uint8Array(16).fill(2), hashSeed: 4, copies }), 0);
  const volume = mountedVolume(mount(device));
  const folder = volume.root.create(ROOT_INO, "folder", S_IFDIR | 0o755, 0, 0);
  for (let file = 0; file < files; file++) {
    const ino = volume.root.create(folder, `f${file}`, S_IFREG | 0o644, 0, 0);
    assert.equal(volume.root.write(ino, 0, new Uint8Array(size).fill(1 + (file % 250)), 0, size), size);
  }
  assert.equal(volume.sync(), 0);
  volume.root.create(ROOT_INO, "last", S_IFREG | 0o644, 0, 0);
  assert.equal(volume.sync(), 0);
  return { device, volume };
}

/** Flips a bit in all copies of a node. */
function hit({ store }: Volume, device: MemoryBlockDevice, block: number): void {
  const segment = store.layout.segmentAt(block)!;
  for (const place of segment.places) {
    const byte = new Uint8Array(1);
    const offset = (place.first + block - segment.first) * 4096 + 300;
    device.read(offset, byte, 0, 1);
    byte[0]! ^= 64;
    device.write(offset, byte, 0, 1);
  }
}

function repaired(device: MemoryBlockDevice): RepairResult {
  const looked = repair(device, { dryRun: true });
  const result = repair(device);
  assert.ok(typeof result === "object" && typeof looked === "object", String(result));
  assert.deepEqual(result.left, []);
  assert.deepEqual(looked.losses, result.losses);
  assert.deepEqual(check(device, { data: true }), []);
  return result;
}

/** Files that are as they were; the others must be errors or gone. */
function intact(device: MemoryBlockDevice): Set<number> {
  const { root } = mountedVolume(mount(device, { readOnly: true }));
  const bytes = new Uint8Array(4096);
  const found = new Set<number>();
  const folder = root.lookup(ROOT_INO, "folder");
  for (let file = 0; file < FILES; file++) {
    const ino = root.lookup(folder, `f${file}`);
    if (ino < 0) continue;
    const count = root.read(ino, 0, bytes, 0, 4096);
    // Of what has lost its inode the size is not known: the block is there, with the zeros behind the end.
    assert.ok(
      count === -EIO ||
        ((count === 3000 || count === 4096) && bytes.subarray(0, 3000).every((byte) => byte === 1 + (file % 250))),
      `f${file}: ${count}`,
    );
    if (count === 3000) found.add(file);
  }
  return found;
}

for (const copies of [1, 2]) {
  test(
    `the files of a tree whose root is lost in ${copies === 1 ? "its only copy" : "both copies"} are found by ` +
      "their leaves",
    () => {
      const { device, volume } = made(copies);
      const root = volume.cache.load(volume.root.tree.root, 0);
      assert.ok(root.level === 1 && root.count > 4);
      hit(volume, device, root.block);
      const result = repaired(device);
      const left = intact(device);
      if (copies === 2) {
        assert.equal(left.size, FILES);
        assert.deepEqual(result.losses, []);
        return;
      }
      // With one copy only the older root vouches: for all leaves but those that were written with the lost one.
      if (exitOf(result) === 1) assert.equal(left.size, FILES);
      else
        assert.ok(
          result.losses.some(({ what, ino, lastIno }) => what === "metadata" && ino <= ROOT_INO && lastIno >= FILES),
          JSON.stringify(result.losses),
        );
      assert.ok(mountedVolume(mount(device, { readOnly: true })).root.inodes > FILES - 60);
    },
  );
}

test("the leaves of two lost nodes are found, since each belongs to the one alone whose range it is in", () => {
  const [files, size] = [3200, 2000];
  const { device, volume } = made(1, { files, size });
  const root = volume.cache.load(volume.root.tree.root, 0);
  assert.ok(root.level === 2 && root.count > 1);
  const words = root.words.slice();
  for (const child of [0, 1])
    hit(volume, device, words[NODE_HEADER_WORDS + child * ENTRY_WORDS + ENTRY_AT_POINTER + POINTER_AT_BLOCK]!);
  const result = repaired(device);
  assert.equal(exitOf(result), 1);
  assert.deepEqual(result.losses, []);
  assert.equal(mountedVolume(mount(device, { readOnly: true })).root.inodes, volume.root.inodes);
});

test("whichever leaf is lost together with the node above it, no file reads as zeros", () => {
  const size = 300;
  let errors = 0;
  for (let leaf = 0, count = 1; leaf < count; leaf++) {
    const { device, volume } = made(1, { size });
    const root = volume.cache.load(volume.root.tree.root, 0);
    assert.equal(root.level, 1);
    count = root.count;
    const words = root.words.slice();
    hit(volume, device, words[NODE_HEADER_WORDS + leaf * ENTRY_WORDS + ENTRY_AT_POINTER + POINTER_AT_BLOCK]!);
    hit(volume, device, root.block);
    const result = repaired(device);
    const { root: after } = mountedVolume(mount(device, { readOnly: true }));
    const folder = after.lookup(ROOT_INO, "folder");
    const bytes = new Uint8Array(4096);
    for (let file = 0; folder > 0 && file < FILES; file++) {
      const ino = after.lookup(folder, `f${file}`);
      if (ino < 0) continue;
      const read = after.read(ino, 0, bytes, 0, 4096);
      if (read === -EIO) {
        errors++;
        assert.ok(
          result.losses.some((loss) => loss.ino <= ino && ino <= loss.lastIno),
          `f${file} is not named`,
        );
      } else
        assert.ok(
          bytes.subarray(0, size).every((byte) => byte === 1 + (file % 250)),
          `leaf ${leaf}: f${file}`,
        );
    }
  }
  assert.ok(errors > 0);
});

test("a leaf of extended attributes alone is told when it is lost together with the node above it", () => {
  let told = 0;
  for (let leaf = 0, count = 1; leaf < count; leaf++) {
    const { device, volume } = made(1, { files: 20 });
    const rich = volume.root.create(ROOT_INO, "rich", S_IFREG | 0o644, 0, 0);
    const names = Array.from({ length: 40 }, (_, index) => `user.a${index}`);
    for (const name of names) assert.equal(volume.root.setXattr(rich, name, new Uint8Array(1500).fill(7), 0), 0);
    assert.equal(volume.sync(), 0);
    const root = volume.cache.load(volume.root.tree.root, 0);
    assert.ok(root.level === 1 && root.count > 3, `${root.level} ${root.count}`);
    count = root.count;
    const at = NODE_HEADER_WORDS + leaf * ENTRY_WORDS;
    const block = root.words[at + ENTRY_AT_POINTER + POINTER_AT_BLOCK]!;
    const node = volume.cache.load(root.words, at + ENTRY_AT_POINTER);
    const isOfAttributes = Array.from({ length: node.count }, (_, slot) => node.words[slotAt(slot) + 1]! >>> 24).every(
      (kind) => kind === KIND_XATTR,
    );
    const { block: above } = volume.cache.load(volume.root.tree.root, 0);
    hit(volume, device, block);
    hit(volume, device, above);
    const result = repaired(device);
    if (!isOfAttributes) continue;
    told++;
    const { root: after } = mountedVolume(mount(device, { readOnly: true }));
    assert.ok(names.filter((name) => typeof after.getXattr(rich, name) === "number").length > 0);
    assert.equal(exitOf(result), 4);
    assert.ok(
      result.losses.some(({ what, ino, lastIno }) => what === "metadata" && ino <= rich && rich <= lastIno),
      JSON.stringify(result.losses),
    );
  }
  assert.ok(told > 1);
});

test("the root of the volume's tree is lost in its only copy: its second place has it, and nothing is lost", () => {
  const { device, volume } = made(1);
  const { root, rootCopy } = volume.superblock;
  assert.ok(rootCopy > 0 && !volume.space.isAllocated(rootCopy));
  hit(volume, device, root[POINTER_AT_BLOCK]!);
  assert.equal(intact(device).size, FILES, "it is read from there");
  const problems = check(device, { data: true });
  assert.deepEqual(typeof problems === "string" ? problems : problems.map(({ what }) => what), [
    "the root of the volume's tree is damaged; its second copy is good",
  ]);
  const result = repaired(device);
  assert.equal(exitOf(result), 1, "all of it is mended");
  assert.deepEqual(result.losses, []);
  assert.equal(intact(device).size, FILES);
  // A mount that writes mends it at once.
  hit(volume, device, root[POINTER_AT_BLOCK]!);
  mountedVolume(mount(device));
  assert.deepEqual(check(device, { data: true }), []);
});

test("the second place of the root moves with each commit, and is given back where space is short", () => {
  const { device, volume } = made(1);
  const { root } = volume;
  const free = volume.space.freeBlocks;
  for (let round = 0; round < 5; round++) {
    const { rootCopy } = volume.superblock;
    root.create(ROOT_INO, `more${round}`, S_IFREG | 0o644, 0, 0);
    assert.equal(volume.sync(), 0);
    assert.notEqual(volume.superblock.rootCopy, rootCopy, "the durable copy is not written over");
  }
  const kept = volume.space.freeBlocks - volume.space.availableBlocks;
  assert.equal(kept, volume.log.blocks + 4, "one copy and the log, not one more with each commit");
  assert.ok(volume.space.freeBlocks > free - 64);
  const ino = root.create(ROOT_INO, "full", S_IFREG | 0o644, 0, 0);
  const bytes = new Uint8Array(1 << 20).fill(7);
  let at = 0;
  for (let done = 1; done > 0; at += Math.max(0, done)) done = root.write(ino, at, bytes, 0, bytes.length);
  assert.equal(volume.sync(), 0);
  assert.equal(root.unlink(ROOT_INO, "full"), 0);
  assert.equal(volume.sync(), 0);
  assert.deepEqual(check(device, { data: true }), []);
});

for (const copies of [1, 2])
  test(`the root is lost in all places (copies: ${copies}): repair goes back one commit, and says so`, () => {
    const { device, volume } = made(copies);
    const { root, rootCopy } = volume.superblock;
    for (const block of [root[POINTER_AT_BLOCK]!, rootCopy]) hit(volume, device, block);
    assert.equal(mount(device, { readOnly: true }), "corrupt");
    const result = repaired(device);
    assert.equal(exitOf(result), 4);
    assert.ok(
      result.losses.some(({ what, detail }) => what === "subvolume" && detail.startsWith("went back to commit")),
      JSON.stringify(result.losses),
    );
    assert.equal(intact(device).size, FILES, "what the commit before had is whole");
    const again = mountedVolume(mount(device));
    assert.ok(again.root.lookup(ROOT_INO, "last") < 0, "the last commit is what is lost");
    assert.ok(again.superblock.generation > volume.superblock.generation, "and its superblock counts no more");
    assert.ok(again.root.create(ROOT_INO, "next", S_IFREG | 0o644, 0, 0) > 0);
    assert.equal(again.sync(), 0);
    assert.deepEqual(check(device, { data: true }), []);
  });

test("without any root of the volume's tree repair changes nothing, and says so", () => {
  const { device, volume } = made(1);
  const older = mountedVolume(mount(device, { readOnly: true, olderThan: volume.superblock.generation }));
  for (const { superblock } of [volume, older])
    for (const block of [superblock.root[POINTER_AT_BLOCK]!, superblock.rootCopy]) hit(volume, device, block);
  const result = repair(device);
  assert.ok(typeof result === "object");
  assert.equal(exitOf(result), 4);
  assert.match(result.left[0]!.what, /root of the volume's tree/);
});

test("a snapshot's older leaf does not take the place of a lost one (simulated: old repair seed 109483)", () => {
  const { device, volume } = made(2);
  const { root } = volume;
  const id = volume.snapshot(root, "older", { readOnly: true });
  const ino = root.lookup(root.lookup(ROOT_INO, "folder"), "f200");
  assert.equal(root.write(ino, 0, new Uint8Array(3000).fill(251), 0, 3000), 3000);
  assert.equal(volume.sync(), 0);
  assert.ok(root.tree.find(ino, keyMiddle(KIND_INODE, 0), 0));
  const leaf = root.tree.leaf.block;
  const snapshot = volume.subvolume(id)!;
  assert.ok(snapshot.tree.find(ino, keyMiddle(KIND_INODE, 0), 0) && snapshot.tree.leaf.block !== leaf);
  for (const { tree } of [root, snapshot]) hit(volume, device, tree.root[POINTER_AT_BLOCK]!);
  hit(volume, device, leaf);
  const result = repaired(device);
  const { root: files } = mountedVolume(mount(device, { readOnly: true }));
  const bytes = new Uint8Array(1);
  const count = files.read(ino, 0, bytes, 0, 1);
  assert.ok(count < 0 || bytes[0] === 251, `byte ${bytes[0]} is what the file had before`);
  assert.ok(result.losses.some((loss) => loss.subvolume === root.id && loss.ino <= ino && loss.lastIno >= ino));
});

test("each name of a file that is lost is told", () => {
  const { device, volume } = made(1, { size: 5000 });
  const folder = volume.root.lookup(ROOT_INO, "folder");
  const ino = volume.root.lookup(folder, "f7");
  assert.equal(volume.root.link(ino, ROOT_INO, "again"), 0);
  assert.equal(volume.root.link(ino, folder, "third"), 0);
  assert.equal(volume.sync(), 0);
  const extents = volume.root.extents(ino, 0, 1);
  assert.ok(typeof extents === "object");
  hit(volume, device, extents[0]!.physical / 4096);
  const result = repair(device);
  assert.ok(typeof result === "object");
  const [loss] = result.losses;
  assert.deepEqual([loss!.path, ...loss!.otherPaths].sort(), ["/again", "/folder/f7", "/folder/third"]);
});

test("a file whose extents are lost reads as an error, and the report has its path and bytes", () => {
  for (let child = 0; child < 6; child++) {
    const { device, volume } = made(1);
    const root = volume.cache.load(volume.root.tree.root, 0);
    hit(volume, device, root.words[NODE_HEADER_WORDS + child * ENTRY_WORDS + ENTRY_AT_POINTER + POINTER_AT_BLOCK]!);
    const result = repaired(device);
    const left = intact(device);
    assert.equal(exitOf(result), 4);
    const { root: files } = mountedVolume(mount(device, { readOnly: true }));
    const folder = files.lookup(ROOT_INO, "folder");
    const bytes = new Uint8Array(1);
    for (let file = 0; file < FILES && folder > 0; file++) {
      const ino = files.lookup(folder, `f${file}`);
      if (left.has(file)) continue;
      const path = `/folder/f${file}`;
      if (ino > 0 && files.read(ino, 0, bytes, 0, 1) === 1)
        assert.ok(
          result.losses.some((loss) => loss.what === "file" && loss.path === path),
          path,
        );
      else if (ino > 0)
        assert.ok(
          result.losses.some(
            (loss) => loss.what === "content" && loss.path === path && loss.from === 0 && loss.to === 4096,
          ),
          path,
        );
      else
        assert.ok(
          result.losses.some(
            (loss) =>
              loss.path === path ||
              (loss.what === "metadata" && loss.ino <= file + 3 && loss.lastIno >= file + 3) ||
              loss.what === "name",
          ),
          `${path}: ${JSON.stringify(result.losses).slice(0, 500)}`,
        );
    }
    // What an earlier repair lost is no news, and the volume is whole.
    const again = repair(device);
    assert.ok(typeof again === "object" && exitOf(again) === 0, JSON.stringify(again));
  }
});

test("names whose inodes are lost stay: links with their targets lead on, what has nothing left is an error", () => {
  const { device, volume } = made(1);
  const { root } = volume;
  const content = new Uint8Array(3000).fill(7);
  const file = root.create(ROOT_INO, "file", S_IFREG | 0o644, 0, 0);
  assert.equal(root.write(file, 0, content, 0, content.length), content.length);
  const whole = root.symlink(ROOT_INO, "whole", "folder/f1", 0, 0);
  const empty = root.symlink(ROOT_INO, "empty", "folder/f2", 0, 0);
  const folder = root.create(ROOT_INO, "bare", S_IFDIR | 0o755, 0, 0);
  assert.equal(volume.sync(), 0);
  const damaged = mountedVolume(mount(device));
  const { tree } = damaged.root;
  assert.equal(tree.remove(whole, keyMiddle(KIND_INODE, 0), 0), true);
  for (const ino of [file, empty, folder])
    while (tree.ceiling(ino, 0, 0) && tree.key(0) === ino) tree.remove(ino, tree.key(1), tree.key(2));
  damaged.root.store();
  assert.ok(damaged.commit() >= 0);
  const result = repaired(device);
  assert.equal(exitOf(result), 4);
  const { root: files } = mountedVolume(mount(device, { readOnly: true }));
  assert.equal(files.read(files.lookup(ROOT_INO, "file"), 0, new Uint8Array(1), 0, 1), -EIO);
  assert.equal(files.readlink(files.lookup(ROOT_INO, "whole")), "folder/f1");
  assert.equal(files.readlink(files.lookup(ROOT_INO, "empty")), -EIO);
  assert.ok(files.lookup(ROOT_INO, "bare") < 0, "an empty folder would tell of names that are not known");
  for (const path of ["/file", "/whole", "/empty", "/bare"])
    assert.ok(
      result.losses.some((loss) => loss.what === "file" && loss.path === path),
      `${path}: ${JSON.stringify(result.losses)}`,
    );
});

test(
  "bits flipped at random, on one copy and two: no byte is wrong, nothing is gone without a line (seeds from " +
    `${SEED})`,
  () => {
    let kept = 0;
    let lost = 0;
    for (let round = 0; round < 40; round++) {
      const outcome = simulateRepair(SEED + round);
      kept += outcome.kept;
      lost += outcome.lost;
    }
    assert.ok(kept > 500 && lost > 100, `${kept} kept and ${lost} lost only`);
  },
);
