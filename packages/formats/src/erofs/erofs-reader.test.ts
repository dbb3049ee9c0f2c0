/**
 * Reading EROFS. Judges: what mkfs.erofs writes of a folder, and what our writer writes, come back as they were; damage
 * is told, never followed.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { sampleOf } from "@stratos/base/testing";
import { SeededRandom } from "@stratos/base";
import { folderTree } from "@stratos/tools-node/outputs";
import { nodeCodecs } from "@stratos/host-node/codecs";
import { MemoryDisk, readBytes } from "../disk/disk.ts";
import { TreeFiles } from "../tree/tree-files.ts";
import { sha256Of } from "../codecs.ts";
import { FormatError } from "../format-error.ts";
import { DiskFile, run, withFolder } from "../testing/disk-file.ts";
import { SAMPLE_TIME, sampleFile, sampleTree } from "../testing/sample-tree.ts";
import { checkFileTree, fileTreeOf, type FileTree } from "../tree/file-tree.ts";
import { readErofs } from "./erofs-reader.ts";
import { erofsSizeFor, writeErofs } from "./erofs-writer.ts";

const codecs = nodeCodecs();
const OPTIONS = { uuid: "0e5b5a4e-8a3f-4d6e-9d0c-4f6f1f4e7a11", label: "sample", time: SAMPLE_TIME };

function assertSame(found: FileTree, wanted: FileTree): void {
  assert.equal(checkFileTree(found), undefined);
  const shape = (tree: FileTree): unknown[] =>
    [...tree.entries()].map((entry) => {
      const { path, kind, target, deviceMajor, deviceMinor, xattrs, content } = entry,
        isLink = kind === "hardLink";
      return {
        path,
        kind,
        target,
        deviceMajor,
        deviceMinor,
        xattrs: [...xattrs].sort(),
        digest: content?.digest,
        ...(isLink
          ? {}
          : {
              mode: kind === "symlink" ? 0o777 : entry.mode,
              uid: entry.uid,
              gid: entry.gid,
              mtime: Math.floor(entry.mtime),
            }),
      };
    });
  assert.deepEqual(shape(found), shape(wanted));
}

test("what was written comes back: each name, attribute, owner, time, hole and byte", () => {
  const tree = sampleTree({ files: 1200 }),
    disk = new MemoryDisk();
  writeErofs(disk, tree, OPTIONS);
  const { label, tree: found } = readErofs(disk, codecs);
  assert.equal(label, "sample");
  assertSame(found, tree);
});

test("images of mkfs.erofs are read, with inodes of both sizes", () =>
  withFolder((folder) => {
    const source = join(folder, "source"),
      image = join(folder, "image"),
      tar = join(folder, "sample");
    const disk = new MemoryDisk();
    writeErofs(disk, sampleTree({ files: 40, devices: false }), OPTIONS);
    writeFileSync(tar, readBytes(disk, 0, disk.size));
    assert.equal(run("fsck.erofs", [`--extract=${source}`, "--no-preserve", tar]).status, 0);
    for (const options of [[], ["-E", "force-inode-extended"], ["--chunksize=4096"]]) {
      assert.equal(run("mkfs.erofs", [...options, "-T", "1700000000", image, source]).status, 0);
      const opened = new DiskFile(image),
        wanted = folderTree(source, codecs),
        times = new Map([...wanted.entries()].map(({ path, mtime }) => [path, mtime]));
      const found = readErofs(opened, codecs).tree;
      // A folder of the host does not show attributes, and the tool sets times of its own.
      assertSame(
        {
          entries: () =>
            [...found.entries()].map((entry) => ({ ...entry, mtime: times.get(entry.path)!, xattrs: new Map() })),
        },
        wanted,
      );
      opened.close();
    }
  }));

/** Text that packs well, and noise that does not, in one file; sizes around each border. */
function packable(): FileTree {
  const random = new SeededRandom(5),
    words = Array.from({ length: 300 }, () => random.below(2 ** 31).toString(36)),
    text = (size: number): Buffer => {
      let made = "";
      while (made.length < size) made += `${words[random.below(words.length)]!} `;
      return Buffer.from(made.slice(0, size));
    };
  const noise = new Uint8Array(200_000);
  random.fill(noise);
  const files = [1, 4095, 4096, 4097, 8191, 8192, 65535, 65536, 65537, 69632, 200_001, 1_000_000].map((size) =>
    sampleFile(`text-${size}`, text(size)),
  );
  return fileTreeOf([
    ...sampleTree({ files: 20, devices: false }).entries(),
    ...files,
    sampleFile("noise", noise),
    sampleFile("mixed", Buffer.concat([text(100_000), noise, text(300_000), noise.subarray(0, 5000), text(12_345)])),
    sampleFile("zeros", new Uint8Array(300_000)),
    sampleFile("attributed", text(50_000), {
      xattrs: new Map([
        ["user.a", "odd length"],
        ["user.bc", "x"],
      ]),
    }),
  ]);
}

