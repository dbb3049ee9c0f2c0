/**
 * Goal: the corners that the manual words explicitly, where no judge is installed. Method: a few instructions at a
 * time, assembled here; random programs against qemu are in ../testing/differential.test.ts.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { Assembler } from "../testing/assembler.ts";
import { RangeMemory, UnmappedAccess } from "./memory.ts";
import { ReferenceHart } from "./reference-hart.ts";

const CODE = 0x1000,
  DATA = 0x8000;
const MINIMUM = 1n << 63n,
  ALL_ONES = (1n << 64n) - 1n;
const RD = 5,
  RS1 = 6,
  RS2 = 7;

/** A hart before the code that `write` emits, with a page of data. */
function hartWith(write: (assembler: Assembler) => void): ReferenceHart {
  const assembler = new Assembler(CODE);
  write(assembler);
  const memory = new RangeMemory();
  memory.add(CODE, assembler.finish());
  memory.add(DATA, new Uint8Array(64));
  return new ReferenceHart(memory, BigInt(CODE));
}

function compute(name: string, a: bigint, b: bigint): bigint {
  const hart = hartWith((assembler) => assembler.r(name, RD, RS1, RS2));
  hart.setX(RS1, a);
  hart.setX(RS2, b);
  assert.equal(hart.step(), undefined);
  return hart.x[RD]!;
}

test("division by zero and overflow give what table 13.1 says", () => {
  assert.equal(compute("div", 7n, 0n), ALL_ONES);
  assert.equal(compute("divu", 7n, 0n), ALL_ONES);
  assert.equal(compute("rem", 7n, 0n), 7n);
  assert.equal(compute("remu", 7n, 0n), 7n);
  assert.equal(compute("div", MINIMUM, ALL_ONES), MINIMUM);
  assert.equal(compute("rem", MINIMUM, ALL_ONES), 0n);
  assert.equal(compute("divuw", 1n << 32n, 0n), ALL_ONES);
  assert.equal(compute("remuw", 0x80000001n, 0n), 0xffffffff80000001n);
});

test("the upper halves of products know the signs of their operands", () => {
  assert.equal(compute("mulh", ALL_ONES, ALL_ONES), 0n);
  assert.equal(compute("mulhu", ALL_ONES, ALL_ONES), ALL_ONES - 1n);
  assert.equal(compute("mulhsu", ALL_ONES, ALL_ONES), ALL_ONES);
});

test("word operations take the low halves and sign-extend", () => {
  assert.equal(compute("addw", 0x7fffffffn, 1n), 0xffffffff80000000n);
  assert.equal(compute("srlw", 0xffffffff80000000n, 31n), 1n);
  assert.equal(compute("sraw", 0x80000000n, 31n), ALL_ONES);
  assert.equal(compute("sllw", 1n, 32n), 1n);
});

test("x0 stays zero", () => {
  const hart = hartWith((assembler) => assembler.i("addi", 0, 0, 5));
  hart.step();
  assert.equal(hart.x[0], 0n);
});

test("jalr computes its target before it writes the link", () => {
  const hart = hartWith((assembler) => assembler.word(0x67 | (RD << 7) | (RD << 15) | (9 << 20))); // jalr x5, 9(x5)
  hart.setX(RD, 0x2000n);
  hart.step();
  assert.equal(hart.pc, 0x2008n, "the lowest bit is cleared");
  assert.equal(hart.x[RD], BigInt(CODE + 4));
});

test("traps leave the pc at their instruction and don't retire", () => {
  const ecall = hartWith((assembler) => assembler.ecall());
  assert.equal(ecall.step(), "ecall");
  assert.equal(ecall.pc, BigInt(CODE));
  assert.equal(ecall.retired, 0);
  const illegal = hartWith((assembler) => assembler.word(0xffffffff));
  assert.equal(illegal.step(), "illegal");
  const breakpoint = hartWith((assembler) => assembler.half(0x9002)); // c.ebreak
  assert.equal(breakpoint.step(), "breakpoint");
});

test("an access where nothing is mapped changes nothing", () => {
  const hart = hartWith((assembler) => assembler.i("ld", RD, RS1, 0));
  hart.setX(RD, 3n);
  hart.setX(RS1, 0x100000n);
  assert.throws(() => hart.step(), UnmappedAccess);
  assert.equal(hart.pc, BigInt(CODE));
  assert.equal(hart.x[RD], 3n);
});

test("sc succeeds once after lr on its address, and fails elsewhere", () => {
  const lr = 0x2f | (3 << 12) | (RD << 7) | (RS1 << 15) | (2 << 27);
  const sc = (address: number): number =>
    (0x2f | (3 << 12) | (RD << 7) | (address << 15) | (10 << 20) | (3 << 27)) >>> 0;
  const hart = hartWith((assembler) => {
    for (const word of [lr, sc(RS1), sc(RS1), lr, sc(RS2)]) assembler.word(word);
  });
  hart.setX(RS1, BigInt(DATA));
  hart.setX(RS2, BigInt(DATA + 8));
  hart.setX(10, 77n);
  const results = [0, 1, 2, 3, 4].map(() => {
    hart.step();
    return hart.x[RD];
  });
  assert.deepEqual(results, [0n, 0n, 1n, 77n, 1n]);
  assert.equal(hart.memory.load(BigInt(DATA), 8), 77n);
});

test("a dynamic rounding mode of 5 … 7 is illegal", () => {
  const hart = hartWith((assembler) => assembler.word(0x02000053 | (7 << 12))); // fadd.d f0, f0, f0, dyn
  hart.frm = 5;
  assert.equal(hart.step(), "illegal");
  hart.frm = 4;
  assert.equal(hart.step(), undefined);
});

test("a single that isn't boxed reads as the canonical NaN", () => {
  const hart = hartWith((assembler) => assembler.r("fsgnj.s", 1, 2, 2));
  hart.f[2] = 0x3f800000n;
  hart.step();
  assert.equal(hart.f[1], 0xffffffff7fc00000n);
});
