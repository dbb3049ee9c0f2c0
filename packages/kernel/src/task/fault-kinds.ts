/**
 * The faults that a disturber (disturber.ts) may let a system call meet: each is one that Linux's manual pages permit
 * at that call and that file, so that a program which does not get over it, or does not report it, is wrong on Linux,
 * too.
 *
 * - "short": a read from a pipe or a stream socket finds less than was asked for; a write to a regular file takes less
 *   (write(2), RETURN VALUE), as one to a pipe (beyond PIPE_BUF) or a stream socket does where it does not wait, or a
 *   handler may interrupt it. Of a vector so many buffers are left.
 * - "eintr": a call that begins to wait is interrupted: where a handler without SA_RESTART is set, or one of any kind
 *   for those that are never restarted; without handlers only what a stop and a SIGCONT interrupt (signal(7)).
 * - "enospc": a write to a regular file, or fallocate(2), finds no room.
 * - "full": so does each from this one on, of any task.
 * - "eio": reading, writing or syncing a regular file fails.
 * - "enomem": anonymous memory, or another task, is refused.
 * - "clock": after the call the system's time steps, forwards or backwards, as an administrator or a time service sets
 *   it (clock_settime(2)); CLOCK_MONOTONIC goes on.
 * - "loss": a datagram of UDP that is sent never arrives (RFC 768 promises nothing).
 * - "double": it arrives twice.
 * - "delay": it arrives later, so that others overtake it; what is written to a connection of TCP does so in order.
 * - "partition": the network brings nothing between two ends, neither way, for a while: datagrams are lost, TCP sends
 *   again what was (RFC 9293, 3.8.1).
 * - "reset": before the call the network resets its connection of TCP, both ends of it (RFC 9293, 3.5.2).
 * - "power": after the call, which changed a file or told somebody something, the power fails (unsynced-files.ts).
 */
import {
  EINTR,
  EIO,
  ENOMEM,
  ENOSPC,
  MAP_ANONYMOUS,
  Msghdr,
  O_CREAT,
  O_NONBLOCK,
  O_TRUNC,
  PIPE_BUF,
  SA_RESTART,
  SIG_IGN,
  SOCK_STREAM,
  S_IFIFO,
  S_IFMT,
  SYSCALL_NUMBERS,
} from "@stratos/abi";
import { assert } from "@stratos/base";
import { BLOCKED } from "../ground/wait-queue.ts";
import { TcpSocket } from "../socket/inet/tcp-socket.ts";
import { UdpSocket } from "../socket/inet/udp-socket.ts";
import { Socket } from "../socket/socket.ts";
import type { OpenFile } from "../vfs/open-file.ts";
import { pathName } from "../vfs/path-name.ts";
import type { SyscallRow } from "./syscall-row.ts";
import type { Task } from "./task.ts";
import type { CallArguments } from "./turn-hooks.ts";

/** In the order in which they are thought of. */
export const FAULT_KINDS = [
  "short",
  "eintr",
  "enospc",
  "full",
  "eio",
  "enomem",
  "clock",
  "loss",
  "reset",
  "power",
  "double",
  "delay",
  "partition",
] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

/** Calls whose first argument is a descriptor, and those whose second one is a path. */
const OF_DESCRIPTOR: ReadonlySet<number> = new Set(
  [
    ...["read", "readv", "pread64", "preadv", "preadv2", "write", "writev", "pwrite64", "pwritev", "pwritev2"],
    ...["sendto", "recvfrom", "sendmsg", "recvmsg", "accept", "accept4", "connect", "close", "fstat", "lseek"],
    ...["fsync", "fdatasync", "fallocate", "ftruncate", "fcntl", "flock", "getdents64", "ioctl", "dup", "dup3"],
  ].map(numberOf),
);
const OF_PATH: ReadonlySet<number> = new Set(
  [
    ...["openat", "newfstatat", "statx", "faccessat", "faccessat2", "mkdirat", "unlinkat", "renameat2", "readlinkat"],
    ...["fchmodat", "fchownat", "mknodat", "utimensat"],
  ].map(numberOf),
);
const EXECVE = numberOf("execve");
/** Longest path that is shown. */
const SHOWN_PATH_MAX = 256;

