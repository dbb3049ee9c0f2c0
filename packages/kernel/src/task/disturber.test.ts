/**
 * Goal: a disturber lets calls meet what Linux permits there, and nothing else; what it did, as a list, is done again
 * at the same calls. Method: calls of a task on a kernel without a processor, by way of the disturber.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  EINTR,
  EIO,
  ENOSPC,
  O_CREAT,
  O_DSYNC,
  O_NONBLOCK,
  O_RDWR,
  SA_RESTART,
  SIGUSR1,
  SYSCALL_NUMBERS,
} from "@stratos/abi";
import { fileCalls } from "../syscall/file-calls.ts";
import { asCurrent } from "../testing/fake-task.ts";
import { FileTask } from "../testing/file-system-task.ts";
import { BLOCKED } from "../ground/wait-queue.ts";
import { type Disturbance, type DisturbanceRates, Disturber, DISTURBANCES_MAX } from "./disturber.ts";
import type { FaultKind } from "./fault-kinds.ts";
import type { Task } from "./task.ts";
import { type PowerCutKind, powerCutKind } from "./unsynced-files.ts";

const AT = 0x9000;
const ALWAYS = 2 ** 32;
const QUIET: DisturbanceRates = { hold: 0, holdNsMost: 1e6, turnMost: 0, faults: {} };

function only(...kinds: readonly FaultKind[]): DisturbanceRates {
  return { ...QUIET, faults: Object.fromEntries(kinds.map((kind) => [kind, ALWAYS])) };
}

/** One execution of a call. */
function call(disturber: Disturber, task: Task, name: string, a0 = 0, a1 = 0, a2 = 0): number {
  task.syscallState = null;
  task.kernel.work.begin();
  return asCurrent(task, () =>
    disturber.call(fileCalls[name]!, task, SYSCALL_NUMBERS.get(name)!, { a0, a1, a2, a3: 0, a4: 0, a5: 0 }),
  );
}

function pipe(user: FileTask, flags = 0): [reader: number, writer: number] {
  assert.equal(user.call("pipe2", AT, flags), 0);
  return [user.memory.view.getInt32(AT, true), user.memory.view.getInt32(AT + 4, true)];
}

function handle(task: Task, flags: number): void {
  task.group.actions.set(SIGUSR1, { handler: 0x1000, flags, restorer: 0, maskLow: 0, maskHigh: 0 });
}

test("a short write to a file takes some bytes, and the file has them", () => {
  const { user } = FileTask.create();
  const fd = user.open("/file", O_CREAT | O_RDWR);
  const disturber = new Disturber({ seed: 1, rates: only("short") });
  const taken = call(disturber, user.task, "write", fd, AT, 1000);
  assert.ok(taken > 0 && taken < 1000, String(taken));
  const [stat] = [user.fstat(fd)];
  assert.equal(typeof stat === "number" ? stat : stat.size, taken);
  assert.deepEqual(
    disturber.applied.map(({ kind, at, n, amount, a0, a2 }) => [kind, at, n, amount, a0, a2]),
    [["short", "call", 1, taken, fd, 1000]],
  );
});

test("a read from a pipe finds less; one from a file never does", () => {
  const { user } = FileTask.create();
  const [reader, writer] = pipe(user);
  user.write(writer, "x".repeat(500));
  user.put("/file", "y".repeat(500));
  const fd = user.open("/file");
  const disturber = new Disturber({ seed: 2, rates: only("short") });
  const got = call(disturber, user.task, "read", reader, AT, 500);
  assert.ok(got > 0 && got < 500, String(got));
  assert.equal(call(disturber, user.task, "read", fd, AT, 500), 500);
});

test("a write to a pipe is short only beyond PIPE_BUF, and only where it may not wait or be interrupted", () => {
  const { user } = FileTask.create();
  const [, waiting] = pipe(user);
  const [, hasty] = pipe(user, O_NONBLOCK);
  const disturber = new Disturber({ seed: 3, rates: only("short") });
  assert.equal(call(disturber, user.task, "write", waiting, AT, 5000), 5000);
  assert.equal(call(disturber, user.task, "write", hasty, AT, 4096), 4096);
  assert.ok(call(disturber, user.task, "write", hasty, AT, 5000) < 5000);
  handle(user.task, SA_RESTART);
  assert.ok(call(disturber, user.task, "write", waiting, AT, 5000) < 5000, "any handler leaves a write half done");
});

