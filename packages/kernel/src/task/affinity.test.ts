/** Goal: harts that a thread may run on (sched_setaffinity(2), getcpu(2)). Method: threads of machines with harts. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { EFAULT, EINVAL, EPERM, ESRCH } from "@stratos/abi";
import { createTestKernel, createTestTask, type TestTask } from "../testing/fake-task.ts";
import { call } from "../testing/system-calls.ts";
import { placeBeside } from "./affinity.ts";
import { listOfHarts } from "./hart-mask.ts";

const AT = 0x100;

function onHarts(count: number): TestTask & { other: TestTask } {
  const { kernel } = createTestKernel({ harts: count });
  return { ...createTestTask(kernel), other: createTestTask(kernel) };
}

test("a set of harts is written as ranges", () => {
  assert.deepEqual(
    [0, 1, 0b1111, 0b1001111, 0b101, 0x80000000, 0xc0000001, 0xffffffff].map((mask) => listOfHarts(mask)),
    ["", "0", "0-3", "0-3,6", "0,2", "31", "0,30-31", "0-31"],
  );
});

test("a thread may be kept on some harts; harts that the machine hasn't don't count", () => {
  const { task, memory } = onHarts(4);
  assert.equal(call(task, "sched_getaffinity", 0, 8, AT), 8);
  assert.equal(memory.loadU64(AT), 0b1111);
  memory.storeU64(AT, 0b110100);
  assert.equal(call(task, "sched_setaffinity", 0, 8, AT), 0);
  assert.equal(call(task, "sched_getaffinity", task.tid, 16, AT), 8);
  assert.equal(memory.loadU64(AT), 0b100);
  assert.equal(task.hart, 2);
  memory.storeU64(AT, 0b1100);
  call(task, "sched_setaffinity", 0, 1, AT);
  assert.equal(task.hart, 2, "who may stay stays");
  memory.storeU64(AT, 0b10000);
  assert.equal(call(task, "sched_setaffinity", 0, 8, AT), -EINVAL);
  assert.equal(call(task, "sched_setaffinity", 0, 8, 0x7fffffff), -EFAULT);
  // A set that is said to be larger than any is read as far as there may be harts.
  assert.equal(call(task, "sched_setaffinity", 0, -1, 0x7fffffff), -EFAULT);
  assert.equal(call(task, "sched_setaffinity", 999, 8, AT), -ESRCH);
  assert.equal(call(task, "sched_getaffinity", 999, 8, AT), -ESRCH);
  assert.equal(call(task, "sched_getaffinity", 0, 7, AT), -EINVAL);
  assert.equal(call(task, "sched_getaffinity", 0, 12, AT), -EINVAL);
  assert.equal(call(task, "sched_getaffinity", 0, 8, 0x7fffffff), -EFAULT);
});

test("another's thread is kept by its owner and by CAP_SYS_NICE", () => {
  const { task, memory, other } = onHarts(2);
  memory.storeU64(AT, 1);
  task.credentials = { ...task.credentials, uid: 7, euid: 7, effective: 0 };
  assert.equal(call(task, "sched_setaffinity", other.task.tid, 8, AT), -EPERM);
  other.task.credentials = { ...other.task.credentials, uid: 7 };
  assert.equal(call(task, "sched_setaffinity", other.task.tid, 8, AT), 0);
  other.task.credentials = { ...other.task.credentials, uid: 8, euid: 7 };
  assert.equal(call(task, "sched_setaffinity", other.task.tid, 8, AT), 0);
  other.task.credentials = { ...other.task.credentials, uid: 8, euid: 8 };
  task.credentials = { ...task.credentials, effective: 2 ** 23 };
  assert.equal(call(task, "sched_setaffinity", other.task.tid, 8, AT), 0);
});

test("a new thread goes to the next hart that it may run on, round and round", () => {
  const { task, other } = onHarts(4);
  const places = [0b1111, 0b1111, 0b1001, 0b1001, 0b0001].map((mask) => {
    task.affinity = mask;
    placeBeside(other.task, task);
    task.hart = other.task.hart;
    return other.task.hart;
  });
  assert.deepEqual(places, [1, 2, 3, 0, 0]);
  assert.equal(other.task.affinity, 1);
});

test("getcpu tells the hart, and the one node", () => {
  const { task, memory } = onHarts(4);
  memory.u8.fill(0xff, AT, AT + 8);
  task.hart = 3;
  assert.equal(call(task, "getcpu", AT, AT + 4), 0);
  assert.deepEqual([memory.loadU32(AT), memory.loadU32(AT + 4)], [3, 0]);
  assert.equal(call(task, "getcpu", 0, 0), 0);
  assert.equal(call(task, "getcpu", 0x7fffffff, 0), -EFAULT);
  assert.equal(call(task, "getcpu", 0, 0x7fffffff), -EFAULT);
});
