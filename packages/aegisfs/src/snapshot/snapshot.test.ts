/**
 * Goal: differences between snapshots are exactly those that were made, cost what was changed, and space is told as it
 * is. Method: random workloads; a plain walk over both trees, and what deletion really frees, are the judges.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { S_IFDIR, S_IFREG } from "@stratos/abi";
import { SeededRandom } from "@stratos/base";
import {
  ATTRIBUTE_MODE,
  Attributes,
  fileChanges,
  measureDropped,
  measureSubvolume,
  ROOT_INO,
  type FileChange,
} from "../aegisfs.ts";
import { freshVolume } from "../testing/fresh-volume.ts";
import { Workload } from "../testing/workload.ts";
import type { Volume } from "../volume/volume.ts";
import { compareTrees, KEY_MIN, type ItemView, type Key } from "./compare-trees.ts";

const SEED = Number(process.env["AEGISFS_SEED"] ?? 20260201);
const FILE = S_IFREG | 0o644;

function allItems(volume: Volume, root: Uint32Array): Map<string, string> {
  const items = new Map<string, string>();
  compareTrees(volume, null, root, KEY_MIN, (key, _left, right) => void items.set(key.join(), text(right!)));
  return items;
}

const text = (item: ItemView): string =>
  Buffer.from(item.node.bytes.subarray(item.offset, item.offset + item.length)).toString("latin1");

test(`compared trees differ in exactly the items that a plain walk finds (seed ${SEED})`, () => {
  const random = new SeededRandom(SEED);
  const { volume } = freshVolume(64, { cacheNodes: 16, dirtyNodes: 64 });
  const workload = new Workload(random, volume.root, { sizeMax: 80_000, names: 300 });
  for (let step = 0; step < 3000; step++) workload.step();
  for (let round = 0; round < 12; round++) {
    const id = volume.snapshot(volume.root, `s${round}`, { readOnly: true });
    for (let step = random.below(round === 0 ? 2 : 400); step > 0; step--) workload.step();
    volume.commit();
    const snapshot = volume.subvolume(id)!;
    const before = allItems(volume, snapshot.tree.root);
    const after = allItems(volume, volume.root.tree.root);
    const expected = [...new Set([...before.keys(), ...after.keys()])]
      .filter((key) => before.get(key) !== after.get(key))
      .sort();
    const found: string[] = [];
    let last: Key = KEY_MIN;
    const visit = (key: Key, left: ItemView | null, right: ItemView | null): boolean => {
      assert.equal(left === null ? undefined : text(left), before.get(key.join()));
      assert.equal(right === null ? undefined : text(right), after.get(key.join()));
      assert.ok(
        found.length === 0 ||
          key[0] > last[0] ||
          (key[0] === last[0] && (key[1] > last[1] || (key[1] === last[1] && key[2] > last[2]))),
        "keys ascend",
      );
      last = key;
      found.push(key.join());
      return random.below(10) === 0; // Stops, and goes on from where it said.
    };
    for (let from: Key | null = KEY_MIN; from !== null; volume.end())
      from = compareTrees(volume, snapshot.tree.root, volume.root.tree.root, from, visit);
    assert.deepEqual(found.sort(), expected, `round ${round}`);
  }
});

test("what is shared is not read", () => {
  const { volume } = freshVolume(64);
  for (let file = 0; file < 8000; file++) volume.root.create(ROOT_INO, `file${file}`, FILE, 0, 0);
  const id = volume.snapshot(volume.root, "s", { readOnly: true });
  volume.root.create(ROOT_INO, "new", FILE, 0, 0);
  volume.commit();
  let items = 0;
  let reads = 0;
  const load = volume.cache.load.bind(volume.cache);
  volume.cache.load = (words, at) => (reads++, load(words, at));
  compareTrees(volume, volume.subvolume(id)!.tree.root, volume.root.tree.root, KEY_MIN, () => void items++);
  assert.ok(items > 0 && items < 10, `${items} items`);
  assert.ok(reads < 30, `${reads} nodes were read`);
});

test("changes are told as people say them", () => {
  const { volume } = freshVolume(32);
  const { root } = volume;
  const put = (directory: number, name: string, size = 10): number => {
    const ino = root.create(directory, name, FILE, 0, 0);
    root.write(ino, 0, new Uint8Array(size).fill(1), 0, size);
    return ino;
  };
  const folder = root.create(ROOT_INO, "folder", S_IFDIR | 0o755, 0, 0);
  const inner = root.create(folder, "inner", S_IFDIR | 0o755, 0, 0);
  const kept = put(inner, "kept", 50_000);
  const moved = put(folder, "moved");
  const moded = put(ROOT_INO, "moded");
  const linked = put(ROOT_INO, "linked");
  const tagged = put(ROOT_INO, "tagged");
  put(ROOT_INO, "saved");
  put(ROOT_INO, "gone");
  put(ROOT_INO, "untouched");
  const id = volume.snapshot(root, "before", { readOnly: true });
  volume.setTime(99, 0);
  root.write(kept, 20_000, Uint8Array.of(7), 0, 1);
  root.rename(folder, "moved", ROOT_INO, "elsewhere");
  assert.ok(moved > 0);
  const attributes = new Attributes();
  attributes.mode = 0o600;
  root.setAttributes(moded, attributes, ATTRIBUTE_MODE);
  root.link(linked, inner, "second");
  root.setXattr(tagged, "user.x", Uint8Array.of(1), 0);
  put(ROOT_INO, "saved.new");
  root.rename(ROOT_INO, "saved.new", ROOT_INO, "saved");
  root.unlink(ROOT_INO, "gone");
  put(root.create(inner, "deep", S_IFDIR | 0o755, 0, 0), "fresh");
  const changes = fileChanges(volume, volume.subvolume(id)!, root) as FileChange[];
  assert.deepEqual(
    changes.map(({ kind, path, from, aspects }) =>
      [kind, path, from, aspects.join()].filter((part) => part !== null && part !== "").join(" "),
    ),
    [
      "moved /elsewhere /folder/moved",
      "added /folder/inner/deep",
      "added /folder/inner/deep/fresh",
      "modified /folder/inner/kept content",
      "added /folder/inner/second",
      "removed /gone",
      "modified /moded attributes",
      "modified /saved content",
      "modified /tagged xattrs",
    ],
  );
  assert.deepEqual(fileChanges(volume, root, root), []);
});

test(`what a snapshot alone holds is what its deletion frees (seed ${SEED})`, () => {
  const random = new SeededRandom(SEED + 1);
  const { volume } = freshVolume(64);
  const workload = new Workload(random, volume.root, { sizeMax: 150_000, names: 100 });
  const ids: number[] = [];
  for (let round = 0; round < 8; round++) {
    for (let step = 0; step < 150; step++) workload.step();
    ids.push(volume.snapshot(volume.root, `s${round}`, { readOnly: true }));
  }
  while (ids.length > 0) {
    const [id] = ids.splice(random.below(ids.length), 1);
    const usage = measureSubvolume(volume, id!);
    assert.ok(typeof usage !== "number");
    const own = measureSubvolume(volume, id!, true);
    assert.ok(typeof own !== "number");
    assert.equal(own.ownDataBlocks, usage.ownDataBlocks);
    assert.equal(own.ownMetadataBlocks, usage.ownMetadataBlocks);
    volume.commit();
    assert.equal(volume.deleteSubvolume(id!), 0);
    assert.equal(measureDropped(volume), own.ownDataBlocks + own.ownMetadataBlocks);
    const before = volume.space.freeBlocks;
    while (volume.reclaim(1) > 0);
    volume.commit();
    // The volume tree itself may have become some nodes smaller or larger.
    assert.ok(
      Math.abs(volume.space.freeBlocks - before - own.ownDataBlocks - own.ownMetadataBlocks) <= 24,
      `told ${own.ownDataBlocks + own.ownMetadataBlocks}, freed ${volume.space.freeBlocks - before}`,
    );
  }
});
