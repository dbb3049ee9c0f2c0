/**
 * Macro transformers: rules of patterns and templates, explicit and implicit renaming, and procedures over syntax
 * objects.
 */
import { syntaxError } from "../datum/condition.ts";
import { list, Pair, SchemeSymbol } from "../datum/datum.ts";
import { callPrimitive, makeConst } from "../core/build.ts";
import type { Core } from "../core/core.ts";
import { isBoundIdentifierEqual, isFreeIdentifierEqual } from "./binding.ts";
import type { Context } from "./body.ts";
import type { FormExpander } from "./form-expander.ts";
import {
  compilePattern,
  compileTemplate,
  type CompiledPattern,
  instantiate,
  match,
  type PatternScope,
  type Template,
} from "./patterns.ts";
import { datumToSyntax, type Identifier, isIdentifier, Syntax, syntaxItems, syntaxToDatum, unwrap } from "./syntax.ts";

/** `syntax-rules`. Templates are compiled when they are first used. */
export class RulesTransformer {
  readonly rules: { readonly pattern: CompiledPattern; readonly templateSyntax: Syntax; template: Template | null }[];
  readonly scope: PatternScope;
  /** As it was written. */
  readonly form: Syntax;
  constructor(rules: RulesTransformer["rules"], scope: PatternScope, form: Syntax) {
    this.rules = rules;
    this.scope = scope;
    this.form = form;
  }
}

/**
 * `er-macro-transformer`, and `ir-macro-transformer` with `isImplicit`. `context`: where it stands, whose scopes
 * renamed symbols get.
 */
export class RenamingTransformer {
  readonly procedure: unknown;
  readonly context: Syntax;
  readonly isImplicit: boolean;
  constructor(procedure: unknown, context: Syntax, isImplicit: boolean) {
    this.procedure = procedure;
    this.context = context;
    this.isImplicit = isImplicit;
  }
}

/** @throws SchemeError */
export function parseSyntaxRules(form: Syntax, phase: number): RulesTransformer {
  const items = syntaxItems(form);
  if (items === null || items.length < 2)
    throw syntaxError("syntax-rules: bad syntax", form.source, syntaxToDatum(form));
  const hasEllipsis = isIdentifier(items[1]);
  const ellipsis = hasEllipsis ? (items[1] as Identifier) : null;
  const literals = hasEllipsis ? syntaxItems(items[2]) : syntaxItems(items[1]);
  if (literals === null || !literals.every(isIdentifier))
    throw syntaxError("syntax-rules: literals must be a list of identifiers", form.source, syntaxToDatum(form));
  // A literal has priority to the ellipsis (R7RS §4.3.2).
  const own =
    ellipsis !== null && literals.some((literal) => isBoundIdentifierEqual(literal as Identifier, ellipsis))
      ? noIdentifier(ellipsis)
      : ellipsis;
  const scope: PatternScope = { literals: literals as Identifier[], ellipsis: own, phase };
  const rules = items.slice(hasEllipsis ? 3 : 2).map((rule) => {
    const parts = syntaxItems(rule);
    if (parts === null || parts.length !== 2)
      throw syntaxError("syntax-rules: a rule is (PATTERN TEMPLATE)", rule.source, syntaxToDatum(rule));
    const pattern = unwrap(parts[0]);
    if (!(pattern instanceof Pair))
      throw syntaxError(
        "syntax-rules: a pattern is a list that begins with the keyword",
        parts[0]!.source,
        syntaxToDatum(parts[0]),
      );
    // The keyword's place matches anything.
    const compiled = compilePattern(datumToSyntax(null, pattern.cdr, parts[0]!.source), scope);
    compileTemplate(parts[1]!, lookupIn(compiled), scope);
    return { pattern: compiled, templateSyntax: parts[1]!, template: null };
  });
  return new RulesTransformer(rules, scope, form);
}

/** An ellipsis that nothing is. */
function noIdentifier(like: Identifier): Identifier {
  return new Syntax(new SchemeSymbol(like.datum.name), like.scopes, like.source) as Identifier;
}

function lookupIn({ variables }: CompiledPattern): (identifier: Identifier) => { index: number; depth: number } | null {
  return (identifier) => {
    const index = variables.findIndex((variable) => isBoundIdentifierEqual(variable.identifier, identifier));
    return index < 0 ? null : { index, depth: variables[index]!.depth };
  };
}

/** One step of expansion. @throws SchemeError where no rule matches, or the transformer fails */
export function transform(transformer: unknown, form: Syntax, context: Context, expander: FormExpander): Syntax {
  if (transformer instanceof RulesTransformer) return applyRules(transformer, form, context.phase);
  if (transformer instanceof RenamingTransformer) return rename(transformer, form, context, expander);
  const output = expander.host.apply(transformer, [form], context.phase + 1);
  return datumToSyntaxChecked(output, form);
}

function datumToSyntaxChecked(output: unknown, form: Syntax): Syntax {
  if (output instanceof Syntax) return output;
  if (containsSymbol(output))
    throw syntaxError(
      "the transformer gave a symbol that is no syntax object; see datum->syntax",
      form.source,
      syntaxToDatum(output),
    );
  return datumToSyntax(null, output, form.source);
}

function containsSymbol(value: unknown): boolean {
  for (let rest = value; ; rest = rest.cdr) {
    if (rest instanceof SchemeSymbol) return true;
    if (Array.isArray(rest)) return rest.some(containsSymbol);
    if (!(rest instanceof Pair)) return false;
    if (containsSymbol(rest.car)) return true;
  }
}

