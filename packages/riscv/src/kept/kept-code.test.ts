/**
 * Goal: translations of an earlier run are used where their bytes are in memory, wherever that is, and nowhere else;
 * what a program sees of page faults doesn't depend on them. Method: a program that hops through twelve pages, whose
 * archive is filled by one processor and found by others.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryCodeArchive } from "@stratos/host";
import { NodeWasmEngine } from "@stratos/host-node";
import { keepProfiles } from "../archive-builder.ts";
import { createProcessor } from "../create-processor.ts";
import { ExitReason } from "../exit-reason.ts";
import { HART_FAULT, HART_PC, HART_X } from "../hart-state.ts";
import { PhysicalMemory } from "../physical-memory.ts";
import type { Processor } from "../processor.ts";
import { addi, bne, EBREAK } from "../testing/encode.ts";

const PAGES = 12;
const PAGE = 4096;
const INSTRUCTIONS = 5000;
const addToX6 = (count: number): number => 0x00030313 | (count << 20);
const jump = (offset: number): number =>
  (((offset >> 20) & 1) << 31) |
  (((offset >> 1) & 0x3ff) << 21) |
  (((offset >> 11) & 1) << 20) |
  (((offset >> 12) & 0xff) << 12) |
  0x6f;

/** `jalr x0, x1, 0` */
const RETURN = 0x00008067;

interface Hops {
  readonly processor: Processor;
  readonly x6: number;
  /** Pages in the order of their fetch faults, of both address spaces. */
  readonly faults: number[];
}

interface HopOptions {
  readonly base?: number;
  readonly translate?: boolean;
  /** What the first instruction of the last page adds. */
  readonly last?: number;
}

/** Runs the program in one address space, and then once more in another that shares its code. */
function hop(archive: MemoryCodeArchive, { base = 0x10000, translate = true, last = 1 }: HopOptions = {}): Hops {
  const engine = new NodeWasmEngine();
  const physical = new PhysicalMemory(engine, { frameBytes: 1 << 20, slotCount: 2, codePages: 32 });
  const processor = createProcessor({
    physical,
    engine,
    translate,
    archive,
    hotThreshold: 2,
    hooks: { onEcall: () => 1 },
  });
  for (let page = 0; page < PAGES; page++) {
    const at = (physical.framesStart + page * PAGE) >>> 2;
    physical.u32[at] = addToX6(page === PAGES - 1 ? last : 1);
    physical.u32[at + 1] = jump(page === PAGES - 1 ? -(PAGES - 1) * PAGE - 4 : PAGE - 4);
  }
  const name = { head: new Uint8Array([1]), detail: "hops" };
  const region = processor.code.open("hops", base, base + PAGES * PAGE, "paged", () => name);
  const faults: number[] = [];
  for (let space = 0; space < 2; space++) {
    const slot = processor.tables.acquire();
    processor.tables.activate(slot);
    physical.u32[HART_PC >>> 2] = base;
    const end = processor.statistics.instructions + INSTRUCTIONS;
    while (processor.statistics.instructions < end) {
      // Short slices: translations are installed between them.
      const reason = processor.run(Math.min(100, end - processor.statistics.instructions));
      if (reason === ExitReason.BUDGET) continue;
      assert.equal(reason, ExitReason.FETCH);
      const va = (physical.u32[HART_FAULT >>> 2]! & ~(PAGE - 1)) >>> 0;
      faults.push((va - base) / PAGE);
      processor.tables.mapCode(slot, va, region.page(va, physical.framesStart + va - base));
    }
  }
  return { processor, x6: physical.u32[(HART_X + 48) >>> 2]!, faults };
}

function filledArchive(): MemoryCodeArchive {
  const archive = new MemoryCodeArchive();
  hop(archive).processor.submitProfile();
  assert.equal(archive.profiles.length, 1);
  assert.equal(keepProfiles(archive.profiles[0]!, archive, new NodeWasmEngine()), 1);
  return archive;
}

const everyPageTwice = [...Array(PAGES).keys(), ...Array(PAGES).keys()];

test("a later run takes its translations from the archive, at another address, too", () => {
  const archive = filledArchive();
  for (const base of [0x10000, 0xefe20000]) {
    const { processor, x6 } = hop(archive, { base });
    assert.ok(processor.statistics.keptFunctions > 0, "something was kept");
    assert.ok(processor.statistics.interpreted < INSTRUCTIONS / 10, `${processor.statistics.interpreted} interpreted`);
    assert.equal(x6, hop(new MemoryCodeArchive(), { base, translate: false }).x6);
  }
});

test("each address space faults once for each page, in the same order, whatever runs its code", () => {
  const archive = filledArchive();
  assert.deepEqual(hop(archive).faults, everyPageTwice);
  assert.deepEqual(hop(new MemoryCodeArchive()).faults, everyPageTwice);
  assert.deepEqual(hop(archive, { translate: false }).faults, everyPageTwice);
});

test("a unit is not used where one of its pages holds something else", () => {
  const archive = filledArchive();
  const expected = hop(new MemoryCodeArchive(), { translate: false, last: 3 }).x6;
  assert.equal(hop(archive, { last: 3 }).x6, expected);
  assert.notEqual(expected, hop(archive).x6);
});

