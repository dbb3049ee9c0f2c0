/** Goal: what a file's change asks of all who might map it is charged to who changes it. Method: areas of memory. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { MAP_ANONYMOUS, MAP_PRIVATE, PROT_NONE, PROT_READ } from "@stratos/abi";
import type { Inode } from "../vfs/inode.ts";
import { createMemoryTask } from "../testing/memory-task.ts";
import { mmap } from "./mmap.ts";

test("looking for the mappings of a borrowed page costs by the areas that there are", () => {
  const { kernel, task, space } = createMemoryTask();
  kernel.spaces.add(space);
  const inode = { pages: {} } as unknown as Inode;
  const costs = (): number[] =>
    [() => kernel.frameGoes(inode.pages!, 0, 1), () => kernel.fileLeavesImage(inode)].map((change) => {
      kernel.work.begin();
      change();
      return kernel.work.spent;
    });
  const before = costs();
  for (let index = 0; index < 320; index++)
    mmap(task, {
      address: 0,
      length: 4096,
      protection: index % 2 === 0 ? PROT_READ : PROT_NONE,
      flags: MAP_PRIVATE | MAP_ANONYMOUS,
      file: null,
      offset: 0,
    });
  assert.deepEqual(
    costs().map((cost, at) => cost - before[at]!),
    [10, 10],
  );
});