test("a read that waits is interrupted only where a handler without SA_RESTART is set", () => {
  const { user } = FileTask.create();
  const [reader, writer] = pipe(user);
  const disturber = new Disturber({ seed: 4, rates: only("eintr") });
  const { task } = user;
  assert.equal(call(disturber, task, "read", reader, AT, 10), BLOCKED, "nobody has a handler");
  task.endWait("signal");
  handle(task, SA_RESTART);
  assert.equal(call(disturber, task, "read", reader, AT, 10), BLOCKED);
  task.endWait("signal");
  handle(task, 0);
  assert.equal(call(disturber, task, "read", reader, AT, 10), -EINTR);
  // It waits no more: who writes wakes nobody.
  task.state = "S";
  user.write(writer, "abc");
  assert.equal(task.state, "S");
  task.state = "R";
  assert.equal(call(disturber, task, "read", reader, AT, 10), 3, "what does not wait is not interrupted");
});

test("a full disk and a failing one are met by files, and not by pipes", () => {
  const { user } = FileTask.create();
  const fd = user.open("/file", O_CREAT | O_RDWR);
  const [reader, writer] = pipe(user);
  const full = new Disturber({ seed: 5, rates: only("enospc") });
  assert.equal(call(full, user.task, "write", fd, AT, 10), -ENOSPC);
  assert.equal(call(full, user.task, "write", writer, AT, 10), 10);
  const failing = new Disturber({ seed: 5, rates: only("eio") });
  assert.equal(call(failing, user.task, "write", fd, AT, 10), -EIO);
  assert.equal(call(failing, user.task, "fsync", fd), -EIO);
  assert.equal(call(failing, user.task, "read", reader, AT, 10), 10);
});

test("a disk that is full stays full, for every file", () => {
  const { user } = FileTask.create();
  const { tid } = user.task;
  const [one, other] = [user.open("/one", O_CREAT | O_RDWR), user.open("/other", O_CREAT | O_RDWR)];
  const disturber = new Disturber({ list: [{ tid, at: "call", n: 2, kind: "full", amount: 0 }] });
  assert.equal(call(disturber, user.task, "write", one, AT, 10), 10);
  assert.equal(call(disturber, user.task, "write", one, AT, 10), -ENOSPC);
  assert.equal(call(disturber, user.task, "write", other, AT, 10), -ENOSPC);
  assert.equal(disturber.applied.length, 1);
  const fork = new Disturber({ list: [] });
  fork.goOnFrom(disturber);
  assert.equal(call(fork, user.task, "write", one, AT, 10), -ENOSPC, "in a fork, too");
});

test("the clock steps after the call, by so much; what has gone by since the start does not", () => {
  const { user } = FileTask.create();
  const { kernel } = user.task;
  const fd = user.open("/file", O_CREAT | O_RDWR);
  const seconds = (): number => kernel.realtime().seconds;
  for (const [hours, kind] of [
    [3, "ahead"],
    [-5, "back"],
  ] as const) {
    const [before, monotonic] = [seconds(), kernel.now()];
    const step = { tid: user.task.tid, at: "call", n: 1, kind: "clock", amount: hours * 3600e9 } as const;
    call(new Disturber({ list: [step] }), user.task, "write", fd, AT, 1);
    const moved = (seconds() - before) / 3600;
    assert.ok(Math.abs(moved - hours) < 0.01, `${kind}: ${moved}`);
    assert.ok(kernel.now() - monotonic < 60e9);
  }
});

