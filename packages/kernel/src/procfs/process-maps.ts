/** proc_pid_maps(5), proc_pid_smaps(5). */
import {
  ESRCH,
  MAP_DROPPABLE,
  MAP_GROWSDOWN,
  MAP_LOCKED,
  MAP_NORESERVE,
  PROT_EXEC,
  PROT_READ,
  PROT_WRITE,
} from "@stratos/abi";
import type { FrameAllocator } from "../frames/frame-allocator.ts";
import { WIDE_TOP } from "../mm/address-space.ts";
import {
  type Area,
  AREA_ACCOUNTED,
  AREA_NO_DUMP,
  AREA_NO_EXPAND,
  AREA_NO_FORK,
  AREA_SEALED,
  AREA_WIPE_ON_FORK,
} from "../mm/area.ts";
import { frameOfEntry, PTE_A, PTE_D } from "../mm/page-table.ts";
import type { Task } from "../task/task.ts";
import { majorOf, minorOf } from "../vfs/device-registry.ts";
import { pathName } from "../vfs/path-name.ts";
import type { TextPiece } from "../pseudo/pseudo-inodes.ts";
import { hasMemory } from "../task/task-access.ts";
import { visitAreas } from "./visit-areas.ts";

/** Column where the name begins on 64-bit machines. */
const NAME_COLUMN = 73;

function describeArea(area: Area, caller: Task): string {
  const { protection } = area;
  const permissions =
    `${protection & PROT_READ ? "r" : "-"}${protection & PROT_WRITE ? "w" : "-"}` +
    `${protection & PROT_EXEC ? "x" : "-"}${area.isShared ? "s" : "p"}`;
  const inode = area.file?.shownInode ?? null;
  const device = inode?.fileSystem.device ?? 0;
  const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, "0");
  const line =
    `${hex(area.start, 8)}-${hex(area.end, 8)} ${permissions} ${hex(inode === null ? 0 : area.offset, 8)} ` +
    `${hex(majorOf(device), 2)}:${hex(minorOf(device), 2)} ${inode?.ino ?? 0}`;
  const name = areaName(area, caller).replace(/\n/g, "\\012");
  // A space ends the number of an area without a name (fs/proc/task_mmu.c, show_vma_header_prefix).
  return name === "" ? `${line} ` : `${line.padEnd(NAME_COLUMN)}${name}`;
}

/** As the caller sees it; "" for what has none. */
export function areaName(area: Area, caller: Task): string {
  if (area.file !== null)
    return area.file.path === null ? area.file.description : pathName(area.file.path, caller.fs.root);
  return area.label === "" && area.isShared ? "/dev/zero (deleted)" : area.label;
}

/** Areas of one piece of text: a line each, and twenty-four lines each. */
const MAPS_OF_PIECE = 128;
export const SMAPS_OF_PIECE = 16;

/** The lines of some areas from address `from` on: a process may have 65,530. */
export function inPieces(task: Task, from: number, most: number, describe: (area: Area) => string): TextPiece | string {
  if (!hasMemory(task)) return "";
  let text = "";
  const { areas } = task.space;
  let area = areas.endingAfter(from);
  for (let count = 0; area !== undefined && count < most && (count === 0 || !task.kernel.work.isUsed); count++) {
    text += describe(area);
    from = area.end;
    area = areas.endingAfter(from);
  }
  return { text, next: area === undefined ? -1 : from };
}

export function describeMaps(task: Task, caller: Task, from: number): TextPiece | string {
  return inPieces(task, from, MAPS_OF_PIECE, (area) => `${describeArea(area, caller)}\n`);
}

/** In kilobytes. */
interface Weights {
  resident: number;
  proportional: number;
  proportionalDirty: number;
  proportionalAnonymous: number;
  proportionalShared: number;
  sharedClean: number;
  sharedDirty: number;
  privateClean: number;
  privateDirty: number;
  anonymous: number;
  locked: number;
}

function noWeights(): Weights {
  return {
    resident: 0,
    proportional: 0,
    proportionalDirty: 0,
    proportionalAnonymous: 0,
    proportionalShared: 0,
    sharedClean: 0,
    sharedDirty: 0,
    privateClean: 0,
    privateDirty: 0,
    anonymous: 0,
    locked: 0,
  };
}

/** How many mappings have the page of an entry: the page cache's own reference is none. */
export function mappersOf(frames: FrameAllocator, entry: number): number {
  const frame = frameOfEntry(entry);
  const holders = frames.sharers(frame);
  return (entry & PTE_A) !== 0 || frames.isLent(frame) ? Math.max(1, holders) : Math.max(1, holders - 1);
}

/** A page of no file, or one of tmpfs. */
function isSharedMemory(area: Area): boolean {
  return area.isShared && (area.file === null || area.file.inode?.fileSystem.type === "tmpfs");
}

