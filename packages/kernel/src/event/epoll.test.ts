/** Goal: epoll(7) in its corners. Method: eventfds as watched files, system calls from fake tasks, virtual time. */
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import {
  EBADF,
  EEXIST,
  EFAULT,
  EINVAL,
  ELOOP,
  ENOENT,
  EPERM,
  EPOLLET,
  EPOLLEXCLUSIVE,
  EPOLLONESHOT,
  EPOLL_CTL_ADD,
  EPOLL_CTL_DEL,
  EPOLL_CTL_MOD,
  POLLIN,
  POLLOUT,
  SI_USER,
  SIGUSR1,
} from "@stratos/abi";
import { BytesCursor } from "@stratos/base";
import { signalInfo } from "../signal/pending-signals.ts";
import { sendSignalToTask } from "../signal/send-signal.ts";
import { epollCalls } from "../syscall/epoll-calls.ts";
import type { Task } from "../task/task.ts";
import {
  advance,
  Call,
  createTestKernel,
  createTestTask,
  type FakeUserMemory,
  type TestKernel,
} from "../testing/fake-task.ts";
import { OpenFile } from "../vfs/open-file.ts";
import { EventFile } from "./eventfd.ts";
import { SignalFile } from "./signalfd.ts";
import { SignalSet } from "../signal/signal-set.ts";

const EVENT = 0x100,
  EVENTS = 0x1000,
  LIMIT = 1024;
let machine: TestKernel;
let task: Task;
let memory: FakeUserMemory;
let epfd: number;

beforeEach(() => {
  machine = createTestKernel();
  ({ task, memory } = createTestTask(machine.kernel));
  epfd = create();
});

function create(): number {
  return epollCalls["epoll_create1"]!.run(task, 0, 0, 0, 0, 0, 0);
}

function open(file: OpenFile): number {
  return task.files.install(file, false, 0, LIMIT);
}

function control(operation: number, fd: number, events = 0, data = fd, on = epfd): number {
  memory.storeU32(EVENT, events >>> 0);
  memory.storeU64(EVENT + 8, data);
  return epollCalls["epoll_ctl"]!.run(task, on, operation, fd, EVENT, 0, 0);
}

function wait(timeoutMs = 0, most = 16, on = epfd): Call {
  return Call.of(task, epollCalls["epoll_pwait"]!, on, EVENTS, most, timeoutMs, 0, 8);
}

/** [data, events] of what a wait without time-out reports. */
function ready(most = 16): [number, number][] {
  const count = wait(0, most).result!;
  return Array.from({ length: count }, (_, index) => [
    memory.loadU64(EVENTS + index * 16 + 8),
    memory.loadU32(EVENTS + index * 16),
  ]);
}

function add(file: EventFile, amount = 1): void {
  const bytes = new Uint8Array(8);
  bytes[0] = amount;
  assert.equal(file.write(task, new BytesCursor(bytes)), 8);
}

function take(file: EventFile): void {
  assert.equal(file.read(task, new BytesCursor(new Uint8Array(8))), 8);
}

test("level-triggered: reported as long as it is ready", () => {
  const file = new EventFile(0, false, true);
  const fd = open(file);
  assert.equal(control(EPOLL_CTL_ADD, fd, POLLIN, 0x123456789a), 0);
  assert.deepEqual(ready(), []);
  add(file);
  assert.deepEqual(ready(), [[0x123456789a, POLLIN]]);
  assert.deepEqual(ready(), [[0x123456789a, POLLIN]]);
  take(file);
  assert.deepEqual(ready(), []);
});

test("edge-triggered: reported once for each change", () => {
  const file = new EventFile(0, false, true);
  const fd = open(file);
  control(EPOLL_CTL_ADD, fd, POLLIN | EPOLLET);
  add(file);
  assert.deepEqual(ready(), [[fd, POLLIN]]);
  assert.deepEqual(ready(), []);
  add(file);
  assert.deepEqual(ready(), [[fd, POLLIN]]);
  control(EPOLL_CTL_MOD, fd, POLLIN | EPOLLET);
  assert.deepEqual(ready(), [[fd, POLLIN]], "a change of the item looks again");
});

test("an edge-triggered reader is not told that there is room to write", () => {
  const file = new EventFile(5, true, true);
  const fd = open(file);
  control(EPOLL_CTL_ADD, fd, POLLIN | EPOLLET);
  assert.equal(ready().length, 1);
  take(file);
  assert.deepEqual(ready(), []);
});

