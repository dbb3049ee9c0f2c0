/**
 * Encrypted volumes: nothing of what they hold is on the device in clear, no bit can be changed or moved unseen, nonces
 * are not used twice (the simulated cipher throws when they are), passphrases come and go, and crashes leave what they
 * leave without encryption. reseal.test.ts says what they leave of sealing anew.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { S_IFREG } from "@stratos/abi";
import { SeededRandom } from "@stratos/base";
import type { BlockDevice } from "@stratos/host";
import { MemoryBlockDevice, SimulatedCipher } from "@stratos/host";
import {
  addDevice,
  addPassphrase,
  changePassphrase,
  check,
  EncryptedDevice,
  format,
  isEncrypted,
  keySlots,
  mount,
  removeSlot,
  replaceDevice,
  ROOT_INO,
  setCopies,
  resizeDevice,
} from "../aegisfs.ts";
import type { KeyError, Problem, Volume } from "../aegisfs.ts";
import { CrashDisk } from "../testing/crash-disk.ts";
import { simulateCrashes } from "../testing/crash-simulation.ts";
import { dumpSubvolume } from "../testing/dump.ts";
import { mountedVolume } from "../testing/fresh-volume.ts";
import { Workload } from "../testing/workload.ts";
import { HEADER_AREA, HEADER_PLACES } from "./key-header.ts";
import { SEALED_SIZE, sealedCapacity } from "./sealed-device.ts";

const SEED = Number(process.env["AEGISFS_SEED"] ?? 20260101);
const COST = { derivation: { kind: "scrypt", logN: 4, r: 8, p: 1 } } as const;
const UUID = new Uint8Array(16).fill(9);

function phrase(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

function opened(result: EncryptedDevice | KeyError): EncryptedDevice {
  if (typeof result === "string") throw new Error(result);
  return result;
}

function fresh(
  mib: number,
  cipher: SimulatedCipher,
): { raw: MemoryBlockDevice; encrypted: EncryptedDevice; volume: Volume } {
  const raw = new MemoryBlockDevice(mib << 20);
  const encrypted = opened(EncryptedDevice.create(raw, cipher, UUID, phrase("first"), COST));
  assert.equal(format(encrypted.device, { uuid: UUID, hashSeed: 5, label: "secret label" }), 0);
  return { raw, encrypted, volume: mountedVolume(mount(encrypted.device)) };
}

function bytesOf(device: BlockDevice): Buffer {
  const bytes = Buffer.alloc(device.size);
  device.read(0, bytes, 0, bytes.length);
  return bytes;
}

test("nothing of a volume is on the device in clear", () => {
  const { raw, volume } = fresh(8, new SimulatedCipher(1));
  const ino = volume.root.create(ROOT_INO, "secret name", S_IFREG | 0o644, 0, 0);
  volume.root.setXattr(ino, "user.secret attribute", phrase("secret value"), 0);
  volume.root.write(ino, 0, phrase("secret content ".repeat(1000)), 0, 15_000);
  const small = volume.root.create(ROOT_INO, "inline", S_IFREG | 0o644, 0, 0);
  volume.root.write(small, 0, phrase("secret inline"), 0, 13);
  volume.snapshot(volume.root, "secret snapshot", { readOnly: true });
  volume.sync();
  const bytes = bytesOf(raw);
  for (const text of ["secret", "inline", "AEGISFS", "AEGN"])
    assert.equal(bytes.indexOf(text), -1, `"${text}" can be read`);
  assert.equal(mount(raw), "encrypted");
  assert.equal(isEncrypted(raw), true);
  assert.equal(isEncrypted(new MemoryBlockDevice(1 << 20)), false);
});

test("the right passphrase opens, a wrong one says so; slots are added, changed and removed", () => {
  const cipher = new SimulatedCipher(2);
  const { raw, encrypted, volume } = fresh(8, cipher);
  volume.root.create(ROOT_INO, "kept", S_IFREG | 0o644, 0, 0);
  volume.sync();
  const kept = (passphrase: string): boolean =>
    mountedVolume(
      mount(opened(EncryptedDevice.open(raw, cipher, phrase(passphrase))).device, { readOnly: true }),
    ).root.lookup(ROOT_INO, "kept") > 0;
  assert.equal(EncryptedDevice.open(raw, cipher, phrase("wrong")), "wrong-passphrase");
  assert.equal(EncryptedDevice.open(new MemoryBlockDevice(8 << 20), cipher, phrase("first")), "not-encrypted");
  assert.equal(encrypted.addPassphrase(phrase("second"), COST), 1);
  assert.ok(kept("first") && kept("second"));
  assert.equal(encrypted.changePassphrase(phrase("first"), phrase("third"), COST), 0);
  assert.equal(encrypted.changePassphrase(phrase("first"), phrase("fourth"), COST), "wrong-passphrase");
  assert.equal(EncryptedDevice.open(raw, cipher, phrase("first")), "wrong-passphrase");
  assert.equal(encrypted.addPassphrase(phrase("third"), COST), 2);
  assert.equal(encrypted.changePassphrase(phrase("third"), phrase("third"), COST), 0);
  assert.deepEqual(encrypted.slots, [0, 1], "a passphrase that was added twice is changed as one");
  assert.equal(encrypted.removeSlot(1), 0);
  assert.equal(encrypted.removeSlot(1), "no-slot");
  assert.equal(encrypted.removeSlot(0), "last-slot");
  assert.equal(EncryptedDevice.open(raw, cipher, phrase("second")), "wrong-passphrase");
  assert.ok(kept("third"));
  for (let slot = 1; slot < 8; slot++) assert.equal(encrypted.addPassphrase(phrase(`more ${slot}`), COST), slot);
  assert.equal(encrypted.addPassphrase(phrase("too many"), COST), "no-free-slot");
  assert.deepEqual(
    (keySlots(raw) as { slot: number }[]).map(({ slot }) => slot),
    [0, 1, 2, 3, 4, 5, 6, 7],
  );
});

test("wherever a change of passphrases breaks off, one of them opens all devices of a volume", () => {
  const cipher = new SimulatedCipher(8);
  /** Refuses writes from some time on, of all of its devices together. */
  class Failing extends MemoryBlockDevice {
    static left = Infinity;
    override write(...args: Parameters<MemoryBlockDevice["write"]>): number {
      return Failing.left-- > 0 ? super.write(...args) : -1;
    }
  }
  const raws = [new Failing(2 << 20), new Failing(2 << 20)];
  const opens = (text: string): boolean =>
    raws.every((raw) => typeof EncryptedDevice.open(raw, cipher, phrase(text)) !== "string");
  for (let writes = 0; writes < 9; writes++) {
    Failing.left = Infinity;
    const devices = raws.map((raw) => opened(EncryptedDevice.create(raw, cipher, UUID, phrase("first"), COST)));
    Failing.left = writes;
    const result = changePassphrase(devices, phrase("first"), phrase("second"), COST);
    assert.equal(result, writes < 8 ? "device-error" : 0);
    assert.ok(opens("first") || opens("second"), `after ${writes} writes`);
    assert.equal(changePassphrase(devices, phrase("third"), phrase("fourth"), COST), "wrong-passphrase");
  }
  Failing.left = Infinity;
  assert.deepEqual([opens("first"), opens("second")], [false, true]);
  const devices = raws.map((raw) => opened(EncryptedDevice.open(raw, cipher, phrase("second"))));
  assert.equal(devices[0]!.addPassphrase(phrase("third"), { ...COST, slot: 0 }), 0);
  assert.equal(removeSlot(devices, 1), "last-slot", "third opens one of the devices");
  assert.equal(addPassphrase(devices, phrase("third"), COST), 2);
  assert.deepEqual([removeSlot(devices, 0), removeSlot(devices, 1), removeSlot(devices, 1)], [0, 0, "no-slot"]);
  assert.ok(opens("third"));
  assert.equal(changePassphrase(devices, phrase("third"), phrase("third"), COST), 0);
  assert.equal(removeSlot(devices, 2), "last-slot");
});

