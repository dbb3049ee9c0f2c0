/**
 * Repair of a volume that lost power: what was synced after the last commit stands in its intent log alone, and repair
 * is the one that must not throw it away. Method: volumes with and without damage are left as a crash leaves them,
 * repaired, and the repair itself is cut at each flush.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { S_IFDIR, S_IFREG } from "@stratos/abi";
import { MemoryBlockDevice } from "@stratos/host";
import { check, format, mount, repair, ROOT_INO } from "../aegisfs.ts";
import type { Subvolume, Volume } from "../aegisfs.ts";
import { KIND_ENTRY, KIND_EXTENT, KIND_INODE, keyMiddle } from "../format/key.ts";
import { INODE_AT_NLINK } from "../format/inode-item.ts";
import { ForwardingDevice } from "../testing/forwarding-device.ts";
import { mountedVolume } from "../testing/fresh-volume.ts";

const LENGTH = 30_000;
type Damage = (root: Subvolume, volume: Volume) => void;

/** A volume whose trees hold `old` and `folder/inner`, with that damage, and whose log has `synced` on top. */
function leftByCrash(damage: Damage | null): MemoryBlockDevice {
  const device = new MemoryBlockDevice(16 << 20);
  assert.equal(format(device, { uuid: new Uint8Array(16).fill(2), hashSeed: 4 }), 0);
  const first = mountedVolume(mount(device));
  put(first.root, ROOT_INO, "old", 1);
  const folder = first.root.create(ROOT_INO, "folder", S_IFDIR | 0o755, 0, 0);
  put(first.root, folder, "inner", 2);
  first.root.tree.edit(ROOT_INO, keyMiddle(KIND_INODE, 0), 0);
  assert.equal(first.commit(), 0);
  first.root.tree.edit(ROOT_INO, keyMiddle(KIND_INODE, 0), 0);
  damage?.(first.root, first);
  assert.equal(first.commit(), 0);
  const volume = mountedVolume(mount(device));
  const { generation } = volume.superblock;
  const ino = put(volume.root, ROOT_INO, "synced", 3);
  assert.equal(volume.root.rename(ROOT_INO, "old", ROOT_INO, "renamed"), 0);
  assert.equal(volume.root.fsync(ino), 0);
  assert.equal(volume.superblock.generation, generation, "the log has it, no commit");
  return device;
}

function put(root: Subvolume, directory: number, name: string, value: number): number {
  const ino = root.create(directory, name, S_IFREG | 0o644, 0, 0);
  assert.ok(ino > 0);
  assert.equal(root.write(ino, 0, new Uint8Array(LENGTH).fill(value), 0, LENGTH), LENGTH);
  return ino;
}

function bytesOf(device: MemoryBlockDevice): Uint8Array {
  const bytes = new Uint8Array(device.size);
  device.read(0, bytes, 0, bytes.length);
  return bytes;
}

function holds(device: MemoryBlockDevice, name: string, value: number, where: string): void {
  assert.deepEqual(check(device, { data: true }), [], where);
  const { root } = mountedVolume(mount(device));
  const ino = root.lookup(ROOT_INO, name);
  assert.ok(ino > 0, `${where}: ${name} is lost`);
  const bytes = new Uint8Array(LENGTH);
  assert.equal(root.read(ino, 0, bytes, 0, LENGTH), LENGTH, where);
  assert.ok(
    bytes.every((byte) => byte === value),
    `${where}: ${name} has other content`,
  );
}

const damages: [string, Damage | null][] = [
  ["without damage", null],
  ["with leaked blocks", (_root, volume) => void volume.space.allocateData(20, 0)],
  [
    "with blocks in use that are marked free",
    (root, volume) => {
      const { tree } = root;
      for (let more = tree.ceiling(ROOT_INO + 1, 0, 0); more; more = tree.next())
        if (tree.key(1) >>> 24 === KIND_EXTENT) return void volume.space.release(tree.words[tree.offset >>> 2]!, 1);
    },
  ],
  [
    "with a wrong link count",
    (root) => {
      const ino = root.lookup(ROOT_INO, "old");
      root.tree.edit(ino, keyMiddle(KIND_INODE, 0), 0);
      root.tree.words[(root.tree.offset >>> 2) + INODE_AT_NLINK] = 9;
    },
  ],
  // /lost+found takes the number that the log gave to "synced".
  [
    "with a folder that lost its name",
    (root) => {
      const folder = root.lookup(ROOT_INO, "folder");
      const { tree } = root;
      for (let more = tree.ceiling(ROOT_INO, keyMiddle(KIND_ENTRY, 0), 0); more; more = tree.next()) {
        if (tree.words[tree.offset >>> 2] === folder) return void tree.remove(tree.key(0), tree.key(1), tree.key(2));
      }
    },
  ],
];

for (const [name, damage] of damages) {
  test(`repair keeps what was synced, ${name}`, () => {
    const device = leftByCrash(damage);
    const result = repair(device);
    assert.ok(typeof result === "object", String(result));
    assert.deepEqual(result.left, []);
    assert.equal(result.found.length > 0, damage !== null, JSON.stringify(result.found));
    assert.ok(
      result.fixed.some(({ what }) => /operations of the intent log again/.test(what)),
      JSON.stringify(result.fixed),
    );
    holds(device, "synced", 3, name);
    holds(device, "renamed", 1, name);
  });

  test(`a repair that is cut at any flush loses nothing that was synced, ${name}`, () => {
    const device = leftByCrash(damage);
    const cuts: Uint8Array[] = [];
    class Cut extends ForwardingDevice {
      override flush(): number {
        cuts.push(bytesOf(device));
        return super.flush();
      }
    }
    assert.ok(typeof repair(new Cut(device)) === "object");
    assert.ok(cuts.length >= 2);
    for (const [index, bytes] of cuts.entries()) {
      const cut = new MemoryBlockDevice(bytes.length);
      cut.write(0, bytes, 0, bytes.length);
      const result = repair(cut);
      assert.ok(typeof result === "object" && result.left.length === 0, `cut ${index}: ${JSON.stringify(result)}`);
      holds(cut, "synced", 3, `cut ${index}`);
      holds(cut, "renamed", 1, `cut ${index}`);
    }
  });
}

test("a repair that only looks leaves the log to the next mount", () => {
  const device = leftByCrash(null);
  const before = bytesOf(device);
  const result = repair(device, { dryRun: true });
  assert.ok(typeof result === "object" && result.found.length === 0);
  assert.ok(bytesOf(device).every((byte, at) => byte === before[at]));
  holds(device, "synced", 3, "mounted afterwards");
});
