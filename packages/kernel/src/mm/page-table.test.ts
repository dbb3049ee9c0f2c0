/**
 * The page table over many sections of 4 GiB: what is set is found, visits stay in their range, and nodes go with their
 * last page.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { copyState, SeededRandom } from "@stratos/base";
import { NodeWasmEngine } from "@stratos/host-node";
import { PhysicalMemory } from "@stratos/riscv";
import type { Frame } from "../frames/frame.ts";
import { FrameAllocator } from "../frames/frame-allocator.ts";
import type { MemoryAccount } from "../frames/memory-account.ts";
import { PageTable, PTE_R, PTE_W } from "./page-table.ts";

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

/** A machine's page table, with its account, and what is to be found in it: numbers by address. */
interface Sharer {
  readonly table: PageTable;
  readonly account: MemoryAccount;
  readonly told: Map<number, number>;
}

function forkOf(
  { account, table, told }: Sharer,
  frames: FrameAllocator,
  family: MemoryAccount,
  lent: readonly Frame[] = [],
): Sharer {
  const { u32 } = frames.physical;
  const outside = [frames, frames.physical, family, account.reaper, u32, u32.buffer];
  return frames.whileCopying(() => {
    const replaced = new Map<object, object>(outside.map((object) => [object, object]));
    const copy = copyState({ account, table }, { replaced, given: new Map() });
    assert.equal(table.shareWith(copy.table), 0);
    for (const frame of lent) frames.share(frame, copy.account);
    return { ...copy, told: new Map(told) };
  });
}

test("forks share nodes until one changes an entry: each finds what it has written, and all frames come back", () => {
  const random = new SeededRandom(11);
  const frames = new FrameAllocator(
    new PhysicalMemory(new NodeWasmEngine(), { frameBytes: 2 << 20, slotCount: 1, codePages: 1 }),
  );
  const { u32 } = frames.physical;
  const account = frames.open()!;
  const family = frames.familyOf(account)!;
  const sharers: Sharer[] = [{ table: new PageTable(account), account, told: new Map() }];
  let number = 0;
  const write = ({ table, account: own, told }: Sharer, address: number): void => {
    table.own(address);
    const entry = table.get(address);
    let frame = entry >>> 12;
    if (entry === 0 || frames.references(frame) > 1) {
      frame = frames.allocate(own);
      assert.ok(frame > 0, "there is memory");
      if (entry !== 0) own.release(entry >>> 12);
      assert.equal(table.set(address, ((frame << 12) | PTE_R | PTE_W) >>> 0), 0);
    } else table.update(address, (entry | PTE_W) >>> 0);
    u32[frame * 1024] = ++number;
    told.set(address, number);
  };
  let shared = 0;
  for (let step = 0; step < 3000; step++) {
    const at = random.below(sharers.length);
    const sharer = sharers[at]!;
    const address = PLACES[random.below(PLACES.length)]! - random.below(4) * 4096;
    const kind = random.below(40);
    if (kind === 0 && sharers.length < 5) {
      const before = frames.usedCount;
      sharers.push(forkOf(sharer, frames, family));
      shared = Math.max(shared, sharer.table.nodeCount - (frames.usedCount - before));
    } else if (kind === 1 && sharers.length > 1) {
      sharers.splice(at, 1);
      sharer.table.abandon();
      frames.close(sharer.account);
    } else if (kind < 6) {
      const end = address + 4096 * (1 << random.below(12));
      sharer.table.remove(address, end, () => assert.fail("nothing has D"));
      for (const place of [...sharer.told.keys()]) if (place >= address && place < end) sharer.told.delete(place);
      sharer.table.prune(address, end);
    } else write(sharer, address);
    for (const { table, told } of sharers) {
      assert.equal(table.residentPages, told.size, `step ${step}`);
      for (const [place, expected] of told) assert.equal(u32[(table.get(place) >>> 12) * 1024], expected);
    }
    const charged = sharers.reduce((sum, each) => sum + each.account.charged - each.account.foreign, 0);
    assert.ok(charged <= family.charged && family.charged <= frames.total);
    assert.ok(sharers.every((each) => each.account.foreign >= 0 && each.account.foreignUses >= 0));
  }
  assert.ok(shared > 4, "nodes were shared");
  for (const { table, account: own } of sharers) {
    table.abandon();
    frames.close(own);
  }
  assert.deepEqual([frames.usedCount, frames.unpromised, family.charged], [0, frames.total, 0]);
  const next = frames.open()!;
  for (let count = 0; count < frames.total; count++) assert.ok(frames.allocate(next) > 0, "nothing stays reserved");
});

test("who needs a node of its own gets it in a full memory, where others get no frame", () => {
  const frames = new FrameAllocator(
    new PhysicalMemory(new NodeWasmEngine(), { frameBytes: 1 << 20, slotCount: 1, codePages: 1 }),
  );
  const account = frames.open()!;
  const family = frames.familyOf(account)!;
  const original: Sharer = { table: new PageTable(account), account, told: new Map() };
  const frame = frames.allocate(account);
  original.table.set(0x10000, ((frame << 12) | PTE_R) >>> 0);
  // Of an image: the family has two frames more than it is charged for, when only the forks still have them.
  const lent = [frames.allocateLent(account), frames.allocateLent(account)];
  const forks = [forkOf(original, frames, family, lent), forkOf(original, frames, family, lent)];
  for (const each of lent) frames.giveBack(each, account);
  while (frames.allocate(forks[0]!.account) > 0);
  for (const { table } of forks) {
    table.update(0x10000, ((frame << 12) | PTE_W) >>> 0);
    assert.equal(table.get(0x10000), ((frame << 12) | PTE_W) >>> 0);
    assert.equal(original.table.get(0x10000), ((frame << 12) | PTE_R) >>> 0);
  }
});
