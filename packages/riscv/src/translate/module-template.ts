import { type CodeWriter, ModuleBuilder, Type } from "@stratos/wasm";
import { TLB_MISS } from "../access.ts";
import type { AddressMode } from "../access.ts";
import { INSTRUCTIONS } from "../instruction-table.ts";
import type { Helper } from "../lower/lowering.ts";
import type { TranslationImports } from "./translation-imports.ts";
import type { Unit } from "./unit.ts";

/** A module's types and imports, which are the same each time. */
export interface ModuleTemplate {
  readonly builder: ModuleBuilder;
  readonly imports: TranslationImports;
}

/** @param isKept  for units that are kept: where they are is told by `place` when they are instantiated */
export function createTemplate(
  code: CodeWriter,
  helpers: readonly Helper[],
  mode: AddressMode,
  isKept = false,
): ModuleTemplate {
  const builder = new ModuleBuilder(code);
  builder.importMemory("m", "memory");
  builder.importTable("m", "table");
  const codeType = builder.type([Type.i32, Type.i32], [Type.i32]);
  const leave = builder.importFunction(
    "m",
    "leave",
    builder.type([Type.i32, Type.i32, Type.i32, Type.i32], [Type.i32]),
  );
  const dispatch = builder.importFunction("m", "dispatch", codeType);
  const ecall = builder.importFunction("m", "ecall", builder.type([], [Type.i32]));
  const indexOf = new Map(
    helpers.map((helper) => [
      helper.name,
      builder.importFunction("m", helper.name, builder.type(helper.parameters, helper.results)),
    ]),
  );
  if (mode === "wide")
    indexOf.set(
      TLB_MISS,
      builder.importFunction("m", TLB_MISS, builder.type([Type.i32, Type.i32, Type.i32], [Type.i32])),
    );
  const place = isKept
    ? { base: builder.importGlobal("place", "base", Type.i32), slots: builder.importGlobal("place", "slots", Type.i32) }
    : null;
  return { builder, imports: { codeType, leave, dispatch, ecall, helper: (name) => indexOf.get(name)!, place } };
}

/** Whether lowerings of the unit call functions of the core module. */
export function needsHelpers(unit: Unit): boolean {
  return unit.blocks.some((block) =>
    block.instructions.some((instruction) => USES_HELPERS[instruction.index] === true),
  );
}

const USES_HELPERS: readonly boolean[] = INSTRUCTIONS.map(
  ({ name, operands, format }) => operands.includes("f") || format.startsWith("csr") || name.startsWith("aes64"),
);
