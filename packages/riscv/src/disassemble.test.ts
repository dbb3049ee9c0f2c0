/**
 * Goal: a listing reads as objdump's. Method: a committed list of what GNU objdump 2.40 printed; where it is at hand,
 * each instruction of libraries that Debian's cross compiler comes with.
 */
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { isExtended, sampleOf } from "@stratos/base/testing";
import { disassemble } from "./disassemble.ts";

function line(word: number, pc: number): string {
  const { mnemonic, operands, target } = disassemble(word, pc);
  const all = [operands, target === null ? "" : target.toString(16)].filter((each) => each !== "").join(",");
  return all === "" ? mnemonic : `${mnemonic} ${all}`;
}

/** Binutils 2.40 calls `addi` with a number `add`; LLVM and other binutils don't. */
function named(printed: string): string {
  const shortened = printed.replace(/^(csr\w+) (.*,\d+)$/, "$1i $2").replace(/^(fs\w+i) zero,/, "$1 ");
  return shortened.replace(
    /^(add|and|or|xor|sll|srl|sra|slt|ror|bclr|bext|binv|bset)(w|u|\.uw)?( .*,(?:-?\d+|0x[0-9a-f]+))$/,
    (_, operation: string, width: string | undefined, rest: string) =>
      width === ".uw" ? `${operation}i.uw${rest}` : `${operation}i${width ?? ""}${rest}`,
  );
}

/** Address, the instruction's bits, and what objdump printed. */
const PRINTED: readonly (readonly [number, number, string])[] = [
  [0x10632, 0x1101, "add sp,sp,-32"],
  [0x10634, 0xec06, "sd ra,24(sp)"],
  [0x10636, 0xc62a, "sw a0,12(sp)"],
  [0x10638, 0xd2050753, "fcvt.d.w fa4,a0"],
  [0x1063c, 0x00042797, "auipc a5,0x42"],
  [0x10640, 0x8a47b787, "fld fa5,-1884(a5)"],
  [0x10644, 0x12f777d3, "fmul.d fa5,fa4,fa5"],
  [0x10648, 0xe2078653, "fmv.x.d a2,fa5"],
  [0x1064c, 0x618c, "ld a1,0(a1)"],
  [0x1064e, 0x00042517, "auipc a0,0x42"],
  [0x10652, 0x88a50513, "add a0,a0,-1910"],
  [0x10656, 0x6db040ef, "jal 15530"],
  [0x1065a, 0x4785, "li a5,1"],
  [0x1065c, 0x0078, "add a4,sp,12"],
  [0x1065e, 0x0f50000f, "fence iorw,ow"],
  [0x10662, 0x04f7202f, "amoadd.w.aq zero,a5,(a4)"],
  [0x10666, 0x0000100f, "fence.i"],
  [0x1066a, 0x0310000f, "fence rw,w"],
  [0x1066e, 0x8330000f, "fence.tso"],
  [0x10676, 0xc0002573, "rdcycle a0"],
  [0x1067a, 0x00302573, "frcsr a0"],
  [0x1067e, 0x00302573, "frcsr a0"],
  [0x10682, 0x00251073, "fsrm a0"],
  [0x10686, 0x00151073, "fsflags a0"],
  [0x1068a, 0x0011d073, "fsflagsi zero,3"],
  [0x1068e, 0xc2051553, "fcvt.w.d a0,fa0,rtz"],
  [0x10692, 0x42058553, "fcvt.d.s fa0,fa1"],
  [0x10696, 0xd2058553, "fcvt.d.w fa0,a1"],
  [0x1069a, 0x02c5f553, "fadd.d fa0,fa1,fa2"],
  [0x1069e, 0x02c59553, "fadd.d fa0,fa1,fa2,rtz"],
  [0x106a2, 0x1405a52f, "lr.w.aq a0,(a1)"],
  [0x106a6, 0x1ab6252f, "sc.w.rl a0,a1,(a2)"],
  [0x106aa, 0x557d, "li a0,-1"],
  [0x106ac, 0x40b00533, "neg a0,a1"],
  [0x106b0, 0x40b0053b, "negw a0,a1"],
  [0x106b4, 0x0015b513, "seqz a0,a1"],
  [0x106b8, 0x00b03533, "snez a0,a1"],
  [0x106bc, 0x0005a533, "sltz a0,a1"],
  [0x106c0, 0x00b02533, "sgtz a0,a1"],
  [0x106c4, 0x00a05463, "blez a0,106cc"],
  [0x106c8, 0x00055263, "bgez a0,106cc"],
  [0x106cc, 0x852e, "mv a0,a1"],
  [0x106ce, 0xfff5c513, "not a0,a1"],
  [0x106d2, 0x0005851b, "sext.w a0,a1"],
  [0x106d6, 0x0ff5f513, "zext.b a0,a1"],
  [0x106da, 0x22b58553, "fmv.d fa0,fa1"],
  [0x106de, 0x20b59553, "fneg.s fa0,fa1"],
  [0x106e2, 0x22b5a553, "fabs.d fa0,fa1"],
  [0x106e6, 0x8502, "jr a0"],
  [0x106e8, 0x00850067, "jr 8(a0)"],
  [0x106ec, 0x9502, "jalr a0"],
  [0x106ee, 0x004500e7, "jalr 4(a0)"],
  [0x106f2, 0x008502e7, "jalr t0,8(a0)"],
  [0x106f6, 0x000502e7, "jalr t0,a0"],
  [0x106fa, 0x8082, "ret"],
  [0x106fc, 0x62c9, "lui t0,0x12"],
  [0x106fe, 0x3452829b, "addw t0,t0,837"],
  [0x10702, 0x80000537, "lui a0,0x80000"],
  [0x10706, 0xfffff517, "auipc a0,0xfffff"],
  [0x1070a, 0xe2050553, "fmv.x.d a0,fa0"],
  [0x1070e, 0x4015f553, "fcvt.s.d fa0,fa1"],
  [0x10712, 0xc025b553, "fcvt.l.s a0,fa1,rup"],
  [0x10716, 0x00000073, "ecall"],
  [0x1071a, 0x9002, "ebreak"],
  [0x1071c, 0xbf45, "j 106cc"],
  [0x1071e, 0xfafff2ef, "jal t0,106cc"],
  [0x1072a, 0x00151073, "fsflags a0"],
  [0x1072e, 0x00102573, "frflags a0"],
  [0x10732, 0x0020d073, "fsrmi zero,1"],
  [0x1073a, 0x0ff0000f, "fence"],
  [0x1073e, 0x0220000f, "fence r,r"],
  [0x10742, 0x4501, "li a0,0"],
  [0x10744, 0x60e2, "ld ra,24(sp)"],
  [0x10746, 0x6105, "add sp,sp,32"],
  [0x10748, 0x8082, "ret"],
];

