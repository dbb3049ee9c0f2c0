/**
 * Goal: in the window mode an access finds the page that the tables name, whether it lies in the window or not, and
 * leaves where it may not be done. Method: a loop that copies from page to page, hand-assembled, interpreted and
 * translated, over pages of which some lie in the window; and what the window's bytes say after each change of tables.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { NodeWasmEngine } from "@stratos/host-node";
import { WINDOW_BYTES } from "./access.ts";
import { createProcessor } from "./create-processor.ts";
import { ExitReason } from "./exit-reason.ts";
import { HART_PC, HART_X } from "./hart-state.ts";
import { PhysicalMemory } from "./physical-memory.ts";
import type { Processor } from "./processor.ts";
import { addi, bne, EBREAK, ld, sd } from "./testing/encode.ts";

const PAGE = 4096;
const CODE = 0x10000;
const DATA = 0x20000;
/** Host address − address. */
const WINDOW = 0x30000000;
/** A page on the window's other side: 4 GiB are a circle. */
const STACK = 0xfffff000;

/** A hundred times: x7 = the doubleword at x6, which goes to x8. */
const COPY = [addi(5, 0, 100), ld(7, 6, 0), sd(7, 8, 0), addi(5, 5, -1), bne(5, 0, -12), EBREAK];

interface Guest {
  readonly processor: Processor;
  readonly physical: PhysicalMemory;
  readonly slot: number;
  /** Runs the loop from its start. */
  copy(from: number, to: number): ExitReason;
  /** The window's byte of a page. */
  shown(va: number): number;
}

function guest(translate: boolean): Guest {
  const engine = new NodeWasmEngine();
  const physical = new PhysicalMemory(engine, { frameBytes: 1 << 20, slotCount: 2, codePages: 16, windows: true });
  const processor = createProcessor({ physical, engine, hotThreshold: 2, translate, hooks: { onEcall: () => 0 } });
  const { tables } = processor;
  const slot = tables.acquire(WINDOW);
  tables.activate(slot);
  physical.u32.set(COPY, physical.framesStart >>> 2);
  const region = processor.code.open("program", CODE, CODE + PAGE, "window");
  tables.mapCode(slot, CODE, region.page(CODE, physical.framesStart));
  const setX = (register: number, value: number): void => {
    physical.u32[(HART_X + register * 8) >>> 2] = value;
    physical.u32[(HART_X + register * 8 + 4) >>> 2] = 0;
  };
  return {
    processor,
    physical,
    slot,
    copy: (from, to) => {
      physical.u32[HART_PC >>> 2] = CODE;
      setX(6, from);
      setX(8, to);
      return processor.run(100_000);
    },
    shown: (va) => physical.u8[physical.slotsStart + slot * physical.slotSize + WINDOW_BYTES + va / PAGE]!,
  };
}

