/**
 * Patterns and templates, for `syntax-rules` and `syntax-case` (R7RS §4.3.2, R6RS-lib §12.4).
 *
 * A match is an array of values by the numbers of the pattern's variables; a variable under n ellipses holds nested
 * arrays, n levels deep.
 */
import { EOF, Flonum, list, MString, NIL, Pair } from "../datum/datum.ts";
import { syntaxError } from "../datum/condition.ts";
import { isEqvNumber, isNumber } from "../number/arithmetic.ts";
import { isBoundIdentifierEqual, isFreeIdentifierEqual, resolve } from "./binding.ts";
import { type Identifier, isIdentifier, Syntax, unwrap } from "./syntax.ts";

type Pattern =
  | { readonly kind: "any" }
  | { readonly kind: "variable"; readonly index: number }
  | { readonly kind: "literal"; readonly identifier: Identifier }
  | { readonly kind: "nil" }
  | { readonly kind: "pair"; readonly car: Pattern; readonly cdr: Pattern }
  /** `item ...`, then `after` items, then the tail. `variables`: those of the item. */
  | {
      readonly kind: "ellipsis";
      readonly item: Pattern;
      readonly variables: readonly number[];
      readonly after: readonly Pattern[];
      readonly tail: Pattern;
    }
  | { readonly kind: "vector"; readonly inner: Pattern }
  | { readonly kind: "atom"; readonly datum: unknown };

interface PatternVariable {
  readonly identifier: Identifier;
  readonly depth: number;
}

export interface PatternScope {
  readonly literals: readonly Identifier[];
  /** A custom ellipsis; null: the usual one. */
  readonly ellipsis: Identifier | null;
  readonly phase: number;
}

export interface CompiledPattern {
  readonly pattern: Pattern;
  readonly variables: readonly PatternVariable[];
}

function isEllipsis(value: unknown, { ellipsis, literals, phase }: PatternScope): boolean {
  if (!isIdentifier(value)) return false;
  if (ellipsis !== null) return isBoundIdentifierEqual(value, ellipsis);
  if (literals.some((literal) => isBoundIdentifierEqual(literal, value))) return false;
  return isAuxiliary(value, "...", phase);
}

/**
 * The identifier means this auxiliary word; also when it is not bound at all, as where only `(scheme base)`'s forms
 * were renamed.
 */
export function isAuxiliary(value: unknown, name: string, phase: number): boolean {
  if (!isIdentifier(value)) return false;
  const binding = resolve(value, phase);
  return binding === null ? value.datum.name === name : binding.kind === "auxiliary" && binding.name === name;
}

/** @throws SchemeError  for a variable that stands twice, or two ellipses in one list */
export function compilePattern(pattern: Syntax, scope: PatternScope): CompiledPattern {
  const variables: PatternVariable[] = [];
  return { pattern: compile(pattern, 0, scope, variables), variables };
}

function compile(value: unknown, depth: number, scope: PatternScope, variables: PatternVariable[]): Pattern {
  if (isIdentifier(value)) {
    if (scope.literals.some((literal) => isBoundIdentifierEqual(literal, value)))
      return { kind: "literal", identifier: value };
    if (isEllipsis(value, scope)) throw syntaxError("an ellipsis that follows nothing", value.source);
    if (isAuxiliary(value, "_", scope.phase)) return { kind: "any" };
    if (variables.some(({ identifier }) => isBoundIdentifierEqual(identifier, value)))
      throw syntaxError(`the pattern variable ${value.datum.name} stands twice`, value.source);
    variables.push({ identifier: value, depth });
    return { kind: "variable", index: variables.length - 1 };
  }
  const datum = unwrap(value);
  if (datum === NIL) return { kind: "nil" };
  if (Array.isArray(datum)) return { kind: "vector", inner: compile(list(datum), depth, scope, variables) };
  if (!(datum instanceof Pair)) return { kind: "atom", datum };
  const rest = unwrap(datum.cdr);
  if (!(rest instanceof Pair) || !isEllipsis(rest.car, scope)) {
    return {
      kind: "pair",
      car: compile(datum.car, depth, scope, variables),
      cdr: compile(datum.cdr, depth, scope, variables),
    };
  }
  const from = variables.length;
  const item = compile(datum.car, depth + 1, scope, variables);
  const own = Array.from({ length: variables.length - from }, (_, index) => from + index);
  const after: Pattern[] = [];
  let tail = rest.cdr;
  for (let next = unwrap(tail); next instanceof Pair; next = unwrap(tail)) {
    if (isEllipsis(next.car, scope)) throw syntaxError("a second ellipsis in one list", (next.car as Syntax).source);
    after.push(compile(next.car, depth, scope, variables));
    tail = next.cdr;
  }
  return { kind: "ellipsis", item, variables: own, after, tail: compile(tail, depth, scope, variables) };
}

