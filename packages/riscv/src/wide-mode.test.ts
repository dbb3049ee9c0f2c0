/**
 * The processor in the wide address mode, on small hand-assembled programs: 64-bit addresses, and switching between
 * modes.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { NodeWasmEngine } from "@stratos/host-node";
import { createProcessor } from "./create-processor.ts";
import { ExitReason } from "./exit-reason.ts";
import { HART_PC, HART_X } from "./hart-state.ts";
import { PhysicalMemory } from "./physical-memory.ts";
import type { Processor, ProcessorHooks } from "./processor.ts";
import { addi, bne, EBREAK, ECALL, ld, sd } from "./testing/encode.ts";

const CODE = 0x10000;
const HIGH = 0x7fff_1234_5000;

const lrD = (rd: number, rs1: number): number => (0b00010 << 27) | (rs1 << 15) | (3 << 12) | (rd << 7) | 0x2f;
const scD = (rd: number, rs2: number, rs1: number): number =>
  (0b00011 << 27) | (rs2 << 20) | (rs1 << 15) | (3 << 12) | (rd << 7) | 0x2f;

interface TestMachine {
  processor: Processor;
  physical: PhysicalMemory;
  frame: number;
  slot: number;
  setX: (n: number, value: number) => void;
  x: (n: number) => number;
}

/** One code page, and a data page at HIGH whose frame follows. */
function machine(
  words: readonly number[],
  translate: boolean,
  onEcall: (machine: TestMachine) => number = () => 0,
  onTlbMiss?: ProcessorHooks["onTlbMiss"],
): TestMachine {
  const engine = new NodeWasmEngine();
  const physical = new PhysicalMemory(engine, { frameBytes: 1 << 20, slotCount: 2, codePages: 16 });
  const processor = createProcessor({
    physical,
    engine,
    hotThreshold: 2,
    translate,
    hooks: { onEcall: () => onEcall(result), ...(onTlbMiss === undefined ? {} : { onTlbMiss }) },
  });
  const slot = processor.tables.acquire();
  processor.tables.activate(slot);
  const frame = physical.framesStart;
  words.forEach((word, index) => {
    physical.u32[(frame >>> 2) + index] = word;
  });
  physical.u32[HART_PC >>> 2] = CODE;
  const setX = (n: number, value: number): void => {
    physical.u32[(HART_X + n * 8) >>> 2] = value;
    physical.i32[(HART_X + n * 8 + 4) >>> 2] = Math.floor(value / 2 ** 32);
  };
  const x = (n: number): number =>
    physical.i32[(HART_X + n * 8 + 4) >>> 2]! * 2 ** 32 + physical.u32[(HART_X + n * 8) >>> 2]!;
  const result = { processor, physical, frame, slot, setX, x };
  enter(result, "wide");
  processor.tlb.map(HIGH, frame + 4096, true);
  return result;
}

/** Runs in `mode` from now on. */
function enter({ processor, slot, frame }: TestMachine, mode: "paged" | "wide"): void {
  processor.mode = mode;
  processor.tables.mapCode(slot, CODE, processor.code.open("program", CODE, CODE + 4096, mode).page(CODE, frame));
}