test("after a rotation new content needs the new keys, old content is still read", () => {
  const cipher = new SimulatedCipher(3);
  const { raw, encrypted, volume } = fresh(16, cipher);
  const random = new SeededRandom(SEED);
  const workload = new Workload(random, volume.root, { sizeMax: 50_000, names: 20 });
  for (let step = 0; step < 200; step++) workload.step();
  volume.sync();
  const oldHeader = new Uint8Array(HEADER_AREA);
  raw.read(0, oldHeader, 0, HEADER_AREA);
  assert.equal(encrypted.rotate(phrase("wrong")), "wrong-passphrase");
  assert.equal(encrypted.rotate(phrase("first"), COST), 0);
  for (let step = 0; step < 200; step++) workload.step();
  volume.sync();
  const again = opened(EncryptedDevice.open(raw, cipher, phrase("first")));
  assert.equal(again.keyCount, 2);
  assert.equal(dumpSubvolume(mountedVolume(mount(again.device)).root), workload.model.dump());
  assert.deepEqual(check(again.device, { data: true }), []);
  // Who kept the old header and its passphrase does not get at what was written since.
  const now = new Uint8Array(HEADER_AREA);
  raw.read(0, now, 0, HEADER_AREA);
  raw.write(0, oldHeader, 0, HEADER_AREA);
  const old = mount(opened(EncryptedDevice.open(raw, cipher, phrase("first"))).device);
  assert.ok(typeof old === "string" || old.root.lookup(ROOT_INO, "x") < 0);
  raw.write(0, now, 0, HEADER_AREA);
  for (let round = 0; round < 6; round++) assert.equal(again.rotate(phrase("first"), COST), 0);
  assert.equal(again.rotate(phrase("first"), COST), "too-many-keys");
});

