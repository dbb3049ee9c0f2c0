/**
 * Goal: rings keep their bounds and their promises where no program of the ABI suite looks: what a ring holds is let go
 * of, what waits is woken by what it waits for, and a machine's settings are asked. Method: a task with a real address
 * space makes the calls; `run` of the machine's rings stands for the turn between two slices.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  AF_UNIX,
  EAGAIN,
  EBADF,
  ECANCELED,
  EFAULT,
  EINVAL,
  EPERM,
  MAP_ANONYMOUS,
  MAP_PRIVATE,
  MAP_SHARED,
  POLLIN,
  POLLOUT,
  PROT_READ,
  PROT_WRITE,
  SOCK_NONBLOCK,
  SOCK_STREAM,
} from "@stratos/abi";
import {
  IORING_ENTER_GETEVENTS,
  IORING_OFF_SQES,
  IORING_OP_ASYNC_CANCEL,
  IORING_OP_NOP,
  IORING_OP_POLL_ADD,
  IORING_OP_PROVIDE_BUFFERS,
  IORING_OP_READ,
  IORING_OP_SEND,
  IORING_POLL_ADD_MULTI,
  IORING_RECVSEND_BUNDLE,
  IORING_REGISTER_EVENTFD,
  IORING_REGISTER_FILES,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_SINGLE_ISSUER,
  IORING_SETUP_SQPOLL,
  IORING_SQ_NEED_WAKEUP,
  IOSQE_BUFFER_SELECT,
  IoCqringOffsets,
  IoSqringOffsets,
  IoUringCqe,
  IoUringParams,
  IoUringSqe,
} from "@stratos/abi/io-uring";
import { advance } from "../../testing/fake-task.ts";
import { createMemoryTask, type MemoryTask } from "../../testing/memory-task.ts";
import { begin, call } from "../../testing/system-calls.ts";
import { ROOT } from "../../security/credentials.ts";
import { RingFile } from "./ring-file.ts";

/** IORING_POLL_ADD_LEVEL, which Linux refuses. */
const POLL_ADD_LEVEL = 8;
const BOTH = PROT_READ | PROT_WRITE;

/** A ring, mapped, and a page for what its requests name. */
class TestRing {
  readonly machine: MemoryTask;
  readonly fd: number;
  readonly page: number;
  readonly rings: number;
  readonly entries: number;
  readonly offsets: Record<"sqTail" | "sqFlags" | "array" | "cqHead" | "cqTail" | "cqes", number>;
  #tail = 0;

