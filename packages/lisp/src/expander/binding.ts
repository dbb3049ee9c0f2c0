/** What identifiers mean: bindings, and how a set of scopes chooses among them. */
import { SchemeSymbol } from "../datum/datum.ts";
import { syntaxError } from "../datum/condition.ts";
import { ANY_PHASE, type Binding, type Identifier, type Scope, ScopeSet, type ScopedBinding } from "./syntax.ts";

/** Binds a symbol for identifiers that are in all of `set`. A set that had a binding gets the new one. */
export function bind(symbol: SchemeSymbol, set: ScopeSet, phase: number, binding: Binding): void {
  const scope = set.scopes.at(-1);
  if (scope === undefined) throw syntaxError(`a binding without a scope: ${symbol.name}`, null);
  let entries = scope.bindings.get(symbol);
  if (entries === undefined) scope.bindings.set(symbol, (entries = []));
  const entry: ScopedBinding = { set, phase, binding };
  const at = entries.findIndex((own) => own.phase === phase && own.set.equals(set));
  if (at >= 0) entries[at] = entry;
  else entries.push(entry);
}

/**
 * The binding of an identifier: of those whose sets are subsets of its own, the one with the largest.
 *
 * @returns null when it is unbound
 * @throws SchemeError  when two candidates have sets of which neither contains the other
 */
export function resolve({ datum: symbol, scopes, source }: Identifier, phase: number): Binding | null {
  const best = bestEntry(symbol, scopes, phase);
  if (best === null) return null;
  for (const scope of scopes.scopes) {
    for (const entry of scope.bindings.get(symbol) ?? []) {
      if (isCandidate(entry, scopes, phase) && !entry.set.isSubsetOf(best.set))
        throw syntaxError(`an ambiguous identifier: ${symbol.name}`, source);
    }
  }
  return best.binding;
}

/** The entry that is bound with exactly these scopes, or null. */
export function boundExactly(symbol: SchemeSymbol, set: ScopeSet, phase: number): Binding | null {
  const best = bestEntry(symbol, set, phase);
  return best !== null && best.set.equals(set) ? best.binding : null;
}

function bestEntry(symbol: SchemeSymbol, scopes: ScopeSet, phase: number): ScopedBinding | null {
  let best: ScopedBinding | null = null;
  for (const scope of scopes.scopes) {
    const entries = scope.bindings.get(symbol);
    if (entries === undefined) continue;
    for (const entry of entries) {
      if (!isCandidate(entry, scopes, phase)) continue;
      // A definition of this very phase goes before an import, which holds at each.
      if (
        best === null ||
        entry.set.scopes.length > best.set.scopes.length ||
        (entry.phase === phase && entry.set.scopes.length === best.set.scopes.length)
      )
        best = entry;
    }
  }
  return best;
}

function isCandidate(entry: ScopedBinding, scopes: ScopeSet, phase: number): boolean {
  return (entry.phase === phase || entry.phase === ANY_PHASE) && entry.set.isSubsetOf(scopes);
}

/** Both mean the same: one binding, or both are unbound and have one name. */
export function isFreeIdentifierEqual(a: Identifier, b: Identifier, phase: number): boolean {
  const left = resolve(a, phase),
    right = resolve(b, phase);
  if (left === null || right === null) return left === right && a.datum === b.datum;
  return left === right || (left.kind === "global" && right.kind === "global" && left.global === right.global);
}

/** One would bind the other: same name, same scopes. */
export function isBoundIdentifierEqual(a: Identifier, b: Identifier): boolean {
  return a.datum === b.datum && a.scopes.equals(b.scopes);
}

/** Every name that a scope binds, for completion. */
export function namesIn(scope: Scope): string[] {
  return [...scope.bindings.keys()].map((symbol) => symbol.name);
}
