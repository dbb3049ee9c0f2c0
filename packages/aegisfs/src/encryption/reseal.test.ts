/**
 * Sealing anew, block by block: whatever a crash leaves of it, and whatever the device refuses, each block keeps its
 * content, the work goes on to its end, and then nothing opens with a key of before. The blocks are compared
 * themselves, without a volume on them, which would mend some of what is lost. encryption.test.ts has volumes.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { SeededRandom } from "@stratos/base";
import { EIO } from "@stratos/abi";
import type { BlockDevice } from "@stratos/host";
import { MemoryBlockDevice, SimulatedCipher } from "@stratos/host";
import { CrashDisk } from "../testing/crash-disk.ts";
import { ForwardingDevice } from "../testing/forwarding-device.ts";
import { HEADER_AREA } from "./key-header.ts";
import { EncryptedDevice } from "./keys.ts";
import { SEALED_SIZE } from "./sealed-device.ts";

const SEED = Number(process.env["AEGISFS_SEED"] ?? 20260101);
const COST = { derivation: { kind: "scrypt", logN: 4, r: 8, p: 1 } } as const;
const PASSPHRASE = new Uint8Array(8).fill(1);
const UUID = new Uint8Array(16).fill(9);
const BLOCKS = 40;
const RAW_SIZE = Math.ceil((HEADER_AREA + BLOCKS * SEALED_SIZE) / 4096) * 4096;

function copyOf(device: BlockDevice): MemoryBlockDevice {
  const bytes = new Uint8Array(device.size);
  device.read(0, bytes, 0, bytes.length);
  const copy = new MemoryBlockDevice(device.size);
  copy.write(0, bytes, 0, bytes.length);
  return copy;
}

function open(raw: BlockDevice, cipher: SimulatedCipher): EncryptedDevice {
  const result = EncryptedDevice.open(raw, cipher, PASSPHRASE);
  if (typeof result === "string") throw new Error(result);
  return result;
}

function put(encrypted: EncryptedDevice, block: number, value: number): void {
  assert.equal(encrypted.device.write(block * 4096, new Uint8Array(4096).fill(value), 0, 4096), 0);
}

/** What each block is filled with; −1: it does not open. */
function contents(encrypted: EncryptedDevice): number[] {
  const bytes = new Uint8Array(4096);
  return Array.from({ length: BLOCKS }, (_, block) => {
    if (encrypted.device.read(block * 4096, bytes, 0, 4096) < 0) return -1;
    assert.equal(bytes[4095], bytes[0]);
    return bytes[0]!;
  });
}

/** Blocks that an older key sealed, every seventh never written; and the header from before the rotation. */
function rotated(cipher: SimulatedCipher): { raw: MemoryBlockDevice; before: number[]; oldHeader: Uint8Array } {
  const raw = new MemoryBlockDevice(RAW_SIZE);
  const encrypted = EncryptedDevice.create(raw, cipher, UUID, PASSPHRASE, COST);
  if (typeof encrypted === "string") throw new Error(encrypted);
  for (let block = 0; block < BLOCKS; block++) if (block % 7 !== 6) put(encrypted, block, block + 1);
  const before = contents(encrypted);
  const oldHeader = new Uint8Array(HEADER_AREA);
  raw.read(0, oldHeader, 0, HEADER_AREA);
  assert.equal(encrypted.rotate(PASSPHRASE, COST), 0);
  return { raw, before, oldHeader };
}

/** Goes on to the end, and asserts that nothing is lost and nothing opens with the keys of `oldHeader`. */
function finish(raw: BlockDevice, cipher: SimulatedCipher, expected: number[], oldHeader: Uint8Array): void {
  const encrypted = open(raw, cipher);
  const work = encrypted.reseal();
  assert.ok(typeof work === "object");
  while (work.step(15) === 1);
  assert.deepEqual([work.done, work.damaged, encrypted.isResealing, encrypted.keyCount], [BLOCKS, 0, false, 1]);
  assert.deepEqual(contents(open(raw, cipher)), expected);
  const stolen = copyOf(raw);
  stolen.write(0, oldHeader, 0, HEADER_AREA);
  assert.deepEqual(
    contents(open(stolen, cipher)),
    expected.map((value) => (value === 0 ? 0 : -1)),
  );
}

class ReadOnly extends ForwardingDevice {
  override readonly readOnly = true;
}

test(`whatever a crash leaves of sealing anew, no block is lost and the work goes on (seed ${SEED})`, () => {
  const random = new SeededRandom(SEED);
  const cipher = new SimulatedCipher(1);
  const { raw, before, oldHeader } = rotated(cipher);
  const disk = CrashDisk.after(raw);
  let states = 0;
  let resealing = 0;
  disk.onFlush = (): void => {
    for (let choice = 0; choice < 6; choice++) {
      states++;
      const crashed = choice < 2 ? disk.crashAfter(random.below(disk.pending.length + 1)) : disk.crashAnyhow(random);
      assert.deepEqual(contents(open(new ReadOnly(copyOf(crashed)), cipher)), before, `state ${states}, read only`);
      // Another crash, while the first one is made good.
      const again = CrashDisk.after(crashed);
      again.onFlush = (): void =>
        assert.deepEqual(contents(open(copyOf(again.crashAnyhow(random)), cipher)), before, `state ${states}, twice`);
      const encrypted = open(again, cipher);
      again.onFlush = null;
      assert.deepEqual(contents(encrypted), before, `state ${states}`);
      if (encrypted.isResealing) resealing++;
      // What is written after the crash stays.
      put(encrypted, 5, 200);
      finish(again, cipher, before.with(5, 200), oldHeader);
    }
  };
  const work = open(disk, cipher).reseal();
  assert.ok(typeof work === "object");
  while (work.step(15) === 1);
  assert.ok(states > 80 && resealing > 60, `${states} states, ${resealing} in the midst`);
});

