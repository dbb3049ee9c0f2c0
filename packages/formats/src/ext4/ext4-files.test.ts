/**
 * Reading and changing ext4 in place. Judges: mke2fs and debugfs make what is read; e2fsck and debugfs see what was
 * changed.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { join } from "node:path";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { SeededRandom } from "@stratos/base";
import { nodeCodecs } from "@stratos/host-node/codecs";
import { MemoryDisk, readBytes } from "../disk/disk.ts";
import { DiskFile, run, withFolder } from "../testing/disk-file.ts";
import { SAMPLE_TIME, sampleBytes, sampleFile, sampleTree } from "../testing/sample-tree.ts";
import { checkFileTree, type FileEntry } from "../tree/file-tree.ts";
import { Ext4Files } from "./ext4-files.ts";
import { Ext4Reader } from "./ext4-reader.ts";
import { ext4Tree } from "./ext4-tree.ts";
import { writeExt4 } from "./ext4-writer.ts";

const MIB = 1 << 20;
const codecs = nodeCodecs();
const NEW = { mode: 0o640, uid: 5, gid: 6, mtime: SAMPLE_TIME };
const blob = (bytes: Uint8Array | string) => sampleFile("x", bytes).content!;
const plain = ({ content, ...fields }: FileEntry): unknown => ({ ...fields, content: content?.digest ?? null });

function bytesOf(files: Ext4Files, path: string): Buffer {
  const content = files.content(path);
  const bytes = Buffer.alloc(content.sizeBytes);
  assert.equal(content.read(0, bytes), bytes.length);
  return bytes;
}

function fsck(path: string): void {
  const { status, output } = run("e2fsck", ["-fn", path]);
  assert.equal(status, 0, output);
}

test("what was written as a tree is read as the same tree", () => {
  const disk = new MemoryDisk(64 * MIB);
  writeExt4(disk, sampleTree(), {
    uuid: "6b8a1f0e-3a55-4d2c-9d3e-0f6d2f1c7a11",
    label: "root",
    time: SAMPLE_TIME,
    isZeroed: true,
  });
  const tree = ext4Tree(new Ext4Reader(disk), codecs);
  assert.equal(checkFileTree(tree), undefined);
  assert.deepEqual([...tree.entries()].map(plain), [...sampleTree().entries()].map(plain));
});

for (const args of [
  ["-t", "ext4"],
  ["-t", "ext4", "-O", "^64bit,^metadata_csum,^uninit_bg"],
  ["-t", "ext3"],
  ["-t", "ext2", "-b", "1024"],
  ["-t", "ext4", "-b", "1024", "-O", "meta_bg,^resize_inode"],
]) {
  test(`mke2fs ${args.join(" ")}: read, and changed where it has extents`, () =>
    withFolder((folder) => {
      const path = join(folder, "disk"),
        source = join(folder, "source");
      mkdirSync(join(source, "etc/many"), { recursive: true });
      writeFileSync(join(source, "etc/large"), sampleBytes(3_000_000, 1));
      writeFileSync(join(source, "etc/small"), "small\n");
      symlinkSync("etc/small", join(source, "link"));
      symlinkSync("/etc", join(source, "absolute"));
      for (let index = 0; index < 400; index++)
        writeFileSync(join(source, `etc/many/a rather long name for a file ${index}`), String(index));
      assert.equal(run("mke2fs", ["-q", ...args, "-L", "TEST", "-d", source, path, "200M"]).status, 0);
      const disk = new DiskFile(path);
      let files = new Ext4Files(disk);
      assert.equal(files.type, args[1]);
      assert.equal(files.label, "TEST");
      assert.ok(bytesOf(files, "etc/large").equals(Buffer.from(sampleBytes(3_000_000, 1))));
      assert.equal(bytesOf(files, "link").toString(), "small\n");
      assert.equal(bytesOf(files, "absolute/small").toString(), "small\n");
      assert.equal(files.find("link")?.target, "etc/small");
      assert.equal(files.list("etc/many").length, 400);
      if (args[1] !== "ext4") {
        assert.throws(() => files.write("new", blob("x"), NEW), /only read/);
        return;
      }
      files.makeDirectory("new folder", NEW);
      files.write("new folder/file", blob(sampleBytes(5_000_000, 2)), NEW);
      files.write("etc/large", blob("now small"), NEW);
      files.write("etc/many/one more", blob("x"), NEW);
      files.remove("etc/many/a rather long name for a file 7");
      files.remove("link");
      files.flush();
      fsck(path);
      files = new Ext4Files(disk);
      assert.ok(bytesOf(files, "new folder/file").equals(Buffer.from(sampleBytes(5_000_000, 2))));
      assert.equal(files.list("etc/many").length, 400);
      assert.match(
        run("debugfs", ["-R", 'stat "/new folder/file"', path]).output,
        /Mode: +0640[\s\S]*User: +5 +Group: +6[\s\S]*Size: 5000000/,
      );
      assert.equal(run("debugfs", ["-R", "cat /etc/large", path]).stdout.toString(), "now small");
    }));
}

test("random changes leave what a model holds, and e2fsck finds nothing", () =>
  withFolder((folder) => {
    const seed = 4711;
    const random = new SeededRandom(seed);
    const path = join(folder, "disk");
    const disk = new DiskFile(path, 14 * MIB);
    writeExt4(disk, sampleTree({ files: 20 }), {
      uuid: "6b8a1f0e-3a55-4d2c-9d3e-0f6d2f1c7a11",
      label: "",
      time: SAMPLE_TIME,
      isZeroed: true,
    });
    let files = new Ext4Files(disk);
    const model = new Map<string, Uint8Array>();
    let full = 0;
    for (let step = 0; step < 400; step++) {
      const name = `${["", "etc/", "many/"][random.below(3)]!}random ${random.below(60)}`;
      if (random.below(3) === 0 && model.has(name)) {
        files.remove(name);
        model.delete(name);
      } else {
        const content = sampleBytes(random.below(random.below(10) === 0 ? 2_000_000 : 30_000), step);
        try {
          files.write(name, blob(content), NEW);
          model.set(name, content);
        } catch (error) {
          assert.match(String(error), /is full/, `seed ${seed}, step ${step}`);
          full++;
        }
      }
      if (step % 100 === 99) {
        files.flush();
        files = new Ext4Files(disk);
      }
    }
    for (const [name, content] of model)
      assert.ok(bytesOf(files, name).equals(Buffer.from(content)), `seed ${seed}: ${name}`);
    assert.ok(full > 0, "the disk was meant to become full");
    fsck(path);
  }));

test("a damaged file system is told, never followed in circles", () => {
  const disk = new MemoryDisk(16 * MIB);
  writeExt4(disk, sampleTree({ files: 30 }), {
    uuid: "6b8a1f0e-3a55-4d2c-9d3e-0f6d2f1c7a11",
    label: "",
    time: SAMPLE_TIME,
    isZeroed: true,
  });
  const whole = readBytes(disk, 0, 1 * MIB);
  for (let seed = 1; seed <= 40; seed++) {
    const random = new SeededRandom(seed);
    const copy = new MemoryDisk(16 * MIB),
      bytes = whole.slice();
    // Descriptors, the inodes' table and the folders behind it.
    for (let flips = 0; flips < 20; flips++) bytes[4096 + random.below(bytes.length - 4096)] = random.below(256);
    copy.write(0, bytes);
    copy.write(MIB, readBytes(disk, MIB, 15 * MIB));
    try {
      for (const { content } of ext4Tree(new Ext4Reader(copy), codecs).entries())
        content?.read(0, new Uint8Array(1000));
    } catch (error) {
      assert.equal((error as Error).name, "FormatError", `seed ${seed}: ${(error as Error).stack}`);
    }
  }
  assert.throws(() => new Ext4Reader(new MemoryDisk(MIB)), /not an ext4/);
});
