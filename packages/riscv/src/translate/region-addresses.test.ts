/**
 * Goal: what code that may lie anywhere does to its own file's variables is the same in units that are kept, where
 * these addresses are offsets, as in the interpreter, wherever the file lies. Method: random loops of accesses off
 * what `auipc` and `addi` make, on pages that may be read, written, or not be there, at three bases.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SeededRandom } from "@stratos/base";
import { MemoryCodeArchive } from "@stratos/host";
import { NodeWasmEngine } from "@stratos/host-node";
import { keepProfiles } from "../archive-builder.ts";
import { createProcessor } from "../create-processor.ts";
import { decode, newDecoded } from "../decode.ts";
import { ExitReason } from "../exit-reason.ts";
import { HART_PC, HART_X } from "../hart-state.ts";
import { PhysicalMemory } from "../physical-memory.ts";
import { addi, auipc, bne, EBREAK, load, store } from "../testing/encode.ts";
import { canHoldKept, offsetsOfBases } from "./region-addresses.ts";
import type { UnitInstruction } from "./unit.ts";

const PAGE = 4096;
const DATA_PAGES = 4;
const FRAMES: readonly (readonly [page: number, frame: number])[] = [
  [0, 3],
  [1, 0],
  [3, 1],
];
/** x18 sums up what was loaded. */
const add = (data: number): number => (data << 20) | (18 << 15) | (18 << 7) | 0x33;

/** A loop that counts x5 down. x10 to x13 hold addresses, x14 to x17 data; x6 says what a branch skips. */
function randomLoop(seed: number): number[] {
  const source = new SeededRandom(seed);
  const random = (below: number): number => source.below(below);
  const words: number[] = [];
  const base = (): number => 10 + random(4);
  while (words.length < 200) {
    const register = base();
    // Mostly near a page's edge, where a group or a misaligned access crosses it.
    const low = [random(PAGE / 4), random(32) - 24, random(4) * 8 - 24][random(3)]! - words.length * 4;
    switch (random(7)) {
      case 0:
        words.push(auipc(register, 1 + random(DATA_PAGES)));
        break;
      case 1:
        words.push(auipc(register, 1 + random(DATA_PAGES)), addi(register, register, low));
        break;
      case 2:
        words.push(addi(base(), register, random(48) - 24));
        break;
      case 3:
        // A branch over what would change a base.
        words.push(auipc(register, 1), bne(6, 0, 8), addi(register, register, 8), load(14, register, 0, 3), add(14));
        break;
      case 4:
        words.push(store(14 + random(4), register, random(5) * 8 - 16, random(4)));
        break;
      default: {
        const data = 14 + random(4);
        words.push(load(data, register, random(9) * 4 - 16 + (random(4) === 0 ? 1 : 0), random(7)), add(data));
      }
    }
  }
  words.push(addi(5, 5, -1), bne(5, 0, -words.length * 4 - 4), EBREAK);
  return words;
}

const loopOf = (...words: number[]): number[] => [
  ...words,
  add(14),
  addi(5, 5, -1),
  bne(5, 0, -(words.length + 2) * 4),
  EBREAK,
];

/** What a random loop seldom has. */
const LOOPS: readonly number[][] = [
  // Over the end of a page, alone and with another access, into one that is there and one that isn't.
  ...[2, 3].flatMap((page) => [
    loopOf(auipc(10, page), addi(10, 10, -4), load(14, 10, 0, 3)),
    loopOf(auipc(10, page), addi(10, 10, -8), load(15, 10, 0, 3), load(14, 10, 8, 3)),
  ]),
  // Where it may only be read.
  loopOf(auipc(10, 2), store(5, 10, 0, 3), load(14, 10, 0, 3)),
];

interface Outcome {
  readonly registers: readonly bigint[];
  readonly faults: readonly string[];
  readonly data: Uint8Array;
  readonly kept: number;
}

