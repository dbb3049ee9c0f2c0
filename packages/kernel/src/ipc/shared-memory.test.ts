/**
 * Goal: System V shared memory (shmop(2), shmctl(2)). Method: a process with a real address space attaches a segment at
 * several places.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  EACCES,
  EFAULT,
  EIDRM,
  EINVAL,
  ENOENT,
  ENOMEM,
  EPERM,
  IPC_CREAT,
  IPC_INFO,
  IPC_RMID,
  IPC_STAT,
  SHM_INFO,
  SHM_LOCK,
  SHM_RDONLY,
  SHM_REMAP,
  SHM_RND,
  SHM_UNLOCK,
} from "@stratos/abi";
import { createMemoryTask } from "../testing/memory-task.ts";
import { call } from "../testing/system-calls.ts";
import type { Task } from "../task/task.ts";

interface Sharer {
  task: Task;
  id: number;
  /** A page of a second segment, for structures. */
  notes: number;
}

function createSharer(size = 8192): Sharer {
  const { task } = createMemoryTask();
  const id = call(task, "shmget", 7, size, IPC_CREAT | 0o600);
  const notes = call(task, "shmat", call(task, "shmget", 0, 4096, 0o600), 0, 0);
  return { task, id, notes };
}

function stat({ task, id, notes }: Sharer): { mode: number; size: number; attached: number; attaches: number } {
  assert.equal(call(task, "shmctl", id, IPC_STAT, notes), 0);
  const { space } = task;
  return {
    mode: space.loadU32(notes + 20),
    size: space.loadU64(notes + 48),
    attached: space.loadU64(notes + 56),
    attaches: space.loadU64(notes + 88),
  };
}

test("what is written at one place is seen at the other, and stays while nobody is attached", () => {
  const sharer = createSharer();
  const { task, id } = sharer;
  const { space } = task;
  assert.deepEqual(stat(sharer), { mode: 0o600, size: 8192, attached: 0, attaches: 0 });
  const [one, other] = [call(task, "shmat", id, 0, 0), call(task, "shmat", id, 0, 0)] as [number, number];
  assert.notEqual(one, other);
  assert.equal(space.storeU32(one + 8188, 42), 0);
  assert.equal(space.loadU32(other + 8188), 42);
  assert.equal(stat(sharer).attaches, 2);
  assert.equal(stat(sharer).attached, task.kernel.realtime().seconds);
  assert.equal(call(task, "shmdt", one), 0);
  assert.equal(space.loadU32(one), -EFAULT);
  assert.equal(call(task, "shmdt", one), -EINVAL);
  assert.equal(call(task, "shmdt", other + 4096), -EINVAL);
  assert.equal(call(task, "shmdt", other), 0);
  assert.equal(stat(sharer).attaches, 0);
  assert.equal(space.loadU32(call(task, "shmat", id, 0, SHM_RDONLY) + 8188), 42);
});

test("a read-only attachment can't be written", () => {
  const { task, id } = createSharer();
  const at = call(task, "shmat", id, 0, SHM_RDONLY);
  assert.equal(task.space.storeU32(at, 1), -EFAULT);
  assert.equal(task.space.loadU32(at), 0);
});

test("an address is taken as it is, rounded, or replaced, as the flags say", () => {
  const { task, id, notes } = createSharer();
  const free = notes - 2 ** 20;
  assert.equal(call(task, "shmat", id, free + 5, 0), -EINVAL);
  assert.equal(call(task, "shmat", id, free + 5, SHM_RND), free);
  assert.equal(call(task, "shmat", id, free, 0), -EINVAL);
  assert.equal(call(task, "shmat", id, free - 4096, 0), -EINVAL);
  assert.equal(call(task, "shmat", id, free - 8192, 0), free - 8192);
  task.space.storeU32(free, 3);
  assert.equal(call(task, "shmat", id, free, SHM_REMAP), free);
  assert.equal(call(task, "shmat", id, 0, SHM_REMAP), -EINVAL);
  assert.equal(call(task, "shmat", id, 5, SHM_RND | SHM_REMAP), -EINVAL);
});

