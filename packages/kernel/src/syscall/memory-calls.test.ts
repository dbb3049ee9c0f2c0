/**
 * Goal: locked and sealed memory, barriers, and other processes' memory (mlock(2), mseal(2), membarrier(2),
 * process_vm_readv(2)). Method: tasks with real address spaces over a processor that only notes what it maps.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  CAP_SYS_PTRACE,
  EAGAIN,
  EFAULT,
  EINVAL,
  ENOMEM,
  EPERM,
  ESRCH,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MADV_REMOVE,
  MAP_PRIVATE,
  MAP_SHARED,
  PROT_READ,
  PROT_WRITE,
  RLIMIT_MEMLOCK,
} from "@stratos/abi";
import { mmap } from "../mm/mmap.ts";
import { ROOT } from "../security/credentials.ts";
import { createTestTask } from "../testing/fake-task.ts";
import { createMemoryTask, type MemoryTask } from "../testing/memory-task.ts";
import { call } from "../testing/system-calls.ts";
import type { Task } from "../task/task.ts";

const PAGE = 4096;

function map(task: Task, pages: number, protection = PROT_READ | PROT_WRITE): number {
  return mmap(task, {
    address: 0,
    length: pages * PAGE,
    protection,
    flags: MAP_PRIVATE | MAP_ANONYMOUS,
    file: null,
    offset: 0,
  });
}

/** Without CAP_IPC_LOCK, and with this much to lock. */
function createUser(lockableBytes: number): MemoryTask {
  const made = createMemoryTask();
  made.task.credentials = { ...made.task.credentials, effective: 0 };
  made.task.group.limits[RLIMIT_MEMLOCK] = { ...made.task.group.limits[RLIMIT_MEMLOCK]!, soft: lockableBytes };
  return made;
}

test("locked pages are there, and RLIMIT_MEMLOCK bounds them; what is locked already costs nothing more", () => {
  const { task, space, shown } = createUser(3 * PAGE);
  const at = map(task, 6);
  assert.equal(call(task, "mlock", at + 100, PAGE), 0);
  assert.equal(space.lockedBytes, 2 * PAGE, "whole pages");
  assert.ok(shown.has(at) || space.loadU32(at) === 0);
  assert.equal(call(task, "mlock", at, 3 * PAGE), 0);
  assert.equal(call(task, "mlock", at, 3 * PAGE), 0);
  assert.equal(call(task, "mlock", at + 3 * PAGE, 1), -ENOMEM);
  assert.equal(call(task, "munlock", at + PAGE, 1), 0);
  assert.equal(space.lockedBytes, 2 * PAGE);
  assert.equal(call(task, "mlock", at + 5 * PAGE, 1), 0);
  assert.equal(call(task, "mlock", at, 0), 0);
  assert.equal(call(task, "munlock", at + 5 * PAGE, 2 * PAGE), -ENOMEM, "a hole");
  assert.equal(call(task, "munlockall"), 0);
  assert.equal(space.lockedBytes, 0);
});

test("an end beyond the last address is refused, unless it is of nothing, as a length that wraps is", () => {
  const { task } = createUser(3 * PAGE);
  for (const name of ["mlock", "munlock"]) {
    assert.equal(call(task, name, -PAGE, 0), 0);
    assert.equal(call(task, name, -PAGE, PAGE), -EINVAL);
    assert.equal(call(task, name, -2 * PAGE, PAGE), -ENOMEM);
    assert.equal(call(task, name, map(task, 1), -1), 0);
  }
});

test("a limit of nothing forbids to lock at all, CAP_IPC_LOCK needs no limit", () => {
  const { task } = createUser(0);
  const at = map(task, 2);
  for (const name of ["mlock", "mlock2"]) assert.equal(call(task, name, at, PAGE, 0), -EPERM);
  assert.equal(call(task, "mlockall", 1), -EPERM);
  task.credentials = { ...task.credentials, effective: 2 ** 14 };
  assert.equal(call(task, "mlock", at, 2 * PAGE), 0);
  assert.equal(call(task, "mlock2", at, PAGE, 2), -EINVAL);
});

