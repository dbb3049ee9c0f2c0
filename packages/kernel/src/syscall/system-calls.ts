import {
  CAP_SYSLOG,
  CAP_SYS_ADMIN,
  CAP_SYS_BOOT,
  CAP_SYS_RESOURCE,
  CAP_SYS_TTY_CONFIG,
  EFAULT,
  EINVAL,
  EPERM,
  ESRCH,
  GRND_INSECURE,
  GRND_NONBLOCK,
  GRND_RANDOM,
  LINUX_REBOOT_CMD_CAD_OFF,
  LINUX_REBOOT_CMD_CAD_ON,
  LINUX_REBOOT_CMD_HALT,
  LINUX_REBOOT_CMD_POWER_OFF,
  LINUX_REBOOT_CMD_RESTART,
  LINUX_REBOOT_CMD_RESTART2,
  LINUX_REBOOT_MAGIC1,
  LINUX_REBOOT_MAGIC2,
  LINUX_REBOOT_MAGIC2A,
  LINUX_REBOOT_MAGIC2B,
  LINUX_REBOOT_MAGIC2C,
  PAGE_SIZE,
  RLIMIT_CPU,
  RLIMIT_NOFILE,
  RLIM_INFINITY,
  Rlimit,
  SIGHUP,
  SIGINT,
  SYSLOG_ACTION_CLEAR,
  SYSLOG_ACTION_CONSOLE_LEVEL,
  SYSLOG_ACTION_CONSOLE_OFF,
  SYSLOG_ACTION_CONSOLE_ON,
  SYSLOG_ACTION_READ,
  SYSLOG_ACTION_READ_ALL,
  SYSLOG_ACTION_READ_CLEAR,
  SYSLOG_ACTION_SIZE_BUFFER,
  SYSLOG_ACTION_SIZE_UNREAD,
  Sysinfo,
  UNAME26,
  Utsname,
  isErrno,
} from "@stratos/abi";
import { byteStringOf } from "@stratos/base";
import { type Credentials, hasOnlyIds, isCapable } from "../security/credentials.ts";
import { takeMessages } from "../fs/devtmpfs/kernel-message-device.ts";
import { type KernelLog, logLine } from "../ground/kernel-log.ts";
import { interruptedTransfer } from "../fs/pipe/pipe-file.ts";
import { hwprobe } from "./hwprobe.ts";
import { movedBefore, pauseTransfer, WORK } from "../ground/call-work.ts";
import { exitGroup } from "../task/exit.ts";
import { NO_RETURN } from "../ground/wait-queue.ts";
import { loadOfSysinfo } from "../task/load-average.ts";
import type { Task } from "../task/task.ts";
import type { ThreadGroup } from "../task/thread-group.ts";
import { RELEASE, VERSION } from "../ground/release.ts";
import { writeRusage } from "../task/resource-usage.ts";
import { getU64, put64 } from "../ground/words.ts";
import { absent, type SyscallTable } from "./syscall-table.ts";
import type { Limit } from "../ground/limit.ts";

/** personality(2): what was made for 2.6 sees such a number, the minor one being 60 more (kernel/sys.c). */
const RELEASE_26 = RELEASE.replace(/^\d+\.(\d+)\.\d+/, (_, minor: string) => `2.6.${Number(minor) + 60}`);

function uname(task: Task, address: number): number {
  const { hostname, domainname } = task.namespaces.uts;
  const bytes = new Uint8Array(Utsname.size);
  const put = (at: number, text: string): void => bytes.set(byteStringOf(text.slice(0, 64)), at);
  put(Utsname.offset.sysname, "Linux");
  put(Utsname.offset.nodename, hostname);
  put(Utsname.offset.release, (task.personality & UNAME26) !== 0 ? RELEASE_26 : RELEASE);
  put(Utsname.offset.version, VERSION);
  put(Utsname.offset.machine, "riscv64");
  put(Utsname.offset.domainname, domainname);
  return task.space.copyOut(address, bytes, 0, bytes.length);
}

