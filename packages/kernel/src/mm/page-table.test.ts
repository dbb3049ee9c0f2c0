/**
 * The page table over many sections of 4 GiB: what is set is found, visits stay in their range, and nodes go with their
 * last page.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { NodeWasmEngine } from "@stratos/host-node";
import { PhysicalMemory } from "@stratos/riscv";
import { FrameAllocator } from "../frames/frame-allocator.ts";
import { PageTable, PTE_R } from "./page-table.ts";

const GIB = 2 ** 30;
const PLACES = [0x10000, 0xfffff000, 0x100000000, 5 * GIB, 5 * GIB + 0x400000, 0x1000000000, 0x7fffffffe000];

function create(): { table: PageTable; frames: FrameAllocator } {
  const frames = new FrameAllocator(
    new PhysicalMemory(new NodeWasmEngine(), { frameBytes: 1 << 20, slotCount: 1, codePages: 1 }),
  );
  return { table: new PageTable(frames.open()!), frames };
}

test("an entry is found at its own address only", () => {
  const { table } = create();
  PLACES.forEach((place, index) => assert.equal(table.set(place, ((index + 100) << 12) | PTE_R), 0));
  PLACES.forEach((place, index) => {
    assert.equal(table.get(place + 4095), ((index + 100) << 12) | PTE_R);
    for (const elsewhere of [place + 4096, place - 4096, place + 2 ** 32])
      if (!PLACES.includes(elsewhere)) assert.equal(table.get(elsewhere), 0);
  });
  assert.equal(table.residentPages, PLACES.length);
});

test("a visit sees the pages of its range, across sections", () => {
  const { table } = create();
  for (const place of PLACES) table.set(place, 1 << 12);
  const seen: number[] = [];
  table.forEach(0x100000000, 0x1000000000, (address) => void seen.push(address));
  assert.deepEqual(
    seen.sort((a, b) => a - b),
    PLACES.slice(2, 5),
  );
});

test("pruning frees the nodes of wide sections that have no page left, and no others", () => {
  const { table, frames } = create();
  const before = frames.freeCount;
  for (const place of PLACES) table.set(place, 1 << 12);
  table.change(0x100000000, 2 ** 47, () => 0);
  table.set(5 * GIB, 1 << 12);
  table.prune(5 * GIB + 4096, 2 ** 47);
  // Left: section 0 with two leaves; section 1, whose leaf at 4 GiB lies outside the range, with that of the page that
  // is there.
  assert.equal(before - frames.freeCount, 3 + 3);
  assert.equal(table.get(5 * GIB), 1 << 12);
  assert.equal(table.set(0x1000000000, 1 << 12), 0, "a section may come back");
  table.change(0, 2 ** 47, () => 0);
  table.dispose();
  assert.equal(frames.freeCount, before);
});