test("an archive whose pieces are missing or damaged is not used, and the next run's takes its place", () => {
  // The port gives null for a piece that isn't what was written: it is missing here.
  const damages: ((pieces: Uint8Array[]) => Uint8Array[])[] = [
    (pieces) => pieces.slice(0, 1),
    (pieces) => pieces.slice(0, 2),
    ([index, ...rest]) => [index!.subarray(0, 20), ...rest],
    ([index, ...rest]) => [index!.map(() => 0), ...rest],
    ([index, bytes]) => Object.assign(new Array<Uint8Array>(3), [index, bytes]),
    ([index, , code]) => Object.assign(new Array<Uint8Array>(3), { 0: index, 2: code }),
  ];
  const expected = hop(new MemoryCodeArchive(), { translate: false }).x6;
  for (const damage of damages) {
    const archive = filledArchive();
    for (const [name, pieces] of archive.files) archive.files.set(name, damage(pieces));
    const { processor, x6 } = hop(archive);
    assert.equal(x6, expected);
    assert.equal(processor.statistics.keptFunctions, 0);
    processor.submitProfile();
    keepProfiles(archive.profiles.at(-1)!, archive, new NodeWasmEngine());
    assert.ok(hop(archive).processor.statistics.keptFunctions > 0, `after damage ${damages.indexOf(damage)}`);
  }
});

test("what was handed over is not handed over again, and what another run has handed over is not kept twice", () => {
  const archive = new MemoryCodeArchive();
  const { processor } = hop(archive);
  processor.submitProfile();
  processor.submitProfile();
  hop(archive).processor.submitProfile();
  assert.equal(archive.profiles.length, 2, "one of each run");
  const [first, second] = archive.profiles;
  const engine = new NodeWasmEngine();
  assert.equal(keepProfiles(first!, archive, engine), 1);
  assert.equal(keepProfiles(second!, archive, engine), 0);
});

test("an interpreter that counts heat isn't taken for one that must not", () => {
  const archive = filledArchive();
  const { processor } = hop(archive, { translate: false });
  assert.equal(processor.statistics.interpreted, processor.statistics.instructions);
});

/** A loop on the first page, from `at`, that calls the second one unless x7 is set; each call adds 1 to x8. */
function caller(
  archive: MemoryCodeArchive,
  at: number,
): {
  readonly processor: Processor;
  /** Goes round the loop. @returns instructions that the interpreter ran */
  readonly goRound: (calls: boolean, rounds?: number) => number;
  readonly x8: () => number;
  /** Changes what the second page adds. */
  readonly add: (added: number) => void;
} {
  const base = 0x10000;
  const engine = new NodeWasmEngine();
  const physical = new PhysicalMemory(engine, { frameBytes: 1 << 20, slotCount: 1, codePages: 8 });
  const processor = createProcessor({ physical, engine, archive, hotThreshold: 2, hooks: { onEcall: () => 1 } });
  const words = [
    ...[addi(6, 6, 1), bne(7, 0, 8), 0xef | jump(PAGE - at - 8)],
    ...[addi(5, 5, -1), bne(5, 0, -16), EBREAK],
  ];
  physical.u32.set(words, (physical.framesStart + at) >>> 2);
  const callee = (physical.framesStart + PAGE) >>> 2;
  // Too long to be inlined into the loop.
  physical.u32.set([addi(8, 8, 1), ...new Array<number>(50).fill(addi(10, 10, 1)), RETURN], callee);
  const name = { head: new Uint8Array([2]), detail: "calls" };
  const region = processor.code.open("calls", base, base + 2 * PAGE, "paged", () => name);
  const slot = processor.tables.acquire();
  processor.tables.activate(slot);
  const fetch = (va: number): void => {
    processor.tables.mapCode(slot, va, region.page(va, physical.framesStart + va - base));
  };
  const goRound = (calls: boolean, rounds = 1000): number => {
    const before = processor.statistics.interpreted;
    physical.u32[HART_PC >>> 2] = base + at;
    physical.u32[(HART_X + 5 * 8) >>> 2] = rounds;
    physical.u32[(HART_X + 7 * 8) >>> 2] = calls ? 0 : 1;
    for (;;) {
      // Short slices: translations are installed between them.
      const reason = processor.run(100);
      if (reason === ExitReason.BREAKPOINT) return processor.statistics.interpreted - before;
      if (reason === ExitReason.FETCH) fetch((physical.u32[HART_FAULT >>> 2]! & ~(PAGE - 1)) >>> 0);
      else assert.equal(reason, ExitReason.BUDGET);
    }
  };
  const add = (added: number): void => {
    physical.u32[callee] = addi(8, 8, added);
    region.invalidate(base + PAGE, base + 2 * PAGE);
    fetch(base + PAGE);
  };
  return { processor, goRound, x8: () => physical.u32[(HART_X + 8 * 8) >>> 2]!, add };
}

test("a translated call reaches what is kept of its target, and the interpreter when that changes", () => {
  const archive = new MemoryCodeArchive();
  const earlier = caller(archive, 0x800);
  earlier.goRound(true);
  earlier.processor.submitProfile();
  assert.equal(keepProfiles(archive.profiles[0]!, archive, new NodeWasmEngine()), 1);

  // Its loop stands elsewhere, so that nothing of it is kept. It is translated with a call that was seen once.
  const { processor, goRound, x8, add } = caller(archive, 0);
  goRound(true, 1);
  goRound(false);
  const translated = processor.statistics.translatedFunctions;
  assert.ok(translated > 0, "the loop is this run's own");
  assert.equal(processor.statistics.keptFunctions, 0);
  goRound(true);
  assert.ok(processor.statistics.keptFunctions > 0, "the target is kept");
  assert.ok(goRound(true) < 20, "calls go to it");
  assert.equal(x8(), 2001);

  add(5);
  goRound(true);
  assert.equal(x8(), 7001, "what was kept of other bytes is not called");
  assert.ok(goRound(true) < 20, "and is translated by the run itself");
  assert.equal(x8(), 12001);
  assert.ok(processor.statistics.translatedFunctions > translated);
});
