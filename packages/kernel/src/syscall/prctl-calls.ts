/** prctl(2): every option checks its unused arguments as kernel/sys.c and security/commoncap.c do. */
import {
  CAP_LAST_CAP,
  CAP_SETPCAP,
  CAP_SYS_RESOURCE,
  EFAULT,
  EINVAL,
  ENAMETOOLONG,
  EPERM,
  PR_CAPBSET_DROP,
  PR_CAPBSET_READ,
  PR_CAP_AMBIENT,
  PR_CAP_AMBIENT_CLEAR_ALL,
  PR_CAP_AMBIENT_IS_SET,
  PR_CAP_AMBIENT_LOWER,
  PR_CAP_AMBIENT_RAISE,
  PR_GET_AUXV,
  PR_GET_CHILD_SUBREAPER,
  PR_GET_DUMPABLE,
  PR_GET_IO_FLUSHER,
  PR_GET_KEEPCAPS,
  PR_GET_MDWE,
  PR_GET_NAME,
  PR_GET_NO_NEW_PRIVS,
  PR_GET_PDEATHSIG,
  PR_GET_SECCOMP,
  PR_GET_SECUREBITS,
  PR_GET_THP_DISABLE,
  PR_GET_TID_ADDRESS,
  PR_GET_TIMERSLACK,
  PR_GET_TIMING,
  PR_MCE_KILL,
  PR_MCE_KILL_GET,
  PR_MDWE_NO_INHERIT,
  PR_MDWE_REFUSE_EXEC_GAIN,
  PR_SET_CHILD_SUBREAPER,
  PR_SET_DUMPABLE,
  PR_SET_IO_FLUSHER,
  PR_SET_KEEPCAPS,
  PR_SET_MDWE,
  PR_SET_MM,
  PR_SET_NAME,
  PR_SET_NO_NEW_PRIVS,
  PR_SET_PDEATHSIG,
  PR_SET_PTRACER,
  PR_SET_SECCOMP,
  PR_SET_SECUREBITS,
  PR_SET_SYSCALL_USER_DISPATCH,
  PR_SET_THP_DISABLE,
  PR_SET_TIMERSLACK,
  PR_SET_TIMING,
  PR_SET_VMA,
  SECBIT_KEEP_CAPS,
  SECBIT_KEEP_CAPS_LOCKED,
  SECBIT_NO_CAP_AMBIENT_RAISE,
  SECURE_ALL_BITS,
  SECURE_ALL_LOCKS,
  isErrno,
} from "@stratos/abi";
import { nameAreas } from "../mm/area-name.ts";
import { byteString, byteStringOf } from "@stratos/base";
import { hasCapability, isCapable } from "../security/credentials.ts";
import { setCallDispatch } from "../task/call-dispatch.ts";
import type { Task } from "../task/task.ts";
import { setMemoryMap } from "./memory-map-calls.ts";
import { setSeccompMode } from "./seccomp-requests.ts";
import type { SyscallTable } from "./syscall-table.ts";
import { seccompMode } from "../security/seccomp.ts";

/** Linux, include/linux/mm.h: ANON_VMA_NAME_MAX_LEN, without its end. */
const AREA_NAME_MAX = 79;
const NAME_MAX = 15,
  SIGNAL_MAX = 64;

