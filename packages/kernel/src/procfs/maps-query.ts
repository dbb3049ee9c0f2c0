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
} from "@stratos/abi";
import { byteStringOf } from "@stratos/base";
import type { Area } from "../mm/area.ts";
import type { Task } from "../task/task.ts";
import { majorOf, minorOf } from "../vfs/device-registry.ts";
import { hasMemory } from "../task/task-access.ts";
import { areaName } from "./process-maps.ts";

const SIZE = 104,
  SIZE_MIN = 24;
const AT = {
  size: 0,
  flags: 8,
  address: 16,
  start: 24,
  end: 32,
  vmaFlags: 40,
  pageSize: 48,
  offset: 56,
  inode: 64,
  major: 72,
  minor: 76,
  nameSize: 80,
  buildIdSize: 84,
  name: 88,
  buildId: 96,
} as const;
const bytes = new Uint8Array(SIZE);
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
  if (task.space.copyIn(argument, bytes, 0, Math.min(size, SIZE)) < 0) return -EFAULT;
  const get = (at: number): number => Number(view.getBigUint64(at, true));
  const flags = get(AT.flags),
    nameSize = view.getUint32(AT.nameSize, true),
    name = get(AT.name);
  const buildIdSize = view.getUint32(AT.buildIdSize, true);
  if (flags > 0x3f || (nameSize !== 0) !== (name !== 0) || (buildIdSize !== 0) !== (get(AT.buildId) !== 0)) {
    return -EINVAL;
  }
  if (!hasMemory(target)) return -ESRCH;
  const area = findArea(target, get(AT.address), flags);
  if (area === null) return -ENOENT;
  const put = (at: number, value: number): void => view.setBigUint64(at, BigInt(value), true);
  put(AT.start, area.start);
  put(AT.end, area.end);
  put(AT.vmaFlags, flagsOf(area));
  put(AT.pageSize, PAGE_SIZE);
  const inode = area.file?.inode ?? null;
  put(AT.offset, inode === null ? 0 : area.offset);
  put(AT.inode, inode?.ino ?? 0);
  view.setUint32(AT.major, majorOf(inode?.fileSystem.device ?? 0), true);
  view.setUint32(AT.minor, minorOf(inode?.fileSystem.device ?? 0), true);
  // What an ELF file says of its build isn't kept.
  view.setUint32(AT.buildIdSize, 0, true);
  if (nameSize !== 0) {
    const text = areaName(area, task);
    const named = text === "" ? new Uint8Array(0) : byteStringOf(`${text}\0`);
    if (named.length > nameSize) return -ENAMETOOLONG;
    if (task.space.copyOut(name, named, 0, named.length) < 0) return -EFAULT;
    view.setUint32(AT.nameSize, named.length, true);
  }
  return task.space.copyOut(argument, bytes, 0, Math.min(size, SIZE));
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
