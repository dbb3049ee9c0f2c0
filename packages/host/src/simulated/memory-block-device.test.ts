/**
 * Disks in memory. Goal: a disk and its forks hold what was written to each, and no more memory than a few times that,
 * whatever is written, discarded, forked and closed; what is saved of one has nothing of what lay beside its pieces.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { loadState, saveState, SeededRandom } from "@stratos/base";
import { MemoryBlockDevice } from "./memory-block-device.ts";

const MIB = 1 << 20;
const PIECE = 1 << 16;
const NONE = { ports: new Map<string, object>(), given: new Map<string, object>() };

function filled(value: number, length = PIECE): Uint8Array {
  return new Uint8Array(length).fill(value);
}

function read(disk: MemoryBlockDevice, offset: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  assert.equal(disk.read(offset, bytes, 0, length), 0);
  return bytes;
}

/** A difference of millions of bytes is no message. */
function same(bytes: Uint8Array, expected: Uint8Array): boolean {
  return Buffer.compare(bytes, expected) === 0;
}

function memoryInUse(): number {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  // Buffers go in the collection after the one that finds their arrays dead.
  for (let round = 0; round < 3; round++) collect();
  return process.memoryUsage().arrayBuffers;
}

test("disks and forks of forks hold what was written to each (seed 1)", () => {
  const random = new SeededRandom(1);
  const size = 80 * MIB;
  const disks = [{ disk: new MemoryBlockDevice(size), model: new Uint8Array(size) }];
  for (let step = 0; step < 4000; step++) {
    const { disk, model } = disks[random.below(disks.length)]!;
    const offset = random.below(size / 4096) * 4096;
    const length = Math.min(size - offset, (1 + random.below(64)) * 4096);
    const kind = random.below(200);
    if (kind === 0) {
      if (disks.length === 4) disks.splice(random.below(4), 1);
      disks.push({ disk: disk.fork(), model: model.slice() });
    } else if (kind < 120) {
      const value = 1 + random.below(255);
      assert.equal(disk.write(offset, filled(value, length), 0, length), 0);
      model.fill(value, offset, offset + length);
    } else if (kind < 140) {
      const wide = Math.min(size - offset, length * 64);
      disk.discard(offset, wide);
      // Whole pieces go, and read as zeros.
      model.fill(0, Math.ceil(offset / PIECE) * PIECE, Math.floor((offset + wide) / PIECE) * PIECE);
    } else assert.ok(same(read(disk, offset, length), model.subarray(offset, offset + length)), `step ${step}`);
  }
  for (const { disk, model } of disks) assert.ok(same(read(disk, 0, size), model));
});

test("what is written again and again between forks takes a few times what the disk holds", () => {
  const random = new SeededRandom(2);
  const before = memoryInUse();
  const disk = new MemoryBlockDevice(1024 * MIB);
  const held = 64 * MIB;
  for (let offset = 0; offset < held; offset += PIECE) disk.write(offset, filled(1), 0, PIECE);
  for (let round = 0; round < 60; round++) {
    disk.fork();
    // A tenth of it stays as it is for ever.
    for (let count = 0; count < 200; count++)
      disk.write(Math.floor((0.1 + (0.9 * random.below(1000)) / 1000) * (held / PIECE)) * PIECE, filled(2), 0, PIECE);
  }
  const taken = memoryInUse() - before;
  assert.ok(taken < 5 * held, `${Math.round(taken / MIB)} MiB for ${held / MIB}`);
  assert.equal(read(disk, 0, 1)[0], 1);
  disk.discard(0, held);
  assert.ok(memoryInUse() - before < 8 * MIB, "what is discarded is given back");
});

test("what is saved is the disk's alone, and is loaded as it was", () => {
  const disk = new MemoryBlockDevice(64 * MIB);
  for (let offset = 0; offset < 32 * MIB; offset += PIECE) disk.write(offset, filled(0xa5), 0, PIECE);
  // One of its pieces is left, in the midst of what was others'.
  const kept = 20 * MIB;
  disk.discard(0, kept);
  disk.discard(kept + PIECE, 64 * MIB);
  const saved = saveState(disk, new Map());
  assert.ok(saved.length < 2 * PIECE, `${saved.length} bytes`);
  const loaded = loadState(saved, NONE) as MemoryBlockDevice;
  assert.ok(same(read(loaded, kept, PIECE), filled(0xa5)));
  assert.ok(same(read(loaded, kept + PIECE, PIECE), filled(0)));
  // It goes on beyond what small disks have.
  for (let offset = 0; offset < 16 * MIB; offset += PIECE) loaded.write(offset, filled(7), 0, PIECE);
  assert.ok(same(read(loaded, 16 * MIB - PIECE, PIECE), filled(7)));
});
