/**
 * Forms with types: `define/typed`, `lambda/typed`, `case-lambda/typed`, `let/typed`, `the`, `has-type?`. Each check is
 * a plain `if` around what may rely on it, whose other branch raises:
 *
 *     (lambda (x) (if (fixnum? x) BODY (%check-failed "f: argument 1 (x): expected fixnum, got" x)))
 *
 * so that every engine can run it and the compiler sees what is known where (middle/typed-entries.ts). A result is
 * checked at the ends of the body; a call there of a procedure whose own results are checked stays a tail call.
 */
import type { Clause, Core, Global, NamedMessage, Variable } from "../core/core.ts";
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
import { MString, NIL, Pair } from "../datum/datum.ts";
import type { Source } from "../datum/source.ts";
import type { Context } from "./body.ts";
import type { FormExpander } from "./form-expander.ts";
import { bindLocals, slotReference, type Slot } from "./local-binding.ts";
import { type Identifier, isIdentifier, Scope, type Syntax, syntaxItems, syntaxToDatum, unwrap } from "./syntax.ts";
import { acceptsDatum, functionIn, isWithin, parseResultType, parseType, testOf, type Type } from "./annotation.ts";

/** What stands before a message's words: a procedure's name, which an anonymous one may get later. */
class Blame {
  readonly who: string | null;
  readonly messages: NamedMessage[];
  constructor(who: string | null) {
    this.who = who;
    this.messages = [];
  }

  message(words: string): MString {
    const text = MString.of(`${this.who ?? "an anonymous procedure"}: ${words}`, true);
    if (this.who === null) this.messages.push({ text, words });
    return text;
  }
}

interface Check {
  readonly type: Type;
  /** What is checked, in words: `argument 1 (x)`. */
  readonly what: string;
  readonly blame: Blame;
  readonly source: Source | null;
  /** At the prompt another value may be given (`,use-value`), which is checked again. */
  readonly isInteractive: boolean;
}

function failed({ type, what, blame, source }: Check, value: Core): Core {
  const words = what === "" ? `expected ${type.words}, got` : `${what}: expected ${type.words}, got`;
  return callPrimitive("%check-failed", [makeConst(blame.message(words)), value], source);
}

/** `then`, where the value of a variable is of the type. */
function guarded(check: Check, variable: Variable, then: Core): Core {
  if (check.type.kind === "any") return then;
  return makeIf(testOf(check.type, variable), then, failed(check, makeLocal(variable)), check.source);
}

/** The value of a variable that is known to be of the type, as it may be used: a procedure is wrapped. */
function usable(check: Check, variable: Variable): Core {
  const type = functionIn(check.type);
  if (type === null) return makeLocal(variable);
  const wrapped = wrapper(check, type, variable);
  return check.type.kind === "function"
    ? wrapped
    : makeIf(callPrimitive("procedure?", [makeLocal(variable)]), wrapped, makeLocal(variable));
}

function wrapper(check: Check, type: Type & { kind: "function" }, procedure: Variable): Core {
  const parameters = type.parameters.map((_, index) => makeVariable(`argument-${index + 1}`));
  const part = (own: Type, what: string): Check => ({
    ...check,
    type: own,
    what: check.what === "" ? what : `${check.what}: ${what}`,
    isInteractive: false,
  });
  const checks = type.parameters.map((own, index) => part(own, `argument ${index + 1}`));
  const operands = checks.map((own, index) => usable(own, parameters[index]!));
  const call = makeCall(makeLocal(procedure), operands, check.source);
  const body = resultChecked(part(type.result, "result"), call);
  return makeLambda(
    parameters,
    null,
    checks.reduceRight((then, own, index) => guarded(own, parameters[index]!, then), body),
    procedure.name,
    check.source,
  );
}