function prctl(task: Task, option: number, a: number, b: number, c: number, d: number): number {
  const { credentials, group } = task;
  switch (option | 0) {
    case PR_SET_PDEATHSIG:
      if (a < 0 || a > SIGNAL_MAX) return -EINVAL;
      task.parentDeathSignal = a;
      return 0;
    case PR_GET_PDEATHSIG:
      return task.space.storeU32(a, task.parentDeathSignal);
    case PR_GET_DUMPABLE:
      return group.dumpable;
    case PR_SET_DUMPABLE:
      if (a !== 0 && a !== 1) return -EINVAL;
      group.dumpable = a;
      return 0;
    case PR_GET_KEEPCAPS:
      return (credentials.secureBits & SECBIT_KEEP_CAPS) !== 0 ? 1 : 0;
    case PR_SET_KEEPCAPS:
      return setSecureBit(task, a);
    // Statistical timing is the only one there is (PR_TIMING_STATISTICAL).
    case PR_GET_TIMING:
      return 0;
    case PR_SET_TIMING:
      return a === 0 ? 0 : -EINVAL;
    case PR_SET_NAME:
      return setName(task, a);
    case PR_GET_NAME: {
      const bytes = new Uint8Array(NAME_MAX + 1);
      bytes.set(byteStringOf(task.name));
      return task.space.copyOut(a, bytes, 0, bytes.length);
    }
    case PR_CAPBSET_READ:
      return a < 0 || a > CAP_LAST_CAP ? -EINVAL : hasCapability(credentials.bounding, a) ? 1 : 0;
    case PR_CAPBSET_DROP:
      if (!isCapable(credentials, CAP_SETPCAP, credentials.userNamespace)) return -EPERM;
      if (a < 0 || a > CAP_LAST_CAP) return -EINVAL;
      if (hasCapability(credentials.bounding, a))
        task.credentials = { ...credentials, bounding: credentials.bounding - 2 ** a };
      return 0;
    case PR_GET_SECUREBITS:
      return credentials.secureBits;
    case PR_SET_SECUREBITS:
      return setSecureBits(task, a);
    case PR_SET_TIMERSLACK:
      task.timerSlackNs = a > 0 ? a : task.defaultTimerSlackNs;
      return 0;
    case PR_GET_TIMERSLACK:
      return task.timerSlackNs;
    // No memory fails here, so whatever policy holds has nothing to do.
    case PR_MCE_KILL:
      return c !== 0 || d !== 0 || !(a === 0 ? b === 0 : a === 1 && b >= 0 && b <= 2)
        ? -EINVAL
        : setMemoryErrorPolicy(task, a === 0 ? 2 : b);
    case PR_MCE_KILL_GET:
      return a !== 0 || b !== 0 || c !== 0 || d !== 0 ? -EINVAL : task.memoryErrorPolicy;
    case PR_SET_MM:
      return setMemoryMap(task, a, b, c, d);
    case PR_SET_CHILD_SUBREAPER:
      group.isSubreaper = a !== 0;
      return 0;
    case PR_GET_CHILD_SUBREAPER:
      return task.space.storeU32(a, group.isSubreaper ? 1 : 0);
    case PR_SET_NO_NEW_PRIVS:
      if (a !== 1 || b !== 0 || c !== 0 || d !== 0) return -EINVAL;
      task.credentials = { ...credentials, noNewPrivileges: true };
      return 0;
    case PR_GET_NO_NEW_PRIVS:
      return a !== 0 || b !== 0 || c !== 0 || d !== 0 ? -EINVAL : credentials.noNewPrivileges ? 1 : 0;
    case PR_GET_TID_ADDRESS:
      return task.space.storeU64(a, task.clearTid);
    // There are no huge pages: what is asked for holds in any case.
    case PR_SET_THP_DISABLE:
      if (b !== 0 || c !== 0 || d !== 0) return -EINVAL;
      group.refusesHugePages = a !== 0;
      return 0;
    case PR_GET_THP_DISABLE:
      return a !== 0 || b !== 0 || c !== 0 || d !== 0 ? -EINVAL : group.refusesHugePages ? 1 : 0;
    case PR_SET_MDWE:
      return b !== 0 || c !== 0 || d !== 0 ? -EINVAL : setExecutableRule(task, a);
    case PR_GET_MDWE:
      return a !== 0 || b !== 0 || c !== 0 || d !== 0 ? -EINVAL : task.space.executableRule;
    case PR_GET_SECCOMP:
      return seccompMode(task.seccomp);
    case PR_SET_SECCOMP:
      return setSeccompMode(task, a, b);
    case PR_SET_SYSCALL_USER_DISPATCH:
      return setCallDispatch(task, a, { offset: b, length: c, selector: d });
    case PR_CAP_AMBIENT:
      return ambient(task, a, b, c, d);
    case PR_SET_IO_FLUSHER:
      if (!isCapable(credentials, CAP_SYS_RESOURCE)) return -EPERM;
      if (b !== 0 || c !== 0 || d !== 0 || (a !== 0 && a !== 1)) return -EINVAL;
      task.isIoFlusher = a === 1;
      return 0;
    case PR_GET_IO_FLUSHER:
      if (!isCapable(credentials, CAP_SYS_RESOURCE)) return -EPERM;
      return a !== 0 || b !== 0 || c !== 0 || d !== 0 ? -EINVAL : task.isIoFlusher ? 1 : 0;
    case PR_GET_AUXV: {
      const vector = task.space.auxiliaryVector;
      if (c !== 0 || d !== 0) return -EINVAL;
      return task.space.copyOut(a, vector, 0, Math.min(Math.max(b, 0), vector.length)) < 0 ? -EFAULT : vector.length;
    }
    case PR_SET_PTRACER:
      return a === 0 || a === -1 || task.kernel.tasks.taskIn(task.group.pidNamespace, a) !== undefined ? 0 : -EINVAL;
    case PR_SET_VMA:
      return a === 0 ? setAreaName(task, b, c, d) : -EINVAL;
    default:
      return -EINVAL;
  }
}

