import type { WasmEngine } from "@stratos/host";
import { arithmeticLowerings } from "./float-arithmetic.ts";
import { COMPARISON_LOWERINGS } from "./float-compare.ts";
import { CONVERSION_LOWERINGS } from "./float-convert.ts";
import { HALF_LOWERINGS } from "./float-half.ts";
import { doubleHelpers } from "./float-helpers.ts";
import { SINGLE_AND_CONVERSION_HELPERS } from "./float-helpers-single.ts";
import { hasFusedMultiplyAdd } from "./float-probe.ts";
import type { Helper, LoweringTable } from "./lowering.ts";

/**
 * Floating point for the translator and the generated interpreter: every instruction of F, D and Zfhmin (loads
 * and stores too, but not the CSRs), bit-exact in all rounding modes and flags.
 *
 * ```
 * float-state.ts           when native arithmetic is all that's needed
 * float-arithmetic.ts      + − × ÷ √ and fused: native inline, else a helper
 * float-convert.ts         fcvt
 * float-compare.ts         comparisons, min/max, signs, classes, moves, loads, stores
 * float-half.ts            halves
 * float-helpers.ts         doubles, exactly, in wasm (error-free transformations)
 * float-helpers-single.ts  singles and conversions, exactly, in wasm (round to odd)
 * float-fallback.ts        the soft float, for what is left
 * ```
 */
interface FloatLowering {
  readonly lowerings: LoweringTable;
  /** For the core module, in an order in which each calls only itself and earlier ones. */
  readonly helpers: readonly Helper[];
}

/** @param fused  whether the host fuses its relaxed multiply-add; only tests say otherwise than the probe */
export function floatLowering(engine: WasmEngine, fused: boolean = hasFusedMultiplyAdd(engine)): FloatLowering {
  return {
    lowerings: { ...arithmeticLowerings(fused), ...CONVERSION_LOWERINGS, ...COMPARISON_LOWERINGS, ...HALF_LOWERINGS },
    helpers: [...doubleHelpers(fused), ...SINGLE_AND_CONVERSION_HELPERS],
  };
}
