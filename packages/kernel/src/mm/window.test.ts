/**
 * Goal: a space's own pages lie in its window while they can, and everything is as without where they can't. Method: as
 * in mmap.test.ts, over a memory with windows.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { MAP_ANONYMOUS, MAP_PRIVATE, PROT_READ, PROT_WRITE } from "@stratos/abi";
import { createMemoryTask, forkAddressSpace } from "../testing/memory-task.ts";
import type { Task } from "../task/task.ts";
import { AddressSpace } from "./address-space.ts";
import { mmap } from "./mmap.ts";
import { addressOfEntry } from "./page-table.ts";

function map(task: Task, pages: number): number {
  return mmap(task, {
    address: 0,
    length: pages * 4096,
    protection: PROT_READ | PROT_WRITE,
    flags: MAP_PRIVATE | MAP_ANONYMOUS,
    file: null,
    offset: 0,
  });
}

/** Whether the page lies in the space's window. */
function isInWindow(space: AddressSpace, va: number): boolean {
  return addressOfEntry(space.table.get(va)) === (va + space.window) % 2 ** 32;
}

test("own pages lie in the window, and the processor runs the space in that mode", () => {
  const { kernel, task, space, shown } = createMemoryTask({ windows: true });
  assert.equal(space.mode, "window");
  const at = map(task, 4);
  assert.equal(space.loadU32(at), 0);
  assert.equal(isInWindow(space, at), false, "a page that was only read is the zero frame");
  space.storeU32(at, 7);
  space.storeU32(at + 8192, 9);
  assert.ok(isInWindow(space, at) && isInWindow(space, at + 8192));
  assert.equal(shown.get(at), `${(at + space.window) % 2 ** 32} w`);
  assert.equal(kernel.physical.u32[((at + space.window) % 2 ** 32) / 4], 7);
  assert.deepEqual([space.loadU32(at), space.loadU32(at + 8192)], [7, 9]);
});

test("spaces have windows of their own, and sixteen of them lie apart", () => {
  const { kernel } = createMemoryTask({ windows: true });
  const windows = Array.from({ length: 15 }, () => new AddressSpace(kernel).window);
  assert.equal(new Set(windows).size, 15);
  const { space } = createMemoryTask();
  assert.deepEqual([space.window, space.mode], [0, "paged"]);
});

test("a page whose place somebody has lies elsewhere, and in its place again when that is free", () => {
  const { kernel, task, space } = createMemoryTask({ windows: true });
  const at = map(task, 2);
  const taken = kernel.frames.allocateAt(kernel.memory, ((at + space.window) % 2 ** 32) / 4096, false);
  space.storeU32(at, 5);
  assert.equal(isInWindow(space, at), false);
  assert.equal(space.loadU32(at), 5);
  kernel.frames.release(taken);
  space.unmapPages(at, at + 4096, []);
  space.storeU32(at, 6);
  assert.ok(isInWindow(space, at));
  assert.equal(space.loadU32(at), 6);
});

test("after a fork both read the page in the window; who writes first gets one elsewhere, the last keeps it", () => {
  const { task, space, shown } = createMemoryTask({ windows: true });
  const at = map(task, 2);
  space.storeU32(at, 1);
  space.storeU32(at + 4096, 2);
  const child = forkAddressSpace(space) as AddressSpace;
  assert.equal(child.window, space.window);
  assert.ok(isInWindow(child, at) && isInWindow(space, at));
  assert.doesNotMatch(shown.get(at)!, / w$/, "writes fault");
  child.storeU32(at, 11);
  assert.equal(isInWindow(child, at), false);
  space.storeU32(at, 12);
  assert.ok(isInWindow(space, at), "the parent is the last owner");
  assert.deepEqual([space.loadU32(at), child.loadU32(at)], [12, 11]);
  space.storeU32(at + 4096, 22);
  assert.equal(isInWindow(space, at + 4096), false, "the child has the place");
  assert.deepEqual([space.loadU32(at + 4096), child.loadU32(at + 4096)], [22, 2]);
});
