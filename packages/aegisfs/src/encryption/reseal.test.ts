/**
 * Sealing anew, block by block: whatever a crash leaves of it, and whatever the device refuses, each block keeps its
 * content, the work goes on to its end, and then nothing opens with a key of before. The blocks are compared
 * themselves, without a volume on them, which would mend some of what is lost. encryption.test.ts has volumes.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { SeededRandom } from "@stratos/base";
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
    assert.ok(bytes.every((byte) => byte === bytes[0]));
    return bytes[0]!;
  });
}

/** Blocks with content that an older key sealed, every seventh never written; and the header from before the rotation. */
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
