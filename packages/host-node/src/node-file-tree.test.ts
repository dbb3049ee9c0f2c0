/**
 * Goal: a guest reaches all of the folder that it was given, and nothing else. Method: a real temporary folder with a
 * secret beside it, and links that lead there.
 */
import assert from "node:assert/strict";
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import {
  EEXIST,
  EINVAL,
  ELOOP,
  ENOENT,
  ENOTDIR,
  ENOTEMPTY,
  EROFS,
  O_CREAT,
  O_EXCL,
  O_RDONLY,
  O_RDWR,
  O_WRONLY,
  S_IFMT,
  S_IFLNK,
} from "@stratos/abi";
import { NodeFileTree } from "./node-file-tree.ts";

let base: string, shared: string, tree: NodeFileTree;

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "stratos-tree-"));
  shared = join(base, "shared");
  mkdirSync(join(shared, "sub"), { recursive: true });
  writeFileSync(join(base, "secret"), "secret");
  writeFileSync(join(shared, "sub", "file"), "hello");
  tree = new NodeFileTree(shared);
});

afterEach(() => {
  tree.close();
  rmSync(base, { recursive: true });
});

test("files are read, written, listed and removed", () => {
  const file = tree.open("sub/file", O_RDWR, 0);
  assert.ok(typeof file === "object");
  const bytes = new Uint8Array(8);
  assert.equal(file.read(1, bytes, 0, 8), 4);
  assert.equal(Buffer.from(bytes.subarray(0, 4)).toString(), "ello");
  assert.equal(file.write(5, Buffer.from(" you"), 0, 4), 4);
  assert.equal(file.truncate(7), 0);
  const stat = file.stat();
  assert.ok(typeof stat === "object" && stat.size === 7);
  file.close();
  assert.equal(readFileSync(join(shared, "sub/file"), "utf8"), "hello y");
  assert.deepEqual(tree.list(""), ["sub"]);
  assert.deepEqual(tree.list("sub"), ["file"]);
  assert.equal(tree.rmdir("sub"), -ENOTEMPTY);
  assert.equal(tree.unlink("sub/file"), 0);
  assert.equal(tree.rmdir("sub"), 0);
  assert.equal(tree.lstat("sub"), -ENOENT);
});

test("what is appended comes behind what others have appended meanwhile", () => {
  const [one, two] = [tree.open("sub/file", O_RDWR, 0), tree.open("sub/file", O_RDWR, 0)];
  assert.ok(typeof one === "object" && typeof two === "object");
  const before = readdirCount();
  // Both have seen a file of five bytes.
  for (const [file, text] of [
    [one, " one"],
    [two, " two"],
    [one, " three"],
  ] as const)
    assert.equal(file.write(5, Buffer.from(`_${text}`), 1, text.length, true), text.length);
  assert.equal(readFileSync(join(shared, "sub/file"), "utf8"), "hello one two three");
  assert.equal(one.write(0, Buffer.from("J"), 0, 1), 1);
  assert.equal(readFileSync(join(shared, "sub/file"), "utf8"), "Jello one two three");
  one.close();
  two.close();
  assert.equal(readdirCount(), before - 2);
});

test("a created file has the mode that was asked for, whatever the host's umask", () => {
  const before = process.umask(0o077);
  try {
    const file = tree.open("new", O_WRONLY | O_CREAT | O_EXCL, 0o664);
    assert.ok(typeof file === "object");
    file.close();
    assert.equal(tree.mkdir("folder", 0o775), 0);
  } finally {
    process.umask(before);
  }
  assert.equal(statSync(join(shared, "new")).mode & 0o7777, 0o664);
  assert.equal(statSync(join(shared, "folder")).mode & 0o7777, 0o775);
  assert.equal(tree.open("new", O_WRONLY | O_CREAT | O_EXCL, 0o664), -EEXIST);
});