/** A value, checked. */
function checked(check: Check, value: Core): Core {
  const { type } = check;
  if (type.kind === "any" || (value.kind === "const" && acceptsDatum(type, value.datum))) return value;
  const held = makeVariable("value");
  if (!check.isInteractive) return makeLet(held, value, guarded(check, held, usable(check, held)), check.source);
  const again = makeVariable("check");
  const retry = makeCall(makeLocal(again), [failed(check, makeLocal(held))], check.source);
  const body = makeIf(testOf(type, held), usable(check, held), retry, check.source);
  const loop: Core = {
    kind: "letrec*",
    variables: [again],
    values: [makeLambda([held], null, body, check.blame.who ?? "check", check.source)],
    body: makeLocal(again),
    source: check.source,
  };
  return makeCall(loop, [value], check.source);
}

/** What procedures give whose results are checked; known once their types have been read. */
const results = new WeakMap<Variable | Global, () => Type | null>();
/** Nothing comes back from these. */
const RAISERS = new Set(["raise", "error", "%check-failed", "exit", "emergency-exit"]);

/** Checks what a body gives, at its ends. */
function resultChecked(check: Check, core: Core): Core {
  const { type } = check;
  if (type.kind === "any") return core;
  const inside = (one: Core): Core => resultChecked(check, one);
  switch (core.kind) {
    case "if":
      return { ...core, then: inside(core.then), else: inside(core.else) };
    case "begin":
      return { ...core, body: [...core.body.slice(0, -1), inside(core.body.at(-1)!)] };
    case "let":
    case "letrec*":
      return { ...core, body: inside(core.body) };
    case "call": {
      const { operator } = core;
      if (operator.kind === "global" && operator.global.primitive !== null) {
        if (RAISERS.has(operator.global.primitive)) return core;
        if (type.kind === "values" && operator.global.primitive === "values") return valuesOfCall(check, type, core);
      }
      const place = operator.kind === "global" ? operator.global : operator.kind === "local" ? operator.variable : null;
      const own = place === null || place.isAssigned ? null : (results.get(place)?.() ?? null);
      return own !== null && isWithin(own, type) && functionIn(type) === null ? core : resultOf(check, core);
    }
    default:
      return resultOf(check, core);
  }
}

function resultOf(check: Check, core: Core): Core {
  const { type } = check;
  if (type.kind !== "values") return checked(check, core);
  const values = type.types.map((_, index) => makeVariable(`value-${index + 1}`));
  const others = makeVariable("values");
  const count = `${type.types.length} value${type.types.length === 1 ? "" : "s"}`;
  const receiver: Core = {
    kind: "lambda",
    name: check.blame.who,
    clauses: [
      { required: values, rest: null, body: valuesChecked(check, type, values) },
      {
        required: [],
        rest: others,
        body: failed({ ...check, type: { ...type, words: count } }, makeLocal(others)),
      },
    ],
    source: check.source,
  };
  return callPrimitive("call-with-values", [makeLambda([], null, core, null, check.source), receiver], check.source);
}

function valuesOfCall(check: Check, type: Type & { kind: "values" }, core: Core & { kind: "call" }): Core {
  if (core.operands.length !== type.types.length) return resultOf(check, core);
  const variables = core.operands.map((_, index) => makeVariable(`value-${index + 1}`));
  return {
    kind: "let",
    variables,
    values: core.operands,
    body: valuesChecked(check, type, variables),
    source: core.source,
  };
}

function valuesChecked(check: Check, type: Type & { kind: "values" }, variables: readonly Variable[]): Core {
  const checks = type.types.map((own, index): Check => ({
    ...check,
    type: own,
    what: `${check.what} ${index + 1}`,
    isInteractive: false,
  }));
  const all = callPrimitive(
    "values",
    checks.map((own, index) => usable(own, variables[index]!)),
    check.source,
  );
  return checks.reduceRight((then, own, index) => guarded(own, variables[index]!, then), all);
}

/** A name and its type, if it has one. */
export interface TypedName {
  readonly name: Identifier;
  readonly type: Syntax | null;
}

export function isMark(syntax: unknown, mark: string): boolean {
  return isIdentifier(syntax) && syntax.datum.name === mark;
}

