/** Goal: a volume with many more nodes than the cache has room for is proved whole, and repaired, in bounded memory. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryBlockDevice } from "@stratos/host";
import { mount } from "../aegisfs.ts";
import { freshVolume, mountedVolume } from "../testing/fresh-volume.ts";
import { checkVolume } from "./check.ts";
import { markedContent } from "./losses.ts";
import { repairSubvolume } from "./repair-subvolume.ts";

test("a check with a small cache finds a large volume whole", () => {
  const { device, volume } = freshVolume(128);
  for (let number = 0; number < 40_000; number++) volume.root.create(1, `file${number}`, 0o100644, 0, 0);
  assert.equal(volume.sync(), 0);
  const small = mountedVolume(mount(device as MemoryBlockDevice, { readOnly: true, cacheNodes: 8 }));
  assert.deepEqual(checkVolume(small, { data: true }).slice(0, 3), []);
  assert.ok(small.cache.size < 300, `${small.cache.size} nodes are still in memory`);
  assert.deepEqual(markedContent(small), []);
  assert.ok(small.cache.size < 300, `${small.cache.size} nodes are still in memory after a search for losses`);

  const { root, cache } = mountedVolume(mount(device as MemoryBlockDevice, { cacheNodes: 8 }));
  const nothing = (): void => assert.fail("something was repaired");
  repairSubvolume(root, { fixed: nothing, lost: nothing, missing: nothing, suspects: new Set(), inodes: root.inodes });
  assert.ok(cache.size < 300, `${cache.size} nodes are still in memory after a repair`);
  root.quotas.enable();
  assert.ok(cache.size < 300, `${cache.size} nodes are still in memory after all inodes were counted`);
});