/** The file that a call is about, as a byte string; null: it has none, or nobody can tell. */
export function subjectOf(task: Task, number: number, { a0, a1 }: CallArguments): string | null {
  if (OF_DESCRIPTOR.has(number)) {
    const file = task.files.get(a0 | 0);
    return file === undefined ? null : file.path === null ? file.description : pathName(file.path, task.fs.root);
  }
  if (!OF_PATH.has(number) && number !== EXECVE) return null;
  const path = task.space.loadString(number === EXECVE ? a0 : a1, SHOWN_PATH_MAX);
  return typeof path === "string" ? path : null;
}

export function runRow({ run }: SyscallRow, task: Task, { a0, a1, a2, a3, a4, a5 }: CallArguments): number {
  return run(task, a0, a1, a2, a3, a4, a5);
}

type Rule = (task: Task, args: CallArguments) => boolean;

const isRegular: Rule = (task, { a0 }) => task.files.get(a0 | 0)?.inode?.isRegular === true;
const always: Rule = () => true;

const NO_ROOM = rules(all(["write", "writev", "pwrite64", "pwritev", "pwritev2", "fallocate"], isRegular));

const RECEIVES = ["read", "readv", "recvfrom", "recvmsg"];
const SENDS = ["write", "writev", "sendto", "sendmsg"];
/** Calls that send a datagram of UDP. */
const SENT_DATAGRAMS: Readonly<Record<string, Rule>> = {
  ...all(["write", "writev"], (task, { a0 }) => isAddressed(task, a0, 0)),
  sendto: (task, { a0, a4 }) => isAddressed(task, a0, a4),
  sendmsg: (task, { a0, a1 }) => isAddressed(task, a0, task.space.loadU32(a1 + Msghdr.offset.msg_name)),
};

const RULES: Readonly<Record<Exclude<FaultKind, "eintr" | "clock">, ReadonlyMap<number, Rule>>> = {
  short: rules({
    ...all(["read", "readv", "recvfrom"], (task, { a0, a2 }) => a2 > 1 && givesLess(task.files.get(a0 | 0))),
    ...all(["write", "writev", "sendto"], (task, { a0, a2 }) => a2 > 1 && takesLess(task, task.files.get(a0 | 0), a2)),
    pwrite64: (task, args) => args.a2 > 1 && isRegular(task, args),
  }),
  enospc: NO_ROOM,
  full: NO_ROOM,
  eio: rules(
    all(
      [
        ...["read", "readv", "pread64", "preadv", "preadv2"],
        ...["write", "writev", "pwrite64", "pwritev", "pwritev2", "fsync", "fdatasync"],
      ],
      isRegular,
    ),
  ),
  enomem: rules({
    mmap: (_task, { a3 }) => (a3 & MAP_ANONYMOUS) !== 0,
    mremap: (_task, { a1, a2 }) => a2 > a1,
    brk: (task, { a0 }) => a0 > task.space.brkEnd,
    ...all(["clone", "clone3"], always),
  }),
  loss: rules(SENT_DATAGRAMS),
  double: rules(SENT_DATAGRAMS),
  delay: rules(orConnected(SENT_DATAGRAMS, SENDS)),
  partition: rules(orConnected(SENT_DATAGRAMS, [...RECEIVES, ...SENDS])),
  reset: rules(orConnected({}, [...RECEIVES, ...SENDS])),
  // What somebody may know of, or rely on, afterwards.
  power: rules({
    ...all(
      [
        ...["write", "writev", "pwrite64", "pwritev", "pwritev2", "sendfile", "copy_file_range", "splice", "sendto"],
        ...["sendmsg", "fsync", "fdatasync", "sync", "syncfs", "renameat", "renameat2", "unlinkat", "linkat"],
        ...["symlinkat", "mkdirat", "mknodat", "ftruncate", "truncate", "fallocate", "msync"],
      ],
      always,
    ),
    openat: (_task, { a2 }) => (a2 & (O_CREAT | O_TRUNC)) !== 0,
  }),
};

