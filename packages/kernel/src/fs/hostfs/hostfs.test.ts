/**
 * hostfs: the conformance suite over a simulated folder, and what the host does behind our back. The real port has
 * tests of its own.
 */
import assert from "node:assert/strict";
import { it } from "node:test";
import { EIO, ENOENT, ENOTDIR, EROFS, ESTALE, O_APPEND, O_CREAT, O_EXCL, O_RDWR, O_WRONLY } from "@stratos/abi";
import { byteString, byteStringOf } from "@stratos/base";
import { type HostFile, MemoryFileTree, type HostStat } from "@stratos/host";
import { BUFFER, FileTask } from "../../testing/file-system-task.ts";
import { writeBackAll } from "../../vfs/write-back.ts";
import { fileSystemConformance } from "../../testing/file-system-conformance.ts";
import { HostInode } from "./host-inode.ts";
import { HostFs } from "./hostfs.ts";

const limits = { hasXattrs: false, hasExchange: false, hasUnnamed: false, hasFifos: false };
fileSystemConformance("hostfs, shared", (kernel) => new HostFs(kernel, new MemoryFileTree()), limits);
fileSystemConformance(
  "hostfs, private",
  (kernel) => new HostFs(kernel, new MemoryFileTree(), { isPrivate: true }),
  limits,
);

function hostRead(tree: MemoryFileTree, path: string): string {
  const file = tree.open(path, 0, 0);
  assert.ok(typeof file !== "number");
  const bytes = new Uint8Array(65536);
  return byteString(bytes, 0, file.read(0, bytes, 0, bytes.length));
}

function hostWrite(tree: MemoryFileTree, path: string, text: string): void {
  const file = tree.open(path, O_WRONLY | O_CREAT, 0o644);
  assert.ok(typeof file !== "number");
  file.truncate(0);
  file.write(0, byteStringOf(text), 0, text.length);
}

it("changes by the host are seen at once", () => {
  const tree = new MemoryFileTree();
  const { user } = FileTask.create((kernel) => new HostFs(kernel, tree));
  user.put("/f", "guest");
  assert.equal(hostRead(tree, "f"), "guest");
  hostWrite(tree, "f", "host was here");
  assert.equal(user.get("/f"), "host was here");
  hostWrite(tree, "new", "x");
  assert.equal(user.get("/new"), "x");
  tree.unlink("new");
  assert.equal(user.get("/new"), -2);
});

it("O_APPEND writes behind what the host has written since it told the size", () => {
  const tree = new MemoryFileTree();
  const { user } = FileTask.create((kernel) => new HostFs(kernel, tree));
  user.put("/log", "1\n");
  const other = tree.open("log", O_WRONLY, 0);
  assert.ok(typeof other !== "number");
  tree.open = (...how) => {
    const file = MemoryFileTree.prototype.open.call(tree, ...how) as HostFile;
    const { write } = file;
    file.write = (...what) => (other.write(2, byteStringOf("2\n"), 0, 2), write.call(file, ...what));
    return file;
  };
  user.write(user.open("/log", O_WRONLY | O_APPEND), "3\n");
  assert.equal(hostRead(tree, "log"), "1\n2\n3\n");
  user.write(user.open("/log", O_WRONLY), "0");
  assert.equal(hostRead(tree, "log"), "0\n2\n3\n");
});

it("a mapped page and write(2) agree, and write-back reaches the host", () => {
  const tree = new MemoryFileTree();
  const { test, user } = FileTask.create((kernel) => new HostFs(kernel, tree));
  user.put("/m", "a".repeat(5000));
  const fd = user.open("/m", O_RDWR);
  const pages = user.task.files.get(fd)!.mapping();
  assert.ok(pages !== null && typeof pages !== "number");
  const frame = pages.frame(0);
  const memory = test.kernel.physical.u8;
  assert.equal(memory[frame * 4096], 97);
  user.call("pwrite64", fd, "B", 1, 1);
  assert.equal(memory[frame * 4096 + 1], 66);
  memory[frame * 4096 + 2] = 67;
  pages.markDirty(0);
  assert.equal(user.read(fd, 4), "aBCa");
  writeBackAll(test.kernel);
  assert.equal(hostRead(tree, "m").slice(0, 4), "aBCa");
});

it("pages of a file that the host changed are read again when it is opened", () => {
  const tree = new MemoryFileTree();
  const { test, user } = FileTask.create((kernel) => new HostFs(kernel, tree));
  user.put("/m", "old");
  const pages = user.task.files.get(user.open("/m"))!.mapping();
  assert.ok(pages !== null && typeof pages !== "number");
  pages.frame(0);
  user.task.files.closeAll(user.task);
  hostWrite(tree, "m", "new");
  user.open("/m");
  assert.equal(byteString(test.kernel.physical.u8, pages.frame(0) * 4096, pages.frame(0) * 4096 + 3), "new");
});

