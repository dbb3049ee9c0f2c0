/** One line for each system call, as strace(1) writes it. */
import {
  AT_FDCWD,
  EFAULT,
  ERRNO_NAMES,
  FUTEX_CLOCK_REALTIME,
  FUTEX_PRIVATE_FLAG,
  SYSCALL_NAMES,
  Timespec,
} from "@stratos/abi";
import type { Task } from "@stratos/kernel";
import {
  ARGUMENT_COUNTS,
  ARGUMENT_KINDS,
  type ArgumentKind,
  FUTEX_WITHOUT_TIME,
  IOCTL_KINDS,
  type StructureKind,
} from "./argument-kinds.ts";
import { netlinkBytesText, POINTED } from "./pointed-text.ts";
import { OPTION_LEVELS } from "./socket-options.ts";
import {
  integersText,
  pointerText,
  signalSetText,
  socketAddressText,
  structuresText,
  structureText,
} from "./structure-text.ts";
import { CLONE_FLAGS, flags, hex, MAPPING_FLAGS, OPEN_FLAGS, PROTECTION_FLAGS, quote, signalName } from "./values.ts";

const TEXT_BYTES_MAX = 32;
const PATH_BYTES_MAX = 256;

/** What of the caller's memory the line shows. */
export interface TracedCaller extends Pick<Task["space"], "loadString" | "copyIn"> {
  /** NETLINK_ROUTE …; null when `fd` is no netlink socket. */
  netlinkProtocol(fd: number): number | null;
}

/** @param result  undefined: the call waits */
export function syscallLine(
  memory: TracedCaller,
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
  memory: TracedCaller,
  kind: ArgumentKind,
  args: readonly number[],
  index: number,
  result: number | undefined,
): string {
  const value = args[index]!;
  if (typeof kind === "object") {
    if ("layout" in kind) return structureArgument(memory, kind, args, index, result);
    return argument(memory, kind.choices.get(args[kind.by]!) ?? "hex", args, index, result);
  }
  const isDone = result !== undefined && result >= 0;
  switch (kind) {
    case "fd":
      return (value | 0) === AT_FDCWD ? "AT_FDCWD" : String(value | 0);
    case "int":
      return String(value);
    case "octal":
      return `0${value.toString(8)}`;
    case "pointer":
      return pointerText(value);
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
    case "signals":
      return result === -EFAULT ? pointerText(value) : signalSetText(memory, value);
    case "signals out":
      return isDone ? signalSetText(memory, value) : pointerText(value);
    case "integer out":
    case "integers out":
      return isDone ? integersText(memory, value, kind === "integer out" ? 1 : 2) : pointerText(value);
    case "address":
      return result === -EFAULT ? pointerText(value) : socketAddressText(memory, value, args[index + 1]!);
    case "address out":
      return isDone ? storedAddress(memory, value, args[index + 1]!) : pointerText(value);
    case "futex time": {
      const operation = args[1]! & ~(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME);
      if (FUTEX_WITHOUT_TIME.includes(operation)) return String(value);
      return structureArgument(memory, { layout: Timespec, isOut: false }, args, index, result);
    }
    case "ioctl request":
      return IOCTL_KINDS.get(value)?.name ?? hex(value);
    case "packet": {
      const protocol = memory.netlinkProtocol(args[0]! | 0);
      if (protocol === null) return argument(memory, "text", args, index, result);
      return isDone
        ? netlinkBytesText(memory, value, Math.min(result, args[index + 1]!), protocol)
        : pointerText(value);
    }
    case "option level":
      return OPTION_LEVELS.get(value)?.name ?? String(value);
    case "option name":
      return OPTION_LEVELS.get(args[index - 1]!)?.options.get(value)?.name ?? String(value);
    case "option":
    case "option out": {
      if (kind === "option out" ? !isDone : result === -EFAULT) return pointerText(value);
      const layout = OPTION_LEVELS.get(args[index - 2]!)?.options.get(args[index - 1]!)?.layout;
      return layout === undefined ? integersText(memory, value, 1) : structureText(memory, layout, value);
    }
  }
}

function structureArgument(
  memory: TracedCaller,
  { layout, isOut, count, always }: StructureKind,
  args: readonly number[],
  index: number,
  result: number | undefined,
): string {
  const address = args[index]!;
  // Nothing was stored, or there is no memory: a look at it could bring pages in.
  if (isOut ? result === undefined || result < 0 : result === -EFAULT) return pointerText(address);
  const several = always ?? (count === "result" ? result! : count === undefined ? undefined : args[count]!);
  const stored = isOut && count === undefined ? result! : Infinity;
  const formats = POINTED.get(layout)?.({ memory, netlinkProtocol: memory.netlinkProtocol(args[0]! | 0), stored });
  return several === undefined
    ? structureText(memory, layout, address, formats)
    : structuresText(memory, layout, address, several, formats);
}

/** Its length is what the call stored behind the second pointer. */
function storedAddress(memory: TracedCaller, address: number, lengthAddress: number): string {
  const length = new Uint8Array(4);
  if (address === 0 || lengthAddress === 0 || memory.copyIn(lengthAddress, length, 0, 4) < 0) {
    return pointerText(address);
  }
  return socketAddressText(memory, address, new DataView(length.buffer).getUint32(0, true));
}

function resultText(name: string, result: number | undefined): string {
  if (result === undefined) return "? (waits)";
  if (result < -4095) return name === "execve" || name === "execveat" ? "0" : "?";
  if (result < 0) return `-1 ${ERRNO_NAMES[-result] ?? String(-result)}`;
  return POINTER_RESULTS.has(name) ? hex(result) : String(result);
}

const POINTER_RESULTS: ReadonlySet<string> = new Set(["mmap", "brk", "mremap", "shmat"]);

function text(value: string | number, address: number): string {
  if (typeof value === "number") return address === 0 ? "NULL" : hex(address);
  return quote(value);
}

function bytes(memory: TracedCaller, address: number, count: number): string {
  const shown = Math.min(count, TEXT_BYTES_MAX);
  const buffer = new Uint8Array(shown);
  if (shown === 0 || memory.copyIn(address, buffer, 0, shown) < 0) return count === 0 ? '""' : hex(address);
  return `${quote(String.fromCharCode(...buffer))}${count > shown ? "..." : ""}`;
}

const OPEN_ACCESS = ["O_RDONLY", "O_WRONLY", "O_RDWR", "O_ACCMODE"];