/** Bytes of each file after a power cut behind its third call, which is no write. */
function leftBy(kind: PowerCutKind, before: (disturber: Disturber, user: FileTask) => void): Record<string, unknown> {
  const { user } = FileTask.create();
  const { task } = user;
  const amount = ["flushed", "written", "names"].indexOf(kind);
  assert.equal(powerCutKind(amount), kind);
  const disturber = new Disturber({ list: [{ tid: task.tid, at: "call", n: 3, kind: "power", amount }] });
  let lost: readonly string[] | null = null;
  disturber.onPowerCut = (paths) => (lost = paths);
  before(disturber, user);
  assert.equal(lost, null);
  assert.equal(task.kernel.isStopped, false);
  call(disturber, task, "fsync", user.open("/else", O_CREAT | O_RDWR));
  assert.equal(task.kernel.isStopped, true, "the machine ends there");
  const size = (path: string): number => {
    const stat = user.fstat(user.open(path));
    return typeof stat === "number" ? stat : stat.size;
  };
  return { lost, synced: size("/synced"), unsynced: size("/unsynced") };
}

test("a power cut leaves files that were not synced without what was added to them, or with it", () => {
  const writes = (disturber: Disturber, user: FileTask): void => {
    for (const name of ["/synced", "/unsynced"]) user.put(name, "x".repeat(40));
    call(disturber, user.task, "write", user.open("/synced", O_RDWR | O_DSYNC), AT, 100);
    call(disturber, user.task, "write", user.open("/unsynced", O_RDWR), AT, 100);
  };
  assert.deepEqual(leftBy("names", writes), { lost: ["/unsynced"], synced: 100, unsynced: 40 });
  assert.deepEqual(leftBy("written", writes), { lost: [], synced: 100, unsynced: 100 });
  assert.deepEqual(leftBy("flushed", writes), { lost: [], synced: 100, unsynced: 100 });
  const syncs = (disturber: Disturber, user: FileTask): void => {
    for (const name of ["/synced", "/unsynced"]) user.put(name, "x".repeat(40));
    const fd = user.open("/synced", O_RDWR);
    call(disturber, user.task, "write", fd, AT, 100);
    call(disturber, user.task, "fsync", fd);
  };
  assert.deepEqual(leftBy("names", syncs), { lost: [], synced: 100, unsynced: 40 });
});

test("what was done, as a list, is done again at the same calls, and nothing else", () => {
  const { user } = FileTask.create();
  const { task } = user;
  const fd = user.open("/file", O_CREAT | O_RDWR);
  const some: DisturbanceRates = { ...QUIET, hold: ALWAYS / 4, faults: { short: ALWAYS / 4, enospc: ALWAYS / 4 } };
  const run = (disturber: Disturber): number[] => {
    const results: number[] = [];
    for (let index = 0; index < 64; index++) results.push(call(disturber, task, "write", fd, AT, 100));
    return results;
  };
  const drawn = new Disturber({ seed: 6, rates: some });
  const results = run(drawn);
  assert.ok(drawn.applied.length > 10 && drawn.applied.length < 64, String(drawn.applied.length));
  const again = new Disturber({ list: drawn.applied });
  assert.deepEqual(run(again), results);
  assert.deepEqual(again.applied, drawn.applied);
  const other = new Disturber({ seed: 7, rates: some });
  assert.notDeepEqual(run(other), results);
  const first = drawn.applied.find(({ kind }) => kind === "enospc")!;
  const one = new Disturber({ list: [first] });
  assert.deepEqual(
    run(one).flatMap((result, index) => (result === 100 ? [] : [[index + 1, result]])),
    [[first.n, -ENOSPC]],
  );
});

test("of a list that asks for what is not permitted, nothing is done", () => {
  const { user } = FileTask.create();
  const { tid } = user.task;
  user.put("/file", "y".repeat(50));
  const fd = user.open("/file", O_RDWR);
  const fault = (n: number, kind: FaultKind, amount = 0): Disturbance => ({ tid, at: "call", n, kind, amount });
  const list = [fault(1, "short", 5), fault(2, "enospc"), fault(3, "short", 0), fault(4, "short", 50)];
  const disturber = new Disturber({ list });
  assert.equal(call(disturber, user.task, "read", fd, AT, 50), 50);
  assert.equal(call(disturber, user.task, "read", fd, AT, 50), 0);
  assert.equal(call(disturber, user.task, "write", fd, AT, 50), 50);
  assert.equal(call(disturber, user.task, "write", fd, AT, 50), 50);
  assert.deepEqual(disturber.applied, []);
});