it("files that nobody uses are forgotten beyond a bound, those in use never", () => {
  const { test } = FileTask.create((kernel) => new HostFs(kernel, new MemoryFileTree()));
  const fileSystem = new HostFs(test.kernel, new MemoryFileTree());
  const { root } = fileSystem;
  const like = fileSystem.tree.lstat("") as HostStat;
  const look = (ino: number): HostInode => fileSystem.inodeFor(root, `f${ino}`, { ...like, mode: 0o100644, ino });
  const used = look(1001);
  used.users++;
  const unused = look(1002);
  assert.ok(look(1002) === unused);
  for (let count = 0; count < 20_000; count++) look(2000 + count);
  assert.ok(look(1001) === used);
  assert.ok(look(1002) !== unused, "it was made anew");
});

it("a file that nobody has open any more holds no descriptor of the host", () => {
  const tree = new MemoryFileTree();
  let held = 0;
  const open = tree.open.bind(tree);
  tree.open = (path, flags, mode) => {
    const file = open(path, flags, mode);
    if (typeof file === "number") return file;
    const close = file.close.bind(file);
    file.close = () => (held--, close());
    held++;
    return file;
  };
  const { test, user } = FileTask.create((kernel) => new HostFs(kernel, tree));
  for (let at = 0; at < 20; at++) user.put(`/f${at}`, "text");
  assert.equal(held, 0);
  assert.equal(user.get("/f7"), "text");
  const fd = user.open("/f7", O_RDWR);
  assert.equal(held, 1);
  const pages = user.task.files.get(fd)!.mapping();
  assert.ok(pages !== null && typeof pages !== "number");
  pages.frame(0);
  pages.markDirty(0);
  user.task.files.closeAll(user.task);
  writeBackAll(test.kernel);
  assert.equal(held, 0);
});

it("a listing misses nothing that is there, while what it told already is removed", () => {
  const tree = new MemoryFileTree();
  const { user } = FileTask.create((kernel) => new HostFs(kernel, tree));
  for (let at = 0; at < 200; at++) hostWrite(tree, `f${at}`, "");
  const fd = user.open("/");
  let told = 0;
  for (
    let count = user.call("getdents64", fd, BUFFER, 512);
    count > 0;
    count = user.call("getdents64", fd, BUFFER, 512)
  )
    for (const name of user.namesIn(count)) {
      told++;
      if (!name.startsWith(".")) assert.equal(user.call("unlinkat", -100, `/${name}`, 0), 0);
    }
  assert.equal(told, 202);
  assert.deepEqual(tree.list(""), []);
});

it("an open file goes by its other name when one is removed, and is never taken for a new file", () => {
  const tree = new MemoryFileTree();
  const { user } = FileTask.create((kernel) => new HostFs(kernel, tree));
  user.put("/a", "old");
  const fd = user.open("/a");
  assert.equal(user.call("linkat", -100, "/a", -100, "/b", 0), 0);
  assert.equal(user.get("/b"), "old");
  assert.equal(user.call("unlinkat", -100, "/b", 0), 0);
  user.put("/b", "new");
  assert.equal(user.call("fchmod", fd, 0o600), 0);
  assert.equal((tree.lstat("a") as HostStat).mode & 0o777, 0o600);
  assert.notEqual((tree.lstat("b") as HostStat).mode & 0o777, 0o600);
});

it("a name that is another file's by now is not opened for the one that was known", () => {
  const tree = new MemoryFileTree();
  const { test } = FileTask.create((kernel) => new HostFs(kernel, tree));
  const { root } = new HostFs(test.kernel, tree);
  hostWrite(tree, "f", "one");
  const inode = root.lookup("f") as HostInode;
  tree.unlink("f");
  hostWrite(tree, "f", "two");
  assert.equal(inode.handle(false), -ESTALE);
});

/** Paths that the folder is asked for. */
function questionsOf(tree: MemoryFileTree): string[] {
  const asked: string[] = [];
  tree.lstat = (path) => (asked.push(path), MemoryFileTree.prototype.lstat.call(tree, path));
  return asked;
}

it("a walk passes through folders that it found lately, and asks for what it leads to each time", () => {
  const tree = new MemoryFileTree();
  const { test, user } = FileTask.create((kernel) => new HostFs(kernel, tree));
  for (const folder of ["/a", "/a/b", "/a/b/c"]) user.call("mkdirat", -100, folder, 0o755);
  user.put("/a/b/c/f", "text");
  const asked = questionsOf(tree);
  const stat = (path: string): number => user.call("newfstatat", -100, path, BUFFER, 0);
  for (let round = 0; round < 3; round++) assert.equal(stat("/a/b/c/f"), 0);
  assert.deepEqual(asked, ["a/b/c/f", "a/b/c/f", "a/b/c/f"]);
  assert.equal(stat("/a/b/c/none"), -ENOENT);
  assert.equal(stat("/a/b/c"), 0);
  assert.deepEqual(asked.splice(0).slice(3), ["a/b/c/none", "a/b/c"]);
  // They are asked for anew after a second.
  const { now } = test.kernel;
  test.kernel.now = () => now.call(test.kernel) + 1.1e9;
  assert.equal(stat("/a/b/c/f"), 0);
  assert.deepEqual(asked, ["a", "a/b", "a/b/c", "a/b/c/f"]);
});

