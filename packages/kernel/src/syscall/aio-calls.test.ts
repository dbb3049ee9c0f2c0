/** Goal: contexts of io_setup(2) are bounded by fs.aio-max-nr, over all processes. Method: two address spaces. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { EAGAIN, MAP_ANONYMOUS, MAP_PRIVATE, PROT_READ, PROT_WRITE } from "@stratos/abi";
import { forkAddressSpace, createMemoryTask } from "../testing/memory-task.ts";
import { call } from "../testing/system-calls.ts";
import type { AddressSpace } from "../mm/address-space.ts";

test("io_setup counts the events of all processes against fs.aio-max-nr until they are gone", () => {
  const { kernel, task, space } = createMemoryTask();
  const place = call(task, "mmap", 0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  const setup = (count: number): number => {
    assert.equal(task.space.storeU64(place, 0), 0);
    return call(task, "io_setup", count, place);
  };
  kernel.aioUsage.most = 100;
  assert.equal(setup(101), -EAGAIN);
  assert.equal(setup(60), 0);
  assert.equal(setup(41), -EAGAIN);

  const other = forkAddressSpace(space) as AddressSpace;
  task.space = other;
  assert.equal(setup(41), -EAGAIN, "another process has no room of its own");
  assert.equal(setup(40), 0);
  assert.equal(kernel.aioUsage.events, 100);
  other.release();
  assert.equal(kernel.aioUsage.events, 60, "a process that ends gives its room back");
  task.space = space;
  assert.equal(setup(30), 0);
  assert.equal(call(task, "io_destroy", task.space.loadU64(place)), 0);
  assert.equal(kernel.aioUsage.events, 60);
});
