/** Code pages are shared, evicted and given back. Method: a program that hops through more pages than the arena has. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { NodeWasmEngine } from "@stratos/host-node";
import { createProcessor } from "./create-processor.ts";
import { ExitReason } from "./exit-reason.ts";
import { HART_FAULT, HART_PC, HART_X } from "./hart-state.ts";
import { PhysicalMemory } from "./physical-memory.ts";

const CODE = 0x10000;
const PAGES = 12;
const COUNT_ONE = 0x00130313; // addi x6, x6, 1
const jump = (offset: number): number =>
  (((offset >> 20) & 1) << 31) |
  (((offset >> 1) & 0x3ff) << 21) |
  (((offset >> 11) & 1) << 20) |
  (((offset >> 12) & 0xff) << 12) |
  0x6f;

function hoppingMachine(codePages: number): {
  hop: (instructions: number) => number;
  evictions: () => number;
  faults: () => number;
} {
  const engine = new NodeWasmEngine();
  const physical = new PhysicalMemory(engine, { frameBytes: 1 << 20, slotCount: 1, codePages });
  const processor = createProcessor({ physical, engine, hotThreshold: 2, hooks: { onEcall: () => 1 } });
  const slot = processor.tables.acquire();
  processor.tables.activate(slot);
  for (let page = 0; page < PAGES; page++) {
    const at = (physical.framesStart + page * 4096) >>> 2;
    physical.u32[at] = COUNT_ONE;
    physical.u32[at + 1] = jump(page === PAGES - 1 ? -(PAGES - 1) * 4096 - 4 : 4096 - 4);
  }
  const region = processor.code.open("program", CODE, CODE + PAGES * 4096);
  let evictions = 0;
  let faults = 0;
  processor.code.onEvict = () => {
    evictions++;
    processor.tables.unmapCode(slot, 0, 2 ** 32);
  };
  physical.u32[HART_PC >>> 2] = CODE;
  const hop = (instructions: number): number => {
    while (processor.statistics.instructions < instructions) {
      const reason = processor.run(instructions - processor.statistics.instructions);
      if (reason === ExitReason.BUDGET) continue;
      assert.equal(reason, ExitReason.FETCH);
      faults++;
      const va = (physical.u32[HART_FAULT >>> 2] as number) & ~4095;
      processor.tables.mapCode(slot, va, region.page(va, physical.framesStart + va - CODE));
    }
    return (physical.u32[(HART_X + 48) >>> 2] as number) * 2 - processor.statistics.instructions;
  };
  return { hop, evictions: () => evictions, faults: () => faults };
}

test("a program with more pages than the arena runs on through evictions", () => {
  const { hop, evictions } = hoppingMachine(5);
  assert.ok(Math.abs(hop(2000)) <= 1, "two instructions for each count");
  assert.ok(evictions() > 10, `${evictions()} evictions`);
});

test("with room enough each page faults once and is then translated", () => {
  const { hop, evictions, faults } = hoppingMachine(16);
  assert.ok(Math.abs(hop(5000)) <= 1);
  assert.equal(evictions(), 0);
  assert.equal(faults(), PAGES);
});

test("a region is shared by key, start and end, and a private one gives its pages back", () => {
  const engine = new NodeWasmEngine();
  const physical = new PhysicalMemory(engine, { frameBytes: 1 << 20, slotCount: 1, codePages: 2 });
  const { code } = createProcessor({ physical, engine, hooks: { onEcall: () => 1 } });
  const shared = code.open("libc", CODE, CODE + 4096);
  assert.ok(code.open("libc", CODE, CODE + 4096) === shared);
  assert.ok(code.open("libc", CODE + 4096, CODE + 8192) !== shared, "translations hold absolute addresses");
  for (let i = 0; i < 10; i++) {
    const region = code.open(null, CODE, CODE + 8192);
    assert.notEqual(region.page(CODE, physical.framesStart), 0);
    assert.notEqual(region.page(CODE + 4096, physical.framesStart + 4096), 0);
    assert.equal(region.existingPage(CODE + 4096), region.page(CODE + 4096, physical.framesStart + 4096));
    code.close(region);
    assert.equal(region.existingPage(CODE), 0);
  }
});