test("a rotation in the midst of it begins anew: what was sealed until then is not lost with its key", () => {
  const cipher = new SimulatedCipher(2);
  const { raw, before, oldHeader } = rotated(cipher);
  const encrypted = open(raw, cipher);
  const work = encrypted.reseal();
  assert.ok(typeof work === "object");
  assert.equal(work.step(15), 1);
  assert.equal(encrypted.rotate(PASSPHRASE, COST), 0);
  // Interrupted, and gone on with after the next opening.
  finish(copyOf(raw), cipher, before, oldHeader);
  assert.equal(work.step(15), 1);
  finish(copyOf(raw), cipher, before, oldHeader);
  while (work.step(15) === 1);
  assert.deepEqual([encrypted.isResealing, encrypted.keyCount], [false, 1]);
  finish(raw, cipher, before, oldHeader);
});

/** A device that fails one write of its many, whole or torn in the middle. */
class Failing extends ForwardingDevice {
  until = -1;
  tears = false;

  override write(offset: number, bytes: Uint8Array, at: number, length: number): number {
    if (this.until-- !== 0) return super.write(offset, bytes, at, length);
    if (this.tears) super.write(offset, bytes, at, length / 4);
    return -EIO;
  }
}

test("when a write fails, nothing is lost, and nothing that is written before the work goes on is undone", () => {
  for (const [tears, isWritten] of [
    [false, true],
    [true, true],
    [true, false],
  ] as const) {
    for (let failing = 0; ; failing++) {
      const cipher = new SimulatedCipher(3);
      const { raw, before, oldHeader } = rotated(cipher);
      const device = new Failing(raw);
      const encrypted = open(device, cipher);
      const work = encrypted.reseal();
      assert.ok(typeof work === "object");
      device.until = failing;
      device.tears = tears;
      let result = work.step(25);
      if (result === 1) break;
      assert.equal(result, "device-error");
      const state = `write ${failing}, ${tears ? "torn" : "not done"}`;
      assert.deepEqual(contents(encrypted), before, state);
      assert.deepEqual(contents(open(copyOf(raw), cipher)), before, `${state}, opened again`);
      const now = before.map((value) => (!isWritten || value % 3 === 0 ? value : 200 + (value % 50)));
      for (const [block, value] of now.entries()) if (value !== before[block]) put(encrypted, block, value);
      assert.deepEqual(contents(encrypted), now, `${state}, written`);
      assert.deepEqual(contents(open(copyOf(raw), cipher)), now, `${state}, written and opened again`);
      while ((result = work.step(25)) === 1);
      assert.deepEqual([result, work.damaged, contents(encrypted)], [0, 0, now]);
      finish(raw, cipher, now, oldHeader);
    }
  }
});

test("when the header cannot be written, passphrases and keys stay as they were", () => {
  for (const failing of [0, 1]) {
    const cipher = new SimulatedCipher(4);
    const { raw, before, oldHeader } = rotated(cipher);
    const device = new Failing(raw);
    const encrypted = open(device, cipher);
    assert.equal(encrypted.addPassphrase(UUID, COST), 1);
    for (const change of [
      (): unknown => encrypted.rotate(PASSPHRASE, COST),
      (): unknown => encrypted.addPassphrase(UUID, COST),
      (): unknown => encrypted.reseal(),
    ]) {
      device.until = failing;
      assert.equal(change(), "device-error");
      assert.deepEqual([encrypted.slots, encrypted.keyCount, encrypted.isResealing], [[0, 1], 2, false]);
      put(encrypted, 3, before[3]!);
      assert.deepEqual(contents(open(copyOf(raw), cipher)), before);
    }
    const work = encrypted.reseal();
    assert.ok(typeof work === "object");
    while (work.step(15) === 1);
    assert.deepEqual([encrypted.keyCount, contents(encrypted)], [1, before]);
    finish(raw, cipher, before, oldHeader);
  }
});

test("a device that grows or shrinks meanwhile is sealed anew to its end", () => {
  for (const size of [BLOCKS + 20, BLOCKS - 20]) {
    const cipher = new SimulatedCipher(5);
    const { raw } = rotated(cipher);
    const encrypted = open(raw, cipher);
    const work = encrypted.reseal();
    assert.ok(typeof work === "object");
    assert.equal(work.step(30), 1);
    assert.equal(encrypted.device.resize(size * 4096), 0);
    const blocks = encrypted.device.size / 4096;
    if (size > BLOCKS) {
      // Sealed with a key that is not the newest, behind what there was.
      put(encrypted, size - 1, 7);
      assert.equal(encrypted.rotate(PASSPHRASE, COST), 0);
    }
    while (work.step(15) === 1);
    assert.deepEqual([work.done, encrypted.keyCount], [blocks, 1]);
    const bytes = new Uint8Array(4096);
    for (let block = 0; block < size; block++)
      assert.equal(encrypted.device.read(block * 4096, bytes, 0, 4096), 0, `block ${block} of ${size}`);
  }
});
