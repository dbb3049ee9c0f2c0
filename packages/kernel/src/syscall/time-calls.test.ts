/**
 * Goal: sleeps, interval timers, POSIX timers and the clock's adjustment (nanosleep(2), setitimer(2), timer_create(2),
 * adjtimex(2)). Method: virtual time moves; the signals that a process gets are taken as they come.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  CLOCK_MONOTONIC,
  CLOCK_PROCESS_CPUTIME_ID,
  CLOCK_THREAD_CPUTIME_ID,
  CLOCK_REALTIME,
  EFAULT,
  EINTR,
  EINVAL,
  EOPNOTSUPP,
  EPERM,
  ITIMER_PROF,
  RLIMIT_CPU,
  SIGALRM,
  SIGKILL,
  SIGPROF,
  SIGUSR1,
  SIGXCPU,
  TIMER_ABSTIME,
} from "@stratos/abi";
import { advance, createTestKernel, createTestTask, type TestKernel, type TestTask } from "../testing/fake-task.ts";
import { begin, call, interrupt } from "../testing/system-calls.ts";
import { createThreads } from "../testing/thread-tasks.ts";
import { expireCpuTimers } from "../task/cpu-timers.ts";

const AT = 0x100,
  OLD = 0x200,
  ID = 0x300;

interface User extends TestTask {
  test: TestKernel;
}

function createUser(): User {
  const machine = createTestKernel();
  const made = createTestTask(machine.kernel);
  for (const signal of [SIGALRM, 26, 27, SIGUSR1, SIGXCPU])
    made.task.group.actions.set(signal, { handler: 0x1000, flags: 0, restorer: 0, maskLow: 0, maskHigh: 0 });
  return { ...made, test: machine };
}

/** Puts a timespec (or, with unit 1000, a timeval) of milliseconds. */
function putTime({ memory }: TestTask, address: number, ms: number, unit = 1): void {
  memory.storeU64(address, Math.floor(ms / 1000));
  memory.storeU64(address + 8, ((ms % 1000) * 1e6) / unit);
}

function timeAt({ memory }: TestTask, address: number, unit = 1): number {
  return memory.loadU64(address) * 1000 + (memory.loadU64(address + 8) * unit) / 1e6;
}

/** The next pending signal of the process, 0 for none. */
function taken({ task }: TestTask): number {
  return task.group.pending.take(() => true)?.signal ?? 0;
}

test("a sleep ends when its time is over, not before, and writes what is left when a handler ends it", () => {
  const user = createUser();
  const { task, test } = user;
  putTime(user, AT, 1500);
  const asleep = begin(task, "nanosleep", AT, OLD);
  advance(test, 1499);
  assert.equal(asleep.resume(), null);
  advance(test, 1);
  assert.equal(asleep.resume(), 0);
  begin(task, "nanosleep", AT, OLD);
  advance(test, 400);
  assert.equal(interrupt(task, "nanosleep", AT, OLD), -EINTR);
  assert.equal(timeAt(user, OLD), 1100);
  assert.equal(interrupt(task, "nanosleep", AT, 0), -EINTR);
  user.memory.view.setBigInt64(AT, -1n, true);
  assert.equal(call(task, "nanosleep", AT, 0), -EINVAL);
  user.memory.storeU64(AT, 0);
  user.memory.storeU64(AT + 8, 1e9);
  assert.equal(call(task, "nanosleep", AT, 0), -EINVAL);
  assert.equal(call(task, "nanosleep", 0x7fffffff, 0), -EFAULT);
});

test("a sleep may be for a time of a clock, and is over at once when that has gone by", () => {
  const user = createUser();
  const { task, test } = user;
  for (const clock of [CLOCK_REALTIME, CLOCK_MONOTONIC]) {
    call(task, "clock_gettime", clock, AT);
    const now = timeAt(user, AT);
    putTime(user, AT, Math.floor(now) + 250);
    const asleep = begin(task, "clock_nanosleep", clock, TIMER_ABSTIME, AT, 0);
    advance(test, 248);
    assert.equal(asleep.resume(), null);
    advance(test, 3);
    assert.equal(asleep.resume(), 0);
    assert.equal(call(task, "clock_nanosleep", clock, TIMER_ABSTIME, AT, 0), 0);
  }
  for (const clock of [CLOCK_THREAD_CPUTIME_ID, 4, 5, 6])
    assert.equal(call(task, "clock_nanosleep", clock, 0, AT, 0), -EOPNOTSUPP, `clock ${clock}`);
  assert.equal(call(task, "clock_nanosleep", 99, 0, AT, 0), -EINVAL);
});

