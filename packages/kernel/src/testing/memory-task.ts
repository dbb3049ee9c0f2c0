/**
 * A task with a real address space over a processor that only notes what it is told to map: for unit tests of memory.
 */
import { MAP_ANONYMOUS, MAP_PRIVATE, PROT_NONE, PROT_READ } from "@stratos/abi";
import type { AddressTables, CodeCache, Processor, WideTlb } from "@stratos/riscv";
import type { Kernel } from "../task/kernel-state.ts";
import { UNFINISHED } from "../ground/wait-queue.ts";
import { AddressSpace } from "../mm/address-space.ts";
import { forkInPieces } from "../mm/fork.ts";
import { mmap } from "../mm/mmap.ts";
import type { Task } from "../task/task.ts";
import { createTestKernel, createTestTask, type TestKernel } from "./fake-task.ts";

/** What the flat tables of the one slot, or the TLB, show: page address → "frame" or "frame w". */
type ShownPages = Map<number, string>;

export interface MemoryTask {
  test: TestKernel;
  kernel: Kernel;
  task: Task;
  space: AddressSpace;
  shown: ShownPages;
}

export function createMemoryTask(options: { windows?: boolean } = {}): MemoryTask {
  const test = createTestKernel(options);
  const { kernel } = test;
  const shown: ShownPages = new Map();
  const forget = (start: number, end: number): void => {
    for (const page of [...shown.keys()]) if (page >= start && page < end) shown.delete(page);
  };
  const protect = (start: number, end: number): void => {
    for (const [page, text] of shown) if (page >= start && page < end) shown.set(page, text.replace(" w", ""));
  };
  const tables: AddressTables = {
    acquire: () => 0,
    release: () => shown.clear(),
    activate: () => {},
    map: (_slot, va, frame, writable) => void shown.set(va, `${frame}${writable ? " w" : ""}`),
    unmap: (_slot, start, end) => forget(start, end),
    writeProtect: (_slot, start, end) => protect(start, end),
    writeProtectAll: () => protect(0, Infinity),
    mapCode: () => {},
    unmapCode: () => {},
  };
  const tlb: WideTlb = {
    map: (va, frame, writable) => tables.map(0, va, frame, writable),
    unmap: forget,
    writeProtect: protect,
    writeProtectAll: () => protect(0, Infinity),
    flush: () => shown.clear(),
  };
  const code: CodeCache = {
    open: () => {
      throw new Error("nothing is executed here");
    },
    close: () => {},
    forget: () => {},
    frameGone: () => {},
    onEvict: () => {},
    setBarriers: () => {},
    barriers: { isFull: false, has: () => false },
  };
  kernel.processor = kernel.board.processor = { tables, tlb, code, mode: "paged" } as unknown as Processor;
  const { task } = createTestTask(kernel);
  const space = new AddressSpace(kernel);
  task.space = space;
  task.group.limits = task.group.limits.map((limit) => ({ ...limit, soft: Infinity }));
  kernel.scheduler.current = task;
  kernel.slots.activate(space);
  return { test, kernel, task, space, shown };
}

/** Maps pages that lie side by side and are no one area. @param count  areas */
export function mapAreas(task: Task, count: number): void {
  for (let index = 0; index < count; index++)
    mmap(task, {
      address: 0,
      length: 4096,
      protection: index % 2 === 0 ? PROT_READ : PROT_NONE,
      flags: MAP_PRIVATE | MAP_ANONYMOUS,
      file: null,
      offset: 0,
    });
}

/** What fork(2) makes of an address space, in as many pieces as it takes. */
export function forkAddressSpace(space: AddressSpace): AddressSpace | number {
  const { work } = space.kernel;
  const task = { kernel: space.kernel, space, syscallState: null } as unknown as Task;
  for (;;) {
    work.begin();
    const child = forkInPieces(task);
    if (child !== UNFINISHED) return child;
  }
}