it("folders that the host moves, removes and turns into links are seen so at once", () => {
  const tree = new MemoryFileTree();
  const { user } = FileTask.create((kernel) => new HostFs(kernel, tree));
  for (const folder of ["/a", "/a/b"]) user.call("mkdirat", -100, folder, 0o755);
  user.put("/a/b/f", "one");
  tree.rename("a/b", "a/c");
  assert.equal(user.get("/a/b/f"), -ENOENT);
  assert.equal(user.get("/a/c/f"), "one");
  assert.equal(user.get("/a/b/f"), -ENOENT);
  tree.symlink("c", "a/b");
  assert.equal(user.get("/a/b/f"), "one");
  tree.rename("a", "z");
  assert.equal(user.get("/a/b/f"), -ENOENT);
  assert.equal(user.call("mkdirat", -100, "/a/b/new", 0o755), -ENOENT);
  hostWrite(tree, "a", "a file now");
  assert.equal(user.get("/a/b/f"), -ENOTDIR);
  assert.equal(user.get("/z/b/f"), "one");
  // What is relative to a folder that isn't there any more.
  const folder = user.open("/z/c");
  tree.rename("z", "y");
  assert.equal(user.call("openat", folder, "f", 0, 0), -ENOENT);
  assert.equal(user.call("newfstatat", -100, "/z/../y/c/f", BUFFER, 0), -ENOENT);
  assert.equal(user.call("newfstatat", -100, "/y/../y/c/./f", BUFFER, 0), 0);
});

it("a file is opened once by who makes it, and by nobody when that fails", () => {
  const tree = new MemoryFileTree();
  let [opened, held] = [0, 0];
  tree.open = (...how) => {
    const file = MemoryFileTree.prototype.open.call(tree, ...how);
    if (typeof file === "number") return file;
    opened++;
    held++;
    return Object.assign(file, { close: () => held-- });
  };
  const { user } = FileTask.create((kernel) => new HostFs(kernel, tree));
  const fd = user.open("/new", O_CREAT | O_EXCL | O_RDWR);
  assert.equal(user.write(fd, "text"), 4);
  assert.equal(user.call("lseek", fd, 0, 0), 0);
  assert.equal(user.read(fd, 10), "text");
  user.call("close", fd);
  assert.deepEqual([opened, held], [1, 0]);
  assert.equal(user.call("mknodat", -100, "/made", 0o100644, 0), 0);
  assert.deepEqual([opened, held], [2, 0]);
  // The inode is opened, and then refused.
  const { open } = HostInode.prototype;
  HostInode.prototype.open = () => -EIO;
  assert.equal(user.open("/refused", O_CREAT | O_RDWR), -EIO);
  HostInode.prototype.open = open;
  assert.deepEqual([opened, held], [3, 0]);
  assert.equal(user.get("/refused"), "");
});

it("what a recording was asked is what it is asked", () => {
  const tree = Object.assign(new MemoryFileTree(), { isRecorded: true as const });
  const { user } = FileTask.create((kernel) => new HostFs(kernel, tree));
  user.call("mkdirat", -100, "/a", 0o755);
  user.put("/a/f", "text");
  const asked = questionsOf(tree);
  for (let round = 0; round < 2; round++) user.call("newfstatat", -100, "/a/f", BUFFER, 0);
  assert.deepEqual(asked, ["a", "a/f", "a/f", "a", "a/f", "a/f"]);
});

it("an open file's attributes are asked for in each call", () => {
  const tree = new MemoryFileTree();
  const { user } = FileTask.create((kernel) => new HostFs(kernel, tree));
  user.put("/f", "text");
  const fd = user.open("/f", O_RDWR);
  const sizeOf = (): number => (user.fstat(fd) as { size: number }).size;
  assert.equal(sizeOf(), 4);
  hostWrite(tree, "f", "longer than before");
  assert.equal(sizeOf(), 18);
  user.write(fd, "x".repeat(30));
  assert.equal(sizeOf(), 30);
});

it("a folder that lies in itself, as bind mounts of the host make them, ends", () => {
  const { test } = FileTask.create((kernel) => new HostFs(kernel, new MemoryFileTree()));
  const fileSystem = new HostFs(test.kernel, new MemoryFileTree());
  const like = fileSystem.tree.lstat("") as HostStat;
  const above = fileSystem.inodeFor(fileSystem.root, "above", { ...like, ino: 10 });
  const below = fileSystem.inodeFor(above, "below", { ...like, ino: 11 });
  const again = fileSystem.inodeFor(below, "again", { ...like, ino: 10 });
  assert.equal(again.hostPath, "above/below/again");
  assert.equal(above.hostPath, "above");
});

it("a read-only folder refuses changes", () => {
  const { user } = FileTask.create((kernel) => new HostFs(kernel, new MemoryFileTree({ readOnly: true })));
  assert.equal(user.open("/new", O_CREAT | O_WRONLY), -EROFS);
  assert.equal(user.call("mkdirat", -100, "/d", 0o755), -EROFS);
});