function sysinfo(task: Task, address: number): number {
  const { kernel } = task;
  const { u8, view } = kernel.scratch;
  u8.fill(0, 0, Sysinfo.size);
  put64(view, Sysinfo.offset.uptime, Math.ceil((kernel.now() + task.namespaces.time.boottimeNs) / 1e9));
  for (const [at, load] of kernel.scheduler.load.read(kernel.now()).entries())
    put64(view, Sysinfo.offset.loads + 8 * at, loadOfSysinfo(load));
  put64(view, Sysinfo.offset.totalram, kernel.memory.limit * PAGE_SIZE);
  put64(view, Sysinfo.offset.freeram, kernel.memory.free * PAGE_SIZE);
  view.setUint16(Sysinfo.offset.procs, kernel.tasks.tasks.size, true);
  view.setUint32(Sysinfo.offset.mem_unit, 1, true);
  return task.space.copyOut(address, u8, 0, Sysinfo.size);
}

function setName(task: Task, address: number, length: number, key: "hostname" | "domainname"): number {
  const { uts } = task.namespaces;
  if (!isCapable(task.credentials, CAP_SYS_ADMIN, uts.owner)) return -EPERM;
  if (length < 0 || length > 64) return -EINVAL;
  const bytes = new Uint8Array(length);
  if (task.space.copyIn(address, bytes, 0, length) < 0) return -EFAULT;
  uts[key] = String.fromCharCode(...bytes);
  uts.changes.changed();
  return 0;
}

// ---- Limits

function storeLimit(task: Task, address: number, limit: Limit): number {
  const { u8, view } = task.kernel.scratch;
  put64(view, Rlimit.offset.rlim_cur, limit.soft === Infinity ? RLIM_INFINITY : limit.soft);
  put64(view, Rlimit.offset.rlim_max, limit.hard === Infinity ? RLIM_INFINITY : limit.hard);
  return task.space.copyOut(address, u8, 0, Rlimit.size);
}

/** Linux's check_prlimit_permission: the real ids must be all of the other's. */
function mayLimit(own: Credentials, other: Credentials): boolean {
  return hasOnlyIds(other, own.uid, own.gid) || isCapable(own, CAP_SYS_RESOURCE, other.userNamespace);
}

function prlimit(task: Task, pid: number, resource: number, newAddress: number, oldAddress: number): number {
  const changed = newAddress === 0 ? null : loadLimit(task, newAddress);
  if (isErrno(changed)) return changed;
  const owner = (pid | 0) === 0 ? task : task.kernel.tasks.taskIn(task.group.pidNamespace, pid | 0);
  if (owner === undefined) return -ESRCH;
  if (owner.group !== task.group && !mayLimit(task.credentials, owner.credentials)) return -EPERM;
  resource >>>= 0;
  if (resource > 15) return -EINVAL;
  const { limits } = owner.group;
  if (changed !== null) {
    if (changed.soft > changed.hard) return -EINVAL;
    // A limit of no time at all is one of a second (kernel/sys.c, do_prlimit).
    if (resource === RLIMIT_CPU && changed.soft === 0) changed.soft = 1;
    if (resource === RLIMIT_NOFILE && changed.hard > task.kernel.fileUsage.tableMost) return -EPERM;
    if (changed.hard > limits[resource]!.hard && !isCapable(task.credentials, CAP_SYS_RESOURCE)) return -EPERM;
  }
  if (oldAddress !== 0 && storeLimit(task, oldAddress, limits[resource]!) < 0) return -EFAULT;
  if (changed !== null) limits[resource] = changed;
  return 0;
}

function loadLimit(task: Task, address: number): { soft: number; hard: number } | number {
  const { u8, view } = task.kernel.scratch;
  if (task.space.copyIn(address, u8, 0, Rlimit.size) < 0) return -EFAULT;
  const read = (at: number): number => {
    const value = getU64(view, at);
    return value >= 2 ** 63 ? Infinity : value;
  };
  return { soft: read(Rlimit.offset.rlim_cur), hard: read(Rlimit.offset.rlim_max) };
}

const randomBytes = new Uint8Array(256);

