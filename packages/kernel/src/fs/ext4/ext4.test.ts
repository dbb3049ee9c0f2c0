/**
 * ext2, ext3 and ext4: the conformance suite over what mke2fs makes with different features, and random changes. Judge:
 * e2fsck finds nothing to mend, and the files are there when they are mounted again.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { extendedTest, sampleCount, sampleOf } from "@stratos/base/testing";
import {
  AT_FDCWD,
  AT_REMOVEDIR,
  EINVAL,
  ENOENT,
  ENOSPC,
  EROFS,
  EUCLEAN,
  FALLOC_FL_COLLAPSE_RANGE,
  FALLOC_FL_INSERT_RANGE,
  EOPNOTSUPP,
  FALLOC_FL_KEEP_SIZE,
  FALLOC_FL_PUNCH_HOLE,
  FALLOC_FL_ZERO_RANGE,
  FIEMAP_EXTENT_LAST,
  FS_COMPR_FL,
  FS_IOC_FIEMAP,
  FS_IOC_GETFLAGS,
  FS_IOC_SETFLAGS,
  FS_NODUMP_FL,
  Fiemap,
  FiemapExtent,
  LOOP_CTL_GET_FREE,
  LOOP_SET_FD,
  MS_RDONLY,
  O_APPEND,
  O_CREAT,
  O_RDWR,
  O_TMPFILE,
} from "@stratos/abi";
import { BytesCursor, SeededRandom } from "@stratos/base";
import { Ext4Reader, FormatError, INODE_FLAG } from "@stratos/formats/ext4";
import {
  askExt4,
  changeExt4,
  checkExt4,
  makeExt4,
  makeExt4Of,
  reindexExt4,
  writeJournal,
} from "../../testing/ext4-image.ts";
import { diskMachine } from "../../testing/disk-machine.ts";
import { memoryDevice } from "../../testing/memory-device.ts";
import { fileSystemConformance } from "../../testing/file-system-conformance.ts";
import { BUFFER, FileTask } from "../../testing/file-system-task.ts";
import { CALL_WORK } from "../../ground/call-work.ts";
import { UNFINISHED } from "../../ground/wait-queue.ts";
import { putPages, readPages } from "../../vfs/regular-file.ts";
import type { FsKernel } from "../fs-kernel.ts";
import { Tmpfs } from "../tmpfs/tmpfs.ts";
import { DamagedDirectory } from "./ext4-directory.ts";
import { DiskError, MountedDisk } from "../mounted-disk.ts";
import { mountExt4 } from "./ext4-mount.ts";
import { Ext4FileSystem } from "./ext4.ts";

const MIB = 1 << 20;

function mountOn(kernel: FsKernel, bytes: Uint8Array, readOnly = false): Ext4FileSystem {
  const device = memoryDevice(bytes);
  return Ext4FileSystem.mount(kernel, "ext4", device, new Ext4Reader(new MountedDisk(device)), readOnly);
}

const KINDS: Readonly<Record<string, readonly string[]>> = {
  ext4: ["-t", "ext4"],
  "ext4, large blocks, several groups": ["-t", "ext4", "-b", "4096", "-g", "2048"],
  "ext4 with CRC-16, old inodes": ["-t", "ext4", "-I", "128", "-O", "^metadata_csum,uninit_bg,^64bit,^flex_bg"],
  ext3: ["-t", "ext3", "-b", "2048"],
  ext2: ["-t", "ext2", "-b", "1024"],
};
const made = new Map<string, Uint8Array>();

function imageOf(kind: string): Uint8Array<ArrayBuffer> {
  let image = made.get(kind);
  if (image === undefined) made.set(kind, (image = makeExt4(24 * MIB, ...KINDS[kind]!)));
  return new Uint8Array(image);
}

for (const kind of sampleOf(["ext4", "ext4 with CRC-16, old inodes", "ext2"], 2))
  fileSystemConformance(kind, (kernel) => mountOn(kernel, imageOf(kind)));

/** A task whose root is a file system of `bytes`. */
function mounted(bytes: Uint8Array): { user: FileTask; root: Ext4FileSystem } {
  let root!: Ext4FileSystem;
  const { user } = FileTask.create((kernel) => (root = mountOn(kernel, bytes)), { memoryBytes: 32 * MIB });
  return { user, root };
}

/** The same by way of mount(2)'s own door, which plays the journal back. */
function mountedByType(bytes: Uint8Array): { user: FileTask; root: Ext4FileSystem } {
  let root!: Ext4FileSystem;
  const { user } = FileTask.create((kernel) => {
    const made = mountExt4(kernel, "ext4", new Map(), { device: memoryDevice(bytes), readOnly: false });
    assert.ok(made instanceof Ext4FileSystem, `${made}`);
    return (root = made);
  });
  return { user, root };
}

