/** AegisFS under the kernel: the conformance suite, and that what was synced is there after the next mount. */
import assert from "node:assert/strict";
import { it } from "node:test";
import {
  AT_FDCWD,
  BUS_ADRERR,
  EDQUOT,
  EFBIG,
  EINVAL,
  ENOMEM,
  ENOSPC,
  FALLOC_FL_COLLAPSE_RANGE,
  FALLOC_FL_INSERT_RANGE,
  FALLOC_FL_KEEP_SIZE,
  FALLOC_FL_PUNCH_HOLE,
  FICLONE,
  FIEMAP_EXTENT_UNWRITTEN,
  FS_IOC_FIEMAP,
  MAP_SHARED,
  O_CREAT,
  O_RDWR,
  PROT_READ,
  PROT_WRITE,
  SEEK_SET,
  SIGBUS,
  O_TRUNC,
  O_WRONLY,
  RENAME_EXCHANGE,
  S_IFREG,
} from "@stratos/abi";
import {
  ATTRIBUTE_PROJECT,
  Attributes,
  check,
  format,
  mount,
  mountOverlay,
  QUOTA_GROUP,
  QUOTA_PROJECT,
  QUOTA_USER,
  ROOT_INO,
  type MountOptions,
  type QuotaKind,
  type Volume,
} from "@stratos/aegisfs";
import { MemoryBlockDevice } from "@stratos/host";
import { BUFFER, FileTask, type Stat } from "../../testing/file-system-task.ts";
import { createMemoryTask } from "../../testing/memory-task.ts";
import type { PageCache } from "../../frames/page-cache.ts";
import { mmap } from "../../mm/mmap.ts";
import { handlePageFault } from "../../mm/page-fault.ts";
import type { Kernel } from "../../task/kernel-state.ts";
import { mountRoot } from "../../vfs/boot-mounts.ts";
import { onlyAccessTimesWait, syncAll } from "../../vfs/write-back.ts";
import { fileSystemConformance } from "../../testing/file-system-conformance.ts";
import { Tmpfs } from "../tmpfs/tmpfs.ts";
import { AegisFileSystem } from "./aegisfs.ts";

function fresh(mib = 64): MemoryBlockDevice {
  const device = new MemoryBlockDevice(mib << 20);
  assert.equal(format(device, { uuid: new Uint8Array(16), hashSeed: 1 }), 0);
  return device;
}

function mounted(device: MemoryBlockDevice, options: MountOptions = {}): Volume {
  const volume = mount(device, options);
  if (typeof volume === "string") throw new Error(volume);
  return volume;
}

fileSystemConformance("aegisfs", (kernel) => new AegisFileSystem(kernel, mounted(fresh())));
fileSystemConformance(
  "aegisfs that commits after every few nodes",
  (kernel) => new AegisFileSystem(kernel, mounted(fresh(), { dirtyNodes: 3, cacheNodes: 4 })),
);
fileSystemConformance("aegisfs as a clone in memory", (kernel) => {
  const clone = mountOverlay(fresh(), new MemoryBlockDevice(64 << 20), { volatile: true });
  if (typeof clone === "string") throw new Error(clone);
  return new AegisFileSystem(kernel, clone);
});

it("what was synced is there after the next mount", () => {
  const device = fresh();
  const { user } = FileTask.create((kernel) => new AegisFileSystem(kernel, mounted(device)));
  user.call("mkdirat", AT_FDCWD, "/d", 0o755);
  user.put("/d/small", "inline");
  user.put("/d/large", "x".repeat(10_000));
  user.call("symlinkat", "/d/small", AT_FDCWD, "/link");
  user.call("linkat", AT_FDCWD, "/d/small", AT_FDCWD, "/hard", 0);
  syncAll(user.task.kernel);
  assert.deepEqual(check(device, { data: true }), []);
  const again = FileTask.create((kernel) => new AegisFileSystem(kernel, mounted(device))).user;
  assert.equal(again.get("/link"), "inline");
  assert.equal(again.get("/d/large"), "x".repeat(10_000));
  assert.equal((again.stat("/hard") as Stat).nlink, 2);
  assert.deepEqual(again.list("/d"), [".", "..", "large", "small"]);
});