test("one damaged header is replaced by its copy; forged ones are refused", () => {
  const cipher = new SimulatedCipher(4);
  const { raw } = fresh(8, cipher);
  const random = new SeededRandom(SEED);
  const before = new Uint8Array(4096);
  for (const place of HEADER_PLACES) {
    raw.read(place, before, 0, 4096);
    for (let round = 0; round < 50; round++) {
      const damaged = before.slice();
      damaged[random.below(4096)]! ^= 1 << random.below(8);
      raw.write(place, damaged, 0, 4096);
      assert.equal(typeof EncryptedDevice.open(raw, cipher, phrase("first")), "object");
    }
    raw.write(place, before, 0, 4096);
  }
  for (const place of HEADER_PLACES) raw.write(place, new Uint8Array(4096), 0, 4096);
  assert.equal(EncryptedDevice.open(raw, cipher, phrase("first")), "not-encrypted");
});

test("blocks that were changed, moved or put back are refused", () => {
  const { raw, encrypted, volume } = fresh(8, new SimulatedCipher(5));
  const text = phrase("content ".repeat(20_000));
  const ino = volume.root.create(ROOT_INO, "f", S_IFREG | 0o644, 0, 0);
  volume.root.write(ino, 0, text, 0, text.length);
  volume.sync();
  const dump = dumpSubvolume(volume.root);
  const random = new SeededRandom(SEED);
  const blocks = encrypted.device.size / 4096;
  const one = new Uint8Array(SEALED_SIZE);
  const other = new Uint8Array(SEALED_SIZE);
  const problemsSeen = { count: 0 };
  for (let round = 0; round < 300; round++) {
    const block = random.below(Math.min(blocks, 300));
    const place = HEADER_AREA + block * SEALED_SIZE;
    raw.read(place, one, 0, SEALED_SIZE);
    const changed = one.slice();
    if (round % 3 === 0) changed[random.below(SEALED_SIZE)]! ^= 1 << random.below(8);
    else if (round % 3 === 1) {
      raw.read(HEADER_AREA + random.below(300) * SEALED_SIZE, other, 0, SEALED_SIZE);
      changed.set(other);
    } else changed.fill(0);
    raw.write(place, changed, 0, SEALED_SIZE);
    const tampered = mount(encrypted.device, { readOnly: true });
    if (typeof tampered === "string") problemsSeen.count++;
    else {
      try {
        assert.equal(dumpSubvolume(tampered.root), dump, `round ${round}, block ${block}`);
      } catch (error) {
        if (error instanceof assert.AssertionError) throw error;
        problemsSeen.count++;
      }
    }
    raw.write(place, one, 0, SEALED_SIZE);
  }
  assert.ok(problemsSeen.count > 20, `${problemsSeen.count}`);
  assert.equal(dumpSubvolume(mountedVolume(mount(encrypted.device)).root), dump);
});

