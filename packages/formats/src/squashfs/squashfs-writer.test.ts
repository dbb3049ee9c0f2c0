/**
 * squashfs. Judge: unsquashfs lists and unpacks what we write, for both packers; the same tree gives the same bytes.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createHash } from "node:crypto";
import { lstatSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { nodeCodecs } from "@stratos/host-node/codecs";
import { MemoryDisk, readBytes } from "../disk/disk.ts";
import { run, withFolder } from "../testing/disk-file.ts";
import { sampleFile, sampleTree } from "../testing/sample-tree.ts";
import { fileEntry, fileTreeOf, type FileTree } from "../tree/file-tree.ts";
import { withoutChecksum, writeSquashfs } from "./squashfs-writer.ts";

const codecs = nodeCodecs();

function image(tree: FileTree, compression: "gzip" | "zstd"): Uint8Array {
  const disk = new MemoryDisk();
  const size = writeSquashfs(disk, tree, { compression, time: 1_700_000_000 }, codecs);
  assert.equal(disk.size, size);
  return readBytes(disk, 0, size);
}

for (const compression of ["gzip", "zstd"] as const) {
  test(`unsquashfs unpacks an image packed by ${compression}`, () =>
    withFolder((folder) => {
      const path = join(folder, "image"),
        out = join(folder, "out");
      // More than one block of folders and of names in one folder.
      const tree = sampleTree({ files: 1200 });
      writeFileSync(path, image(tree, compression));
      const result = run("unsquashfs", [
        "-q",
        "-n",
        "-strict-errors",
        ...(process.getuid?.() === 0 ? [] : ["-no-xattrs"]),
        "-d",
        out,
        path,
      ]);
      assert.equal(result.status, 0, result.output);
      for (const entry of tree.entries()) {
        const place = Buffer.concat([Buffer.from(`${out}/`), Buffer.from(entry.path, "latin1")]);
        const stat = lstatSync(place);
        if (entry.kind === "file")
          assert.equal(
            createHash("sha256").update(readFileSync(place)).digest("hex"),
            entry.content!.digest,
            entry.path,
          );
        if (entry.kind === "symlink") assert.equal(readlinkSync(place, "latin1"), entry.target);
        else assert.equal(stat.mode & 0o7777, entry.mode & 0o7777, entry.path);
        if (process.getuid?.() === 0) assert.deepEqual([stat.uid, stat.gid], [entry.uid, entry.gid], entry.path);
      }
      assert.equal(lstatSync(join(out, "bin/tool")).ino, lstatSync(join(out, "bin/tool2")).ino);
      assert.match(run("unsquashfs", ["-lls", path, "dev/null"]).output, /crw-rw-rw- \S+ +1, +3 .*dev\/null\n/);
      assert.match(
        run("unsquashfs", ["-s", path]).output,
        new RegExp(`Compression ${compression}[\\s\\S]*Number of xattr ids 1`),
      );
    }));
}

test("the same tree gives the same bytes, and an attribute without a form is refused", () => {
  assert.deepEqual(image(sampleTree(), "zstd"), image(sampleTree(), "zstd"));
  const tree = fileTreeOf([
    fileEntry("", "directory"),
    sampleFile("f", "x", { xattrs: new Map([["system.posix_acl_access", "x"]]) }),
  ]);
  assert.throws(() => image(tree, "gzip"), /f: squashfs has no form for the attribute system.posix_acl_access/);
});

test("blocks packed by zstd end with their content: Linux has no room for a checksum behind the last page", () => {
  const content = Buffer.from(Array.from({ length: 400_000 }, (_, index) => ((index * index) >> 7) & 0xff)),
    disk = new MemoryDisk(1 << 20);
  writeSquashfs(
    disk,
    fileTreeOf([fileEntry("", "directory"), sampleFile("a", content)]),
    { compression: "zstd", time: 0 },
    codecs,
  );
  const bytes = Buffer.from(readBytes(disk, 0, disk.size));
  let frames = 0;
  for (let at = bytes.indexOf("28b52ffd", 0, "hex"); at !== -1; at = bytes.indexOf("28b52ffd", at + 4, "hex"), frames++)
    assert.equal(bytes[at + 4]! & 4, 0);
  assert.ok(frames >= 3);
  const frame = withoutChecksum(codecs.zstd(content));
  assert.deepEqual(Buffer.from(codecs.unzstd(frame, content.length)!), content);
});
