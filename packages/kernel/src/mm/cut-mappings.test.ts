/**
 * Goal: a file that becomes shorter loses its mappings behind its new end, in pieces of bounded work. Method: real
 * address spaces that map the same pages many times.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { MAP_ANONYMOUS, MAP_SHARED, PAGE_SIZE, PROT_READ, PROT_WRITE } from "@stratos/abi";
import type { CallState } from "../ground/call-state.ts";
import { CALL_WORK } from "../ground/call-work.ts";
import { createMemoryTask, forkAddressSpace } from "../testing/memory-task.ts";
import { AddressSpace } from "./address-space.ts";
import { cutMappings } from "./cut-mappings.ts";
import { mmap } from "./mmap.ts";
import { mprotect } from "./mprotect.ts";

const PAGES = 64;

test("what lies behind a file's new end goes from every space; what lies before stays", () => {
  const { kernel, task, space } = createMemoryTask();
  const at = shared(task);
  for (let page = 0; page < PAGES; page++) space.storeU32(at + page * PAGE_SIZE, page);
  const child = forkAddressSpace(space);
  assert.ok(child instanceof AddressSpace);
  const { pages } = space.areaAt(at)!;
  kernel.work.begin();
  assert.equal(cutMappings([space, child], pages!, 3 * PAGE_SIZE + 1, kernel, null), null);
  for (const each of [space, child])
    for (let page = 0; page < PAGES; page++) {
      if (page < 4) assert.equal(each.loadU32(at + page * PAGE_SIZE), page);
      else assert.equal(each.table.get(at + page * PAGE_SIZE), 0);
    }
});

test("a walk over many mappings goes in pieces, and ends although spaces come and go", () => {
  const { kernel, task, space } = createMemoryTask();
  const at = shared(task);
  const { pages } = space.areaAt(at)!;
  for (let page = 0; page < PAGES; page++) space.storeU32(at + page * PAGE_SIZE, page);
  // Every second page has another protection: an area for each.
  for (let page = 1; page < PAGES; page += 2) mprotect(task, at + page * PAGE_SIZE, PAGE_SIZE, PROT_READ);
  const fork = (): AddressSpace => {
    const made = forkAddressSpace(space);
    assert.ok(made instanceof AddressSpace);
    return made;
  };
  const spaces = Array.from({ length: 80 }, fork);
  let cut: CallState | null = null;
  let pieces = 0;
  do {
    kernel.work.begin();
    kernel.work.mayPause = true;
    cut = cutMappings([space, ...spaces], pages!, 0, kernel, cut);
    assert.ok(kernel.work.spent < CALL_WORK + 2);
    pieces++;
    // The space that the walk is in ends, and another begins.
    if (pieces === 1)
      spaces.splice(
        spaces.findIndex((each) => cut?.kind === "cut" && each.identity === cut.space),
        1,
        fork(),
      );
  } while (cut !== null);
  assert.equal(pieces, 3);
  for (const each of [space, ...spaces])
    for (let page = 0; page < PAGES; page++) assert.equal(each.table.get(at + page * PAGE_SIZE), 0);
});

test("a walk that belongs to another file begins anew", () => {
  const { kernel, task, space } = createMemoryTask();
  const at = shared(task);
  space.storeU32(at, 1);
  kernel.work.begin();
  const { pages } = space.areaAt(at)!;
  const other: CallState = { kind: "cut", pages: 999, space: 999, at: 2 ** 40 };
  assert.equal(cutMappings([space], pages!, 0, kernel, other), null);
  assert.equal(space.table.get(at), 0);
});

/** Shared memory: pages that a file could hold. */
function shared(task: Parameters<typeof mmap>[0]): number {
  const protection = PROT_READ | PROT_WRITE;
  const flags = MAP_SHARED | MAP_ANONYMOUS;
  return mmap(task, { address: 0, length: PAGES * PAGE_SIZE, protection, flags, file: null, offset: 0 });
}
