/**
 * Trees. Goal: the order is the one that each format needs, broken trees are named, and an archive of a tree is one
 * that tar(1) unpacks to the same.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { execFileSync } from "node:child_process";
import { TarReader } from "../tar-reader.ts";
import type { TarEntry } from "../tar-entry.ts";
import {
  checkFileTree,
  comparePaths,
  fileEntry,
  fileTreeOf,
  MemoryBlob,
  readBlob,
  type FileEntry,
} from "./file-tree.ts";
import { archiveTree } from "./tree-archive.ts";

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
const file = (path: string, text: string, fields: Partial<FileEntry> = {}): FileEntry =>
  fileEntry(path, "file", { content: new MemoryBlob(Buffer.from(text), sha256), ...fields });

test("a folder's content follows it without a gap", () => {
  const paths = ["a-b", "a/b", "", "a", "a/b/c", "a/b!", "a0"];
  assert.deepEqual(paths.sort(comparePaths), ["", "a", "a/b", "a/b/c", "a/b!", "a-b", "a0"]);
});

test("broken trees are named", () => {
  const root = fileEntry("", "directory");
  const checks: [FileEntry[], RegExp][] = [
    [[], /no root/],
    [[file("a", "x")], /not in order/],
    [[root, file("a/b", "x")], /folder is missing/],
    [[root, file("a", "x"), file("a", "y")], /not in order/],
    [[root, file("..", "x")], /not a path/],
    [[root, fileEntry("a", "hardLink", { target: "b" }), file("b", "x")], /no file before it/],
    [[root, fileEntry("a", "file")], /content belongs/],
    [[root, fileEntry("a", "symlink")], /leads nowhere/],
  ];
  for (const [entries, pattern] of checks) assert.match(checkFileTree({ entries: () => entries }) ?? "", pattern);
  assert.equal(checkFileTree(fileTreeOf([file("b/c", "x"), fileEntry("b", "directory"), root])), undefined);
});

test("an archive has each entry as it is, and tar(1) lists it", () => {
  const large = "0123456789".repeat(250_000);
  const tree = fileTreeOf([
    fileEntry("", "directory"),
    fileEntry("d", "directory", { mode: 0o1777, mtime: 5 }),
    file("d/large", large, { uid: 7, gid: 8, mode: 0o4755 }),
    fileEntry("d/name", "hardLink", { target: "d/large" }),
    fileEntry("link", "symlink", { target: "/d/large" }),
    fileEntry("null", "character", { deviceMajor: 1, deviceMinor: 3 }),
    fileEntry("pipe", "fifo"),
    file("z", "caps", { xattrs: new Map([["security.capability", "\x01\0\0\x02"]]) }),
  ]);
  const pieces: Buffer[] = [];
  for (const piece of archiveTree(tree)) pieces.push(Buffer.from(piece));
  const bytes = Buffer.concat(pieces);
  const entries: TarEntry[] = [];
  let content = 0;
  const reader = new TarReader({
    entry: (entry) => {
      entries.push(entry);
    },
    data: (piece) => {
      content += piece.length;
    },
    end: () => {},
  });
  assert.equal(reader.push(bytes) ?? reader.finish(), undefined);
  assert.deepEqual(
    entries.map(({ path }) => path),
    ["./", "./d", "./d/large", "./d/name", "./link", "./null", "./pipe", "./z"].map((path) =>
      path === "./" ? "." : path,
    ),
  );
  assert.equal(content, large.length + 4);
  assert.equal(entries[3]!.linkPath, "./d/large");
  assert.equal(entries[7]!.xattrs.get("security.capability"), "\x01\0\0\x02");
  const listing = execFileSync("tar", ["-tv", "--numeric-owner"], { input: bytes, encoding: "utf8" });
  assert.match(listing, /-rwsr-xr-x 7\/8 +2500000 .* \.\/d\/large\n/);
  assert.match(listing, /crw-r--r-- 0\/0 +1,3 .* \.\/null\n/);
});

test("content is read in parts, and its digest is worked out", () => {
  const blob = new MemoryBlob(Buffer.from("abcdef"), sha256);
  const into = new Uint8Array(4);
  assert.equal(blob.read(3, into), 3);
  assert.equal(Buffer.from(into.subarray(0, 3)).toString(), "def");
  assert.equal(blob.digest, sha256(Buffer.from("abcdef")));
  assert.equal(Buffer.from(readBlob(blob)).toString(), "abcdef");
});
