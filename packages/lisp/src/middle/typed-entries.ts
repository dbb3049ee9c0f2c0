/**
 * Functions that begin with checks of their parameters get a second entry, behind the checks, for callers that have
 * proved them. It is a clause of its own, the one after the last, and takes the same arguments.
 */
import { checkPrefix, substituted, withChecks } from "./check-prefix.ts";
import type { Code } from "./closures.ts";
import { Var, type Node } from "./ir.ts";

/** Tells functions what they check; code must be normalised. */
export function noteChecks(codes: readonly Code[]): void {
  for (const { fun, clause, parameters, body } of codes) {
    if (fun.clauses.length !== 1 || clause !== 0 || fun.clauses[0]!.hasRest) continue;
    const prefix = checkPrefix(body, parameters);
    if (prefix !== null) fun.entry = { checks: prefix.checks, parameters: [], givesFloat: false, isMade: false };
  }
}

/** Splits a function: its code keeps the checks. @returns the code behind them */
export function makeEntry(code: Code): Code {
  const { fun, parameters } = code;
  const prefix = checkPrefix(code.body, parameters)!;
  const own = new Map<Var, Var>();
  const inner = prefix.inner.map(({ v }, index) => {
    if (v !== parameters[index]) return v;
    const fresh = new Var(v.name);
    own.set(v, fresh);
    return fresh;
  });
  const clause = fun.clauses.length;
  const self: Node | null =
    fun.isClosed || fun.isLifted ? null : { k: "captured", index: -1, v: new Var("self") };
  const body = substituted(prefix.rest, own);
  code.body = withChecks(prefix, parameters, parameters, (args) => ({
    k: "direct",
    fun,
    clause,
    self,
    args,
    source: null,
  }));
  fun.entry = { ...fun.entry!, parameters: inner, isMade: true };
  return { fun, clause, parameters: inner, body };
}