it("a file that is unlinked while open gives its space back with the last descriptor", () => {
  const device = fresh();
  let volume!: Volume;
  const { user } = FileTask.create((kernel) => new AegisFileSystem(kernel, (volume = mounted(device))));
  user.put("/f", "x".repeat(24_000));
  syncAll(user.task.kernel);
  const free = volume.usage().freeBlocks;
  const fd = user.open("/f", O_RDWR);
  user.call("unlinkat", AT_FDCWD, "/f", 0);
  syncAll(user.task.kernel);
  assert.equal(volume.usage().freeBlocks, free);
  assert.deepEqual(check(device, { data: true }), []);
  user.call("close", fd);
  syncAll(user.task.kernel);
  assert.ok(volume.usage().freeBlocks >= free + 5);
  assert.deepEqual(check(device, { data: true }), []);
});

it("a full volume says ENOSPC to the writer and works again after unlink", () => {
  const device = fresh(8);
  const { user } = FileTask.create((kernel) => new AegisFileSystem(kernel, mounted(device)));
  const fd = user.open("/f", O_RDWR | O_CREAT);
  let result = 0;
  for (let page = 0; page < 4000 && result >= 0; page++) result = user.write(fd, "x".repeat(4096));
  assert.equal(result, -ENOSPC);
  user.call("close", fd);
  syncAll(user.task.kernel);
  assert.deepEqual(check(device, { data: true }), []);
  assert.equal(user.call("unlinkat", AT_FDCWD, "/f", 0), 0);
  user.put("/g", "y".repeat(24_000));
  syncAll(user.task.kernel);
  assert.equal(user.get("/g"), "y".repeat(24_000));
  assert.deepEqual(check(device, { data: true }), []);
});

it("a write through a mapping that finds no room is SIGBUS, and takes place when there is some", () => {
  const device = fresh(8);
  const { kernel, task, space } = createMemoryTask();
  mountRoot(kernel, new AegisFileSystem(kernel, mounted(device)));
  const user = new FileTask(kernel);
  const sparse = user.open("/sparse", O_RDWR | O_CREAT);
  user.call("ftruncate", sparse, 8192);
  const fd = user.open("/large", O_RDWR | O_CREAT);
  while (user.write(fd, "x".repeat(4096)) > 0);
  user.call("close", fd);
  const file = user.task.files.get(sparse)!;
  const protection = PROT_READ | PROT_WRITE;
  const at = mmap(task, { address: 0, length: 8192, protection, flags: MAP_SHARED, file, offset: 0 });
  assert.equal(space.loadU32(at + 4096), 0);
  assert.deepEqual(handlePageFault(space, at + 4096, "write"), { signal: SIGBUS, code: BUS_ADRERR });
  assert.equal(user.call("unlinkat", AT_FDCWD, "/large", 0), 0);
  syncAll(kernel);
  assert.equal(space.storeU32(at + 4096, 0x64636261), 0);
  syncAll(kernel);
  assert.equal(user.get("/sparse"), `${"\0".repeat(4096)}abcd${"\0".repeat(4092)}`);
  assert.deepEqual(check(device, { data: true }), []);
});

