/**
 * What the kernel promises of memory before anybody has touched it (vm.overcommit_memory of proc_sys_vm(5); Linux's
 * `__vm_enough_memory`, mm/util.c). Promised are the areas whose pages will be a process's own once written, counted
 * as Committed_AS by the lists of areas, and what is in files of tmpfs; shared anonymous memory is not.
 */
import { PAGE_SIZE } from "@stratos/abi";
import type { AddressSpace } from "./address-space.ts";
import type { MmKernel } from "./mm-kernel.ts";
import { OVERCOMMIT_ALWAYS, OVERCOMMIT_NEVER } from "./overcommit-policy.ts";

/**
 * There is no swap; a margin stands in for it where the kernel guesses, because programs that use little of much expect
 * the memory of real machines.
 */
const GUESS_MARGIN = 16 * 2 ** 30;
/** vm.user_reserve_kbytes: what one process leaves to the others, or a 32nd of its own where that is less. */
const USER_RESERVE = 128 << 20;

/** Bytes. */
export function commitLimit({ overcommit, memory }: MmKernel): number {
  return overcommit.kilobytes > 0
    ? overcommit.kilobytes * 1024
    : Math.floor((memory.limit * overcommit.ratio) / 100) * PAGE_SIZE;
}

/** Bytes. @see proc_meminfo(5), Committed_AS */
export function committedBytes(kernel: MmKernel): number {
  return kernel.areaUsage.committed + sharedBytes(kernel);
}

/** Bytes of files that have nowhere else to be: those of tmpfs. @see proc_meminfo(5), Shmem */
export function sharedBytes({ vfs }: MmKernel): number {
  let pages = 0;
  for (const fileSystem of vfs.roots.keys()) {
    if (fileSystem.type !== "tmpfs") continue;
    const { blocks, blocksFree } = fileSystem.usage();
    pages += blocks - blocksFree;
  }
  return pages * PAGE_SIZE;
}

/** May the space not be promised `length` bytes more? */
export function overcommits(space: AddressSpace, length: number): boolean {
  const { kernel } = space;
  switch (kernel.overcommit.mode) {
    case OVERCOMMIT_ALWAYS:
      return false;
    case OVERCOMMIT_NEVER:
      return committedBytes(kernel) + length > commitLimit(kernel) - Math.min(space.mappedBytes / 32, USER_RESERVE);
    default:
      return length > kernel.memory.limit * PAGE_SIZE + GUESS_MARGIN;
  }
}

/** May a copy of the space not be made? Only where nothing is promised twice. */
export function forkOvercommits(space: AddressSpace): boolean {
  return space.kernel.overcommit.mode === OVERCOMMIT_NEVER && overcommits(space, space.areas.committed);
}
