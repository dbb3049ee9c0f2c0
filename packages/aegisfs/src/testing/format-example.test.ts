/**
 * Goal: the worked example of FORMAT.md is what a volume's bytes are. Method: the same volume is made, and each line of
 * the dump compared.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { S_IFREG } from "@stratos/abi";
import { MemoryBlockDevice } from "@stratos/host";
import { format, mount, ROOT_INO } from "../aegisfs.ts";
import { mountedVolume } from "./fresh-volume.ts";

test("the bytes of the example volume stand in FORMAT.md", () => {
  const device = new MemoryBlockDevice(4 << 20);
  assert.equal(
    format(device, {
      uuid: Uint8Array.from({ length: 16 }, (_, at) => at),
      hashSeed: 1,
      label: "small",
      seconds: 1_700_000_000,
    }),
    0,
  );
  const volume = mountedVolume(mount(device, { seconds: 1_700_000_000, intentLog: false }));
  const ino = volume.root.create(ROOT_INO, "hello", S_IFREG | 0o644, 1000, 1000);
  assert.equal(volume.root.write(ino, 0, Uint8Array.from([0x68, 0x69, 0x0a]), 0, 3), 3);
  assert.equal(volume.sync(), 0);
  const lines = readFileSync(new URL("../../FORMAT.md", import.meta.url), "utf8").matchAll(
    /^([0-9a-f]{8})  ((?:[0-9a-f]{2} ){16})/gm,
  );
  let count = 0;
  for (const [, offset, hex] of lines) {
    const bytes = new Uint8Array(16);
    device.read(Number.parseInt(offset!, 16), bytes, 0, 16);
    assert.equal(hex!.trim(), [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(" "), `at ${offset}`);
    count++;
  }
  assert.ok(count > 30, `${count} lines`);
});