it("holes are found by lseek, also over pages that wait for write-back, and are punched", () => {
  const { user } = FileTask.create((kernel) => new AegisFileSystem(kernel, mounted(fresh())));
  const fd = user.open("/sparse", O_RDWR | O_CREAT);
  user.call("ftruncate", fd, 1 << 20);
  user.call("pwrite64", fd, "data", 4, 5 * 4096);
  assert.equal(user.call("lseek", fd, 0, 3), 5 * 4096);
  assert.equal(user.call("lseek", fd, 5 * 4096, 4), 6 * 4096);
  assert.equal(user.call("fallocate", fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 4 * 4096, 3 * 4096), 0);
  assert.equal((user.fstat(fd) as Stat).blocks, 0);
  const short = user.open("/short", O_RDWR | O_CREAT);
  user.call("write", short, "short", 5);
  assert.equal(user.call("fallocate", short, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096), 0);
  assert.equal((user.fstat(short) as Stat).blocks, 0, "the last page has nothing left to hold");
  user.put("/small", "s".repeat(700));
  const small = user.open("/small", O_RDWR);
  for (let round = 0; round < 2; round++, syncAll(user.task.kernel))
    assert.equal((user.fstat(small) as Stat).blocks, 2, "what lies in the inode is no hole");
});

it("clones and copies share blocks, and ranges are taken out and put in, whatever is in the page cache", () => {
  const device = fresh();
  let volume!: Volume;
  const { user } = FileTask.create((kernel) => new AegisFileSystem(kernel, (volume = mounted(device))));
  const content = "abcdefgh".repeat(5000);
  user.put("/a", content);
  syncAll(user.task.kernel);
  const free = volume.space.freeBlocks;
  const a = user.open("/a", O_RDWR);
  user.call("pwrite64", a, user.text("NEW"), 3, 4096);
  const changed = content.slice(0, 4096) + "NEW" + content.slice(4099);
  const b = user.open("/b", O_RDWR | O_CREAT);
  assert.equal(user.call("ioctl", b, FICLONE, a), 0);
  assert.equal(user.get("/b"), changed);
  const c = user.open("/c", O_RDWR | O_CREAT);
  const nothing = user.open("/nothing", O_RDWR | O_CREAT);
  user.call("lseek", nothing, 5, SEEK_SET);
  assert.equal(user.call("copy_file_range", a, 0, nothing, 0, 0, 0), 0);
  assert.equal(user.get("/nothing"), "", "a copy of nothing makes no file larger");
  assert.equal(user.call("copy_file_range", a, 0, c, 0, 100_000, 0), 40_000);
  assert.equal(user.get("/c"), changed);
  syncAll(user.task.kernel);
  assert.ok(free - volume.space.freeBlocks < 8, `${free - volume.space.freeBlocks} blocks for two copies of ten`);
  user.call("pwrite64", b, user.text("own"), 3, 0);
  assert.equal(user.get("/a"), changed);
  assert.equal(user.get("/b"), "own" + changed.slice(3));
  assert.equal(user.call("fallocate", c, FALLOC_FL_COLLAPSE_RANGE, 4096, 8192), 0);
  assert.equal(user.get("/c"), changed.slice(0, 4096) + changed.slice(12_288));
  assert.equal(user.call("fallocate", c, FALLOC_FL_INSERT_RANGE, 0, 4096), 0);
  assert.equal(user.get("/c"), "\0".repeat(4096) + changed.slice(0, 4096) + changed.slice(12_288));
  assert.equal(user.call("fallocate", c, FALLOC_FL_COLLAPSE_RANGE, 100, 4096), -EINVAL);
  syncAll(user.task.kernel);
  assert.deepEqual(check(device, { data: true }), []);
});

