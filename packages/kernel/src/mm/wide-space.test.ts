/** Goal: when a space becomes wide, where things go then, and whose pages the TLB shows. Method: as in mmap.test.ts. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  EEXIST,
  ENOMEM,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_FIXED_NOREPLACE,
  MAP_NORESERVE,
  MAP_PRIVATE,
  MAP_SHARED,
  PROT_EXEC,
  PROT_NONE,
  PROT_READ,
  PROT_WRITE,
} from "@stratos/abi";
import { createMemoryTask, forkAddressSpace } from "../testing/memory-task.ts";
import type { Task } from "../task/task.ts";
import { AddressSpace, USER_TOP, WIDE_TOP } from "./address-space.ts";
import { mmap, munmap } from "./mmap.ts";
import { mprotect } from "./mprotect.ts";
import { mremap } from "./mremap.ts";

const GIB = 2 ** 30;
const READ_WRITE = PROT_READ | PROT_WRITE;
const PLACE = 0x1000000000;

function map(
  task: Task,
  length: number,
  options: { address?: number; protection?: number; flags?: number } = {},
): number {
  const flags = (options.flags ?? MAP_PRIVATE | MAP_NORESERVE) | MAP_ANONYMOUS;
  return mmap(task, {
    address: options.address ?? 0,
    length,
    protection: options.protection ?? READ_WRITE,
    flags,
    file: null,
    offset: 0,
  });
}

test(
  "what fits below 4 GiB leaves the space paged, whatever the hint; what " + "doesn't goes to the top of a wide one",
  () => {
    const { kernel, task, space } = createMemoryTask();
    assert.ok(map(task, 2 * GIB, { address: PLACE }) < USER_TOP);
    assert.equal(space.isWide, false);
    assert.equal(map(task, 8 * GIB), WIDE_TOP - 8 * GIB);
    assert.equal(space.isWide, true);
    assert.equal(kernel.processor.mode, "wide");
    assert.equal(kernel.codeChanged, true, "translated code must be left");
    assert.ok(map(task, 4096) < USER_TOP, "small things still go below");
    assert.equal(map(task, 4096, { address: PLACE }), PLACE, "a wide space follows hints");
  },
);

test("code stays below 4 GiB", () => {
  const { task, space } = createMemoryTask();
  const executable = PROT_READ | PROT_EXEC;
  assert.equal(map(task, 4096, { address: PLACE, flags: MAP_PRIVATE | MAP_FIXED, protection: executable }), -ENOMEM);
  assert.equal(map(task, 8 * GIB, { protection: executable }), -ENOMEM);
  assert.equal(space.isWide, false);
  const data = map(task, 8 * GIB, { protection: PROT_NONE });
  assert.equal(mprotect(task, data, 4096, executable), -ENOMEM);
  const code = map(task, 4096, { protection: executable });
  assert.ok(code < USER_TOP);
  assert.equal(mremap(task, { address: code, oldLength: 4096, newLength: 4096, flags: 3, newAddress: PLACE }), -ENOMEM);
});

test("what is reserved in a wide space can become code, whatever the hint", () => {
  const { task, space } = createMemoryTask();
  map(task, 8 * GIB, { protection: PROT_NONE });
  assert.equal(space.isWide, true);
  const reserved = map(task, 2 * 4096, { address: PLACE, protection: PROT_NONE });
  assert.equal(mprotect(task, reserved, 4096, READ_WRITE | PROT_EXEC), 0);
  assert.equal(map(task, GIB, { address: PLACE, protection: PROT_NONE }), PLACE, "no engine's code is so large");
});

test("a request that memory could never back is refused unless it reserves nothing", () => {
  const { task } = createMemoryTask();
  assert.equal(map(task, 64 * GIB, { flags: MAP_PRIVATE }), -ENOMEM);
  assert.equal(map(task, 64 * GIB, { flags: MAP_SHARED }), -ENOMEM);
  const reserved = map(task, 64 * GIB, { flags: MAP_PRIVATE, protection: PROT_NONE });
  assert.ok(reserved > 0);
  assert.equal(mprotect(task, reserved, 64 * GIB, READ_WRITE), -ENOMEM);
  assert.equal(mprotect(task, reserved, GIB, READ_WRITE), 0);
  assert.ok(map(task, 64 * GIB) > 0);
});

test("fixed places above: bounds, replacing, refusing to replace", () => {
  const { task, space } = createMemoryTask();
  const fixed = (address: number, flags = MAP_FIXED): number =>
    map(task, 8192, { address, flags: MAP_PRIVATE | flags });
  assert.equal(fixed(PLACE), PLACE);
  space.storeU32(PLACE, 7);
  assert.equal(fixed(PLACE, MAP_FIXED_NOREPLACE), -EEXIST);
  assert.equal(fixed(PLACE), PLACE);
  assert.equal(space.loadU32(PLACE), 0);
  assert.equal(fixed(WIDE_TOP - 4096), -ENOMEM);
  assert.equal(fixed(-4096), -ENOMEM);
});

test("the TLB shows pages of the space that runs, and takes them away with the mapping", () => {
  const { kernel, task, space, shown } = createMemoryTask();
  const low = map(task, 4096);
  space.storeU32(low, 1);
  assert.match(shown.get(low)!, / w$/);
  const at = map(task, 8 * GIB);
  assert.equal(shown.has(low), false, "the flat tables are emptied");
  space.storeU32(at + 5 * GIB, 2);
  assert.match(shown.get(at + 5 * GIB)!, / w$/);
  assert.equal(space.republish(low + 8, true), true);
  assert.match(shown.get(low)!, / w$/);
  assert.equal(space.republish(at, false), false, "nothing is resident there");

  const child = forkAddressSpace(space);
  assert.ok(child instanceof AddressSpace);
  assert.equal(child.isWide, true);
  assert.doesNotMatch(shown.get(at + 5 * GIB)!, / w$/, "the parent must fault when it writes");
  const before = new Map(shown);
  child.storeU32(at + 5 * GIB, 3);
  assert.deepEqual(shown, before, "the child doesn't run");
  kernel.slots.activate(child);
  assert.equal(shown.size, 0);
  assert.deepEqual([child.loadU32(at + 5 * GIB), space.loadU32(at + 5 * GIB)], [3, 2]);
  assert.equal(space.republish(low, false) && child.republish(at + 5 * GIB, true), true);
  assert.deepEqual([...shown.keys()], [at + 5 * GIB], "only the child's page, and not at the other's asking");
  kernel.slots.activate(space);
  child.release();

  space.republish(at + 5 * GIB, false);
  assert.equal(shown.has(at + 5 * GIB), true);
  munmap(space, at + 4 * GIB, 4 * GIB);
  assert.equal(shown.has(at + 5 * GIB), false);
});

test("page tables of places left behind are freed", () => {
  const { kernel, task, space } = createMemoryTask();
  map(task, 8 * GIB);
  const free = kernel.memory.free;
  // Many times the nodes that the memory of the test could hold.
  for (let round = 0; round < 300; round++) {
    const at = PLACE + round * 16 * GIB;
    assert.equal(map(task, 16 * GIB, { address: at, flags: MAP_PRIVATE | MAP_NORESERVE | MAP_FIXED }), at);
    for (let section = 0; section < 4; section++) assert.equal(space.storeU32(at + section * 4 * GIB, 1), 0);
    munmap(space, at, 16 * GIB);
  }
  assert.equal(kernel.memory.free, free);
});
