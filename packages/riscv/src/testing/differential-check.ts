/** The same program on several machines; they must agree on every byte. */
import type { VectorProgram } from "./float-vectors.ts";
import { FRAME_SIZE, frameProgram, RUNS_PER_SEQUENCE, type FrameProgram, type SequenceKind } from "./frame-program.ts";
import { runProcessor } from "./processor-run.ts";
import { runQemu, type RunResult } from "./qemu.ts";
import { runReference } from "./reference-run.ts";
import type { StaticProgram } from "./assembler.ts";

export type EngineName =
  | "qemu"
  | "reference"
  | "interpreter"
  | "translator"
  | "sliced"
  | "forgetful"
  | "late"
  | "later"
  | "unfused"
  | "kept"
  | "kept-forgetful"
  | "kept-wide"
  | "wide-interpreter"
  | "window"
  | "window-forgetful"
  | "kept-window"
  | "wide"
  | "wide-forgetful";

export const ENGINES: Readonly<Record<EngineName, (program: StaticProgram) => RunResult>> = {
  qemu: runQemu,
  reference: runReference,
  interpreter: (program) => runProcessor(program, { translate: false, slice: 1_000_000 }),
  translator: (program) => runProcessor(program, { translate: true, slice: 1_000_000 }),
  /** Slices end at many places, translated and interpreted. */
  sliced: (program) => runProcessor(program, { translate: true, slice: 97 }),
  /** Pages fault again and again in the midst of translated code. */
  forgetful: (program) => runProcessor(program, { translate: true, slice: 193, forget: true }),
  /** Loops are translated once their jumps through registers have been seen, some after they were translated. */
  late: (program) => runProcessor(program, { translate: true, slice: 1_000, hotThreshold: 10 }),
  later: (program) => runProcessor(program, { translate: true, slice: 1_000, hotThreshold: 60 }),
  /** Fused multiply-adds by software. */
  unfused: (program) => runProcessor(program, { translate: true, slice: 1_000_000, unfused: true }),
  /** Translations of an earlier run, with their machine code. */
  kept: (program) => runProcessor(program, { translate: true, slice: 193, kept: true }),
  "kept-forgetful": (program) => runProcessor(program, { translate: true, slice: 193, kept: true, forget: true }),
  window: (program) => runProcessor(program, { translate: true, slice: 1_000_000, mode: "window" }),
  "window-forgetful": (program) => runProcessor(program, { translate: true, slice: 193, forget: true, mode: "window" }),
  "kept-window": (program) => runProcessor(program, { translate: true, slice: 193, kept: true, mode: "window" }),
  "kept-wide": (program) => runProcessor(program, { translate: true, slice: 193, kept: true, mode: "wide" }),
  "wide-interpreter": (program) => runProcessor(program, { translate: false, slice: 1_000_000, mode: "wide" }),
  wide: (program) => runProcessor(program, { translate: true, slice: 1_000_000, mode: "wide" }),
  "wide-forgetful": (program) => runProcessor(program, { translate: true, slice: 193, forget: true, mode: "wide" }),
};

interface Difference {
  readonly engine: EngineName;
  /** Sequence index of the seed; −1 when the whole program failed. */
  readonly index: number;
  readonly run: number;
  readonly what: string;
}

/** The first difference of each sequence against the first engine. */
function compareEngines(
  seed: number,
  indices: readonly number[],
  engines: readonly EngineName[],
  only?: SequenceKind,
): Difference[] {
  const program = frameProgram(seed, indices, only);
  const [judge, ...others] = engines;
  const wanted = ENGINES[judge!](program.program);
  if (wanted.status !== 0 || wanted.output.length !== program.frames.size) {
    return [
      { engine: judge!, index: -1, run: 0, what: `status ${wanted.status}, ${wanted.output.length} bytes of output` },
    ];
  }
  return others.flatMap((engine) => {
    try {
      return differences(program, indices, engine, wanted, ENGINES[engine](program.program));
    } catch (error) {
      return [{ engine, index: -1, run: 0, what: String(error) }];
    }
  });
}