for (const translate of [false, true]) {
  const tier = translate ? "translated" : "interpreted";

  test(`a page is found in the window, outside of it, and at the other end of the address space (${tier})`, () => {
    const { processor, physical, slot, copy } = guest(translate);
    const { tables } = processor;
    const outside = physical.framesStart + PAGE;
    const hostOf = new Map([
      [DATA, DATA + WINDOW],
      [DATA + PAGE, outside],
      [STACK, (STACK + WINDOW) % 2 ** 32],
    ]);
    for (const [va, host] of hostOf) tables.map(slot, va, host, true);
    let value = 1;
    for (const [from, fromHost] of hostOf)
      for (const [to, toHost] of hostOf)
        for (const offset of [8, PAGE - 8, 13]) {
          physical.u8[fromHost + offset] = ++value;
          assert.equal(copy(from + offset, to + 24), ExitReason.BREAKPOINT);
          assert.equal(physical.u8[toHost + 24], value, `${from.toString(16)} + ${offset} to ${to.toString(16)}`);
        }
    assert.equal(processor.statistics.translatedFunctions > 0, translate);
  });

  test(`what isn't there, may only be read or lies in two pages leaves before it is done (${tier})`, () => {
    const { processor, physical, slot, copy } = guest(translate);
    const { tables } = processor;
    tables.map(slot, DATA, DATA + WINDOW, true);
    tables.map(slot, DATA + PAGE, physical.framesStart + PAGE, true);
    tables.map(slot, DATA + 2 * PAGE, DATA + 2 * PAGE + WINDOW, false);
    assert.equal(copy(DATA, DATA + PAGE), ExitReason.BREAKPOINT);
    for (const [from, to, va, kind] of [
      [DATA + 3 * PAGE, DATA, DATA + 3 * PAGE, "load"],
      [DATA, DATA + 3 * PAGE, DATA + 3 * PAGE, "store"],
      [DATA, DATA + 2 * PAGE, DATA + 2 * PAGE, "store"],
      [DATA + PAGE - 4, DATA, DATA + PAGE - 4, "load"],
      [DATA, DATA + PAGE - 1, DATA + PAGE - 1, "store"],
    ] as const) {
      const before = physical.u8.slice(DATA + WINDOW, DATA + WINDOW + 3 * PAGE);
      assert.equal(copy(from, to), ExitReason.MEMORY);
      assert.deepEqual(processor.faultingAccess(), { va, size: 8, kind });
      assert.deepEqual(physical.u8.slice(DATA + WINDOW, DATA + WINDOW + 3 * PAGE), before);
    }
  });

  test(`rights that are taken are gone at once, and given back with the page (${tier})`, () => {
    const { processor, slot, copy, physical } = guest(translate);
    const { tables } = processor;
    const map = (): void => {
      tables.map(slot, DATA, DATA + WINDOW, true);
      tables.map(slot, STACK, physical.framesStart + 2 * PAGE, true);
    };
    const take: readonly [() => void, number, number][] = [
      [() => tables.unmap(slot, DATA, DATA + PAGE), ExitReason.MEMORY, ExitReason.MEMORY],
      [() => tables.writeProtect(slot, DATA, DATA + PAGE), ExitReason.BREAKPOINT, ExitReason.MEMORY],
      [() => tables.writeProtectAll(slot), ExitReason.BREAKPOINT, ExitReason.MEMORY],
      [() => tables.map(slot, DATA, physical.framesStart + PAGE, true), ExitReason.BREAKPOINT, ExitReason.BREAKPOINT],
    ];
    for (const [change, read, write] of take) {
      map();
      assert.equal(copy(DATA, DATA), ExitReason.BREAKPOINT);
      change();
      assert.equal(copy(STACK, DATA), write);
      tables.map(slot, STACK, physical.framesStart + 2 * PAGE, true);
      assert.equal(copy(DATA, STACK), read);
    }
  });
}

test("the window's bytes follow the tables, and a slot that is used again shows nothing of before", () => {
  const { processor, physical, slot, shown } = guest(true);
  const { tables } = processor;
  const pages = [0, 1, 2, 1023, 1024, 4095].map((index) => DATA + index * PAGE);
  for (const page of pages) tables.map(slot, page, page + WINDOW, true);
  tables.map(slot, DATA + 3 * PAGE, physical.framesStart, true);
  assert.deepEqual(pages.map(shown), [3, 3, 3, 3, 3, 3]);
  assert.equal(shown(DATA + 3 * PAGE), 0, "not in the window");
  tables.writeProtect(slot, DATA + PAGE, DATA + 1024 * PAGE);
  assert.deepEqual(pages.map(shown), [3, 1, 1, 1, 3, 3]);
  tables.unmap(slot, DATA + 2 * PAGE, DATA + 1025 * PAGE);
  assert.deepEqual(pages.map(shown), [3, 1, 0, 0, 0, 3]);
  tables.writeProtectAll(slot);
  assert.deepEqual(pages.map(shown), [1, 1, 0, 0, 0, 1]);
  tables.release(slot);
  assert.equal(tables.acquire(), slot, "the slot is used again");
  assert.deepEqual(pages.map(shown), [0, 0, 0, 0, 0, 0]);
  tables.map(slot, DATA, DATA + WINDOW, true);
  assert.equal(shown(DATA), 0, "a slot without a window");
});
