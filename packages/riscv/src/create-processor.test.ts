/**
 * The whole processor on small static programs, as a kernel would drive it. Programs are hand-assembled words, so that
 * no compiler is needed.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { NodeWasmEngine } from "@stratos/host-node";
import { createProcessor } from "./create-processor.ts";
import { ExitReason } from "./exit-reason.ts";
import { HART_FAULT, HART_FUEL, HART_PC, HART_RETIRED, HART_X } from "./hart-state.ts";
import { PhysicalMemory } from "./physical-memory.ts";
import type { CodeRegion } from "./code-region.ts";
import type { Processor, ProcessorOptions } from "./processor.ts";
import { addi, bne, EBREAK, ECALL, ld, sd } from "./testing/encode.ts";

const CODE = 0x10000;
const DATA = 0x20000;

/** A processor with one code page and one data page, whose frames are the first two. */
function machine(
  words: readonly number[],
  options: Partial<ProcessorOptions> & {
    onEcall?: (physical: PhysicalMemory) => number;
    onReadTime?: (physical: PhysicalMemory) => number;
  } = {},
): {
  processor: Processor;
  physical: PhysicalMemory;
  slot: number;
  x: (n: number) => number;
  frame: number;
  region: CodeRegion;
} {
  const engine = new NodeWasmEngine();
  const physical = new PhysicalMemory(engine, { frameBytes: 1 << 20, slotCount: 2, codePages: 16 });
  const processor = createProcessor({
    physical,
    engine,
    hotThreshold: 2,
    ...options,
    hooks: { onEcall: () => options.onEcall?.(physical) ?? 0, onReadTime: () => options.onReadTime?.(physical) ?? 0 },
  });
  const slot = processor.tables.acquire();
  processor.tables.activate(slot);
  const frame = physical.framesStart;
  words.forEach((word, index) => {
    physical.u32[(frame >>> 2) + index] = word;
  });
  const region = processor.code.open(null, CODE, CODE + 0x2000);
  processor.tables.mapCode(slot, CODE, region.page(CODE, frame));
  processor.tables.map(slot, DATA, frame + 4096, true);
  physical.u32[HART_PC >>> 2] = CODE;
  return { processor, physical, slot, frame, region, x: (n) => physical.i32[(HART_X + n * 8) >>> 2] as number };
}

/** `j` forward. */
const jump = (offset: number): number => (offset << 20) | 0x6f;
const lui = (rd: number, imm: number): number => (imm << 12) | (rd << 7) | 0x37;