test(
  "packed images of mkfs.erofs are read: each form of index, clusters of one block and of many, ends that lie at " +
    "the inode",
  () =>
    withFolder((folder) => {
      const source = join(folder, "source"),
        image = join(folder, "image"),
        plain = join(folder, "plain"),
        disk = new MemoryDisk();
      writeErofs(disk, packable(), OPTIONS);
      writeFileSync(plain, readBytes(disk, 0, disk.size));
      assert.equal(run("fsck.erofs", [`--extract=${source}`, "--no-preserve", plain]).status, 0);
      const wanted = folderTree(source, codecs),
        digests = (tree: FileTree): unknown[] =>
          [...tree.entries()].map(({ path, kind, content }) => [path, kind, content?.digest]);
      const forms = [
        ["-zlz4"],
        ["-zlz4hc,12"],
        ["-zlz4", "-C65536"],
        ["-zlz4hc,9", "-C16384", "-E", "force-inode-compact"],
        ["-zlz4", "-E", "ztailpacking"],
        ["-zlz4", "-C65536", "-E", "ztailpacking,force-inode-extended"],
        ["-zlz4", "--max-extent-bytes=8192"],
      ];
      for (const options of sampleOf(forms, 2)) {
        assert.equal(run("mkfs.erofs", [...options, "-T", "1700000000", image, source]).status, 0, options.join(" "));
        const opened = new DiskFile(image);
        assert.deepEqual(digests(readErofs(opened, codecs).tree), digests(wanted), options.join(" "));
        opened.close();
      }
      assert.equal(run("mkfs.erofs", ["-zlz4", "-E", "legacy-compress", image, source]).status, 0);
      const old = new DiskFile(image);
      assert.throws(() => readErofs(old, codecs), /is packed in the form of Linux before 5\.3, which is not read/);
      old.close();
    }),
);

test("what we pack is read by fsck.erofs, by us, and by the kernel where one mounts it", () =>
  withFolder((folder) => {
    const tree = packable(),
      disk = new MemoryDisk(),
      plain = new MemoryDisk(),
      image = join(folder, "image"),
      out = join(folder, "out");
    const size = writeErofs(disk, tree, { ...OPTIONS, isPacked: true }),
      again = new MemoryDisk();
    writeErofs(plain, tree, OPTIONS);
    writeErofs(again, tree, { ...OPTIONS, isPacked: true });
    assert.ok(Buffer.from(readBytes(disk, 0, size)).equals(Buffer.from(readBytes(again, 0, size))));
    assert.equal(erofsSizeFor(tree, { isPacked: true }), size);
    assert.ok(size < plain.size * 0.85, `${size} of ${plain.size} bytes`);
    assertSame(readErofs(disk, codecs).tree, tree);
    writeFileSync(image, readBytes(disk, 0, size));
    const result = run("fsck.erofs", [`--extract=${out}`, "--no-preserve", image]);
    assert.equal(result.status, 0, result.output);
    // It writes nothing for holes.
    const isSparse = (path: string): boolean => path.endsWith("/sparse") || path === "zeros";
    for (const { path, kind, content } of tree.entries())
      if (kind === "file" && !isSparse(path))
        assert.equal(
          sha256Of(codecs, readFileSync(Buffer.concat([Buffer.from(`${out}/`), Buffer.from(path, "latin1")]))),
          content!.digest,
          path,
        );
    const mounted = join(folder, "mounted");
    mkdirSync(mounted);
    if (run("mount", ["-t", "erofs", "-o", "loop,ro", image, mounted]).status !== 0) return;
    try {
      for (const { path, kind, content } of tree.entries())
        if (kind === "file")
          assert.equal(
            sha256Of(codecs, readFileSync(Buffer.concat([Buffer.from(`${mounted}/`), Buffer.from(path, "latin1")]))),
            content!.digest,
            path,
          );
    } finally {
      assert.equal(run("umount", [mounted]).status, 0);
    }
  }));