test("an interval timer comes after its value, then each interval, until it is set to nothing", () => {
  const user = createUser();
  const { task, test } = user;
  putTime(user, AT, 100, 1000);
  putTime(user, AT + 16, 250, 1000);
  assert.equal(call(task, "setitimer", 0, AT, 0), 0);
  const seen = Array.from({ length: 5 }, () => {
    advance(test, 100);
    return taken(user);
  });
  assert.deepEqual(seen, [0, 0, SIGALRM, SIGALRM, SIGALRM]);
  assert.equal(call(task, "getitimer", 0, OLD), 0);
  assert.deepEqual([timeAt(user, OLD, 1000), timeAt(user, OLD + 16, 1000)], [100, 50]);
  advance(test, 1000);
  assert.deepEqual([taken(user), taken(user)], [SIGALRM, 0], "one signal for all that were missed");
  assert.equal(call(task, "setitimer", 0, 0, OLD), 0);
  assert.equal(timeAt(user, OLD, 1000), 100);
  advance(test, 1000);
  assert.equal(taken(user), 0);
  call(task, "getitimer", 0, OLD);
  assert.equal(timeAt(user, OLD + 16, 1000), 0);
  user.memory.storeU64(AT + 24, 1e6);
  assert.equal(call(task, "setitimer", 0, AT, 0), -EINVAL);
  assert.equal(call(task, "setitimer", 3, AT, 0), -EINVAL);
  assert.equal(call(task, "getitimer", -1, OLD), -EINVAL);
  assert.equal(call(task, "setitimer", 0, 0x7fffffff, 0), -EFAULT);
});

test("ITIMER_VIRTUAL runs on time in user mode, ITIMER_PROF on all processor time", () => {
  const user = createUser();
  const { task, test } = user;
  putTime(user, AT, 0, 1000);
  putTime(user, AT + 16, 100, 1000);
  for (const which of [1, 2]) assert.equal(call(task, "setitimer", which, AT, 0), 0);
  const run = (userMs: number, systemMs: number): number[] => {
    task.userNs += userMs * 1e6;
    task.systemNs += systemMs * 1e6;
    expireCpuTimers(task);
    return [taken(user), taken(user)];
  };
  advance(test, 1000);
  assert.deepEqual(run(50, 49), [0, 0]);
  assert.deepEqual(run(0, 1), [27, 0]);
  assert.deepEqual(run(49, 0), [0, 0]);
  assert.deepEqual(run(1, 0), [26, 0]);
});

test("RLIMIT_CPU is SIGXCPU each second from the soft limit on, and SIGKILL at the hard one", () => {
  const user = createUser();
  const { task } = user;
  task.group.limits[RLIMIT_CPU] = { soft: 2, hard: 4 };
  const seen = [1.9, 2, 2.5, 3, 3.9, 4].map((seconds) => {
    task.userNs = seconds * 1e9;
    expireCpuTimers(task);
    return taken(user);
  });
  assert.deepEqual(seen, [0, SIGXCPU, 0, SIGXCPU, 0, SIGKILL]);
});

/** timer_create(2) with a signal and a value. */
function createTimer(user: TestTask, parts: { clock?: number; signal?: number; notify?: number } = {}): number {
  const { memory, task } = user;
  memory.storeU64(AT, 0x1_0000_0009);
  memory.storeU32(AT + 8, parts.signal ?? SIGUSR1);
  memory.storeU32(AT + 12, parts.notify ?? 0);
  memory.storeU32(AT + 16, task.tid);
  const result = call(task, "timer_create", parts.clock ?? CLOCK_MONOTONIC, AT, ID);
  return result < 0 ? result : memory.loadU32(ID);
}

function setTimer(user: TestTask, id: number, valueMs: number, intervalMs: number, flags = 0): number {
  putTime(user, AT, intervalMs);
  putTime(user, AT + 16, valueMs);
  return call(user.task, "timer_settime", id, flags, AT, OLD);
}

