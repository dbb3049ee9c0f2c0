/**
 * Structures in a program's memory, as strace(1) writes them: `{tv_sec=1, tv_nsec=500}`. Bounds: eight elements of an
 * array or a list, 32 characters of a text, and of the larger structures the fields that tell most.
 */
import {
  AF_INET,
  AF_INET6,
  AF_NETLINK,
  AF_UNIX,
  EpollEvent,
  Pollfd,
  Rlimit,
  Rusage,
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  S_IFSOCK,
  Sigaction,
  SignalfdSiginfo,
  SIGNAL_NAMES,
  SIG_DFL,
  SIG_IGN,
  SockaddrIn,
  SockaddrIn6,
  SockaddrNl,
  SockaddrUn,
  Stat,
  Statfs,
  Statx,
  Sysinfo,
  Termios,
  Termios2,
  Utsname,
  type Field,
  type FieldType,
  type IntegerType,
  type Struct,
  SockaddrStorage,
  LoopInfo,
  LoopInfo64,
  ProcmapQuery,
  RtnlLinkStats,
  RtnlLinkStats64,
  Seminfo,
  TcpInfo,
  AF_PACKET,
  SockaddrLl,
} from "@stratos/abi";
import { EVENT_FLAGS, flags, hex, quote, SIGNAL_ACTION_FLAGS, signalName } from "./values.ts";

/** What of the caller's memory is shown. */
export interface StructureMemory {
  copyIn(address: number, into: Uint8Array, at: number, count: number): number;
}

const ELEMENTS_MAX = 8;
const TEXT_MAX = 32;

/** The structure at `address`; the address itself where it can't be read. */
export function structureText(memory: StructureMemory, layout: Struct, address: number, formats?: Formats): string {
  const bytes = readAt(memory, address, layout.size);
  return bytes === null ? pointerText(address) : `{${fieldsText(bytes, layout, 0, formats)}}`;
}

/** `count` of them, one after the other. */
export function structuresText(
  memory: StructureMemory,
  layout: Struct,
  address: number,
  count: number,
  formats?: Formats,
): string {
  const shown = Math.max(0, Math.min(count, ELEMENTS_MAX));
  const bytes = readAt(memory, address, shown * layout.size);
  if (bytes === null) return pointerText(address);
  const at = Array.from({ length: shown }, (_, index) => index * layout.size);
  const texts = at.map((start) => `{${fieldsText(bytes, layout, start, formats)}}`);
  return `[${texts.join(", ")}${count > shown ? ", ..." : ""}]`;
}

/** `count` numbers of 32 bits. */
export function integersText(memory: StructureMemory, address: number, count: number): string {
  const bytes = readAt(memory, address, count * 4);
  if (bytes === null) return pointerText(address);
  const view = viewOf(bytes);
  return `[${Array.from({ length: count }, (_, index) => view.getInt32(index * 4, true)).join(", ")}]`;
}

/** A set of signals, by their names. */
export function signalSetText(memory: StructureMemory, address: number): string {
  const bytes = readAt(memory, address, 8);
  return bytes === null ? pointerText(address) : signalSet(viewOf(bytes).getBigUint64(0, true));
}

/** A socket address of `length` bytes, by its family. */
export function socketAddressText(memory: StructureMemory, address: number, length: number): string {
  const size = Math.min(length, SockaddrStorage.size);
  if (size < 2) return pointerText(address);
  const given = readAt(memory, address, size);
  if (given === null) return pointerText(address);
  // What is missing at the end is zero.
  const bytes = new Uint8Array(SockaddrStorage.size);
  bytes.set(given);
  const view = viewOf(bytes);
  const family = view.getUint16(0, true);
  switch (family) {
    case AF_UNIX: {
      const path = bytes.subarray(SockaddrUn.offset.sun_path, size);
      return path.length === 0 ? "{sa_family=AF_UNIX}" : `{sa_family=AF_UNIX, sun_path=${unixPath(path)}}`;
    }
    case AF_INET: {
      const at = SockaddrIn.offset.sin_addr;
      const host = bytes.subarray(at, at + 4).join(".");
      const port = view.getUint16(SockaddrIn.offset.sin_port);
      return `{sa_family=AF_INET, sin_port=htons(${port}), sin_addr=inet_addr("${host}")}`;
    }
    case AF_INET6: {
      const at = SockaddrIn6.offset.sin6_addr;
      const words = Array.from({ length: 8 }, (_, index) => view.getUint16(at + index * 2).toString(16));
      const port = view.getUint16(SockaddrIn6.offset.sin6_port);
      return `{sa_family=AF_INET6, sin6_port=htons(${port}), sin6_addr="${shortened(words)}"}`;
    }
    case AF_NETLINK: {
      const groups = hex(view.getUint32(SockaddrNl.offset.nl_groups, true));
      return `{sa_family=AF_NETLINK, nl_pid=${view.getUint32(SockaddrNl.offset.nl_pid, true)}, nl_groups=${groups}}`;
    }
    case AF_PACKET: {
      const { sll_protocol, sll_ifindex, sll_halen, sll_addr } = SockaddrLl.offset;
      const length = Math.min(bytes[sll_halen]!, SockaddrLl.size - sll_addr);
      const hardware = Array.from(bytes.subarray(sll_addr, sll_addr + length), (byte) =>
        byte.toString(16).padStart(2, "0"),
      ).join(":");
      const index = view.getInt32(sll_ifindex, true);
      const protocol = hex(view.getUint16(sll_protocol));
      return `{sa_family=AF_PACKET, sll_protocol=htons(${protocol}), sll_ifindex=${index}, sll_addr=${hardware}}`;
    }
    default:
      return `{sa_family=${family}}`;
  }
}

