import { byteStringOf } from "@stratos/base";
import { MemoryCodeArchive } from "@stratos/host";
import { NodeWasmEngine } from "@stratos/host-node";
import { keepProfiles } from "../archive-builder.ts";
import type { AddressMode } from "../access.ts";
import { BareGuest } from "../bare/bare-guest.ts";
import { ExitReason } from "../exit-reason.ts";
import { HART_PC } from "../hart-state.ts";
import { staticElf, type StaticProgram } from "./assembler.ts";
import type { RunResult } from "./qemu.ts";

interface ProcessorRunOptions {
  /** false: the generated interpreter only. */
  readonly translate: boolean;
  /** Instructions for each slice; small ones end runs in many places. */
  readonly slice: number;
  readonly stopEvery?: number;
  /** Empties the address tables after each slice, as a kernel that recycles slots may: every page faults again. */
  readonly forget?: boolean;
  readonly mode?: AddressMode;
  /** Executions before something is translated; absent: one. With more, jumps show their targets first. */
  readonly hotThreshold?: number;
  /** The host as one without a fused multiply-add. */
  readonly unfused?: boolean;
  /** With what an earlier run of the same program has left in an archive. */
  readonly kept?: boolean;
}

/** Refuses the module that asks for relaxed SIMD (lower/float-probe.ts), the first and smallest of all. */
class UnfusedEngine extends NodeWasmEngine {
  override compile(bytes: Uint8Array): ReturnType<NodeWasmEngine["compile"]> {
    if (bytes.length < 200) throw new Error("relaxed SIMD isn't supported");
    return super.compile(bytes);
  }
}

/** Where each slice of a run ended: pc and instructions retired so far. */
export function sliceEnds(program: StaticProgram, options: ProcessorRunOptions): { pc: number; retired: number }[] {
  const guest = new BareGuest(staticElf(program), {
    engine: new NodeWasmEngine(),
    hotThreshold: 1,
    frameBytes: 16 << 20,
    ...options,
  });
  const ends: { pc: number; retired: number }[] = [];
  while (guest.exitStatus < 0 && guest.failure === "" && ends.length < 1_000_000) {
    if (guest.step(options.slice) === ExitReason.BUDGET)
      ends.push({ pc: guest.physical.u32[HART_PC >>> 2]!, retired: guest.processor.statistics.instructions });
  }
  if (guest.failure !== "") throw new Error(`the guest failed: ${guest.failure}`);
  ends.push({ pc: 0, retired: guest.processor.statistics.instructions });
  return ends;
}

/** Runs the program on our processor; the translator gets everything that runs twice. */
export function runProcessor(program: StaticProgram, options: ProcessorRunOptions): RunResult {
  if (options.kept === true) return runKept(program, options);
  return runGuest(program, options).result;
}

/** A run that fills an archive, and one that finds it. */
function runKept(program: StaticProgram, options: ProcessorRunOptions): RunResult {
  const archive = new MemoryCodeArchive();
  const first = runGuest(program, options, archive);
  first.guest.processor.submitProfile();
  for (const profile of archive.profiles) keepProfiles(profile, archive, new NodeWasmEngine());
  const second = runGuest(program, options, archive);
  const { keptFunctions } = second.guest.processor.statistics;
  if (keptFunctions === 0) throw new Error("nothing was taken from the archive");
  return second.result;
}

function runGuest(
  program: StaticProgram,
  options: ProcessorRunOptions,
  archive?: MemoryCodeArchive,
): { readonly guest: BareGuest; readonly result: RunResult } {
  const { forget, unfused, ...rest } = options;
  const engine = unfused === true ? new UnfusedEngine() : new NodeWasmEngine();
  const guest = new BareGuest(staticElf(program), { engine, hotThreshold: 1, frameBytes: 16 << 20, archive, ...rest });
  if (forget !== true) guest.run(1e9);
  else {
    while (guest.exitStatus < 0 && guest.failure === "" && guest.processor.statistics.instructions < 1e8) {
      if (guest.step(options.slice) === ExitReason.BUDGET) guest.forgetPages();
    }
  }
  if (guest.failure !== "") throw new Error(`the guest failed: ${guest.failure}`);
  if (guest.exitStatus < 0) throw new Error("the guest doesn't end");
  return { guest, result: { output: byteStringOf(guest.output), status: guest.exitStatus } };
}
