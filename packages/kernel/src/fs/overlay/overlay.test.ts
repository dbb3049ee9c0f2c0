/**
 * overlayfs: the conformance suite, over an upper layer alone and over one with a lower layer. What layers show, hide
 * and copy is held against Linux by tests/abi/overlays.c; here is what can only be seen from inside: work that is
 * bounded, and what is let go of.
 */
import assert from "node:assert/strict";
import { it } from "node:test";
import {
  AT_FDCWD,
  AT_REMOVEDIR,
  ENOTEMPTY,
  O_CREAT,
  O_DIRECTORY,
  O_RDWR,
  PAGE_SIZE,
  S_IFDIR,
  isErrno,
} from "@stratos/abi";
import { BytesCursor } from "@stratos/base";
import { format, mount } from "@stratos/aegisfs";
import { MemoryBlockDevice } from "@stratos/host";
import { UNFINISHED } from "../../ground/wait-queue.ts";
import { ROOT } from "../../security/credentials.ts";
import type { Kernel } from "../../task/kernel-state.ts";
import { syncCalls } from "../../syscall/sync-calls.ts";
import { asCurrent } from "../../testing/fake-task.ts";
import { fileSystemConformance } from "../../testing/file-system-conformance.ts";
import { BUFFER, FileTask } from "../../testing/file-system-task.ts";
import type { Dentry } from "../../vfs/dentry.ts";
import type { FileSystem } from "../../vfs/file-system.ts";
import { holdFileSystem } from "../../vfs/mount-lifetime.ts";
import { putPages } from "../../vfs/regular-file.ts";
import { AegisFileSystem } from "../aegisfs/aegisfs.ts";
import { Tmpfs } from "../tmpfs/tmpfs.ts";
import { addToLayer, clearLeftovers, firstNames } from "./layer.ts";
import { Overlay } from "./overlay.ts";

/** Three folders, of one tmpfs or on other file systems, and the overlay that they make. */
class Layered {
  readonly overlay: Overlay;
  readonly base: Tmpfs;
  readonly low: Dentry;
  readonly up: Dentry;
  readonly #kernel: Kernel;

  constructor(kernel: Kernel, { above, below }: { above?: FileSystem; below?: FileSystem } = {}) {
    this.#kernel = kernel;
    this.base = new Tmpfs(kernel);
    this.low = this.folder(holdFileSystem(kernel, below ?? this.base), "low");
    const root = holdFileSystem(kernel, above ?? this.base);
    this.up = this.folder(root, "up");
    const options = { lower: ["low"], upper: "up", work: "work", userXattr: false, isVolatile: false };
    const roots = { upper: this.up, lowers: [this.low], work: this.folder(root, "work"), idMaps: null };
    this.overlay = new Overlay(kernel, roots, options, ROOT);
  }

  folder(parent: Dentry, name: string): Dentry {
    return this.make(parent, name, S_IFDIR | 0o755);
  }

