import { SeededRandom } from "@stratos/base";
import { Assembler, type StaticProgram } from "./assembler.ts";
import { appendBranchyProgram } from "./branchy-generator.ts";
import { randomBits64, randomFloatRegister, randomInteger } from "./operand-values.ts";
import {
  ALL_RULES,
  CONDITIONAL_RULES,
  EXTENSION_RULES,
  appendRandomInstructions,
  FLOAT_RULES,
  INTEGER_RULES,
  SCRATCH_SIZE,
  type SequenceRules,
} from "./sequence-generator.ts";

/**
 * A static program that runs many random sequences, each several times, and writes what became of them to stdout.
 *
 * Each run has a frame of 2 KiB; gp walks over them. The frame program loads all registers from the frame, jumps to the
 * sequence, which jumps back, and stores all registers:
 *
 * ```
 *    0  x0 … x31 in (the slot of x0: fcsr)      528  x0 … x31 out
 *  256  f0 … f31 in                              784  f0 … f31 out
 *  512  address of the sequence                 1088  scratch area, 512 bytes
 *  520  address to jump back to                 1624  links of called functions
 * ```
 */
export const FRAME_SIZE = 2048;
const CODE = 512,
  BACK = 520,
  OUT_X = 528,
  OUT_F = 784,
  SCRATCH = 1088;
const CODE_ORIGIN = 0x10000;
/** Frames start late in a page, so that every second scratch area crosses a page boundary. */
const FRAMES_ORIGIN = 0x4000000 + 2688;
const GP = 3,
  LINK = 4;
/** How often each sequence runs: interpreted first, then translated, with other inputs each time. */
export const RUNS_PER_SEQUENCE = 4;

export type SequenceKind = "integer" | "float" | "all" | "branchy" | "loops" | "extensions" | "conditional";

export interface FrameProgram {
  readonly program: StaticProgram;
  /** Sequence index → address of its first instruction and its length in bytes. */
  readonly sequences: readonly { readonly address: number; readonly length: number; readonly kind: SequenceKind }[];
  readonly frames: { readonly address: number; readonly size: number };
}

const RULES: Readonly<Record<SequenceKind, SequenceRules>> = {
  integer: INTEGER_RULES,
  float: FLOAT_RULES,
  all: ALL_RULES,
  branchy: ALL_RULES,
  loops: ALL_RULES,
  extensions: EXTENSION_RULES,
  conditional: CONDITIONAL_RULES,
};
/** Those of a whole program. */
const KINDS: readonly SequenceKind[] = ["integer", "float", "all", "branchy"];

/** The sequence `index` of `seed` is the same whatever else is in the program. */
export function frameProgram(seed: number, indices: readonly number[], only?: SequenceKind): FrameProgram {
  const assembler = new Assembler(CODE_ORIGIN);
  const frameCount = indices.length * RUNS_PER_SEQUENCE;
  const framesSize = frameCount * FRAME_SIZE;
  appendFrameLoop(assembler, framesSize);
  const frames = new DataView(new ArrayBuffer(framesSize));
  const sequences = indices.map((index, position) => {
    const random = new SeededRandom(seed * 0x10000 + index);
    const kind = only ?? KINDS[random.below(KINDS.length)]!;
    const address = assembler.here;
    appendSequence(assembler, random, kind, `s${position}`);
    const length = assembler.here - address;
    for (let run = 0; run < RUNS_PER_SEQUENCE; run++)
      fillFrame(frames, (position * RUNS_PER_SEQUENCE + run) * FRAME_SIZE, address, random);
    return { address, length, kind };
  });
  const back = assembler.addressOf("back");
  for (let index = 0; index < frameCount; index++) frames.setBigUint64(index * FRAME_SIZE + BACK, BigInt(back), true);
  return {
    program: {
      entry: CODE_ORIGIN,
      segments: [
        { address: CODE_ORIGIN, bytes: assembler.finish(), writable: false },
        { address: FRAMES_ORIGIN, bytes: new Uint8Array(frames.buffer), writable: true },
      ],
    },
    sequences,
    frames: { address: FRAMES_ORIGIN, size: framesSize },
  };
}