test("a device that is copied and opened twice never seals with the same nonce", () => {
  const cipher = new SimulatedCipher(6);
  const { raw, volume } = fresh(8, cipher);
  volume.sync();
  const copy = new MemoryBlockDevice(8 << 20);
  copy.write(0, bytesOf(raw), 0, raw.size);
  for (const device of [raw, copy, raw, copy]) {
    const again = mountedVolume(mount(opened(EncryptedDevice.open(device, cipher, phrase("first"))).device));
    for (let step = 0; step < 30; step++) again.root.create(ROOT_INO, `f${step}`, S_IFREG | 0o644, 0, 0);
    assert.equal(again.sync(), 0);
  }
});

test(`crashes of an encrypted volume leave the last commit or the next (seeds from ${SEED})`, () => {
  let states = 0;
  for (let round = 0; round < 3; round++) {
    const cipher = new SimulatedCipher(SEED + round);
    let first = true;
    states += simulateCrashes({
      seed: SEED + round,
      states: 120,
      layer: (disk) => {
        if (first) {
          first = false;
          return opened(EncryptedDevice.create(disk, cipher, UUID, phrase("first"), COST)).device;
        }
        return opened(EncryptedDevice.open(disk, cipher, phrase("first"))).device;
      },
    });
  }
  assert.ok(states > 300, `${states}`);
});

test("encrypted devices grow, shrink, and are mirrored like any others", () => {
  const cipher = new SimulatedCipher(7);
  const { raw, encrypted, volume } = fresh(16, cipher);
  const workload = new Workload(new SeededRandom(SEED), volume.root, { sizeMax: 50_000, names: 20 });
  for (let step = 0; step < 300; step++) workload.step();
  assert.equal(resizeDevice(volume, 0, 6000), 0);
  assert.ok(raw.size > 6000 * 4096 && encrypted.device.size >= 6000 * 4096);
  assert.equal(sealedCapacity(raw.size), encrypted.device.size);
  const second = opened(EncryptedDevice.create(new MemoryBlockDevice(32 << 20), cipher, UUID, phrase("first"), COST));
  assert.equal(addDevice(volume, second.device, { spare: true }), 1);
  const job = setCopies(volume, 2);
  assert.ok(typeof job === "object");
  while (job.step(1000) === 1);
  assert.equal(job.finish(), 0);
  assert.deepEqual(check([encrypted.device, second.device], { data: true }), []);
  assert.equal(
    dumpSubvolume(mountedVolume(mount([second.device], { degraded: true, readOnly: true })).root),
    workload.model.dump(),
  );
});

