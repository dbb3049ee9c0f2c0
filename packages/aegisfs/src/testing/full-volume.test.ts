/**
 * Goal: a volume that is full is never stuck and loses nothing. Method: testing/full-volume.ts, here a sample;
 * `npm run sim:aegisfs:full` goes on for as many rounds as it is told.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ENOSPC, S_IFREG } from "@stratos/abi";
import { SeededRandom } from "@stratos/base";
import { MemoryBlockDevice } from "@stratos/host";
import { addDevice, mount, resizeDevice, ROOT_INO } from "../aegisfs.ts";
import type { Volume } from "../aegisfs.ts";
import { commitAndCheck, freshVolume, mountedVolume } from "./fresh-volume.ts";
import { simulateFullVolume } from "./full-volume.ts";

const SEED = Number(process.env["AEGISFS_SEED"] ?? 20260101);

test(
  "filled, snapshotted, deleted at random, rolled back, grown, cut off: never stuck, nothing lost (seeds from " +
    `${SEED})`,
  () => {
    let refused = 0;
    let crashes = 0;
    for (let round = 0; round < 10; round++) {
      const outcome = simulateFullVolume({ seed: SEED + round });
      refused += outcome.refused;
      crashes += outcome.crashes;
    }
    assert.ok(refused > 100 && crashes > 8, `${refused} refusals and ${crashes} power cuts only`);
  },
);

test("the last free block takes content, too", () => {
  for (const size of [4096, 12_288]) {
    const { device, volume } = freshVolume(8);
    const ino = volume.root.create(ROOT_INO, "file", S_IFREG | 0o644, 0, 0);
    const bytes = new Uint8Array(size).fill(3);
    let end = 0;
    for (let count = 0; (count = volume.root.write(ino, end, bytes, 0, size)) > 0;) end += count;
    assert.deepEqual([volume.dataRoom, volume.pages.dirtyCount], [0, 0]);
    commitAndCheck(volume, device);
  }
});

/** Files of mixed sizes until nothing goes any more, then a snapshot of all that. Returns the names. */
function fillWithSnapshot(volume: Volume): string[] {
  const random = new SeededRandom(4);
  const bytes = new Uint8Array(1 << 20).fill(3);
  const names: string[] = [];
  for (let full = 0; full < 30;) {
    const size =
      full < 5
        ? [200, 1000, 2000, 4096, 60_000][random.below(random.below(20) === 0 ? 5 : 4)]!
        : [200, 4096][random.below(2)]!;
    const ino = volume.root.create(ROOT_INO, `f${names.length}`, S_IFREG | 0o644, 0, 0);
    if (ino > 0) names.push(`f${names.length}`);
    if (ino < 0 || volume.root.write(ino, 0, bytes, 0, size) < size) full++;
  }
  assert.ok(volume.snapshot(volume.root, "s", { readOnly: true }) > 0);
  for (let index = names.length - 1; index > 0; index--) {
    const other = random.below(index + 1);
    [names[index], names[other]] = [names[other]!, names[index]!];
  }
  return names;
}

/** Removes files until it is refused. Returns those that are left. */
function removeAll(volume: Volume, names: readonly string[]): string[] {
  return names.filter((name) => {
    const result = volume.root.unlink(ROOT_INO, name);
    assert.ok(result === 0 || result === -ENOSPC, `unlink: ${result}`);
    return result !== 0;
  });
}

const WAYS_OUT: readonly (readonly [string, (volume: Volume, device: MemoryBlockDevice) => number])[] = [
  ["deleting the snapshot", (volume) => volume.deleteSubvolume(volume.findSubvolume("s"))],
  ["growing", (volume, device) => resizeDevice(volume, 0, device.size / 4096 + 8192)],
  ["another device", (volume) => addDevice(volume, new MemoryBlockDevice(64 << 20))],
];

for (const [what, leave] of WAYS_OUT) {
  test(`the snapshot of a full volume holds its space, and ${what} is a way out`, () => {
    const { device, volume } = freshVolume(48);
    const left = removeAll(volume, fillWithSnapshot(volume));
    assert.ok(left.length > 0, "the snapshot keeps what was removed: at some point that is refused");
    assert.equal(volume.usage().freeBlocks, 0);
    assert.ok(leave(volume, device) >= 0);
    assert.deepEqual(removeAll(volume, left), []);
    assert.equal(volume.failure, null);
    if (what !== "another device") commitAndCheck(volume, device);
  });
}

test("what a full volume could not be freed of after a crash is freed by the next mount", () => {
  const { device, volume } = freshVolume(24);
  fillWithSnapshot(volume);
  volume.sync();
  const again = mountedVolume(mount(device));
  assert.equal(again.deleteSubvolume(again.findSubvolume("s")), 0);
  while (again.reclaim(1) === 1) commitAndCheck(again, device);
  commitAndCheck(again, device);
});
