/**
 * EROFS. Judges: fsck.erofs checks and unpacks what we write, dump.erofs shows its superblock; the same tree gives the
 * same bytes.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createHash } from "node:crypto";
import { lstatSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { concatBytes } from "@stratos/base";
import { isZero, MemoryDisk, readBytes } from "../disk/disk.ts";
import { run, withFolder } from "../testing/disk-file.ts";
import { SAMPLE_TIME, sampleFile, sampleTree } from "../testing/sample-tree.ts";
import { fileEntry, fileTreeOf, readBlob, type FileTree } from "../tree/file-tree.ts";
import { erofsSizeFor, writeErofs } from "./erofs-writer.ts";

const OPTIONS = { uuid: "0e5b5a4e-8a3f-4d6e-9d0c-4f6f1f4e7a11", label: "sample", time: SAMPLE_TIME };

function image(tree: FileTree): Uint8Array {
  const disk = new MemoryDisk();
  const size = writeErofs(disk, tree, OPTIONS);
  assert.ok(size <= erofsSizeFor(tree));
  assert.equal(disk.size, size);
  return readBytes(disk, 0, size);
}

const digestOf = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/** As Debian 12's fsck.erofs (1.5) unpacks a file with holes: it writes nothing for them. Linux reads zeros there. */
function withoutHoles(bytes: Uint8Array): Uint8Array {
  const kept: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += 65536)
    if (!isZero(bytes.subarray(at, at + 65536))) kept.push(bytes.subarray(at, at + 65536));
  return concatBytes(kept);
}

test("fsck.erofs finds no fault and unpacks each file as it was", () =>
  withFolder((folder) => {
    const path = join(folder, "image"),
      out = join(folder, "out");
    // More than one block of names in one folder, and content that ends at a block's border.
    const tree = sampleTree({ files: 1200 });
    writeFileSync(path, image(tree));
    const isRoot = process.getuid?.() === 0;
    const result = run("fsck.erofs", [`--extract=${out}`, ...(isRoot ? [] : ["--no-preserve"]), path]);
    assert.equal(result.status, 0, result.output);
    for (const entry of tree.entries()) {
      const place = Buffer.concat([Buffer.from(`${out}/`), Buffer.from(entry.path, "latin1")]);
      if (entry.kind === "character" || entry.kind === "block") continue;
      const stat = lstatSync(place);
      if (entry.kind === "file") {
        assert.equal(
          digestOf(readFileSync(place)),
          entry.path.endsWith("/sparse") ? digestOf(withoutHoles(readBlob(entry.content!))) : entry.content!.digest,
          entry.path,
        );
        if (isRoot) assert.equal(stat.mtimeMs, SAMPLE_TIME * 1000, entry.path);
      }
      if (entry.kind === "symlink") assert.equal(readlinkSync(place, "latin1"), entry.target);
      // It changes owners last, which takes set-user-ID bits away; the test below looks at these.
      else if (isRoot) assert.equal(stat.mode & 0o1777, entry.mode & 0o1777, entry.path);
      if (isRoot) assert.deepEqual([stat.uid, stat.gid], [entry.uid, entry.gid], entry.path);
    }
    const shown = run("dump.erofs", ["-s", path]).output;
    assert.match(shown, /Filesystem UUID: +0e5b5a4e-8a3f-4d6e-9d0c-4f6f1f4e7a11/);
    assert.match(run("blkid", ["-p", path]).output, /LABEL="sample".*TYPE="erofs"|TYPE="erofs".*LABEL="sample"/);
  }));

test("links count their names, devices have their numbers, holes take no room", () =>
  withFolder((folder) => {
    const path = join(folder, "image"),
      tree = sampleTree();
    writeFileSync(path, image(tree));
    const shown = (name: string): string => run("dump.erofs", [`--path=/${name}`, path]).output;
    assert.match(shown("bin/tool"), /Links: 2 /);
    assert.match(shown("deep/er/still/sparse"), /Layout: 4/);
    const dense = [...tree.entries()].reduce((sum, { content }) => sum + (content?.sizeBytes ?? 0), 0);
    assert.ok(image(tree).length < dense - (2 << 20), "a file of 3 MiB has 5000 bytes that are not zero");
  }));

test("the same tree gives the same bytes, and what has no form is refused by name", () => {
  assert.deepEqual(image(sampleTree()), image(sampleTree()));
  const one = (path: string, fields: object): FileTree =>
    fileTreeOf([fileEntry("", "directory"), sampleFile(path, "x", fields)]);
  assert.throws(
    () => image(one("f", { xattrs: new Map([["system.other", "x"]]) })),
    /f: EROFS has no form for the attribute system.other/,
  );
  assert.throws(() => image(one("f", { mtime: -5 })), /f: EROFS has no times before 1970/);
  assert.throws(
    () => image(fileTreeOf([fileEntry("", "directory"), fileEntry("l", "symlink", { target: "x".repeat(4096) })])),
    /l: a link's target has at most 4095 bytes/,
  );
});
