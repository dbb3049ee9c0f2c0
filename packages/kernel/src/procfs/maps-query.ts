import {
  E2BIG,
  EFAULT,
  EINVAL,
  ENAMETOOLONG,
  ENOENT,
  ENOTTY,
  ESRCH,
  PAGE_SIZE,
  PROCMAP_QUERY,
  PROCMAP_QUERY_COVERING_OR_NEXT_VMA,
  PROCMAP_QUERY_FILE_BACKED_VMA,
  PROCMAP_QUERY_VMA_EXECUTABLE,
  PROCMAP_QUERY_VMA_READABLE,
  PROCMAP_QUERY_VMA_SHARED,
  PROCMAP_QUERY_VMA_WRITABLE,
  ProcmapQuery,
} from "@stratos/abi";
import { byteStringOf } from "@stratos/base";
import { getU64, put64 } from "../ground/words.ts";
import type { Area } from "../mm/area.ts";
import type { Task } from "../task/task.ts";
import { majorOf, minorOf } from "../vfs/device-registry.ts";
import { hasMemory } from "../task/task-access.ts";
import { areaName } from "./process-maps.ts";

/** Up to the query itself. */
const SIZE_MIN = ProcmapQuery.offset.vma_start;
const bytes = new Uint8Array(ProcmapQuery.size);
const view = new DataView(bytes.buffer);

/**
 * PROCMAP_QUERY of /proc/PID/maps: one area as a structure.
 *
 * @returns 0; −ENOENT no such area; −ESRCH no memory; −EINVAL, −E2BIG, −EFAULT, −ENAMETOOLONG; −ENOTTY another request
 * @see fs/proc/task_mmu.c
 */
export function queryMaps(task: Task, target: Task, command: number, argument: number): number {
  if (command !== PROCMAP_QUERY) return -ENOTTY;
  const size = task.space.loadU64(argument);
  if (size < 0) return -EFAULT;
  if (size > PAGE_SIZE) return -E2BIG;
  if (size < SIZE_MIN) return -EINVAL;
  bytes.fill(0);
  if (task.space.copyIn(argument, bytes, 0, Math.min(size, ProcmapQuery.size)) < 0) return -EFAULT;
  const get = (at: number): number => getU64(view, at);
  const flags = get(ProcmapQuery.offset.query_flags),
    nameSize = view.getUint32(ProcmapQuery.offset.vma_name_size, true),
    name = get(ProcmapQuery.offset.vma_name_addr);
  const buildIdSize = view.getUint32(ProcmapQuery.offset.build_id_size, true);
  if (
    flags > 0x3f ||
    (nameSize !== 0) !== (name !== 0) ||
    (buildIdSize !== 0) !== (get(ProcmapQuery.offset.build_id_addr) !== 0)
  ) {
    return -EINVAL;
  }
  if (!hasMemory(target)) return -ESRCH;
  const area = findArea(target, get(ProcmapQuery.offset.query_addr), flags);
  if (area === null) return -ENOENT;
  const put = (at: number, value: number): void => put64(view, at, value);
  put(ProcmapQuery.offset.vma_start, area.start);
  put(ProcmapQuery.offset.vma_end, area.end);
  put(ProcmapQuery.offset.vma_flags, flagsOf(area));
  put(ProcmapQuery.offset.vma_page_size, PAGE_SIZE);
  const inode = area.file?.shownInode ?? null;
  put(ProcmapQuery.offset.vma_offset, inode === null ? 0 : area.offset);
  put(ProcmapQuery.offset.inode, inode?.ino ?? 0);
  view.setUint32(ProcmapQuery.offset.dev_major, majorOf(inode?.fileSystem.device ?? 0), true);
  view.setUint32(ProcmapQuery.offset.dev_minor, minorOf(inode?.fileSystem.device ?? 0), true);
  // What an ELF file says of its build isn't kept.
  view.setUint32(ProcmapQuery.offset.build_id_size, 0, true);
  if (nameSize !== 0) {
    const text = areaName(area, task);
    const named = text === "" ? new Uint8Array(0) : byteStringOf(`${text}\0`);
    if (named.length > nameSize) return -ENAMETOOLONG;
    if (task.space.copyOut(name, named, 0, named.length) < 0) return -EFAULT;
    view.setUint32(ProcmapQuery.offset.vma_name_size, named.length, true);
  }
  return task.space.copyOut(argument, bytes, 0, Math.min(size, ProcmapQuery.size));
}

function flagsOf(area: Area): number {
  return (
    (area.isReadable ? PROCMAP_QUERY_VMA_READABLE : 0) |
    (area.isWritable ? PROCMAP_QUERY_VMA_WRITABLE : 0) |
    (area.isExecutable ? PROCMAP_QUERY_VMA_EXECUTABLE : 0) |
    (area.isShared ? PROCMAP_QUERY_VMA_SHARED : 0)
  );
}

/** The area at the address, or the next one, that is all that the flags ask for. */
function findArea(task: Task, address: number, flags: number): Area | null {
  const wanted =
    flags &
    (PROCMAP_QUERY_VMA_READABLE | PROCMAP_QUERY_VMA_WRITABLE | PROCMAP_QUERY_VMA_EXECUTABLE | PROCMAP_QUERY_VMA_SHARED);
  const { areas } = task.space;
  for (let area = areas.endingAfter(address); area !== undefined; area = areas.endingAfter(area.end)) {
    task.kernel.work.charge(1);
    if (area.start > address && (flags & PROCMAP_QUERY_COVERING_OR_NEXT_VMA) === 0) return null;
    if ((flagsOf(area) & wanted) === wanted && ((flags & PROCMAP_QUERY_FILE_BACKED_VMA) === 0 || area.file !== null))
      return area;
    if ((flags & PROCMAP_QUERY_COVERING_OR_NEXT_VMA) === 0) return null;
  }
  return null;
}
