/** One line for each system call, as strace(1) writes it. */
import { AT_FDCWD, ERRNO_NAMES, SIGNAL_NAMES, SYSCALL_NAMES } from "@stratos/abi";
import type { Task } from "@stratos/kernel";
import { ARGUMENT_COUNTS, ARGUMENT_KINDS, type ArgumentKind } from "./argument-kinds.ts";

const TEXT_BYTES_MAX = 32;
const PATH_BYTES_MAX = 256;

/** What of the caller's memory the line shows. */
export type CallerMemory = Pick<Task["space"], "loadString" | "copyIn">;

/** @param result  undefined: the call waits */
export function syscallLine(
  memory: CallerMemory,
  number: number,
  args: readonly number[],
  result: number | undefined,
): string {
  const name = syscallName(number);
  const kinds = ARGUMENT_KINDS[name];
  const count = kinds?.length ?? ARGUMENT_COUNTS[name] ?? 6;
  const shown: string[] = [];
  for (let index = 0; index < count; index++)
    shown.push(argument(memory, kinds?.[index] ?? "hex", args, index, result));
  return `${name}(${shown.join(", ")}) = ${resultText(name, result)}`;
}

export function syscallName(number: number): string {
  return SYSCALL_NAMES[number] ?? `syscall_${number}`;
}

function argument(
  memory: CallerMemory,
  kind: ArgumentKind,
  args: readonly number[],
  index: number,
  result: number | undefined,
): string {
  const value = args[index]!;
  switch (kind) {
    case "fd":
      return (value | 0) === AT_FDCWD ? "AT_FDCWD" : String(value | 0);
    case "int":
      return String(value);
    case "octal":
      return `0${value.toString(8)}`;
    case "pointer":
      return value === 0 ? "NULL" : hex(value);
    case "hex":
      return value >= 0 && value < 10 ? String(value) : hex(value);
    case "path":
      return text(memory.loadString(value, PATH_BYTES_MAX), value);
    case "text":
      return bytes(memory, value, result !== undefined && result >= 0 ? Math.min(result, args[index + 1]!) : 0);
    case "open":
      return flags(value, OPEN_FLAGS, OPEN_ACCESS[value & 3]!);
    case "protection":
      return value === 0 ? "PROT_NONE" : flags(value, PROTECTION_FLAGS, "");
    case "mapping":
      return flags(value, MAPPING_FLAGS, "");
    case "clone":
      return flags(value & ~0xff, CLONE_FLAGS, (value & 0xff) === 0 ? "" : signalName(value & 0xff));
    case "signal":
      return signalName(value);
  }
}

function resultText(name: string, result: number | undefined): string {
  if (result === undefined) return "? (waits)";
  if (result < -4095) return name === "execve" || name === "execveat" ? "0" : "?";
  if (result < 0) return `-1 ${ERRNO_NAMES[-result] ?? String(-result)}`;
  return POINTER_RESULTS.has(name) ? hex(result) : String(result);
}

const POINTER_RESULTS: ReadonlySet<string> = new Set(["mmap", "brk", "mremap", "shmat"]);

function hex(value: number): string {
  return value < 0 ? String(value) : `0x${value.toString(16)}`;
}

function text(value: string | number, address: number): string {
  if (typeof value === "number") return address === 0 ? "NULL" : hex(address);
  return quote(value);
}

function bytes(memory: CallerMemory, address: number, count: number): string {
  const shown = Math.min(count, TEXT_BYTES_MAX);
  const buffer = new Uint8Array(shown);
  if (shown === 0 || memory.copyIn(address, buffer, 0, shown) < 0) return count === 0 ? '""' : hex(address);
  return `${quote(String.fromCharCode(...buffer))}${count > shown ? "..." : ""}`;
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

function flags(value: number, names: Readonly<Record<string, number>>, first: string): string {
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

const OPEN_ACCESS = ["O_RDONLY", "O_WRONLY", "O_RDWR", "O_ACCMODE"];
const OPEN_FLAGS = {
  O_TMPFILE: 0o20200000,
  O_SYNC: 0o4010000,
  O_CREAT: 0o100,
  O_EXCL: 0o200,
  O_NOCTTY: 0o400,
  O_TRUNC: 0o1000,
  O_APPEND: 0o2000,
  O_NONBLOCK: 0o4000,
  O_DSYNC: 0o10000,
  O_DIRECT: 0o40000,
  O_LARGEFILE: 0o100000,
  O_DIRECTORY: 0o200000,
  O_NOFOLLOW: 0o400000,
  O_NOATIME: 0o1000000,
  O_CLOEXEC: 0o2000000,
  O_PATH: 0o10000000,
};
const PROTECTION_FLAGS = { PROT_READ: 1, PROT_WRITE: 2, PROT_EXEC: 4 };
const MAPPING_FLAGS = {
  MAP_SHARED: 1,
  MAP_PRIVATE: 2,
  MAP_FIXED: 0x10,
  MAP_ANONYMOUS: 0x20,
  MAP_GROWSDOWN: 0x100,
  MAP_DENYWRITE: 0x800,
  MAP_NORESERVE: 0x4000,
  MAP_POPULATE: 0x8000,
  MAP_STACK: 0x20000,
  MAP_FIXED_NOREPLACE: 0x100000,
};
const CLONE_FLAGS = {
  CLONE_VM: 0x100,
  CLONE_FS: 0x200,
  CLONE_FILES: 0x400,
  CLONE_SIGHAND: 0x800,
  CLONE_PIDFD: 0x1000,
  CLONE_VFORK: 0x4000,
  CLONE_PARENT: 0x8000,
  CLONE_THREAD: 0x10000,
  CLONE_NEWNS: 0x20000,
  CLONE_SYSVSEM: 0x40000,
  CLONE_SETTLS: 0x80000,
  CLONE_PARENT_SETTID: 0x100000,
  CLONE_CHILD_CLEARTID: 0x200000,
  CLONE_CHILD_SETTID: 0x1000000,
};
