/**
 * Functions that begin with checks of their parameters get a second entry, behind the checks, for callers that have
 * proved them. It is a clause of its own, the one after the last, and takes the same arguments.
 */
import { checkPrefix, substituted, withChecks, type CheckPrefix } from "./check-prefix.ts";
import type { Code } from "./closures.ts";
import { Var, children, isBehindChecks, mapChildren, type Fun, type Node } from "./ir.ts";

/** Splits all functions that begin with checks; code must be normalised. @returns the code behind the checks */
export function makeEntries(codes: readonly Code[]): Code[] {
  return codes.flatMap((code) => {
    const { fun, parameters, body } = code;
    if (fun.clauses.length !== 1 || fun.clauses[0]!.hasRest) return [];
    const prefix = checkPrefix(body, parameters);
    return prefix === null ? [] : [makeEntry(code, prefix)];
  });
}

function makeEntry(code: Code, prefix: CheckPrefix): Code {
  const { fun, parameters } = code;
  const own = new Map<Var, Var>();
  const inner = prefix.inner.map(({ v }, index) => {
    if (v !== parameters[index]) return v;
    const fresh = new Var(v.name);
    own.set(v, fresh);
    return fresh;
  });
  const clause = fun.clauses.length;
  const self: Node | null = fun.isClosed || fun.isLifted ? null : { k: "captured", index: -1, v: new Var("self") };
  const body = substituted(prefix.rest, own);
  code.body = withChecks(prefix, parameters, parameters, (args) => ({
    k: "direct",
    fun,
    clause,
    self,
    args,
    source: null,
  }));
  const values = prefix.inner.map(({ value }) => value);
  fun.entry = { checks: prefix.checks, outer: parameters, values, parameters: inner, givesFloat: false };
  return { fun, clause, parameters: inner, body };
}

/**
 * Puts code behind checks back in its place where only the checks lead there. @param kept  functions whose entries
 * others may call
 */
export function withoutUnusedEntries(codes: readonly Code[], kept: ReadonlySet<Fun>): Code[] {
  const used = new Set(kept);
  for (const code of codes) noteUses(code.body, code, used);
  const isUnused = (code: Code): boolean => isBehindChecks(code) && !used.has(code.fun);
  const unused = new Map(codes.filter(isUnused).map((code) => [code.fun, code]));
  const putBack = (node: Node, entry: Code): Node => {
    if (node.k !== "direct" || node.fun !== entry.fun) return mapChildren(node, (child) => putBack(child, entry));
    const { args } = node;
    return entry.parameters.reduceRight(
      (body, v, index): Node => ({ k: "let", vars: [v], values: [args[index]!], body }),
      entry.body,
    );
  };
  for (const code of codes) {
    const entry = unused.get(code.fun);
    if (entry === undefined || code === entry) continue;
    code.body = putBack(code.body, entry);
    code.fun.entry = null;
  }
  return codes.filter((code) => !unused.has(code.fun) || unused.get(code.fun) !== code);
}

/** Calls of entries, but for that of the function's own checks. */
function noteUses(node: Node, code: Code, used: Set<Fun>): void {
  if (node.k === "direct" && isBehindChecks(node)) if (node.fun !== code.fun || code.clause !== 0) used.add(node.fun);
  for (const child of children(node)) noteUses(child, code, used);
}
