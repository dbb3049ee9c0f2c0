/**
 * The part of a program's libraries that the program can reach: definitions of functions, constants and records whose
 * names nothing that runs mentions are left out before they are compiled.
 */
import type { Core, Global, Unit } from "./core.ts";

/** Primitives by which a program may reach any name of a library at run time. */
export const REFLECTIVE: ReadonlySet<string> = new Set([
  "eval",
  "load",
  "environment",
  "interaction-environment",
  "scheme-report-environment",
  "null-environment",
]);
/** Calls of these with constants and variables have no effect but their value. */
const PURE = new Set([
  "make-record-type",
  "record-constructor",
  "record-predicate",
  "record-accessor",
  "record-modifier",
]);

/** Whether some unit mentions one of them. */
export function isReflective(units: readonly Unit[]): boolean {
  const open = units.flatMap(({ body }) => body);
  for (let core = open.pop(); core !== undefined; core = open.pop()) {
    if (core.kind === "global" && core.global.primitive !== null && REFLECTIVE.has(core.global.primitive)) return true;
    open.push(...children(core));
  }
  return false;
}

/**
 * @param units  libraries in order of their running, the program last
 * @param options.isWhole  a program that may reach any name at run time keeps all
 * @returns the same, less what is not reached
 */
export function reachableUnits(units: readonly Unit[], { isWhole = true } = {}): readonly Unit[] {
  const definitions = new Map<Global, Core[]>();
  const open: Core[] = [];
  for (const [index, unit] of units.entries()) {
    for (const form of unit.body) {
      if (index === units.length - 1 || form.kind !== "define-global" || !isPure(form.value)) open.push(form);
      else definitions.set(form.global, [...(definitions.get(form.global) ?? []), form]);
    }
  }
  const kept = new Set<Core>(open);
  const reached = new Set<Global>();
  for (let core = open.pop(); core !== undefined; core = open.pop()) {
    if (core.kind === "global" || core.kind === "set-global") {
      const { global } = core;
      if (isWhole && global.primitive !== null && REFLECTIVE.has(global.primitive)) return units;
      if (!reached.has(global)) {
        reached.add(global);
        for (const form of definitions.get(global) ?? []) {
          kept.add(form);
          open.push(form);
        }
      }
    }
    open.push(...children(core));
  }
  return units.map((unit) => ({ ...unit, body: unit.body.filter((form) => kept.has(form)) }));
}

function isPure(value: Core): boolean {
  if (value.kind !== "call") return value.kind === "lambda" || value.kind === "const";
  const { operator, operands } = value;
  return (
    operator.kind === "global" &&
    operator.global.primitive !== null &&
    PURE.has(operator.global.primitive) &&
    operands.every(({ kind }) => kind === "const" || kind === "global")
  );
}

function children(core: Core): readonly Core[] {
  switch (core.kind) {
    case "const":
    case "local":
    case "global":
      return [];
    case "set-local":
    case "set-global":
    case "define-global":
      return [core.value];
    case "if":
      return [core.test, core.then, core.else];
    case "begin":
      return core.body;
    case "lambda":
      return core.clauses.map(({ body }) => body);
    case "let":
    case "letrec*":
      return [...core.values, core.body];
    case "call":
      return [core.operator, ...core.operands];
  }
}