/** All that can be seen of a tree. */
function look(user: FileTask, folder = ""): string[] {
  const found: string[] = [];
  const inode = user.task.fs.root.dentry.inode!;
  let at = inode;
  for (const name of folder.split("/").filter((part) => part !== "")) at = at.lookup(name) as typeof inode;
  const names: string[] = [];
  assert.equal(
    at.list(0, (name) => (names.push(name), true)),
    0,
  );
  for (const name of names.sort()) {
    const path = `${folder}/${name}`;
    if (path === "/lost+found") continue;
    const stat = user.stat(path);
    assert.ok(typeof stat !== "number", `${path}: ${stat}`);
    const isFolder = (stat.mode & 0o170000) === 0o040000;
    found.push(`${path} ${stat.mode.toString(8)} ${isFolder ? "" : `${stat.nlink} ${stat.size} ${user.get(path)}`}`);
    if (isFolder) found.push(...look(user, path));
  }
  return found;
}

/** One change by chance, as the same system calls on all of `users`: each must give the same results. */
function change(random: SeededRandom, users: readonly FileTask[], hasRanges: boolean): string {
  const name = (): string => "abcdef"[random.below(6)]!.repeat(1 + random.below(30));
  const path = random.below(2) === 0 ? `/${name()}` : `/${name()}/${name()}`;
  const other = random.below(2) === 0 ? `/${name()}` : `/${name()}/${name()}`;
  const kind = random.below(hasRanges ? 12 : 9);
  const numbers = [random.below(60_000), 1 + random.below(5000), random.below(3)] as const;
  const results = users.map((user): number | string => {
    const onFile = (flags: number, act: (fd: number) => number): number => {
      const fd = user.open(path, flags);
      if (fd < 0) return fd;
      const result = act(fd);
      user.call("close", fd);
      return result;
    };
    const [offset, length, choice] = numbers;
    switch (kind) {
      case 0:
        return user.call("mkdirat", AT_FDCWD, path, 0o755);
      case 1:
      case 2:
        return onFile(O_RDWR | O_CREAT, (fd) => user.call("pwrite64", fd, "w".repeat(length), length, offset));
      case 3:
        return onFile(O_RDWR | O_APPEND, (fd) => user.write(fd, "a".repeat(length)));
      case 4:
        return user.call("truncate", path, choice === 0 ? 0 : offset);
      case 5:
        return user.call("renameat2", AT_FDCWD, path, AT_FDCWD, other, choice === 2 ? 2 : 0);
      case 6:
        return user.call("linkat", AT_FDCWD, path, AT_FDCWD, other, 0);
      case 7:
        return user.call("unlinkat", AT_FDCWD, path, choice === 0 ? AT_REMOVEDIR : 0);
      case 8:
        return user.get(path);
      case 9:
        return onFile(O_RDWR, (fd) =>
          user.call("fallocate", fd, choice === 0 ? FALLOC_FL_KEEP_SIZE : 0, offset, length),
        );
      case 10:
        return onFile(O_RDWR, (fd) =>
          user.call("fallocate", fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length),
        );
      default:
        return onFile(O_RDWR, (fd) => {
          const zeroed = user.call("fallocate", fd, FALLOC_FL_ZERO_RANGE, offset, length);
          if (zeroed !== -EOPNOTSUPP) return zeroed;
          // The twin's file system has none: a hole, and room for it.
          user.call("fallocate", fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length);
          return user.call("fallocate", fd, 0, offset, length);
        });
    }
  });
  for (const result of results) assert.equal(result, results[0], `${kind} ${path} ${other} ${numbers}`);
  return `${kind} ${path}`;
}

describe("what is written is there when it is mounted again, and e2fsck finds nothing to mend", () => {
  for (const kind of Object.keys(KINDS))
    it(kind, () => {
      const seed = 7;
      const random = new SeededRandom(seed);
      const bytes = imageOf(kind);
      const { user, root } = mounted(bytes);
      const { user: model } = FileTask.create((kernel) => new Tmpfs(kernel, { sizeBytes: 32 * MIB }), {
        memoryBytes: 64 * MIB,
      });
      const hasRanges = kind.startsWith("ext4");
      for (let step = 0; step < 1500; step++) {
        change(random, [user, model], hasRanges);
        if (step % 300 === 299) assert.equal(user.call("sync"), 0);
      }
      assert.deepEqual(look(user), look(model), `seed ${seed}`);
      root.shutdown();
      checkExt4(bytes);
      const again = mounted(bytes);
      assert.deepEqual(look(again.user), look(model), `seed ${seed}`);
    });
});

