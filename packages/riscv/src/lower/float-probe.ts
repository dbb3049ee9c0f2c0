import type { WasmEngine } from "@stratos/host";
import { ModuleBuilder, Type } from "@stratos/wasm";
import { get, pushFused } from "./float-expression.ts";

/**
 * Whether the host's relaxed multiply-add rounds once, in both widths. The specification of relaxed SIMD lets a host
 * round twice; a host without the proposal refuses the module.
 */
export function hasFusedMultiplyAdd(engine: WasmEngine): boolean {
  try {
    const { double, single } = engine.instantiate(engine.compile(probeModule()), {}).exports as Record<
      string,
      (a: number, b: number, c: number) => number
    >;
    // x² = 1 + 2x' + x'², of which rounding the product loses the last term.
    const d = 1 + 2 ** -30,
      s = 1 + 2 ** -13;
    return double!(d, d, -(1 + 2 ** -29)) === 2 ** -60 && single!(s, s, -(1 + 2 ** -12)) === 2 ** -26;
  } catch {
    return false;
  }
}

/** Two functions of three parameters each: `double` and `single`. */
function probeModule(): Uint8Array {
  const builder = new ModuleBuilder();
  for (const [name, type] of [
    ["double", Type.f64],
    ["single", Type.f32],
  ] as const) {
    builder.exportFunction(name, builder.addFunction(builder.type([type, type, type], [type])));
    const at = builder.code.beginFunction([]);
    pushFused(type, get(0), get(1), get(2))({ code: builder.code, call: () => {} });
    builder.code.endFunction(at);
  }
  return builder.finish();
}