it(
  "a file that is larger than offsets reach shows its size, and ends at the limit, as on Linux where s_maxbytes is " +
    "smaller",
  () => {
    const device = fresh();
    const volume = mounted(device);
    const ino = volume.root.create(ROOT_INO, "far", S_IFREG | 0o644, 0, 0);
    const size = 2n ** 63n - 1n;
    const last = 2 ** 53 - 2 ** 32 - 4096;
    assert.equal(volume.root.truncate(ino, size), 0);
    assert.equal(volume.root.write(ino, size - 3n, Uint8Array.of(1, 2, 3), 0, 3), 3);
    assert.equal(volume.root.write(ino, last - 2, Uint8Array.of(7, 8), 0, 2), 2);
    assert.equal(volume.sync(), 0);
    const { user } = FileTask.create((kernel) => new AegisFileSystem(kernel, mounted(device)));
    const statSize = (): bigint => {
      assert.equal(user.call("newfstatat", AT_FDCWD, "/far", BUFFER, 0), 0);
      return user.memory.view.getBigInt64(BUFFER + 48, true);
    };
    assert.equal(statSize(), size);
    assert.equal(user.call("statx", AT_FDCWD, "/far", 0, 0x7ff, BUFFER), 0);
    assert.equal(user.memory.view.getBigInt64(BUFFER + 40, true), size);
    const fd = user.open("/far", O_RDWR);
    assert.equal(user.call("pread64", fd, BUFFER, 10, last - 2), 2, "what is behind the limit cannot be read");
    assert.equal(user.call("pread64", fd, BUFFER, 10, last), 0);
    assert.equal(user.call("lseek", fd, 0, 2), -EINVAL, "the end is behind the limit");
    assert.equal(user.call("lseek", fd, last - 5000, 3), last - 4096);
    assert.equal(user.call("lseek", fd, last - 1, 4), last);
    const other = user.open("/copy", O_RDWR | O_CREAT);
    assert.equal(user.call("ioctl", other, FICLONE, fd), -EFBIG, "a clone would be cut");
    assert.equal(user.call("fallocate", fd, FALLOC_FL_INSERT_RANGE, 0, 4096), -EFBIG);
    assert.equal(user.call("pwrite64", fd, BUFFER, 10, last), -EFBIG);
    assert.equal(user.call("pwrite64", fd, BUFFER, 10, 100), 10);
    user.call("fsync", fd);
    assert.equal(statSize(), size, "a write does not cut it");
    assert.equal(user.call("fallocate", fd, FALLOC_FL_COLLAPSE_RANGE, 4096, 8192), 0);
    assert.equal(statSize(), size - 8192n);
    syncAll(user.task.kernel);
    assert.deepEqual(check(device, { data: true }), []);
    const bytes = new Uint8Array(4);
    assert.equal(mounted(device).root.read(ino, size - 8192n - 3n, bytes, 0, 4), 3);
    assert.deepEqual([...bytes], [1, 2, 3, 0]);
    assert.equal(user.call("ftruncate", fd, 5000), 0);
    assert.equal(statSize(), 5000n);
    assert.equal(user.call("lseek", fd, 0, 2), 5000);
  },
);

/** As after a fork that maps the file: its pages are in another cache, too, and stay; and no frame is free. */
function shareAndUseUp({ kernel }: FileTask["task"], pages: PageCache): { release(): void } {
  const { frames, memory } = kernel;
  memory.shortage = { makeRoom: () => false };
  pages.forEach(0, Infinity, (_index, frame) => {
    frames.share(frame, memory);
    frames.retain(frame);
  });
  const held: number[] = [];
  for (let frame = 0; (frame = frames.allocate(memory)) >= 0;) held.push(frame);
  return {
    release: () => {
      for (const frame of held) frames.release(frame);
    },
  };
}

it("without memory a file that forks share isn't cut within a page: ENOMEM, and all is as before", () => {
  for (const make of [
    (kernel: Kernel) => new Tmpfs(kernel),
    (kernel: Kernel) => new AegisFileSystem(kernel, mounted(fresh())),
  ]) {
    const { user } = FileTask.create(make, { memoryBytes: 4 << 20 });
    user.put("/file", "x".repeat(12_300));
    const fd = user.open("/file", O_RDWR);
    const punch = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
    const used = shareAndUseUp(user.task, user.task.files.get(fd)!.inode!.pages!);
    assert.equal(user.call("ftruncate", fd, 5000), -ENOMEM);
    assert.equal(user.call("fallocate", fd, punch, 100, 200), -ENOMEM);
    assert.equal(user.call("pwrite64", fd, BUFFER, 1, 20_000), -ENOMEM, "the end's page is cleared first");
    assert.equal(user.call("fallocate", fd, punch, 4096, 4096), 0, "whole pages go");
    used.release();
    assert.equal(user.get("/file"), `${"x".repeat(4096)}${"\0".repeat(4096)}${"x".repeat(4108)}`);
    assert.equal(user.call("ftruncate", fd, 5000), 0);
    assert.equal((user.stat("/file") as Stat).size, 5000);
  }
});