test("a task is held after a call, and in the midst of computation at its own instruction", () => {
  const { user } = FileTask.create();
  const { task } = user;
  const { tid } = task;
  const { scheduler } = task.kernel;
  const fd = user.open("/file", O_CREAT | O_RDWR);
  const disturber = new Disturber({
    list: [
      { tid, at: "call", n: 2, kind: "hold", amount: 70_000 },
      { tid, at: "instruction", n: 900, kind: "hold", amount: 50_000 },
    ],
  });
  call(disturber, task, "write", fd, AT, 1);
  assert.equal(scheduler.mustSwitch, false);
  call(disturber, task, "write", fd, AT, 1);
  assert.equal(scheduler.mustSwitch, true);
  assert.equal(disturber.turnEnded(task), 70_000);
  assert.equal(disturber.fuelFor(task, 1_000_000), 900);
  task.instructions = 900;
  assert.equal(disturber.turnEnded(task), 50_000);
  assert.equal(disturber.fuelFor(task, 1_000_000), 1_000_000);
  assert.equal(disturber.turnEnded(task), 0);
});

test("who goes on from a replay holds what it would have held, and not again what it has held", () => {
  const { user } = FileTask.create();
  const { task } = user;
  const { tid } = task;
  const list = [900, 2000].map((n): Disturbance => ({ tid, at: "instruction", n, kind: "hold", amount: n }));
  const disturber = new Disturber({ list });
  assert.equal(disturber.fuelFor(task, 1_000_000), 900);
  task.instructions = 900;
  assert.equal(disturber.turnEnded(task), 900);
  const fork = new Disturber({ list });
  fork.goOnFrom(disturber, true);
  assert.equal(fork.fuelFor(task, 1_000_000), 1100);
  assert.equal(fork.turnEnded(task), 0);
  task.instructions = 2000;
  assert.equal(fork.turnEnded(task), 2000);
});

test("holds without end come from a seed, are not noted, and go on in a replay's fork", () => {
  const { user } = FileTask.create();
  const fd = user.open("/file", O_CREAT | O_RDWR);
  const plan = { seed: 3, rates: { ...QUIET, hold: ALWAYS / 2 }, isEndless: true } as const;
  const heldBy = (disturber: Disturber): number => {
    call(disturber, user.task, "write", fd, AT, 10);
    return disturber.turnEnded(user.task);
  };
  const disturber = new Disturber(plan);
  const held = Array.from({ length: 4 * DISTURBANCES_MAX }, () => heldBy(disturber));
  assert.ok(held.filter((ns) => ns > 0).length > DISTURBANCES_MAX);
  assert.ok(held.slice(-100).some((ns) => ns > 0));
  assert.equal(disturber.applied.length, 0);
  const fork = new Disturber(plan);
  fork.goOnFrom(disturber, true);
  const goOn = (each: Disturber): number[] => Array.from({ length: 50 }, () => heldBy(each));
  assert.deepEqual(goOn(fork), goOn(disturber));
});

test("a held task runs when its hold is over", () => {
  const { test: machine, user } = FileTask.create();
  const { task } = user;
  const { scheduler, timers } = machine.kernel;
  scheduler.hold(task, machine.kernel.now() + 5000);
  assert.equal(scheduler.hasRunnable, false);
  machine.clock.advance(4999);
  timers.expire(machine.kernel.now());
  assert.equal(scheduler.hasRunnable, false);
  machine.clock.advance(1);
  timers.expire(machine.kernel.now());
  assert.ok(scheduler.pick() === task);
});

test("a machine is disturbed so often and then left alone, and where it might be is told", () => {
  const { user } = FileTask.create();
  const fd = user.open("/file", O_CREAT | O_RDWR);
  const disturber = new Disturber({ seed: 1, rates: only("enospc") }, { notesPoints: true });
  for (let index = 0; index < DISTURBANCES_MAX; index++) call(disturber, user.task, "write", fd, AT, 10);
  assert.equal(call(disturber, user.task, "write", fd, AT, 10), 10);
  assert.equal(disturber.applied.length, DISTURBANCES_MAX);
  const kinds = new Set(disturber.points!.map(({ kind }) => kind));
  assert.deepEqual(kinds, new Set(["hold", "enospc"]));
});
