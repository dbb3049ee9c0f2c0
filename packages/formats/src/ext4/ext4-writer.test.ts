/**
 * ext4 from a tree. Judges: e2fsck finds nothing to do, debugfs gives back each file, attribute and device; sizes from
 * none to large.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { mkdirSync, readFileSync, lstatSync, statSync } from "node:fs";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { extendedTest } from "@stratos/base/testing";
import { MemoryDisk } from "../disk/disk.ts";
import { DiskFile, run, withFolder } from "../testing/disk-file.ts";
import { SAMPLE_TIME, sampleBytes, sampleFile, sampleTree } from "../testing/sample-tree.ts";
import { fileEntry, fileTreeOf, readBlob, type FileTree } from "../tree/file-tree.ts";
import { descriptorPlaces, parseSuperblock } from "./ext4-superblock.ts";
import { ext4SizeFor } from "./ext4-size.ts";
import { writeExt4 } from "./ext4-writer.ts";
import { type Ext4Options } from "./ext4-nodes.ts";

const OPTIONS: Ext4Options = {
  uuid: "6b8a1f0e-3a55-4d2c-9d3e-0f6d2f1c7a11",
  label: "root",
  time: SAMPLE_TIME,
  isZeroed: true,
};
const MIB = 1 << 20;

function made(path: string, tree: FileTree, size: number, options = OPTIONS): void {
  const disk = new DiskFile(path, size);
  writeExt4(disk, tree, options);
  disk.close();
}

function fsck(path: string): string {
  const { status, output } = run("e2fsck", ["-fn", path]);
  assert.equal(status, 0, output);
  return output;
}

test("e2fsck finds nothing in a file system of ours, of several groups, with and without a journal", () =>
  withFolder((folder) => {
    const path = join(folder, "disk");
    for (const size of [ext4SizeFor(sampleTree(), 0), 40 * MIB, 300 * MIB, 4097 * MIB, 3 * 128 * MIB + 4096 * 20]) {
      made(path, sampleTree(), size);
      assert.doesNotMatch(fsck(path), /WARNING|Fix/);
    }
    assert.match(
      run("dumpe2fs", ["-h", path]).output,
      /has_journal[\s\S]*metadata_csum[\s\S]*Journal features|Journal inode: +8/,
    );
  }));

test(
  "a file system of ours grows to sixty times its size, with its descriptors " + "where they were, and shrinks again",
  () =>
    withFolder((folder) => {
      const path = join(folder, "disk"),
        rootOf = (): string => run("debugfs", ["-R", "ls -l /bin", path]).stdout.toString("latin1");
      made(path, sampleTree(), 300 * MIB);
      // What a mounted one needs (resize2fs(8), online): room behind the descriptors, held by inode 7 as in a file
      // system of mke2fs.
      const ours = run("dumpe2fs", ["-h", path]).output,
        features = /Filesystem features: +(.*)/.exec(ours)![1]!;
      for (const feature of ["resize_inode", "64bit", "metadata_csum", "sparse_super"])
        assert.ok(features.split(" ").includes(feature), features);
      const reserved = /Reserved GDT blocks: +\d+/.exec(ours)![0],
        theirs = join(folder, "theirs");
      assert.equal(run("mke2fs", ["-q", "-t", "ext4", "-b", "4096", "-O", "64bit", "-F", theirs, "300M"]).status, 0);
      assert.equal(reserved, /Reserved GDT blocks: +\d+/.exec(run("dumpe2fs", ["-h", theirs]).output)![0]);
      const before = rootOf();
      for (const size of [18 * 1024, 310]) {
        const { status, output } = run("resize2fs", [path, `${size}M`]);
        assert.equal(status, 0, output);
        fsck(path);
        assert.match(run("dumpe2fs", ["-h", path]).output, new RegExp(`Block count: +${size * 256}\n`));
        assert.equal(rootOf(), before);
        assert.ok(
          run("debugfs", ["-R", "cat /deep/large", path]).stdout.equals(Buffer.from(sampleBytes(2_500_000, 4))),
        );
      }
    }),
);

extendedTest("a large disk costs what is used of it, and its last block has a number of more than 32 bits", () =>
  withFolder((folder) => {
    const path = join(folder, "disk");
    made(path, sampleTree(), 2 ** 40);
    assert.ok(statSync(path).blocks * 512 < 64 * MIB, `${statSync(path).blocks * 512} bytes`);
    fsck(path);
    // Larger than a file may be on many hosts: only the superblock and the last group's descriptor are looked at.
    const size = 20 * 2 ** 40,
      places = new Map<number, Uint8Array>();
    writeExt4(
      {
        size,
        read: () => assert.fail("nothing is read"),
        write: (offset, bytes) => {
          if (offset < 32 * MIB) places.set(offset, bytes.slice());
        },
        resize: () => assert.fail("nothing is resized"),
      },
      sampleTree(),
      OPTIONS,
    );
    const superblock = parseSuperblock(places.get(1024)!, size);
    assert.deepEqual(
      [superblock.blockCount, superblock.descriptorSize, superblock.groupCount],
      [size / 4096, 64, size / 2 ** 27],
    );
    const last = descriptorPlaces(places.get(4096)!.subarray((superblock.groupCount - 1) * 64));
    assert.equal(last.inodeBitmap, superblock.groupCount * 32768 - 32768 + 1);
  }),
);

test("debugfs gives back what the tree holds", () =>
  withFolder((folder) => {
    const path = join(folder, "disk"),
      out = join(folder, "out");
    made(path, sampleTree(), 64 * MIB);
    mkdirSync(out);
    const dump = run("debugfs", ["-R", `rdump / ${out}`, path]);
    assert.equal(dump.status, 0);
    for (const entry of sampleTree().entries()) {
      if (["character", "block", "fifo"].includes(entry.kind)) continue;
      const place = Buffer.concat([Buffer.from(`${out}/`), Buffer.from(entry.path, "latin1")]);
      const stat = lstatSync(place);
      // debugfs changes the owner last, which takes set-user-id and the sticky bit away again.
      if (entry.kind !== "symlink" && (entry.mode & 0o7000) === 0)
        assert.equal(stat.mode & 0o7777, entry.mode & 0o7777, entry.path);
      if (entry.kind === "file") {
        assert.equal(createHash("sha256").update(readFileSync(place)).digest("hex"), entry.content!.digest, entry.path);
        assert.deepEqual(
          [stat.uid, stat.gid, Math.floor(stat.mtimeMs / 1000)],
          [entry.uid, entry.gid, entry.mtime],
          entry.path,
        );
      }
    }
    const stat = (name: string): string => run("debugfs", ["-R", `stat ${name}`, path]).output;
    assert.match(stat("/dev/null"), /Type: character special[\s\S]*Device major\/minor number: 01:03/);
    assert.match(stat("/dev/big"), /Type: block special[\s\S]*Device major\/minor number: 259:70000/);
    assert.match(stat("/bin/tool"), /Mode: +04755[\s\S]*Links: 2/);
    assert.match(stat("/deep/er/still/sparse"), /Size: 3145728[\s\S]*Blockcount: 16\b/);
    assert.match(stat("/etc/long-link"), /Fast link|EXTENTS/);
    assert.match(run("debugfs", ["-R", "ea_get /bin/ping user.comment", path]).output, /hello/);
    assert.match(run("debugfs", ["-R", "ea_get -x /bin/ping security.capability", path]).output, /01 ?00 ?00 ?02/);
  }));

test("attributes that outgrow the inode, access lists and many extents hold", () =>
  withFolder((folder) => {
    const path = join(folder, "disk");
    // u::rw-, u:1000:r--, g::r--, m::r--, o::r-- as the system call has it.
    const acl = Buffer.from(
      "0200000001000600ffffffff02000400e803000004000400ffffffff10000400ffffffff20000400ffffffff",
      "hex",
    ).toString("latin1");
    const gaps = new Uint8Array(1200 * 8192);
    for (let index = 0; index < 1200; index++) gaps[index * 8192] = index & 255 || 1;
    const tree = fileTreeOf([
      fileEntry("", "directory"),
      sampleFile("large", "x", {
        xattrs: new Map([
          ["user.big", "v".repeat(2000)],
          ["user.a", ""],
          ["security.selinux", "label\0"],
        ]),
      }),
      sampleFile("acl", "x", { xattrs: new Map([["system.posix_acl_access", acl]]) }),
      sampleFile("gaps", gaps),
    ]);
    made(path, tree, 64 * MIB);
    fsck(path);
    assert.match(run("debugfs", ["-R", "ea_get /large user.big", path]).output, /v{2000}/);
    assert.match(run("debugfs", ["-R", "stat /gaps", path]).output, /ETB0/);
    assert.ok(run("debugfs", ["-R", "cat /gaps", path]).stdout.equals(Buffer.from(gaps)));
    assert.throws(
      () =>
        made(
          path,
          fileTreeOf([
            fileEntry("", "directory"),
            sampleFile("f", "x", { xattrs: new Map([["user.huge", "v".repeat(5000)]]) }),
          ]),
          64 * MIB,
        ),
      /need more than a block/,
    );
  }));

test("the same tree gives the same bytes, over whatever was on the disk before", () =>
  withFolder((folder) => {
    const [a, b] = [join(folder, "a"), join(folder, "b")];
    made(a, sampleTree(), 48 * MIB);
    made(b, sampleTree(), 48 * MIB);
    const digest = (path: string): string => createHash("sha256").update(readFileSync(path)).digest("hex");
    assert.equal(digest(a), digest(b));
    const dirty = new DiskFile(b, 48 * MIB);
    for (let at = 0; at < dirty.size; at += MIB) dirty.write(at, sampleBytes(MIB, at));
    writeExt4(dirty, sampleTree(), { ...OPTIONS, isZeroed: false });
    dirty.close();
    fsck(b);
    assert.ok(run("debugfs", ["-R", "cat /deep/large", b]).stdout.equals(Buffer.from(sampleBytes(2_500_000, 4))));
  }));

test("the size that is worked out is enough, and a little less says so", () => {
  for (const files of [0, 300, 5000]) {
    const tree = sampleTree({ files });
    const size = ext4SizeFor(tree, 0);
    writeExt4(new MemoryDisk(size), tree, OPTIONS);
    assert.throws(() => writeExt4(new MemoryDisk(2 * MIB), tree, OPTIONS), /does not fit|need more inodes/);
  }
  const big = fileTreeOf([
    fileEntry("", "directory"),
    sampleFile("f", readBlob(sampleFile("x", new Uint8Array(90 * MIB).fill(1)).content!)),
  ]);
  writeExt4(new MemoryDisk(ext4SizeFor(big, 0)), big, OPTIONS);
});