test(`devices come to and leave an encrypted volume; whenever the power goes, it opens (seed ${SEED})`, () => {
  const cipher = new SimulatedCipher(11);
  const random = new SeededRandom(SEED);
  const second = phrase("second");
  for (const isLost of [true, false]) {
    const disks = [0, 1, 2].map(() => new CrashDisk(6 << 20));
    const [first, other] = disks.slice(0, 2).map((disk) => {
      const made = opened(EncryptedDevice.create(disk, cipher, UUID, phrase("first"), COST));
      assert.equal(made.addPassphrase(second, { ...COST, slot: 3 }), 3);
      return made;
    }) as [EncryptedDevice, EncryptedDevice];
    assert.equal(first.removeSlot(0), 0);
    assert.equal(format([first.device, other.device], { uuid: UUID, hashSeed: 5, copies: 2 }), 0);
    const before = mountedVolume(mount([first.device, other.device]));
    const workload = new Workload(random, before.root, { sizeMax: 40_000, names: 20 });
    for (let step = 0; step < 100; step++) workload.step();
    assert.equal(before.sync(), 0);
    const dump = dumpSubvolume(before.root);
    const volume = isLost ? mountedVolume(mount([first.device], { degraded: true })) : before;
    const old = bytesOf(disks[2]!);
    const fellow = opened(first.createFellow(disks[2]!));
    assert.deepEqual(bytesOf(disks[2]!), old, "who refuses it keeps what it holds");
    let states = 0;
    const look = (): void => {
      for (let choice = 0; choice < 2; choice++) {
        states++;
        const images = disks.map((disk) => (choice === 0 ? disk.crashAfter(0) : disk.crashAnyhow(random)));
        const isWhole = [[1], [2], []].some((with0) => {
          const set = [0, ...with0].flatMap((index) => {
            const device = EncryptedDevice.open(images[index]!, cipher, second);
            return typeof device === "string" ? [] : [device.device];
          });
          if (set.length <= with0.length || (isLost && with0[0] === 1)) return false;
          const found = mount(set, { degraded: set.length === 1 });
          if (typeof found === "string") return false;
          assert.equal(dumpSubvolume(found.root), dump);
          found.sync();
          const problems = check(set, { data: true }) as Problem[];
          assert.deepEqual(
            problems.filter(({ what }) => !/^device \d is missing/.test(what)),
            [],
          );
          return true;
        });
        assert.ok(isWhole, `state ${states}`);
      }
    };
    for (const disk of disks) disk.onFlush = look;
    const job = replaceDevice(volume, 1, fellow.device);
    assert.ok(typeof job === "object");
    while (job.step(1000) === 1);
    assert.equal(job.finish(), 0);
    if (!isLost) assert.equal(other.destroy(), 0);
    for (const disk of disks) disk.onFlush = null;
    assert.ok(states > 8, `${states}`);
    assert.deepEqual(isEncrypted(disks[1]!), isLost);
    assert.deepEqual(
      (keySlots(disks[2]!) as { slot: number }[]).map(({ slot }) => slot),
      [3],
    );
    assert.equal(opened(EncryptedDevice.open(disks[2]!, cipher, second)).rotate(second, COST), 0);
    const found = mount([first.device, opened(EncryptedDevice.open(disks[2]!, cipher, second)).device]);
    assert.equal(dumpSubvolume(mountedVolume(found).root), dump);
  }
});

/** A volume with content that an older key sealed: its device, its files, and the header from before the rotation. */
function rotated(
  cipher: SimulatedCipher,
  mib = 8,
): { raw: MemoryBlockDevice; encrypted: EncryptedDevice; dump: string; oldHeader: Uint8Array } {
  const { raw, encrypted, volume } = fresh(mib, cipher);
  const workload = new Workload(new SeededRandom(SEED), volume.root, { sizeMax: 40_000, names: 30 });
  for (let step = 0; step < 400; step++) workload.step();
  assert.equal(volume.sync(), 0);
  const oldHeader = bytesOf(raw).subarray(0, HEADER_AREA);
  assert.equal(encrypted.rotate(phrase("first"), COST), 0);
  workload.step();
  assert.equal(volume.sync(), 0);
  return { raw, encrypted, dump: dumpSubvolume(volume.root), oldHeader };
}