/** PR_SET_VMA_ANON_NAME: 0, −EFAULT, −EINVAL for what can't be a name, and as nameAreas. */
function setAreaName(task: Task, start: number, length: number, address: number): number {
  if (address === 0) return nameAreas(task, start, length, null);
  const name = task.space.loadString(address, AREA_NAME_MAX);
  if (name === -ENAMETOOLONG) return -EINVAL;
  if (isErrno(name)) return name;
  // Linux, kernel/sys.c: is_valid_name_char.
  if (!/^[ -~]*$/.test(name) || /[\\`$[\]]/.test(name)) return -EINVAL;
  return nameAreas(task, start, length, name);
}

/** −EFAULT; a longer name is cut to 15 bytes. */
function setName(task: Task, address: number): number {
  const name = task.space.loadString(address, NAME_MAX);
  if (name === -ENAMETOOLONG) {
    const bytes = new Uint8Array(NAME_MAX);
    if (task.space.copyIn(address, bytes, 0, NAME_MAX) < 0) return -EFAULT;
    task.name = byteString(bytes, 0, NAME_MAX);
    return 0;
  }
  if (isErrno(name)) return name;
  task.name = name;
  return 0;
}

/** −EINVAL, or −EPERM: a rule once made stays. */
function setExecutableRule(task: Task, bits: number): number {
  if (bits !== 0 && bits !== PR_MDWE_REFUSE_EXEC_GAIN && bits !== (PR_MDWE_REFUSE_EXEC_GAIN | PR_MDWE_NO_INHERIT))
    return -EINVAL;
  const { executableRule } = task.space;
  if (executableRule !== 0 && executableRule !== bits) return -EPERM;
  task.space.executableRule = bits;
  return 0;
}

function setMemoryErrorPolicy(task: Task, policy: number): number {
  task.memoryErrorPolicy = policy;
  return 0;
}

/** PR_SET_KEEPCAPS: −EINVAL, −EPERM when the bit is locked. */
function setSecureBit(task: Task, value: number): number {
  const { credentials } = task;
  if (value !== 0 && value !== 1) return -EINVAL;
  if ((credentials.secureBits & SECBIT_KEEP_CAPS_LOCKED) !== 0) return -EPERM;
  task.credentials = {
    ...credentials,
    secureBits: (credentials.secureBits & ~SECBIT_KEEP_CAPS) | (value * SECBIT_KEEP_CAPS),
  };
  return 0;
}

/**
 * PR_SET_SECUREBITS: −EPERM without CAP_SETPCAP, for bits that aren't there, and for what a lock holds
 * (capabilities(7), "The securebits flags").
 */
function setSecureBits(task: Task, bits: number): number {
  const { credentials } = task;
  const old = credentials.secureBits;
  const locks = old & SECURE_ALL_LOCKS;
  if (bits < 0 || bits > (SECURE_ALL_BITS | SECURE_ALL_LOCKS)) return -EPERM;
  if (
    ((locks >> 1) & (old ^ bits)) !== 0 ||
    (locks & ~bits) !== 0 ||
    !isCapable(credentials, CAP_SETPCAP, credentials.userNamespace)
  )
    return -EPERM;
  task.credentials = { ...credentials, secureBits: bits };
  return 0;
}

/** −EINVAL; −EPERM for a capability that isn't permitted and inheritable, and under SECBIT_NO_CAP_AMBIENT_RAISE. */
function ambient(task: Task, operation: number, capability: number, c: number, d: number): number {
  const { credentials } = task;
  if (operation === PR_CAP_AMBIENT_CLEAR_ALL) {
    if (capability !== 0 || c !== 0 || d !== 0) return -EINVAL;
    task.credentials = { ...credentials, ambient: 0 };
    return 0;
  }
  if (capability < 0 || capability > CAP_LAST_CAP || c !== 0 || d !== 0) return -EINVAL;
  const isSet = hasCapability(credentials.ambient, capability);
  switch (operation) {
    case PR_CAP_AMBIENT_IS_SET:
      return isSet ? 1 : 0;
    case PR_CAP_AMBIENT_RAISE:
      if (!hasCapability(credentials.permitted, capability) || !hasCapability(credentials.inheritable, capability))
        return -EPERM;
      if ((credentials.secureBits & SECBIT_NO_CAP_AMBIENT_RAISE) !== 0) return -EPERM;
      if (!isSet) task.credentials = { ...credentials, ambient: credentials.ambient + 2 ** capability };
      return 0;
    case PR_CAP_AMBIENT_LOWER:
      if (isSet) task.credentials = { ...credentials, ambient: credentials.ambient - 2 ** capability };
      return 0;
    default:
      return -EINVAL;
  }
}

export const prctlCalls: SyscallTable = {
  prctl: {
    run: prctl,
    gaps:
      "timer slack is kept but wakes nobody later; PR_SET_MM can't change the program's file; options that concern " +
      "memory tagging, pointer masking and core scheduling are refused (EINVAL)",
  },
};
