/**
 * ppoll and pselect6; what poll(2) and select(2) are on riscv64. Read first: poll(2), select(2), ground/wait-queue.ts.
 *
 * A call looks at every file; when none is ready it registers with all their queues and is executed again at a wake-up.
 * Only its deadline outlives the wait.
 */
import {
  EBADF,
  EFAULT,
  EINTR,
  EINVAL,
  O_PATH,
  POLLERR,
  POLLHUP,
  POLLIN,
  POLLNVAL,
  POLLOUT,
  POLLPRI,
  POLLRDBAND,
  POLLRDNORM,
  POLLWRBAND,
  POLLWRNORM,
  Pollfd,
  RLIMIT_NOFILE,
  STICKY_TIMEOUTS,
  SigsetArgument,
  isErrno,
} from "@stratos/abi";
import { enterTemporaryMask, leaveTemporaryMask } from "../event/temporary-mask.ts";
import { loadDuration, storeRemaining } from "../event/wait-deadline.ts";
import { forgetPolls } from "../fs/fuse/fuse-answers.ts";
import { stateOf, type StateOf } from "../ground/call-state.ts";
import type { Task } from "../task/task.ts";
import { BLOCKED_EINTR } from "../ground/wait-queue.ts";
import type { OpenFile } from "../vfs/open-file.ts";
import type { SyscallTable } from "./syscall-table.ts";

/** sizeof(struct pollfd): int fd @0, short events @4, short revents @6. */
/** A poll(2) of more is refused: it is a piece of work that can't be cut. */
const POLLED_MAX = 65536;
/** fd_set of the largest descriptor that NR_OPEN allows, in bytes, three in and three out. */
const SET_BYTES_MAX = 1048576 / 8;

/** Which poll bits make a descriptor ready in each of select's sets. Source: Linux fs/select.c. */
const READ_BITS = POLLIN | POLLRDNORM | POLLRDBAND | POLLHUP | POLLERR | POLLNVAL;
const WRITE_BITS = POLLOUT | POLLWRNORM | POLLWRBAND | POLLERR | POLLNVAL;
const EXCEPT_BITS = POLLPRI | POLLNVAL;

/** Grows to the largest request; one suffices, because a call never leaves it filled. */
let buffer = new Uint8Array(1024);
let view = new DataView(buffer.buffer);

function reserve(bytes: number): void {
  if (buffer.length >= bytes) return;
  buffer = new Uint8Array(Math.max(bytes, buffer.length * 2));
  view = new DataView(buffer.buffer);
}

function openFileAt(task: Task, fd: number): OpenFile | undefined {
  const file = task.files.get(fd);
  return file === undefined || (file.flags & O_PATH) === O_PATH ? undefined : file;
}

function wait(task: Task, file: OpenFile): void {
  const queue = file.waitQueue;
  if (queue !== null) task.waitOn(queue);
}

/** First execution: takes the timeout and the mask. Returns the state, or a negated errno. */
function begin(task: Task, timeout: number, mask: number, maskSize: number): StateOf<"deadline"> | number {
  const before = stateOf(task, "deadline");
  if (before !== null) return before;
  let deadlineNs = Infinity;
  if (timeout !== 0) {
    const duration = loadDuration(task.space, timeout);
    if (duration < 0) return duration;
    deadlineNs = task.kernel.now() + duration;
  }
  const masked = enterTemporaryMask(task, mask, maskSize);
  if (masked < 0) return masked;
  const state: StateOf<"deadline"> = { kind: "deadline", deadlineNs };
  task.syscallState = state;
  return state;
}

/** Last execution, unless a signal handler takes over (`interrupted`). */
function finish(task: Task, state: StateOf<"deadline">, timeout: number, result: number): number {
  leaveTemporaryMask(task);
  task.syscallState = null;
  storeLeft(task, state, timeout);
  return result;
}

function interrupted(task: Task, timeout: number): number {
  const state = stateOf(task, "deadline");
  if (state !== null) storeLeft(task, state, timeout);
  return -EINTR;
}

/** Linux writes what is left of the time, unless the program wants it left alone (personality(2), STICKY_TIMEOUTS). */
function storeLeft(task: Task, state: StateOf<"deadline">, timeout: number): void {
  if (timeout !== 0 && (task.personality & STICKY_TIMEOUTS) === 0)
    storeRemaining(task.space, timeout, state.deadlineNs, task.kernel.now());
}

/**
 * ppoll(2).
 * @returns how many descriptors are ready; −EINVAL more than RLIMIT_NOFILE or POLLED_MAX of them, or a bad timeout or
 *   mask size; −EFAULT; −EINTR
 */