const ERRNOS: Readonly<Record<FailingKind, number>> = { enospc: ENOSPC, full: ENOSPC, eio: EIO, enomem: ENOMEM };

const BRK = numberOf("brk");

/**
 * Interrupted by a stop and SIGCONT though nobody has a handler: signal(7), "Interruption of system calls … by stop
 * signals".
 */
const STOPPED: ReadonlySet<number> = new Set(
  ["epoll_pwait", "epoll_pwait2", "semop", "semtimedop", "rt_sigtimedwait"].flatMap((name) => {
    const number = SYSCALL_NUMBERS.get(name);
    return number === undefined ? [] : [number];
  }),
);

/** May the call fail so, or do less? All but "eintr", which comes when the call begins to wait. */
export function isPermitted(kind: FaultKind, task: Task, number: number, args: CallArguments): boolean {
  if (kind === "eintr") return false;
  return kind === "clock" || RULES[kind].get(number)?.(task, args) === true;
}

/** Kinds that make a call fail. */
type FailingKind = "enospc" | "full" | "eio" | "enomem";

/** @returns what the call returns with the fault, without being made */
export function faultResult(kind: FailingKind, task: Task, number: number): number {
  // The system call says by the old end that there is none (brk(2), C library/kernel differences).
  return number === BRK ? task.space.brkEnd : -ERRNOS[kind];
}

/** Longest step of the clock, in milliseconds: a day. */
const CLOCK_STEP_MS_MOST = 86_400_000;

/** Of what is sent: as long as tasks are held at most. */
const DELAY_NS_LEAST = 10_000;
const DELAY_NS_MOST = 2e9;
const PARTITION_NS_LEAST = 1e6;
const PARTITION_NS_MOST = 60e9;

/**
 * How much of a kind is done, by chance.
 *
 * @param count  of "short": what is moved at most. @param chance  u32
 */
export function amountOf(kind: FaultKind, count: number, chance: number): number {
  if (kind === "short") return between(1, count - 1, chance);
  if (kind === "power") return chance;
  if (kind === "delay") return between(DELAY_NS_LEAST, DELAY_NS_MOST, chance);
  if (kind === "partition") return between(PARTITION_NS_LEAST, PARTITION_NS_MOST, chance);
  if (kind !== "clock") return 0;
  const ms = between(1, CLOCK_STEP_MS_MOST, chance >>> 1);
  return (chance & 1) === 0 ? ms * 1e6 : -ms * 1e6;
}

/** An integer from `least` to `most`, each power of two as likely as another. @param chance  u32 */
export function between(least: number, most: number, chance: number): number {
  let powers = 1;
  for (let top = least * 2; top <= most; top *= 2) powers++;
  let low = least;
  for (let power = chance % powers; power > 0; power--) low *= 2;
  return Math.min(most, low + (Math.floor(chance / powers) % low));
}

/** The system's time is another one from now on. @param ns  how much later; negative: earlier */
export function stepClock({ kernel }: Task, ns: number): void {
  const { seconds, nanoseconds } = kernel.realtime();
  const stepped = Math.max(0, seconds * 1000 + Math.floor((nanoseconds + ns) / 1e6));
  const rest = stepped % 1000;
  kernel.setRealtime((stepped - rest) / 1000, rest * 1e6 + (nanoseconds % 1e6));
  for (const observer of kernel.clockSetObservers) observer.clockWasSet();
}

/** Faults of the network. */
type NetworkFaultKind = "loss" | "reset" | "double" | "delay" | "partition";

/** The network does it to the connection that a call is about, or to the datagram that it sends. */
export function meetNetwork(kind: NetworkFaultKind, ns: number, task: Task, { a0 }: CallArguments): void {
  const file = task.files.get(a0 | 0);
  if (file instanceof UdpSocket) {
    if (kind !== "reset") file.meet(kind === "delay" || kind === "partition" ? { kind, ns } : { kind });
  } else if (file instanceof TcpSocket) {
    if (kind === "reset") file.inside?.sever();
    else if (kind === "delay") file.inside?.delay(ns);
    else if (kind === "partition") file.inside?.part(ns);
  }
}

