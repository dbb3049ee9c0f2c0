/**
 * Files of /proc/PID by which namespaces are set up: uid_map, gid_map and setgroups (user_namespaces(7)),
 * timens_offsets (time_namespaces(7)).
 */
import {
  CAP_SETFCAP,
  CAP_SETGID,
  CAP_SETUID,
  CAP_SYS_ADMIN,
  CAP_SYS_TIME,
  CLOCK_BOOTTIME,
  CLOCK_MONOTONIC,
  EACCES,
  EINVAL,
  EPERM,
  ERANGE,
  O_ACCMODE,
  O_RDONLY,
} from "@stratos/abi";
import { type Credentials, isCapable } from "../security/credentials.ts";
import { ID_EXTENTS_MAX, type IdExtent, IdMap } from "../security/id-map.ts";
import type { UserNamespace } from "../security/user-namespace.ts";
import type { Task } from "../task/task.ts";

type Kind = "uids" | "gids" | "projects";
const ID_MOST = 0xffffffff;

/** In the ids of the reader; who is inside sees those of the namespace above. */
export function describeIdMap(target: Task, kind: Kind, reader: Task): string {
  const { userNamespace } = target.credentials;
  const own = reader.credentials.userNamespace;
  const { extents } = userNamespace[kind];
  const column = (value: number): string => String(value).padStart(10);
  if (extents === null) return `${column(0)} ${column(0)} ${column(ID_MOST)}\n`;
  const seenFrom = own === userNamespace && own.parent !== null ? own.parent : own;
  return extents
    .map(({ first, kernelFirst, count }) => {
      const lower = seenFrom[kind].fromKernel(kernelFirst);
      return `${column(first)} ${column(lower < 0 ? ID_MOST : lower)} ${column(count)}\n`;
    })
    .join("");
}

/**
 * Once, by who may (user_namespaces(7), "Defining user and group ID mappings"): 0; −EINVAL, −EPERM. Who opened the file
 * is asked, and for ids other than his own the writer as well (Linux's file_ns_capable).
 */
export function writeIdMap(writer: Task, opener: Credentials, target: Task, kind: Kind, text: string): number {
  const { userNamespace } = target.credentials;
  const { parent } = userNamespace;
  const capability = kind === "uids" ? CAP_SETUID : kind === "gids" ? CAP_SETGID : null;
  const own = opener.userNamespace;
  if (parent === null || userNamespace[kind].extents!.length > 0) return -EPERM;
  if (own !== userNamespace && own !== parent) return -EPERM;
  if (capability !== null && !isCapable(opener, CAP_SYS_ADMIN, userNamespace)) return -EPERM;
  const lines = parseMap(text);
  if (lines === null) return -EINVAL;
  if (capability !== null && !mayMap(writer, opener, userNamespace, kind, lines, capability)) return -EPERM;
  const extents: IdExtent[] = [];
  for (const { first, lower, count } of lines) {
    const kernelFirst = parent[kind].rangeToKernel(lower, count);
    if (kernelFirst < 0) return -EPERM;
    extents.push({ first, kernelFirst, count });
  }
  userNamespace[kind] = new IdMap(extents);
  return 0;
}

interface MapLine {
  readonly first: number;
  readonly lower: number;
  readonly count: number;
}

/** Null: not lines of three numbers, empty or overlapping ranges, or too many. */
function parseMap(text: string): MapLine[] | null {
  const lines = text.replace(/\n$/, "").split("\n");
  if (text.length >= 4096 || lines.length > ID_EXTENTS_MAX) return null;
  const result: MapLine[] = [];
  for (const line of lines) {
    const fields = /^\s*(\d+)\s+(\d+)\s+(\d+)\s*$/.exec(line);
    if (fields === null) return null;
    const [first, lower, count] = [Number(fields[1]), Number(fields[2]), Number(fields[3])] as const;
    if (count === 0 || first + count > ID_MOST || lower + count > ID_MOST) return null;
    const overlaps = result.some(
      (other) =>
        (first < other.first + other.count && other.first < first + count) ||
        (lower < other.lower + other.count && other.lower < lower + count),
    );
    if (overlaps) return null;
    result.push({ first, lower, count });
  }
  return result;
}

