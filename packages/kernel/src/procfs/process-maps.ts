/** proc_pid_maps(5), proc_pid_smaps(5). */
import {
  ESRCH,
  MAP_GROWSDOWN,
  MAP_LOCKED,
  MAP_NORESERVE,
  PAGE_SIZE,
  PROT_EXEC,
  PROT_READ,
  PROT_WRITE,
} from "@stratos/abi";
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
  const inode = area.file?.inode ?? null;
  const device = inode?.fileSystem.device ?? 0;
  const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, "0");
  const line =
    `${hex(area.start, 8)}-${hex(area.end, 8)} ${permissions} ${hex(inode === null ? 0 : area.offset, 8)} ` +
    `${hex(majorOf(device), 2)}:${hex(minorOf(device), 2)} ${inode?.ino ?? 0}`;
  const name = areaName(area, caller).replace(/\n/g, "\\012");
  return name === "" ? line : `${line.padEnd(NAME_COLUMN)}${name}`;
}

/** As the caller sees it; "" for what has none. */
export function areaName(area: Area, caller: Task): string {
  if (area.file !== null)
    return area.file.path === null ? area.file.description : pathName(area.file.path, caller.fs.root);
  return area.label === "" && area.isShared ? "/dev/zero (deleted)" : area.label;
}

/** Areas of one piece of text: a line each, and twenty-four lines each. */
const MAPS_OF_PIECE = 128;
const SMAPS_OF_PIECE = 16;

/** The lines of some areas from address `from` on: a process may have 65,530. */
function inPieces(task: Task, from: number, most: number, describe: (area: Area) => string): TextPiece | string {
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

interface Weights {
  resident: number;
  proportional: number;
  sharedClean: number;
  privateDirty: number;
  anonymous: number;
  locked: number;
}

function noWeights(): Weights {
  return { resident: 0, proportional: 0, sharedClean: 0, privateDirty: 0, anonymous: 0, locked: 0 };
}

/** What the pages of `[start, end)` weigh, which lies in the area. */
function weigh(task: Task, area: Area, start: number, end: number): Weights {
  const weights = noWeights();
  const { frames } = task.kernel;
  task.space.table.forEach(start, end, (_address, entry) => {
    const frame = Math.floor((entry >>> 0) / PAGE_SIZE);
    const owners = Math.max(1, frames.sharers(frame));
    weights.resident += 4;
    weights.proportional += 4 / owners;
    if (owners > 1) weights.sharedClean += 4;
    else weights.privateDirty += 4;
    if (area.file === null) weights.anonymous += 4;
  });
  if ((area.flags & MAP_LOCKED) !== 0) weights.locked = weights.proportional;
  return weights;
}

function describeWeights(weights: Weights): string {
  const row = (name: string, kilobytes: number): string =>
    `${`${name}:`.padEnd(16)}${String(Math.floor(kilobytes)).padStart(8)} kB\n`;
  return (
    row("Rss", weights.resident) +
    row("Pss", weights.proportional) +
    row("Pss_Dirty", weights.privateDirty) +
    row("Shared_Clean", weights.sharedClean) +
    row("Shared_Dirty", 0) +
    row("Private_Clean", 0) +
    row("Private_Dirty", weights.privateDirty) +
    row("Referenced", weights.resident) +
    row("Anonymous", weights.anonymous) +
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
  ["rd", (area) => area.isReadable],
  ["wr", (area) => area.isWritable],
  ["ex", (area) => area.isExecutable],
  // What was opened to be read only shares no writes (mm/mmap.c, do_mmap).
  ["sh", (area) => area.isShared && area.file?.isWritable !== false],
  ["mr", () => true],
  ["mw", (area) => !area.isShared || area.file?.isWritable !== false],
  ["me", () => true],
  ["ms", (area) => area.isShared],
  ["gd", has(MAP_GROWSDOWN)],
  ["lo", has(MAP_LOCKED)],
  ["dc", has(AREA_NO_FORK)],
  ["de", has(AREA_NO_EXPAND)],
  ["ac", has(AREA_ACCOUNTED)],
  ["nr", has(MAP_NORESERVE)],
  ["wf", has(AREA_WIPE_ON_FORK)],
  ["dd", has(AREA_NO_DUMP)],
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
    const weights = describeWeights(weigh(task, area, area.start, area.end));
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
  return `${`${first}-${last} ---p 00000000 00:00 0`.padEnd(NAME_COLUMN)}[rollup]\n${describeWeights(total)}`;
}
