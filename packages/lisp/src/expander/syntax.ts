/**
 * Syntax objects: data with their places and with sets of scopes (M. Flatt, "Binding as sets of scopes", POPL 2016).
 *
 * Each binding form, each definition context and each expansion step makes a scope. An identifier's set says which of
 * them it has been in; a binding is found by the largest set that is a subset (`resolve` in binding.ts). Scopes are put
 * on a compound object lazily: they wait in `pending` until its parts are looked at.
 */
import type { Global, Variable } from "../core/core.ts";
import type { Source } from "../datum/source.ts";
import { list, NIL, Pair, SchemeSymbol } from "../datum/datum.ts";

let scopeCount = 0;

/** One scope; what is bound in it is kept here, so that it is forgotten with it. */
export class Scope {
  readonly id: number;
  readonly bindings: Map<SchemeSymbol, ScopedBinding[]>;
  constructor() {
    this.id = scopeCount++;
    this.bindings = new Map();
  }
}

/** What an identifier means. */
export type Binding =
  /** A form that the expander knows by itself. */
  | { readonly kind: "core"; readonly name: string }
  /** A word that other forms look for: `else`, `=>`, `...`, `_`, `unquote`. */
  | { readonly kind: "auxiliary"; readonly name: string }
  | {
      readonly kind: "macro";
      readonly name: string;
      readonly transformer: unknown;
      readonly context: object | null;
      /** The identifier that defines it. */
      readonly source: Source | null;
    }
  | { readonly kind: "local"; readonly variable: Variable }
  | { readonly kind: "global"; readonly global: Global }
  /** A name of `define-type`; `type` gives what it stands for (expander/annotation.ts). */
  | { readonly kind: "type"; readonly name: string; readonly type: () => unknown; readonly source: Source | null }
  /** A pattern variable of `syntax-case`, which holds its matches as nested arrays, `depth` levels deep. */
  | { readonly kind: "pattern"; readonly variable: Variable; readonly depth: number };

/** Holds for identifiers whose set contains `set`, at `phase` (ANY_PHASE: at each). */
export interface ScopedBinding {
  readonly set: ScopeSet;
  readonly phase: number;
  readonly binding: Binding;
}

export const ANY_PHASE = -1;

/** An immutable set, sorted by age. The last operation's result is kept: one list's items nearly always share a set. */
export class ScopeSet {
  readonly scopes: readonly Scope[];
  #lastScope: Scope | null;
  #lastResult: ScopeSet | null;
  constructor(scopes: readonly Scope[]) {
    this.scopes = scopes;
    this.#lastScope = null;
    this.#lastResult = null;
  }

  has(scope: Scope): boolean {
    return this.scopes.includes(scope);
  }

  flip(scope: Scope): ScopeSet {
    if (this.#lastScope === scope) return this.#lastResult!;
    const kept = this.scopes.filter((own) => own !== scope);
    if (kept.length === this.scopes.length) {
      kept.push(scope);
      if (kept.length > 1 && kept[kept.length - 2]!.id > scope.id) kept.sort((a, b) => a.id - b.id);
    }
    this.#lastScope = scope;
    this.#lastResult = new ScopeSet(kept);
    return this.#lastResult;
  }

  add(scope: Scope): ScopeSet {
    return this.has(scope) ? this : this.flip(scope);
  }

  remove(scope: Scope): ScopeSet {
    return this.has(scope) ? this.flip(scope) : this;
  }

  isSubsetOf(other: ScopeSet): boolean {
    if (this === other) return true;
    if (this.scopes.length > other.scopes.length) return false;
    let at = 0;
    for (const scope of other.scopes) if (scope === this.scopes[at]) at++;
    return at === this.scopes.length;
  }

  equals(other: ScopeSet): boolean {
    return this === other || (this.scopes.length === other.scopes.length && this.isSubsetOf(other));
  }
}

const NO_SCOPES = new ScopeSet([]);

type ScopeOperation = "add" | "remove" | "flip";
interface Pending {
  readonly operation: ScopeOperation;
  readonly scope: Scope;
}

export class Syntax {
  /** A symbol, an atom, a vector of syntax objects, or pairs whose cars are syntax objects; see `parts`. */
  datum: unknown;
  readonly scopes: ScopeSet;
  readonly source: Source | null;
  #pending: readonly Pending[] | null;

  constructor(datum: unknown, scopes: ScopeSet, source: Source | null, pending: readonly Pending[] | null = null) {
    this.datum = datum;
    this.scopes = scopes;
    this.source = source;
    this.#pending = pending;
  }