/** @returns the values of the variables, or null when it does not match */
export function match({ pattern, variables }: CompiledPattern, value: unknown, phase: number): unknown[] | null {
  const values: unknown[] = new Array(variables.length);
  return matches(pattern, value, values, phase) ? values : null;
}

function matches(pattern: Pattern, value: unknown, values: unknown[], phase: number): boolean {
  for (;;) {
    switch (pattern.kind) {
      case "any":
        return true;
      case "variable":
        values[pattern.index] = value;
        return true;
      case "literal":
        return isIdentifier(value) && isFreeIdentifierEqual(value, pattern.identifier, phase);
      case "nil":
        return unwrap(value) === NIL;
      case "atom":
        return isSameAtom(pattern.datum, unwrap(value));
      case "vector": {
        const datum = unwrap(value);
        return Array.isArray(datum) && matches(pattern.inner, list(datum), values, phase);
      }
      case "pair": {
        const datum = unwrap(value);
        if (!(datum instanceof Pair) || !matches(pattern.car, datum.car, values, phase)) return false;
        pattern = pattern.cdr;
        value = datum.cdr;
        continue;
      }
      case "ellipsis": {
        const items: unknown[] = [];
        let rest = value;
        for (let datum = unwrap(rest); datum instanceof Pair; datum = unwrap(rest)) {
          items.push(datum.car);
          rest = datum.cdr;
        }
        const count = items.length - pattern.after.length;
        if (count < 0) return false;
        const columns: unknown[][] = pattern.variables.map(() => []);
        for (let index = 0; index < count; index++) {
          if (!matches(pattern.item, items[index], values, phase)) return false;
          for (const [column, variable] of pattern.variables.entries()) columns[column]!.push(values[variable]);
        }
        for (const [column, variable] of pattern.variables.entries()) values[variable] = columns[column];
        for (const [index, after] of pattern.after.entries())
          if (!matches(after, items[count + index], values, phase)) return false;
        pattern = pattern.tail;
        value = rest;
        continue;
      }
    }
  }
}

/** `equal?` of atoms. */
function isSameAtom(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (isNumber(a))
    return (
      isNumber(b) &&
      (isEqvNumber(a, b) ||
        (a instanceof Flonum && b instanceof Flonum && Number.isNaN(a.value) && Number.isNaN(b.value)))
    );
  if (a instanceof MString)
    return (
      b instanceof MString &&
      a.codes.length === b.codes.length &&
      a.codes.every((code, index) => code === b.codes[index])
    );
  if (a instanceof Uint8Array)
    return b instanceof Uint8Array && a.length === b.length && a.every((byte, index) => byte === b[index]);
  return a === EOF && b === EOF;
}

export type Template =
  | { readonly kind: "constant"; readonly syntax: unknown }
  | { readonly kind: "variable"; readonly index: number }
  | { readonly kind: "pair"; readonly car: Template; readonly cdr: Template; readonly origin: Syntax | null }
  /**
   * `item` under `depth` ellipses; `drivers`: the variables that are repeated at each of the depths, the outermost
   * first.
   */
  | {
      readonly kind: "repeat";
      readonly item: Template;
      readonly drivers: readonly (readonly number[])[];
      readonly rest: Template;
      readonly origin: Syntax | null;
    }
  | { readonly kind: "vector"; readonly inner: Template; readonly origin: Syntax | null };

/** Finds the pattern variable that an identifier of the template names. */
type VariableLookup = (identifier: Identifier) => { readonly index: number; readonly depth: number } | null;

/** @throws SchemeError  where variables have too few ellipses, or an ellipsis has no variable to repeat */
export function compileTemplate(template: Syntax, lookup: VariableLookup, scope: PatternScope): Template {
  const compiled = compilePart(template, 0, lookup, scope, false, template);
  if (compiled.wants.size > 0)
    throw syntaxError("a pattern variable of the template stands under too few ellipses", template.source);
  return compiled.template;
}

/** `depths`: of each variable used, how many ellipses it still wants around it. */
interface Compiled {
  readonly template: Template;
  readonly wants: Map<number, number>;
}

