/** Short words to make core forms with. */
import { codesOf, type Datum, UNSPECIFIED } from "../datum/datum.ts";
import type { Core, Global, Variable } from "./core.ts";
import type { Source } from "../datum/source.ts";

const PRIMITIVE_LIBRARY = "(stratos primitive)";
const primitives = new Map<string, Global>();

/** The global of a primitive: one object for each name. */
export function primitiveGlobal(name: string): Global {
  let found = primitives.get(name);
  if (found === undefined)
    primitives.set(
      name,
      (found = { library: PRIMITIVE_LIBRARY, name, isAssigned: false, primitive: name, source: null }),
    );
  return found;
}

export function makeConst(datum: unknown, source: Source | null = null): Core {
  return { kind: "const", datum: datum as Datum, source };
}

export const unspecifiedCore: Core = makeConst(UNSPECIFIED);

export function makeVariable(name: string, source: Source | null = null): Variable {
  return { name, isAssigned: false, source };
}

export function makeLocal(variable: Variable, source: Source | null = null): Core {
  return { kind: "local", variable, source };
}

export function makeCall(operator: Core, operands: readonly Core[], source: Source | null = null): Core {
  return { kind: "call", operator, operands, source };
}

export function callPrimitive(name: string, operands: readonly Core[], source: Source | null = null): Core {
  return makeCall({ kind: "global", global: primitiveGlobal(name), source }, operands, source);
}

export function makeLambda(
  required: readonly Variable[],
  rest: Variable | null,
  body: Core,
  name: string | null = null,
  source: Source | null = null,
): Core {
  return { kind: "lambda", name, clauses: [{ required, rest, body }], source };
}

export function makeIf(test: Core, then: Core, otherwise: Core, source: Source | null = null): Core {
  return { kind: "if", test, then, else: otherwise, source };
}

export function makeBegin(body: readonly Core[], source: Source | null = null): Core {
  return body.length === 1 ? body[0]! : { kind: "begin", body, source };
}

export function makeLet(variable: Variable, value: Core, body: Core, source: Source | null = null): Core {
  return { kind: "let", variables: [variable], values: [value], body, source };
}

/** A lambda that has no name yet takes that of what it is bound to. */
export function withName(core: Core, name: string): Core {
  if (core.kind !== "lambda" || core.name !== null) return core;
  for (const { text, words } of core.messages ?? []) text.codes = codesOf(`${name}: ${words}`);
  return { ...core, name };
}