function appendFrameLoop(assembler: Assembler, framesSize: number): void {
  const T0 = 5,
    A0 = 10,
    A1 = 11,
    A2 = 12,
    A7 = 17;
  assembler.loadConstant(GP, FRAMES_ORIGIN);
  assembler.label("frame");
  assembler.i("ld", T0, GP, 0);
  assembler.csr("csrrw", 0, 3, T0);
  for (let f = 0; f < 32; f++) assembler.i("fld", f, GP, 256 + f * 8);
  assembler.i("ld", LINK, GP, CODE);
  for (let x = 1; x < 32; x++) if (x !== GP && x !== LINK) assembler.i("ld", x, GP, x * 8);
  assembler.jumpRegister(LINK);
  assembler.label("back");
  for (let x = 1; x < 32; x++) assembler.store("sd", x, GP, OUT_X + x * 8);
  assembler.csr("csrrs", T0, 3, 0);
  assembler.store("sd", T0, GP, OUT_X);
  for (let f = 0; f < 32; f++) assembler.store("fsd", f, GP, OUT_F + f * 8);
  assembler.i("addi", GP, GP, FRAME_SIZE / 2);
  assembler.i("addi", GP, GP, FRAME_SIZE / 2);
  assembler.loadConstant(T0, FRAMES_ORIGIN + framesSize);
  assembler.branch(6, GP, T0, "frame");
  appendWriteAndExit(assembler, FRAMES_ORIGIN, framesSize, { A0, A1, A2, A7 });
}

/** write(1, …) until all is written, then exit(0); exit(1) when a write fails. */
export function appendWriteAndExit(
  assembler: Assembler,
  address: number,
  size: number,
  { A0, A1, A2, A7 } = { A0: 10, A1: 11, A2: 12, A7: 17 },
): void {
  assembler.loadConstant(A1, address);
  assembler.loadConstant(A2, size);
  assembler.label("write");
  assembler.i("addi", A0, 0, 1);
  assembler.i("addi", A7, 0, 64);
  assembler.ecall();
  assembler.branch(5, 0, A0, "exit"); // bge zero, a0
  assembler.r("add", A1, A1, A0);
  assembler.r("sub", A2, A2, A0);
  assembler.branch(1, A2, 0, "write");
  assembler.label("exit");
  assembler.r("sltu", A0, 0, A2);
  assembler.i("addi", A7, 0, 93);
  assembler.ecall();
}

function appendSequence(assembler: Assembler, random: SeededRandom, kind: SequenceKind, prefix: string): void {
  const finish = (): void => {
    assembler.i("ld", LINK, GP, BACK);
    assembler.jumpRegister(LINK);
  };
  if (kind === "branchy" || kind === "loops" || kind === "extensions" || kind === "conditional") {
    appendBranchyProgram(assembler, random, RULES[kind], prefix, finish, kind === "loops");
  } else {
    appendRandomInstructions(assembler, random, 8 + random.below(24), RULES[kind]);
    finish();
  }
}

function fillFrame(frames: DataView, at: number, code: number, random: SeededRandom): void {
  const address = FRAMES_ORIGIN + at;
  for (let x = 1; x < 32; x++) frames.setBigUint64(at + x * 8, randomInteger(random), true);
  // fcsr: mostly nearest-even, with and without flags already raised.
  const frm = random.below(2) === 0 ? 0 : random.below(5);
  const flags = [0, 1, 1, random.below(32)][random.below(4)]!;
  frames.setBigUint64(at, BigInt((frm << 5) | flags), true);
  frames.setBigUint64(at + 2 * 8, BigInt(address + SCRATCH), true);
  frames.setBigUint64(at + 8 * 8, BigInt(address + SCRATCH), true);
  frames.setBigUint64(at + 9 * 8, BigInt(address + SCRATCH + SCRATCH_SIZE / 2), true);
  for (let f = 0; f < 32; f++) frames.setBigUint64(at + 256 + f * 8, randomFloatRegister(random), true);
  frames.setBigUint64(at + CODE, BigInt(code), true);
  for (let offset = 0; offset < SCRATCH_SIZE; offset += 8) {
    frames.setBigUint64(
      at + SCRATCH + offset,
      random.below(2) === 0 ? randomBits64(random) : randomFloatRegister(random),
      true,
    );
  }
}