function resealAll(encrypted: EncryptedDevice, blocks = 1000): number {
  const work = encrypted.reseal();
  assert.ok(typeof work !== "string");
  for (let more: unknown = 1; more !== 0;) assert.ok((more = work.step(blocks)) === 1 || more === 0, String(more));
  assert.equal(work.done, work.total);
  return work.resealed;
}

test("sealing anew leaves nothing that an old key opens, and room for more keys", () => {
  const cipher = new SimulatedCipher(11);
  const { raw, encrypted, dump, oldHeader } = rotated(cipher);
  // Who kept the old header can read what was there, until then.
  const thief = new MemoryBlockDevice(raw.size);
  const steal = (): unknown => {
    const bytes = bytesOf(raw);
    bytes.set(oldHeader);
    thief.write(0, bytes, 0, bytes.length);
    const stolen = opened(EncryptedDevice.open(thief, cipher, phrase("first"))).device;
    const found = new Uint8Array(4096);
    let readable = 0;
    for (let offset = 0; offset < stolen.size; offset += 4096)
      if (stolen.read(offset, found, 0, 4096) === 0 && found.some((byte) => byte !== 0)) readable++;
    return readable;
  };
  assert.ok((steal() as number) > 20);
  assert.ok(resealAll(encrypted) > 20);
  assert.equal(steal(), 0);
  assert.equal(encrypted.keyCount, 1);
  assert.equal(encrypted.isResealing, false);
  for (let round = 0; round < 10; round++) {
    const again = opened(EncryptedDevice.open(raw, cipher, phrase("first")));
    assert.equal(dumpSubvolume(mountedVolume(mount(again.device)).root), dump);
    assert.deepEqual(check(again.device, { data: true }), []);
    assert.equal(again.rotate(phrase("first"), COST), 0);
    resealAll(again);
  }
});

test("a slot may be made with Argon2id; a forged cost opens nothing", () => {
  const cipher = new SimulatedCipher(13);
  const { raw, encrypted } = fresh(6, cipher);
  const derivation = { kind: "argon2id", memoryKiB: 64, passes: 2, lanes: 1 } as const;
  const slot = encrypted.addPassphrase(phrase("second"), { derivation });
  assert.equal(slot, 1);
  assert.deepEqual(keySlots(raw), [
    { slot: 0, derivation: COST.derivation },
    { slot: 1, derivation },
  ]);
  opened(EncryptedDevice.open(raw, cipher, phrase("second")));
  opened(EncryptedDevice.open(raw, cipher, phrase("first")));
  assert.equal(
    encrypted.addPassphrase(phrase("third"), {
      derivation: { kind: "argon2id", memoryKiB: 2 ** 31, passes: 1, lanes: 1 },
    }),
    2,
  );
  assert.equal(EncryptedDevice.open(raw, cipher, phrase("third")), "wrong-passphrase");
});

test("a block is sealed with its device and number, 24 bytes as they stand in the format", () => {
  const cipher = new SimulatedCipher(3);
  const seal = cipher.seal.bind(cipher);
  const places: Uint8Array[] = [];
  cipher.seal = (...args): void => {
    if (args[5] === 4096) places.push(args[2].slice());
    seal(...args);
  };
  const { encrypted } = fresh(8, cipher);
  places.length = 0;
  for (const block of [300, 77]) assert.equal(encrypted.device.write(block * 4096, new Uint8Array(4096), 0, 4096), 0);
  const [one, other] = places as [Uint8Array, Uint8Array];
  assert.deepEqual([one.length, other.length], [24, 24]);
  assert.deepEqual(one.subarray(0, 16), other.subarray(0, 16));
  assert.deepEqual(
    [one, other].map((place) => new DataView(place.buffer).getFloat64(16, true)),
    [300, 77],
  );
});
