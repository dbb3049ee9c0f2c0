/**
 * Goal: whatever a guest does, the host goes on and the kernel's books balance. Method: random system calls, mutated
 * ELF files, random instructions, fork and memory bombs, each time the same, unless STRATOS_SEED says another seed. A
 * broken invariant of ours throws out of `Machine.run` and fails the test.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import { SeededRandom } from "@stratos/base";
import { runStatic } from "../abi/run-static.ts";
import { compiled } from "../support/compiled.ts";

const seed = Number(process.env["STRATOS_SEED"] ?? 1);
before(() => console.log(`seed ${seed}`));

function build(program: string): Uint8Array {
  return readFileSync(compiled(join(import.meta.dirname, `${program}.c`), { flags: ["-O1", "-w", "-static"] }));
}

test("random system calls with random arguments leave the machine running", async () => {
  const program = build("random-syscalls");
  for (let round = 0; round < 4; round++) {
    const result = await runStatic(program, {
      argv: ["program", String(seed + round), "1500"],
      memoryBytes: 192 << 20,
    });
    assert.match(result.output, /survived/);
  }
});

test("a fork bomb is refused and its frames come back", async () => {
  const result = await runStatic(build("fork-bomb"), { memoryBytes: 64 << 20 });
  assert.equal(result.output, "refused: 1, many: 1\n");
});

test("a memory bomb is ended and others go on", async () => {
  const result = await runStatic(build("memory-bomb"), { memoryBytes: 48 << 20 });
  assert.equal(result.output, "ended: 1\nalive\n");
});

test("what programs have said may be dropped goes before one of them is ended", async () => {
  const result = await runStatic(build("droppable-memory"), { memoryBytes: 48 << 20 });
  assert.equal(result.output, "ended: 1\ndropped: 1, kept: 6\nagain: 7\n");
});

test("after a thousand processes, threads, mappings and files nothing is left of them", async () => {
  const used: Record<string, { frames: number; tasks: number; processes: number; dentries: number }> = {};
  await runStatic(build("churn"), {
    onOutput: (text, { kernel }) => {
      used[text] = {
        frames: kernel.frames.usedCount,
        tasks: kernel.tasks.tasks.size,
        processes: kernel.tasks.processes.size,
        dentries: kernel.vfs.dentryCount,
      };
    },
  });
  assert.deepEqual(used["B"], used["A"]);
});

test("mutated ELF files are refused or run, never harm", async () => {
  const original = build("memory-bomb");
  const random = new SeededRandom(seed);
  for (let round = 0; round < 30; round++) {
    const mutant = original.slice();
    const flips = 1 + random.below(12);
    for (let flip = 0; flip < flips; flip++)
      mutant[random.below(round % 3 === 0 ? mutant.length : 700)] = random.u32() & 0xff;
    try {
      await runStatic(mutant, { memoryBytes: 32 << 20, timeoutMs: 400 });
    } catch (error) {
      assert.match((error as Error).message, /^(exec: -\d+|time-out)/, `round ${round}`);
    }
  }
});

test("random instructions end in a signal or a time-out", async () => {
  const random = new SeededRandom(seed + 1);
  for (let round = 0; round < 30; round++) {
    const code = new Uint8Array(4096);
    random.fill(code);
    // Half of the words get the opcode of a 32-bit instruction that exists, so that more than the first one runs.
    for (let at = 0; at < code.length; at += 4)
      if (random.below(2) === 0) code[at] = OPCODES[random.below(OPCODES.length)]! | (random.u32() & 0x80);
    try {
      await runStatic(flatElf(code), { memoryBytes: 32 << 20, timeoutMs: 300 });
    } catch (error) {
      assert.match((error as Error).message, /^time-out/, `round ${round}`);
    }
  }
});

/** LOAD, LOAD-FP, OP-IMM, AUIPC, OP-IMM-32, STORE, AMO, OP, LUI, OP-32, MADD, OP-FP, BRANCH, JAL, JALR. */
const OPCODES = [0x03, 0x07, 0x13, 0x17, 0x1b, 0x23, 0x2f, 0x33, 0x37, 0x3b, 0x43, 0x53, 0x63, 0x6f, 0x67];

/** A static ELF of one writable and executable page at 0x10000 that begins at its first instruction. */
function flatElf(code: Uint8Array): Uint8Array {
  const file = new Uint8Array(4096 + code.length);
  const view = new DataView(file.buffer);
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, 2, true);
  view.setUint16(18, 243, true);
  view.setUint32(20, 1, true);
  view.setBigUint64(24, 0x10000n, true);
  view.setBigUint64(32, 64n, true);
  view.setUint16(52, 64, true);
  view.setUint16(54, 56, true);
  view.setUint16(56, 1, true);
  view.setUint32(64, 1, true);
  view.setUint32(68, 7, true);
  view.setBigUint64(72, 4096n, true);
  view.setBigUint64(80, 0x10000n, true);
  view.setBigUint64(88, 0x10000n, true);
  view.setBigUint64(96, BigInt(code.length), true);
  view.setBigUint64(104, BigInt(code.length) + 65536n, true);
  view.setBigUint64(112, 4096n, true);
  file.set(code, 4096);
  return file;
}
