/** Goal: System V semaphores (semop(2), semctl(2)). Method: processes without a processor call, sleep and are woken. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  E2BIG,
  EACCES,
  EAGAIN,
  EFAULT,
  EFBIG,
  EIDRM,
  EINVAL,
  ERANGE,
  GETALL,
  GETNCNT,
  GETPID,
  GETVAL,
  GETZCNT,
  IPC_NOWAIT,
  IPC_RMID,
  SEM_UNDO,
  SETALL,
  SETVAL,
} from "@stratos/abi";
import { CALL_WORK } from "../ground/call-work.ts";
import { advance, type Call, createTestKernel, createTestTask, type TestTask } from "../testing/fake-task.ts";
import { begin, call } from "../testing/system-calls.ts";
import type { Task } from "../task/task.ts";

const OPERATIONS = 0x100,
  VALUES = 0x2000;

type Operation = readonly [index: number, change: number, flags?: number];

class User {
  readonly task: Task;
  readonly memory: TestTask["memory"];
  readonly id: number;

  constructor(id: number, made: TestTask) {
    this.id = id;
    this.task = made.task;
    this.memory = made.memory;
  }

  begin(...operations: Operation[]): Call {
    return this.beginTimed(0, ...operations);
  }

  beginTimed(timeout: number, ...operations: Operation[]): Call {
    operations.forEach(([index, change, flags = 0], at) => {
      this.memory.view.setUint16(OPERATIONS + at * 6, index, true);
      this.memory.view.setInt16(OPERATIONS + at * 6 + 2, change, true);
      this.memory.view.setInt16(OPERATIONS + at * 6 + 4, flags, true);
    });
    return begin(this.task, "semtimedop", this.id, OPERATIONS, operations.length, timeout);
  }

  semop(...operations: Operation[]): number | null {
    return this.begin(...operations).result;
  }

  control(index: number, command: number, argument = 0): number {
    return call(this.task, "semctl", this.id, index, command, argument);
  }

  /** The values of all semaphores of the set. */
  values(count: number): number[] {
    assert.equal(this.control(0, GETALL, VALUES), 0);
    return Array.from({ length: count }, (_, index) => this.memory.view.getUint16(VALUES + index * 2, true));
  }
}

/** Processes that share a set. */
function users(processes: number, values: readonly number[]): User[] {
  const { kernel } = createTestKernel();
  const first = createTestTask(kernel);
  const id = call(first.task, "semget", 0, values.length, 0o600);
  const made = Array.from(
    { length: processes },
    (_, index) => new User(id, index === 0 ? first : createTestTask(kernel)),
  );
  values.forEach((value, index) => made[0]!.control(index, SETVAL, value));
  return made;
}

test("operations are done all at once or not at all", () => {
  const [user] = users(1, [1, 0, 3]) as [User];
  assert.equal(user.semop([0, -1, IPC_NOWAIT], [1, -1, IPC_NOWAIT]), -EAGAIN);
  assert.deepEqual(user.values(3), [1, 0, 3]);
  assert.equal(user.semop([0, -1], [2, 2], [1, 0], [2, -1]), 0);
  assert.deepEqual(user.values(3), [0, 0, 4]);
  assert.equal(user.semop([1, 32767], [2, 32764]), -ERANGE);
  assert.deepEqual(user.values(3), [0, 0, 4]);
  assert.equal(user.semop([1, 32767]), 0);
});

test("who waits for more goes on when the value suffices, who waits for zero when it is there", () => {
  const [one, other, third] = users(3, [0, 1]) as [User, User, User];
  const more = one.begin([0, -2]);
  const zero = other.begin([1, 0]);
  assert.ok(more.isBlocked && zero.isBlocked);
  assert.deepEqual([third.control(0, GETNCNT), third.control(0, GETZCNT), third.control(1, GETZCNT)], [1, 0, 1]);
  third.semop([0, 1]);
  assert.equal(more.resume(), null);
  third.semop([0, 1], [1, -1]);
  assert.deepEqual([more.resume(), zero.resume()], [0, 0]);
  assert.deepEqual([one.control(0, GETNCNT), one.control(1, GETZCNT)], [0, 0]);
  assert.deepEqual([third.control(0, GETPID), third.control(1, GETPID)], [one.task.pid, other.task.pid]);
});

test("what a waiter has been given is its own, whatever happens before it runs", () => {
  const [one, other, third] = users(3, [0]) as [User, User, User];
  const first = one.begin([0, -1]);
  third.semop([0, 1]);
  assert.equal(third.semop([0, -1, IPC_NOWAIT]), -EAGAIN);
  const second = other.begin([0, -1]);
  third.semop([0, 1]);
  assert.equal(third.control(0, IPC_RMID), 0);
  assert.deepEqual([first.resume(), second.resume()], [0, 0]);
});

test("more waiters than a call has time for look for themselves", () => {
  const [user, ...others] = users(301, [0, 0]) as [User, ...User[]];
  const looks: Operation[] = Array.from({ length: 400 }, () => [1, 0]);
  const waits = others.map((other) => other.begin(...looks, [0, -2]));
  const { work } = user.task.kernel;
  user.semop([0, 1]);
  assert.ok(work.spent < 2 * CALL_WORK, `${work.spent} units`);
  assert.ok(waits.every((wait) => wait.resume() === null));
  user.semop([0, 599]);
  assert.ok(waits.every((wait) => wait.resume() === 0));
  assert.deepEqual(user.values(2), [0, 0]);
});