for (const translate of [false, true]) {
  const tier = translate ? "translated" : "interpreted";

  test(`a loop counts in memory above 4 GiB (${tier})`, () => {
    const guest = machine(
      [addi(5, 0, 1000), ld(7, 6, 16), addi(7, 7, 3), sd(7, 6, 16), addi(5, 5, -1), bne(5, 0, -16), EBREAK],
      translate,
    );
    guest.setX(6, HIGH);
    assert.equal(guest.processor.run(1_000_000), ExitReason.BREAKPOINT);
    assert.equal(guest.physical.u32[(guest.frame + 4096 + 16) >>> 2], 3000);
    assert.equal(guest.processor.statistics.instructions, 5001);
    assert.equal(guest.processor.statistics.translatedFunctions > 0, translate);
  });

  test(`an access leaves with its whole address where the page isn't there, or has other upper bits (${tier})`, () => {
    for (const va of [HIGH + 4096, HIGH - 2 ** 32, HIGH % 2 ** 32, HIGH + 2 ** 47, -8, 0]) {
      const guest = machine([ld(7, 6, 8), EBREAK], translate);
      guest.setX(6, va - 8);
      assert.equal(guest.processor.run(100), ExitReason.MEMORY);
      assert.equal(guest.physical.u32[HART_PC >>> 2], CODE);
      assert.deepEqual(guest.processor.faultingAccess(), { va, size: 8, kind: "load" });
    }
  });

  test(`a store leaves where the page may only be read (${tier})`, () => {
    const guest = machine([ld(7, 6, 0), sd(7, 6, 8), EBREAK], translate);
    guest.processor.tlb.map(HIGH, guest.frame + 4096, false);
    guest.setX(6, HIGH);
    assert.equal(guest.processor.run(100), ExitReason.MEMORY);
    assert.deepEqual(guest.processor.faultingAccess(), { va: HIGH + 8, size: 8, kind: "store" });
  });

  test(`a misaligned access above 4 GiB is done byte by byte over two pages (${tier})`, () => {
    const guest = machine([ld(7, 6, 0), sd(7, 6, 1), EBREAK], translate);
    const { processor, physical, frame } = guest;
    // The page that follows lies in the frame before.
    const translateByte = (va: number): number =>
      va < HIGH + 4096 ? frame + 4096 + (va - HIGH) : frame + (va - HIGH - 4096) + 2048;
    for (let index = 0; index < 8; index++) physical.u8[translateByte(HIGH + 4091 + index)] = 0x10 + index;
    guest.setX(6, HIGH + 4091);
    for (const pc of [CODE + 4, CODE + 8]) {
      assert.equal(processor.run(100), ExitReason.MEMORY);
      assert.equal(processor.emulateMisaligned(translateByte), 0);
      assert.equal(physical.u32[HART_PC >>> 2], pc);
    }
    assert.equal(physical.u32[(HART_X + 56) >>> 2], 0x13121110);
    assert.deepEqual(
      [1, 4, 5, 8].map((at) => physical.u8[translateByte(HIGH + 4091 + at)]),
      [0x10, 0x13, 0x14, 0x17],
    );
  });

  test(`a miss that the hook can serve doesn't leave; of accesses to two pages it isn't asked (${tier})`, () => {
    const asked: [number, boolean][] = [];
    // Two pages of one TLB entry by turns, then an access that the hook refuses, at last one over two pages.
    const guest = machine(
      [
        addi(5, 0, 10),
        ld(7, 6, 8),
        addi(7, 7, 1),
        sd(7, 6, 8),
        ld(8, 28, 8),
        addi(5, 5, -1),
        bne(5, 0, -20),
        sd(7, 28, 0),
        EBREAK,
      ],
      translate,
      undefined,
      (va, forWrite) => {
        asked.push([va, forWrite]);
        const page = va - (va % 4096);
        if (page !== HIGH && forWrite) return false;
        guest.processor.tlb.map(page, page === HIGH ? guest.frame + 4096 : guest.frame + 8192, page === HIGH);
        return true;
      },
    );
    const rival = HIGH + 2 ** 32;
    guest.setX(6, HIGH);
    guest.setX(28, rival);
    assert.equal(guest.processor.run(1000), ExitReason.MEMORY);
    assert.deepEqual(guest.processor.faultingAccess(), { va: rival, size: 8, kind: "store" });
    assert.equal(guest.physical.u32[(guest.frame + 4096 + 8) >>> 2], 10);
    assert.equal(guest.processor.statistics.instructions, 61);
    assert.deepEqual(asked.at(-1), [rival, true]);
    assert.equal(
      asked.length,
      20,
      "HIGH is there at first; each later read of either page displaces the other, and the write entry stays",
    );
    guest.setX(28, rival + 4093);
    assert.equal(guest.processor.run(1000), ExitReason.MEMORY);
    assert.equal(asked.length, 20);
  });

  test(`misaligned accesses within a page ask the hook, atomic ones leave (${tier})`, () => {
    const guest = machine([ld(7, 6, 8), sd(7, 6, 16), lrD(8, 6), EBREAK], translate, undefined, () => true);
    guest.setX(6, HIGH + 3);
    guest.physical.u32[(guest.frame + 4096 + 12) >>> 2] = 0x12345678;
    assert.equal(guest.processor.run(1000), ExitReason.MEMORY);
    assert.deepEqual(guest.processor.faultingAccess(), { va: HIGH + 3, size: 8, kind: "load" });
    assert.equal(guest.physical.u32[HART_PC >>> 2], CODE + 8);
    assert.equal(guest.physical.u32[(guest.frame + 4096 + 20) >>> 2], 0x12345678);
  });

  test(`a store-conditional fails at an address that differs in upper bits only (${tier})`, () => {
    // The two addresses share a TLB entry, so that one page is there for reading and the other for writing.
    for (const [written, failed] of [
      [HIGH, 0],
      [HIGH + 2 ** 32, 1],
    ] as const) {
      const guest = machine([lrD(7, 6), scD(8, 9, 28), EBREAK], translate);
      const { processor, frame } = guest;
      processor.tlb.map(written, written === HIGH ? frame + 4096 : frame + 8192, true);
      processor.tlb.map(HIGH, frame + 4096, written === HIGH);
      guest.setX(6, HIGH);
      guest.setX(28, written);
      assert.equal(processor.run(100), ExitReason.BREAKPOINT);
      assert.equal(guest.x(8), failed);
    }
  });

  test(`a system call may change the mode: the same code goes on with other translations (${tier})`, () => {
    const words = [
      addi(5, 0, 100),
      ld(7, 6, 0),
      addi(7, 7, 1),
      sd(7, 6, 0),
      addi(5, 5, -1),
      bne(5, 0, -16),
      ECALL,
      bne(8, 0, -28),
      EBREAK,
    ];
    const guest = machine(words, translate, (self) => {
      const { processor, physical } = self;
      enter(self, processor.mode === "wide" ? "paged" : "wide");
      if (processor.mode === "paged") processor.tables.map(self.slot, HIGH % 2 ** 32, self.frame + 4096, true);
      self.setX(8, self.x(8) - 1);
      physical.u32[HART_PC >>> 2]! += 4;
      return 1;
    });
    guest.setX(6, HIGH);
    guest.setX(8, 6);
    let reason: ExitReason;
    do reason = guest.processor.run(1_000_000);
    while (reason === ExitReason.ECALL);
    assert.equal(reason, ExitReason.BREAKPOINT);
    assert.equal(guest.physical.u32[(guest.frame + 4096) >>> 2], 600);
    assert.equal(guest.processor.statistics.instructions, 6 * (1 + 500 + 1 + 1));
  });
}
