/**
 * Goal: no crash loses what was synced or leaves a volume that is not whole. Method: testing/crash-simulation.ts. That the simulation sees
 * faults is shown by planting two: a missing barrier, and blocks that are used again before the commit that frees them.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import type { BlockDevice } from "@stratos/host";
import { simulateCrashes } from "./crash-simulation.ts";

const SEED = Number(process.env["AEGISFS_SEED"] ?? 20260101);

test(`every crash leaves the last commit or the next (seeds from ${SEED})`, () => {
  let states = 0;
  let syncs = 0;
  for (let round = 0; round < 12; round++) states += simulateCrashes({ seed: SEED + round, states: 250, onEnd: (counts) => void (syncs += counts.syncs) });
  assert.ok(syncs > 100, `the intent log was used ${syncs} times only`);
  assert.ok(states >= 2000, `only ${states} states were reached`);
});

/** Leaves out the flush before the superblock: the order within a commit is no longer kept. */
class NoBarrier implements BlockDevice {
  readonly #disk: BlockDevice;
  #flushes = 0;

  constructor(disk: BlockDevice) {
    this.#disk = disk;
  }
  get size(): number {
    return this.#disk.size;
  }
  get readOnly(): boolean {
    return false;
  }
  read(offset: number, bytes: Uint8Array, at: number, length: number): number {
    return this.#disk.read(offset, bytes, at, length);
  }
  write(offset: number, bytes: Uint8Array, at: number, length: number): number {
    return this.#disk.write(offset, bytes, at, length);
  }
  flush(): number {
    return ++this.#flushes % 2 === 1 ? 0 : this.#disk.flush();
  }
  resize(size: number): number {
    return this.#disk.resize(size);
  }
  discard(offset: number, length: number): void {
    this.#disk.discard(offset, length);
  }
}

test("a missing barrier before the superblock is caught", () => {
  assert.throws(() => {
    for (let round = 0; round < 20; round++) simulateCrashes({ seed: SEED + round, states: 300, wrap: (disk) => new NoBarrier(disk) });
  }, /seed \d+, state/);
});

/** Answers the flush behind a batch of the intent log without doing it. */
class LazyLog implements BlockDevice {
  readonly #disk: BlockDevice;
  #isLog = false;

  constructor(disk: BlockDevice) {
    this.#disk = disk;
  }
  get size(): number {
    return this.#disk.size;
  }
  get readOnly(): boolean {
    return false;
  }
  read(offset: number, bytes: Uint8Array, at: number, length: number): number {
    return this.#disk.read(offset, bytes, at, length);
  }
  write(offset: number, bytes: Uint8Array, at: number, length: number): number {
    this.#isLog = String.fromCharCode(...bytes.subarray(at, at + 4)) === "AEGL";
    return this.#disk.write(offset, bytes, at, length);
  }
  flush(): number {
    return this.#isLog ? 0 : this.#disk.flush();
  }
  resize(size: number): number {
    return this.#disk.resize(size);
  }
  discard(offset: number, length: number): void {
    this.#disk.discard(offset, length);
  }
}

test("an fsync whose log is not flushed is caught", () => {
  assert.throws(() => {
    for (let round = 0; round < 20; round++) simulateCrashes({ seed: SEED + round, states: 300, wrap: (disk) => new LazyLog(disk) });
  }, /seed \d+, state/);
});

test("blocks that are used again before their commit are caught", () => {
  assert.throws(() => {
    for (let round = 0; round < 20; round++) simulateCrashes({ seed: SEED + round, states: 300, afterStep: (volume) => volume.space.committed() });
  }, /seed \d+, state/);
});