test("a waiter that ends is no longer counted", () => {
  const [one, other] = users(2, [0]) as [User, User];
  one.begin([0, -1]);
  call(one.task, "exit_group", 0);
  assert.equal(other.control(0, GETNCNT), 0);
});

test("a time limit ends a wait, and so does the set's removal", () => {
  const { kernel, ...machine } = createTestKernel();
  const made = createTestTask(kernel);
  const user = new User(call(made.task, "semget", 0, 1, 0o600), made);
  user.memory.storeU64(VALUES, 1);
  user.memory.storeU64(VALUES + 8, 500_000_000);
  const timed = user.beginTimed(VALUES, [0, -1]);
  advance({ kernel, ...machine }, 1400);
  assert.equal(timed.resume(), null);
  advance({ kernel, ...machine }, 200);
  assert.equal(timed.resume(), -EAGAIN);
  const forever = user.begin([0, -1]);
  const other = createTestTask(kernel).task;
  call(other, "semctl", user.id, 0, IPC_RMID, 0);
  // Another set may have its identifier by then (sem_next_id): the waiter has no right to that.
  kernel.ipc.semaphores.table.nextId = user.id;
  assert.equal(call(other, "semget", 0, 1, 0), user.id);
  assert.equal(forever.resume(), -EIDRM);
  user.memory.storeU64(VALUES + 8, 1e9);
  assert.equal(user.beginTimed(VALUES, [0, -1]).result, -EINVAL);
});

test("SEM_UNDO takes back what a process did when it ends, and wakes who waits for that", () => {
  const [worker, other] = users(2, [5, 0]) as [User, User];
  worker.semop([0, -3, SEM_UNDO], [1, 2, SEM_UNDO], [1, 1]);
  worker.semop([0, -1, SEM_UNDO]);
  assert.deepEqual(other.values(2), [1, 3]);
  const waiting = other.begin([0, -4]);
  call(worker.task, "exit_group", 0);
  assert.equal(waiting.resume(), 0);
  assert.deepEqual(other.values(2), [1, 1]);
});

test("SEM_UNDO of a value that was set since takes nothing back, and never goes below zero", () => {
  const [worker, other] = users(2, [5, 0, 0]) as [User, User];
  worker.semop([0, -3, SEM_UNDO], [1, 4, SEM_UNDO]);
  other.control(0, SETVAL, 9);
  other.semop([1, -3]);
  call(worker.task, "exit_group", 0);
  assert.deepEqual(other.values(3), [9, 0, 0]);
});

test("SETALL sets every value, wakes, and forgets what was to be undone", () => {
  const [worker, waiter] = users(2, [0, 0]) as [User, User];
  worker.semop([1, 1, SEM_UNDO]);
  const waiting = waiter.begin([0, -2]);
  worker.memory.view.setUint16(VALUES, 2, true);
  worker.memory.view.setUint16(VALUES + 2, 32767, true);
  assert.equal(worker.control(0, SETALL, VALUES), 0);
  assert.equal(waiting.resume(), 0);
  call(worker.task, "exit_group", 0);
  assert.deepEqual(waiter.values(2), [0, 32767]);
  waiter.memory.view.setUint16(VALUES, 32768, true);
  assert.equal(waiter.control(0, SETALL, VALUES), -ERANGE);
  assert.deepEqual(waiter.values(2), [0, 32767]);
});

test("what is out of bounds is refused", () => {
  const [user] = users(1, [0]) as [User];
  const { task, id } = user;
  assert.equal(call(task, "semop", id, OPERATIONS, 0), -EINVAL);
  assert.equal(call(task, "semop", id, OPERATIONS, 501), -E2BIG);
  assert.equal(call(task, "semop", id, 0x7fffffff, 1), -EFAULT);
  assert.equal(call(task, "semop", 99, OPERATIONS, 1), -EINVAL);
  assert.equal(user.semop([1, 1]), -EFBIG);
  assert.equal(user.semop(...Array.from({ length: 500 }, () => [0, 1] as const)), 0);
  for (const value of [-1, 32768]) assert.equal(user.control(0, SETVAL, value), -ERANGE);
  assert.equal(user.control(0, SETVAL, 32767), 0);
  assert.equal(user.control(1, GETVAL), -EINVAL);
  assert.equal(user.control(-1, GETVAL), -EINVAL);
  assert.equal(call(task, "semget", 0, 32001, 0o600), -EINVAL);
  assert.equal(call(task, "semget", 0, 0, 0o600), -EINVAL);
  assert.equal(call(task, "semget", 0, -1, 0o600), -EINVAL);
  assert.ok(call(task, "semget", 0, 32000, 0o600) > 0);
});

test("waiting for zero needs the right to read, a change that to alter", () => {
  const [user] = users(1, [0]) as [User];
  user.memory.storeU32(VALUES + 20, 0o444);
  assert.equal(user.control(0, 1, VALUES), 0);
  user.task.credentials = { ...user.task.credentials, uid: 5, euid: 5, effective: 0 };
  assert.equal(user.semop([0, 0]), 0);
  assert.equal(user.semop([0, 0], [0, 1]), -EACCES);
  assert.deepEqual(user.values(1), [0]);
  assert.equal(user.control(0, SETALL, VALUES), -EACCES);
});
