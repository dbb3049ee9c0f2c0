/**
 * Copies: every block of a volume with two copies is damaged in turn, and what the files hold stays right, is mended
 * and counted; without copies damage is named and never shown as content. Devices may fail, go missing and come back.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { EIO, S_IFREG } from "@stratos/abi";
import { SeededRandom } from "@stratos/base";
import type { BlockDevice } from "@stratos/host";
import { MemoryBlockDevice } from "@stratos/host";
import { check, format, health, mount, ROOT_INO, Scrub } from "../aegisfs.ts";
import type { FormatOptions, Volume } from "../aegisfs.ts";
import { POINTER_AT_BLOCK } from "../format/node-layout.ts";
import { EXTENT_AT_BLOCK, EXTENT_AT_FLAGS, EXTENT_AT_LENGTH, EXTENT_UNWRITTEN } from "../format/extent-item.ts";
import { SUPERBLOCK_SLOTS } from "../format/superblock.ts";
import { KIND_EXTENT } from "../format/key.ts";
import { dumpSubvolume } from "../testing/dump.ts";
import { mountedVolume } from "../testing/fresh-volume.ts";
import { Workload } from "../testing/workload.ts";
import { ForwardingDevice } from "../testing/forwarding-device.ts";

const SEED = Number(process.env["AEGISFS_SEED"] ?? 20260101);
const OPTIONS: FormatOptions = { uuid: new Uint8Array(16).fill(9), hashSeed: 77 };
const MIB = 1 << 20;

function devices(...mib: number[]): MemoryBlockDevice[] {
  return mib.map((size) => new MemoryBlockDevice(size * MIB));
}

function filled(
  device: readonly BlockDevice[],
  options: Partial<FormatOptions>,
  steps = 250,
): { volume: Volume; dump: string } {
  assert.equal(format(device, { ...OPTIONS, ...options }), 0);
  const volume = mountedVolume(mount(device));
  const workload = new Workload(new SeededRandom(SEED), volume.root, { sizeMax: 40_000, names: 30 });
  for (let step = 0; step < steps; step++) workload.step();
  volume.snapshot(volume.root, "snapshot", { readOnly: true });
  for (let step = 0; step < steps; step++) workload.step();
  assert.equal(volume.sync(), 0);
  return { volume, dump: dumpSubvolume(volume.root) };
}

/** Blocks in use, superblocks left out: places of the given copy as byte offsets. */
function usedPlaces(volume: Volume, copy: number): { device: number; offset: number }[] {
  const places: { device: number; offset: number }[] = [];
  for (const segment of volume.store.layout.segments) {
    for (let block = segment.first; block < segment.first + segment.blocks; block++) {
      const place = segment.places[copy]!;
      const at = place.first + block - segment.first;
      if (volume.space.isAllocated(block) && !(at < 258 && (at & 0xff) < 2))
        places.push({ device: place.device, offset: at * 4096 });
    }
  }
  return places;
}

/** Blocks that are only held for a file: nothing is ever read from them. */
function unwrittenBlocks(volume: Volume): Set<number> {
  const blocks = new Set<number>();
  for (const id of volume.subvolumeIds()) {
    const { tree } = volume.subvolume(id)!;
    for (let more = tree.ceiling(0, 0, 0); more; more = tree.next()) {
      const at = tree.offset >>> 2;
      if (tree.key(1) >>> 24 !== KIND_EXTENT || (tree.words[at + EXTENT_AT_FLAGS]! & EXTENT_UNWRITTEN) === 0) continue;
      for (let block = 0; block < tree.words[at + EXTENT_AT_LENGTH]! >>> 16; block++)
        blocks.add(tree.words[at + EXTENT_AT_BLOCK]! + block);
    }
  }
  return blocks;
}

function damage(device: BlockDevice, offset: number, random: SeededRandom): void {
  const bytes = new Uint8Array(4096);
  device.read(offset, bytes, 0, 4096);
  const kind = random.below(3);
  if (kind === 0) bytes[random.below(4096)]! ^= 1 << random.below(8);
  else if (kind === 1 && bytes.some((byte) => byte !== 0)) bytes.fill(0);
  else random.fill(bytes);
  device.write(offset, bytes, 0, 4096);
}

