/** Goal: what a file's change asks of all who might map it is charged to who changes it. Method: areas of memory. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Inode } from "../vfs/inode.ts";
import { createMemoryTask, mapAreas } from "../testing/memory-task.ts";

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
  mapAreas(task, 320);
  assert.deepEqual(
    costs().map((cost, at) => cost - before[at]!),
    [10, 10],
  );
});