for (const translate of [false, true]) {
  const tier = translate ? "translated" : "interpreted";

  test(`a function that changes where it returns to returns there (${tier})`, () => {
    // x7 says by how much; the leaf is small enough to be taken into the loop.
    const words = [
      (24 << 20) | 0xef, // jal x1, 24: the leaf
      addi(8, 8, 1), // returned to when x7 is 0
      addi(9, 9, 1), // … 4
      addi(5, 5, -1),
      bne(5, 0, -16),
      EBREAK,
      addi(6, 6, 1), // the leaf
      (7 << 20) | (1 << 15) | (1 << 7) | 0x33, // add x1, x1, x7
      0x8067, // ret
    ];
    const { processor, physical, x } = machine(words, { translate });
    const go = (rounds: number, further: number): void => {
      physical.u32[(HART_X + 5 * 8) >>> 2] = rounds;
      physical.u32[(HART_X + 7 * 8) >>> 2] = further;
      physical.u32[HART_PC >>> 2] = CODE;
      for (;;) {
        const reason = processor.run(50);
        if (reason === ExitReason.BREAKPOINT) return;
        assert.equal(reason, ExitReason.BUDGET);
      }
    };
    go(1000, 0);
    assert.deepEqual([x(6), x(8), x(9)], [1000, 1000, 1000]);
    go(1000, 4);
    assert.deepEqual([x(6), x(8), x(9)], [2000, 1000, 2000]);
  });

  test(`a loop that goes round by a jump through a register leaves the loop around it alone (${tier})`, () => {
    const inner = CODE + 28;
    const words = [
      lui(10, inner >>> 12),
      addi(10, 10, inner & 0xfff),
      addi(5, 5, -1), // the loop around it
      bne(13, 0, 8),
      jump(8),
      addi(14, 14, 1),
      addi(6, 11, 0),
      addi(7, 7, 1), // inner
      addi(6, 6, -1),
      bne(6, 0, 8),
      jump(8),
      (10 << 15) | 0x67, // jr x10
      bne(5, 0, -40),
      EBREAK,
    ];
    const { processor, physical, x } = machine(words, { translate, hotThreshold: 1000 });
    const set = (register: number, value: number): void => {
      physical.u32[(HART_X + register * 8) >>> 2] = value;
    };
    // The outer loop is translated, the jump seen a few times, and the loop translated anew with both.
    for (const [outerRounds, innerRounds, goesAside] of [
      [300_000, 1, 0],
      [3, 3, 0],
      [300_000, 1, 1],
      [1000, 3, 0],
    ] as const) {
      physical.u32[HART_PC >>> 2] = CODE;
      set(5, outerRounds);
      set(7, 0);
      set(11, innerRounds);
      set(13, goesAside);
      assert.equal(processor.run(10_000_000), ExitReason.BREAKPOINT);
      assert.deepEqual([x(5), x(6), x(7)], [0, 0, outerRounds * innerRounds]);
    }
  });

  test(`a counted loop ends with the right registers and instruction count (${tier})`, () => {
    const { processor, x } = machine([addi(5, 0, 1000), addi(6, 6, 3), addi(5, 5, -1), bne(5, 0, -8), EBREAK], {
      translate,
    });
    assert.equal(processor.run(1_000_000), ExitReason.BREAKPOINT);
    assert.equal(x(6), 3000);
    assert.equal(processor.statistics.instructions, 3001);
  });

  test(`a slice ends at the first backward branch at which its fuel is negative (${tier})`, () => {
    const { processor, physical, x } = machine(
      [addi(5, 0, 1000), addi(6, 6, 3), addi(5, 5, -1), bne(5, 0, -8), EBREAK],
      { translate },
    );
    for (let slice = 0; slice < 20; slice++) {
      const before = processor.statistics.instructions;
      assert.equal(processor.run(100), ExitReason.BUDGET);
      assert.equal(physical.u32[HART_PC >>> 2], CODE + 4);
      const used = processor.statistics.instructions - before;
      assert.ok(used > 100 && used <= 103, `${used} instructions`);
      assert.equal(processor.statistics.instructions, 1 + 3 * (x(6) / 3));
    }
  });

  test(`an unmapped, a read-only and a page-crossing access leave at their instruction (${tier})`, () => {
    const { processor, physical, slot, frame, x } = machine(
      [lui(5, DATA >>> 12), sd(5, 5, 8), ld(6, 5, 8), addi(7, 5, 2047), ld(8, 7, 2046), EBREAK],
      { translate },
    );
    processor.tables.writeProtectAll(slot);
    assert.equal(processor.run(100), ExitReason.MEMORY);
    assert.deepEqual(processor.faultingAccess(), { va: DATA + 8, size: 8, kind: "store" });
    assert.equal(physical.u32[HART_PC >>> 2], CODE + 4);
    processor.tables.map(slot, DATA, frame + 4096, true);
    assert.equal(processor.run(100), ExitReason.MEMORY);
    assert.deepEqual(processor.faultingAccess(), { va: DATA + 4093, size: 8, kind: "load" });
    assert.equal(x(6), DATA);
    physical.u32[(frame + 8192) >>> 2] = 0x123456;
    assert.equal(
      processor.emulateMisaligned((va) => va - DATA + frame + 4096),
      0,
    );
    assert.equal(x(8), 0x56000000);
    processor.tables.unmap(slot, DATA, DATA + 4096);
    assert.equal(processor.run(100), ExitReason.BREAKPOINT);
  });

  test(`a fault between two writes of a register finds the first (${tier})`, () => {
    let rounds = 0;
    const { processor, slot, frame, physical, x } = machine(
      [addi(5, 5, 1), addi(6, 5, 100), ld(8, 7, 0), addi(6, 8, 0), ECALL, bne(5, 0, -20)],
      {
        translate,
        onEcall: () => {
          if (++rounds % 100 === 0) processor.tables.unmap(slot, DATA, DATA + 4096);
          return 0;
        },
      },
    );
    physical.u32[(HART_X + 7 * 8) >>> 2] = DATA;
    for (let fault = 1; fault <= 3; fault++) {
      let reason: ExitReason;
      do reason = processor.run(100);
      while (reason === ExitReason.BUDGET);
      assert.equal(reason, ExitReason.MEMORY);
      assert.equal(physical.u32[HART_PC >>> 2], CODE + 8);
      assert.equal(x(5), 100 * fault + 1);
      assert.equal(x(6), 100 * fault + 101);
      processor.tables.map(slot, DATA, frame + 4096, true);
    }
    assert.equal(processor.statistics.translatedFunctions > 0, translate);
  });

  test(`misaligned accesses within a page don't leave, atomic ones do (${tier})`, () => {
    // The last eight bytes that fit, then the first that don't.
    const lrD = (rd: number, rs1: number): number => (0b00010 << 27) | (rs1 << 15) | (3 << 12) | (rd << 7) | 0x2f;
    const words = [ld(7, 6, 1), addi(7, 7, 3), sd(7, 6, 1), addi(5, 5, -1), bne(5, 0, -16), lrD(8, 6), EBREAK];
    for (const [base, leaves] of [
      [0, false],
      [4, false],
      [0xfff - 8, false],
      [0xfff - 7, true],
    ] as const) {
      const { processor, physical, frame } = machine(words, { translate });
      physical.u32[(HART_X + 6 * 8) >>> 2] = DATA + base;
      physical.u32[(HART_X + 5 * 8) >>> 2] = 1000;
      let reason: ExitReason;
      do reason = processor.run(100);
      while (reason === ExitReason.BUDGET);
      if (leaves) {
        assert.deepEqual(processor.faultingAccess(), { va: DATA + base + 1, size: 8, kind: "load" });
        continue;
      }
      assert.equal(new DataView(physical.u8.buffer).getUint32(frame + 4096 + base + 1, true), 3000);
      assert.equal(processor.statistics.translatedFunctions > 0, translate);
      if (base % 8 === 0) assert.equal(reason, ExitReason.BREAKPOINT);
      else assert.equal(processor.faultingAccess().va, DATA + base, "of lr.d");
    }
  });

  test(`cbo.zero clears the block around its address, cbo.clean wants it readable, cbo.inval is none (${tier})`, () => {
    const cbo = (which: number, rs1: number): number => (which << 20) | (rs1 << 15) | 0x200f;
    const words = [addi(5, 0, 100), cbo(4, 6), cbo(1, 6), cbo(2, 6), addi(5, 5, -1), bne(5, 0, -16), cbo(0, 6)];
    const { processor, physical, slot, frame } = machine(words, { translate });
    physical.u8.fill(0xff, frame + 4096, frame + 8192);
    physical.u32[(HART_X + 6 * 8) >>> 2] = DATA + 0x7f;
    let reason: ExitReason;
    do reason = processor.run(100);
    while (reason === ExitReason.BUDGET);
    assert.equal(reason, ExitReason.ILLEGAL);
    assert.equal(processor.statistics.translatedFunctions > 0, translate);
    const bytes = physical.u8.subarray(frame + 4096, frame + 8192);
    assert.deepEqual(
      [bytes.indexOf(0), bytes.lastIndexOf(0), bytes.filter((byte) => byte === 0).length],
      [64, 127, 64],
    );
    processor.tables.writeProtectAll(slot);
    physical.u32[HART_PC >>> 2] = CODE + 4;
    assert.equal(processor.run(100), ExitReason.MEMORY);
    assert.deepEqual(processor.faultingAccess(), { va: DATA + 0x7f, size: 1, kind: "store" });
    processor.tables.unmap(slot, DATA, DATA + 4096);
    physical.u32[HART_PC >>> 2] = CODE + 8;
    assert.equal(processor.run(100), ExitReason.MEMORY);
    assert.deepEqual(processor.faultingAccess(), { va: DATA + 0x7f, size: 1, kind: "load" });
  });

  test(`rdtime asks for the time, and the count of instructions is exact meanwhile (${tier})`, () => {
    const csrr = (rd: number, csr: number): number => (csr << 20) | (2 << 12) | (rd << 7) | 0x73;
    const sub = (rd: number, rs1: number, rs2: number): number =>
      (0x20 << 25) | (rs2 << 20) | (rs1 << 15) | (rd << 7) | 0x33;
    const add = (rd: number, rs1: number, rs2: number): number => (rs2 << 20) | (rs1 << 15) | (rd << 7) | 0x33;
    const onReadTime = (physical: PhysicalMemory): number =>
      physical.u32[HART_RETIRED >>> 2]! - physical.i32[HART_FUEL >>> 2]!;
    // Each round adds instret − time, which is the one instruction between them.
    const words = [
      addi(5, 0, 1000),
      csrr(6, 0xc01),
      csrr(7, 0xc02),
      sub(7, 7, 6),
      add(8, 8, 7),
      addi(5, 5, -1),
      bne(5, 0, -20),
      EBREAK,
    ];
    const { processor, x } = machine(words, { translate, onReadTime });
    assert.equal(processor.run(1_000_000), ExitReason.BREAKPOINT);
    assert.equal(x(8), 1000);
    assert.equal(x(6), 1 + 999 * 6);
    assert.equal(processor.statistics.instructions, 1 + 1000 * 6);
  });

  test(`a jump to an unmapped page is a fetch fault there (${tier})`, () => {
    const { processor, physical } = machine([lui(5, 0x99), 0x00028067 /* jr x5 */], { translate });
    assert.equal(processor.run(100), ExitReason.FETCH);
    assert.equal(physical.u32[HART_PC >>> 2], 0x99000);
    assert.equal(physical.u32[HART_FAULT >>> 2], 0x99000);
  });

  test(`an instruction that crosses into the next page wants that page, then runs (${tier})`, () => {
    const words = new Array<number>(1024).fill(0x00010001); // c.nop c.nop
    words[1023] = ((addi(6, 6, 5) & 0xffff) << 16) | 1;
    const { processor, physical, slot, frame, x } = machine(words, { translate });
    assert.equal(processor.run(10_000), ExitReason.FETCH);
    assert.equal(physical.u32[HART_PC >>> 2], CODE + 0xffe);
    assert.equal(physical.u32[HART_FAULT >>> 2], CODE + 0x1000);
    physical.u16[(frame + 8192) >>> 1] = addi(6, 6, 5) >>> 16;
    physical.u16[(frame + 8194) >>> 1] = 0x9002; // c.ebreak
    const region = processor.code.open(null, CODE + 0x1000, CODE + 0x2000);
    processor.tables.mapCode(slot, CODE + 0x1000, region.page(CODE + 0x1000, frame + 8192));
    assert.equal(processor.run(10_000), ExitReason.BREAKPOINT);
    assert.equal(x(6), 5);
    assert.equal(processor.statistics.instructions, 2048);
  });

  test(`a system call goes on when the hook says 0 and leaves when it says 1 (${tier})`, () => {
    let calls = 0;
    const onEcall = (physical: PhysicalMemory): number => {
      calls++;
      physical.i32[(HART_X + 80) >>> 2] = calls;
      if (calls < 50) return 0;
      physical.u32[HART_PC >>> 2] = (physical.u32[HART_PC >>> 2] as number) + 4;
      return 1;
    };
    const { processor, x, physical } = machine([addi(5, 0, 100), addi(5, 5, -1), ECALL, bne(5, 0, -8), EBREAK], {
      translate,
      onEcall,
    });
    assert.equal(processor.run(100_000), ExitReason.ECALL);
    assert.equal(x(10), 50);
    assert.equal(x(5), 50);
    assert.equal(physical.u32[HART_PC >>> 2], CODE + 12);
  });

  test(`changed bytes are executed after invalidation (${tier})`, () => {
    const { processor, physical, x, frame, region } = machine(
      [addi(5, 0, 1000), addi(6, 6, 3), addi(5, 5, -1), bne(5, 0, -8), EBREAK],
      { translate },
    );
    assert.equal(processor.run(1_000_000), ExitReason.BREAKPOINT);
    physical.u32[(frame >>> 2) + 1] = addi(6, 6, 1);
    region.invalidate(CODE, CODE + 4096);
    physical.u32[HART_PC >>> 2] = CODE;
    assert.equal(processor.run(1_000_000), ExitReason.BREAKPOINT);
    assert.equal(x(6), 4000);
  });
}

