/**
 * Devices that come and go while a volume is used: what its files and snapshots hold stays the same, sharing stays
 * sharing, no block is lost, and a crash leaves the state before or after.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { EINVAL, ENODEV, ENOSPC, S_IFREG } from "@stratos/abi";
import { SeededRandom } from "@stratos/base";
import type { BlockDevice } from "@stratos/host";
import { MemoryBlockDevice } from "@stratos/host";
import {
  addDevice,
  check,
  CLASS_SLOW,
  COMPRESS_LZ4,
  format,
  health,
  mount,
  moveToSpare,
  removeDevice,
  replaceDevice,
  resizeDevice,
  ROOT_INO,
  setCopies,
  withCompression,
} from "../aegisfs.ts";
import type { CopyJob, FormatOptions, Volume } from "../aegisfs.ts";
import { CrashDisk } from "../testing/crash-disk.ts";
import { dumpSubvolume } from "../testing/dump.ts";
import { ForwardingDevice } from "../testing/forwarding-device.ts";
import { mountedVolume } from "../testing/fresh-volume.ts";
import { Workload } from "../testing/workload.ts";

const SEED = Number(process.env["AEGISFS_SEED"] ?? 20260101);
const OPTIONS: FormatOptions = { uuid: new Uint8Array(16).fill(9), hashSeed: 77 };
const MIB = 1 << 20;

function devices(...mib: number[]): MemoryBlockDevice[] {
  return mib.map((size) => new MemoryBlockDevice(size * MIB));
}

/** A volume with files, snapshots, compressed and preallocated extents, and a workload that can go on. */
function filled(
  set: readonly BlockDevice[],
  options: Partial<FormatOptions> = {},
): { volume: Volume; workload: Workload } {
  assert.equal(format(set, { ...OPTIONS, ...options }), 0);
  const volume = mountedVolume(mount(set));
  const workload = new Workload(new SeededRandom(SEED), volume.root, { sizeMax: 200_000, names: 60 });
  for (let round = 0; round < 4; round++) {
    for (let step = 0; step < 100; step++) workload.step();
    volume.snapshot(volume.root, `snapshot${round}`, { readOnly: true });
    // One that shares everything, and one that shares all but a leaf.
    if (round === 0) volume.snapshot(volume.root, "twin", { readOnly: false });
    if (round === 1) volume.root.setDefaultProperties(withCompression(0, COMPRESS_LZ4, 0));
  }
  for (let step = 0; step < 100; step++) workload.step();
  assert.equal(volume.sync(), 0);
  return { volume, workload };
}

/** Everything that all subvolumes hold. */
function dumpAll(volume: Volume): string {
  return volume
    .subvolumeIds()
    .map((id) => dumpSubvolume(volume.subvolume(id)!))
    .join("\n\n");
}

function used(volume: Volume): number {
  return volume.store.layout.blocks - volume.space.freeBlocks;
}

/** The volume goes on working, and what is on the devices is whole. */
function goesOn(volume: Volume, workload: Workload, set: readonly BlockDevice[]): void {
  for (let step = 0; step < 60; step++) workload.step();
  workload.compare();
  assert.equal(volume.sync(), 0);
  assert.deepEqual(check(set, { data: true }), []);
  const again = mountedVolume(mount(set, { readOnly: true }));
  assert.equal(dumpAll(again), dumpAll(volume));
}

test("what moves and is shared in part is shared in the same part afterwards", () => {
  const [device] = devices(64) as [MemoryBlockDevice];
  assert.equal(format(device, OPTIONS), 0);
  const volume = mountedVolume(mount(device));
  const { root } = volume;
  // The first fills the front, so that the others lie behind the new end.
  const size = 40 * MIB;
  const front = root.create(ROOT_INO, "front", S_IFREG | 0o644, 0, 0);
  const bytes = new Uint8Array(MIB);
  for (let at = 0; at < size; at += MIB) root.write(front, at, bytes.fill(at / MIB), 0, MIB);
  const [whole, part] = ["whole", "part"].map((name) => root.create(ROOT_INO, name, S_IFREG | 0o644, 0, 0));
  root.write(whole!, 0, bytes.fill(7), 0, MIB);
  assert.equal(volume.sync(), 0);
  // From the midst of an extent on, into the midst of another.
  const copy = { source: whole!, offset: 12 * 4096, target: part!, targetOffset: 0, length: 90 * 4096 };
  assert.ok(root.cloneRange(copy) >= 0);
  assert.equal(root.unlink(ROOT_INO, "front"), 0);
  assert.equal(volume.sync(), 0);
  while (volume.reclaim(64) > 0) assert.equal(volume.sync(), 0);
  const before = used(volume);
  assert.equal(resizeDevice(volume, 0, (24 * MIB) / 4096), 0);
  assert.ok(Math.abs(used(volume) - before) < 40, `${before} blocks became ${used(volume)}`);
  assert.deepEqual(check(device, { data: true }), []);
});