/** The call has sent what it had to send, or failed. */
export function leaveNetwork(task: Task, { a0 }: CallArguments): void {
  const file = task.files.get(a0 | 0);
  if (file instanceof UdpSocket) file.meet(null);
}

/** The calls, where they are about a connection within the machine, and what else there is. */
function orConnected(others: Readonly<Record<string, Rule>>, names: readonly string[]): Record<string, Rule> {
  const isConnected: Rule = (task, { a0 }) => {
    const file = task.files.get(a0 | 0);
    return file instanceof TcpSocket && file.inside?.isReset === false;
  };
  return Object.fromEntries(
    names.map((name) => [name, (task, args) => isConnected(task, args) || others[name]?.(task, args) === true]),
  );
}

/** Is it a socket of UDP whose datagram goes somewhere? @param address  that is given with it; 0: none */
function isAddressed(task: Task, fd: number, address: number): boolean {
  const file = task.files.get(fd | 0);
  return file instanceof UdpSocket && (file.peer !== null || address !== 0);
}

/** The call with less to do. */
export function shortened(args: CallArguments, count: number): CallArguments {
  return { ...args, a2: Math.min(args.a2, count) };
}

/** @param result  BLOCKED or BLOCKED_EINTR, at the call's first execution */
export function mayInterrupt(task: Task, number: number, result: number): boolean {
  // FUTEX_LOCK_PI goes on whatever comes (futex(2)).
  if (task.syscallState?.kind === "pi-futex") return false;
  if (result !== BLOCKED && STOPPED.has(number)) return true;
  return hasHandler(task, result === BLOCKED ? SA_RESTART : 0);
}

/**
 * The call, which has begun to wait, waits no more.
 *
 * @returns its result, as if a handler had run
 */
export function interruptWait(row: SyscallRow, task: Task, { a0, a1, a2, a3, a4, a5 }: CallArguments): number {
  task.endWait("signal");
  const result = row.interrupted?.(task, a0, a1, a2, a3, a4, a5) ?? -EINTR;
  for (const observer of task.kernel.taskObservers) observer.callInterrupted?.(task);
  return result;
}

/** @param without  flags that the handler must not have */
function hasHandler(task: Task, without: number): boolean {
  const { actions } = task.group;
  for (let signal = 1; signal <= 64; signal++) {
    const { handler, flags } = actions.get(signal);
    if (handler > SIG_IGN && (flags & without) === 0 && !task.blocked.has(signal)) return true;
  }
  return false;
}

/** A read may find less than there will be. */
function givesLess(file: OpenFile | undefined): boolean {
  return file !== undefined && (isFifo(file) || isStream(file));
}

function takesLess(task: Task, file: OpenFile | undefined, count: number): boolean {
  if (file === undefined) return false;
  if (file.inode?.isRegular === true) return true;
  const mayStop = (file.flags & O_NONBLOCK) !== 0 || hasHandler(task, 0);
  return mayStop && ((isFifo(file) && count > PIPE_BUF) || isStream(file));
}

function isFifo({ inode }: OpenFile): boolean {
  return inode !== null && (inode.mode & S_IFMT) === S_IFIFO;
}

function isStream(file: OpenFile): boolean {
  return file instanceof Socket && file.type === SOCK_STREAM;
}

function all(names: readonly string[], rule: Rule): Record<string, Rule> {
  return Object.fromEntries(names.map((name) => [name, rule]));
}

function rules(byName: Readonly<Record<string, Rule>>): ReadonlyMap<number, Rule> {
  return new Map(Object.entries(byName).map(([name, rule]) => [numberOf(name), rule]));
}

function numberOf(name: string): number {
  const number = SYSCALL_NUMBERS.get(name);
  assert(number !== undefined, `${name} is a system call of riscv64`);
  return number;
}
