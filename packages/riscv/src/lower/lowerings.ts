import type { WasmEngine } from "@stratos/host";
import { aesHelpers, aesLowerings } from "./aes.ts";
import { atomicLowerings } from "./atomic.ts";
import { bitLowerings } from "./bit-manipulation.ts";
import { cacheBlockLowerings } from "./cache-block.ts";
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
    lowerings: {
      ...integerLowerings,
      ...atomicLowerings,
      ...csrLowerings,
      ...bitLowerings,
      ...aesLowerings,
      ...cacheBlockLowerings,
      ...float.lowerings,
    },
    helpers: [...csrHelpers, ...aesHelpers, ...float.helpers],
  };
}
