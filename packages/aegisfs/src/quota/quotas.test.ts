/**
 * Quotas: limits hold to the block whatever waits in memory, usage is always what check counts, and projects keep to
 * their folders.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { EDQUOT, EINVAL, ENOENT, ENOSPC, EXDEV, S_IFDIR, S_IFREG } from "@stratos/abi";
import { SeededRandom } from "@stratos/base";
import {
  Attributes,
  ATTRIBUTE_GID,
  ATTRIBUTE_PROJECT,
  ATTRIBUTE_UID,
  check,
  mount,
  QUOTA_GROUP,
  QUOTA_PROJECT,
  QUOTA_USER,
  ROOT_INO,
} from "../aegisfs.ts";
import type { QuotaKind, Subvolume } from "../aegisfs.ts";
import { commitAndCheck, freshVolume, mountedVolume } from "../testing/fresh-volume.ts";
import { Workload } from "../testing/workload.ts";

const FILE = S_IFREG | 0o644;
const SEED = Number(process.env["AEGISFS_SEED"] ?? 20260101);
const NONE = { blocksSoft: 0, blocksHard: 0, inodesSoft: 0, inodesHard: 0 };

function usage(root: Subvolume, kind: QuotaKind, id: number): [number, number] {
  const found = root.quotas.report().find((report) => report.kind === kind && report.id === id);
  return found === undefined ? [0, 0] : [found.blocks, found.inodes];
}

test(
  "a user's hard limit of blocks holds, for small writes, long ones, preallocation and clones; what has its blocks " +
    "can be overwritten",
  () => {
    const { device, volume } = freshVolume(32);
    const { root } = volume;
    assert.equal(root.setQuotaLimits(QUOTA_USER, 7, NONE), -ENOENT);
    const before = root.create(ROOT_INO, "before", FILE, 7, 7);
    root.write(before, 0, new Uint8Array(8192), 0, 8192);
    assert.equal(root.setQuotas(true), 0);
    assert.deepEqual(usage(root, QUOTA_USER, 7), [2, 1], "what was there is counted");
    assert.equal(root.setQuotaLimits(QUOTA_USER, 7, { ...NONE, blocksSoft: 30, blocksHard: 20 }), -EINVAL);
    assert.equal(root.setQuotaLimits(QUOTA_USER, 7, { ...NONE, blocksHard: 20 }), 0);
    const file = root.create(ROOT_INO, "f", FILE, 7, 7);
    for (let page = 0; page < 18; page++)
      assert.equal(root.write(file, page * 4096, new Uint8Array(4096).fill(1), 0, 4096), 4096, `${page}`);
    assert.equal(root.write(file, 18 * 4096, new Uint8Array(4096), 0, 4096), -EDQUOT);
    assert.equal(root.write(file, 0, new Uint8Array(4096).fill(2), 0, 4096), 4096);
    assert.equal(root.write(before, 4096, new Uint8Array(300_000), 0, 300_000), 4096, "short, to the limit");
    assert.equal(root.preallocate(before, 0, 100_000, true), -EDQUOT);
    const other = root.create(ROOT_INO, "other", FILE, 8, 8);
    root.write(other, 0, new Uint8Array(40_960), 0, 40_960);
    assert.equal(
      root.cloneRange({ source: other, offset: 0, target: before, targetOffset: 0, length: 40_960 }),
      -EDQUOT,
    );
    const attributes = new Attributes();
    attributes.uid = 7;
    assert.equal(root.setAttributes(other, attributes, ATTRIBUTE_UID), -EDQUOT);
    volume.enforcesQuotas = false;
    assert.equal(root.setAttributes(other, attributes, ATTRIBUTE_UID), 0, "root may");
    volume.enforcesQuotas = true;
    assert.deepEqual(usage(root, QUOTA_USER, 7), [30, 3]);
    root.unlink(ROOT_INO, "f");
    root.truncate(other, 0);
    assert.deepEqual(usage(root, QUOTA_USER, 7), [2, 2]);
    commitAndCheck(volume, device);
    assert.deepEqual(usage(mountedVolume(mount(device)).root, QUOTA_USER, 7), [2, 2]);
  },
);

test("inodes are limited, too; soft limits bind after their time of grace", () => {
  const { device, volume } = freshVolume(16);
  const { root } = volume;
  volume.setTime(1000, 0);
  root.setQuotas(true);
  root.setQuotaLimits(QUOTA_GROUP, 5, { ...NONE, inodesSoft: 2, inodesHard: 4 });
  for (let file = 0; file < 3; file++) assert.ok(root.create(ROOT_INO, `f${file}`, FILE, 1, 5) > 0);
  volume.setTime(1000 + 8 * 86400, 0);
  assert.equal(root.create(ROOT_INO, "late", FILE, 1, 5), -EDQUOT);
  root.unlink(ROOT_INO, "f0");
  assert.ok(root.create(ROOT_INO, "again", FILE, 1, 5) > 0);
  assert.ok(root.symlink(ROOT_INO, "fourth", "x", 1, 5) > 0);
  assert.equal(root.create(ROOT_INO, "fifth", FILE, 1, 5), -EDQUOT);
  assert.equal(root.create(ROOT_INO, "fifth", S_IFDIR | 0o755, 1, 6) > 0, true);
  commitAndCheck(volume, device);
  assert.equal(root.setQuotas(false), 0);
  assert.ok(root.create(ROOT_INO, "free", FILE, 1, 5) > 0);
  assert.deepEqual(root.quotas.report(), []);
  commitAndCheck(volume, device);
});

test(
  "a project is a tree of folders: what is made there belongs to it, and " + "nothing is moved in or out of it by name",
  () => {
    const { device, volume } = freshVolume(16);
    const { root } = volume;
    root.setQuotas(true);
    const project = root.create(ROOT_INO, "project", S_IFDIR | 0o755, 0, 0);
    const attributes = new Attributes();
    attributes.project = 42;
    assert.equal(root.setAttributes(project, attributes, ATTRIBUTE_PROJECT), 0);
    root.setQuotaLimits(QUOTA_PROJECT, 42, { ...NONE, blocksHard: 10 });
    const below = root.create(project, "below", S_IFDIR | 0o755, 0, 0);
    const file = root.create(below, "f", FILE, 3, 3);
    assert.equal(root.write(file, 0, new Uint8Array(100_000), 0, 100_000), 40_960);
    assert.deepEqual(usage(root, QUOTA_PROJECT, 42), [10, 3]);
    const outside = root.create(ROOT_INO, "outside", FILE, 3, 3);
    assert.equal(root.rename(ROOT_INO, "outside", below, "inside"), -EXDEV);
    assert.equal(root.link(outside, below, "inside"), -EXDEV);
    assert.equal(root.rename(below, "f", project, "moved"), 0, "within the project");
    commitAndCheck(volume, device);
  },
);

test(`usage stays what is there, over random work, snapshots, rollbacks and crashes (seed ${SEED})`, () => {
  const random = new SeededRandom(SEED);
  const { device, volume } = freshVolume(48, { pendingChanges: 50, cachePages: 40, dirtyNodes: 20 });
  volume.root.setQuotas(true);
  const workload = new Workload(random, volume.root, { sizeMax: 150_000, names: 30 });
  let live = volume;
  let snapshot = 0;
  let model = workload.model.copy();
  const attributes = new Attributes();
  for (let round = 0; round < 30; round++) {
    for (let step = 0; step < 50; step++) {
      workload.step();
      if (random.below(6) > 0) continue;
      attributes.uid = random.below(4);
      attributes.gid = random.below(3);
      live.root.setAttributes(workload.pickFile(), attributes, ATTRIBUTE_GID);
    }
    if (round === 5) {
      snapshot = live.snapshot(live.root, "s", { readOnly: true });
      model = workload.model.copy();
    }
    if (round === 15) {
      assert.equal(live.rollback(snapshot), 0);
      workload.resume(live.root, model.copy());
    }
    if (round % 4 === 3) {
      live.root.fsync(workload.pickFile());
      assert.deepEqual(check(device, { data: true }), [], `round ${round}, from the log`);
    }
    if (round % 6 === 4) {
      live.sync();
      live = mountedVolume(mount(device));
      workload.resume(live.root, workload.model);
    }
    commitAndCheck(live, device);
  }
});

test("who delays writes learns of a limit when it is met, by what it was promised", () => {
  const { device, volume } = freshVolume(32);
  const { root } = volume;
  const file = root.create(ROOT_INO, "f", FILE, 7, 7);
  assert.equal(root.hasQuotaLimit(file), false);
  assert.equal(root.promise(file, 1000), 0, "quotas are off");
  assert.equal(root.setQuotas(true), 0);
  assert.equal(root.setQuotaLimits(QUOTA_USER, 7, { ...NONE, blocksHard: 20 }), 0);
  assert.equal(root.hasQuotaLimit(file), true);
  assert.equal(root.promise(file, 15), 0);
  assert.equal(root.promise(file, 6), -EDQUOT);
  const other = root.create(ROOT_INO, "other", FILE, 7, 7);
  assert.equal(root.write(other, 0, new Uint8Array(40_960), 0, 40_960), 20_480, "the rest is promised");
  root.unpromise(file, 15);
  assert.equal(root.write(file, 0, new Uint8Array(61_440), 0, 61_440), 61_440);
  assert.equal(root.promise(file, 1), -EDQUOT);
  assert.equal(root.promise(root.create(ROOT_INO, "free", FILE, 8, 8), 1 << 20), -ENOSPC);
  commitAndCheck(volume, device);
});