  make(parent: Dentry, name: string, mode: number): Dentry {
    const attributes = { mode, uid: 0, gid: 0, rdev: 0, now: this.#kernel.vfs.now() };
    const made = addToLayer(this.#kernel, parent, name, (directory, own) =>
      mode >> 12 === S_IFDIR >> 12 ? directory.mkdir(own, attributes) : directory.create(own, attributes),
    );
    assert.ok(!isErrno(made));
    return made;
  }
}

function aegisfs(kernel: Kernel): FileSystem {
  const device = new MemoryBlockDevice(64 << 20);
  assert.equal(format(device, { uuid: new Uint8Array(16), hashSeed: 1 }), 0);
  const volume = mount(device);
  assert.ok(typeof volume !== "string");
  return new AegisFileSystem(kernel, volume);
}

fileSystemConformance("overlay", (kernel) => new Layered(kernel).overlay);

/** A machine whose root is an overlay, with a file of `pages` pages in the lower layer. */
function withLowerFile(pages: number): { layers: Layered; user: FileTask; kernel: Kernel } {
  let layers!: Layered;
  const { test, user } = FileTask.create((kernel) => (layers = new Layered(kernel)).overlay, {
    memoryBytes: 64 << 20,
  });
  const low = layers.make(layers.low, "big", 0o100644).inode!;
  for (let page = 0; page < pages; page++) {
    const frame = low.pages!.frameForOverwrite(page);
    test.kernel.physical.u8[frame * PAGE_SIZE] = page & 255;
    low.pages!.markDirty(page);
  }
  low.size = pages * PAGE_SIZE;
  return { layers, user, kernel: test.kernel };
}

it("a large file is copied up in pieces of bounded work, and nobody sees it before it is whole", () => {
  const { layers, user, kernel } = withLowerFile(3000);
  const inode = layers.overlay.root.lookup("big");
  assert.ok(!isErrno(inode));
  let executions = 0;
  let result: number;
  do {
    kernel.work.begin();
    result = inode.copyUp();
    executions++;
    assert.ok(kernel.work.spent < kernel.work.limit + 64, `${kernel.work.spent} units`);
    if (result === UNFINISHED) assert.ok(isErrno(layers.up.inode!.lookup("big")), "half a copy has the name");
  } while (result === UNFINISHED);
  assert.equal(result, 0);
  assert.ok(executions > 2, `${executions} executions`);
  const copy = layers.up.inode!.lookup("big");
  assert.ok(!isErrno(copy));
  assert.deepEqual([copy.size, copy.mode], [3000 * PAGE_SIZE, 0o100644]);
  const fd = user.open("/big");
  for (const page of [0, 1, 17, 2999]) {
    user.call("lseek", fd, page * PAGE_SIZE, 0);
    assert.equal(user.read(fd, 2), String.fromCharCode(page & 255) + "\0");
  }
});

it("syncfs stores what waits in the upper layer in pieces of bounded work", () => {
  let stored!: FileSystem;
  const { user, test } = FileTask.create(
    (kernel) => new Layered(kernel, { above: (stored = aegisfs(kernel)) }).overlay,
    { memoryBytes: 64 << 20 },
  );
  const { kernel } = test;
  const fd = user.open("/file", O_RDWR | O_CREAT);
  const content = "x".repeat(15 * PAGE_SIZE);
  for (let written = 0; written < 100; written++) assert.equal(user.write(fd, content), content.length);
  let executions = 0;
  let result: number;
  do {
    kernel.work.begin();
    result = asCurrent(user.task, () => syncCalls["syncfs"]!.run(user.task, fd, 0, 0, 0, 0, 0));
    executions++;
    assert.ok(kernel.work.spent < 3 * kernel.work.limit, `${kernel.work.spent} units`);
  } while (result === UNFINISHED);
  assert.equal(result, 0);
  assert.ok(executions > 2, `${executions} executions`);
  assert.deepEqual(
    [...kernel.vfs.dirty].filter(({ fileSystem }) => fileSystem === stored),
    [],
  );
});

it("opening with O_TRUNC copies nothing of what goes", () => {
  const { layers, user, kernel } = withLowerFile(1000);
  const before = kernel.frames.usedCount;
  user.put("/big", "short");
  assert.equal(kernel.frames.usedCount - before, 1);
  assert.equal(user.get("/big"), "short");
  assert.equal((layers.low.inode!.lookup("big") as { size: number }).size, 1000 * PAGE_SIZE);
});

it("a copy that nobody finishes goes with its file", () => {
  const { layers, kernel } = withLowerFile(3000);
  const inode = layers.overlay.root.lookup("big");
  assert.ok(!isErrno(inode));
  const frames = kernel.frames.usedCount;
  kernel.work.begin();
  assert.equal(inode.copyUp(), UNFINISHED);
  assert.ok(kernel.frames.usedCount > frames + 100);
  inode.evictUnused();
  assert.equal(kernel.frames.usedCount, frames);
});

it("a large folder of the lower layer is removed as it is listed, in several calls", () => {
  let layers!: Layered;
  const { user } = FileTask.create((kernel) => (layers = new Layered(kernel, { below: aegisfs(kernel) })).overlay, {
    memoryBytes: 64 << 20,
  });
  const many = layers.folder(layers.low, "many");
  for (let at = 0; at < 500; at++) layers.make(many, `name-${at}`, 0o100644);
  const fd = user.open("/many", O_DIRECTORY);
  let removed = 0;
  for (;;) {
    const count = user.call("getdents64", fd, BUFFER, 512);
    if (count === 0) break;
    for (const name of user.namesIn(count)) {
      if (name === "." || name === "..") continue;
      assert.equal(user.call("unlinkat", AT_FDCWD, `/many/${name}`, 0), 0);
      removed++;
    }
  }
  assert.equal(removed, 500);
  assert.equal(user.call("unlinkat", AT_FDCWD, "/many", AT_REMOVEDIR), 0);
});

/** A folder of 6,000 names in the lower layer, and a call that is executed until it ends. */
function withManyNames(): { layers: Layered; user: FileTask; inPieces: (act: () => number) => [number, number] } {
  let layers!: Layered;
  const { user, test } = FileTask.create((kernel) => (layers = new Layered(kernel)).overlay, {
    memoryBytes: 256 << 20,
  });
  const many = layers.folder(layers.low, "many");
  for (let at = 0; at < 6000; at++) layers.make(many, `name-${at}`, 0o100644);
  const { work } = test.kernel;
  /** @returns what the call gives, and how many executions it takes */
  const inPieces = (act: () => number): [number, number] => {
    for (let executions = 1; ; executions++) {
      work.begin();
      const result = act();
      assert.ok(work.spent < work.limit + 64, `${work.spent} units`);
      if (result !== UNFINISHED) return [result, executions];
    }
  };
  return { layers, user, inPieces };
}

it("a folder of many names is read in pieces of bounded work, each name once", () => {
  const { layers, inPieces } = withManyNames();
  const inode = layers.overlay.root.lookup("many");
  assert.ok(!isErrno(inode));
  const listed: string[] = [];
  const [result, executions] = inPieces(() => inode.list(0, (name) => listed.push(name) > 0));
  assert.equal(result, 0);
  assert.ok(executions > 2, `${executions} executions`);
  assert.equal(listed.length, 6000);
  assert.equal(new Set(listed).size, 6000);
});

it("a folder is read from its beginning when it is copied up while it is read", () => {
  const { layers, user, inPieces } = withManyNames();
  const inode = layers.overlay.root.lookup("many");
  assert.ok(!isErrno(inode));
  user.task.kernel.work.begin();
  const emit = (): boolean => true;
  assert.equal(inode.list(0, emit), UNFINISHED);
  assert.equal(user.call("unlinkat", AT_FDCWD, "/many/name-0", 0), 0);
  const listed: string[] = [];
  assert.equal(inPieces(() => inode.list(0, (name) => listed.push(name) > 0))[0], 0);
  assert.equal(listed.length, 5999);
  assert.ok(!listed.includes("name-0"));
});

it("a reading that nobody finishes tells the next reader nothing that is over", () => {
  const { layers, user, inPieces } = withManyNames();
  const inode = layers.overlay.root.lookup("many");
  assert.ok(!isErrno(inode));
  user.put("/many/above", "");
  user.put("/many/later", "");
  user.task.kernel.work.begin();
  assert.equal(
    inode.list(0, () => true),
    UNFINISHED,
  );
  const change = (name: string, ...args: (number | string)[]): void => assert.equal(user.call(name, ...args), 0);
  change("unlinkat", AT_FDCWD, "/many/above", 0);
  change("unlinkat", AT_FDCWD, "/many/name-0", 0);
  change("renameat2", AT_FDCWD, "/many/name-1", AT_FDCWD, "/many/moved", 0);
  change("unlinkat", AT_FDCWD, "/many/name-5999", 0);
  change("unlinkat", AT_FDCWD, "/many/later", 0);
  user.put("/many/later", "again");
  user.put("/many/new", "");
  const listed: string[] = [];
  assert.equal(inPieces(() => inode.list(0, (name) => listed.push(name) > 0))[0], 0);
  const gone = new Set([0, 1, 5999]);
  const kept = Array.from({ length: 6000 }, (_, at) => at).filter((at) => !gone.has(at));
  assert.deepEqual(listed.sort(), [...kept.map((at) => `name-${at}`), "later", "moved", "new"].sort());
});

it("a folder whose names are all gone is removed in pieces, and shows none of them meanwhile", () => {
  const { layers, user, inPieces } = withManyNames();
  for (let at = 0; at < 6000; at++) assert.equal(user.call("unlinkat", AT_FDCWD, `/many/name-${at}`, 0), 0);
  const { root } = layers.overlay;
  const inode = root.lookup("many");
  assert.ok(!isErrno(inode));
  const whiteouts = (): number => {
    let count = 0;
    const upper = layers.up.inode!.lookup("many");
    if (!isErrno(upper)) upper.list(0, () => ++count > 0);
    return count;
  };
  let seen = 0;
  const [result, executions] = inPieces(() => {
    const left = whiteouts();
    if (left > 0 && left < 6000) {
      seen++;
      assert.equal(root.lookup("many"), inode);
      assert.equal(isErrno(inode.lookup("name-0")), true);
      assert.equal(isErrno(inode.lookup("name-5999")), true);
    }
    return root.rmdir("many", inode);
  });
  assert.equal(result, 0);
  assert.ok(executions > 6 && seen > 2, `${executions} executions`);
  assert.equal(isErrno(root.lookup("many")), true);
  assert.equal(whiteouts(), 0);
});

it("a folder in which something came while it was emptied stays, with that alone", () => {
  const { layers, user } = withManyNames();
  for (let at = 0; at < 6000; at++) assert.equal(user.call("unlinkat", AT_FDCWD, `/many/name-${at}`, 0), 0);
  const { root } = layers.overlay;
  const inode = root.lookup("many");
  assert.ok(!isErrno(inode));
  const { kernel } = user.task;
  const remove = (): number => {
    kernel.work.begin();
    return root.rmdir("many", inode);
  };
  for (let executions = 0; executions < 5; executions++) assert.equal(remove(), UNFINISHED);
  user.put("/many/late", "here");
  let result: number;
  do result = remove();
  while (result === UNFINISHED);
  assert.equal(result, -ENOTEMPTY);
  assert.deepEqual(user.list("/many"), [".", "..", "late"]);
  assert.equal(user.get("/many/late"), "here");
});

it("what a change before left in the working folder goes in pieces", () => {
  const { layers, user, inPieces } = withManyNames();
  const work = layers.overlay.work!;
  const left = layers.folder(work, "#1");
  for (let at = 0; at < 3000; at++) layers.make(left, `left-${at}`, 0o100644);
  const [result, executions] = inPieces(() => clearLeftovers(user.task.kernel, work));
  assert.equal(result, 0);
  assert.ok(executions > 4, `${executions} executions`);
  assert.equal(firstNames(work), 0);
});

it("what is copied up is the file system's before it has its name", () => {
  let layers!: Layered;
  const { user } = FileTask.create((kernel) => (layers = new Layered(kernel, { above: aegisfs(kernel) })).overlay);
  const low = layers.make(layers.low, "file", 0o100644).inode!;
  putPages(user.task.kernel, low, BytesCursor.ofString("content below"), 0, 13);
  assert.equal(user.call("fchmodat", AT_FDCWD, "/file", 0o600), 0);
  const copy = layers.up.inode!.lookup("file");
  assert.ok(!isErrno(copy));
  assert.equal(copy.pages!.hasDirty, false);
  assert.equal(user.get("/file"), "content below");
});

it("when files go, so does what the overlay held for them", () => {
  const { layers, user, kernel } = withLowerFile(1);
  const inodes = layers.base.inodesUsed,
    frames = kernel.frames.usedCount;
  for (let round = 0; round < 50; round++) {
    user.call("mkdirat", AT_FDCWD, "/folder", 0o755);
    user.put("/folder/file", "content");
    const fd = user.open("/folder/file", O_RDWR);
    user.call("unlinkat", AT_FDCWD, "/folder/file", 0);
    user.call("close", fd);
    assert.equal(user.call("unlinkat", AT_FDCWD, "/folder", AT_REMOVEDIR), 0);
  }
  assert.deepEqual([layers.base.inodesUsed, kernel.frames.usedCount], [inodes, frames]);
});

it("a folder over one that was removed is empty, and leaves nothing in the work folder", () => {
  let layers!: Layered;
  const { user } = FileTask.create((kernel) => (layers = new Layered(kernel)).overlay);
  layers.make(layers.folder(layers.low, "d"), "old", 0o100644);
  assert.equal(user.call("unlinkat", AT_FDCWD, "/d/old", 0), 0);
  assert.equal(user.call("unlinkat", AT_FDCWD, "/d", AT_REMOVEDIR), 0);
  assert.equal(user.call("mkdirat", AT_FDCWD, "/d", 0o755), 0);
  assert.deepEqual(user.list("/d"), [".", ".."]);
  const left: string[] = [];
  layers.overlay.work!.inode!.list(0, (name) => left.push(name) > 0);
  assert.deepEqual(
    left.filter((name) => !name.startsWith(".")),
    [],
  );
});