it("names of a folder with a hash tree are found, and it takes more", () => {
  // e2fsck -D makes the tree that Linux makes of a large folder.
  const names = Array.from({ length: 200 }, (_, index) => `a-name-that-is-rather-long-${index}`);
  const commands = names.map((name) => `symlink ${name} target`);
  const bytes = reindexExt4(changeExt4(imageOf("ext4"), ...commands));
  assert.match(askExt4(bytes, "stat /"), /Flags: 0x81000/);
  const { user, root } = mounted(bytes);
  for (const name of names) assert.equal(root.root.lookup(name) instanceof Object, true, name);
  for (let index = 0; index < 300; index++) user.put(`/another-long-name-in-the-folder-${index}`, "");
  for (const name of names.slice(0, 100)) assert.equal(user.call("unlinkat", AT_FDCWD, `/${name}`, 0), 0);
  root.shutdown();
  checkExt4(bytes);
});

it("a full file system says ENOSPC, loses nothing and works again", () => {
  const bytes = makeExt4(2 * MIB, "-t", "ext4", "-O", "^has_journal");
  const { user, root } = mounted(bytes);
  user.put("/kept", "x".repeat(3000));
  const fd = user.open("/large", O_RDWR | O_CREAT);
  const text = "z".repeat(4096);
  let written = 0;
  for (let put = user.write(fd, text); put > 0; put = user.write(fd, text)) written += put;
  assert.equal(user.write(fd, text), -ENOSPC);
  assert.equal(user.call("fsync", fd), 0);
  user.call("close", fd);
  assert.equal(user.get("/large"), "z".repeat(written));
  assert.equal(user.call("unlinkat", AT_FDCWD, "/large", 0), 0);
  user.put("/again", "y".repeat(100_000));
  assert.equal(user.get("/kept"), "x".repeat(3000));
  root.shutdown();
  checkExt4(bytes);
});

it("ranges are taken out and put in, and a file without a name takes nothing after its close", () => {
  const bytes = imageOf("ext4");
  const { user, root } = mounted(bytes);
  const free = root.usage().blocksFree;
  const fd = user.open("/", O_RDWR | O_TMPFILE);
  for (const letter of "abcd") user.write(fd, letter.repeat(1024));
  assert.equal(user.call("fallocate", fd, FALLOC_FL_COLLAPSE_RANGE, 1024, 1024), 0);
  assert.equal(user.call("fallocate", fd, FALLOC_FL_INSERT_RANGE, 0, 2048), 0);
  user.call("lseek", fd, 0, 0);
  const zeroes = "\0".repeat(2048);
  assert.equal(user.read(fd, 8192), zeroes + "a".repeat(1024) + "c".repeat(1024) + "d".repeat(1024));
  user.call("close", fd);
  assert.equal(root.usage().blocksFree, free);
  root.shutdown();
  checkExt4(bytes);
});

it("FS_IOC_FIEMAP tells where each block lies, and one that nobody wrote takes no place", () => {
  const bytes = imageOf("ext2");
  const { user, root } = mounted(bytes);
  const fd = user.open("/sparse", O_RDWR | O_CREAT);
  const letters = ["a", "b", "c"];
  letters.forEach((letter, index) => user.call("pwrite64", fd, letter.repeat(1024), 1024, index * 2048));
  const { view, u8 } = user.memory;
  u8.fill(0, BUFFER, BUFFER + 500);
  view.setBigInt64(BUFFER + Fiemap.offset.fm_length, -1n, true);
  view.setUint32(BUFFER + Fiemap.offset.fm_extent_count, 8, true);
  assert.equal(user.call("ioctl", fd, FS_IOC_FIEMAP, BUFFER), 0);
  const extents = Array.from({ length: view.getUint32(BUFFER + Fiemap.offset.fm_mapped_extents, true) }, (_, index) => {
    const at = BUFFER + Fiemap.offset.fm_extents + index * FiemapExtent.size;
    const field = (name: "fe_logical" | "fe_length" | "fe_physical"): number =>
      Number(view.getBigUint64(at + FiemapExtent.offset[name], true));
    const content = Buffer.from(bytes.subarray(field("fe_physical")).subarray(0, 1024)).toString();
    return [
      field("fe_logical"),
      field("fe_length"),
      view.getUint32(at + FiemapExtent.offset.fe_flags, true),
      letters.findIndex((letter) => content === letter.repeat(1024)),
    ];
  });
  assert.deepEqual(extents, [
    [0, 1024, 0, 0],
    [2048, 1024, 0, 1],
    [4096, 1024, FIEMAP_EXTENT_LAST, 2],
  ]);
  root.shutdown();
  checkExt4(bytes);
});