/** What the pages of `[start, end)` weigh, which lies in the area. */
function weigh(task: Task, area: Area, start: number, end: number): Weights {
  const weights = noWeights();
  const { frames } = task.kernel;
  const isShared = isSharedMemory(area);
  task.space.table.forEach(start, end, (_address, entry) => {
    const isAnonymous = (entry & PTE_A) !== 0;
    const isDirty = (entry & (PTE_A | PTE_D)) !== 0;
    const mappers = mappersOf(frames, entry);
    const part = 4 / mappers;
    weights.resident += 4;
    weights.proportional += part;
    if (mappers > 1) weights[isDirty ? "sharedDirty" : "sharedClean"] += 4;
    else weights[isDirty ? "privateDirty" : "privateClean"] += 4;
    if (isDirty) weights.proportionalDirty += part;
    if (isAnonymous) {
      weights.anonymous += 4;
      weights.proportionalAnonymous += part;
    } else if (isShared) weights.proportionalShared += part;
  });
  if ((area.flags & MAP_LOCKED) !== 0) weights.locked = weights.proportional;
  return weights;
}

/** @param isSum  of all areas: it tells kinds of pages apart (fs/proc/task_mmu.c, __show_smap) */
function describeWeights(weights: Weights, isSum: boolean): string {
  const row = (name: string, kilobytes: number): string =>
    `${`${name}:`.padEnd(16)}${String(Math.floor(kilobytes)).padStart(8)} kB\n`;
  const { proportional, proportionalAnonymous, proportionalShared } = weights;
  const kinds =
    row("Pss_Anon", proportionalAnonymous) +
    row("Pss_File", proportional - proportionalAnonymous - proportionalShared) +
    row("Pss_Shmem", proportionalShared);
  return (
    row("Rss", weights.resident) +
    row("Pss", proportional) +
    row("Pss_Dirty", weights.proportionalDirty) +
    (isSum ? kinds : "") +
    row("Shared_Clean", weights.sharedClean) +
    row("Shared_Dirty", weights.sharedDirty) +
    row("Private_Clean", weights.privateClean) +
    row("Private_Dirty", weights.privateDirty) +
    row("Referenced", weights.resident) +
    row("Anonymous", weights.anonymous) +
    row("KSM", 0) +
    row("LazyFree", 0) +
    row("AnonHugePages", 0) +
    row("ShmemPmdMapped", 0) +
    row("FilePmdMapped", 0) +
    row("Shared_Hugetlb", 0) +
    row("Private_Hugetlb", 0) +
    row("Swap", 0) +
    row("SwapPss", 0) +
    row("Locked", weights.locked)
  );
}

const has =
  (flag: number) =>
  (area: Area): boolean =>
    (area.flags & flag) !== 0;
/** VmFlags, in Linux's order (fs/proc/task_mmu.c, show_smap_vma_flags). */
const FLAG_WORDS: readonly (readonly [string, (area: Area) => boolean])[] = [
  // What was asked for: whatever is written can be read here.
  ["rd", (area) => (area.protection & PROT_READ) !== 0],
  ["wr", (area) => area.isWritable],
  ["ex", (area) => area.isExecutable],
  // What was opened to be read only shares no writes (mm/mmap.c, do_mmap).
  ["sh", (area) => area.isShared && area.file?.isWritable !== false],
  ["mr", () => true],
  ["mw", (area) => !area.isShared || area.file?.isWritable !== false],
  ["me", () => true],
  ["ms", (area) => area.isShared],
  ["gd", has(MAP_GROWSDOWN)],
  ["um", ({ userfault }) => userfault !== null],
  ["lo", has(MAP_LOCKED)],
  ["dc", has(AREA_NO_FORK)],
  ["de", has(AREA_NO_EXPAND)],
  ["ac", has(AREA_ACCOUNTED)],
  ["nr", has(MAP_NORESERVE)],
  ["wf", has(AREA_WIPE_ON_FORK)],
  ["dd", has(AREA_NO_DUMP)],
  ["dp", has(MAP_DROPPABLE)],
  ["sl", has(AREA_SEALED)],
];

export function describeSmaps(task: Task, caller: Task, from: number): TextPiece | string {
  return inPieces(task, from, SMAPS_OF_PIECE, (area) => {
    const size = (area.end - area.start) / 1024;
    const sizes =
      `Size:           ${String(size).padStart(8)} kB\nKernelPageSize: ${"4".padStart(8)} kB\nMMUPageSize:    ` +
      `${"4".padStart(8)} kB\n`;
    const flags = FLAG_WORDS.map(([word, isSet]) => (isSet(area) ? `${word} ` : "")).join("");
    task.space.table.measure(area.start, area.end, task.kernel.work);
    const weights = describeWeights(weigh(task, area, area.start, area.end), false);
    return `${describeArea(area, caller)}\n${sizes}${weights}THPeligible:           0\nVmFlags: ${flags}\n`;
  });
}

export function describeSmapsRollup(task: Task, from: number, kept: unknown): TextPiece | string | number {
  if (!hasMemory(task)) return -ESRCH;
  const total = (kept as Weights | null) ?? noWeights();
  const next = visitAreas(task, from, (area, start, end) => {
    const weights = weigh(task, area, start, end);
    for (const key of Object.keys(total) as (keyof Weights)[]) total[key] += weights[key];
  });
  if (next >= 0) return { text: "", next, kept: total };
  const { areas } = task.space;
  const hex = (value: number): string => value.toString(16).padStart(8, "0");
  const first = hex(areas.endingAfter(0)?.start ?? 0);
  const last = hex(areas.startingBefore(WIDE_TOP)?.end ?? 0);
  return `${`${first}-${last} ---p 00000000 00:00 0`.padEnd(NAME_COLUMN)}[rollup]\n${describeWeights(total, true)}`;
}