test(
  "each block damaged in turn, with two copies on one device: content stays, and the damage is mended (seed " +
    `${SEED})`,
  () => {
    const device = devices(10);
    const { volume, dump } = filled(device, { copies: 2 }, 110);
    const random = new SeededRandom(SEED);
    const places = [...usedPlaces(volume, 0), ...usedPlaces(volume, 1)];
    assert.ok(places.length > 100, `${places.length}`);
    const before = new Uint8Array(4096);
    const after = new Uint8Array(4096);
    for (const { offset } of places) {
      device[0]!.read(offset, before, 0, 4096);
      damage(device[0]!, offset, random);
      const damaged = mountedVolume(mount(device));
      assert.equal(dumpSubvolume(damaged.root), dump);
      const scrub = new Scrub(damaged);
      while (scrub.step(5000) === 1);
      device[0]!.read(offset, after, 0, 4096);
      // The scrub keeps its result in the volume, so blocks of the old state may be free by now.
      assert.deepEqual(scrub.damage, []);
      assert.ok(
        health(damaged).devices[0]!.errors.repairedBlocks > 0 || before.every((byte, index) => byte === after[index]),
        `block ${offset / 4096}`,
      );
    }
    assert.deepEqual(check(device, { data: true }), []);
  },
);

test(`one copy of every block damaged at once: content stays, and a scrub mends all of it (seed ${SEED})`, () => {
  for (const copy of [0, 1]) {
    const device = devices(16);
    const { volume, dump } = filled(device, { copies: 2 });
    const random = new SeededRandom(SEED + copy);
    const places = usedPlaces(volume, copy);
    for (const { offset } of places) damage(device[0]!, offset, random);
    const damaged = mountedVolume(mount(device));
    assert.equal(dumpSubvolume(damaged.root), dump);
    const scrub = new Scrub(damaged);
    while (scrub.step(100) === 1);
    assert.deepEqual(scrub.damage, []);
    assert.ok(scrub.cursor.repaired > 0);
    assert.equal(health(damaged).state, "repaired");
    // The other copy alone is enough now.
    for (const { offset } of usedPlaces(damaged, 1 - copy)) damage(device[0]!, offset, random);
    assert.equal(dumpSubvolume(mountedVolume(mount(device)).root), dump);
  }
});

test(`each block damaged in turn, without a copy: named, never shown as content (seed ${SEED})`, () => {
  const device = devices(12)[0]!;
  const { volume, dump } = filled([device], {}, 120);
  const unwritten = unwrittenBlocks(volume);
  const root = volume.superblock.root[POINTER_AT_BLOCK]!;
  const places = usedPlaces(volume, 0).filter(({ offset }) => !unwritten.has(offset / 4096));
  const random = new SeededRandom(SEED);
  const before = new Uint8Array(4096);
  for (const { offset } of places) {
    device.read(offset, before, 0, 4096);
    damage(device, offset, random);
    const problems = check(device, { data: true });
    assert.ok(
      typeof problems === "string" || problems.length > 0,
      `block ${offset / 4096} is damaged and nobody says so`,
    );
    // Read-only: what a scrub remembers would move nodes about.
    const damaged = mount(device, { readOnly: true });
    if (typeof damaged !== "string") {
      let found = dump;
      try {
        found = dumpSubvolume(damaged.root);
      } catch {
        // An error is what should come.
      }
      assert.equal(found, dump, `block ${offset / 4096}: other content`);
      if (places.length < 400 || random.below(4) === 0) {
        const scrub = new Scrub(damaged);
        while (scrub.step(1000) === 1);
        // The root of the volume's tree has a second copy.
        const isMended = offset >> 14 === root >> 2 && scrub.cursor.repaired > 0;
        assert.ok(
          scrub.damage.length > 0 || scrub.step(1) < 0 || isMended,
          `block ${offset / 4096}: the scrub does not name it`,
        );
        assert.equal(health(damaged).state, isMended ? "repaired" : "damaged");
      }
    }
    device.write(offset, before, 0, 4096);
  }
  assert.deepEqual(check(device, { data: true }), []);
});

