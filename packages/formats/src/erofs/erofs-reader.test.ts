/** Reading EROFS. Judges: what mkfs.erofs writes of a folder, and what our writer writes, come back as they were; damage is told, never followed. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { SeededRandom } from "@stratos/base";
import { folderTree, nodeCodecs } from "@stratos/host-node/outputs";
import { MemoryDisk, readBytes } from "../disk/disk.ts";
import { TreeFiles } from "../disk/tree-files.ts";
import { FormatError } from "../format-error.ts";
import { DiskFile, run, withFolder } from "../testing/disk-file.ts";
import { SAMPLE_TIME, sampleTree } from "../testing/sample-tree.ts";
import { checkFileTree, fileTreeOf, type FileTree } from "../tree/file-tree.ts";
import { readErofs } from "./erofs-reader.ts";
import { writeErofs } from "./erofs-writer.ts";

const codecs = nodeCodecs();
const OPTIONS = { uuid: "0e5b5a4e-8a3f-4d6e-9d0c-4f6f1f4e7a11", label: "sample", time: SAMPLE_TIME };

function assertSame(found: FileTree, wanted: FileTree): void {
  assert.equal(checkFileTree(found), undefined);
  const shape = (tree: FileTree): unknown[] => [...tree.entries()].map((entry) => {
    const { path, kind, target, deviceMajor, deviceMinor, xattrs, content } = entry, isLink = kind === "hardLink";
    return { path, kind, target, deviceMajor, deviceMinor, xattrs: [...xattrs].sort(), digest: content?.digest, ...(isLink ? {} : { mode: kind === "symlink" ? 0o777 : entry.mode, uid: entry.uid, gid: entry.gid, mtime: Math.floor(entry.mtime) }) };
  });
  assert.deepEqual(shape(found), shape(wanted));
}

test("what was written comes back: each name, attribute, owner, time, hole and byte", () => {
  const tree = sampleTree({ files: 1200 }), disk = new MemoryDisk();
  writeErofs(disk, tree, OPTIONS);
  const { label, tree: found } = readErofs(disk, codecs);
  assert.equal(label, "sample");
  assertSame(found, tree);
});

test("images of mkfs.erofs are read, with inodes of both sizes; compressed ones are refused", () => withFolder((folder) => {
  const source = join(folder, "source"), image = join(folder, "image"), tar = join(folder, "sample");
  const disk = new MemoryDisk();
  writeErofs(disk, sampleTree({ files: 40, devices: false }), OPTIONS);
  writeFileSync(tar, readBytes(disk, 0, disk.size));
  assert.equal(run("fsck.erofs", [`--extract=${source}`, "--no-preserve", tar]).status, 0);
  for (const options of [[], ["-E", "force-inode-extended"], ["--chunksize=4096"]]) {
    assert.equal(run("mkfs.erofs", [...options, "-T", "1700000000", image, source]).status, 0);
    const opened = new DiskFile(image), wanted = folderTree(source, codecs), times = new Map([...wanted.entries()].map(({ path, mtime }) => [path, mtime]));
    const found = readErofs(opened, codecs).tree;
    // A folder of the host does not show attributes, and the tool sets times of its own.
    assertSame({ entries: () => [...found.entries()].map((entry) => ({ ...entry, mtime: times.get(entry.path)!, xattrs: new Map() })) }, wanted);
    opened.close();
  }
  assert.equal(run("mkfs.erofs", ["-zlz4", image, source]).status, 0);
  const packed = new DiskFile(image);
  assert.throws(() => readErofs(packed, codecs), /is compressed, or has other features that are not read/);
  packed.close();
}));

test("its files are found, followed and read, and not changed", () => {
  const disk = new MemoryDisk();
  writeErofs(disk, sampleTree(), OPTIONS);
  const files = new TreeFiles({ type: "erofs", label: "" }, readErofs(disk, codecs).tree);
  assert.deepEqual(files.list("/bin").map(({ name, kind, size }) => [name, kind, size]), [["ping", "file", 7], ["tool", "file", 100_001], ["tool2", "file", 100_001]]);
  assert.equal(files.find("/lib")?.target, "usr/lib");
  const bytes = new Uint8Array(7);
  assert.equal(files.content("/bin/../bin/./ping").read(0, bytes), 7);
  assert.equal(Buffer.from(bytes).toString(), "capable");
  assert.equal(files.find("/bin/gone"), undefined);
  assert.throws(() => files.content("/bin"), /\/bin: is no file/);
  assert.throws(() => files.write("/new"), /\/new: files on erofs are read here, not changed/);
});

test("damaged images end in words, wherever the damage is", () => {
  const tree = fileTreeOf([...sampleTree({ files: 30 }).entries()].filter(({ content }) => (content?.sizeBytes ?? 0) < 200_000)), disk = new MemoryDisk(), seed = 31, random = new SeededRandom(seed);
  writeErofs(disk, tree, OPTIONS);
  const bytes = readBytes(disk, 0, disk.size), inodes = new DataView(bytes.buffer).getUint32(1024 + 40, true) * 4096;
  const broken = (change: (bytes: Uint8Array) => void): MemoryDisk => {
    const hurt = bytes.slice(), own = new MemoryDisk(hurt.length);
    change(hurt);
    own.write(0, hurt);
    return own;
  };
  for (let round = 0; round < 600; round++) {
    const hurt = broken((own) => {
      // Its checksum would find all damage in the superblock.
      new DataView(own.buffer).setUint32(1024 + 8, 0, true);
      for (let hits = 0; hits < 3; hits++) own[(round % 4 === 0 ? 1024 : inodes) + random.below(round % 4 === 0 ? 128 : own.length - inodes)] = random.below(256);
    });
    try {
      for (const { content } of readErofs(hurt, codecs).tree.entries()) if (content !== null && content.sizeBytes < 1 << 20) content.read(0, new Uint8Array(content.sizeBytes));
    } catch (error) {
      assert.ok(error instanceof FormatError, `seed ${seed}, round ${round}: ${String(error)}`);
    }
  }
  assert.throws(() => readErofs(broken((own) => { own[1024 + 20] = 99; }), codecs), /superblock is damaged: its checksum/);
});
