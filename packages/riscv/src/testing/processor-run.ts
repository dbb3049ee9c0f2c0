import { byteStringOf } from "@stratos/base";
import { NodeWasmEngine } from "@stratos/host-node";
import { BareGuest } from "../bare/bare-guest.ts";
import { ExitReason } from "../exit-reason.ts";
import { HART_PC } from "../hart-state.ts";
import { staticElf, type StaticProgram } from "./assembler.ts";
import type { RunResult } from "./qemu.ts";

export interface ProcessorRunOptions {
  /** false: the generated interpreter only. */
  readonly translate: boolean;
  /** Instructions for each slice; small ones end runs in many places. */
  readonly slice: number;
}

/** Where each slice of a run ended: pc and instructions retired so far. */
export function sliceEnds(program: StaticProgram, options: ProcessorRunOptions): { pc: number; retired: number }[] {
  const guest = new BareGuest(staticElf(program), { engine: new NodeWasmEngine(), hotThreshold: 1, frameBytes: 16 << 20, ...options });
  const ends: { pc: number; retired: number }[] = [];
  while (guest.exitStatus < 0 && guest.failure === "" && ends.length < 1_000_000) {
    if (guest.step(options.slice) === ExitReason.BUDGET) ends.push({ pc: guest.physical.u32[HART_PC >>> 2]!, retired: guest.processor.statistics.instructions });
  }
  if (guest.failure !== "") throw new Error(`the guest failed: ${guest.failure}`);
  ends.push({ pc: 0, retired: guest.processor.statistics.instructions });
  return ends;
}

/** Runs the program on our processor; the translator gets everything that runs twice. */
export function runProcessor(program: StaticProgram, options: ProcessorRunOptions): RunResult {
  const guest = new BareGuest(staticElf(program), { engine: new NodeWasmEngine(), hotThreshold: 1, frameBytes: 16 << 20, ...options });
  guest.run(1e9);
  if (guest.failure !== "") throw new Error(`the guest failed: ${guest.failure}`);
  if (guest.exitStatus < 0) throw new Error("the guest doesn't end");
  return { output: byteStringOf(guest.output), status: guest.exitStatus };
}