test("a target becomes hot by the instructions between its executions, not by these alone", () => {
  const rounds = 10;
  const loop = (length: number): number[] => [
    addi(5, 0, rounds),
    ...new Array<number>(length).fill(addi(6, 6, 1)),
    addi(5, 5, -1),
    bne(5, 0, -4 * (length + 1)),
    EBREAK,
  ];
  for (const [length, isHot] of [
    [1, false],
    [100, true],
  ] as const) {
    const { processor } = machine(loop(length), { hotThreshold: 15 });
    assert.equal(processor.run(1_000_000), ExitReason.BREAKPOINT);
    assert.equal(processor.statistics.translatedFunctions > 0, isHot, `a loop of ${length + 2} instructions`);
  }
});

test("a run that is stopped between any two instructions keeps its reservation and goes on", () => {
  const lrD = (rd: number, rs1: number): number => (0b00010 << 27) | (rs1 << 15) | (3 << 12) | (rd << 7) | 0x2f;
  const scD = (rd: number, rs2: number, rs1: number): number =>
    (0b00011 << 27) | (rs2 << 20) | (rs1 << 15) | (3 << 12) | (rd << 7) | 0x2f;
  const words = [lui(10, DATA >>> 12), lrD(11, 10), addi(11, 11, 5), scD(12, 11, 10), ld(13, 10, 0), EBREAK];
  const { processor, physical, x } = machine(words);
  const stops: number[] = [];
  let reason = processor.runExactly(100, { after: 0, passes: false });
  for (let fuel = 100; reason === ExitReason.STOP; fuel--) {
    stops.push((physical.u32[HART_PC >>> 2]! - CODE) / 4);
    reason = processor.runExactly(fuel, { after: 1, passes: true });
  }
  assert.equal(reason, ExitReason.BREAKPOINT);
  assert.deepEqual(stops, [0, 1, 2, 3, 4, 5]);
  assert.equal(x(12), 0, "the store was made");
  assert.equal(x(13), 5);
  assert.equal(processor.statistics.instructions, 5);
});