test("no link is followed, neither last nor on the way", () => {
  symlinkSync(join(base, "secret"), join(shared, "leak"));
  symlinkSync(base, join(shared, "out"));
  symlinkSync("..", join(shared, "up"));
  assert.equal(tree.open("leak", O_RDONLY, 0), -ELOOP);
  for (const path of ["out/secret", "up/secret"]) {
    assert.ok([-ELOOP, -ENOTDIR].includes(tree.open(path, O_RDONLY, 0) as number), path);
    assert.ok([-ELOOP, -ENOTDIR].includes(tree.lstat(path) as number), path);
    assert.ok([-ELOOP, -ENOTDIR].includes(tree.unlink(path)), path);
  }
  assert.ok([-ELOOP, -ENOTDIR].includes(tree.list("out") as number));
  const stat = tree.lstat("leak");
  assert.ok(typeof stat === "object" && (stat.mode & S_IFMT) === S_IFLNK);
  assert.equal(tree.readlink("leak"), join(base, "secret"));
  assert.equal(tree.chmod("leak", 0o777), -EINVAL);
  assert.equal(tree.utimes("leak", 1000, 1000), 0);
  assert.notEqual(statSync(join(base, "secret")).mtimeMs, 1000);
  assert.equal(tree.link("leak", "leak2"), 0);
  assert.equal(tree.readlink("leak2"), join(base, "secret"));
  assert.equal(readFileSync(join(base, "secret"), "utf8"), "secret");
});

test("paths that climb or are malformed are refused", () => {
  for (const path of ["..", "../secret", "sub/../../secret", "/etc/passwd", "sub//file", ".", "sub/./file", "a\0b"]) {
    assert.equal(tree.lstat(path), -EINVAL, JSON.stringify(path));
    assert.equal(tree.rename("sub/file", path), -EINVAL, JSON.stringify(path));
  }
});

test("times before 1970 stay", () => {
  assert.equal(tree.utimes("sub/file", -5_000, -86_400_000), 0);
  const stat = tree.lstat("sub/file");
  assert.ok(typeof stat === "object" && stat.atimeMs === -5_000 && stat.mtimeMs === -86_400_000);
});

test("names are bytes", () => {
  assert.equal(tree.symlink("\xff\xfe", "n\xe9\xff"), 0);
  assert.equal(tree.readlink("n\xe9\xff"), "\xff\xfe");
  assert.ok((tree.list("") as string[]).includes("n\xe9\xff"));
});

test("a read-only folder refuses every change", () => {
  const readOnly = new NodeFileTree(shared, { readOnly: true });
  assert.equal(readOnly.open("sub/file", O_RDWR, 0), -EROFS);
  assert.equal(readOnly.open("x", O_RDONLY | O_CREAT, 0o644), -EROFS);
  for (const result of [
    readOnly.mkdir("x", 0o755),
    readOnly.rmdir("sub"),
    readOnly.unlink("sub/file"),
    readOnly.symlink("a", "b"),
    readOnly.link("sub/file", "x"),
    readOnly.rename("sub/file", "x"),
    readOnly.chmod("sub/file", 0),
    readOnly.chown("sub/file", 0, 0),
    readOnly.utimes("sub/file", 0, 0),
  ])
    assert.equal(result, -EROFS);
  const file = readOnly.open("sub/file", O_RDONLY, 0);
  assert.ok(typeof file === "object");
  file.close();
  readOnly.close();
});

test("what is done to the folder itself is done to the one that was opened, whatever stands at its path", () => {
  renameSync(shared, join(base, "moved"));
  const other = join(base, "other");
  mkdirSync(other, { mode: 0o755 });
  symlinkSync(other, shared);
  assert.equal(tree.utimes("", 1000, 2000), 0);
  assert.equal(tree.chmod("", 0o700), 0);
  assert.equal(tree.chown("", 0, 0), 0);
  assert.deepEqual(tree.list(""), ["sub"]);
  assert.equal(statSync(join(base, "moved")).mtimeMs, 2000);
  assert.notEqual(statSync(other).mtimeMs, 2000);
});