test("mlockall locks what is there, what comes, or both", () => {
  const { task, space } = createUser(8 * PAGE);
  map(task, 2);
  assert.equal(call(task, "mlockall", 0), -EINVAL);
  assert.equal(call(task, "mlockall", 4), -EINVAL, "MCL_ONFAULT alone");
  assert.equal(call(task, "mlockall", 8), -EINVAL);
  assert.equal(call(task, "mlockall", 2), 0);
  assert.equal(space.lockedBytes, 0);
  map(task, 3);
  assert.equal(space.lockedBytes, 3 * PAGE);
  assert.equal(call(task, "mlockall", 1), 0);
  assert.equal(space.lockedBytes, 5 * PAGE);
  map(task, 4);
  assert.equal(space.lockedBytes, 5 * PAGE, "MCL_FUTURE was not said again");
  assert.equal(call(task, "mlockall", 1), -ENOMEM);
  assert.equal(call(task, "mlockall", 2), 0);
  assert.equal(map(task, 4), -EAGAIN, "beyond the limit");
});

test("a sealed area keeps its place, size and protection; its neighbours don't", () => {
  const { task, space } = createMemoryTask();
  const at = map(task, 4);
  assert.equal(call(task, "mseal", at + PAGE, 2 * PAGE, 0), 0);
  for (const sealed of [at, at + PAGE, at + 2 * PAGE]) {
    const length = sealed === at ? 2 * PAGE : PAGE;
    assert.equal(call(task, "munmap", sealed, length), -EPERM);
    assert.equal(call(task, "mprotect", sealed, length, PROT_READ), -EPERM);
    const flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
    assert.equal(call(task, "mmap", sealed, length, PROT_READ, flags, -1, 0), -EPERM);
  }
  assert.equal(call(task, "mremap", at + PAGE, PAGE, 2 * PAGE, 1, 0), -EPERM);
  assert.equal(space.storeU32(at + PAGE, 5), 0, "its content may change");
  assert.equal(call(task, "mprotect", at, PAGE, PROT_READ), 0);
  assert.equal(call(task, "munmap", at + 3 * PAGE, PAGE), 0);
  assert.equal(space.loadU32(at + PAGE), 5);
});

test("content of sealed memory is not thrown away by who cannot write it", () => {
  const { task, space } = createMemoryTask();
  const at = map(task, 2);
  space.storeU32(at, 5);
  space.storeU32(at + PAGE, 6);
  call(task, "mprotect", at, PAGE, PROT_READ);
  call(task, "mseal", at, 2 * PAGE, 0);
  assert.equal(call(task, "madvise", at, PAGE, 4), -EPERM);
  assert.equal(call(task, "madvise", at + PAGE, PAGE, 4), 0);
  assert.deepEqual([space.loadU32(at), space.loadU32(at + PAGE)], [5, 0]);
});

test("seals take whole, mapped pages", () => {
  const { task } = createMemoryTask();
  const at = map(task, 2);
  assert.equal(call(task, "mseal", at, PAGE, 1), -EINVAL);
  assert.equal(call(task, "mseal", at + 1, PAGE, 0), -EINVAL);
  assert.equal(call(task, "mseal", at, 3 * PAGE, 0), -ENOMEM);
  assert.equal(call(task, "mseal", at, 0, 0), 0);
  assert.equal(call(task, "munmap", at, 2 * PAGE), 0, "nothing was sealed");
});

test("a private barrier needs its registration", () => {
  const { task } = createMemoryTask();
  assert.equal(call(task, "membarrier", 0, 0, 0), 0b111111111 | 512);
  for (const [command, registration] of [
    [8, 16],
    [32, 64],
    [128, 256],
  ] as const) {
    assert.equal(call(task, "membarrier", command, 0, 0), -EPERM);
    assert.equal(call(task, "membarrier", registration, 0, 0), 0);
    assert.equal(call(task, "membarrier", command, 0, 0), 0);
  }
  assert.equal(call(task, "membarrier", 512, 0, 0), 16 | 64 | 256);
  assert.equal(call(task, "membarrier", 1, 0, 0), 0);
  for (const [command, flags] of [
    [3, 0],
    [1024, 0],
    [1, 1],
  ] as const)
    assert.equal(call(task, "membarrier", command, flags, 0), -EINVAL);
});

