/**
 * `syntax-case`, `syntax`, `quasisyntax`, `with-syntax` (R6RS-lib §12). A clause becomes a call of the primitive
 * `syntax-match` that gives a vector of the pattern's values or #f; templates are filled in by `syntax-template`.
 */
import type { Core } from "../core/core.ts";
import {
  callPrimitive,
  makeCall,
  makeConst,
  makeIf,
  makeLambda,
  makeLet,
  makeLocal,
  makeVariable,
} from "../core/build.ts";
import { syntaxError } from "../datum/condition.ts";
import { intern, list, NIL, Pair, SchemeSymbol } from "../datum/datum.ts";
import { bind, resolve } from "./binding.ts";
import type { Context } from "./body.ts";
import type { FormExpander } from "./form-expander.ts";
import { compilePattern, isAuxiliary, type PatternScope } from "./patterns.ts";
import { systemNamespace } from "./namespace.ts";
import { type Identifier, isIdentifier, Scope, Syntax, syntaxItems, unwrap } from "./syntax.ts";
import { SYNTAX_MATCH, templateCore } from "./transformer.ts";

export function syntaxCaseForm(form: Syntax, context: Context, expander: FormExpander): Core {
  const [, subject, literalsForm, ...clauses] = expander.items(form, 3);
  const literals = syntaxItems(literalsForm);
  if (literals === null || !literals.every(isIdentifier))
    throw syntaxError("syntax-case: literals must be a list of identifiers", form.source);
  const held = makeVariable("syntax");
  // Patterns are matched against forms of the phase below.
  const scope: PatternScope = {
    literals: literals as Identifier[],
    ellipsis: null,
    phase: Math.max(0, context.phase - 1),
  };
  let result: Core = callPrimitive("syntax-no-match", [makeLocal(held)], form.source);
  for (const clause of clauses.reverse()) result = clauseCore(clause, held, scope, result, context, expander);
  return makeLet(held, expander.expand(subject!, context), result, form.source);
}

function clauseCore(
  clause: Syntax,
  held: ReturnType<typeof makeVariable>,
  scope: PatternScope,
  otherwise: Core,
  context: Context,
  expander: FormExpander,
): Core {
  const [patternSyntax, ...rest] = expander.items(clause, 2, 3) as [Syntax, ...Syntax[]];
  const compiled = compilePattern(patternSyntax, scope);
  const own = new Scope();
  const bound = compiled.variables.map(({ identifier, depth }) => {
    const variable = makeVariable(identifier.datum.name, identifier.source);
    const scoped = identifier.with("add", own) as Identifier;
    bind(scoped.datum, scoped.scopes, context.phase, { kind: "pattern", variable, depth });
    return variable;
  });
  const inner = rest.map((part) => part.with("add", own));
  const output = expander.expand(inner.at(-1)!, context);
  // What is next must not be expanded twice, nor be there twice.
  const next = makeVariable("next"),
    values = makeVariable("match");
  const goOn = makeCall(makeLocal(next), []);
  let body = inner.length === 2 ? makeIf(expander.expand(inner[0]!, context), output, goOn, clause.source) : output;
  if (bound.length > 0)
    body = {
      kind: "let",
      variables: bound,
      values: bound.map((_, index) => callPrimitive("vector-ref", [makeLocal(values), makeConst(index)])),
      body,
      source: clause.source,
    };
  const test = makeLet(
    values,
    callPrimitive(SYNTAX_MATCH, [makeConst({ compiled, phase: scope.phase }), makeLocal(held)], clause.source),
    makeIf(makeLocal(values), body, goOn),
  );
  return makeLet(next, makeLambda([], null, otherwise), test);
}

export function syntaxForm(form: Syntax, context: Context, expander: FormExpander): Core {
  const inner = expander.items(form, 2, 2)[1]!;
  expander.host.onlooker?.template(inner, context);
  return template(inner, context);
}

function template(syntax: Syntax, context: Context): Core {
  const scope: PatternScope = { literals: [], ellipsis: null, phase: Math.max(0, context.phase - 1) };
  return templateCore(syntax, scope, (identifier) => {
    const binding = resolve(identifier, context.phase);
    return binding?.kind === "pattern" ? { core: makeLocal(binding.variable), depth: binding.depth } : null;
  });
}