test("a damaged copy is mended when it is read, and counted at its device", () => {
  const pair = devices(8, 8);
  const { volume } = filled(pair, { copies: 2 }, 400);
  const random = new SeededRandom(SEED);
  for (const { device, offset } of usedPlaces(volume, 0)) damage(pair[device]!, offset, random);
  const damaged = mountedVolume(mount(pair));
  dumpSubvolume(damaged.root);
  damaged.root.create(ROOT_INO, "new", S_IFREG | 0o644, 0, 0);
  damaged.sync();
  const counted = health(mountedVolume(mount(pair))).devices;
  assert.ok(counted[0]!.errors.repairedBlocks > 25 && counted[0]!.errors.corruptBlocks > 25);
  assert.equal(counted[1]!.errors.corruptBlocks, 0);
  assert.equal(counted[0]!.errors.lostBlocks, 0);
});

/** Refuses what it is told to. */
class FailingDevice extends ForwardingDevice {
  fails = false;

  override read(offset: number, bytes: Uint8Array, at: number, length: number): number {
    return this.fails ? -EIO : super.read(offset, bytes, at, length);
  }

  override write(offset: number, bytes: Uint8Array, at: number, length: number): number {
    return this.fails ? -EIO : super.write(offset, bytes, at, length);
  }

  override flush(): number {
    return this.fails ? -EIO : super.flush();
  }
}

for (const dying of [0, 1]) {
  test(
    `device ${dying} of a mirror dies while it is written to: nothing is lost, and it is brought up to date when ` +
      "it is back",
    () => {
      const pair = devices(8, 8);
      filled(pair, { copies: 2 });
      const failing = new FailingDevice(pair[dying]!);
      const set = pair.map((device, index) => (index === dying ? failing : device));
      const volume = mountedVolume(mount(set));
      const ino = volume.root.create(ROOT_INO, "before", S_IFREG | 0o644, 0, 0);
      volume.sync();
      failing.fails = true;
      assert.equal(volume.root.write(ino, 0, new Uint8Array(300_000).fill(5), 0, 300_000), 300_000);
      for (let round = 0; round < 5; round++) {
        assert.ok(volume.root.create(ROOT_INO, `file${round}`, S_IFREG | 0o644, 0, 0) > 0);
        assert.equal(volume.sync(), 0);
      }
      assert.equal(health(volume).state, "degraded");
      const dump = dumpSubvolume(volume.root);

      assert.equal(mount([pair[1 - dying]!]), "devices-missing");
      assert.equal(
        dumpSubvolume(mountedVolume(mount([pair[1 - dying]!], { degraded: true, readOnly: true })).root),
        dump,
      );
      // It is back, with what it had when it died.
      const again = mountedVolume(mount(pair));
      assert.equal(health(again).devices[dying]!.state, "stale");
      assert.equal(dumpSubvolume(again.root), dump);
      const scrub = new Scrub(again);
      while (scrub.step(500) === 1);
      assert.equal(health(again).devices[dying]!.state === "stale", false);
      assert.equal(dumpSubvolume(mountedVolume(mount([pair[dying]!], { degraded: true, readOnly: true })).root), dump);
      assert.deepEqual(check(pair, { data: true }), []);
    },
  );
}