/** `name` or `(name : type)`. */
function typedName(syntax: unknown, whole: Syntax): TypedName {
  if (isIdentifier(syntax)) return { name: syntax, type: null };
  const items = syntaxItems(syntax);
  if (items === null || items.length !== 3 || !isIdentifier(items[0]) || !isMark(items[1], ":"))
    throw syntaxError(
      "a parameter is NAME or (NAME : TYPE)",
      (syntax as Syntax).source ?? whole.source,
      syntaxToDatum(syntax),
    );
  return { name: items[0], type: items[2]! };
}

interface TypedFormals {
  readonly required: readonly TypedName[];
  /** Its type is that of each item. */
  readonly rest: TypedName | null;
}

/** `(PARAMETER … . REST)`, or `(PARAMETER … REST : TYPE *)`. */
function typedFormals(formals: unknown, whole: Syntax): TypedFormals {
  const items: unknown[] = [];
  let rest = formals;
  for (let datum = unwrap(rest); datum instanceof Pair; datum = unwrap(rest)) {
    items.push(datum.car);
    rest = datum.cdr;
  }
  if (unwrap(rest) !== NIL) {
    if (!isIdentifier(rest)) throw syntaxError("a parameter is NAME or (NAME : TYPE)", whole.source);
    return { required: items.map((one) => typedName(one, whole)), rest: { name: rest, type: null } };
  }
  const last = items.slice(-4);
  const hasRest = last.length === 4 && isIdentifier(last[0]) && isMark(last[1], ":") && isMark(last[3], "*");
  return {
    required: (hasRest ? items.slice(0, -4) : items).map((one) => typedName(one, whole)),
    rest: hasRest ? { name: last[0] as Identifier, type: last[2] as Syntax } : null,
  };
}

/** `: TYPE` before a body. */
export function resultAndBody(forms: readonly Syntax[], whole: Syntax): { result: Syntax | null; body: Syntax[] } {
  const hasResult = isMark(forms[0], ":");
  const body = forms.slice(hasResult ? 2 : 0);
  if (body.length === 0) throw syntaxError("a body is missing", whole.source, syntaxToDatum(whole));
  return { result: hasResult ? forms[1]! : null, body };
}

interface ClauseParts {
  readonly formals: TypedFormals;
  readonly result: Syntax | null;
  readonly body: readonly Syntax[];
  readonly whole: Syntax;
}

function typedClause(
  { formals, result, body, whole }: ClauseParts,
  blame: Blame,
  context: Context,
  x: FormExpander,
): Clause {
  const { required, rest } = formals;
  const { isInteractive } = context.namespace;
  // Types are read where the procedure stands: a parameter of a type's name does not hide it.
  const checks = argumentChecks(required, { blame, isInteractive }, context, x);
  if (rest !== null && rest.type !== null) {
    const item = parseType(rest.type, context, x);
    checks.push({
      type: { kind: "listof", item, words: `${item.words} *` },
      what: `arguments from ${required.length + 1} on (${rest.name.datum.name})`,
      blame,
      source: rest.type.source,
      isInteractive,
    });
  }
  const given = result === null ? null : parseResultType(result, context, x);
  const scope = new Scope();
  const names = [...required, ...(rest === null ? [] : [rest])].map(({ name }) => name);
  const variables = bindLocals(names, scope, context.phase);
  let inner = x.body(
    body.map((form) => form.with("add", scope)),
    context,
    whole,
  );
  if (given !== null)
    inner = resultChecked({ type: given, what: "result", blame, source: result!.source, isInteractive }, inner);
  const parameters = [...variables];
  for (let index = checks.length - 1; index >= 0; index--) {
    const check = checks[index]!;
    const variable = variables[index]!;
    if (check.type.kind === "any") continue;
    if (!isInteractive && functionIn(check.type) === null) {
      inner = guarded(check, variable, inner);
      continue;
    }
    const parameter = makeVariable(variable.name, variable.source);
    parameters[index] = parameter;
    inner = isInteractive
      ? makeLet(variable, checked(check, makeLocal(parameter)), inner, whole.source)
      : guarded(check, parameter, makeLet(variable, usable(check, parameter), inner, whole.source));
  }
  return {
    required: parameters.slice(0, required.length),
    rest: rest === null ? null : parameters.at(-1)!,
    body: inner,
  };
}