test("a folder that was reached before is left as soon as it isn't there any more", () => {
  const isThere = (path: string): boolean => typeof tree.lstat(path) === "object";
  assert.ok(isThere("sub/file"));
  renameSync(join(shared, "sub"), join(shared, "moved"));
  assert.equal(tree.lstat("sub/file"), -ENOENT);
  assert.equal(tree.hasLostWay, true);
  assert.ok(isThere("moved/file"));
  // Links to the outside, and back in.
  for (const target of ["..", "moved"]) {
    symlinkSync(target, join(shared, "sub"));
    assert.ok([-ELOOP, -ENOTDIR].includes(tree.lstat("sub/file") as number), target);
    assert.equal(tree.hasLostWay, true);
    rmSync(join(shared, "sub"));
  }
  mkdirSync(join(shared, "sub"));
  assert.equal(tree.lstat("sub/file"), -ENOENT);
  assert.equal(tree.hasLostWay, false);
  assert.equal(tree.mkdir("sub/new", 0o755), 0);
  assert.ok(statSync(join(shared, "sub/new")).isDirectory());
  // Out of the tree, and with the whole tree.
  renameSync(join(shared, "moved"), join(base, "out"));
  assert.equal(tree.lstat("moved/file"), -ENOENT);
  renameSync(shared, join(base, "elsewhere"));
  mkdirSync(join(shared, "sub"), { recursive: true });
  assert.ok(isThere("sub/new"));
  assert.ok(isThere("sub/new"));
  // The kernel tells of a folder that is gone by words behind its path.
  mkdirSync(join(base, "elsewhere/gone (deleted)/in"), { recursive: true });
  assert.ok(isThere("gone (deleted)/in"));
  renameSync(join(base, "elsewhere/gone (deleted)"), join(base, "elsewhere/gone"));
  assert.ok(isThere("gone/in"));
  rmSync(join(base, "elsewhere/gone"), { recursive: true });
  assert.equal(tree.lstat("gone (deleted)/in"), -ENOENT);
  assert.equal(tree.hasLostWay, true);
});

test("several names of a folder are told together, each as it would be alone", () => {
  writeFileSync(join(shared, "sub", "n\u00e9"), "");
  symlinkSync("file", join(shared, "sub/link"));
  const names = ["file", "none", "..", "link", "../../secret", "n\xc3\xa9", ""];
  const each = names.map((name) => (name === "" ? -EINVAL : tree.lstat(`sub/${name}`)));
  assert.deepEqual(tree.lstatEach("sub", names), each);
  assert.equal(typeof each[5], "object");
  assert.deepEqual(tree.lstatEach("", ["sub", "x"]), [tree.lstat("sub"), -ENOENT]);
  assert.equal(tree.lstatEach("none", names), -ENOENT);
  assert.deepEqual(tree.lstatEach("sub", []), []);
  const one = new NodeFileTree(shared, { only: "sub" });
  assert.deepEqual(one.lstatEach("", ["sub", "file"]), [tree.lstat("sub"), -ENOENT]);
  one.close();
});

test("two deep folders are held while something moves from one to the other", () => {
  const deep = (name: string, depth: number): string => Array(depth).fill(name).join("/");
  const [from, to] = [deep("a", 5), deep("b", 100)];
  for (const folder of [from, to]) mkdirSync(join(shared, folder), { recursive: true });
  writeFileSync(join(shared, from, "x"), "moved");
  assert.equal(tree.rename(`${from}/x`, `${to}/x`), 0);
  assert.equal(tree.link(`${to}/x`, `${from}/y`), 0);
  for (const file of [`${to}/x`, `${from}/y`]) assert.equal(readFileSync(join(shared, file), "utf8"), "moved");
});

test("few folders are held open, and none for long", async () => {
  const before = readdirCount();
  for (let at = 0; at < 100; at++) mkdirSync(join(shared, `d${at}/in`), { recursive: true });
  for (let round = 0; round < 2; round++)
    for (let at = 0; at < 100; at++) {
      assert.equal(typeof tree.lstat(`d${at}/in`), "object");
      tree.lstat("sub/none/x");
      tree.lstat("sub/file/x");
      tree.open("sub/none", O_RDONLY, 0);
      tree.chmod("sub/file", 0o644);
      tree.list("sub");
    }
  const held = readdirCount() - before;
  assert.ok(held > 0 && held <= 32, String(held));
  await setTimeout(1500);
  assert.equal(readdirCount(), before);
});

function readdirCount(): number {
  const self = new NodeFileTree("/proc/self/fd", { readOnly: true });
  const names = self.list("") as string[];
  self.close();
  return names.length;
}