test("a segment that is removed lives as long as it is attached, without its key", () => {
  const sharer = createSharer();
  const { task, id } = sharer;
  const [one, other] = [call(task, "shmat", id, 0, 0), call(task, "shmat", id, 0, 0)] as [number, number];
  assert.equal(call(task, "shmctl", id, IPC_RMID, 0), 0);
  assert.equal(call(task, "shmget", 7, 0, 0), -ENOENT);
  assert.equal(stat(sharer).mode, 0o1600);
  task.space.storeU32(one, 9);
  call(task, "shmdt", one);
  assert.equal(task.space.loadU32(other), 9);
  call(task, "shmdt", other);
  assert.ok([-EINVAL, -EIDRM].includes(call(task, "shmat", id, 0, 0)));
});

test("memory of a segment is given back with it", () => {
  const { task, notes } = createSharer();
  const freeAfterEach = [0, 1].map(() => {
    const id = call(task, "shmget", 0, 16384, 0o600);
    const at = call(task, "shmat", id, 0, 0);
    for (let page = 0; page < 4; page++) task.space.storeU32(at + page * 4096, 1);
    assert.ok(call(task, "shmctl", 0, SHM_INFO, notes) >= 2);
    const [segments, pages, resident] = [0, 8, 16].map((offset) => task.space.loadU64(notes + offset));
    assert.deepEqual([segments, pages], [3, 7]);
    assert.ok(resident! >= 4);
    call(task, "shmdt", at);
    call(task, "shmctl", id, IPC_RMID, 0);
    assert.equal(call(task, "shmctl", 0, SHM_INFO, notes), 1);
    return task.kernel.memory.free;
  });
  assert.equal(freeAfterEach[1], freeAfterEach[0]);
});

test("sizes and rights are checked", () => {
  const { task, id, notes } = createSharer();
  assert.equal(call(task, "shmget", 7, 8193, 0), -EINVAL);
  assert.equal(call(task, "shmget", 7, 100, 0), id);
  assert.equal(call(task, "shmget", 0, 0, 0o600), -EINVAL);
  assert.equal(call(task, "shmget", 0, -1, 0o600), -EINVAL);
  assert.equal(call(task, "shmget", 0, 2 ** 40, 0o600), -ENOMEM);
  assert.equal(call(task, "shmget", 0, 4096, 0o4600), -EINVAL);
  const root = task.credentials;
  task.credentials = { ...root, uid: 5, euid: 5, egid: 5, effective: 0 };
  assert.equal(call(task, "shmat", id, 0, SHM_RDONLY), -EACCES);
  assert.equal(call(task, "shmctl", id, IPC_STAT, notes), -EACCES);
  assert.equal(call(task, "shmctl", id, IPC_RMID, 0), -EPERM);
  assert.equal(call(task, "shmctl", id, SHM_LOCK, 0), -EPERM);
  task.credentials = { ...task.credentials, effective: 2 ** 14 };
  assert.equal(call(task, "shmctl", id, SHM_LOCK, 0), 0);
  task.credentials = root;
  assert.equal(stat({ task, id, notes }).mode, 0o2600);
  assert.equal(call(task, "shmctl", id, SHM_UNLOCK, 0), 0);
  assert.equal(stat({ task, id, notes }).mode, 0o600);
  assert.equal(call(task, "shmctl", id, 99, 0), -EINVAL);
});

test("IPC_INFO tells the namespace's limits", () => {
  const { task, notes } = createSharer();
  const limits = (): number[] => {
    assert.ok(call(task, "shmctl", 0, IPC_INFO, notes) >= 0);
    return [0, 8, 16, 24].map((at) => task.space.loadU64(notes + at));
  };
  assert.deepEqual(limits().slice(1), [1, 4096, 4096]);
  task.ipc.memory.maximumSegment = 65536;
  task.ipc.memory.table.most = 5;
  assert.deepEqual(limits(), [65536, 1, 5, 5]);
});