test("a POSIX timer's signal carries its number and value, and how many were missed until it is taken", () => {
  const user = createUser();
  const { task, test } = user;
  const id = createTimer(user);
  assert.equal(setTimer(user, id, 100, 50), 0);
  advance(test, 99);
  assert.equal(task.group.pending.isEmpty, true);
  advance(test, 1);
  advance(test, 120);
  const info = task.group.pending.take(() => true)!;
  assert.deepEqual(
    [info.signal, info.code, info.timerId, info.valueLow, info.valueHigh, info.overrun],
    [SIGUSR1, -2, id, 9, 1, 2],
  );
  assert.equal(call(task, "timer_getoverrun", id), 2);
  advance(test, 29);
  assert.equal(task.group.pending.isEmpty, true);
  advance(test, 1);
  assert.equal(task.group.pending.take(() => true)!.overrun, 0);
});

test("a POSIX timer tells what is left; a new setting takes back a signal that nobody saw, deletion too", () => {
  const user = createUser();
  const { task, test } = user;
  const id = createTimer(user);
  setTimer(user, id, 100, 50);
  advance(test, 30);
  assert.equal(call(task, "timer_gettime", id, OLD), 0);
  assert.deepEqual([timeAt(user, OLD), timeAt(user, OLD + 16)], [50, 70]);
  advance(test, 70 + 20);
  call(task, "timer_gettime", id, OLD);
  assert.equal(timeAt(user, OLD + 16), 30, "also while its signal waits");
  assert.equal(setTimer(user, id, 1000, 0), 0);
  assert.deepEqual([timeAt(user, OLD), timeAt(user, OLD + 16)], [50, 30]);
  assert.equal(task.group.pending.isEmpty, true);
  advance(test, 1000);
  assert.equal(task.group.pending.isEmpty, false);
  assert.equal(call(task, "timer_delete", id), 0);
  assert.equal(task.group.pending.isEmpty, true);
  assert.equal(setTimer(user, id, 1, 0), -EINVAL);
  assert.equal(call(task, "timer_gettime", id, OLD), -EINVAL);
  assert.equal(call(task, "timer_getoverrun", id), -EINVAL);
});

test("a POSIX timer may be silent, for one thread, absolute, or on processor time", () => {
  const user = createUser();
  const { task, test } = user;
  const silent = createTimer(user, { notify: 1 });
  setTimer(user, silent, 10, 0);
  advance(test, 20);
  assert.equal(task.group.pending.isEmpty, true);
  setTimer(user, createTimer(user, { notify: 4 }), 10, 0);
  advance(test, 10);
  assert.equal(task.pending.take(() => true)?.signal, SIGUSR1);
  const absolute = createTimer(user);
  call(task, "clock_gettime", CLOCK_MONOTONIC, OLD);
  setTimer(user, absolute, timeAt(user, OLD) + 40, 0, TIMER_ABSTIME);
  advance(test, 39);
  assert.equal(taken(user), 0);
  advance(test, 1);
  assert.equal(taken(user), SIGUSR1);
  const busy = createTimer(user, { clock: CLOCK_PROCESS_CPUTIME_ID });
  setTimer(user, busy, 10, 0);
  advance(test, 100);
  assert.equal(taken(user), 0);
  task.userNs += 10e6;
  expireCpuTimers(task);
  assert.equal(taken(user), SIGUSR1);
  assert.equal(createTimer(user, { signal: 65 }), -EINVAL);
  assert.equal(createTimer(user, { notify: 3 }), -EINVAL);
  assert.equal(createTimer(user, { clock: 99 }), -EINVAL);
  const other = createTestTask(task.kernel);
  user.memory.storeU32(AT + 12, 4);
  user.memory.storeU32(AT + 16, other.task.tid);
  assert.equal(call(task, "timer_create", CLOCK_MONOTONIC, AT, ID), -EINVAL);
});