const ANY: Type = { kind: "any", words: "any" };

function argumentChecks(
  parameters: readonly TypedName[],
  how: Pick<Check, "blame" | "isInteractive">,
  context: Context,
  expander: FormExpander,
): Check[] {
  return parameters.map(({ name, type }, index) => ({
    type: type === null ? ANY : parseType(type, context, expander),
    what: `argument ${index + 1} (${name.datum.name})`,
    source: type?.source ?? name.source,
    ...how,
  }));
}

function typedLambda(
  clauses: readonly ClauseParts[],
  who: string | null,
  form: Syntax,
  context: Context,
  x: FormExpander,
): Core {
  const blame = new Blame(who);
  const made = clauses.map((parts) => typedClause(parts, blame, context, x));
  return { kind: "lambda", name: who, clauses: made, source: form.source, messages: blame.messages };
}

/** `(lambda/typed PARAMETERS [: TYPE] BODY …)`. */
export function lambdaTypedForm(form: Syntax, context: Context, expander: FormExpander): Core {
  const [, formals, ...forms] = expander.items(form, 3);
  const parts = { formals: typedFormals(formals, form), ...resultAndBody(forms, form), whole: form };
  return typedLambda([parts], null, form, context, expander);
}

/** `(case-lambda/typed (PARAMETERS [: TYPE] BODY …) …)`. */
export function caseLambdaTypedForm(form: Syntax, context: Context, expander: FormExpander): Core {
  const clauses = expander
    .items(form, 2)
    .slice(1)
    .map((clause): ClauseParts => {
      const [formals, ...forms] = expander.items(clause, 2);
      return { formals: typedFormals(formals, clause), ...resultAndBody(forms, clause), whole: clause };
    });
  return typedLambda(clauses, null, form, context, expander);
}

/** Of `define/typed`: a procedure of a name. */
export function typedProcedure(
  formals: unknown,
  { result, body }: { result: Syntax | null; body: readonly Syntax[] },
  name: string,
  form: Syntax,
  context: Context,
  expander: FormExpander,
): Core {
  return typedLambda(
    [{ formals: typedFormals(formals, form), result, body, whole: form }],
    name,
    form,
    context,
    expander,
  );
}

/** A procedure that checks its operands and hands them to another one. */
export function typedCall(
  target: Slot,
  parameters: readonly TypedName[],
  name: string,
  form: Syntax,
  context: Context,
  expander: FormExpander,
): Core {
  const variables = parameters.map((one) => makeVariable(one.name.datum.name, one.name.source));
  const blame = new Blame(name);
  const checks = argumentChecks(parameters, { blame, isInteractive: false }, context, expander);
  const call = makeCall(
    slotReference(target),
    checks.map((check, index) => usable(check, variables[index]!)),
    form.source,
  );
  const body = checks.reduceRight((then, check, index) => guarded(check, variables[index]!, then), call);
  return makeLambda(variables, null, body, name, form.source);
}

/** Tells what a procedure's calls give that is defined with a type for its result. */
export function noteResult(slot: Slot, result: Syntax, context: Context, expander: FormExpander): void {
  let known: Type | null | undefined;
  results.set("variable" in slot ? slot.variable : slot.global, () => {
    // A type that mentions what is being read is not known meanwhile.
    if (known === undefined) {
      known = null;
      known = parseResultType(result, { ...context, body: null }, expander);
    }
    return known;
  });
}

