/**
 * Goal: no crash loses what was synced or leaves a volume that is not whole. Method: testing/crash-simulation.ts. That
 * the simulation sees faults is shown by planting two: a missing barrier, and blocks that are used again before the
 * commit that frees them.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { foldAt } from "./fold.ts";
import { simulateCrashes } from "./crash-simulation.ts";
import { ForwardingDevice } from "./forwarding-device.ts";

const SEED = Number(process.env["AEGISFS_SEED"] ?? 20260101);

test(`every crash leaves the last commit or the next (seeds from ${SEED})`, () => {
  let states = 0;
  let syncs = 0;
  for (let round = 0; round < 12; round++)
    states += simulateCrashes({ seed: SEED + round, states: 250, onEnd: (counts) => void (syncs += counts.syncs) });
  assert.ok(syncs > 100, `the intent log was used ${syncs} times only`);
  assert.ok(states >= 2000, `only ${states} states were reached`);
});

test(`no crash loses a part of a huge file (seeds from ${SEED})`, () => {
  let states = 0;
  for (let round = 0; round < 2; round++)
    states += simulateCrashes({ seed: SEED + round, states: 250, fold: foldAt(7 * 4096) });
  assert.ok(states >= 300, `only ${states} states were reached`);
});

/** Leaves out the flush before the superblock: the order within a commit is no longer kept. */
class NoBarrier extends ForwardingDevice {
  #flushes = 0;

  override flush(): number {
    return ++this.#flushes % 2 === 1 ? 0 : super.flush();
  }
}

test("a missing barrier before the superblock is caught", () => {
  assert.throws(() => {
    for (let round = 0; round < 20; round++)
      simulateCrashes({ seed: SEED + round, states: 300, wrap: (disk) => new NoBarrier(disk) });
  }, /seed \d+, state/);
});

/** Answers the flush behind a batch of the intent log without doing it. */
class LazyLog extends ForwardingDevice {
  #isLog = false;

  override write(offset: number, bytes: Uint8Array, at: number, length: number): number {
    this.#isLog = String.fromCharCode(...bytes.subarray(at, at + 4)) === "AEGL";
    return super.write(offset, bytes, at, length);
  }

  override flush(): number {
    return this.#isLog ? 0 : super.flush();
  }
}

test("an fsync whose log is not flushed is caught", () => {
  assert.throws(() => {
    for (let round = 0; round < 20; round++)
      simulateCrashes({ seed: SEED + round, states: 300, wrap: (disk) => new LazyLog(disk) });
  }, /seed \d+, state/);
});

test("blocks that are used again before their commit are caught", () => {
  assert.throws(() => {
    for (let round = 0; round < 20; round++)
      simulateCrashes({ seed: SEED + round, states: 300, afterStep: (volume) => volume.space.committed() });
  }, /seed \d+, state/);
});