it("flags of a file tell how its blocks are found, and a wish for compression is kept", () => {
  const bytes = imageOf("ext4");
  const flags = (change: number): number => {
    const { user, root } = mounted(bytes);
    const fd = user.open("/file", O_RDWR | O_CREAT);
    assert.equal(user.call("ioctl", fd, FS_IOC_GETFLAGS, BUFFER), 0);
    const before = user.memory.view.getUint32(BUFFER, true);
    user.memory.view.setUint32(BUFFER, before | change, true);
    assert.equal(user.call("ioctl", fd, FS_IOC_SETFLAGS, BUFFER), 0);
    root.shutdown();
    checkExt4(bytes);
    return before;
  };
  assert.equal(flags(FS_COMPR_FL | FS_NODUMP_FL), INODE_FLAG.extents);
  assert.equal(flags(0), INODE_FLAG.extents | FS_COMPR_FL | FS_NODUMP_FL);
});

it("a journal that was not played back is, as e2fsck does it", () => {
  const content = new Uint8Array(3 * 1024).fill(0x6a);
  const block = 12_000;
  const dirty = writeJournal(imageOf("ext4"), block, content);
  assert.match(askExt4(dirty, "features"), /needs_recovery/);
  const { user, root } = mountedByType(dirty);
  assert.equal(user.stat("/lost+found") instanceof Object, true);
  root.shutdown();
  assert.deepEqual(dirty.subarray(block * 1024, (block + 3) * 1024), content);
  assert.doesNotMatch(askExt4(dirty, "features"), /needs_recovery/);
  checkExt4(dirty);
});

