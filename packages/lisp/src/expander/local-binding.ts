/** Identifiers become variables: parameters, local variables, and the slots of a body's definitions. */
import type { Core, Global, Variable } from "../core/core.ts";
import type { Source } from "../datum/source.ts";
import { makeVariable } from "../core/build.ts";
import { syntaxError } from "../datum/condition.ts";
import { NIL, Pair } from "../datum/datum.ts";
import { bind } from "./binding.ts";
import { type Identifier, isIdentifier, type Scope, Syntax, syntaxToDatum, unwrap } from "./syntax.ts";

/** A definition's place: a variable of a body, or a global. */
export type Slot = { readonly variable: Variable } | { readonly global: Global };

export function slotReference(slot: Slot, source: Source | null = null): Core {
  return "variable" in slot
    ? { kind: "local", variable: slot.variable, source }
    : { kind: "global", global: slot.global, source };
}

/** Formals of a lambda: identifiers, and that of the rest. @throws SchemeError */
export function parseFormals(formals: unknown, whole: Syntax): { required: Identifier[]; rest: Identifier | null } {
  const required: Identifier[] = [];
  let rest = formals;
  for (let datum = unwrap(rest); datum instanceof Pair; datum = unwrap(rest)) {
    if (!isIdentifier(datum.car))
      throw syntaxError(
        "a parameter must be an identifier",
        datum.car instanceof Syntax ? datum.car.source : whole.source,
        syntaxToDatum(datum.car),
      );
    required.push(datum.car);
    rest = datum.cdr;
  }
  if (unwrap(rest) === NIL) return { required, rest: null };
  if (!isIdentifier(rest)) throw syntaxError("a parameter must be an identifier", whole.source, syntaxToDatum(rest));
  return { required, rest };
}

/** Binds identifiers as local variables in a new scope. @throws SchemeError where one stands twice */
export function bindLocals(identifiers: readonly Identifier[], scope: Scope, phase: number): Variable[] {
  const seen = new Map<unknown, Identifier[]>();
  return identifiers.map((given) => {
    const identifier = given.with("add", scope) as Identifier;
    const same = seen.get(identifier.datum);
    if (same?.some((other) => other.scopes.equals(identifier.scopes)) === true)
      throw syntaxError(`${identifier.datum.name} is bound twice`, given.source);
    if (same === undefined) seen.set(identifier.datum, [identifier]);
    else same.push(identifier);
    const variable = makeVariable(identifier.datum.name, given.source);
    bind(identifier.datum, identifier.scopes, phase, { kind: "local", variable });
    return variable;
  });
}
