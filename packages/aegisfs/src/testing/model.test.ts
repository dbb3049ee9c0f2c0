/**
 * Goal: the engine does what POSIX-like semantics say, over any sequence of operations. Method: random operations from
 * a printed seed on the engine and on a plain model; every result is compared, all files now and then, the volume's
 * invariants at the end.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { SeededRandom } from "@stratos/base";
import { MemoryBlockDevice } from "@stratos/host";
import { check, format, mount, mountOverlay } from "../aegisfs.ts";
import type { Volume } from "../aegisfs.ts";
import { foldAt, NO_FOLD } from "./fold.ts";
import { Workload } from "./workload.ts";
import { dumpSubvolume } from "./dump.ts";
import type { Model } from "./model.ts";

const MIB = 1 << 20;
const SEED = Number(process.env["AEGISFS_SEED"] ?? 20260101);

function mounted(volume: Volume | string): Volume {
  if (typeof volume === "string") throw new Error(volume);
  return volume;
}

function fresh(size: number): MemoryBlockDevice {
  const device = new MemoryBlockDevice(size);
  assert.equal(format(device, { uuid: new Uint8Array(16).fill(7), hashSeed: 99 }), 0);
  return device;
}

for (let round = 0; round < 8; round++) {
  const seed = SEED + round;
  // The last two have their files' second halves just before 2^63.
  const fold = round < 6 ? NO_FOLD : foldAt(36 * 4096);
  test(`random operations match the model${round < 6 ? "" : ", on huge files"} (seed ${seed})`, () => {
    const random = new SeededRandom(seed);
    const device = fresh(64 * MIB);
    const small = { cacheInodes: 4, cacheEntries: 6, cachePages: 8, pendingChanges: 9 };
    const options = {
      cacheNodes: round % 2 === 0 ? 4 : 2048,
      dirtyNodes: round < 3 ? 6 : 1024,
      ...(round % 3 === 1 ? small : {}),
    };
    let volume = mounted(mount(device, options));
    const workload = new Workload(random, volume.root, { sizeMax: 300_000, names: round % 3 === 0 ? 400 : 30, fold });
    try {
      for (let step = 0; step < 1500; step++) {
        workload.step();
        const event = random.below(200);
        if (event === 0) volume.sync();
        else if (event === 1) workload.compare();
        else if (event === 2) {
          volume.sync();
          assert.deepEqual(check(device, { data: true }), []);
          volume = mounted(mount(device, options));
          workload.resume(volume.root, workload.model);
        }
      }
      workload.compare();
      volume.sync();
      assert.deepEqual(check(device, { data: true }), []);
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error });
    }
  });
}

test(`snapshots keep their content, whatever happens to the rest (seed ${SEED})`, () => {
  const random = new SeededRandom(SEED);
  const device = fresh(128 * MIB);
  const volume = mounted(mount(device, { cacheNodes: 16, dirtyNodes: 32 }));
  const workload = new Workload(random, volume.root, { sizeMax: 100_000, names: 200, withoutCopies: true });
  const kept = new Map<number, Model>();
  for (let round = 0; round < 40; round++) {
    for (let step = 0; step < 60; step++) workload.step();
    const event = random.below(10);
    const ids = [...kept.keys()];
    const id = ids[random.below(ids.length)] ?? 0;
    if (event < 5 || id === 0) {
      const made = volume.snapshot(volume.root, `snapshot${round}`, { readOnly: true });
      assert.ok(made > 0, `snapshot: ${made}`);
      kept.set(made, workload.model.copy());
    } else if (event < 8) {
      assert.equal(volume.deleteSubvolume(id), 0);
      kept.delete(id);
    } else {
      assert.equal(volume.rollback(id), 0);
      workload.resume(volume.root, kept.get(id)!.copy());
    }
    assert.deepEqual(check(device, { data: true }), []);
  }
  for (const [id, model] of kept) assert.equal(dumpSubvolume(volume.subvolume(id)!), model.dump());
  for (const id of kept.keys()) assert.equal(volume.deleteSubvolume(id), 0);
  workload.compare();
  assert.deepEqual(check(device, { data: true }), []);
  while (volume.reclaim(3) > 0) assert.deepEqual(volume.failure, null);
  assert.equal(volume.references.records, 0, "nothing is shared when no snapshot is left");
});

test(`clones on another device diverge, and their base stays as it is (seed ${SEED})`, () => {
  const random = new SeededRandom(SEED + 77);
  const device = fresh(32 * MIB);
  const base = mounted(mount(device));
  const workload = new Workload(random, base.root, { sizeMax: 100_000, names: 100 });
  for (let step = 0; step < 600; step++) workload.step();
  base.sync();
  const baseModel = workload.model.copy();

  const deltas = [new MemoryBlockDevice(32 * MIB), new MemoryBlockDevice(33 * MIB), new MemoryBlockDevice(32 * MIB)];
  const bases = [[device], [device], [device, new MemoryBlockDevice(4096)]];
  bases[2]![1] = deltas[0]!;
  for (let index = 0; index < 3; index++) {
    const delta = deltas[index]!;
    let clone = mounted(mountOverlay(bases[index]!, delta, { cacheNodes: 8 }));
    const cloneWorkload = new Workload(random, clone.root, { sizeMax: 100_000, names: 100 });
    const start = index === 2 ? models[0]! : baseModel;
    cloneWorkload.resume(clone.root, start.copy());
    for (let round = 0; round < 4; round++) {
      for (let step = 0; step < 200; step++) cloneWorkload.step();
      if (round === 1) assert.ok(clone.snapshot(clone.root, `inside${index}`, { readOnly: false }) > 0);
      assert.equal(clone.sync(), 0);
      assert.deepEqual(check(delta, { data: true, bases: bases[index]! }), []);
      clone = mounted(mountOverlay(bases[index]!, delta));
      cloneWorkload.resume(clone.root, cloneWorkload.model);
      cloneWorkload.compare();
    }
    models[index] = cloneWorkload.model;
  }
  assert.deepEqual(check(device, { data: true }), []);
  assert.equal(dumpSubvolume(mounted(mount(device, { readOnly: true })).root), baseModel.dump());
});

const models: Model[] = [];