test("a device shrinks under its volume: content and sharing stay, and what does not fit is refused", () => {
  const [device] = devices(64) as [MemoryBlockDevice];
  const { volume, workload } = filled([device]);
  // Something behind the new end.
  const ino = volume.root.create(ROOT_INO, "far", S_IFREG | 0o644, 0, 0);
  volume.root.setProperties(ino, withCompression(0, 1, 0));
  volume.root.write(ino, 0, new Uint8Array(20 << 20).fill(3), 0, 20 << 20);
  workload.model.write(
    workload.model.create(workload.model.root, "far", S_IFREG | 0o644, 0) as never,
    0,
    new Uint8Array(20 << 20).fill(3),
  );
  volume.sync();
  const before = dumpAll(volume);
  const usedBefore = used(volume);
  assert.equal(resizeDevice(volume, 0, (20 * MIB) / 4096), -ENOSPC);
  assert.equal(resizeDevice(volume, 0, 100), -EINVAL);
  assert.equal(resizeDevice(volume, 1, 8192), -ENODEV);
  assert.equal(resizeDevice(volume, 0, (44 * MIB) / 4096, { dryRun: true }), 0);
  assert.equal(device.size, 64 * MIB);
  assert.equal(resizeDevice(volume, 0, (44 * MIB) / 4096), 0);
  assert.equal(device.size, 44 * MIB);
  assert.equal(dumpAll(volume), before);
  assert.ok(
    Math.abs(used(volume) - usedBefore) <= 40,
    `${usedBefore} blocks became ${used(volume)}: something is no longer shared`,
  );
  assert.deepEqual(check(device, { data: true }), []);
  assert.equal(resizeDevice(volume, 0, (100 * MIB) / 4096), 0);
  assert.equal(device.size, 100 * MIB);
  assert.deepEqual(check(device, { data: true }), []);
});

test("a volume is extended by devices, and gives them back", () => {
  const set = devices(16, 24, 40);
  const { volume, workload } = filled([set[0]!]);
  const room = volume.usage().freeBlocks;
  assert.equal(addDevice(volume, set[1]!), 1);
  assert.equal(addDevice(volume, set[2]!, { class: CLASS_SLOW }), 2);
  assert.ok(volume.usage().freeBlocks > room + (60 * MIB) / 4096);
  const big = new Uint8Array(30 << 20).fill(7);
  const ino = volume.root.create(ROOT_INO, "big", S_IFREG | 0o644, 0, 0);
  volume.root.setProperties(ino, withCompression(0, 1, 0));
  assert.equal(volume.root.write(ino, 0, big, 0, big.length), big.length);
  workload.model.write(workload.model.create(workload.model.root, "big", S_IFREG | 0o644, 0) as never, 0, big);
  volume.sync();
  assert.deepEqual(check(set, { data: true }), []);
  const before = dumpAll(volume);
  assert.equal(removeDevice(volume, 2, { dryRun: true }), 0);
  assert.equal(removeDevice(volume, 0), 0);
  assert.equal(dumpAll(volume), before);
  assert.equal(mount(set), "superblocks-missing");
  assert.deepEqual(check(set.slice(1), { data: true }), []);
  assert.equal(removeDevice(volume, 2), -ENOSPC);
  assert.equal(removeDevice(volume, 0), -ENODEV);
  assert.equal(addDevice(volume, set[0]!), 0);
  assert.deepEqual(
    health(volume).devices.map(({ index }) => index),
    [0, 1, 2],
  );
  assert.equal(dumpAll(mountedVolume(mount(set, { readOnly: true }))), before);
  assert.equal(volume.root.unlink(ROOT_INO, "big"), 0);
  volume.sync();
  assert.equal(removeDevice(volume, 2), 0);
  assert.deepEqual(check(set.slice(0, 2), { data: true }), []);
});