test("one-shot: disarmed by a report, armed again by EPOLL_CTL_MOD", () => {
  const file = new EventFile(1, false, true);
  const fd = open(file);
  control(EPOLL_CTL_ADD, fd, POLLIN | EPOLLONESHOT);
  assert.deepEqual(ready(), [[fd, POLLIN]]);
  add(file);
  assert.deepEqual(ready(), []);
  control(EPOLL_CTL_MOD, fd, POLLIN | EPOLLONESHOT);
  assert.deepEqual(ready(), [[fd, POLLIN]]);
});

test("a small array gets the ready files in turn", () => {
  const fds = [0, 1, 2].map(() => open(new EventFile(1, false, true)));
  for (const fd of fds) control(EPOLL_CTL_ADD, fd, POLLIN);
  const seen = [...ready(2), ...ready(2), ...ready(2)].map(([data]) => data);
  assert.deepEqual(seen, [fds[0], fds[1], fds[2], fds[0], fds[1], fds[2]]);
});

test("what the array has no memory for keeps its turn", () => {
  const fds = [0, 1, 2].map(() => open(new EventFile(1, false, true)));
  for (const fd of fds) control(EPOLL_CTL_ADD, fd, POLLIN | EPOLLET);
  const end = memory.u8.length - 40;
  assert.equal(Call.of(task, epollCalls["epoll_pwait"]!, epfd, end, 16, 0, 0, 8).result, 2);
  assert.deepEqual(
    [0, 1].map((index) => memory.loadU64(end + index * 16 + 8)),
    fds.slice(0, 2),
  );
  assert.deepEqual(ready(), [[fds[2], POLLIN]]);
});

test("a blocked wait ends with the event, the time-out or a signal", () => {
  const file = new EventFile(0, false, true);
  const fd = open(file);
  control(EPOLL_CTL_ADD, fd, POLLIN);
  const forEver = wait(-1);
  assert.ok(forEver.isBlocked);
  add(file);
  assert.equal(forEver.resume(), 1);
  take(file);
  const timed = wait(100);
  advance(machine, 99);
  assert.equal(timed.resume(), null);
  advance(machine, 2);
  assert.equal(timed.resume(), 0);
  const interrupted = wait(-1);
  task.group.actions.set(SIGUSR1, { handler: 0x1000, flags: 0, restorer: 0, maskLow: 0, maskHigh: 0 });
  sendSignalToTask(task, signalInfo(SIGUSR1, SI_USER));
  assert.equal(task.wakeReason, "signal");
  assert.ok(interrupted.isBlocked);
});

test("epoll_pwait puts its mask in place for the wait only", () => {
  memory.storeU32(0x200, 0b1000);
  memory.storeU32(0x204, 0);
  const call = Call.of(task, epollCalls["epoll_pwait"]!, epfd, EVENTS, 1, 50, 0x200, 8);
  assert.equal(task.blocked.low, 0b1000);
  assert.equal(task.savedMask?.low, 0);
  advance(machine, 60);
  assert.equal(call.resume(), 0);
  assert.equal(task.blocked.low, 0);
  assert.equal(task.savedMask, null);
  assert.equal(Call.of(task, epollCalls["epoll_pwait"]!, epfd, EVENTS, 1, 50, 0x200, 4).result, -EINVAL);
});

test("epoll_pwait2 takes a timespec", () => {
  memory.storeU64(0x200, 0);
  memory.storeU64(0x208, 5_000_000);
  const call = Call.of(task, epollCalls["epoll_pwait2"]!, epfd, EVENTS, 1, 0x200, 0, 8);
  advance(machine, 6);
  assert.equal(call.resume(), 0);
  memory.storeU64(0x208, 1e9);
  assert.equal(Call.of(task, epollCalls["epoll_pwait2"]!, epfd, EVENTS, 1, 0x200, 0, 8).result, -EINVAL);
});

test("an item goes when the last descriptor of its description is closed, not before", () => {
  const file = new EventFile(1, false, true);
  const fd = open(file);
  const copy = open(file.retain());
  control(EPOLL_CTL_ADD, fd, POLLIN);
  task.files.close(task, fd);
  assert.deepEqual(ready(), [[fd, POLLIN]], "the description is still open");
  task.files.close(task, copy);
  assert.deepEqual(ready(), []);
  const other = open(new EventFile(1, false, true));
  assert.equal(other, fd);
  assert.equal(control(EPOLL_CTL_MOD, other, POLLIN), -ENOENT);
  assert.equal(control(EPOLL_CTL_ADD, other, POLLIN), 0);
});

