/** Goal: what is promised of memory is counted, and kept to as vm.overcommit_memory says. Method: as mmap.test.ts. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ENOMEM, MAP_ANONYMOUS, MAP_NORESERVE, MAP_PRIVATE, PROT_NONE, PROT_READ, PROT_WRITE } from "@stratos/abi";
import { createMemoryTask, forkAddressSpace } from "../testing/memory-task.ts";
import type { Task } from "../task/task.ts";
import { brk, mmap, munmap } from "./mmap.ts";
import { mprotect } from "./mprotect.ts";
import { mremap } from "./mremap.ts";
import { commitLimit, committedBytes, forkOvercommits } from "./overcommit.ts";
import { OVERCOMMIT_ALWAYS, OVERCOMMIT_NEVER } from "./overcommit-policy.ts";

const READ_WRITE = PROT_READ | PROT_WRITE;
const PAGE = 4096;

function map(task: Task, pages: number, protection = READ_WRITE, flags = 0): number {
  const wanted = { address: 0, length: pages * PAGE, protection, file: null, offset: 0 };
  return mmap(task, { ...wanted, flags: MAP_PRIVATE | MAP_ANONYMOUS | flags });
}

test("memory that is one's own once written is promised, and only that", () => {
  const { kernel, task } = createMemoryTask();
  const before = committedBytes(kernel);
  const pages = (): number => (committedBytes(kernel) - before) / PAGE;
  const writable = map(task, 8);
  assert.equal(pages(), 8);
  const guarded = map(task, 16, PROT_NONE);
  map(task, 32, READ_WRITE, MAP_NORESERVE);
  assert.equal(pages(), 8);
  mprotect(task, guarded + 4 * PAGE, 4 * PAGE, READ_WRITE);
  assert.equal(pages(), 12);
  mprotect(task, guarded, 16 * PAGE, PROT_NONE);
  assert.equal(pages(), 12, "what was promised stays so");
  munmap(task.space, guarded + 5 * PAGE, PAGE);
  assert.equal(pages(), 11);
  mremap(task, { address: writable, oldLength: 8 * PAGE, newLength: 2 * PAGE, flags: 0, newAddress: 0 });
  assert.equal(pages(), 5);
  const child = forkAddressSpace(task.space);
  assert.equal(pages(), 10);
  assert.equal(typeof child, "object");
});

test("mode 2 promises no more than the limit, mode 1 anything", () => {
  const { kernel, task } = createMemoryTask();
  kernel.overcommit.mode = OVERCOMMIT_NEVER;
  kernel.overcommit.ratio = 50;
  assert.equal(commitLimit(kernel), (kernel.memory.limit / 2) * PAGE);
  const left = (commitLimit(kernel) - committedBytes(kernel)) / PAGE;
  assert.equal(forkOvercommits(task.space), false, "a copy of little has room");
  const at = map(task, Math.floor(left * 0.75));
  assert.ok(at > 0);
  assert.equal(forkOvercommits(task.space), true);
  assert.equal(map(task, Math.ceil(left * 0.3)), -ENOMEM);
  assert.equal(map(task, Math.ceil(left * 0.3), READ_WRITE, MAP_NORESERVE), -ENOMEM, "it counts there");
  const later = map(task, Math.ceil(left * 0.3), PROT_READ);
  assert.ok(later > 0);
  assert.equal(mprotect(task, later, Math.ceil(left * 0.3) * PAGE, READ_WRITE), -ENOMEM);
  const end = brk(task, 0);
  assert.equal(brk(task, end + Math.ceil(left * 0.3) * PAGE), end);
  munmap(task.space, at, Math.floor(left * 0.75) * PAGE);
  assert.ok(map(task, Math.ceil(left * 0.3)) > 0);
  kernel.overcommit.mode = OVERCOMMIT_ALWAYS;
  assert.ok(map(task, 2 ** 30) > 0);
});

test("an address space has one area more than vm.max_map_count by mmap, and none more by splitting", () => {
  const { kernel, task } = createMemoryTask();
  const at = map(task, 3);
  kernel.maximumAreas = task.space.areas.size;
  assert.equal(munmap(task.space, at + PAGE, PAGE), -ENOMEM);
  assert.ok(map(task, 1, PROT_READ) > 0);
  assert.equal(map(task, 1, PROT_NONE), -ENOMEM);
});