test("another thread's memory is read and written through vectors, by its owner", () => {
  const { task, space } = createMemoryTask();
  const at = map(task, 3);
  const vector = (place: number, ...parts: (readonly [base: number, length: number])[]): number => {
    parts.forEach(([base, length], index) => {
      space.storeU64(place + index * 16, base);
      space.storeU64(place + index * 16 + 8, length);
    });
    return place;
  };
  for (let word = 0; word < 4; word++) space.storeU32(at + PAGE + word * 4, word + 1);
  const local = vector(at, [at + 2 * PAGE, 6], [at + 2 * PAGE + 100, 50]);
  const remote = vector(at + 64, [at + PAGE, 8], [at + PAGE + 8, 4]);
  assert.equal(call(task, "process_vm_readv", task.pid, local, 2, remote, 2, 0), 12);
  assert.equal(space.loadU32(at + 2 * PAGE), 1);
  assert.equal(space.loadU32(at + 2 * PAGE + 102), 3);
  assert.equal(
    call(task, "process_vm_writev", task.pid, vector(at, [at + PAGE, 4]), 1, vector(at + 64, [at + 200, 9]), 1, 0),
    4,
  );
  assert.equal(space.loadU32(at + 200), 1);
  space.storeU32(at + 300, 0);
  const byte = (into: number, from: number): number =>
    call(
      task,
      "process_vm_readv",
      task.pid,
      vector(at, [at + 300, into]),
      1,
      vector(at + 64, [at + PAGE + 4, from]),
      1,
      0,
    );
  for (const [into, from] of [
    [1, 1],
    [1, 4],
    [4, 1],
  ] as const) {
    space.storeU32(at + 300, 0x7f7f7f7f);
    assert.equal(byte(into, from), 1, "a single byte, too");
    assert.equal(space.loadU32(at + 300), 0x7f7f7f02);
  }
  assert.equal(call(task, "process_vm_readv", 999, local, 1, remote, 1, 0), -ESRCH);
  assert.equal(call(task, "process_vm_readv", task.pid, local, 1, remote, 1025, 0), -EINVAL);
  assert.equal(call(task, "process_vm_readv", task.pid, local, 1, 64, 1, 0), -EFAULT);
  assert.equal(call(task, "process_vm_readv", task.pid, local, 1, vector(at + 64, [64, 4]), 1, 0), -EFAULT);
});

test("process_vm_readv and process_vm_writev move only what may be traced: real ids, and dumpable", () => {
  const { kernel, task, space } = createMemoryTask();
  const target = createTestTask(kernel, task).task;
  const protection = PROT_READ | PROT_WRITE;
  const flags = MAP_PRIVATE | MAP_ANONYMOUS;
  const vector = mmap(task, { address: 0, length: PAGE, protection, flags, file: null, offset: 0 });
  // One byte of this page, and of what lies there in the other.
  for (const [at, word] of [vector, Math.floor(vector / 2 ** 32), 1, 0].entries())
    assert.equal(space.storeU32(vector + 4 * at, word % 2 ** 32), 0);
  const isRefused = (own: object, other: object): boolean => {
    task.credentials = { ...ROOT, effective: 0, permitted: 0, ...own };
    target.credentials = { ...ROOT, effective: 0, permitted: 0, ...other };
    const read = call(task, "process_vm_readv", target.pid, vector, 1, vector, 1, 0);
    assert.equal(call(task, "process_vm_writev", target.pid, vector, 1, vector, 1, 0), read);
    return read === -EPERM;
  };
  assert.equal(isRefused({}, {}), false);
  assert.equal(isRefused({ uid: 5 }, { uid: 5, euid: 0 }), true, "set-user-ID");
  assert.equal(isRefused({ uid: 5, euid: 0 }, {}), true);
  // Where nothing is to be moved, nobody is looked for.
  assert.equal(call(task, "process_vm_readv", target.pid, vector, 1, 0, 0, 0), 0);
  assert.equal(call(task, "process_vm_readv", -1, 0, 0, vector, 1, 0), 0);
  assert.equal(isRefused({ gid: 5 }, {}), true);
  assert.equal(isRefused({}, { permitted: 1 }), true);
  target.group.dumpable = 0;
  assert.equal(isRefused({}, {}), true);
  assert.equal(isRefused({ effective: 2 ** CAP_SYS_PTRACE }, {}), false);
});

test("shared memory that is removed is free again, and zeroes", () => {
  const { kernel, task, space } = createMemoryTask();
  const pages = 200;
  const at = mmap(task, {
    address: 0,
    length: pages * PAGE,
    protection: PROT_READ | PROT_WRITE,
    flags: MAP_SHARED | MAP_ANONYMOUS,
    file: null,
    offset: 0,
  });
  for (let page = 0; page < pages; page++) assert.equal(space.storeU32(at + page * PAGE, 1), 0);
  const before = kernel.frames.freeCount;
  assert.equal(call(task, "madvise", at + PAGE, (pages - 2) * PAGE, MADV_REMOVE), 0);
  assert.equal(kernel.frames.freeCount - before, pages - 2);
  assert.deepEqual(
    [0, 1, pages - 2, pages - 1].map((page) => space.loadU32(at + page * PAGE)),
    [1, 0, 0, 1],
  );
});