  constructor(entries = 8, flags = 0, idleMs = 0) {
    this.machine = createMemoryTask();
    const { task, space } = this.machine;
    this.page = call(task, "mmap", 0, 8192, BOTH, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    const at = IoUringParams.offset;
    space.storeU32(this.page + at.flags, flags);
    space.storeU32(this.page + at.sq_thread_idle, idleMs);
    this.fd = call(task, "io_uring_setup", entries, this.page);
    assert.ok(this.fd >= 0, `${this.fd}`);
    const sq = (field: number): number => space.loadU32(this.page + at.sq_off + field);
    const cq = (field: number): number => space.loadU32(this.page + at.cq_off + field);
    this.offsets = {
      sqTail: sq(IoSqringOffsets.offset.tail),
      sqFlags: sq(IoSqringOffsets.offset.flags),
      array: sq(IoSqringOffsets.offset.array),
      cqHead: cq(IoCqringOffsets.offset.head),
      cqTail: cq(IoCqringOffsets.offset.tail),
      cqes: cq(IoCqringOffsets.offset.cqes),
    };
    this.rings = call(task, "mmap", 0, 4096, BOTH, MAP_SHARED, this.fd, 0);
    this.entries = call(task, "mmap", 0, 4096, BOTH, MAP_SHARED, this.fd, IORING_OFF_SQES);
    assert.ok(this.rings > 0 && this.entries > 0);
  }

  get file(): RingFile {
    const file = this.machine.task.files.get(this.fd);
    assert.ok(file instanceof RingFile);
    return file;
  }

  put(
    opcode: number,
    user: number,
    fields: { fd?: number; address?: number; length?: number; flags?: number; entry?: number; priority?: number } = {},
  ): void {
    const { space } = this.machine;
    const slot = this.#tail & 7;
    const at = this.entries + slot * IoUringSqe.size;
    space.clear(at, IoUringSqe.size);
    space.storeU32(at, (opcode | ((fields.entry ?? 0) << 8) | ((fields.priority ?? 0) << 16)) >>> 0);
    space.storeU32(at + IoUringSqe.offset.fd, (fields.fd ?? -1) >>> 0);
    space.storeU64(at + IoUringSqe.offset.addr, fields.address ?? 0);
    space.storeU32(at + IoUringSqe.offset.len, fields.length ?? 0);
    space.storeU32(at + IoUringSqe.offset.rw_flags, fields.flags ?? 0);
    space.storeU64(at + IoUringSqe.offset.user_data, user);
    space.storeU32(this.rings + this.offsets.array + slot * 4, slot);
    this.#tail++;
    space.storeU32(this.rings + this.offsets.sqTail, this.#tail);
  }

  enter(submit: number, wait = 0): number {
    const flags = wait > 0 ? IORING_ENTER_GETEVENTS : 0;
    return call(this.machine.task, "io_uring_enter", this.fd, submit, wait, flags, 0, 8);
  }

  /** What a turn between slices does. */
  turn(): void {
    this.machine.kernel.uring!.run();
  }

  /** Takes all results: user data and result. */
  take(): [number, number][] {
    const { space } = this.machine;
    const found: [number, number][] = [];
    let head = space.loadU32(this.rings + this.offsets.cqHead);
    for (; head !== space.loadU32(this.rings + this.offsets.cqTail); head++) {
      const at = this.rings + this.offsets.cqes + (head & 15) * IoUringCqe.size;
      found.push([space.loadU64(at), space.loadU32(at + IoUringCqe.offset.res) | 0]);
    }
    space.storeU32(this.rings + this.offsets.cqHead, head);
    return found;
  }

  pipe(): { reads: number; writes: number } {
    const { task, space } = this.machine;
    assert.equal(call(task, "pipe2", this.page + 4096, 0), 0);
    return { reads: space.loadU32(this.page + 4096), writes: space.loadU32(this.page + 4100) };
  }
}

test("a request that waits goes on when what it waits for is there, and its file outlives the descriptor", () => {
  const ring = new TestRing();
  const { task, space } = ring.machine;
  const { reads, writes } = ring.pipe();
  ring.put(IORING_OP_READ, 7, { fd: reads, address: ring.page, length: 4 });
  assert.equal(ring.enter(1), 1);
  assert.deepEqual(ring.take(), []);
  assert.equal(call(task, "close", reads), 0);
  space.storeU32(ring.page + 64, 0x64636261);
  assert.equal(call(task, "write", writes, ring.page + 64, 4), 4);
  ring.turn();
  assert.deepEqual(ring.take(), [[7, 4]]);
  assert.equal(space.loadU32(ring.page), 0x64636261);
  assert.equal(ring.file.active.size, 0);
});

test("closing a ring ends what waits in it, and gives its files back", () => {
  const ring = new TestRing();
  const { task } = ring.machine;
  const { reads } = ring.pipe();
  const file = task.files.get(reads)!;
  for (let user = 0; user < 4; user++) ring.put(IORING_OP_POLL_ADD, user, { fd: reads, flags: 1 });
  ring.machine.space.storeU32(ring.page, reads);
  assert.equal(call(task, "io_uring_register", ring.fd, IORING_REGISTER_FILES, ring.page, 1), 0);
  assert.equal(ring.enter(4), 4);
  assert.equal(file.references, 6);
  const rings = ring.file;
  call(task, "munmap", ring.rings, 4096);
  call(task, "munmap", ring.entries, 4096);
  assert.equal(call(task, "close", ring.fd), 0);
  assert.ok(rings.isClosed);
  assert.equal(file.references, 1);
  assert.ok(file.waitQueue!.isEmpty);
});

test("a caller waits until there are as many results as it asks for", () => {
  const ring = new TestRing();
  const { task } = ring.machine;
  const { reads, writes } = ring.pipe();
  for (const user of [1, 2]) ring.put(IORING_OP_READ, user, { fd: reads, address: ring.page, length: 1 });
  const waits = begin(task, "io_uring_enter", ring.fd, 2, 2, IORING_ENTER_GETEVENTS, 0, 8);
  assert.ok(waits.isBlocked);
  for (let byte = 0; byte < 2; byte++) {
    assert.equal(waits.resume(), null);
    const { syscallState } = task;
    task.files.get(writes)!.write(task, task.space.cursor(ring.page, 1), -1);
    task.syscallState = syscallState;
    ring.turn();
  }
  assert.equal(waits.resume(), 2);
  assert.deepEqual(ring.take(), [
    [1, 1],
    [2, 1],
  ]);
});

test("what is cancelled ends behind what cancels it; bad memory is told, and ends nothing else", () => {
  const ring = new TestRing();
  const { reads } = ring.pipe();
  ring.put(IORING_OP_READ, 1, { fd: reads, address: ring.page, length: 1 });
  ring.enter(1);
  ring.put(IORING_OP_ASYNC_CANCEL, 2, { address: 1 });
  ring.put(IORING_OP_READ, 3, { fd: 99, address: ring.page, length: 1 });
  ring.put(IORING_OP_NOP, 4);
  ring.enter(3);
  ring.turn();
  assert.deepEqual(ring.take(), [
    [2, 0],
    [3, -EBADF],
    [4, 0],
    [1, -ECANCELED],
  ]);
  assert.equal(call(ring.machine.task, "io_uring_register", ring.fd, IORING_REGISTER_FILES, 8, 1), -EFAULT);
});

test("a poller takes what is submitted until its time is over, and says so", () => {
  const ring = new TestRing(8, IORING_SETUP_SQPOLL, 10);
  const { space, test: machine } = ring.machine;
  const needsWakeup = (): boolean => (space.loadU32(ring.rings + ring.offsets.sqFlags) & IORING_SQ_NEED_WAKEUP) !== 0;
  ring.put(IORING_OP_NOP, 1);
  ring.turn();
  assert.deepEqual(ring.take(), [[1, 0]]);
  assert.ok(!needsWakeup());
  advance(machine, 11);
  assert.ok(needsWakeup());
  ring.put(IORING_OP_NOP, 2);
  ring.turn();
  assert.deepEqual(ring.take(), []);
  assert.equal(call(ring.machine.task, "io_uring_enter", ring.fd, 1, 0, 2, 0, 8), 1);
  ring.turn();
  assert.deepEqual(ring.take(), [[2, 0]]);
});

test("the event of a ring counts once for a result, also where its own request waits for the event", () => {
  const ring = new TestRing(8, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN);
  const { task, space } = ring.machine;
  const event = call(task, "eventfd2", 0, 0);
  space.storeU32(ring.page + 64, event);
  assert.equal(call(task, "io_uring_register", ring.fd, IORING_REGISTER_EVENTFD, ring.page + 64, 1), 0);
  ring.put(IORING_OP_READ, 1, { fd: event, address: ring.page, length: 8 });
  ring.put(IORING_OP_NOP, 2);
  assert.equal(ring.enter(2), 2);
  assert.deepEqual(ring.take(), [[2, 0]]);
  ring.enter(0, 1);
  assert.deepEqual(ring.take(), [[1, 8]]);
  assert.equal(space.loadU64(ring.page), 1);
});

test("what a multishot poll finds at its beginning is told to who waits, with what came since", () => {
  const ring = new TestRing(8, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN);
  const { task, space } = ring.machine;
  assert.equal(call(task, "socketpair", AF_UNIX, SOCK_STREAM, 0, ring.page + 64), 0);
  const [near, far] = [space.loadU32(ring.page + 64), space.loadU32(ring.page + 68)];
  const flags = POLLIN | POLLOUT;
  ring.put(IORING_OP_POLL_ADD, 1, { fd: near, length: IORING_POLL_ADD_MULTI, flags });
  assert.equal(ring.enter(1), 1);
  assert.deepEqual(ring.take(), []);
  assert.equal(call(task, "write", far, ring.page, 1), 1);
  ring.enter(0, 1);
  assert.deepEqual(ring.take(), [[1, POLLIN | POLLOUT]]);
});

test("in a ring of the usual kind that is behind all that was submitted with it", () => {
  const ring = new TestRing();
  const { writes } = ring.pipe();
  ring.put(IORING_OP_POLL_ADD, 1, { fd: writes, length: IORING_POLL_ADD_MULTI, flags: POLLOUT });
  ring.put(IORING_OP_NOP, 2);
  ring.put(IORING_OP_POLL_ADD, 3, { fd: writes, length: IORING_POLL_ADD_MULTI | POLL_ADD_LEVEL, flags: POLLOUT });
  assert.equal(ring.enter(3), 3);
  assert.deepEqual(ring.take(), [
    [2, 0],
    [3, -EINVAL],
    [1, POLLOUT],
  ]);
});

test("a bundle is sent until its group has no buffer left, with a result for each time", () => {
  const ring = new TestRing();
  const { task, space } = ring.machine;
  assert.equal(call(task, "socketpair", AF_UNIX, SOCK_STREAM, 0, ring.page + 64), 0);
  const [near, far] = [space.loadU32(ring.page + 64), space.loadU32(ring.page + 68)];
  ring.put(IORING_OP_PROVIDE_BUFFERS, 1, { fd: 3, address: ring.page, length: 4 });
  ring.put(IORING_OP_SEND, 2, { fd: near, entry: IOSQE_BUFFER_SELECT, priority: IORING_RECVSEND_BUNDLE });
  assert.equal(ring.enter(2), 2);
  ring.turn();
  assert.deepEqual(ring.take(), [
    [1, 0],
    [2, 4],
    [2, 4],
    [2, 4],
  ]);
  assert.equal(call(task, "read", far, ring.page + 128, 64), 12);
});

test("a bundle waits until its socket has taken all of it", () => {
  const ring = new TestRing();
  const { task, space } = ring.machine;
  assert.equal(call(task, "socketpair", AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ring.page + 64), 0);
  const [near, far] = [space.loadU32(ring.page + 64), space.loadU32(ring.page + 68)];
  let filled = 0;
  for (let count = 1000; count > 0; count = call(task, "write", near, ring.page, 1000)) filled += count;
  // Room for a part of the bundle.
  assert.equal(call(task, "read", far, ring.page, 1000), 1000);
  ring.put(IORING_OP_PROVIDE_BUFFERS, 1, { fd: 1, address: ring.page, length: 4000 });
  ring.put(IORING_OP_SEND, 2, { fd: near, entry: IOSQE_BUFFER_SELECT, priority: IORING_RECVSEND_BUNDLE });
  assert.equal(ring.enter(2), 2);
  ring.turn();
  assert.deepEqual(ring.take(), [[1, 0]]);
  for (let left = filled; left > 0; left -= 1000) call(task, "read", far, ring.page, 1000);
  ring.turn();
  assert.deepEqual(ring.take(), [[2, 4000]]);
});

test("kernel.io_uring_disabled is asked, and the group that may", () => {
  const { task, kernel } = createMemoryTask();
  const page = call(task, "mmap", 0, 4096, BOTH, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  const setup = (): number => {
    task.space.clear(page, IoUringParams.size);
    return call(task, "io_uring_setup", 1, page);
  };
  assert.ok(setup() >= 0);
  kernel.uringSettings.disabled = 1;
  assert.ok(setup() >= 0, "root has CAP_SYS_ADMIN");
  task.credentials = { ...ROOT, euid: 5, fsuid: 5, fsgid: 7, effective: 0, permitted: 0, groups: [] };
  assert.equal(setup(), -EPERM);
  kernel.uringSettings.group = 7;
  assert.ok(setup() >= 0);
  kernel.uringSettings.disabled = 2;
  assert.equal(setup(), -EPERM);
  task.credentials = ROOT;
  assert.equal(setup(), -EPERM);
});

test("more requests than a machine holds are refused, and taken again when there is room", () => {
  const ring = new TestRing();
  const { reads } = ring.pipe();
  const { file } = ring;
  ring.put(IORING_OP_POLL_ADD, 1, { fd: reads, flags: 1 });
  ring.enter(1);
  let kept = 0;
  while (file.keep(1)) kept++;
  ring.put(IORING_OP_NOP, 2);
  assert.equal(ring.enter(1), -EAGAIN);
  file.letGo(kept);
  assert.equal(ring.enter(1), 1);
  assert.deepEqual(ring.take(), [[2, 0]]);
});