function run(job: CopyJob | number, between: () => void): void {
  assert.ok(typeof job === "object", `${String(job)}`);
  while (job.step(700) === 1) between();
  assert.equal(job.finish(), 0);
}

test("a device stays while what it holds would find room in pieces only, and the volume is as before", () => {
  const set = devices(16);
  assert.equal(format(set, OPTIONS), 0);
  const volume = mountedVolume(mount(set));
  const { root } = volume;
  const random = new SeededRandom(SEED);
  const block = new Uint8Array(4096);
  const small: number[] = [];
  for (let more = 0; more >= 0;) {
    const ino = root.create(ROOT_INO, `small${small.length}`, S_IFREG | 0o644, 0, 0);
    if (ino < 0) break;
    random.fill(block);
    more = root.write(ino, 0, block, 0, block.length);
    small.push(ino);
  }
  assert.equal(volume.sync(), 0);
  set.push(...devices(16));
  assert.equal(addDevice(volume, set[1]!), 1);
  // One block moves before those that need a run of sixteen do.
  root.write(small[0]!, 0, block, 0, block.length);
  const packed = root.create(ROOT_INO, "packed", S_IFREG | 0o644, 0, 0);
  root.setProperties(packed, withCompression(0, COMPRESS_LZ4, 0));
  const half = new Uint8Array(128 << 10);
  for (let at = 0; at < 8 << 20; at += half.length) {
    for (let from = 0; from < half.length; from += 4096) random.fill(half.subarray(from, from + 2048));
    assert.equal(root.write(packed, at, half, 0, half.length), half.length);
  }
  assert.equal(volume.sync(), 0);
  const remove = (index: number): number => root.unlink(ROOT_INO, `small${index}`);
  for (let index = 1; index < small.length; index += 2) remove(index);
  assert.equal(volume.sync(), 0);

  let refusals = 0;
  for (let index = 2; index < small.length; index += 2) {
    remove(index);
    if (index % 32 !== 0) continue;
    assert.equal(volume.sync(), 0);
    const before = dumpAll(volume);
    const removed = removeDevice(volume, 1);
    assert.equal(dumpAll(volume), before);
    if (removed === 0) break;
    assert.equal(removed, -ENOSPC);
    refusals++;
    assert.equal(root.write(small[0]!, 0, block, 0, block.length), block.length);
    assert.equal(volume.sync(), 0);
    assert.deepEqual(check(set, { data: true }), []);
  }
  assert.ok(refusals > 3, `${refusals}`);
  set.length = 1;
  assert.deepEqual(check(set, { data: true }), []);
});

test("a device is replaced while files are written", () => {
  for (const copies of [1, 2]) {
    const set = devices(24, 24);
    const spare = devices(32)[0]!;
    const { volume, workload } = filled(set, { copies });
    run(replaceDevice(volume, 0, spare), () => {
      for (let step = 0; step < 10; step++) workload.step();
      assert.equal(volume.sync(), 0);
    });
    assert.equal(mount(set[0]!), "no-superblock");
    goesOn(volume, workload, [spare, set[1]!]);
    assert.equal(health(volume).devices.length, 2);
  }
});

test("a dead device of a mirror is replaced", () => {
  const set = devices(12, 12);
  const { volume } = filled(set, { copies: 2 });
  const dump = dumpAll(volume);
  const alone = mountedVolume(mount([set[1]!], { degraded: true }));
  const spare = devices(12)[0]!;
  run(replaceDevice(alone, 0, spare), () => undefined);
  assert.equal(dumpAll(mountedVolume(mount([spare, set[1]!], { readOnly: true }))), dump);
  assert.equal(health(alone).state, "healthy");
  assert.equal(dumpAll(mountedVolume(mount([spare], { readOnly: true, degraded: true }))), dump);
});

test("a volume gets copies, on one device and on a second one, and gives them up", () => {
  const single = devices(64)[0]!;
  const one = filled([single]);
  run(setCopies(one.volume, 2), () => undefined);
  assert.equal(one.volume.store.layout.segments[0]!.places.length, 2);
  goesOn(one.volume, one.workload, [single]);
  assert.equal(setCopies(one.volume, 1), 0);
  goesOn(one.volume, one.workload, [single]);

  for (const size of [20, 16, 14]) {
    const set = devices(16, size);
    const two = filled([set[0]!]);
    assert.equal(addDevice(two.volume, set[1]!, { spare: true }), 1);
    run(setCopies(two.volume, 2), () => {
      for (let step = 0; step < 10; step++) two.workload.step();
      two.volume.sync();
    });
    goesOn(two.volume, two.workload, set);
    const dump = dumpAll(two.volume);
    for (const device of set)
      assert.equal(dumpAll(mountedVolume(mount([device], { readOnly: true, degraded: true }))), dump);
  }
});

