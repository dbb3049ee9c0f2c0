import assert from "node:assert/strict";
import { test } from "node:test";
import { createTestKernel } from "../testing/fake-task.ts";
import { PageCache } from "./page-cache.ts";

test("each watcher hears of a change once, however often its mapping was made anew", () => {
  const { frames } = createTestKernel().kernel;
  const pages = new PageCache(frames, null);
  pages.frame(3);
  const heard: string[] = [];
  for (let process = 0; process < 20_000; process++)
    pages.watch("text", (index) => void heard.push(`text ${index}, process ${process}`));
  pages.watch("other", (index) => void heard.push(`other ${index}`));
  pages.markDirty(3);
  assert.deepEqual(heard, ["text 3, process 19999", "other 3"]);
  heard.length = 0;
  pages.drop(3);
  assert.deepEqual(heard, ["text 3, process 19999", "other 3"]);
});