export function pointerText(address: number): string {
  return address === 0 ? "NULL" : hex(address);
}

/** Null where there is nothing to read. */
export function readAt(memory: StructureMemory, address: number, count: number): Uint8Array | null {
  const bytes = new Uint8Array(count);
  return address === 0 || memory.copyIn(address, bytes, 0, count) < 0 ? null : bytes;
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The fields of a structure at `at`, without its braces. */
export function fieldsText(bytes: Uint8Array, layout: Struct, at: number, formats = FORMATS.get(layout)): string {
  const chosen = TELLING.get(layout);
  const shown = layout.fields.filter(({ name }) => !name.startsWith("_") && (chosen?.includes(name) ?? true));
  const texts = shown.map((field) => {
    const format = formats?.[field.name];
    const value =
      format === undefined
        ? fieldText(bytes, field.type, at + field.offset)
        : format(integerAt(bytes, field, at), bytes, at);
    return `${field.name}=${value}`;
  });
  return `${texts.join(", ")}${chosen === undefined ? "" : ", ..."}`;
}

function fieldText(bytes: Uint8Array, type: FieldType, at: number): string {
  switch (type.kind) {
    case "struct":
      return `{${fieldsText(bytes, type, at)}}`;
    case "text":
      return textAt(bytes.subarray(at, at + type.size));
    case "array": {
      const shown = Math.min(type.length, ELEMENTS_MAX);
      const texts = Array.from({ length: shown }, (_, index) => fieldText(bytes, type.of, at + index * type.of.size));
      return `[${texts.join(", ")}${type.length > shown ? ", ..." : ""}]`;
    }
    case "integer":
      return integerText(integer(bytes, type, at), type);
  }
}

function integerText(value: bigint, { base }: IntegerType): string {
  switch (base) {
    case "decimal":
      return String(value);
    case "octal":
      return value === 0n ? "0" : `0${value.toString(8)}`;
    case "pointer":
      return value === 0n ? "NULL" : `0x${value.toString(16)}`;
    case "hex":
      return value === 0n ? "0" : `0x${value.toString(16)}`;
  }
}

function integerAt(bytes: Uint8Array, { type, offset }: Field, at: number): bigint {
  return type.kind === "integer" ? integer(bytes, type, at + offset) : 0n;
}

function integer(bytes: Uint8Array, { size, isSigned, isBigEndian }: IntegerType, at: number): bigint {
  let value = 0n;
  for (let index = 0; index < size; index++)
    value |= BigInt(bytes[at + index]!) << BigInt(8 * (isBigEndian ? size - 1 - index : index));
  return isSigned ? BigInt.asIntN(size * 8, value) : value;
}

function textAt(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  const text = bytes.subarray(0, end < 0 ? bytes.length : end);
  return `${quote(String.fromCharCode(...text.subarray(0, TEXT_MAX)))}${text.length > TEXT_MAX ? "..." : ""}`;
}

/** An abstract name begins with a NUL, which strace(1) shows as `@`. */
function unixPath(bytes: Uint8Array): string {
  return bytes[0] === 0 ? `@${textAt(bytes.subarray(1))}` : textAt(bytes);
}

/** The longest run of zeros is left out (RFC 5952 §4.2). */
function shortened(words: readonly string[]): string {
  let best = 0,
    from = 0;
  for (let start = 0; start < words.length; start++) {
    let end = start;
    while (words[end] === "0") end++;
    if (end - start > best) [best, from] = [end - start, start];
  }
  if (best < 2) return words.join(":");
  return `${words.slice(0, from).join(":")}::${words.slice(from + best).join(":")}`;
}

function signalSet(bits: bigint): string {
  const names: string[] = [];
  let rest = BigInt.asUintN(64, bits);
  // More than half of them: the others, as strace(1) has it.
  const isInverse = rest.toString(2).replaceAll("0", "").length > 32;
  if (isInverse) rest = BigInt.asUintN(64, ~rest);
  for (let signal = 1; signal <= 64; signal++)
    if (((rest >> BigInt(signal - 1)) & 1n) === 1n) names.push(SIGNAL_NAMES[signal] ?? `RT_${signal - 32}`);
  const shown = names.length > 2 * ELEMENTS_MAX ? [...names.slice(0, 2 * ELEMENTS_MAX), "..."] : names;
  return `${isInverse ? "~" : ""}[${shown.join(" ")}]`;
}

/** Of the larger structures, the fields that are shown. */
const TELLING: ReadonlyMap<Struct, readonly string[]> = new Map<Struct, readonly string[]>([
  [Stat, ["st_mode", "st_size"]],
  [Statx, ["stx_mask", "stx_mode", "stx_size"]],
  [Statfs, ["f_type", "f_bsize", "f_blocks", "f_bfree", "f_files", "f_ffree"]],
  [Sysinfo, ["uptime", "totalram", "freeram", "procs"]],
  [Rusage, ["ru_utime", "ru_stime", "ru_maxrss"]],
  [Utsname, ["sysname", "nodename", "release"]],
  [Termios, ["c_iflag", "c_oflag", "c_cflag", "c_lflag"]],
  [Termios2, ["c_iflag", "c_oflag", "c_cflag", "c_lflag"]],
  [SignalfdSiginfo, ["ssi_signo", "ssi_code", "ssi_pid", "ssi_uid"]],
  [TcpInfo, ["tcpi_state", "tcpi_rto", "tcpi_snd_mss", "tcpi_rtt", "tcpi_snd_cwnd", "tcpi_total_retrans"]],
  [RtnlLinkStats, ["rx_packets", "tx_packets", "rx_bytes", "tx_bytes"]],
  [RtnlLinkStats64, ["rx_packets", "tx_packets", "rx_bytes", "tx_bytes"]],
  [ProcmapQuery, ["query_flags", "query_addr", "vma_start", "vma_end", "vma_flags", "vma_offset"]],
  [LoopInfo, ["lo_number", "lo_flags", "lo_offset", "lo_name"]],
  [LoopInfo64, ["lo_number", "lo_flags", "lo_offset", "lo_sizelimit", "lo_file_name"]],
  [Seminfo, ["semmni", "semmns", "semmsl"]],
]);

/** @param value  of an integer; `bytes` from `at` on are the structure */
type Format = (value: bigint, bytes: Uint8Array, at: number) => string;
export type Formats = Readonly<Record<string, Format>>;

const fileMode: Format = (value) => {
  const mode = Number(value);
  const kind = FILE_KINDS.get(mode & S_IFMT);
  const rights = `0${(mode & ~S_IFMT).toString(8)}`;
  return kind === undefined ? rights : `${kind}|${rights}`;
};
const FILE_KINDS: ReadonlyMap<number, string> = new Map([
  [S_IFSOCK, "S_IFSOCK"],
  [S_IFLNK, "S_IFLNK"],
  [S_IFREG, "S_IFREG"],
  [S_IFBLK, "S_IFBLK"],
  [S_IFDIR, "S_IFDIR"],
  [S_IFCHR, "S_IFCHR"],
  [S_IFIFO, "S_IFIFO"],
]);
const events: Format = (value) => flags(Number(value), EVENT_FLAGS, "");
const limit: Format = (value) => (value === 0xffffffffffffffffn ? "RLIM64_INFINITY" : String(value));
const handler: Format = (value) =>
  value === BigInt(SIG_DFL) ? "SIG_DFL" : value === BigInt(SIG_IGN) ? "SIG_IGN" : `0x${value.toString(16)}`;

/** Fields that have names for their values. */
const FORMATS: ReadonlyMap<Struct, Formats> = new Map<Struct, Formats>([
  [Stat, { st_mode: fileMode }],
  [Statx, { stx_mode: fileMode }],
  [Rlimit, { rlim_cur: limit, rlim_max: limit }],
  [EpollEvent, { events: (value) => flags(Number(value), EVENT_FLAGS, "").replaceAll(/\bPOLL/g, "EPOLL") }],
  [Pollfd, { events, revents: events }],
  [SignalfdSiginfo, { ssi_signo: (value) => signalName(Number(value)) }],
  [
    Sigaction,
    {
      sa_handler: handler,
      sa_flags: (value) => flags(Number(value), SIGNAL_ACTION_FLAGS, ""),
      sa_mask: (value) => signalSet(value),
    },
  ],
]);