function ppoll(task: Task, fds: number, nfds: number, timeout: number, mask: number, maskSize: number): number {
  const state = begin(task, timeout, mask, maskSize);
  if (isErrno(state)) return state;
  const count = nfds >>> 0;
  if (count > Math.min(task.group.limits[RLIMIT_NOFILE]!.soft, POLLED_MAX))
    return finish(task, state, timeout, -EINVAL);
  const bytes = count * Pollfd.size;
  reserve(bytes);
  if (task.space.copyIn(fds, buffer, 0, bytes) < 0) return finish(task, state, timeout, -EFAULT);
  // Bound: RLIMIT_NOFILE, at most POLLED_MAX; to look at one costs a fraction of a unit. The list's pages count for
  // themselves.
  task.kernel.work.charge(count >> 6);

  const asksFirst = task.kernel.vfs.servedFiles > 0;
  let ready = 0;
  for (let at = 0; at < bytes; at += Pollfd.size) {
    const fd = view.getInt32(at, true);
    let found = 0;
    if (fd >= 0) {
      const file = openFileAt(task, fd);
      const wants = view.getUint16(at + Pollfd.offset.events, true) | POLLERR | POLLHUP;
      if (file !== undefined && asksFirst) {
        const asking = file.askPoll(wants, ready === 0 && state.deadlineNs > task.kernel.now());
        if (asking < 0) return asking;
      }
      found = file === undefined ? POLLNVAL : file.poll() & wants;
      if (found !== 0) {
        ready++;
        file?.eventsTold(found);
      }
    }
    view.setUint16(at + Pollfd.offset.revents, found, true);
  }
  if (ready > 0 || state.deadlineNs <= task.kernel.now()) {
    const copied = task.space.copyOut(fds, buffer, 0, bytes);
    return finish(task, state, timeout, copied < 0 ? -EFAULT : ready);
  }
  if (asksFirst) forgetPolls(task);
  for (let at = 0; at < bytes; at += Pollfd.size) {
    const fd = view.getInt32(at, true);
    if (fd >= 0) wait(task, task.files.get(fd)!);
  }
  if (state.deadlineNs !== Infinity) task.waitUntil(state.deadlineNs);
  return BLOCKED_EINTR;
}

/**
 * pselect6(2). `packed` points to `{ const sigset_t *mask; size_t size; }` or is null.
 * @returns how many bits are set in the three sets; −EBADF a bit names no descriptor; −EINVAL; −EFAULT; −EINTR
 */
function pselect6(
  task: Task,
  nfds: number,
  readSet: number,
  writeSet: number,
  exceptSet: number,
  timeout: number,
  packed: number,
): number {
  let mask = 0,
    maskSize = 0;
  if (packed !== 0) {
    mask = task.space.loadU64(packed);
    maskSize = task.space.loadU64(packed + SigsetArgument.offset.size);
    if (mask < 0 || maskSize < 0) return -EFAULT;
  }
  const state = begin(task, timeout, mask, maskSize);
  if (isErrno(state)) return state;
  let count = nfds | 0;
  if (count < 0) return finish(task, state, timeout, -EINVAL);
  // Linux, too, cuts nfds to what the process can have open.
  count = Math.min(count, SET_BYTES_MAX * 8);

  const setBytes = Math.ceil(count / 64) * 8;
  reserve(6 * setBytes);
  buffer.fill(0, 0, 6 * setBytes);
  const sets = [readSet, writeSet, exceptSet];
  for (let which = 0; which < 3; which++) {
    if (sets[which] !== 0 && task.space.copyIn(sets[which]!, buffer, which * setBytes, setBytes) < 0)
      return finish(task, state, timeout, -EFAULT);
  }

  const asksFirst = task.kernel.vfs.servedFiles > 0;
  let ready = 0;
  for (let fd = 0; fd < count; fd++) {
    const at = fd >> 3,
      bit = 1 << (fd & 7);
    const wants = wanted(at, bit, setBytes);
    if (wants === 0) continue;
    if (task.files.get(fd) === undefined) return finish(task, state, timeout, -EBADF);
    // What O_PATH opened is ready for everything, to fail then.
    const file = openFileAt(task, fd);
    if (file !== undefined && asksFirst) {
      const asking = file.askPoll(wants | POLLPRI, ready === 0 && state.deadlineNs > task.kernel.now());
      if (asking < 0) return asking;
    }
    const found = (file?.poll() ?? POLLNVAL) & wants;
    if (found === 0) continue;
    file?.eventsTold(found);
    ready += report(found & READ_BITS, 3 * setBytes + at, buffer[at]! & bit);
    ready += report(found & WRITE_BITS, 4 * setBytes + at, buffer[setBytes + at]! & bit);
    ready += report(found & EXCEPT_BITS, 5 * setBytes + at, buffer[2 * setBytes + at]! & bit);
  }
  if (ready > 0 || state.deadlineNs <= task.kernel.now()) {
    for (let which = 0; which < 3; which++) {
      if (sets[which] !== 0 && task.space.copyOut(sets[which]!, buffer, (3 + which) * setBytes, setBytes) < 0)
        return finish(task, state, timeout, -EFAULT);
    }
    return finish(task, state, timeout, ready);
  }
  if (asksFirst) forgetPolls(task);
  for (let fd = 0; fd < count; fd++)
    if (wanted(fd >> 3, 1 << (fd & 7), setBytes) !== 0) wait(task, task.files.get(fd)!);
  if (state.deadlineNs !== Infinity) task.waitUntil(state.deadlineNs);
  return BLOCKED_EINTR;
}

/** The poll bits that the three input sets ask for at one bit place. */
function wanted(at: number, bit: number, setBytes: number): number {
  return (
    (buffer[at]! & bit ? READ_BITS : 0) |
    (buffer[setBytes + at]! & bit ? WRITE_BITS : 0) |
    (buffer[2 * setBytes + at]! & bit ? EXCEPT_BITS : 0)
  );
}

function report(found: number, at: number, bit: number): number {
  if (found === 0 || bit === 0) return 0;
  buffer[at]! |= bit;
  return 1;
}

export const pollCalls: SyscallTable = {
  ppoll: {
    run: ppoll,
    gaps: "65,536 descriptors at most (EINVAL)",
    interrupted: (task, _fds, _nfds, timeout) => interrupted(task, timeout),
  },
  pselect6: {
    run: pselect6,
    interrupted: (task, _nfds, _read, _write, _except, timeout) => interrupted(task, timeout),
  },
};
