/**
 * Goal: who serves others on the same thread waits for no long commit. Method: work is counted, as the bytes that are
 * written between two flushes; files are changed here and there, which is the worst: a node for each change.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { S_IFDIR, S_IFREG } from "@stratos/abi";
import { SeededRandom } from "@stratos/base";
import { MemoryBlockDevice } from "@stratos/host";
import { format, GUEST_LIMITS, mount, ROOT_INO } from "../aegisfs.ts";
import type { MountOptions } from "../aegisfs.ts";
import { Attributes, ATTRIBUTE_MODE } from "../file/attributes.ts";
import { mountedVolume } from "../testing/fresh-volume.ts";

class CountingDevice extends MemoryBlockDevice {
  written = 0;
  /** Most bytes between two flushes. */
  most = 0;

  override write(offset: number, bytes: Uint8Array, at: number, length: number): number {
    this.written += length;
    return super.write(offset, bytes, at, length);
  }

  override flush(): number {
    this.most = Math.max(this.most, this.written);
    this.written = 0;
    return super.flush();
  }
}

function nodesInOneCommit(options: MountOptions): number {
  const device = new CountingDevice(256 << 20);
  assert.equal(format(device, { uuid: new Uint8Array(16), hashSeed: 1 }), 0);
  const volume = mountedVolume(mount(device, options));
  const { root } = volume;
  const inos: number[] = [];
  for (let folder = 0; folder < 10; folder++) {
    const directory = root.create(ROOT_INO, `folder${folder}`, S_IFDIR | 0o755, 0, 0);
    for (let file = 0; file < 1500; file++) inos.push(root.create(directory, `file${file}`, S_IFREG | 0o644, 0, 0));
  }
  const bytes = new Uint8Array(2000).fill(1);
  for (const ino of inos) root.write(ino, 0, bytes, 0, bytes.length);
  assert.equal(volume.sync(), 0);
  device.most = 0;
  const random = new SeededRandom(1);
  const attributes = new Attributes();
  for (let change = 0; change < 3000; change++) {
    attributes.mode = S_IFREG | random.below(0o777);
    assert.equal(root.setAttributes(inos[random.below(inos.length)]!, attributes, ATTRIBUTE_MODE), 0);
  }
  assert.equal(volume.sync(), 0);
  return device.most / 16384;
}

test("a commit of a guest's volume writes a bounded number of nodes, whatever is changed", () => {
  const most = nodesInOneCommit(GUEST_LIMITS);
  assert.ok(most > 100 && most < 1000, `${most} nodes in one commit`);
  assert.ok(nodesInOneCommit({}) > 2 * most, "the bound is what makes the difference");
});
