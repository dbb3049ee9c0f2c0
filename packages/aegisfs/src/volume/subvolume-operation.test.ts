/** Goal: whatever an operation does, it ends as all do, so that what is cached stays within its bounds. */
import { test } from "node:test";
import assert from "node:assert/strict";
import { S_IFREG } from "@stratos/abi";
import { mount, ROOT_INO } from "../aegisfs.ts";
import { freshVolume, mountedVolume } from "../testing/fresh-volume.ts";

const FILES = 2000;

test("operations that only look keep the caches within their bounds", () => {
  const { device, volume } = freshVolume(32);
  const files = Array.from({ length: FILES }, (_, index) => {
    const ino = volume.root.create(ROOT_INO, `f${index}`, S_IFREG | 0o644, 0, 0);
    assert.equal(volume.root.write(ino, 0, new Uint8Array(3000), 0, 3000), 3000);
    return ino;
  });
  assert.equal(volume.sync(), 0);
  const again = mountedVolume(mount(device, { readOnly: true, cacheNodes: 16, cacheInodes: 64 }));
  let most = 0;
  for (const ino of files) {
    assert.equal(again.root.seekData(ino, 0), 0);
    most = Math.max(most, again.cache.size);
  }
  assert.ok(most < 40, `${most} nodes`);
});