test("instructions read as GNU objdump prints them", () => {
  for (const [pc, word, text] of PRINTED) assert.equal(line(word, pc), named(text), word.toString(16));
});

test("what is no instruction is data of its own length", () => {
  assert.deepEqual(disassemble(0xffffffff, 0), {
    ...{ mnemonic: ".4byte", operands: "0xffffffff", target: null },
    ...{ length: 4, isInstruction: false },
  });
  assert.equal(line(0x12340000, 0), "unimp");
  // A privileged register: the processor refuses it.
  assert.equal(line(0x10002573, 0), ".4byte 0x10002573");
  // Any bits at all are answered.
  for (let low = 0; low < 0x10000; low++) assert.ok(line(low | (low << 16), 0x1000).length > 0);
});

/** The largest first. */
const LIBRARIES = sampleOf(
  ["libc.so.6", "libm.so.6", "libasan.so.8"].map((name) => `/usr/riscv64-linux-gnu/lib/${name}`),
  3,
);
const isAtHand = LIBRARIES.every((path) => existsSync(path)) && hasObjdump();

test("each instruction of Debian's libraries reads as objdump prints it", { skip: !isAtHand }, async (t) => {
  let count = 0;
  for (const library of LIBRARIES) {
    const child = spawn("riscv64-linux-gnu-objdump", ["-d", library], { stdio: ["ignore", "pipe", "inherit"] });
    t.after(() => child.kill());
    for await (const text of createInterface({ input: child.stdout })) {
      const found = /^ *([0-9a-f]+):\t([0-9a-f]{4}|[0-9a-f]{8}) +\t([^\t]+)(?:\t([^ \t]+))?/.exec(text);
      if (found === null) continue;
      count++;
      const [, pc, word, mnemonic, operands] = found;
      const expected = operands === undefined ? mnemonic! : `${mnemonic} ${operands}`;
      assert.equal(line(parseInt(word!, 16), parseInt(pc!, 16)), named(expected), text);
    }
  }
  assert.ok(count > (isExtended ? 500_000 : 250_000), `${count} instructions`);
});

function hasObjdump(): boolean {
  try {
    execFileSync("riscv64-linux-gnu-objdump", ["--version"]);
    return true;
  } catch {
    return false;
  }
}
