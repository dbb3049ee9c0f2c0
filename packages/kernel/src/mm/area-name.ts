/** PR_SET_VMA_ANON_NAME (prctl(2)): what a program calls its anonymous memory, as /proc/PID/maps shows it. */
import { EBADF, EINVAL, ENOMEM, PAGE_SIZE } from "@stratos/abi";
import { walkInPieces } from "../ground/call-work.ts";
import type { AddressSpace } from "./address-space.ts";
import type { Area } from "./area.ts";
import type { MmCaller } from "./mm-kernel.ts";
import { maySplit, pageUp } from "./mmap.ts";
import { mergeAround } from "./mprotect.ts";

/**
 * @param name  null: none any more; "" is a name like others
 * @returns 0; −EBADF a file is mapped there; −EINVAL; −ENOMEM a part isn't mapped (what is has the name then), or too
 *   many areas; UNFINISHED
 */
export function nameAreas(task: MmCaller, start: number, length: number, name: string | null): number {
  const { space } = task;
  const end = start + pageUp(length);
  if (start < 0 || start % PAGE_SIZE !== 0 || length < 0 || !(end >= start)) return -EINVAL;
  const result = walkInPieces(task, start, end, (at) => nameOne(space, at, end, name));
  if (result !== 0) return result;
  mergeAround(space, start, end);
  return space.isCovered(start, end) ? 0 : -ENOMEM;
}

/** The first area from `at` on. @returns where it got to, −EBADF, −ENOMEM */
function nameOne(space: AddressSpace, at: number, end: number, name: string | null): number {
  const area = space.areas.endingAfter(at);
  if (area === undefined || area.start >= end) return end;
  space.kernel.work.charge(1);
  if (area.file !== null) return -EBADF;
  const [first, last] = [Math.max(area.start, at), Math.min(area.end, end)];
  const label = name === null ? "" : area.isShared ? `[anon_shmem:${name}]` : `[anon:${name}]`;
  if (!isNameable(area) || area.label === label) return last;
  if (!maySplit(space, first, last)) return -ENOMEM;
  space.splitAt(first);
  space.splitAt(last);
  space.areaAt(first)!.label = label;
  return last;
}

/** The heap and the stack are called that, whatever name they have (fs/proc/task_mmu.c, get_vma_name). */
function isNameable({ label }: Area): boolean {
  return label === "" || label.startsWith("[anon");
}