test("the thread that runs takes the signal of a timer of processor time, and no other's sleep ends", () => {
  const { kernel, page, space, tasks, leader } = createThreads(2);
  const [busy] = tasks;
  for (const signal of [SIGALRM, SIGPROF, SIGXCPU])
    leader.group.actions.set(signal, { handler: 0x1000, flags: 0, restorer: 0, maskLow: 0, maskHigh: 0 });
  for (const at of [8, 24]) space.storeU64(page + at, 1000);
  assert.equal(call(busy!, "setitimer", ITIMER_PROF, page, 0), 0);
  assert.equal(call(busy!, "timer_create", CLOCK_PROCESS_CPUTIME_ID, 0, page + 64), 0);
  space.storeU64(page + 24, 1e6);
  assert.equal(call(busy!, "timer_settime", space.loadU32(page + 64), 0, page, 0), 0);
  leader.group.limits[RLIMIT_CPU] = { soft: 1, hard: Infinity };
  kernel.lastTask = busy!;
  busy!.userNs += 1e9;
  expireCpuTimers(busy!);
  assert.deepEqual(
    [leader, ...tasks].map((task) => task.hasWork),
    [false, true, false],
  );
  const seen = [SIGPROF, SIGALRM, SIGXCPU].map((signal) => leader.group.pending.set.has(signal));
  assert.deepEqual(seen, [true, true, true]);
});

const TIMEX = { offset: 8, frequency: 16, maximumError: 24, estimatedError: 32, status: 40, constant: 48, tick: 88 };

type TimexValues = Partial<Record<keyof typeof TIMEX, number>>;

function adjust({ task, memory }: TestTask, modes: number, values: TimexValues): number {
  memory.u8.fill(0, AT, AT + 208);
  memory.storeU32(AT, modes);
  for (const [name, value] of Object.entries(values))
    memory.view.setBigInt64(AT + TIMEX[name as keyof typeof TIMEX], BigInt(value), true);
  return call(task, "adjtimex", AT);
}

test("what adjtimex is given it keeps within bounds and shows", () => {
  const user = createUser();
  const { memory } = user;
  const shown = (): Record<string, number> =>
    Object.fromEntries(
      Object.entries(TIMEX).map(([name, at]) => [
        name,
        name === "status" ? memory.loadU32(AT + at) : Number(memory.view.getBigInt64(AT + at, true)),
      ]),
    );
  const errors = { maximumError: 16_000_000, estimatedError: 16_000_000 };
  assert.equal(adjust(user, 0, {}), 5, "TIME_ERROR");
  assert.deepEqual(shown(), { offset: 0, frequency: 0, ...errors, status: 0x40, constant: 2, tick: 10000 });
  // PLL, in nanoseconds; STA_UNSYNC goes.
  assert.equal(adjust(user, 0x10 | 0x2000 | 0x20 | 2, { status: 1, constant: 7, frequency: -1e9 }), 0);
  assert.deepEqual(shown(), {
    offset: 0,
    frequency: -(500 << 16),
    ...errors,
    status: 0x2001,
    constant: 7,
    tick: 10000,
  });
  adjust(user, 1 | 4 | 8 | 0x4000, { offset: 55, maximumError: 5, estimatedError: -3, tick: 9000 });
  assert.deepEqual(shown(), {
    offset: 55,
    frequency: -(500 << 16),
    maximumError: 5,
    estimatedError: 0,
    status: 0x2001,
    constant: 7,
    tick: 9000,
  });
  adjust(user, 0x1000 | 0x20, { constant: 9 });
  assert.deepEqual([shown()["status"], shown()["constant"]], [1, 10], "in microseconds it counts from 4 on");
  assert.equal(adjust(user, 0x4000, { tick: 8999 }), -EINVAL);
  assert.equal(adjust(user, 0x4000, { tick: 11001 }), -EINVAL);
  assert.equal(call(user.task, "adjtimex", 0x7fffffff), -EFAULT);
  assert.equal(call(user.task, "clock_adjtime", CLOCK_MONOTONIC, AT), -EOPNOTSUPP);
  user.task.credentials = { ...user.task.credentials, effective: 0 };
  assert.equal(adjust(user, 2, {}), -EPERM);
  assert.equal(adjust(user, 0, {}), 0);
  assert.equal(adjust(user, 0x8001, {}), -EPERM);
  assert.equal(adjust(user, 0xa001, {}), 0, "reading adjtime's rest");
  assert.equal(adjust(user, 0x8000, {}), -EINVAL);
});