/** Runs the loop with its first data page writable, the second read-only, the third missing, the fourth writable. */
function run(
  words: readonly number[],
  base: number,
  { archive = new MemoryCodeArchive(), translate = true, skips = true },
): Outcome {
  const engine = new NodeWasmEngine();
  const physical = new PhysicalMemory(engine, { frameBytes: 1 << 20, slotCount: 1, codePages: 8 });
  const hooks = { onEcall: () => 1 };
  const processor = createProcessor({ physical, engine, translate, archive, hotThreshold: 2, hooks });
  const { u32, u8, framesStart } = physical;
  u32.set(words, framesStart >>> 2);
  const name = { head: new Uint8Array([3]), detail: "addresses" };
  const region = processor.code.open("addresses", base, base + PAGE, "paged", () => name);
  const slot = processor.tables.acquire();
  processor.tables.activate(slot);
  processor.tables.mapCode(slot, base, region.page(base, framesStart));
  const data = framesStart + PAGE;
  for (let i = 0; i < DATA_PAGES * PAGE; i++) u8[data + i] = (i * 31 + (i >>> 8)) & 255;
  // Neighbours in the address space are none in memory.
  for (const [page, frame] of FRAMES) {
    const va = base + (page + 1) * PAGE;
    if (va < 2 ** 32) processor.tables.map(slot, va, data + frame * PAGE, page !== 1);
  }
  const faults: string[] = [];
  for (let register = 10; register < 14; register++) u32[(HART_X + register * 8) >>> 2] = base + PAGE + 64 * register;
  u32[HART_PC >>> 2] = base;
  u32[(HART_X + 5 * 8) >>> 2] = 20;
  // Short slices: what is kept is installed between them.
  for (let slice = 0; ; slice++) {
    u32[(HART_X + 6 * 8) >>> 2] = skips ? slice & 1 : 0;
    const reason = processor.run(16);
    if (reason === ExitReason.BREAKPOINT) break;
    if (reason === ExitReason.BUDGET) continue;
    assert.equal(reason, ExitReason.MEMORY);
    const pc = u32[HART_PC >>> 2]!;
    faults.push(`${pc - base} ${processor.faultingAddress()}`);
    u32[HART_PC >>> 2] = pc + 4;
  }
  processor.submitProfile();
  return {
    registers: Array.from(new BigUint64Array(physical.u8.buffer, HART_X, 32)),
    faults,
    data: u8.slice(data, data + DATA_PAGES * PAGE),
    kept: processor.statistics.keptFunctions,
  };
}

test("kept units reach the variables of their file as the interpreter does, at any base", () => {
  let kept = 0;
  const random = Array.from({ length: 8 }, (_, seed) => randomLoop(seed));
  for (const [number, words] of [...LOOPS, ...random].entries()) {
    const archive = new MemoryCodeArchive();
    const engine = new NodeWasmEngine();
    // What it branches over is found then, or it would be another unit's.
    run(words, 0x10000, { archive, skips: false });
    for (const profile of archive.profiles) keepProfiles(profile, archive, engine);
    for (const base of [0x10000, 0xefe2_0000, 0xffff_b000]) {
      const { kept: found, ...outcome } = run(words, base, { archive });
      const { kept: _, ...expected } = run(words, base, { translate: false });
      assert.deepEqual(outcome, expected, `loop ${number}, base ${base.toString(16)}`);
      if (base === 0xffff_b000) assert.equal(found, 0, "what could wrap around is not taken");
      else kept += found;
    }
  }
  assert.ok(kept > 20, `${kept} kept units were used`);
});

test("an offset is known while nothing else has been written to the register", () => {
  const words = [
    auipc(10, 2),
    addi(10, 10, -16),
    load(14, 10, 0, 3),
    addi(11, 10, 4),
    load(10, 11, 0, 3),
    load(14, 10, 0, 3),
  ];
  const instructions = words.map((word, index): UnitInstruction => {
    const decoded = newDecoded();
    decode(word, decoded);
    return { ...decoded, pc: 0x5000 + index * 4, skips: 0, isConditional: false };
  });
  assert.deepEqual([...offsetsOfBases(instructions, 0x4000)], [-1, 0x3000, 0x2ff0, 0x2ff0, 0x2ff4, -1]);
  assert.equal(offsetsOfBases([{ ...instructions[0]!, isConditional: true }, instructions[2]!], 0x4000)[1], -1);
  // Before the region's start, and so far behind it that another mapping is meant.
  assert.equal(offsetsOfBases([{ ...instructions[0]!, imm: -0x2000 }, instructions[2]!], 0x4000)[1], -1);
  assert.equal(offsetsOfBases([{ ...instructions[0]!, imm: 0x7fff_f000 }, instructions[2]!], 0x4000)[1], -1);
  assert.ok(canHoldKept(0xefe2_0000));
  assert.ok(!canHoldKept(0xffff_b000));
});