for (const translate of [false, true]) {
  test(`a barrier in a hot loop is met each time round, and code is as before without it (${
    translate ? "translated" : "interpreted"
  })`, () => {
    const words = [addi(5, 0, 400), addi(6, 6, 3), addi(5, 5, -1), bne(5, 0, -8), EBREAK];
    const { processor, physical, x } = machine(words, { translate });
    const pc = (): number => (physical.u32[HART_PC >>> 2]! - CODE) / 4;
    assert.equal(processor.run(300), ExitReason.BUDGET, "the loop is translated by now, where anything is");
    processor.code.setBarriers(new Set([CODE + 8]));
    let fuel = 10_000;
    const run = (once: () => ExitReason): ExitReason => {
      const before = processor.statistics.instructions;
      const reason = once();
      fuel -= processor.statistics.instructions - before;
      return reason;
    };
    let met = 0;
    for (; met < 100; met++) {
      assert.equal(
        run(() => processor.run(fuel)),
        ExitReason.STOP,
      );
      assert.equal(pc(), 2);
      assert.equal(x(6) / 3 + x(5), 401, "before the count goes down");
      assert.equal(
        run(() => processor.runExactly(fuel, { after: 1, passes: true })),
        ExitReason.STOP,
      );
      assert.equal(pc(), 3);
    }
    processor.code.setBarriers(new Set());
    assert.equal(
      run(() => processor.run(fuel)),
      ExitReason.BREAKPOINT,
    );
    assert.equal(x(6), 1200);
    assert.equal(processor.statistics.instructions, 1201);
  });
}

test("with STRATOS_INTERPRET nothing is translated, however hot it is", (t) => {
  process.env["STRATOS_INTERPRET"] = "1";
  t.after(() => delete process.env["STRATOS_INTERPRET"]);
  const { processor, x } = machine([lui(5, 1), addi(6, 6, 1), addi(5, 5, -1), bne(5, 0, -8), EBREAK]);
  let reason: ExitReason;
  do reason = processor.run(1000);
  while (reason === ExitReason.BUDGET);
  assert.deepEqual([reason, x(6)], [ExitReason.BREAKPOINT, 4096]);
  assert.equal(processor.statistics.translatedFunctions, 0);
});