it("without memory what is copied over pages that forks share is there all the same", () => {
  const { user } = FileTask.create((kernel) => new AegisFileSystem(kernel, mounted(fresh())), { memoryBytes: 4 << 20 });
  user.put("/old", "o".repeat(12_288));
  user.put("/new", "n".repeat(8192));
  const old = user.open("/old", O_RDWR);
  const used = shareAndUseUp(user.task, user.task.files.get(old)!.inode!.pages!);
  assert.equal(user.call("copy_file_range", user.open("/new"), 0, old, 0, 8192, 0), 8192);
  used.release();
  assert.equal(user.get("/old"), `${"n".repeat(8192)}${"o".repeat(4096)}`);
});

it("FS_IOC_FIEMAP and cachestat(2) tell where data lies in a file and which pages are in memory", () => {
  const { user } = FileTask.create((kernel) => new AegisFileSystem(kernel, mounted(fresh())));
  const fd = user.open("/sparse", O_RDWR | O_CREAT);
  for (const page of [0, 4, 5]) user.call("pwrite64", fd, "data", 4, page * 4096);
  const { view, u8 } = user.memory;
  const cached = (): [number, number] => {
    u8.fill(0, BUFFER, BUFFER + 100);
    assert.equal(user.call("cachestat", fd, BUFFER, BUFFER + 16, 0), 0);
    return [view.getUint32(BUFFER + 16, true), view.getUint32(BUFFER + 24, true)];
  };
  assert.deepEqual(cached(), [3, 3]);
  user.call("fsync", fd);
  assert.deepEqual(cached(), [3, 0]);
  assert.equal(user.call("cachestat", fd, BUFFER, BUFFER + 16, 1), -EINVAL);
  const extents = (start: number, room: number): number[][] => {
    u8.fill(0, BUFFER, BUFFER + 500);
    view.setUint32(BUFFER, start, true);
    view.setBigInt64(BUFFER + 8, -1n, true);
    view.setUint32(BUFFER + 24, room, true);
    assert.equal(user.call("ioctl", fd, FS_IOC_FIEMAP, BUFFER), 0);
    return Array.from({ length: view.getUint32(BUFFER + 20, true) }, (_, index) => {
      const at = BUFFER + 32 + index * 56;
      return room === 0 ? [] : [view.getUint32(at, true), view.getUint32(at + 16, true), view.getUint32(at + 40, true)];
    });
  };
  assert.deepEqual(extents(0, 4), [
    [0, 4096, 2],
    [16_384, 8192, 3],
  ]);
  assert.deepEqual(extents(0, 1), [[0, 4096, 2]]);
  assert.equal(extents(0, 0).length, 2, "without room they are counted");
  // Room that is held for data: between, and beyond the end.
  assert.equal(user.call("fallocate", fd, 0, 4096, 8192), 0);
  assert.equal(user.call("fallocate", fd, FALLOC_FL_KEEP_SIZE, 32_768, 4096), 0);
  const unwritten = FIEMAP_EXTENT_UNWRITTEN | 2;
  const all = [
    [0, 4096, 2],
    [4096, 8192, unwritten],
    [16_384, 8192, 2],
    [32_768, 4096, unwritten | 1],
  ];
  assert.deepEqual(extents(0, 8), all);
  assert.deepEqual(extents(8192, 1), [[8192, 4096, unwritten]]);
  user.call("pwrite64", fd, "data", 4, 4096);
  assert.deepEqual(extents(0, 2), [
    [0, 8192, 2],
    [8192, 4096, unwritten],
  ]);
  user.call("ftruncate", fd, 20_480);
  assert.deepEqual(extents(16_384, 8), [[16_384, 4096, 3]]);
});