test("a spare device waits until it takes copies, or the place of another", () => {
  const set = devices(12, 12, 14);
  const { volume, workload } = filled([set[0]!]);
  const held = (): number[] => health(volume).devices.map(({ assigned }) => Number(assigned > 0));
  assert.equal(addDevice(volume, set[1]!, { spare: true }), 1);
  assert.equal(addDevice(volume, set[2]!, { spare: true }), 2);
  run(setCopies(volume, 2), () => workload.step());
  assert.deepEqual(held(), [1, 0, 1]);
  assert.equal(setCopies(volume, 1), 0);
  assert.deepEqual(held(), [1, 0, 1]);
  goesOn(volume, workload, set);
  assert.equal(removeDevice(volume, 0), 0);
  assert.deepEqual(held(), [0, 1]);
  assert.equal(removeDevice(volume, 2), -EINVAL);
  assert.equal(moveToSpare(volume, 2), -ENOSPC, "it is smaller");
  const last = devices(14)[0]!;
  assert.equal(addDevice(volume, last, { spare: true }), 0);
  run(moveToSpare(volume, 2), () => workload.step());
  assert.equal(mount(set[2]!), "no-superblock");
  goesOn(volume, workload, [last, set[1]!]);
  assert.deepEqual(held(), [1, 0]);
});

test(`a crash while devices come, go and shrink leaves the state before or after (seed ${SEED})`, () => {
  for (let round = 0; round < 3; round++) {
    const seed = SEED + round;
    const random = new SeededRandom(seed);
    const disks = [new CrashDisk(10 * MIB), new CrashDisk(12 * MIB), new CrashDisk(10 * MIB)] as const;
    const start = round % 3 === 2 ? [disks[0], disks[1]] : [disks[0]];
    const { volume } = filled(start, round % 3 === 2 ? { copies: 2 } : {});
    const dump = dumpAll(volume);
    let states = 0;
    const look = (): void => {
      for (let choice = 0; choice < 2; choice++) {
        states++;
        // One power cut for all disks.
        const images = disks.map((disk) => (choice === 0 ? disk.crashAfter(0) : disk.crashAnyhow(random)));
        const candidates = [
          [images[0]!],
          [images[0]!, images[1]!],
          [images[1]!],
          [images[2]!, images[1]!],
          [images[0]!, images[2]!],
        ];
        const ok = candidates.some((set) => {
          const recovered = mount(set);
          if (typeof recovered === "string") return false;
          assert.equal(dumpAll(recovered), dump, `seed ${seed}, state ${states}`);
          recovered.sync();
          assert.deepEqual(check(set, { data: true }), [], `seed ${seed}, state ${states}`);
          return true;
        });
        assert.ok(ok, `seed ${seed}, state ${states}: no set of devices is the volume`);
      }
    };
    for (const disk of disks) disk.onFlush = look;
    if (round % 3 === 0) {
      assert.equal(addDevice(volume, disks[1]), 1);
      assert.equal(removeDevice(volume, 0), 0);
    } else if (round % 3 === 1) {
      assert.equal(resizeDevice(volume, 0, (8 * MIB) / 4096), 0);
    } else {
      const job = replaceDevice(volume, 0, disks[2]);
      assert.ok(typeof job === "object");
      while (job.step(1000) === 1);
      assert.equal(job.finish(), 0);
    }
    assert.ok(states >= 8, `${states}`);
  }
});

test("a device that can't become smaller itself is left by its volume all the same", () => {
  class FixedDevice extends ForwardingDevice {
    override resize(): number {
      return -EINVAL;
    }
  }
  const [memory] = devices(32) as [MemoryBlockDevice];
  const device = new FixedDevice(memory);
  assert.equal(format(device, OPTIONS), 0);
  const volume = mountedVolume(mount(device));
  assert.equal(resizeDevice(volume, 0, (16 * MIB) / 4096), 0);
  assert.equal(volume.store.layout.blocks, (16 * MIB) / 4096);
  assert.deepEqual(check(device, { data: true }), []);
});
