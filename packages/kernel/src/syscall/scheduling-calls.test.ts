/**
 * Goal: policies, priorities and who may change them (sched(7), setpriority(2), ioprio_set(2)). Method: tasks without a
 * processor, their calls by name.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { E2BIG, EACCES, EBUSY, EFAULT, EINVAL, EPERM, ESRCH, RLIMIT_NICE, RLIMIT_RTPRIO } from "@stratos/abi";
import { createTestKernel, createTestTask, type TestTask } from "../testing/fake-task.ts";
import { call } from "../testing/system-calls.ts";
import type { Task } from "../task/task.ts";

const OTHER = 0,
  FIFO = 1,
  RR = 2,
  BATCH = 3,
  IDLE = 5,
  DEADLINE = 6,
  RESET_ON_FORK = 0x40000000;
const AT = 0x100;

function createUser(): TestTask & { other: Task } {
  const { kernel } = createTestKernel();
  const made = createTestTask(kernel);
  return { ...made, other: createTestTask(kernel, made.task, { ownGroup: true }).task };
}

function becomeUser({ task }: TestTask, id: number): void {
  task.credentials = { ...task.credentials, uid: id, euid: id, effective: 0 };
}

function setScheduler({ task, memory }: TestTask, policy: number, priority: number, pid = 0): number {
  memory.storeU32(AT, priority >>> 0);
  return call(task, "sched_setscheduler", pid, policy, AT);
}

test("nice is bounded, raised by anyone for his own, lowered by CAP_SYS_NICE", () => {
  const user = createUser();
  const { task, other } = user;
  assert.equal(call(task, "setpriority", 0, 0, -100), 0);
  assert.equal(call(task, "getpriority", 0, 0), 40);
  assert.equal(call(task, "setpriority", 0, 0, 100), 0);
  assert.equal(call(task, "getpriority", 0, 0), 1);
  assert.equal(call(task, "setpriority", 0, other.tid, 3), 0);
  becomeUser(user, 9);
  task.group.limits[RLIMIT_NICE] = { soft: 0, hard: 0 };
  assert.equal(call(task, "setpriority", 0, 0, 18), -EACCES);
  assert.equal(call(task, "setpriority", 0, 0, 19), 0);
  assert.equal(call(task, "setpriority", 0, other.tid, 5), -EPERM);
  assert.equal(other.nice, 3);
  assert.equal(call(task, "setpriority", 0, 999, 5), -ESRCH);
  assert.equal(call(task, "getpriority", 0, 999), -ESRCH);
  assert.equal(call(task, "setpriority", 3, 0, 5), -EINVAL);
  assert.equal(call(task, "getpriority", -1, 0), -EINVAL);
});

test("nice goes down as far as RLIMIT_NICE of the target allows", () => {
  const user = createUser();
  const { task, other } = user;
  becomeUser(user, 9);
  other.credentials = task.credentials;
  task.group.limits[RLIMIT_NICE] = { soft: 40, hard: 40 };
  other.group.limits[RLIMIT_NICE] = { soft: 22, hard: 40 };
  assert.equal(call(task, "setpriority", 0, other.tid, -3), -EACCES);
  assert.equal(call(task, "setpriority", 0, other.tid, -2), 0);
  assert.equal(other.nice, -2);
});

test("nice of another process is changed by who is its real or effective user; the others are left, and told", () => {
  const user = createUser();
  const { task, other } = user;
  becomeUser(user, 9);
  other.credentials = { ...task.credentials, uid: 5 };
  assert.equal(call(task, "setpriority", 0, other.tid, 3), 0);
  other.credentials = { ...task.credentials, euid: 5 };
  assert.equal(call(task, "setpriority", 0, other.tid, 4), 0);
  task.credentials = { ...task.credentials, euid: 6 };
  assert.equal(call(task, "setpriority", 2, 9, 7), -EPERM);
  assert.deepEqual([task.nice, other.nice], [7, 4]);
  task.credentials = { ...task.credentials, euid: 5 };
  assert.equal(call(task, "setpriority", 2, 9, 7), 0);
  assert.equal(other.nice, 7);
});

test("nice is that of a task, of a group, or of a user: the most urgent one shows", () => {
  const { task, other } = createUser();
  assert.equal(call(task, "setpriority", 1, other.group.group.id, -7), 0);
  assert.deepEqual([task.nice, other.nice], [0, -7]);
  assert.equal(call(task, "getpriority", 1, 0), 20);
  other.credentials = { ...other.credentials, uid: 5 };
  assert.equal(call(task, "setpriority", 2, 5, 4), 0);
  assert.equal(call(task, "getpriority", 2, 5), 16);
  other.credentials = task.credentials;
  assert.equal(call(task, "setpriority", 0, other.tid, -2), 0);
  assert.equal(call(task, "getpriority", 2, 0), 22);
});

test("a policy takes the priorities that it has", () => {
  const user = createUser();
  for (const [policy, least, most] of [
    [FIFO, 1, 99],
    [RR, 1, 99],
    [OTHER, 0, 0],
    [BATCH, 0, 0],
    [IDLE, 0, 0],
  ] as const) {
    assert.equal(call(user.task, "sched_get_priority_min", policy), least);
    assert.equal(call(user.task, "sched_get_priority_max", policy), most);
    assert.equal(setScheduler(user, policy, least), 0);
    assert.equal(setScheduler(user, policy, most), 0);
    assert.equal(setScheduler(user, policy, least - 1), -EINVAL);
    assert.equal(setScheduler(user, policy, most + 1), -EINVAL);
    assert.equal(call(user.task, "sched_getscheduler", 0), policy);
    assert.equal(call(user.task, "sched_getparam", 0, AT), 0);
    assert.equal(user.memory.loadU32(AT), most);
  }
  assert.equal(call(user.task, "sched_get_priority_max", DEADLINE), 0);
  const EXT = 7;
  for (const policy of [4, EXT, -1]) {
    const range = policy === EXT ? 0 : -EINVAL;
    assert.equal(call(user.task, "sched_get_priority_min", policy), range);
    assert.equal(call(user.task, "sched_get_priority_max", policy), range);
    assert.equal(setScheduler(user, policy, 0), -EINVAL);
  }
});

test("a real-time policy runs before others at once, and tells its interval", () => {
  const user = createUser();
  const { task, memory, other } = user;
  const { scheduler } = task.kernel;
  for (const each of [task, other]) scheduler.enqueue(each);
  assert.equal(setScheduler(user, RR, 10, other.tid), 0);
  assert.deepEqual([other.effectivePriority, scheduler.pick()?.tid], [10, other.tid]);
  const interval = (): number => {
    assert.equal(call(task, "sched_rr_get_interval", other.tid, AT), 0);
    return memory.loadU64(AT) * 1e9 + memory.loadU64(AT + 8);
  };
  assert.equal(interval(), 100e6);
  memory.storeU32(AT, 30);
  assert.equal(call(task, "sched_setparam", other.tid, AT), 0);
  assert.equal(other.effectivePriority, 30);
  setScheduler(user, FIFO, 1, other.tid);
  assert.equal(interval(), 0);
  setScheduler(user, OTHER, 0, other.tid);
  assert.equal(interval(), 4e6);
});

test("without CAP_SYS_NICE RLIMIT_RTPRIO bounds priorities, and only one's own tasks are changed", () => {
  const user = createUser();
  const { task, other } = user;
  becomeUser(user, 9);
  task.group.limits[RLIMIT_RTPRIO] = { ...task.group.limits[RLIMIT_RTPRIO]!, soft: 0 };
  assert.equal(setScheduler(user, FIFO, 1), -EPERM);
  assert.equal(setScheduler(user, BATCH, 0), 0);
  assert.equal(setScheduler(user, BATCH, 0, other.tid), -EPERM);
  task.group.limits[RLIMIT_RTPRIO] = { ...task.group.limits[RLIMIT_RTPRIO]!, soft: 5 };
  assert.equal(setScheduler(user, FIFO, 6), -EPERM);
  assert.equal(setScheduler(user, FIFO, 5), 0);
  assert.equal(setScheduler(user, FIFO | RESET_ON_FORK, 5), 0);
  assert.equal(call(task, "sched_getscheduler", 0), FIFO | RESET_ON_FORK);
  assert.equal(setScheduler(user, FIFO, 5), -EPERM, "the flag is not taken back");
});

interface Attributes {
  policy: number;
  flags?: number;
  nice?: number;
  priority?: number;
  runtime?: number;
  deadline?: number;
  period?: number;
  size?: number;
}

function setAttributes({ task, memory }: TestTask, wanted: Attributes, pid = 0): number {
  memory.u8.fill(0, AT, AT + 64);
  memory.storeU32(AT, wanted.size ?? 48);
  memory.storeU32(AT + 4, wanted.policy >>> 0);
  memory.storeU64(AT + 8, wanted.flags ?? 0);
  memory.storeU32(AT + 16, (wanted.nice ?? 0) >>> 0);
  memory.storeU32(AT + 20, wanted.priority ?? 0);
  memory.storeU64(AT + 24, wanted.runtime ?? 0);
  memory.storeU64(AT + 32, wanted.deadline ?? 0);
  memory.storeU64(AT + 40, wanted.period ?? 0);
  return call(task, "sched_setattr", pid, AT, 0);
}

test("sched_setattr sets nice or priority, and may keep what there is", () => {
  const user = createUser();
  const { task } = user;
  assert.equal(setAttributes(user, { policy: OTHER, nice: -99 }), 0);
  assert.equal(task.nice, -20);
  assert.equal(setAttributes(user, { policy: OTHER, nice: 99 }), 0);
  assert.equal(task.nice, 19);
  assert.equal(setAttributes(user, { policy: FIFO, priority: 7, flags: 1 }), 0);
  assert.deepEqual([task.policy, task.realtimePriority, task.resetsOnFork], [FIFO, 7, true]);
  assert.equal(setAttributes(user, { policy: OTHER, priority: 8, flags: 8 }), 0, "SCHED_FLAG_KEEP_POLICY");
  assert.deepEqual([task.policy, task.realtimePriority], [FIFO, 8]);
  assert.equal(setAttributes(user, { policy: RR, flags: 16 }), 0, "SCHED_FLAG_KEEP_PARAMS");
  assert.deepEqual([task.policy, task.realtimePriority], [RR, 8]);
  assert.equal(setAttributes(user, { policy: OTHER, flags: 32 }), -EINVAL);
  assert.equal(setAttributes(user, { policy: -1 }), -EINVAL);
  assert.equal(setAttributes(user, { policy: OTHER }, 999), -ESRCH);
  becomeUser(user, 9);
  task.group.limits[RLIMIT_NICE] = { ...task.group.limits[RLIMIT_NICE]!, soft: 15 };
  Object.assign(task, { policy: OTHER, nice: 10, resetsOnFork: false });
  assert.equal(setAttributes(user, { policy: OTHER, nice: 4 }), -EPERM);
  assert.equal(setAttributes(user, { policy: OTHER, nice: 5 }), 0);
});

test("deadlines are bounded, and together leave the others a share", () => {
  const user = createUser();
  const { task, other, memory } = user;
  const deadline = (runtime: number, until: number, period: number, pid = 0): number =>
    setAttributes(user, { policy: DEADLINE, runtime, deadline: until, period }, pid);
  assert.equal(deadline(1024, 100_000, 100_000), 0);
  assert.equal(deadline(1023, 100_000, 100_000), -EINVAL);
  assert.equal(deadline(1024, 99_999, 99_999), -EINVAL);
  assert.equal(deadline(300_000, 200_000, 400_000), -EINVAL);
  assert.equal(deadline(100_000, 500_000, 400_000), -EINVAL);
  assert.equal(deadline(100_000, 2 ** 22 * 1000 + 1, 2 ** 22 * 1000 + 1), -EINVAL);
  assert.equal(deadline(500_000, 1_000_000, 0), 0);
  assert.equal(task.effectivePriority, 100, "above every real-time priority");
  assert.equal(deadline(460_000, 1_000_000, 1_000_000, other.tid), -EBUSY);
  assert.equal(deadline(450_000, 1_000_000, 1_000_000, other.tid), 0);
  assert.equal(deadline(400_000, 1_000_000, 1_000_000), 0, "its own share doesn't count twice");
  assert.equal(call(task, "sched_getattr", 0, AT, 56, 0), 0);
  assert.deepEqual(
    [0, 4].map((offset) => memory.loadU32(AT + offset)),
    [56, DEADLINE],
  );
  assert.deepEqual(
    [24, 32, 40].map((offset) => memory.loadU64(AT + offset)),
    [400_000, 1_000_000, 1_000_000],
  );
  assert.deepEqual(
    [48, 52].map((offset) => memory.loadU32(AT + offset)),
    [0, 1024],
  );
  call(task, "sched_getparam", 0, AT);
  assert.equal(memory.loadU32(AT), 0);
  becomeUser(user, 9);
  assert.equal(deadline(100_000, 1_000_000, 1_000_000), -EPERM);
});

test("a bigger structure is taken while what is unknown in it is zero", () => {
  const user = createUser();
  const { task, memory } = user;
  assert.equal(setAttributes(user, { policy: OTHER, size: 47 }), -E2BIG);
  assert.equal(memory.loadU32(AT), 56);
  assert.equal(setAttributes(user, { policy: OTHER, size: 0 }), 0);
  assert.equal(setAttributes(user, { policy: OTHER, size: 64 }), 0);
  memory.storeU32(AT + 60, 1);
  assert.equal(call(task, "sched_setattr", 0, AT, 0), -E2BIG);
  assert.equal(setAttributes(user, { policy: OTHER, size: 4097 }), -E2BIG);
  assert.equal(call(task, "sched_setattr", 0, AT, 1), -EINVAL);
  assert.equal(call(task, "sched_setattr", 0, 0, 0), -EINVAL);
  assert.equal(call(task, "sched_setattr", 0, 0x7fffffff, 0), -EFAULT);
  assert.equal(call(task, "sched_getattr", 0, AT, 47, 0), -EINVAL);
  memory.u8.fill(0xee, AT, AT + 64);
  Object.assign(task, { nice: -3, resetsOnFork: true });
  assert.equal(call(task, "sched_getattr", 0, AT, 48, 0), 0);
  assert.deepEqual(
    [0, 4, 8, 16, 20, 48].map((offset) => memory.loadU32(AT + offset) | 0),
    [48, OTHER, 1, -3, 0, 0xeeeeeeee | 0],
  );
});

test("sched_yield gives way", () => {
  const { task } = createUser();
  assert.equal(call(task, "sched_yield"), 0);
  assert.equal(task.kernel.scheduler.mustSwitch, true);
  assert.ok(task.virtualRuntime > 0);
});

test("I/O priorities have classes and levels; one that was never set follows nice", () => {
  const user = createUser();
  const { task, other } = user;
  const value = (kind: number, level: number): number => (kind << 13) | level;
  assert.equal(call(task, "ioprio_get", 1, 0), 0);
  assert.equal(call(task, "ioprio_get", 3, 0), value(2, 4));
  task.nice = 19;
  other.nice = -20;
  assert.equal(call(task, "ioprio_get", 3, 0), value(2, 0));
  assert.equal(call(task, "ioprio_set", 1, 0, value(1, 3)), 0);
  assert.equal(call(task, "ioprio_get", 1, 0), value(1, 3));
  assert.equal(call(task, "ioprio_get", 3, 0), value(1, 3));
  assert.equal(call(task, "ioprio_set", 1, 0, value(0, 1)), -EINVAL);
  assert.equal(call(task, "ioprio_set", 1, 0, value(4, 0)), -EINVAL);
  assert.equal(call(task, "ioprio_set", 0, 0, value(2, 0)), -EINVAL);
  assert.equal(call(task, "ioprio_set", 4, 0, value(2, 0)), -EINVAL);
  assert.equal(call(task, "ioprio_get", 1, 999), -ESRCH);
  becomeUser(user, 9);
  assert.equal(call(task, "ioprio_set", 1, 0, value(1, 0)), -EPERM);
  assert.equal(call(task, "ioprio_set", 1, 0, value(3, 0)), 0);
  assert.equal(call(task, "ioprio_set", 1, other.tid, value(2, 0)), -EPERM);
});
