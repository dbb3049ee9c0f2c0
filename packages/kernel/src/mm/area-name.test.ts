/** Goal: names of anonymous memory (prctl(2), PR_SET_VMA_ANON_NAME). Method: areas of a real address space. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { EINVAL, ENOMEM, MAP_ANONYMOUS, MAP_PRIVATE, MAP_SHARED, PAGE_SIZE, PROT_READ, PROT_WRITE } from "@stratos/abi";
import { createMemoryTask } from "../testing/memory-task.ts";
import { areaName } from "../procfs/process-maps.ts";
import { nameAreas } from "./area-name.ts";
import { mmap, munmap } from "./mmap.ts";

type Memory = ReturnType<typeof createMemoryTask>;

function map({ task }: Memory, pages: number, kind: number): number {
  const length = pages * PAGE_SIZE;
  const flags = kind | MAP_ANONYMOUS;
  return mmap(task, { address: 0, length, protection: PROT_READ | PROT_WRITE, flags, file: null, offset: 0 });
}

/** Pages and name of each area from `at` on. */
function areas({ task, space }: Memory, at: number): (readonly [number, string])[] {
  return [...space.areas]
    .filter(({ end }) => end > at)
    .map((area) => [(area.end - area.start) / PAGE_SIZE, areaName(area, task)] as const);
}

test("a part of memory is called something, is one again with its neighbours of that name, and loses it", () => {
  const memory = createMemoryTask();
  const { task } = memory;
  const at = map(memory, 8, MAP_PRIVATE);
  assert.equal(nameAreas(task, at + PAGE_SIZE, 2 * PAGE_SIZE - 1, "a pool"), 0);
  assert.deepEqual(areas(memory, at).slice(0, 3), [
    [1, ""],
    [2, "[anon:a pool]"],
    [5, ""],
  ]);
  assert.equal(nameAreas(task, at + 3 * PAGE_SIZE, PAGE_SIZE, "a pool"), 0);
  assert.deepEqual(areas(memory, at).slice(0, 3), [
    [1, ""],
    [3, "[anon:a pool]"],
    [4, ""],
  ]);
  assert.equal(nameAreas(task, at, PAGE_SIZE, ""), 0);
  assert.deepEqual(areas(memory, at)[0], [1, "[anon:]"], "an empty name is one");
  assert.equal(nameAreas(task, at, 8 * PAGE_SIZE, null), 0);
  assert.deepEqual(areas(memory, at)[0], [8, ""]);
  const shared = map(memory, 1, MAP_SHARED);
  assert.equal(nameAreas(task, shared, PAGE_SIZE, "both"), 0);
  assert.equal(areaName(memory.space.areaAt(shared)!, task), "[anon_shmem:both]");
});

test("what isn't mapped is an error, what lies around it has the name; a start within a page is none", () => {
  const memory = createMemoryTask();
  const at = map(memory, 4, MAP_PRIVATE);
  munmap(memory.space, at + PAGE_SIZE, PAGE_SIZE);
  assert.equal(nameAreas(memory.task, at, 4 * PAGE_SIZE, "x"), -ENOMEM);
  assert.deepEqual(areas(memory, at).slice(0, 2), [
    [1, "[anon:x]"],
    [2, "[anon:x]"],
  ]);
  assert.equal(nameAreas(memory.task, at + 1, PAGE_SIZE, "x"), -EINVAL);
  assert.equal(nameAreas(memory.task, at, 0, "x"), 0);
});