for (const dying of [0, 1]) {
  test(`device ${dying} of a mirror dies, then the power goes: what was synced since is there`, () => {
    const pair = devices(8, 8);
    filled(pair, { copies: 2 }, 20);
    const failing = new FailingDevice(pair[dying]!);
    const volume = mountedVolume(mount(pair.map((device, index) => (index === dying ? failing : device))));
    volume.root.create(ROOT_INO, "before", S_IFREG | 0o644, 0, 0);
    volume.sync();
    const sync = (name: string): void => {
      const ino = volume.root.create(ROOT_INO, name, S_IFREG | 0o644, 0, 0);
      volume.root.write(ino, 0, new Uint8Array(10_000).fill(name.length), 0, 10_000);
      assert.equal(volume.root.fsync(ino), 0);
    };
    sync("a");
    failing.fails = true;
    sync("bb");
    sync("ccc");
    // Nothing was committed: it is all in the log, and only one device has it.
    const again = mountedVolume(mount(pair));
    const bytes = new Uint8Array(10_000);
    for (const name of ["a", "bb", "ccc"]) {
      assert.equal(again.root.read(again.root.lookup(ROOT_INO, name), 0, bytes, 0, 10_000), 10_000, name);
      assert.ok(
        bytes.every((byte) => byte === name.length),
        name,
      );
    }
    again.sync();
    assert.equal(
      health(again).devices.every(({ errors }) => errors.lostBlocks === 0),
      true,
    );
  });
}

test("two halves of a mirror that were both written alone are not joined", () => {
  const pair = devices(8, 8);
  filled(pair, { copies: 2 });
  for (const device of pair) {
    const alone = mountedVolume(mount([device], { degraded: true }));
    alone.root.create(ROOT_INO, "alone", S_IFREG | 0o644, 0, 0);
    assert.equal(alone.sync(), 0);
    alone.root.create(ROOT_INO, "alone2", S_IFREG | 0o644, 0, 0);
    assert.equal(alone.sync(), 0);
  }
  assert.equal(mount(pair), "diverged");
});

for (const isRefused of [false, true]) {
  test(`a device whose superblocks are ${isRefused ? "unreadable" : "zeros"} is named, and done without`, () => {
    const pair = devices(8, 8);
    const { dump } = filled(pair, { copies: 2 }, 20);
    const blocks = new Set(SUPERBLOCK_SLOTS.flat().map((slot) => slot * 4096));
    for (const offset of blocks) if (offset < 8 * MIB) pair[1]!.write(offset, new Uint8Array(4096), 0, 4096);
    const damaged = new (class extends ForwardingDevice {
      override read(offset: number, bytes: Uint8Array, at: number, length: number): number {
        return isRefused && blocks.has(offset) ? -EIO : super.read(offset, bytes, at, length);
      }
    })(pair[1]!);
    assert.equal(mount([pair[0]!, damaged]), "superblocks-missing");
    const degraded = mountedVolume(mount([pair[0]!, damaged], { degraded: true, readOnly: true }));
    assert.equal(dumpSubvolume(degraded.root), dump);
    const problems = check([pair[0]!, damaged], { data: true });
    assert.match(
      (problems as { what: string }[]).map(({ what }) => what).join("\n"),
      /^device 2 of those named has no superblock[^\n]*$/,
    );
    const alone = check([pair[0]!], { data: true }) as { what: string }[];
    assert.match(alone.map(({ what }) => what).join("\n"), /^device 1 is missing: [^\n]*$/);
  });
}

test("devices of other volumes, and too many or too few, are told apart", () => {
  const pair = devices(8, 8);
  filled(pair, { copies: 2 }, 10);
  const other = devices(8)[0]!;
  assert.equal(format(other, { ...OPTIONS, uuid: new Uint8Array(16).fill(1) }), 0);
  assert.equal(mount([pair[0]!, other]), "foreign-device");
  assert.equal(mount([pair[0]!, pair[0]!]), "foreign-device");
  assert.equal(typeof mount([pair[1]!, pair[0]!]), "object");
  assert.equal(format(devices(8, 8), { ...OPTIONS, copies: 3 }), "devices-missing");
  const three = devices(8, 12, 9);
  filled(three, { copies: 2 });
  assert.deepEqual(check(three, { data: true }), []);
  assert.equal(mount(three.slice(0, 2)), "devices-missing");
  assert.equal(typeof mount(three.slice(0, 2), { degraded: true }), "object");
});
