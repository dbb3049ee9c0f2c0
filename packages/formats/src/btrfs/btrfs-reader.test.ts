/**
 * Reading btrfs. Judges: what mkfs.btrfs makes of a folder, and what our writer writes, come back as they were; damage
 * is told, never followed.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { sampleCount } from "@stratos/base/testing";
import { crc32c, SeededRandom } from "@stratos/base";
import { folderTree } from "@stratos/tools-node/outputs";
import { nodeCodecs } from "@stratos/host-node/codecs";
import { MemoryDisk, readBytes, type Disk } from "../disk/disk.ts";
import { FormatError } from "../format-error.ts";
import { DiskFile, run, withFolder } from "../testing/disk-file.ts";
import { SAMPLE_TIME, sampleBytes, sampleFile, sampleTree } from "../testing/sample-tree.ts";
import { checkFileTree, fileEntry, fileTreeOf, type FileTree } from "../tree/file-tree.ts";
import { readBtrfs } from "./btrfs-reader.ts";
import { btrfsSizeFor, writeBtrfs, type BtrfsVolume } from "./btrfs-writer.ts";

const codecs = nodeCodecs();

function written(volumes: readonly BtrfsVolume[], isPacked = false): MemoryDisk {
  const disk = new MemoryDisk(btrfsSizeFor(volumes));
  writeBtrfs(disk, volumes, {
    uuid: "0e5b5a4e-8a3f-4d6e-9d0c-4f6f1f4e7a11",
    label: "sample",
    time: SAMPLE_TIME,
    id: (what) => `0e5b5a4e-8a3f-4d6e-9d0c-${crc32c(Buffer.from(what)).toString(16).padStart(12, "0")}`,
    ...(isPacked ? { zstd: codecs.zstd } : {}),
  });
  return disk;
}

function shape(tree: FileTree, options: { withMeta: boolean } = { withMeta: true }): unknown[] {
  return [...tree.entries()].map((entry) => {
    const { path, kind, target, deviceMajor, deviceMinor, xattrs, content } = entry;
    const meta =
      kind === "hardLink" || !options.withMeta
        ? {}
        : {
            mode: kind === "symlink" ? 0o777 : entry.mode,
            uid: entry.uid,
            gid: entry.gid,
            mtime: entry.mtime,
            xattrs: [...xattrs].sort(),
          };
    return { path, kind, target, deviceMajor, deviceMinor, digest: content?.digest, ...meta };
  });
}

test("what was written comes back, packed or not: each name, attribute, owner, time, hole and byte", () => {
  const tree = fileTreeOf([
    ...sampleTree({ files: 1500 }).entries(),
    sampleFile("words", Buffer.from("many words and no end of them\n".repeat(30_000)), { mtime: SAMPLE_TIME + 0.5 }),
  ]);
  for (const isPacked of [false, true]) {
    const { label, tree: found } = readBtrfs(written([{ name: "", tree }], isPacked), codecs);
    assert.equal(label, "sample");
    assert.equal(checkFileTree(found), undefined);
    assert.deepEqual(shape(found), shape(tree));
  }
});

test("subvolumes are folders, and a snapshot has its source's files", () => {
  const tree = sampleTree(),
    home = fileTreeOf([fileEntry("", "directory", { mode: 0o700 }), sampleFile("note", "kept")]);
  const found = readBtrfs(
    written([
      { name: "@", tree },
      { name: "@home", tree: home },
      { name: "@old", tree, snapshotOf: "@", readOnly: true },
    ]),
    codecs,
  ).tree;
  assert.equal(checkFileTree(found), undefined);
  const below = (name: string): FileTree => ({
    entries: () =>
      [...found.entries()]
        .filter(({ path }) => path === name || path.startsWith(`${name}/`))
        .map((entry) => ({
          ...entry,
          path: entry.path.slice(name.length + 1),
          target: entry.kind === "hardLink" ? entry.target.slice(name.length + 1) : entry.target,
        })),
  });
  assert.deepEqual(shape(below("@")), shape(tree));
  assert.deepEqual(shape(below("@old")), shape(tree));
  assert.deepEqual(shape(below("@home")), shape(home));
});

test("volumes of mkfs.btrfs are read, with metadata once or twice", () =>
  withFolder((folder) => {
    const plain = join(folder, "plain"),
      source = join(folder, "source"),
      image = join(folder, "image");
    // Our own volume, restored, is the folder that the tool takes.
    const disk = written([{ name: "", tree: sampleTree({ files: 60, devices: false }) }]);
    writeFileSync(plain, readBytes(disk, 0, disk.size));
    run("mkdir", [source]);
    assert.equal(run("btrfs", ["restore", "-S", plain, source]).status, 0);
    for (const options of [
      ["-m", "single"],
      ["-m", "dup"],
      ["-m", "dup", "-n", "4096"],
    ]) {
      writeFileSync(image, "");
      truncateSync(image, 200 << 20);
      const made = run("mkfs.btrfs", ["-q", ...options, "--rootdir", source, image]);
      assert.equal(made.status, 0, made.output);
      const opened = new DiskFile(image);
      assert.deepEqual(
        shape(readBtrfs(opened, codecs).tree, { withMeta: false }),
        shape(folderTree(source, codecs), { withMeta: false }),
      );
      opened.close();
    }
  }));

test("damage ends in words: a block with a wrong checksum, and records that lie though their checksum is right", () => {
  const tree = fileTreeOf(
    [...sampleTree({ files: 200 }).entries()]
      .filter(({ content, kind }) => kind !== "hardLink" && (content?.sizeBytes ?? 0) < 5000)
      .concat(sampleFile("packed", Buffer.alloc(300_000, "text "))),
  );
  const disk = written(
      [
        { name: "", tree },
        { name: "sub", tree: sampleTree({ files: 3 }) },
      ],
      true,
    ),
    seed = 53,
    random = new SeededRandom(seed);
  // Blocks of trees, by the volume's own number in their header.
  const blocks: number[] = [],
    head = readBytes(disk, 65536, 64).subarray(32, 48);
  for (let at = 1 << 20; at + 16384 <= disk.size; at += 16384)
    if (Buffer.from(readBytes(disk, at + 32, 16)).equals(Buffer.from(head))) blocks.push(at);
  assert.ok(blocks.length > 8);
  const attempt = (about: string, hurt: Disk): void => {
    try {
      for (const { content } of readBtrfs(hurt, codecs).tree.entries())
        if (content !== null && content.sizeBytes < 1 << 20) content.read(0, new Uint8Array(content.sizeBytes));
    } catch (error) {
      assert.ok(error instanceof FormatError, `${about}: ${(error as Error).stack}`);
    }
  };
  for (let round = 0; round < sampleCount(250, 0.4); round++) {
    const at = round % 5 === 0 ? 65536 : blocks[random.below(blocks.length)]!,
      size = at === 65536 ? 4096 : 16384,
      before = readBytes(disk, at, size),
      block = before.slice();
    for (let hits = 0; hits < 3; hits++)
      block[32 + random.below(round % 3 === 0 ? 1000 : size - 32)] = random.below(256);
    new DataView(block.buffer).setUint32(0, crc32c(block, 32), true);
    disk.write(at, block);
    attempt(`seed ${seed}, round ${round}`, disk);
    disk.write(at, before);
  }
  const root = readBytes(disk, blocks[1]!, 16384);
  root[5000]! ^= 1;
  disk.write(blocks[1]!, root);
  assert.throws(() => readBtrfs(disk, codecs), /of the btrfs volume is damaged: its checksum/);
  const random2 = new MemoryDisk(1 << 20);
  random2.write(0, sampleBytes(1 << 20, 3));
  assert.throws(() => readBtrfs(random2, codecs), /not a btrfs volume/);
});