function differences(
  program: FrameProgram,
  indices: readonly number[],
  engine: EngineName,
  wanted: RunResult,
  actual: RunResult,
): Difference[] {
  if (actual.status !== wanted.status || actual.output.length !== wanted.output.length) {
    return [{ engine, index: -1, run: 0, what: `status ${actual.status}, ${actual.output.length} bytes of output` }];
  }
  const found: Difference[] = [];
  const view = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const a = view(wanted.output),
    b = view(actual.output);
  program.sequences.forEach((_, position) => {
    const start = position * RUNS_PER_SEQUENCE * FRAME_SIZE;
    const what: string[] = [];
    let run = -1;
    for (let at = start; at < start + RUNS_PER_SEQUENCE * FRAME_SIZE; at += 8) {
      const x = a.getBigUint64(at, true),
        y = b.getBigUint64(at, true);
      if (x === y) continue;
      const thisRun = Math.floor((at - start) / FRAME_SIZE);
      if (run >= 0 && thisRun !== run) break;
      run = thisRun;
      what.push(`${slotName((at - start) % FRAME_SIZE)} is ${y.toString(16)}, not ${x.toString(16)}`);
    }
    if (run >= 0) found.push({ engine, index: indices[position]!, run, what: what.slice(0, 6).join("; ") });
  });
  return found;
}

/** What lies at an offset of a frame (frame-program.ts). */
function slotName(offset: number): string {
  if (offset === 528) return "fcsr";
  if (offset < 528) return `input at ${offset}`;
  if (offset < 784) return `x${(offset - 528) / 8}`;
  if (offset < 1040) return `f${(offset - 784) / 8}`;
  return `scratch+${offset - 1088}`;
}

/** Calls `compareEngines` for `count` sequences in batches, each one program. */
export function checkSequences(options: {
  seed: number;
  first: number;
  count: number;
  batch: number;
  engines: readonly EngineName[];
  kind?: SequenceKind;
}): Difference[] {
  const { seed, first, count, batch, engines, kind } = options;
  const found: Difference[] = [];
  for (let start = first; start < first + count; start += batch) {
    const indices = Array.from({ length: Math.min(batch, first + count - start) }, (_, offset) => start + offset);
    found.push(...compareEngines(seed, indices, engines, kind));
  }
  return found;
}

/** How to see one difference again. */
export function repeatCommand(seed: number, difference: Difference, kind?: SequenceKind): string {
  const place = difference.index < 0 ? "" : ` --first ${difference.index} --count 1`;
  return `npm run fuzz:riscv -- --seed ${seed}${place}${kind === undefined ? "" : ` --kind ${kind}`}`;
}

/** The first differences of `engines` against the first of them in the floating-point vectors; in words. */
export function checkFloatVectors(program: VectorProgram, engines: readonly EngineName[]): string[] {
  const [judge, ...others] = engines;
  const wanted = ENGINES[judge!](program.program);
  if (wanted.status !== 0) return [`${judge}: status ${wanted.status}`];
  const found: string[] = [];
  for (const engine of others) {
    const actual = ENGINES[engine](program.program);
    if (actual.output.length !== wanted.output.length) {
      found.push(`${engine}: ${actual.output.length} bytes of output, not ${wanted.output.length}`);
      continue;
    }
    const a = new DataView(wanted.output.buffer, wanted.output.byteOffset),
      b = new DataView(actual.output.buffer, actual.output.byteOffset);
    for (let index = 0; index * 8 < wanted.output.length && found.length < 20; index++) {
      const x = a.getBigUint64(index * 8, true),
        y = b.getBigUint64(index * 8, true);
      if (x !== y) found.push(`${engine}: ${program.describe(index)} is ${y.toString(16)}, not ${x.toString(16)}`);
    }
  }
  return found;
}
