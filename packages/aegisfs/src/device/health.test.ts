/** Goal: a volume's health tells the worst that its devices counted. Method: counters are set, as errors set them. */
import { test } from "node:test";
import assert from "node:assert/strict";
import { EIO, S_IFREG } from "@stratos/abi";
import { MemoryBlockDevice } from "@stratos/host";
import {
  addDevice,
  CLASS_SLOW,
  format,
  health,
  mount,
  resetErrors,
  ROOT_INO,
  type DeviceState,
  type VolumeState,
} from "../aegisfs.ts";
import { freshVolume, mountedVolume } from "../testing/fresh-volume.ts";

type Counter = "readErrors" | "writeErrors" | "corruptBlocks" | "repairedBlocks" | "lostBlocks";

test("each kind of error makes a volume as bad as it is", () => {
  const cases: [errors: Partial<Record<Counter, number>>, volume: VolumeState, device: DeviceState][] = [
    [{}, "healthy", "ok"],
    [{ readErrors: 1 }, "degraded", "failing"],
    [{ writeErrors: 1 }, "degraded", "failing"],
    [{ readErrors: 1, writeErrors: 1 }, "degraded", "failing"],
    [{ corruptBlocks: 2, repairedBlocks: 2 }, "repaired", "failing"],
    [{ lostBlocks: 1 }, "damaged", "ok"],
    [{ lostBlocks: 1, readErrors: 1 }, "damaged", "failing"],
  ];
  for (const [errors, state, deviceState] of cases) {
    const { volume } = freshVolume(16);
    Object.assign(volume.store.devices[0]!.entry.errors, errors);
    const { devices, ...whole } = health(volume);
    assert.deepEqual([whole.state, devices[0]!.state], [state, deviceState], JSON.stringify(errors));
  }
});

test("what goes to and from a device is counted, in bytes", () => {
  const { volume } = freshVolume(16);
  const [before] = health(volume).devices;
  assert.ok(volume.root.create(ROOT_INO, "file", S_IFREG | 0o644, 0, 0) > 0);
  assert.equal(volume.commit(), 0);
  const [after] = health(volume).devices;
  assert.ok(after!.writtenBytes > before!.writtenBytes, "a commit writes");
  assert.equal(after!.writtenBytes % 4096, 0);
  const { readBytes } = health(volume).devices[0]!;
  volume.store.read(0, 1, new Uint8Array(4096), 0);
  assert.equal(health(volume).devices[0]!.readBytes, readBytes + 4096);
});

test("what was seen to is counted anew, also after the next mount", () => {
  const { device, volume } = freshVolume(16);
  const counters: Record<Counter, number> = {
    readErrors: 1,
    writeErrors: 2,
    corruptBlocks: 3,
    repairedBlocks: 4,
    lostBlocks: 5,
  };
  Object.assign(volume.store.devices[0]!.entry.errors, counters);
  assert.equal(resetErrors(volume), 0);
  assert.equal(volume.commit(), 0);
  for (const each of [volume, mountedVolume(mount(device))]) {
    const { state, devices } = health(each);
    assert.equal(state, "healthy");
    assert.deepEqual(
      Object.keys(counters).map((name) => devices[0]!.errors[name as Counter]),
      [0, 0, 0, 0, 0],
    );
  }
});

test("a volume that takes no changes any more has failed, whatever its counters say", () => {
  const { volume, device } = freshVolume(16);
  assert.equal(health(volume).failure, null);
  assert.ok(volume.root.create(ROOT_INO, "file", S_IFREG | 0o644, 0, 0) > 0);
  device.write = () => -EIO;
  assert.equal(volume.sync(), -EIO);
  const { state, failure } = health(volume);
  assert.deepEqual([state, failure], ["failed", "io"]);
  assert.equal(health(mountedVolume(mount(device))).state, "healthy", "what was durable is whole");
});

test("a volume tells which of its devices are fast and which slow", () => {
  const set = [16, 16].map((mib) => new MemoryBlockDevice(mib << 20));
  assert.equal(format(set[0]!, { uuid: new Uint8Array(16), hashSeed: 1 }), 0);
  const volume = mountedVolume(mount(set[0]!));
  assert.equal(addDevice(volume, set[1]!, { class: CLASS_SLOW }), 1);
  assert.deepEqual(
    health(volume).devices.map((device) => device.class),
    ["fast", "slow"],
  );
});
