/**
 * Goal: keys, identifiers and rights of System V IPC (sysvipc(7)). Method: semaphore sets, the simplest of the three
 * kinds, by system calls.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  EACCES,
  EEXIST,
  EFAULT,
  EIDRM,
  EINVAL,
  ENOENT,
  ENOSPC,
  EPERM,
  GETVAL,
  IPC_CREAT,
  IPC_EXCL,
  IPC_PRIVATE,
  IPC_RMID,
  IPC_SET,
  IPC_STAT,
  SEM_INFO,
  SEM_STAT,
  SETVAL,
} from "@stratos/abi";
import type { Credentials } from "../security/credentials.ts";
import { createTestKernel, createTestTask, type TestTask } from "../testing/fake-task.ts";
import { call } from "../testing/system-calls.ts";

const AT = 0x100;

function createUser(): TestTask {
  return createTestTask(createTestKernel().kernel);
}

function become(user: TestTask, id: number, parts: Partial<Credentials> = {}): void {
  const ids = { uid: id, euid: id, suid: id, fsuid: id, gid: id, egid: id, sgid: id, fsgid: id };
  user.task.credentials = { ...user.task.credentials, ...ids, groups: [], effective: 0, ...parts };
}

test("a key names one object until it is removed; private ones are always new", () => {
  const { task } = createUser();
  assert.equal(call(task, "semget", 77, 1, 0), -ENOENT);
  const id = call(task, "semget", 77, 2, IPC_CREAT | 0o600);
  assert.equal(call(task, "semget", 77, 1, IPC_CREAT), id);
  assert.equal(call(task, "semget", 77, 0, 0), id);
  assert.equal(call(task, "semget", 77, 3, 0), -EINVAL);
  assert.equal(call(task, "semget", 77, 1, IPC_CREAT | IPC_EXCL), -EEXIST);
  const privates = [0, 0].map(() => call(task, "semget", IPC_PRIVATE, 1, 0o600));
  assert.equal(new Set([id, ...privates]).size, 3);
  assert.equal(call(task, "semctl", id, 0, IPC_RMID, 0), 0);
  assert.equal(call(task, "semget", 77, 1, 0), -ENOENT);
  assert.equal(call(task, "semctl", id, 0, GETVAL, 0), -EINVAL);
  assert.equal(call(task, "semctl", -1, 0, GETVAL, 0), -EINVAL);
});

test("the identifier of a removed object isn't that of the next ones, and tells when another has its slot", () => {
  const { task } = createUser();
  const { table } = task.kernel.ipc.semaphores;
  table.most = 2;
  const make = (): number => call(task, "semget", IPC_PRIVATE, 1, 0o600);
  const first = make();
  call(task, "semctl", first, 0, IPC_RMID, 0);
  const second = make();
  assert.deepEqual([first & 0x7fff, second & 0x7fff], [0, 1]);
  const third = make();
  assert.equal(third & 0x7fff, 0);
  assert.notEqual(third, first);
  assert.equal(call(task, "semctl", first, 0, GETVAL, 0), -EIDRM);
  assert.equal(call(task, "semctl", third, 0, GETVAL, 0), 0);
  assert.equal(make(), -ENOSPC);
  call(task, "semctl", second, 0, IPC_RMID, 0);
  assert.equal(make() & 0x7fff, 1);
});

test("an identifier may be wished for once, the next free one above it counts", () => {
  const { task } = createUser();
  const { table } = task.kernel.ipc.semaphores;
  const make = (): number => call(task, "semget", IPC_PRIVATE, 1, 0o600);
  const wished = (3 << 15) | 40;
  table.nextId = wished;
  assert.equal(make(), wished);
  assert.equal(table.nextId, -1);
  table.nextId = wished;
  assert.equal(make(), (3 << 15) | 41);
  assert.equal(make(), 0);
  assert.equal(table.highestIndex, 41);
  call(task, "semctl", (3 << 15) | 41, 0, IPC_RMID, 0);
  assert.equal(table.highestIndex, 40);
  assert.equal(table.count, 2);
});

test("owner, group and others each have their bits; CAP_IPC_OWNER needs none", () => {
  const user = createUser();
  const { task } = user;
  become(user, 10);
  const id = call(task, "semget", 5, 1, IPC_CREAT | 0o640);
  const rights = (): boolean[] => [GETVAL, SETVAL].map((command) => call(task, "semctl", id, 0, command, 0) === 0);
  assert.deepEqual(rights(), [true, true]);
  become(user, 11, { egid: 10 });
  assert.deepEqual(rights(), [true, false]);
  become(user, 11, { groups: [10] });
  assert.deepEqual(rights(), [true, false]);
  become(user, 11);
  assert.deepEqual(rights(), [false, false]);
  assert.equal(call(task, "semctl", id, 0, GETVAL, 0), -EACCES);
  assert.equal(call(task, "semget", 5, 1, 0o400), -EACCES);
  assert.equal(call(task, "semget", 5, 1, 0), id);
  become(user, 11, { effective: 2 ** 15 });
  assert.deepEqual(rights(), [true, true]);
});

test("IPC_SET gives it to another, who then rules it beside its maker; others may not", () => {
  const user = createUser();
  const { task, memory } = user;
  become(user, 10);
  const id = call(task, "semget", 5, 3, IPC_CREAT | 0o600);
  memory.storeU32(AT + 4, 20);
  memory.storeU32(AT + 8, 21);
  memory.storeU32(AT + 20, 0o7664);
  become(user, 20);
  assert.equal(call(task, "semctl", id, 0, IPC_SET, AT), -EPERM);
  assert.equal(call(task, "semctl", id, 0, IPC_RMID, 0), -EPERM);
  become(user, 10);
  assert.equal(call(task, "semctl", id, 0, IPC_SET, 0x7fffffff), -EFAULT);
  assert.equal(call(task, "semctl", id, 0, IPC_SET, AT), 0);
  assert.equal(call(task, "semctl", id, 0, IPC_STAT, AT), 0);
  const words = [0, 4, 8, 12, 16, 20].map((offset) => memory.loadU32(AT + offset));
  assert.deepEqual(words, [5, 20, 21, 10, 10, 0o664]);
  assert.equal(memory.loadU64(AT + 56), task.kernel.realtime().seconds);
  assert.equal(memory.loadU64(AT + 64), 3);
  memory.storeU32(AT + 4, 0xffffffff);
  assert.equal(call(task, "semctl", id, 0, IPC_SET, AT), -EINVAL);
  become(user, 30, { effective: 2 ** 21 });
  memory.storeU32(AT + 4, 30);
  assert.equal(call(task, "semctl", id, 0, IPC_SET, AT), 0);
  become(user, 20);
  assert.equal(call(task, "semctl", id, 0, IPC_RMID, 0), -EPERM);
  become(user, 30);
  assert.equal(call(task, "semctl", id, 0, IPC_RMID, 0), 0);
});

test("SEM_STAT goes by index and tells the identifier; SEM_INFO the highest index and what there is", () => {
  const { task, memory } = createUser();
  const ids = [2, 5].map((count) => call(task, "semget", IPC_PRIVATE, count, 0o600));
  assert.equal(call(task, "semctl", 1, 0, SEM_STAT, AT), ids[1]);
  assert.equal(memory.loadU64(AT + 64), 5);
  assert.equal(call(task, "semctl", 2, 0, SEM_STAT, AT), -EINVAL);
  assert.equal(call(task, "semctl", 0, 0, SEM_INFO, AT), 1);
  assert.deepEqual([memory.loadU32(AT + 28), memory.loadU32(AT + 36)], [2, 7]);
  assert.equal(call(task, "semctl", ids[0]!, 0, 99, 0), -EINVAL);
});