it("what replaced a file without fsync is there after a crash, old or new, when another file was synced", () => {
  const device = fresh();
  const { user } = FileTask.create((kernel) => new AegisFileSystem(kernel, mounted(device)));
  for (const name of ["/moved", "/emptied", "/left", "/right", "/other"]) user.put(name, `old ${name}`);
  syncAll(user.task.kernel);
  user.put("/moved.tmp", "new moved");
  assert.equal(user.call("renameat2", AT_FDCWD, "/moved.tmp", AT_FDCWD, "/moved", 0), 0);
  const emptied = user.open("/emptied", O_WRONLY | O_TRUNC);
  user.write(emptied, "new emptied");
  user.call("close", emptied);
  user.put("/left.tmp", "new left");
  assert.equal(user.call("renameat2", AT_FDCWD, "/left.tmp", AT_FDCWD, "/left", RENAME_EXCHANGE), 0);
  const other = user.open("/other", O_RDWR);
  user.write(other, "synced");
  assert.equal(user.call("fsync", other), 0);
  // The machine ends here: nothing else is written.
  const after = FileTask.create((kernel) => new AegisFileSystem(kernel, mounted(device))).user;
  assert.equal(after.get("/moved"), "new moved");
  assert.equal(after.get("/emptied"), "new emptied");
  assert.equal(after.get("/left"), "new left");
  assert.equal(after.get("/left.tmp"), "old /left");
});

/** A volume whose owners are limited to 10 blocks, and a task of user and group 1000 with a folder of its own. */
function limited(kind: QuotaKind, id: number): { device: MemoryBlockDevice; volume: Volume; user: FileTask } {
  const device = fresh();
  let volume!: Volume;
  const { user } = FileTask.create((kernel) => new AegisFileSystem(kernel, (volume = mounted(device))));
  assert.equal(volume.root.setQuotas(true), 0);
  const none = { blocksSoft: 0, inodesSoft: 0, inodesHard: 0 };
  assert.equal(volume.root.setQuotaLimits(kind, id, { ...none, blocksHard: 10 }), 0);
  user.call("mkdirat", AT_FDCWD, "/home", 0o777);
  user.call("fchmodat", AT_FDCWD, "/home", 0o777);
  if (kind === QUOTA_PROJECT) {
    const attributes = new Attributes();
    attributes.project = id;
    assert.equal(volume.root.setAttributes(volume.root.lookup(ROOT_INO, "home"), attributes, ATTRIBUTE_PROJECT), 0);
  }
  return { device, volume, user };
}

for (const [what, kind, id] of [
  ["user", QUOTA_USER, 1000],
  ["group", QUOTA_GROUP, 1000],
  ["project", QUOTA_PROJECT, 7],
] as const)
  it(`write(2) says EDQUOT when the limit of a ${what} is met, and what it took is stored`, () => {
    const { device, volume, user } = limited(kind, id);
    user.becomeUser(1000);
    const fd = user.open("/home/f", O_RDWR | O_CREAT);
    assert.ok(fd >= 0);
    const page = "x".repeat(4096);
    assert.equal(user.write(fd, page.repeat(15)), 10 * 4096, "as much as there is room for");
    assert.equal(user.write(fd, page), -EDQUOT);
    const other = user.open("/home/other", O_RDWR | O_CREAT);
    assert.equal(user.write(other, "y"), -EDQUOT, "what waits for write-back is counted");
    assert.equal(user.call("pwrite64", fd, page, 4096, 0), 4096, "what is there is not new");
    assert.equal((user.fstat(fd) as Stat).size, 10 * 4096);
    assert.equal(user.call("fsync", fd), 0, "all that was taken is stored");
    assert.equal(user.call("pwrite64", fd, page, 4096, 8192), 4096);
    assert.equal(user.call("fallocate", fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4 * 4096), 0);
    assert.equal(user.write(other, page.repeat(6)), 4 * 4096, "a hole gives its blocks back");
    assert.equal(user.call("ftruncate", other, 4096), 0);
    assert.equal(user.call("pwrite64", fd, page.repeat(4), 4 * 4096, 0), 3 * 4096, "and so does what was never stored");
    user.call("close", other);
    user.call("unlinkat", AT_FDCWD, "/home/other", 0);
    assert.equal(user.call("pwrite64", fd, page, 4096, 3 * 4096), 4096);
    assert.equal(user.call("pwrite64", fd, page, 4096, 10 * 4096), -EDQUOT);
    syncAll(user.task.kernel);
    assert.equal(volume.failure, null);
    assert.deepEqual(check(device, { data: true }), []);
    assert.equal(user.get("/home/f"), "x".repeat(10 * 4096));
  });