function compilePart(
  value: unknown,
  depth: number,
  lookup: VariableLookup,
  scope: PatternScope,
  isEscaped: boolean,
  whole: Syntax,
): Compiled {
  if (isIdentifier(value)) {
    const found = lookup(value);
    if (found !== null)
      return {
        template: { kind: "variable", index: found.index },
        wants: new Map(found.depth > 0 ? [[found.index, found.depth]] : []),
      };
    if (!isEscaped && isEllipsis(value, scope))
      throw syntaxError("an ellipsis that follows nothing in a template", value.source);
    return { template: { kind: "constant", syntax: value }, wants: new Map() };
  }
  const origin = value instanceof Syntax ? value : null;
  const datum = unwrap(value);
  if (Array.isArray(datum)) {
    const items = list(datum);
    const inner = compilePart(items, depth, lookup, scope, isEscaped, whole);
    return {
      template: isItself(inner.template, items)
        ? { kind: "constant", syntax: value }
        : { kind: "vector", inner: inner.template, origin },
      wants: inner.wants,
    };
  }
  if (!(datum instanceof Pair)) return { template: { kind: "constant", syntax: value }, wants: new Map() };
  if (!isEscaped && isEllipsis(datum.car, scope)) {
    const rest = unwrap(datum.cdr);
    if (!(rest instanceof Pair) || unwrap(rest.cdr) !== NIL)
      throw syntaxError("(... TEMPLATE) takes one template", origin?.source ?? whole.source);
    return compilePart(rest.car, depth, lookup, scope, true, whole);
  }
  let rest = datum.cdr,
    ellipses = 0;
  if (!isEscaped) {
    for (let next = unwrap(rest); next instanceof Pair && isEllipsis(next.car, scope); next = unwrap(rest)) {
      ellipses++;
      rest = next.cdr;
    }
  }
  const item = compilePart(datum.car, depth + ellipses, lookup, scope, isEscaped, whole);
  const tail = compilePart(rest, depth, lookup, scope, isEscaped, whole);
  if (ellipses === 0) {
    const wants = union(item.wants, tail.wants);
    // An escape within is another constant than what is written.
    if (isItself(item.template, datum.car) && isItself(tail.template, datum.cdr))
      return { template: { kind: "constant", syntax: value }, wants };
    return { template: { kind: "pair", car: item.template, cdr: tail.template, origin }, wants };
  }
  // The innermost ellipsis repeats the variables that want the most.
  const drivers: number[][] = [];
  let wants = item.wants;
  for (let level = 0; level < ellipses; level++) {
    const own = [...wants.keys()];
    if (own.length === 0)
      throw syntaxError(
        "an ellipsis after a template without a variable to repeat",
        origin?.source ?? (datum.car as Syntax).source,
      );
    drivers.unshift(own);
    wants = new Map([...wants].filter(([, left]) => left > 1).map(([index, left]) => [index, left - 1]));
  }
  return {
    template: { kind: "repeat", item: item.template, drivers, rest: tail.template, origin },
    wants: union(wants, tail.wants),
  };
}

function isItself(template: Template, value: unknown): boolean {
  return template.kind === "constant" && template.syntax === value;
}

function union(a: Map<number, number>, b: Map<number, number>): Map<number, number> {
  if (a.size === 0) return b;
  for (const [index, left] of b) a.set(index, Math.max(left, a.get(index) ?? 0));
  return a;
}

/** @param values  of the variables, by number */
export function instantiate(template: Template, values: readonly unknown[], whole: Syntax | null): unknown {
  switch (template.kind) {
    case "constant":
      return template.syntax;
    case "variable":
      return values[template.index];
    case "vector": {
      const items: unknown[] = [];
      for (let rest = unwrap(instantiate(template.inner, values, whole)); rest instanceof Pair; rest = unwrap(rest.cdr))
        items.push(rest.car);
      return wrapAs(items, template.origin);
    }
    case "pair":
      return wrapAs(
        new Pair(instantiate(template.car, values, whole), instantiate(template.cdr, values, whole)),
        template.origin,
      );
    case "repeat": {
      const items: unknown[] = [];
      repeat(template.item, template.drivers, 0, values, items, whole);
      const rest = instantiate(template.rest, values, whole);
      return items.length === 0 ? rest : wrapAs(list(items, rest), template.origin);
    }
  }
}

function repeat(
  item: Template,
  drivers: readonly (readonly number[])[],
  level: number,
  values: readonly unknown[],
  items: unknown[],
  whole: Syntax | null,
): void {
  if (level === drivers.length) return void items.push(instantiate(item, values, whole));
  const own = drivers[level]!.filter((index) => Array.isArray(values[index]));
  const lengths = new Set(own.map((index) => (values[index] as unknown[]).length));
  if (lengths.size > 1)
    throw syntaxError("variables under one ellipsis matched different counts", whole?.source ?? null);
  const count = lengths.size === 0 ? 0 : [...lengths][0]!;
  const inner = [...values];
  for (let at = 0; at < count; at++) {
    for (const index of own) inner[index] = (values[index] as unknown[])[at];
    repeat(item, drivers, level + 1, inner, items, whole);
  }
}

function wrapAs(datum: unknown, origin: Syntax | null): unknown {
  return origin === null ? datum : new Syntax(datum, origin.scopes, origin.source);
}
