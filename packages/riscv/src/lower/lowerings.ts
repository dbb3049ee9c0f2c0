import type { WasmEngine } from "@stratos/host";
import { atomicLowerings } from "./atomic.ts";
import { csrHelpers, csrLowerings } from "./csr.ts";
import { floatLowering } from "./float.ts";
import { integerLowerings } from "./integer.ts";
import type { Helper, LoweringTable } from "./lowering.ts";

export interface InstructionMeanings {
  /** The meaning of every instruction but control transfers and traps, by name. */
  readonly lowerings: LoweringTable;
  /** Functions of the core module that lowerings call. */
  readonly helpers: readonly Helper[];
}

export function instructionMeanings(engine: WasmEngine): InstructionMeanings {
  const float = floatLowering(engine);
  return {
    lowerings: { ...integerLowerings, ...atomicLowerings, ...csrLowerings, ...float.lowerings },
    helpers: [...csrHelpers, ...float.helpers],
  };
}