/** `(with-syntax ((PATTERN EXPRESSION) ...) BODY ...)`. */
export function withSyntaxForm(form: Syntax, context: Context, expander: FormExpander): Core {
  const [keyword, bindings, ...body] = expander.items(form, 3);
  const pairs = expander.items(bindings!, 0).map((binding) => expander.items(binding, 2, 2));
  const core = (name: string): Syntax => coreWord(name, keyword!);
  const subject = list([core("list"), ...pairs.map(([, expression]) => expression)]);
  const pattern = list(pairs.map(([one]) => one));
  const wrap = (datum: unknown): Syntax => new Syntax(datum, keyword!.scopes, form.source);
  return syntaxCaseForm(
    wrap(
      list([
        core("syntax-case"),
        wrap(subject),
        wrap(NIL),
        wrap(list([wrap(pattern), wrap(list([core("let"), wrap(NIL), ...body]))])),
      ]),
    ),
    context,
    expander,
  );
}

/** An identifier that means a form or procedure of the system wherever it stands. */
function coreWord(name: string, like: Syntax): Syntax {
  return new Syntax(intern(name), systemNamespace.scopes, like.source);
}

/** `#`template`, whose `#,` and `#,@` become pattern variables of a `with-syntax`. */
export function quasisyntaxForm(form: Syntax, context: Context, expander: FormExpander): Core {
  const [keyword, body] = expander.items(form, 2, 2);
  const holes: { pattern: Syntax; expression: Syntax }[] = [];
  const wrap = (datum: unknown, like: unknown): Syntax =>
    new Syntax(
      datum,
      like instanceof Syntax ? like.scopes : keyword!.scopes,
      like instanceof Syntax ? like.source : form.source,
    );
  const hole = (name: string): Identifier =>
    new Syntax(new SchemeSymbol(name), keyword!.scopes, form.source) as Identifier;
  const only = (pair: Pair): Syntax | null => {
    const rest = unwrap(pair.cdr);
    return rest instanceof Pair && unwrap(rest.cdr) === NIL ? (rest.car as Syntax) : null;
  };
  const walk = (value: unknown, depth: number): unknown => {
    const datum = unwrap(value);
    if (Array.isArray(datum)) return wrap([...listItems(walk(list(datum), depth))], value);
    if (!(datum instanceof Pair)) return value;
    const inner = only(datum);
    if (inner !== null && isAuxiliary(datum.car, "unsyntax", context.phase)) {
      if (depth > 1) return wrap(list([datum.car, walk(inner, depth - 1)]), value);
      const pattern = hole("unsyntax");
      holes.push({ pattern, expression: inner });
      return pattern;
    }
    if (inner !== null && isCore(datum.car, "quasisyntax", context.phase))
      return wrap(list([datum.car, walk(inner, depth + 1)]), value);
    const first = unwrap(datum.car);
    if (first instanceof Pair && depth === 1 && isAuxiliary(first.car, "unsyntax-splicing", context.phase)) {
      const spliced = only(first);
      if (spliced === null) throw syntaxError("unsyntax-splicing takes one expression", (datum.car as Syntax).source);
      const pattern = hole("unsyntax-splicing");
      const ellipsis = coreWord("...", form);
      holes.push({ pattern: wrap(list([pattern, ellipsis]), value), expression: spliced });
      return wrap(new Pair(pattern, new Pair(ellipsis, walk(datum.cdr, depth))), value);
    }
    return wrap(new Pair(walk(datum.car, depth), walk(datum.cdr, depth)), value);
  };
  const templateSyntax = walk(body, 1) as Syntax;
  const core = (name: string): Syntax => coreWord(name, keyword!);
  const bindings = holes.map(({ pattern, expression }) => wrap(list([pattern, expression]), form));
  return withSyntaxForm(
    wrap(list([keyword, wrap(list(bindings), form), wrap(list([core("syntax"), templateSyntax]), form)]), form),
    context,
    expander,
  );
}

function listItems(value: unknown): unknown[] {
  return syntaxItems(value) ?? [value];
}

function isCore(value: unknown, name: string, phase: number): boolean {
  if (!isIdentifier(value)) return false;
  const binding = resolve(value, phase);
  return binding?.kind === "core" && binding.name === name;
}