/** Linux's new_idmap_permitted and verify_root_map. */
function mayMap(
  writer: Task,
  opener: Credentials,
  namespace: UserNamespace,
  kind: Kind,
  lines: readonly MapLine[],
  capability: number,
): boolean {
  const parent = namespace.parent!;
  if (kind === "uids" && lines.some(({ lower }) => lower === 0)) {
    // Programs of the parent's root must not get file capabilities from one that had none to give.
    const fromInside = opener.userNamespace === namespace;
    if (fromInside ? !namespace.mayMapRoot : !isCapable(opener, CAP_SETFCAP, parent)) return false;
  }
  // One's own id alone needs no capability in the parent.
  if (lines.length === 1 && lines[0]!.count === 1 && opener.euid === namespace.creatorUid) {
    const own = parent[kind].toKernel(lines[0]!.lower);
    if (kind === "uids" && own === opener.euid) return true;
    if (kind === "gids" && own === opener.egid && !namespace.allowsSetgroups) return true;
  }
  return isCapable(opener, capability, parent) && isCapable(writer.credentials, capability, parent);
}

export function describeSetgroups(target: Task): string {
  return target.credentials.userNamespace.allowsSetgroups ? "allow\n" : "deny\n";
}

/** Who may write it is asked when it is opened (Linux's proc_setgroups_open): 0; −EACCES. */
export function mayOpenSetgroups({ credentials }: Task, target: Task, flags: number): number {
  const isRead = (flags & O_ACCMODE) === O_RDONLY;
  return isRead || isCapable(credentials, CAP_SYS_ADMIN, target.credentials.userNamespace) ? 0 : -EACCES;
}

/** Bytes of one write to setgroups. */
const SETGROUPS_MAX = 7;

/** "deny" only before gid_map, and for good: 0; −EINVAL, −EPERM. */
export function writeSetgroups(target: Task, text: string): number {
  const { userNamespace } = target.credentials;
  // Spaces may follow, and what a C program sends along of its string: up to a zero (proc_setgroups_write).
  if (text.length > SETGROUPS_MAX) return -EINVAL;
  const word = text.split("\0", 1)[0]!.trimEnd();
  if (word === "allow") return userNamespace.allowsSetgroups ? 0 : -EPERM;
  if (word !== "deny") return -EINVAL;
  if (userNamespace.parent === null || userNamespace.gids.extents!.length > 0) return -EPERM;
  userNamespace.allowsSetgroups = false;
  return 0;
}

const NS_PER_SECOND = 1e9;
/** Linux's KTIME_SEC_MAX / 2: a clock stands within. */
const OFFSET_SECONDS_MAX = 2 ** 32;

export function describeTimeOffsets(target: Task): string {
  const { monotonicNs, boottimeNs } = target.namespaces.timeForChildren;
  const line = (name: string, ns: number): string => {
    const seconds = Math.floor(ns / NS_PER_SECOND);
    return `${name.padEnd(10)} ${String(seconds).padStart(10)} ${String(ns - seconds * NS_PER_SECOND).padStart(9)}\n`;
  };
  return line("monotonic", monotonicNs) + line("boottime", boottimeNs);
}

/** `CLOCK SECONDS NANOSECONDS` lines: 0; −EACCES somebody is in it already; −EINVAL, −EPERM, −ERANGE. */
export function writeTimeOffsets(opener: Credentials, target: Task, text: string): number {
  const namespace = target.namespaces.timeForChildren;
  const lines = text.replace(/\n$/, "").split("\n").map(parseTimeOffset);
  if (lines.includes(null)) return -EINVAL;
  if (!isCapable(opener, CAP_SYS_TIME, namespace.owner)) return -EPERM;
  const offsets = { monotonicNs: namespace.monotonicNs, boottimeNs: namespace.boottimeNs };
  const now = target.kernel.now();
  for (const { key, seconds, nanoseconds } of lines as TimeOffset[]) {
    const offset = seconds * NS_PER_SECOND + nanoseconds;
    if (Math.abs(seconds) > OFFSET_SECONDS_MAX || now + offset < 0) return -ERANGE;
    offsets[key] = offset;
  }
  if (namespace === target.kernel.namespaces.time || namespace.isFrozen) return -EACCES;
  Object.assign(namespace, offsets);
  return 0;
}

interface TimeOffset {
  readonly key: "monotonicNs" | "boottimeNs";
  readonly seconds: number;
  readonly nanoseconds: number;
}

function parseTimeOffset(line: string): TimeOffset | null {
  const fields = /^\s*(\w+)\s+(-?\d+)\s+(\d+)\s*$/.exec(line);
  const key = fields === null ? undefined : CLOCKS[fields[1]!];
  if (fields === null || key === undefined || Number(fields[3]) >= NS_PER_SECOND) return null;
  return { key, seconds: Number(fields[2]), nanoseconds: Number(fields[3]) };
}

const CLOCKS: Readonly<Record<string, TimeOffset["key"]>> = {
  monotonic: "monotonicNs",
  [CLOCK_MONOTONIC]: "monotonicNs",
  boottime: "boottimeNs",
  [CLOCK_BOOTTIME]: "boottimeNs",
};