test("the same description under two descriptors is two items", () => {
  const file = new EventFile(1, false, true);
  const fd = open(file);
  const copy = open(file.retain());
  control(EPOLL_CTL_ADD, fd, POLLIN);
  assert.equal(control(EPOLL_CTL_ADD, fd, POLLIN), -EEXIST);
  assert.equal(control(EPOLL_CTL_ADD, copy, POLLIN), 0);
  assert.equal(ready().length, 2);
  assert.equal(control(EPOLL_CTL_DEL, fd), 0);
  assert.equal(control(EPOLL_CTL_DEL, fd), -ENOENT);
  assert.deepEqual(ready(), [[copy, POLLIN]]);
});

test("epoll files nest, wake through the levels, and may not form a circle", () => {
  const outer = create();
  const file = new EventFile(0, false, true);
  const fd = open(file);
  assert.equal(control(EPOLL_CTL_ADD, epfd, POLLIN, 7, outer), 0);
  assert.equal(control(EPOLL_CTL_ADD, fd, POLLIN, 8), 0);
  assert.equal(control(EPOLL_CTL_ADD, outer, POLLIN, 9), -ELOOP);
  assert.equal(control(EPOLL_CTL_ADD, epfd, POLLIN), -EINVAL);
  const call = wait(-1, 4, outer);
  add(file);
  assert.equal(call.resume(), 1);
  assert.equal(memory.loadU64(EVENTS + 8), 7);
  take(file);
  assert.equal(wait(0, 4, outer).result, 0);
  let top = outer;
  for (let level = 0; level < 4; level++) {
    const next = create();
    const result = control(EPOLL_CTL_ADD, top, POLLIN, 1, next);
    assert.equal(result, level < 3 ? 0 : -ELOOP, `level ${level}`);
    top = next;
  }
});

test("errors of the calls", () => {
  class Plain extends OpenFile {
    constructor() {
      super(0, null, null);
    }
  }
  const plain = open(new Plain());
  const fd = open(new EventFile(0, false, true));
  assert.equal(control(EPOLL_CTL_ADD, plain, POLLIN), -EPERM, "nothing to wait for");
  assert.equal(control(EPOLL_CTL_ADD, 99, POLLIN), -EBADF);
  assert.equal(control(EPOLL_CTL_ADD, fd, POLLIN, 0, 99), -EBADF);
  assert.equal(control(EPOLL_CTL_ADD, fd, POLLIN, 0, plain), -EINVAL);
  assert.equal(control(77, fd, POLLIN), -EINVAL);
  assert.equal(epollCalls["epoll_ctl"]!.run(task, epfd, EPOLL_CTL_ADD, fd, 0, 0, 0), -EFAULT);
  assert.equal(control(EPOLL_CTL_ADD, fd, POLLIN | EPOLLEXCLUSIVE | EPOLLONESHOT), -EINVAL);
  assert.equal(control(EPOLL_CTL_ADD, fd, POLLIN | POLLOUT | EPOLLEXCLUSIVE), 0);
  assert.equal(control(EPOLL_CTL_MOD, fd, POLLIN), -EINVAL);
  assert.equal(wait(0, 0).result, -EINVAL);
  assert.equal(wait(0, -1).result, -EINVAL);
  assert.equal(wait(0, 1, fd).result, -EINVAL);
  assert.equal(wait(0, 1, 99).result, -EBADF);
  assert.equal(Call.of(task, epollCalls["epoll_pwait"]!, epfd, 0, 1, 0, 0, 8).result, -EFAULT);
  assert.equal(ready().length, 1, "a failed wait takes nothing away");
  assert.equal(epollCalls["epoll_create1"]!.run(task, 1, 0, 0, 0, 0, 0), -EINVAL);
});

test("a signalfd wakes an epoll wait", () => {
  task.blocked.add(SIGUSR1);
  const set = new SignalSet();
  set.add(SIGUSR1);
  const fd = open(new SignalFile(machine.kernel, set, true));
  machine.kernel.scheduler.current = task;
  assert.equal(control(EPOLL_CTL_ADD, fd, POLLIN), 0);
  machine.kernel.scheduler.current = null;
  const call = wait(-1);
  sendSignalToTask(task, signalInfo(SIGUSR1, SI_USER));
  assert.equal(call.resume(), 1);
});
