/** Numbers by the names that headers give them. */
import {
  CLONE_CHILD_CLEARTID,
  CLONE_CHILD_SETTID,
  CLONE_FILES,
  CLONE_FS,
  CLONE_NEWCGROUP,
  CLONE_NEWIPC,
  CLONE_NEWNET,
  CLONE_NEWNS,
  CLONE_NEWPID,
  CLONE_NEWUSER,
  CLONE_NEWUTS,
  CLONE_PARENT,
  CLONE_PARENT_SETTID,
  CLONE_PIDFD,
  CLONE_SETTLS,
  CLONE_SIGHAND,
  CLONE_SYSVSEM,
  CLONE_THREAD,
  CLONE_VFORK,
  CLONE_VM,
  EPOLLET,
  EPOLLEXCLUSIVE,
  EPOLLONESHOT,
  EPOLLWAKEUP,
  MAP_ANONYMOUS,
  MAP_DENYWRITE,
  MAP_DROPPABLE,
  MAP_FIXED,
  MAP_FIXED_NOREPLACE,
  MAP_GROWSDOWN,
  MAP_NORESERVE,
  MAP_POPULATE,
  MAP_PRIVATE,
  MAP_SHARED,
  MAP_STACK,
  O_APPEND,
  O_CLOEXEC,
  O_CREAT,
  O_DIRECT,
  O_DIRECTORY,
  O_DSYNC,
  O_EXCL,
  O_LARGEFILE,
  O_NOATIME,
  O_NOCTTY,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_PATH,
  O_SYNC,
  O_TMPFILE,
  O_TRUNC,
  POLLERR,
  POLLHUP,
  POLLIN,
  POLLNVAL,
  POLLOUT,
  POLLPRI,
  POLLRDBAND,
  POLLRDHUP,
  POLLRDNORM,
  POLLWRBAND,
  POLLWRNORM,
  PROT_EXEC,
  PROT_READ,
  PROT_WRITE,
  SA_NOCLDSTOP,
  SA_NOCLDWAIT,
  SA_NODEFER,
  SA_ONSTACK,
  SA_RESETHAND,
  SA_RESTART,
  SA_SIGINFO,
  SIGNAL_NAMES,
} from "@stratos/abi";

export function hex(value: number): string {
  return value < 0 ? String(value) : `0x${value.toString(16)}`;
}

export function quote(value: string): string {
  let out = '"';
  for (const character of value) {
    const code = character.charCodeAt(0);
    if (character === '"' || character === "\\") out += `\\${character}`;
    else if (character === "\n") out += "\\n";
    else if (character === "\t") out += "\\t";
    else if (character === "\r") out += "\\r";
    else out += code >= 0x20 && code < 0x7f ? character : `\\${code.toString(8)}`;
  }
  return `${out}"`;
}

export function signalName(signal: number): string {
  const name = SIGNAL_NAMES[signal];
  return name === undefined || signal === 0 ? String(signal) : `SIG${name}`;
}

export function flags(value: number, names: Readonly<Record<string, number>>, first: string): string {
  let rest = value >>> 0;
  if (first.startsWith("O_")) rest = (rest & ~3) >>> 0;
  const shown = first === "" ? [] : [first];
  for (const [name, bits] of Object.entries(names)) {
    if ((rest & bits) >>> 0 !== bits >>> 0) continue;
    shown.push(name);
    rest = (rest & ~bits) >>> 0;
  }
  if (rest !== 0) shown.push(hex(rest));
  return shown.length === 0 ? "0" : shown.join("|");
}

export const OPEN_FLAGS = {
  O_TMPFILE,
  O_SYNC,
  O_CREAT,
  O_EXCL,
  O_NOCTTY,
  O_TRUNC,
  O_APPEND,
  O_NONBLOCK,
  O_DSYNC,
  O_DIRECT,
  O_LARGEFILE,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_NOATIME,
  O_CLOEXEC,
  O_PATH,
};
export const PROTECTION_FLAGS = {
  PROT_READ,
  PROT_WRITE,
  PROT_EXEC,
};
export const MAPPING_FLAGS = {
  MAP_SHARED,
  MAP_PRIVATE,
  MAP_FIXED,
  MAP_ANONYMOUS,
  MAP_GROWSDOWN,
  MAP_DENYWRITE,
  MAP_DROPPABLE,
  MAP_NORESERVE,
  MAP_POPULATE,
  MAP_STACK,
  MAP_FIXED_NOREPLACE,
};
export const CLONE_FLAGS = {
  CLONE_VM,
  CLONE_FS,
  CLONE_FILES,
  CLONE_SIGHAND,
  CLONE_PIDFD,
  CLONE_VFORK,
  CLONE_PARENT,
  CLONE_THREAD,
  CLONE_NEWNS,
  CLONE_SYSVSEM,
  CLONE_SETTLS,
  CLONE_PARENT_SETTID,
  CLONE_CHILD_CLEARTID,
  CLONE_CHILD_SETTID,
  CLONE_NEWCGROUP,
  CLONE_NEWUTS,
  CLONE_NEWIPC,
  CLONE_NEWUSER,
  CLONE_NEWPID,
  CLONE_NEWNET,
};
export const SIGNAL_ACTION_FLAGS = {
  SA_NOCLDSTOP,
  SA_NOCLDWAIT,
  SA_SIGINFO,
  SA_ONSTACK,
  SA_RESTART,
  SA_NODEFER,
  SA_RESETHAND,
};
/** Of poll and of epoll. */
export const EVENT_FLAGS = {
  POLLIN,
  POLLPRI,
  POLLOUT,
  POLLERR,
  POLLHUP,
  POLLNVAL,
  POLLRDNORM,
  POLLRDBAND,
  POLLWRNORM,
  POLLWRBAND,
  POLLRDHUP,
  EPOLLEXCLUSIVE,
  EPOLLWAKEUP,
  EPOLLONESHOT,
  EPOLLET,
};