test("ADJ_SETOFFSET moves the clock", () => {
  const user = createUser();
  const { task, memory } = user;
  const before = task.kernel.realtime().seconds;
  memory.u8.fill(0, AT, AT + 208);
  memory.storeU32(AT, 0x100);
  memory.storeU64(AT + 72, 3600);
  memory.storeU64(AT + 80, 500_000);
  assert.ok(call(task, "adjtimex", AT) >= 0);
  const { seconds, nanoseconds } = task.kernel.realtime();
  assert.equal(Math.round((seconds - before + nanoseconds / 1e9) * 10), 36005);
  memory.storeU32(AT, 0x100);
  memory.storeU64(AT + 80, 1_000_000);
  assert.equal(call(task, "adjtimex", AT), -EINVAL);
});

test("sysinfo's seconds count the one that has begun", () => {
  const { task, memory, test } = createUser();
  const { kernel } = task;
  test.clock.advance(Math.ceil(kernel.now() / 1e9) * 1e9 - kernel.now());
  const whole = kernel.now() / 1e9;
  assert.equal(call(task, "sysinfo", AT), 0);
  assert.equal(memory.loadU64(AT), whole);
  test.clock.advance(1e6);
  assert.equal(call(task, "sysinfo", AT), 0);
  assert.equal(memory.loadU64(AT), whole + 1);
});

test("gettimeofday(2) tells the zone that settimeofday(2) was given, which needs the right to set clocks", () => {
  const user = createUser();
  const { task, memory } = user;
  const setZone = (minutes: number): number => {
    memory.storeU32(AT, minutes >>> 0);
    memory.storeU32(AT + 4, 1);
    return call(task, "settimeofday", 0, AT);
  };
  const zone = (): number[] => {
    assert.equal(call(task, "gettimeofday", 0, OLD), 0);
    return [memory.loadU32(OLD) | 0, memory.loadU32(OLD + 4)];
  };
  assert.deepEqual(zone(), [0, 0]);
  assert.equal(setZone(-120), 0);
  assert.deepEqual(zone(), [-120, 1]);
  assert.equal(setZone(901), -EINVAL);
  assert.equal(call(task, "settimeofday", 0, 2 ** 37), -EFAULT);
  task.credentials = { ...task.credentials, effective: 0 };
  assert.equal(setZone(60), -EPERM);
  assert.equal(call(task, "settimeofday", 0, 0), -EPERM);
  assert.deepEqual(zone(), [-120, 1]);
});

test("setting CLOCK_REALTIME ends what waits for a time of it that has gone by then, and nothing else", () => {
  const user = createUser();
  const { task, test } = user;
  const other = createTestTask(test.kernel);
  const ahead = (ms: number): number => {
    call(task, "clock_gettime", CLOCK_REALTIME, OLD);
    return Math.floor(timeAt(user, OLD)) + ms;
  };
  const set = (ms: number): void => {
    putTime(user, AT, ahead(ms));
    assert.equal(call(task, "clock_settime", CLOCK_REALTIME, AT), 0);
  };
  setTimer(user, createTimer(user, { clock: CLOCK_REALTIME }), ahead(100_000), 0, TIMER_ABSTIME);
  putTime(other, AT, ahead(100_000));
  const sleeper = begin(other.task, "clock_nanosleep", CLOCK_REALTIME, TIMER_ABSTIME, AT, 0);
  set(50_000);
  advance(test, 10);
  assert.equal(sleeper.resume(), null);
  assert.equal(taken(user), 0);
  set(50_000);
  advance(test, 10);
  assert.equal(taken(user), SIGUSR1);
  assert.equal(sleeper.resume(), 0);
  // Back again: no relative one minds.
  setTimer(user, createTimer(user, { clock: CLOCK_REALTIME }), 1000, 0);
  putTime(other, AT, 1000);
  const relative = begin(other.task, "clock_nanosleep", CLOCK_REALTIME, 0, AT, 0);
  set(-500_000);
  advance(test, 1000);
  assert.equal(taken(user), SIGUSR1);
  assert.equal(relative.resume(), 0);
});

test("clocks of CPU time are those of tasks that are there; a clock behind a descriptor there is not (EINVAL)", () => {
  const { task } = createUser();
  const clockOf = (id: number, kind: number): number => (~id << 3) | kind;
  assert.equal(call(task, "clock_gettime", clockOf(task.pid, 2), AT), 0);
  assert.equal(call(task, "clock_gettime", clockOf(task.tid, 6), AT), 0);
  for (const clock of [clockOf(task.pid, 3), clockOf(task.pid, 7), clockOf(task.pid + 1, 2)])
    assert.equal(call(task, "clock_gettime", clock, AT), -EINVAL);
});