function getrandom(task: Task, address: number, length: number, flags: number): number {
  if ((flags & ~(GRND_NONBLOCK | GRND_RANDOM | GRND_INSECURE)) !== 0) return -EINVAL;
  // The pool that blocks and the one that never does are not asked at once (random(4)).
  if ((flags & GRND_RANDOM) !== 0 && (flags & GRND_INSECURE) !== 0) return -EINVAL;
  if (length < 0) return -EINVAL;
  const { work } = task.kernel;
  work.mayPause = true;
  let done = movedBefore(task);
  length = Math.min(length, 33554431);
  const to = task.space.cursor(address, length);
  to.skip(done);
  while (done < length) {
    if (work.mustPause()) return pauseTransfer(task, done);
    work.charge(WORK.RANDOM_PAGE / 16);
    const count = Math.min(256, length - done);
    const part = randomBytes.subarray(0, count);
    task.kernel.random.fill(part);
    const moved = to.put(part, 0, count);
    if (moved > 0) done += moved;
    if (moved < count) return done > 0 ? done : -EFAULT;
  }
  return done;
}

/** vhangup(2): 0, also without a terminal; −EPERM without CAP_SYS_TTY_CONFIG. */
function hangUpTerminal(task: Task): number {
  if (!isCapable(task.credentials, CAP_SYS_TTY_CONFIG)) return -EPERM;
  task.group.session.terminal?.hangUp();
  return 0;
}

/** What SYSLOG_SIZE_BUFFER says, and the most that SYSLOG_READ_ALL copies in one call. */
const LOG_BYTES = 1 << 19;

/**
 * syslog(2): everyone may read all and ask for the size, unless dmesg_restrict is 1; the rest needs CAP_SYSLOG.
 */
function syslog(task: Task, type: number, buffer: number, length: number): number {
  const mayAll = isCapable(task.credentials, CAP_SYSLOG) || isCapable(task.credentials, CAP_SYS_ADMIN);
  const isOpen = type === SYSLOG_ACTION_READ_ALL || type === SYSLOG_ACTION_SIZE_BUFFER;
  if (!mayAll && (!isOpen || task.kernel.messages.isRestricted)) return -EPERM;
  if (type < 0 || type > SYSLOG_ACTION_SIZE_BUFFER) return -EINVAL;
  if (type >= SYSLOG_ACTION_READ && type <= SYSLOG_ACTION_READ_CLEAR && (buffer === 0 || length < 0)) return -EINVAL;
  if (type === SYSLOG_ACTION_CONSOLE_LEVEL && (length < 1 || length > 8)) return -EINVAL;
  const { messages } = task.kernel;
  switch (type) {
    case SYSLOG_ACTION_READ:
      return length === 0 ? 0 : takeMessages(task, task.space.cursor(buffer, length), false);
    case SYSLOG_ACTION_READ_ALL:
    case SYSLOG_ACTION_READ_CLEAR:
      return readAllMessages(task, buffer, Math.min(length, LOG_BYTES), type === SYSLOG_ACTION_READ_CLEAR);
    case SYSLOG_ACTION_CLEAR:
      messages.clearedAt = messages.end;
      return 0;
    case SYSLOG_ACTION_CONSOLE_OFF:
    case SYSLOG_ACTION_CONSOLE_ON:
      messages.switchConsole(type === SYSLOG_ACTION_CONSOLE_ON);
      return 0;
    case SYSLOG_ACTION_CONSOLE_LEVEL:
      messages.setConsoleLevel(length);
      return 0;
    case SYSLOG_ACTION_SIZE_UNREAD:
      return sizeOfMessages(messages, messages.readAt);
    case SYSLOG_ACTION_SIZE_BUFFER:
      return LOG_BYTES;
    default:
      return 0;
  }
}

function sizeOfMessages(messages: KernelLog, from: number): number {
  let size = 0;
  for (let at = Math.max(from, messages.first); at < messages.end; at++) size += logLine(messages.at(at)!).length;
  return size;
}

/** The last lines that fit, from the last SYSLOG_CLEAR on. */
function readAllMessages(task: Task, buffer: number, length: number, clears: boolean): number {
  const { messages } = task.kernel;
  const lines: string[] = [];
  let size = 0;
  for (let at = messages.end - 1; at >= Math.max(messages.first, messages.clearedAt); at--) {
    const line = logLine(messages.at(at)!);
    if (size + line.length > length) break;
    size += line.length;
    lines.unshift(line);
  }
  const stored = task.space.copyOut(buffer, byteStringOf(lines.join("")), 0, size);
  if (stored < 0) return stored;
  if (clears) messages.clearedAt = messages.end;
  return size;
}

