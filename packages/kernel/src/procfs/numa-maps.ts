/** /proc/PID/numa_maps (numa(7)) of a machine with one node. */
import { frameOfEntry, PTE_A, PTE_D } from "../mm/page-table.ts";
import type { Area } from "../mm/area.ts";
import { describePolicy, policyOf } from "../mm/memory-policy.ts";
import type { Task } from "../task/task.ts";
import { pathName } from "../vfs/path-name.ts";
import type { TextPiece } from "../pseudo/pseudo-inodes.ts";
import { inPieces, mappersOf, SMAPS_OF_PIECE } from "./process-maps.ts";

/** A line for each area: where it begins, its policy or its task's, what it is, its pages. */
export function describeNumaMaps(task: Task, caller: Task, from: number): TextPiece | string {
  return inPieces(task, from, SMAPS_OF_PIECE, (area) => {
    const own = policyOf(area.flags);
    const policy = own.mode === 0 ? task.memoryPolicy : own;
    const start = area.start.toString(16).padStart(8, "0");
    return `${start} ${describePolicy(policy)}${sourceOf(area, caller)}${describePages(task, area)}\n`;
  });
}

function sourceOf(area: Area, caller: Task): string {
  if (area.file !== null) {
    const name = area.file.path === null ? area.file.description : pathName(area.file.path, caller.fs.root);
    // What separates words is shown in octal (seq_path in Linux's fs/seq_file.c).
    return ` file=${name.replace(/[\n\t =\\]/g, (byte) => `\\${byte.charCodeAt(0).toString(8).padStart(3, "0")}`)}`;
  }
  return area.label === "[heap]" ? " heap" : area.label === "[stack]" ? " stack" : "";
}

function describePages(task: Task, area: Area): string {
  const { frames, zeroFrame } = task.kernel;
  let pages = 0,
    anonymous = 0,
    dirty = 0,
    mappersMost = 0;
  task.space.table.measure(area.start, area.end, task.kernel.work);
  task.space.table.forEach(area.start, area.end, (_address, entry) => {
    if (frameOfEntry(entry) === zeroFrame) return;
    pages++;
    if ((entry & PTE_A) !== 0) anonymous++;
    if ((entry & (PTE_A | PTE_D)) !== 0) dirty++;
    mappersMost = Math.max(mappersMost, mappersOf(frames, entry));
  });
  if (pages === 0) return "";
  const count = (name: string, value: number, isTold: boolean): string => (isTold ? ` ${name}=${value}` : "");
  return (
    count("anon", anonymous, anonymous > 0) +
    count("dirty", dirty, dirty > 0) +
    count("mapped", pages, pages !== anonymous && pages !== dirty) +
    count("mapmax", mappersMost, mappersMost > 1) +
    ` N0=${pages} kernelpagesize_kB=4`
  );
}
