/**
 * Goal: of as many copies as there can be, one is enough. Method: a volume of three devices with three copies, of which
 * two are wiped.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { S_IFREG } from "@stratos/abi";
import { MemoryBlockDevice } from "@stratos/host";
import { format, mount, ROOT_INO } from "../aegisfs.ts";
import { mountedVolume } from "../testing/fresh-volume.ts";

const COPIES = 3;
const SIZE = 8 << 20;

test("a volume with three copies is opened again, and goes on with one device of three", () => {
  for (let kept = 0; kept < COPIES; kept++) {
    const devices = Array.from({ length: COPIES }, () => new MemoryBlockDevice(SIZE));
    assert.equal(format(devices, { uuid: new Uint8Array(16).fill(9), hashSeed: 77, copies: COPIES }), 0);
    const volume = mountedVolume(mount(devices));
    const bytes = Uint8Array.from({ length: 100_000 }, (_, index) => index * 7);
    const ino = volume.root.create(ROOT_INO, "file", S_IFREG | 0o644, 0, 0);
    assert.equal(volume.root.write(ino, 0, bytes, 0, bytes.length), bytes.length);
    assert.equal(volume.sync(), 0);
    for (const degraded of [false, true]) {
      const set = degraded ? [devices[kept]!] : devices;
      const again = mountedVolume(mount(set, { degraded }));
      const read = new Uint8Array(bytes.length);
      assert.equal(again.root.read(again.root.lookup(ROOT_INO, "file"), 0, read, 0, read.length), bytes.length);
      assert.deepEqual(read, bytes, `${degraded ? "only" : "also"} device ${kept}`);
    }
  }
});