/** reboot(2)'s second number: birthdays. */
const REBOOT_MAGICS: readonly number[] = [
  LINUX_REBOOT_MAGIC2,
  LINUX_REBOOT_MAGIC2A,
  LINUX_REBOOT_MAGIC2B,
  LINUX_REBOOT_MAGIC2C,
];
/** These stop the machine; what Ctrl-Alt-Del does is nothing here. */
const STOPPING_COMMANDS: ReadonlySet<number> = new Set([
  LINUX_REBOOT_CMD_HALT,
  LINUX_REBOOT_CMD_POWER_OFF,
  LINUX_REBOOT_CMD_RESTART,
  LINUX_REBOOT_CMD_RESTART2,
]);

/** In a pid namespace reboot(2) ends its init, whose parent sees SIGHUP or SIGINT: −EINVAL. */
function rebootNamespace(task: Task, command: number): number {
  if (!STOPPING_COMMANDS.has(command)) return -EINVAL;
  const init = task.group.pidNamespace.init as ThreadGroup;
  const isRestart = command === LINUX_REBOOT_CMD_RESTART || command === LINUX_REBOOT_CMD_RESTART2;
  init.isShutDown = true;
  exitGroup(init.tasks[0]!, isRestart ? SIGHUP : SIGINT);
  return init === task.group ? NO_RETURN : 0;
}

export const systemCalls: SyscallTable = {
  uname: { run: uname },
  sysinfo: { run: sysinfo },
  sethostname: { run: (task, address, length) => setName(task, address, length | 0, "hostname") },
  setdomainname: { run: (task, address, length) => setName(task, address, length | 0, "domainname") },
  getrlimit: {
    run: (task, resource, address) =>
      resource >>> 0 > 15 ? -EINVAL : storeLimit(task, address, task.group.limits[resource >>> 0]!),
  },
  setrlimit: {
    run: (task, resource, address) => prlimit(task, 0, resource, address, 0),
    gaps: "RSS and RTTIME are kept but not enforced",
  },
  prlimit64: { run: prlimit, gaps: "RSS and RTTIME are kept but not enforced" },
  getrusage: {
    run: (task, who, address) => {
      const what = (who | 0) === 0 ? "self" : (who | 0) === -1 ? "children" : (who | 0) === 1 ? "thread" : null;
      return what === null ? -EINVAL : writeRusage(task, address, task.group, what);
    },
  },
  personality: {
    run: (task, value) => {
      const before = task.personality;
      if (value >>> 0 !== 0xffffffff) task.personality = value >>> 0;
      return before;
    },
    gaps: "kept and shown; of its flags only STICKY_TIMEOUTS changes anything",
  },
  getrandom: { run: getrandom, interrupted: interruptedTransfer },
  riscv_hwprobe: { run: hwprobe },
  syslog: {
    run: (task, type, buffer, length) => syslog(task, type | 0, buffer, length | 0),
    gaps: "console levels are kept: the host decides what its console shows",
  },
  reboot: {
    run: (task, magic1, magic2, command) => {
      const { pidNamespace } = task.group;
      if (!isCapable(task.credentials, CAP_SYS_BOOT, pidNamespace.owner)) return -EPERM;
      if (magic1 >>> 0 !== LINUX_REBOOT_MAGIC1 || !REBOOT_MAGICS.includes(magic2 | 0)) return -EINVAL;
      if (pidNamespace.parent !== null) return rebootNamespace(task, command >>> 0);
      if (command >>> 0 === LINUX_REBOOT_CMD_CAD_ON || command === LINUX_REBOOT_CMD_CAD_OFF) return 0;
      if (!STOPPING_COMMANDS.has(command >>> 0)) return -EINVAL;
      task.kernel.isStopped = true;
      return 0;
    },
  },
  vhangup: { run: hangUpTerminal },
  ...absent("there are no counters", ["perf_event_open"]),
  ...absent("this kernel has no modules and starts no other", [
    "init_module",
    "finit_module",
    "delete_module",
    "kexec_load",
  ]),
};
