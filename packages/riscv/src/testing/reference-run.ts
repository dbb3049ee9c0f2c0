import { RangeMemory } from "../reference/memory.ts";
import { ReferenceHart } from "../reference/reference-hart.ts";
import type { StaticProgram } from "./assembler.ts";
import type { RunResult } from "./qemu.ts";

const SYS_WRITE = 64n,
  SYS_EXIT = 93n;
const A0 = 10,
  A1 = 11,
  A2 = 12,
  A7 = 17;

/** Runs the program on the reference hart, with `write` and `exit` as its only system calls. */
export function runReference(program: StaticProgram): RunResult & { readonly retired: number } {
  const memory = new RangeMemory();
  // Data first: most accesses go there.
  for (const segment of [...program.segments].reverse())
    memory.add(segment.address, segment.writable ? segment.bytes.slice() : segment.bytes);
  const hart = new ReferenceHart(memory, BigInt(program.entry));
  const output: number[] = [];
  for (;;) {
    const trap = hart.step();
    if (trap === undefined) continue;
    if (trap !== "ecall") throw new Error(`${trap} at 0x${hart.pc.toString(16)}`);
    if (hart.x[A7] === SYS_EXIT)
      return { output: Uint8Array.from(output), status: Number(hart.x[A0]! & 0xffn), retired: hart.retired + 1 };
    if (hart.x[A7] !== SYS_WRITE) throw new Error(`system call ${hart.x[A7]}`);
    for (let index = 0n; index < hart.x[A2]!; index += 8n) {
      const word = memory.load(hart.x[A1]! + index, 8);
      for (let byte = 0n; byte < 8n; byte++) output.push(Number((word >> (byte * 8n)) & 0xffn));
    }
    hart.setX(A0, hart.x[A2]!);
    hart.pc += 4n;
    hart.retired++;
  }
}