/** The value of a definition, checked. */
export function checkedValue(value: Core, type: Syntax, name: string, context: Context, expander: FormExpander): Core {
  const check: Check = {
    type: parseType(type, context, expander),
    what: "",
    blame: new Blame(name),
    source: type.source,
    isInteractive: context.namespace.isInteractive,
  };
  return checked(check, value);
}

/** `(let/typed [NAME] ((NAME [: TYPE] VALUE) …) [: TYPE] BODY …)`. */
export function letTypedForm(form: Syntax, context: Context, expander: FormExpander): Core {
  const [, first, ...others] = expander.items(form, 3) as [Syntax, Syntax, ...Syntax[]];
  const name = isIdentifier(first) ? first : null;
  const [bindings, ...forms] = (name === null ? [first, ...others] : others) as [Syntax, ...Syntax[]];
  const parsed = expander.items(bindings, 0).map((binding) => {
    const items = syntaxItems(binding) ?? [];
    const isTyped = items.length === 4 && isMark(items[1], ":");
    if (!isIdentifier(items[0]) || (!isTyped && items.length !== 2))
      throw syntaxError("a binding is (NAME VALUE) or (NAME : TYPE VALUE)", binding.source, syntaxToDatum(binding));
    return { name: items[0], type: isTyped ? items[2]! : null, value: items.at(-1)!, whole: binding };
  });
  const { result, body } = resultAndBody(forms, form);
  const values = parsed.map((one) => expander.expand(one.value, context));
  if (name !== null) {
    const scope = new Scope();
    const [loop] = bindLocals([name], scope, context.phase) as [Variable];
    const inner = (syntax: Syntax): Syntax => syntax.with("add", scope);
    if (result !== null) noteResult({ variable: loop }, result, context, expander);
    const required = parsed.map((one) => ({ name: inner(one.name) as Identifier, type: one.type }));
    const parts = { formals: { required, rest: null }, result, body: body.map(inner), whole: form };
    const procedure = typedLambda([parts], name.datum.name, form, context, expander);
    return makeCall(
      { kind: "letrec*", variables: [loop], values: [procedure], body: makeLocal(loop), source: form.source },
      values,
      form.source,
    );
  }
  const scope = new Scope();
  const variables = bindLocals(
    parsed.map((one) => one.name),
    scope,
    context.phase,
  );
  const checkedValues = values.map((value, index) => {
    const { name: own, type } = parsed[index]!;
    return type === null ? value : checkedValue(value, type, own.datum.name, context, expander);
  });
  let inner = expander.body(
    body.map((one) => one.with("add", scope)),
    context,
    form,
  );
  if (result !== null) {
    const { isInteractive } = context.namespace;
    const type = parseResultType(result, context, expander);
    inner = resultChecked(
      { type, what: "", blame: new Blame("let/typed"), source: result.source, isInteractive },
      inner,
    );
  }
  return variables.length === 0
    ? inner
    : { kind: "let", variables, values: checkedValues, body: inner, source: form.source };
}

/** `(the TYPE EXPRESSION [WHO])`: the value, checked. WHO, a name, begins the words of the error. */
export function theForm(form: Syntax, context: Context, expander: FormExpander): Core {
  const [, type, expression, who] = expander.items(form, 3, 4) as [Syntax, Syntax, Syntax, Syntax | undefined];
  if (who !== undefined && !isIdentifier(who))
    throw syntaxError("the: expected a name", who.source, syntaxToDatum(who));
  return checkedValue(expander.expand(expression, context), type, who?.datum.name ?? "the", context, expander);
}

/** `(has-type? EXPRESSION TYPE)`. */
export function hasTypeForm(form: Syntax, context: Context, expander: FormExpander): Core {
  const [, expression, type] = expander.items(form, 3, 3) as [Syntax, Syntax, Syntax];
  const held = makeVariable("value");
  const test = testOf(parseType(type, context, expander), held);
  // A predicate may give any value for true.
  return makeLet(
    held,
    expander.expand(expression, context),
    makeIf(test, makeConst(true), makeConst(false), form.source),
    form.source,
  );
}
