/** Goal: deleting and rolling back are short whatever the size, lose no space, and give it back when it is needed. */
import { test } from "node:test";
import assert from "node:assert/strict";
import { S_IFREG } from "@stratos/abi";
import { mount, ROOT_INO } from "../aegisfs.ts";
import { commitAndCheck, freshVolume, mountedVolume } from "../testing/fresh-volume.ts";
import { droppedRoots } from "./dropped-trees.ts";

const FILE = S_IFREG | 0o644;

function fill(volume: ReturnType<typeof freshVolume>["volume"], files: number): void {
  for (let file = 0; file < files; file++) {
    const ino = volume.root.create(ROOT_INO, `f${file}`, FILE, 0, 0);
    volume.root.write(ino, 0, new Uint8Array(300).fill(file), 0, 300);
  }
}

test("a deleted snapshot's nodes are freed in steps, also after a remount, and check agrees at each", () => {
  const { device, volume } = freshVolume(64);
  const empty = volume.space.freeBlocks;
  fill(volume, 12_000);
  const snapshot = volume.snapshot(volume.root, "s", { readOnly: true, label: "before" });
  assert.ok(snapshot > 0);
  for (let file = 0; file < 12_000; file++) volume.root.unlink(ROOT_INO, `f${file}`);
  commitAndCheck(volume, device);
  const before = volume.cache.changes;
  assert.equal(volume.deleteSubvolume(snapshot), 0);
  assert.ok(volume.cache.changes - before < 40, `${volume.cache.changes - before} changes of trees for a deletion`);
  assert.ok(droppedRoots(volume).length > 0);
  commitAndCheck(volume, device);
  let steps = 0;
  while (volume.reclaim(1) === 1) {
    commitAndCheck(volume, device);
    if (++steps === 1) break;
  }
  const again = mountedVolume(mount(device));
  assert.equal((again.subvolumes() as { label: string }[])[0]!.label, "");
  while (again.reclaim(1) === 1) commitAndCheck(again, device);
  commitAndCheck(again, device);
  assert.equal(again.references.records, 0);
  assert.ok(again.space.freeBlocks > empty - 60, `${empty - again.space.freeBlocks} blocks did not come back`);
});

test("space of deleted trees comes back by itself when it runs short", () => {
  const { device, volume } = freshVolume(12);
  const piece = new Uint8Array(1 << 20).fill(5);
  for (let round = 0; round < 12; round++) {
    const ino = volume.root.create(ROOT_INO, `big${round}`, FILE, 0, 0);
    for (let at = 0; at < 5; at++)
      assert.equal(volume.root.write(ino, at * piece.length, piece, 0, piece.length), piece.length, `round ${round}`);
    const id = volume.snapshot(volume.root, `s${round}`, { readOnly: true });
    assert.ok(id > 0);
    assert.equal(volume.root.unlink(ROOT_INO, `big${round}`), 0);
    assert.equal(volume.deleteSubvolume(id), 0);
  }
  commitAndCheck(volume, device);
});