test("its files are found, followed and read, and not changed", () => {
  const disk = new MemoryDisk();
  writeErofs(disk, sampleTree(), OPTIONS);
  const files = new TreeFiles({ type: "erofs", label: "" }, readErofs(disk, codecs).tree);
  assert.deepEqual(
    files.list("/bin").map(({ name, kind, size }) => [name, kind, size]),
    [
      ["ping", "file", 7],
      ["tool", "file", 100_001],
      ["tool2", "file", 100_001],
    ],
  );
  assert.equal(files.find("/lib")?.target, "usr/lib");
  const bytes = new Uint8Array(7);
  assert.equal(files.content("/bin/../bin/./ping").read(0, bytes), 7);
  assert.equal(Buffer.from(bytes).toString(), "capable");
  assert.equal(files.find("/bin/gone"), undefined);
  assert.throws(() => files.content("/bin"), /\/bin: is no file/);
  assert.throws(() => files.write("/new"), /\/new: files on erofs are read here, not changed/);
});

test("damaged images end in words, wherever the damage is", () => {
  for (const isPacked of [false, true]) damaged(isPacked);
});

function damaged(isPacked: boolean): void {
  const tree = fileTreeOf(
      [...(isPacked ? packable() : sampleTree({ files: 30 })).entries()].filter(
        ({ content }) => (content?.sizeBytes ?? 0) < 200_000,
      ),
    ),
    disk = new MemoryDisk(),
    seed = 31,
    random = new SeededRandom(seed);
  writeErofs(disk, tree, { ...OPTIONS, isPacked });
  const bytes = readBytes(disk, 0, disk.size),
    inodes = new DataView(bytes.buffer).getUint32(1024 + 40, true) * 4096;
  const broken = (change: (bytes: Uint8Array) => void): MemoryDisk => {
    const hurt = bytes.slice(),
      own = new MemoryDisk(hurt.length);
    change(hurt);
    own.write(0, hurt);
    return own;
  };
  for (let round = 0; round < 600; round++) {
    const hurt = broken((own) => {
      // Its checksum would find all damage in the superblock.
      new DataView(own.buffer).setUint32(1024 + 8, 0, true);
      for (let hits = 0; hits < 3; hits++)
        own[(round % 4 === 0 ? 1024 : inodes) + random.below(round % 4 === 0 ? 128 : own.length - inodes)] =
          random.below(256);
    });
    try {
      for (const { content } of readErofs(hurt, codecs).tree.entries())
        if (content !== null && content.sizeBytes < 1 << 20) content.read(0, new Uint8Array(content.sizeBytes));
    } catch (error) {
      assert.ok(error instanceof FormatError, `seed ${seed}, round ${round}: ${String(error)}`);
    }
  }
  assert.throws(
    () =>
      readErofs(
        broken((own) => {
          own[1024 + 20] = 99;
        }),
        codecs,
      ),
    /superblock is damaged: its checksum/,
  );
}