it("mount(2) mounts one on a loop device, and says what it is", () => {
  const bytes = imageOf("ext4");
  const { user, messages } = diskMachine({ memoryBytes: 128 * MIB });
  const { kernel } = user.task;
  const file = user.open("/disk", O_RDWR | O_CREAT);
  user.call("mkdirat", AT_FDCWD, "/mnt", 0o755);
  putPages(kernel, user.task.files.get(file)!.inode!, new BytesCursor(bytes), 0, bytes.length);
  assert.equal(user.call("ioctl", user.open("/dev/loop-control", O_RDWR), LOOP_CTL_GET_FREE, 0), 0);
  const device = user.open("/dev/loop0", O_RDWR);
  assert.equal(user.call("ioctl", device, LOOP_SET_FD, file), 0);
  assert.equal(user.call("mount", "/dev/loop0", "/mnt", "ext2", 0, 0), -EINVAL);
  assert.match(messages.join("\n"), /couldn't mount as ext2 due to feature incompatibilities/);
  assert.equal(user.call("mount", "/dev/loop0", "/mnt", "ext4", MS_RDONLY, 0), 0);
  assert.equal(user.open("/mnt/no", O_RDWR | O_CREAT), -EROFS);
  assert.equal(user.call("umount2", "/mnt", 0), 0);
  assert.equal(user.call("mount", "/dev/loop0", "/mnt", "ext4", 0, 0), 0);
  user.put("/mnt/hello", "content ".repeat(3000));
  assert.equal(user.call("umount2", "/mnt", 0), 0);
  const after = new Uint8Array(bytes.length);
  const inode = user.task.files.get(file)!.inode!;
  for (let at = 0; at < after.length;) at += readPages(kernel, inode, new BytesCursor(after.subarray(at)), at);
  checkExt4(after);
  assert.match(askExt4(after, "cat /hello"), /^(content ){3000}$/);
});

extendedTest("a folder of many names is read by several executions of a call, by each within its work", () => {
  const names = Array.from({ length: 9000 }, (_, index) => `${index}-${"x".repeat(90)}`);
  const { user, root } = mounted(makeExt4Of(24 * MIB, names, "-t", "ext4", "-b", "4096"));
  const { work } = user.task.kernel;
  const ask = (act: () => unknown): { result: unknown; pieces: number } => {
    for (let pieces = 1; ; pieces++) {
      work.begin();
      const result = act();
      // A block more than it may, with its names.
      assert.ok(work.spent < CALL_WORK + 200, `${work.spent} units`);
      if (result !== UNFINISHED) return { result, pieces };
    }
  };
  const first = ask(() => root.root.lookup(names[8999]!));
  assert.ok(first.result instanceof Object && first.pieces > 4, `${first.pieces} pieces`);
  assert.equal(ask(() => root.root.lookup("missing")).result, -ENOENT);
  assert.equal(ask(() => root.root.lookup("missing")).pieces, 1);
  root.root.forgetNames();
  assert.ok(ask(() => root.root.listingRefused).pieces > 4);
  const listed: string[] = [];
  root.root.list(0, (name) => (listed.push(name), true));
  assert.deepEqual(listed.filter((name) => name !== "lost+found").sort(), [...names].sort());
});

/** An image without checksums, and where an inode of it lies. */
function plainImage(name: string): { bytes: Uint8Array<ArrayBuffer>; inode: DataView } {
  const bytes = changeExt4(makeExt4(24 * MIB, "-t", "ext4", "-O", "^metadata_csum"), `mkdir ${name}`);
  const reader = new Ext4Reader(new MountedDisk(memoryDevice(bytes)));
  const ino = Number(/Inode: (\d+)/.exec(askExt4(bytes, `stat /${name}`))![1]);
  return { bytes, inode: new DataView(bytes.buffer, reader.inodeOffset(ino), 256) };
}

const I_MODE = 0x00,
  I_SIZE = 0x04,
  I_FLAGS = 0x20,
  I_BLOCK = 0x28,
  I_SIZE_HIGH = 0x6c;

it("a map of blocks that leads to itself ends", () => {
  const { bytes, inode } = plainImage("file");
  const block = inode.getUint32(I_BLOCK + 12 + 8, true);
  inode.setUint16(I_MODE, 0o100644, true);
  inode.setUint32(I_FLAGS, 0, true);
  inode.setUint32(I_SIZE_HIGH, 4, true);
  // Three levels of it, a thousand million blocks.
  for (let index = 0; index < 15; index++) inode.setUint32(I_BLOCK + index * 4, index === 14 ? block : 0, true);
  new Uint32Array(bytes.buffer, block * 1024, 256).fill(block);
  const { user } = mounted(bytes);
  const fd = user.open("/file");
  assert.ok(fd >= 0);
  assert.equal(user.call("pread64", fd, 0x9000, 100, 12 * 1024 + 256 * 1024 * 300), -EUCLEAN);
});

it("a folder that has its blocks again and again is refused", () => {
  const { bytes, inode } = plainImage("folder");
  inode.setUint32(I_SIZE, 80_000 * 1024, true);
  inode.setUint16(I_BLOCK + 2, 4, true);
  for (let index = 0; index < 4; index++) {
    inode.setUint32(I_BLOCK + 12 + index * 12, index * 20_000, true);
    inode.setUint32(I_BLOCK + 12 + index * 12 + 4, 20_000, true);
    inode.setUint32(I_BLOCK + 12 + index * 12 + 8, 100, true);
  }
  const { user } = mounted(bytes);
  assert.equal(user.stat("/folder/name"), -EUCLEAN);
  assert.equal(user.call("mkdirat", AT_FDCWD, "/folder/other", 0o755), -EUCLEAN);
});

it("damage is an error, whatever it is", () => {
  const random = new SeededRandom(3);
  const image = imageOf("ext4");
  const { user, root } = mounted(image);
  for (let step = 0; step < 200; step++) change(random, [user], true);
  root.shutdown();
  for (let round = 0; round < sampleCount(60, 0.25); round++) {
    const bytes = image.slice();
    // Where its structures lie; without their checksums more of it is believed.
    bytes[1024 + 0x65]! &= ~4;
    for (let flips = 0; flips < 40; flips++) bytes[1024 + random.below(400_000)] = random.below(256);
    let damaged: ReturnType<typeof mounted>;
    try {
      damaged = mounted(bytes);
    } catch (thrown) {
      assert.ok(
        thrown instanceof FormatError || thrown instanceof DiskError || thrown instanceof DamagedDirectory,
        `round ${round}: ${(thrown as Error).stack}`,
      );
      continue;
    }
    const names: string[] = [];
    damaged.root.root.list(0, (name) => (names.push(name), true));
    for (const name of names) {
      const stat = damaged.user.stat(`/${name}`);
      if (typeof stat !== "number" && stat.size < 1 << 20) damaged.user.get(`/${name}`);
    }
    for (let step = 0; step < 40; step++) changeAlone(random, damaged.user);
    damaged.root.shutdown();
  }
});

/** For a file system that answers what it wants. */
function changeAlone(random: SeededRandom, user: FileTask): void {
  change(random, [user], true);
}