it("who may pass limits is counted, and not bound; a file's promises go with it to new owners", () => {
  const { device, volume, user } = limited(QUOTA_USER, 1000);
  const fd = user.open("/home/f", O_RDWR | O_CREAT);
  assert.equal(user.call("fchown", fd, 1000, 1000), 0);
  const page = "x".repeat(4096);
  assert.equal(user.write(fd, page.repeat(15)), 15 * 4096);
  syncAll(user.task.kernel);
  assert.equal(user.get("/home/f"), page.repeat(15));
  const given = user.open("/home/given", O_RDWR | O_CREAT);
  assert.equal(user.write(given, page.repeat(3)), 3 * 4096);
  assert.equal(user.call("fchown", given, 1000, 1000), 0);
  assert.equal(user.call("unlinkat", AT_FDCWD, "/home/f", 0), 0);
  user.call("close", fd);
  syncAll(user.task.kernel);
  assert.equal(volume.root.quotas.hasRoom(volume.root.lookup(volume.root.lookup(ROOT_INO, "home"), "given"), 7), true);
  assert.equal(
    volume.root.quotas.hasRoom(volume.root.lookup(volume.root.lookup(ROOT_INO, "home"), "given"), 18),
    false,
  );
  assert.deepEqual(check(device, { data: true }), []);
});

it("without quotas nobody asks for limits", () => {
  let volume!: Volume;
  const { user } = FileTask.create((kernel) => new AegisFileSystem(kernel, (volume = mounted(fresh()))));
  let asked = 0;
  for (const name of ["hasQuotaLimit", "promiseRun", "unpromise"] as const) {
    const original = volume.root[name] as (...given: unknown[]) => number;
    Object.defineProperty(volume.root, name, {
      value: (...given: unknown[]): number => (asked++, original.apply(volume.root, given)),
    });
  }
  user.put("/f", "x".repeat(100_000));
  syncAll(user.task.kernel);
  assert.equal(asked, 0);
});

it("access times alone can wait: sync(2) writes them, and they go along with what else is written", () => {
  let volume!: Volume;
  const device = fresh();
  const { user } = FileTask.create((kernel) => new AegisFileSystem(kernel, (volume = mounted(device))));
  const { kernel } = user.task;
  user.call("mkdirat", AT_FDCWD, "/d", 0o755);
  user.put("/d/f", "content");
  assert.equal(onlyAccessTimesWait(kernel), false);
  syncAll(kernel);
  const { generation } = volume.superblock;
  assert.equal(user.get("/d/f"), "content");
  user.list("/d");
  assert.deepEqual([kernel.vfs.dirty.size, onlyAccessTimesWait(kernel), volume.hasChanges], [2, true, false]);
  syncAll(kernel);
  assert.deepEqual([kernel.vfs.dirty.size, volume.superblock.generation > generation], [0, true]);
  user.put("/d/f", "other content");
  assert.equal(onlyAccessTimesWait(kernel), false);
});