function applyRules({ rules, scope }: RulesTransformer, form: Syntax, phase: number): Syntax {
  const datum = form.parts;
  if (datum instanceof Pair) {
    for (const rule of rules) {
      const values = match(rule.pattern, datum.cdr, phase);
      if (values === null) continue;
      rule.template ??= compileTemplate(rule.templateSyntax, lookupIn(rule.pattern), scope);
      const output = instantiate(rule.template, values, form);
      return placed(output instanceof Syntax ? output : datumToSyntax(null, output, form.source), form);
    }
  }
  const name = datum instanceof Pair ? (unwrap(datum.car) as SchemeSymbol).name : (datum as SchemeSymbol).name;
  throw syntaxError(
    datum instanceof Pair ? `no rule of ${name} matches` : `the keyword ${name} stands where an expression is expected`,
    form.source,
    syntaxToDatum(form),
  );
}

/** What a macro of a library made is at fault where it was used: errors shall show the user's line. */
function placed(output: Syntax, form: Syntax): Syntax {
  if (form.source === null || output.source === null || output.source.file === form.source.file) return output;
  return new Syntax(output.parts, output.scopes, form.source);
}

/**
 * The transformer sees the form as plain data. Identifiers with the scopes of the macro's keyword are symbols there;
 * those that other macros made stay opaque, so that their meaning is kept. Symbols in the result mean what they mean at
 * the use (er), or where the macro is defined (ir).
 */
function rename(
  { procedure, context: definition, isImplicit }: RenamingTransformer,
  form: Syntax,
  context: Context,
  expander: FormExpander,
): Syntax {
  const datum = form.parts;
  const keyword = datum instanceof Pair ? (datum.car as Syntax) : form;
  const renamed = new Map<SchemeSymbol, Syntax>();
  const inDefinition = (symbol: SchemeSymbol): Syntax => {
    let found = renamed.get(symbol);
    if (found === undefined) renamed.set(symbol, (found = new Syntax(symbol, definition.scopes, form.source)));
    return found;
  };
  const inUse = (symbol: SchemeSymbol): Syntax => new Syntax(symbol, keyword.scopes, form.source);
  const plain = (value: unknown): unknown => {
    const inner = unwrap(value);
    if (inner instanceof SchemeSymbol)
      return !isImplicit && (value as Syntax).scopes.equals(keyword.scopes) ? inner : value;
    if (Array.isArray(inner)) return inner.map(plain);
    if (!(inner instanceof Pair)) return inner;
    const items: unknown[] = [];
    let rest: unknown = value;
    for (let pair = unwrap(rest); pair instanceof Pair; pair = unwrap(rest)) {
      items.push(plain(pair.car));
      rest = pair.cdr;
    }
    return list(items, plain(rest));
  };
  const identifierOf = (value: unknown, make: (symbol: SchemeSymbol) => Syntax): unknown =>
    value instanceof SchemeSymbol ? make(value) : value;
  const helper = (make: (symbol: SchemeSymbol) => Syntax) =>
    expander.host.wrapProcedure("rename", 1, (symbol) => identifierOf(symbol, make));
  const compare = expander.host.wrapProcedure("compare", 2, (a, b) => {
    const left = identifierOf(a, isImplicit ? inDefinition : inUse),
      right = identifierOf(b, isImplicit ? inDefinition : inUse);
    return isIdentifier(left) && isIdentifier(right)
      ? isFreeIdentifierEqual(left, right, context.phase)
      : left === right;
  });
  const output = expander.host.apply(
    procedure,
    [plain(form), helper(isImplicit ? inUse : inDefinition), compare],
    context.phase + 1,
  );
  const complete = (value: unknown): unknown => {
    if (value instanceof SchemeSymbol) return isImplicit ? inDefinition(value) : inUse(value);
    if (Array.isArray(value)) return value.map(complete);
    if (!(value instanceof Pair)) return value;
    const items: unknown[] = [];
    let rest: unknown = value;
    for (; rest instanceof Pair; rest = rest.cdr) items.push(complete(rest.car));
    return list(items, complete(rest));
  };
  return datumToSyntax(null, complete(output), form.source);
}

/** Matches that `syntax-case` made; the names of what its clauses bind. */
export const SYNTAX_MATCH = "syntax-match";
const SYNTAX_TEMPLATE = "syntax-template";

/** `(syntax TEMPLATE)`: the call that fills it in. `lookup` finds variables and gives their core forms. */
export function templateCore(
  template: Syntax,
  scope: PatternScope,
  lookup: (identifier: Identifier) => { core: Core; depth: number } | null,
): Core {
  const used: { identifier: Identifier; core: Core; depth: number }[] = [];
  const compiled = compileTemplate(
    template,
    (identifier) => {
      const known = used.findIndex((own) => isBoundIdentifierEqual(own.identifier, identifier));
      if (known >= 0) return { index: known, depth: used[known]!.depth };
      const found = lookup(identifier);
      if (found === null) return null;
      used.push({ identifier, ...found });
      return { index: used.length - 1, depth: found.depth };
    },
    scope,
  );
  if (used.length === 0) return makeConst(template, template.source);
  return callPrimitive(SYNTAX_TEMPLATE, [makeConst(compiled), ...used.map(({ core }) => core)], template.source);
}
