/**
 * Goal: areas, demand paging and copy-on-write. Method: a real address space over a memory of 256 frames; what the
 * processor would see is looked at.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  EBUSY,
  EFAULT,
  EINVAL,
  ENOMEM,
  MADV_DOFORK,
  MADV_DONTFORK,
  MADV_DONTNEED,
  MADV_KEEPONFORK,
  MADV_WIPEONFORK,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_LOCKED,
  MAP_PRIVATE,
  MAP_SHARED,
  MS_ASYNC,
  MS_INVALIDATE,
  MS_SYNC,
  O_NOATIME,
  O_WRONLY,
  PROT_NONE,
  PROT_READ,
  PROT_WRITE,
  SIGSEGV,
} from "@stratos/abi";
import { Tmpfs } from "../fs/tmpfs/tmpfs.ts";
import { FileTask } from "../testing/file-system-task.ts";
import { createMemoryTask, forkAddressSpace } from "../testing/memory-task.ts";
import type { Task } from "../task/task.ts";
import { mountRoot } from "../vfs/boot-mounts.ts";
import { AddressSpace, VDSO_BASE } from "./address-space.ts";
import { madvise } from "./madvise.ts";
import { brk, mmap, munmap } from "./mmap.ts";
import { mprotect } from "./mprotect.ts";
import { mremap } from "./mremap.ts";
import { handlePageFault } from "./page-fault.ts";
import { msync } from "./msync.ts";
import { advance } from "../testing/fake-task.ts";
import { forkInPieces } from "./fork.ts";
import { BLOCKED_KILLABLE } from "../ground/wait-queue.ts";

const READ_WRITE = PROT_READ | PROT_WRITE;

function map(task: Task, pages: number, flags = MAP_PRIVATE, protection = READ_WRITE): number {
  return mmap(task, {
    address: 0,
    length: pages * 4096,
    protection,
    flags: flags | MAP_ANONYMOUS,
    file: null,
    offset: 0,
  });
}

test("anonymous memory reads as zero from one shared frame and gets its own at the first write", () => {
  const { kernel, task, space, shown } = createMemoryTask();
  const at = map(task, 4);
  assert.equal(space.loadU32(at), 0);
  assert.equal(space.loadU32(at + 4096), 0);
  assert.equal(space.table.get(at) >>> 12, kernel.zeroFrame);
  assert.equal(shown.get(at), String(kernel.zeroFrame * 4096));
  space.storeU32(at, 7);
  assert.notEqual(space.table.get(at) >>> 12, kernel.zeroFrame);
  assert.match(shown.get(at)!, / w$/);
  assert.equal(space.loadU32(at + 4096), 0);
});

test("a write to a page shared by fork copies it once; the last owner writes in place", () => {
  const { kernel, task, space, shown } = createMemoryTask();
  const at = map(task, 1);
  space.storeU32(at, 1);
  const frame = space.table.get(at) >>> 12;
  const child = forkAddressSpace(space);
  assert.ok(child instanceof AddressSpace);
  assert.equal(kernel.frames.references(frame), 2);
  assert.doesNotMatch(shown.get(at)!, / w$/, "the parent must fault when it writes");
  child.storeU32(at, 2);
  assert.notEqual(child.table.get(at) >>> 12, frame);
  assert.equal(kernel.frames.references(frame), 1);
  space.storeU32(at, 3);
  assert.equal(space.table.get(at) >>> 12, frame, "no second copy");
  assert.deepEqual([space.loadU32(at), child.loadU32(at)], [3, 2]);
  child.release();
});

test("shared anonymous memory stays shared across fork and is freed with its last mapping", () => {
  const { kernel, task, space } = createMemoryTask();
  const before = kernel.frames.usedCount;
  const at = map(task, 2, MAP_SHARED);
  space.storeU32(at, 1);
  const child = forkAddressSpace(space) as AddressSpace;
  child.storeU32(at + 4096, 5);
  assert.equal(space.loadU32(at + 4096), 5);
  munmap(space, at, 8192);
  assert.equal(child.loadU32(at), 1);
  child.release();
  space.table.dispose();
  assert.equal(kernel.frames.usedCount, before);
});

test("munmap in the middle splits the area; what is left keeps its content", () => {
  const { task, space } = createMemoryTask();
  const at = map(task, 3);
  for (let page = 0; page < 3; page++) space.storeU32(at + page * 4096, page + 1);
  assert.equal(munmap(space, at + 4096, 4096), 0);
  assert.equal(space.loadU32(at), 1);
  assert.ok(space.loadU32(at + 4096) < 0);
  assert.equal(space.loadU32(at + 8192), 3);
  assert.deepEqual(
    [...space.areas].map(({ start, end }) => [start - at, end - at]),
    [
      [0, 4096],
      [8192, 12288],
    ],
  );
  assert.equal(munmap(space, at + 1, 10), -EINVAL);
});

test("mprotect takes rights at once and gives them back by faults", () => {
  const { task, space, shown } = createMemoryTask();
  const at = map(task, 2);
  space.storeU32(at, 9);
  assert.equal(mprotect(task, at, 4096, PROT_NONE), 0);
  assert.equal(shown.has(at), false);
  assert.ok(space.loadU32(at) < 0);
  assert.deepEqual(handlePageFault(space, at, "read"), { signal: SIGSEGV, code: 2 });
  assert.equal(mprotect(task, at, 4096, PROT_READ), 0);
  assert.equal(space.loadU32(at), 9);
  assert.ok(space.storeU32(at, 1) < 0);
  assert.equal(mprotect(task, at, 8192, READ_WRITE), 0);
  assert.equal(space.storeU32(at, 1), 0);
  assert.equal(space.areas.size, 1, "alike neighbours are joined again");
  assert.equal(mprotect(task, at, 3 * 4096, PROT_READ), -ENOMEM);
});

test("mremap moves pages without copying them", () => {
  const { task, space } = createMemoryTask();
  const at = map(task, 2);
  space.storeU32(at, 1);
  space.storeU32(at + 4096, 2);
  const frame = space.table.get(at) >>> 12;
  map(task, 1);
  mmap(task, {
    address: at + 8192,
    length: 4096,
    protection: PROT_READ,
    flags: MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
    file: null,
    offset: 0,
  });
  const moved = mremap(task, { address: at, oldLength: 8192, newLength: 5 * 4096, flags: 1, newAddress: 0 });
  assert.ok(moved > 0 && moved !== at);
  assert.equal(space.table.get(moved) >>> 12, frame);
  assert.deepEqual([space.loadU32(moved), space.loadU32(moved + 4096), space.loadU32(moved + 4 * 4096)], [1, 2, 0]);
  assert.ok(space.loadU32(at) < 0);
});

test("the heap grows, shrinks, and gives its frames back", () => {
  const { kernel, task, space } = createMemoryTask();
  space.brkStart = space.brkEnd = 0x20000000;
  assert.equal(brk(task, 0x20003000), 0x20003000);
  space.storeU32(0x20002ffc, 1);
  const used = kernel.frames.usedCount;
  assert.equal(brk(task, 0x20001000), 0x20001000);
  assert.equal(kernel.frames.usedCount, used - 1);
  assert.ok(space.loadU32(0x20002ffc) < 0);
  assert.equal(brk(task, 0x1000), 0x20001000, "below the start it stays");
});

test("MADV_DONTNEED gives zeroes again", () => {
  const { task, space } = createMemoryTask();
  const at = map(task, 1);
  space.storeU32(at, 5);
  assert.equal(madvise(task, space, at, 4096, MADV_DONTNEED), 0);
  assert.equal(space.loadU32(at), 0);
});

test("when frames run out the call fails with its books in order, and recovers", () => {
  const { kernel, task, space } = createMemoryTask();
  const at = map(task, 1000);
  let written = 0;
  while (space.storeU32(at + written * 4096, 1) === 0) written++;
  assert.ok(written > 100 && written < kernel.memory.limit, `${written} pages`);
  assert.deepEqual(handlePageFault(space, at + written * 4096, "write"), { signal: 9, code: 0 });
  munmap(space, at, 1000 * 4096);
  assert.ok(kernel.memory.free > written - 1);
  assert.equal(space.storeU32(map(task, 1), 1), 0);
});

test("what is left of a file's mapping shows the same part of the file as before", () => {
  const { kernel, task, space } = createMemoryTask();
  mountRoot(kernel, new Tmpfs(kernel));
  const user = new FileTask(kernel);
  user.put("/file", [1, 2, 3, 4].map((page) => String.fromCharCode(page).repeat(4096)).join(""));
  const file = user.task.files.get(user.open("/file"))!;
  const at = mmap(task, {
    address: 0,
    length: 3 * 4096,
    protection: PROT_READ,
    flags: MAP_PRIVATE,
    file,
    offset: 4096,
  });
  assert.equal(munmap(space, at, 4096), 0);
  assert.deepEqual(
    [1, 2].map((page) => space.loadU32(at + page * 4096) & 255),
    [3, 4],
  );
});

test("MADV_DONTFORK keeps memory from a child and says nothing of its neighbours, MADV_DOFORK gives it back", () => {
  const { task, space } = createMemoryTask();
  const at = map(task, 3);
  for (let page = 0; page < 3; page++) space.storeU32(at + page * 4096, page + 1);
  const inChild = (): number[] => {
    const child = forkAddressSpace(space);
    assert.ok(child instanceof AddressSpace);
    return [0, 1, 2].map((page) => child.loadU32(at + page * 4096));
  };
  assert.equal(madvise(task, space, at + 4096, 4096, MADV_DONTFORK), 0);
  assert.deepEqual(inChild(), [1, -EFAULT, 3]);
  assert.equal(madvise(task, space, at, 3 * 4096, MADV_DOFORK), 0);
  assert.deepEqual(inChild(), [1, 2, 3]);
});

test("the kernel's own pages are moved, and never grow: what lies behind them would be the kernel's for good", () => {
  const { kernel, task, space } = createMemoryTask();
  kernel.vdso.map(space, true);
  const data = VDSO_BASE + 4096;
  const resize = (address: number, oldLength: number, newLength: number, flags = 1): number =>
    mremap(task, { address, oldLength, newLength, flags, newAddress: 0 });
  for (const address of [VDSO_BASE, data]) assert.equal(resize(address, 4096, 40 << 20), -EFAULT);
  assert.equal(resize(data, 0, 40 << 20), -EFAULT);
  assert.equal(resize(data, 4096, 4096, 1 | 4), -EINVAL, "MREMAP_DONTUNMAP");
  const target = 0x10000000;
  assert.equal(
    mremap(task, { address: data, oldLength: 4096, newLength: 4096, flags: 1 | 2, newAddress: target }),
    target,
  );
  assert.equal(resize(target, 4096, 8192), -EFAULT);
  assert.equal(kernel.vdso.data.pageCount, 1);
});

test("MADV_WIPEONFORK gives a child zeroes, MADV_KEEPONFORK what is there; not of shared memory", () => {
  const { task, space } = createMemoryTask();
  const at = map(task, 1);
  space.storeU32(at, 7);
  const inChild = (): number => (forkAddressSpace(space) as AddressSpace).loadU32(at);
  assert.equal(inChild(), 7);
  assert.equal(madvise(task, space, at, 4096, MADV_WIPEONFORK), 0);
  assert.equal(inChild(), 0);
  assert.equal(madvise(task, space, at, 4096, MADV_KEEPONFORK), 0);
  assert.equal(inChild(), 7);
  assert.equal(madvise(task, space, map(task, 1, MAP_SHARED), 4096, MADV_WIPEONFORK), -EINVAL);
});

test("msync writes locked memory, and refuses to forget it (MS_INVALIDATE)", () => {
  const { task } = createMemoryTask();
  const at = map(task, 1, MAP_PRIVATE | MAP_LOCKED);
  assert.equal(msync(task, at, 4096, MS_SYNC), 0);
  assert.equal(msync(task, at, 4096, MS_ASYNC), 0);
  assert.equal(msync(task, at, 4096, MS_INVALIDATE), -EBUSY);
  assert.equal(msync(task, at, 4096, MS_ASYNC | MS_SYNC), -EINVAL);
  assert.equal(msync(task, at, 2 * 4096, MS_SYNC), -ENOMEM, "a hole");
});

test("a file that is mapped was accessed, unless it was opened with O_NOATIME", () => {
  const { test: machine, kernel, task } = createMemoryTask();
  mountRoot(kernel, new Tmpfs(kernel));
  const user = new FileTask(kernel);
  user.put("/f", "x");
  const isTouched = (flags: number): boolean => {
    const fd = user.open("/f", flags);
    const file = user.task.files.get(fd)!;
    const before = file.inode!.atime.seconds;
    advance(machine, 2000);
    user.write(user.open("/f", O_WRONLY), "y");
    advance(machine, 2000);
    const length = 4096;
    assert.ok(mmap(task, { address: 0, length, protection: PROT_READ, flags: MAP_PRIVATE, file, offset: 0 }) > 0);
    return file.inode!.atime.seconds > before;
  };
  assert.deepEqual([O_NOATIME, 0].map(isTouched), [false, true]);
});

test("pages that an area forbids aren't shown when the process is switched to", () => {
  const { task, space, shown } = createMemoryTask();
  const at = map(task, 2);
  for (const page of [at, at + 4096]) space.storeU32(page, 1);
  assert.equal(mprotect(task, at, 4096, PROT_NONE), 0);
  shown.clear();
  space.publishAll();
  assert.deepEqual([shown.has(at), shown.has(at + 4096)], [false, true]);
  assert.match(shown.get(at + 4096)!, / w$/);
  // What a child has, too, is shown so that a write faults.
  const child = forkAddressSpace(space) as AddressSpace;
  shown.clear();
  space.publishAll();
  assert.doesNotMatch(shown.get(at + 4096)!, / w$/);
  child.release();
});

test("a thread that forks while another one does waits for it", () => {
  const { kernel, space } = createMemoryTask();
  const waited: unknown[] = [];
  const thread = { kernel, space, syscallState: null, waitOn: (queue: unknown) => waited.push(queue) };
  space.forkCopy = new AddressSpace(kernel);
  assert.equal(forkInPieces(thread as unknown as Task), BLOCKED_KILLABLE);
  assert.ok(waited.length === 1 && waited[0] === space.forkDone);
});