  /** The datum with all scopes on its parts. */
  get parts(): unknown {
    if (this.#pending !== null) {
      this.datum = pushed(this.datum, this.#pending);
      this.#pending = null;
    }
    return this.datum;
  }

  with(operation: ScopeOperation, scope: Scope): Syntax {
    const isCompound = this.datum instanceof Pair || Array.isArray(this.datum);
    const pending = isCompound ? combined(this.#pending, { operation, scope }) : null;
    return new Syntax(this.datum, this.scopes[operation](scope), this.source, pending);
  }
}

/** Two flips of one scope are none. */
function combined(pending: readonly Pending[] | null, next: Pending): readonly Pending[] | null {
  if (pending === null) return [next];
  const last = pending.at(-1)!;
  if (last.operation === "flip" && next.operation === "flip" && last.scope === next.scope)
    return pending.length === 1 ? null : pending.slice(0, -1);
  return [...pending, next];
}

function pushed(datum: unknown, pending: readonly Pending[]): unknown {
  if (datum instanceof Syntax) {
    let result = datum;
    for (const { operation, scope } of pending) result = result.with(operation, scope);
    return result;
  }
  if (Array.isArray(datum)) return datum.map((item) => pushed(item, pending));
  if (!(datum instanceof Pair)) return datum;
  const first = new Pair(pushed(datum.car, pending), NIL);
  let last = first,
    rest = datum.cdr;
  for (; rest instanceof Pair; rest = rest.cdr) {
    const next = new Pair(pushed(rest.car, pending), NIL);
    last.cdr = next;
    last = next;
  }
  last.cdr = pushed(rest, pending);
  return first;
}

/** A symbol with scopes. */
export interface Identifier extends Syntax {
  datum: SchemeSymbol;
}

export function isIdentifier(value: unknown): value is Identifier {
  return value instanceof Syntax && value.datum instanceof SchemeSymbol;
}

/** What is inside of a syntax object, one level deep. */
export function unwrap(value: unknown): unknown {
  return value instanceof Syntax ? value.parts : value;
}

/** The items of a syntax object that is a proper list; null when it is none */
export function syntaxItems(value: unknown): Syntax[] | null {
  const items: unknown[] = [];
  let rest = unwrap(value);
  while (rest instanceof Pair) {
    items.push(rest.car);
    rest = unwrap(rest.cdr);
  }
  return rest === NIL ? (items as Syntax[]) : null;
}

/** The datum without scopes and places; what is shared or circular stays so. */
export function syntaxToDatum(value: unknown): unknown {
  if (!(value instanceof Syntax) && !(value instanceof Pair) && !Array.isArray(value)) return value;
  const done = new Map<unknown, unknown>();
  return strip(value, done);
}

function strip(value: unknown, done: Map<unknown, unknown>): unknown {
  while (value instanceof Syntax) {
    // The reader's labels make one syntax object stand in several places.
    const known = done.get(value);
    if (known !== undefined) return known;
    const inner = value.datum;
    if (inner instanceof Pair || Array.isArray(inner)) {
      const made: unknown = stripInto(inner, done, value);
      return made;
    }
    value = inner;
  }
  if (value instanceof Pair || Array.isArray(value)) return done.get(value) ?? stripInto(value, done, value);
  return value;
}

function stripInto(inner: Pair | unknown[], done: Map<unknown, unknown>, key: unknown): unknown {
  if (Array.isArray(inner)) {
    const items: unknown[] = [];
    done.set(key, items);
    for (const item of inner) items.push(strip(item, done));
    return items;
  }
  const first = new Pair(undefined, NIL);
  done.set(key, first);
  let last = first,
    rest: Pair = inner;
  for (;;) {
    last.car = strip(rest.car, done);
    const next = rest.cdr;
    if (next instanceof Pair && !done.has(next)) {
      const made = new Pair(undefined, NIL);
      done.set(next, made);
      last.cdr = made;
      last = made;
      rest = next;
      continue;
    }
    last.cdr = strip(next, done);
    return first;
  }
}

/** Gives each datum in `datum` that is no syntax object yet the scopes of `context`. */
export function datumToSyntax(
  context: Syntax | null,
  datum: unknown,
  source: Source | null = context?.source ?? null,
): Syntax {
  const scopes = context?.scopes ?? NO_SCOPES;
  const done = new Map<unknown, Syntax>();
  const convert = (value: unknown): Syntax => {
    if (value instanceof Syntax) return value;
    if (Array.isArray(value)) {
      const known = done.get(value);
      if (known !== undefined) return known;
      const made = new Syntax([], scopes, source);
      done.set(value, made);
      made.datum = value.map(convert);
      return made;
    }
    if (!(value instanceof Pair)) return new Syntax(value, scopes, source);
    const known = done.get(value);
    if (known !== undefined) return known;
    const made = new Syntax(NIL, scopes, source);
    done.set(value, made);
    const items: unknown[] = [];
    let rest: unknown = value;
    const spine = new Set<unknown>();
    while (rest instanceof Pair && !spine.has(rest) && (rest === value || !done.has(rest))) {
      spine.add(rest);
      items.push(convert(rest.car));
      rest = rest.cdr;
    }
    made.datum = list(items, rest === NIL ? NIL : convert(rest));
    return made;
  };
  return convert(datum);
}
