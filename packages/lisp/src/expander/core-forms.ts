/** What the expander knows as expressions. R7RS §4; each row takes the whole form and gives its core form. */
import type { Clause, Core, Variable } from "../core/core.ts";
import {
  callPrimitive,
  makeCall,
  makeConst,
  makeIf,
  makeLambda,
  makeLet,
  makeLocal,
  makeVariable,
  unspecifiedCore,
  withName,
} from "../core/build.ts";
import { syntaxError } from "../datum/condition.ts";
import { MString, Pair } from "../datum/datum.ts";
import { bind, resolve } from "./binding.ts";
import type { Context } from "./body.ts";
import { attempt, type FormExpander } from "./form-expander.ts";
import { bindLocals, parseFormals } from "./local-binding.ts";
import { caseForm, condForm, doForm, guardForm } from "./derived-forms.ts";
import { isAuxiliary } from "./patterns.ts";
import { quasiquoteForm } from "./quasiquote.ts";
import { quasisyntaxForm, syntaxCaseForm, syntaxForm, withSyntaxForm } from "./syntax-case.ts";
import { type Identifier, isIdentifier, Scope, Syntax, syntaxItems, syntaxToDatum, unwrap } from "./syntax.ts";
import { evaluateTransformer } from "./evaluate-transformer.ts";
import { caseLambdaTypedForm, hasTypeForm, lambdaTypedForm, letTypedForm, theForm } from "./type-forms.ts";
import { parseSyntaxRules, RenamingTransformer } from "./transformer.ts";

type CoreForm = (form: Syntax, context: Context, expander: FormExpander) => Core;

export const coreForms: ReadonlyMap<string, CoreForm> = new Map<string, CoreForm>([
  ["quote", (form, _context, expander) => makeConst(syntaxToDatum(expander.items(form, 2, 2)[1]), form.source)],
  ["quote-syntax", (form, _context, expander) => makeConst(expander.items(form, 2, 2)[1], form.source)],
  ["quasiquote", quasiquoteForm],
  [
    "if",
    (form, context, expander) => {
      const [, test, then, otherwise] = expander.items(form, 3, 4);
      return makeIf(
        expander.expand(test!, context),
        expander.expand(then!, context),
        otherwise === undefined ? unspecifiedCore : expander.expand(otherwise, context),
        form.source,
      );
    },
  ],
  ["begin", (form, context, expander) => expander.sequence(expander.items(form, 1).slice(1), context, form)],
  ["set!", assignment],
  [
    "lambda",
    (form, context, expander) => {
      const [, formals, ...body] = expander.items(form, 3);
      return {
        kind: "lambda",
        name: null,
        clauses: [lambdaClause(formals, body, form, context, expander)],
        source: form.source,
      };
    },
  ],
  [
    "named-lambda",
    (form, context, expander) => {
      const [, header, ...body] = expander.items(form, 3);
      const pair = unwrap(header);
      if (!(pair instanceof Pair) || !isIdentifier(pair.car))
        throw syntaxError("named-lambda: expected (NAME PARAMETER ...)", form.source);
      return {
        kind: "lambda",
        name: pair.car.datum.name,
        clauses: [lambdaClause(pair.cdr, body, form, context, expander)],
        source: form.source,
      };
    },
  ],
  [
    "case-lambda",
    (form, context, expander) => {
      const clauses = expander
        .items(form, 1)
        .slice(1)
        .map((clause) => {
          const [formals, ...body] = expander.items(clause, 2);
          return lambdaClause(formals, body, clause, context, expander);
        });
      if (clauses.length === 0) throw syntaxError("case-lambda: a clause is missing", form.source);
      return { kind: "lambda", name: null, clauses, source: form.source };
    },
  ],
  ["let", letForm],
  ["let*", letStarForm],
  ["letrec", letrecForm],
  ["letrec*", letrecForm],
  ["let-values", letValuesForm],
  [
    "let*-values",
    (form, context, expander) => {
      const [, bindings, ...body] = expander.items(form, 3);
      const expandRest = (rest: readonly { formals: Syntax; value: Syntax }[], scopes: readonly Scope[]): Core => {
        const scoped = (syntax: Syntax): Syntax => scopes.reduce((result, scope) => result.with("add", scope), syntax);
        if (rest.length === 0) return expander.body(body.map(scoped), context, form);
        const { formals, value } = rest[0]!;
        const scope = new Scope();
        const core = expander.expand(scoped(value), context);
        const bound = bindFormals(scoped(formals), form, scope, context.phase);
        return receive(core, bound, expandRest(rest.slice(1), [...scopes, scope]));
      };
      return expandRest(valuesBindings(bindings!, form, expander), []);
    },
  ],
  [
    "receive",
    (form, context, expander) => {
      const [, formals, value, ...body] = expander.items(form, 4);
      const scope = new Scope();
      const core = expander.expand(value!, context);
      const bound = bindFormals(formals!, form, scope, context.phase);
      return receive(
        core,
        bound,
        expander.body(
          body.map((one) => one.with("add", scope)),
          context,
          form,
        ),
      );
    },
  ],
  [
    "and",
    (form, context, expander) => {
      const tests = expander
        .items(form, 1)
        .slice(1)
        .map((test) => expander.expand(test, context));
      return tests.length === 0
        ? makeConst(true, form.source)
        : tests.reduceRight((rest, test) => makeIf(test, rest, makeConst(false), form.source));
    },
  ],
  [
    "or",
    (form, context, expander) => {
      const tests = expander
        .items(form, 1)
        .slice(1)
        .map((test) => expander.expand(test, context));
      return tests.length === 0
        ? makeConst(false, form.source)
        : tests.reduceRight((rest, test) => {
            const held = makeVariable("t");
            return makeLet(held, test, makeIf(makeLocal(held), makeLocal(held), rest, form.source), form.source);
          });
    },
  ],
  [
    "when",
    (form, context, expander) => {
      const [, test, ...body] = expander.items(form, 3);
      return makeIf(
        expander.expand(test!, context),
        expander.sequence(body, context, form),
        unspecifiedCore,
        form.source,
      );
    },
  ],
  [
    "unless",
    (form, context, expander) => {
      const [, test, ...body] = expander.items(form, 3);
      return makeIf(
        expander.expand(test!, context),
        unspecifiedCore,
        expander.sequence(body, context, form),
        form.source,
      );
    },
  ],
  ["cond", condForm],
  ["case", caseForm],
  ["do", doForm],
  ["guard", guardForm],
  [
    "delay",
    (form, context, expander) => {
      const value = callPrimitive("make-eager-promise", [expander.expand(expander.items(form, 2, 2)[1]!, context)]);
      return callPrimitive("make-delayed", [makeLambda([], null, value, null, form.source)], form.source);
    },
  ],
  [
    "delay-force",
    (form, context, expander) =>
      callPrimitive(
        "make-delayed",
        [makeLambda([], null, expander.expand(expander.items(form, 2, 2)[1]!, context), null, form.source)],
        form.source,
      ),
  ],
  [
    "parameterize",
    (form, context, expander) => {
      const [, bindings, ...body] = expander.items(form, 3);
      const operands = expander
        .items(bindings!, 0)
        .flatMap((binding) => expander.items(binding, 2, 2).map((part) => expander.expand(part, context)));
      const thunk = makeLambda([], null, expander.body(body, context, form), null, form.source);
      return operands.length === 0
        ? makeCall(thunk, [], form.source)
        : callPrimitive("call-with-parameters", [thunk, ...operands], form.source);
    },
  ],
  ["let-syntax", (form, context, expander) => letSyntaxForm(form, context, expander, false)],
  ["letrec-syntax", (form, context, expander) => letSyntaxForm(form, context, expander, true)],
  [
    "syntax-error",
    (form, _context, expander) => {
      const [, message, ...irritants] = expander.items(form, 2);
      const text = unwrap(message);
      throw syntaxError(
        text instanceof MString ? text.toString() : "syntax-error",
        form.source,
        ...irritants.map(syntaxToDatum),
      );
    },
  ],
  [
    "cond-expand",
    (form, context, expander) => {
      const body = chooseFeature(form, context, expander);
      return body.length === 0 ? unspecifiedCore : expander.sequence(body, context, form);
    },
  ],
  ["include", (form, context, expander) => expander.sequence(includedForms(form, false, expander), context, form)],
  ["include-ci", (form, context, expander) => expander.sequence(includedForms(form, true, expander), context, form)],
  ["syntax-rules", (form, context) => makeConst(parseSyntaxRules(form, context.phase - 1), form.source)],
  ["er-macro-transformer", (form, context, expander) => renamingForm(form, context, expander, false)],
  ["ir-macro-transformer", (form, context, expander) => renamingForm(form, context, expander, true)],
  ["syntax-case", syntaxCaseForm],
  ["syntax", syntaxForm],
  ["quasisyntax", quasisyntaxForm],
  ["with-syntax", withSyntaxForm],
  [
    "assert",
    (form, context, expander) => {
      const test = expander.items(form, 2, 2)[1]!;
      return makeIf(
        expander.expand(test, context),
        unspecifiedCore,
        callPrimitive("assertion-failed", [makeConst(syntaxToDatum(test))], form.source),
        form.source,
      );
    },
  ],
  ["lambda/typed", lambdaTypedForm],
  ["case-lambda/typed", caseLambdaTypedForm],
  ["let/typed", letTypedForm],
  ["the", theForm],
  ["has-type?", hasTypeForm],
  ["the-environment", (form, context) => makeConst(context.namespace, form.source)],
]);

function assignment(form: Syntax, context: Context, expander: FormExpander): Core {
  const [, name, value] = expander.items(form, 3, 3);
  if (!isIdentifier(name)) throw syntaxError("set!: expected an identifier", name!.source, syntaxToDatum(name));
  const binding = resolve(name, context.phase);
  expander.host.onlooker?.identifier(name, binding, context);
  const core = withName(expander.expand(value!, context), name.datum.name);
  const { source } = form;
  if (binding === null) {
    if (!context.namespace.isOpen || context.phase > 0)
      throw syntaxError(`set!: unbound variable: ${name.datum.name}`, name.source);
    return { kind: "set-global", global: context.namespace.await(name.datum.name), value: core, source };
  }
  if (binding.kind === "local") {
    binding.variable.isAssigned = true;
    return { kind: "set-local", variable: binding.variable, value: core, source };
  }
  if (binding.kind !== "global") throw syntaxError(`set!: ${name.datum.name} is not a variable`, name.source);
  if (binding.global.library !== context.namespace.name)
    throw syntaxError(`set!: ${name.datum.name} is imported, and cannot be assigned`, name.source);
  binding.global.isAssigned = true;
  return { kind: "set-global", global: binding.global, value: core, source };
}

interface Bound {
  readonly required: Variable[];
  readonly rest: Variable | null;
}

function bindFormals(formals: unknown, whole: Syntax, scope: Scope, phase: number): Bound {
  const { required, rest } = parseFormals(formals, whole);
  const variables = bindLocals(rest === null ? required : [...required, rest], scope, phase);
  return { required: variables.slice(0, required.length), rest: rest === null ? null : variables.at(-1)! };
}

export function lambdaClause(
  formals: unknown,
  body: readonly Syntax[],
  whole: Syntax,
  context: Context,
  expander: FormExpander,
): Clause {
  const scope = new Scope();
  const bound = bindFormals(formals, whole, scope, context.phase);
  return {
    ...bound,
    body: expander.body(
      body.map((form) => form.with("add", scope)),
      context,
      whole,
    ),
  };
}

/** `call-with-values` of an expression; plain where one value is asked for. */
function receive(value: Core, { required, rest }: Bound, body: Core): Core {
  if (required.length === 1 && rest === null) return makeLet(required[0]!, value, body);
  return callPrimitive(
    "call-with-values",
    [makeLambda([], null, value), { kind: "lambda", name: null, clauses: [{ required, rest, body }], source: null }],
    value.source,
  );
}

interface LetBinding {
  readonly name: Identifier;
  readonly value: Syntax;
}

function letBindings(bindings: Syntax, form: Syntax, expander: FormExpander): LetBinding[] {
  return expander.items(bindings, 0).flatMap((binding): LetBinding[] => {
    const parts = syntaxItems(binding) ?? [];
    const [name, value] = parts;
    const source = binding.source ?? form.source;
    attempt(expander.host, source, () => {
      if (parts.length !== 2 || !isIdentifier(name))
        throw syntaxError("a binding is (NAME VALUE)", source, syntaxToDatum(binding));
    });
    // Who looks on sees the name, whatever is wrong with its value.
    return isIdentifier(name) ? [{ name, value: value ?? new Syntax(false, binding.scopes, null) }] : [];
  });
}

function letForm(form: Syntax, context: Context, expander: FormExpander): Core {
  const items = expander.items(form, 3);
  if (isIdentifier(items[1])) return namedLet(form, items, context, expander);
  const bindings = letBindings(items[1]!, form, expander);
  const values = bindings.map(({ name, value }) => withName(expander.expand(value, context), name.datum.name));
  const scope = new Scope();
  const variables = bindLocals(
    bindings.map(({ name }) => name),
    scope,
    context.phase,
  );
  const body = expander.body(
    items.slice(2).map((one) => one.with("add", scope)),
    context,
    form,
  );
  return variables.length === 0 ? body : { kind: "let", variables, values, body, source: form.source };
}

function namedLet(form: Syntax, items: readonly Syntax[], context: Context, expander: FormExpander): Core {
  if (items.length < 4) throw syntaxError("let: something is missing", form.source, syntaxToDatum(form));
  const name = items[1] as Identifier;
  const bindings = letBindings(items[2]!, form, expander);
  const values = bindings.map((binding) => expander.expand(binding.value, context));
  const outer = new Scope(),
    inner = new Scope();
  const [loop] = bindLocals([name], outer, context.phase) as [Variable];
  const required = bindLocals(
    bindings.map((binding) => binding.name.with("add", outer) as Identifier),
    inner,
    context.phase,
  );
  const body = expander.body(
    items.slice(3).map((one) => one.with("add", outer).with("add", inner)),
    context,
    form,
  );
  const lambda = makeLambda(required, null, body, name.datum.name, form.source);
  return makeCall(
    { kind: "letrec*", variables: [loop], values: [lambda], body: makeLocal(loop), source: form.source },
    values,
    form.source,
  );
}

function letStarForm(form: Syntax, context: Context, expander: FormExpander): Core {
  const [, bindings, ...body] = expander.items(form, 3);
  const scopes: Scope[] = [];
  const scoped = (syntax: Syntax): Syntax => scopes.reduce((result, scope) => result.with("add", scope), syntax);
  const steps: { variable: Variable; value: Core }[] = [];
  for (const { name, value } of letBindings(bindings!, form, expander)) {
    const core = withName(expander.expand(scoped(value), context), name.datum.name);
    const scope = new Scope();
    const [variable] = bindLocals([scoped(name) as Identifier], scope, context.phase) as [Variable];
    scopes.push(scope);
    steps.push({ variable, value: core });
  }
  let result = expander.body(body.map(scoped), context, form);
  for (const { variable, value } of steps.reverse()) result = makeLet(variable, value, result, form.source);
  return result;
}

function letrecForm(form: Syntax, context: Context, expander: FormExpander): Core {
  const [, bindingsForm, ...body] = expander.items(form, 3);
  const bindings = letBindings(bindingsForm!, form, expander);
  const scope = new Scope();
  const variables = bindLocals(
    bindings.map(({ name }) => name),
    scope,
    context.phase,
  );
  const values = bindings.map(({ name, value }) =>
    withName(expander.expand(value.with("add", scope), context), name.datum.name),
  );
  const inner = expander.body(
    body.map((one) => one.with("add", scope)),
    context,
    form,
  );
  return variables.length === 0 ? inner : { kind: "letrec*", variables, values, body: inner, source: form.source };
}

function valuesBindings(bindings: Syntax, form: Syntax, expander: FormExpander): { formals: Syntax; value: Syntax }[] {
  return expander.items(bindings, 0).map((binding) => {
    const parts = syntaxItems(binding);
    if (parts === null || parts.length !== 2)
      throw syntaxError("a binding is (FORMALS VALUE)", form.source, syntaxToDatum(binding));
    return { formals: parts[0]!, value: parts[1]! };
  });
}

function letValuesForm(form: Syntax, context: Context, expander: FormExpander): Core {
  const [, bindings, ...body] = expander.items(form, 3);
  const scope = new Scope();
  const parsed = valuesBindings(bindings!, form, expander);
  const values = parsed.map(({ value }) => expander.expand(value, context));
  const formals = parsed.map((binding) => parseFormals(binding.formals, form));
  // All are bound in one scope, so that a name that stands twice is found.
  const variables = bindLocals(
    formals.flatMap(({ required, rest }) => (rest === null ? required : [...required, rest])),
    scope,
    context.phase,
  );
  const core = expander.body(
    body.map((one) => one.with("add", scope)),
    context,
    form,
  );
  let at = variables.length,
    result = core;
  for (let index = formals.length - 1; index >= 0; index--) {
    const { required, rest } = formals[index]!;
    const restVariable = rest === null ? null : variables[--at]!;
    at -= required.length;
    result = receive(
      values[index]!,
      { required: variables.slice(at, at + required.length), rest: restVariable },
      result,
    );
  }
  return result;
}

function letSyntaxForm(form: Syntax, context: Context, expander: FormExpander, isRecursive: boolean): Core {
  const [, bindings, ...body] = expander.items(form, 3);
  const scope = new Scope();
  for (const { name, value } of letBindings(bindings!, form, expander)) {
    const transformer = evaluateTransformer(
      name,
      isRecursive ? value.with("add", scope) : value,
      context,
      expander,
      false,
    );
    const identifier = name.with("add", scope) as Identifier;
    bind(identifier.datum, identifier.scopes, context.phase, transformer);
    expander.host.onlooker?.identifier(identifier, transformer, context);
  }
  return expander.body(
    body.map((one) => one.with("add", scope)),
    context,
    form,
  );
}

function renamingForm(form: Syntax, context: Context, expander: FormExpander, isImplicit: boolean): Core {
  const [keyword, procedure] = expander.items(form, 2, 2);
  const value = expander.host.evaluate(expander.expand(procedure!, context), context.phase, context.namespace);
  return makeConst(new RenamingTransformer(value, keyword!, isImplicit), form.source);
}

/** The forms of the first clause of `cond-expand` whose requirement holds. @throws SchemeError where none does */
export function chooseFeature(form: Syntax, context: Context, expander: FormExpander): Syntax[] {
  for (const clause of expander.items(form, 2).slice(1)) {
    const [requirement, ...body] = expander.items(clause, 1);
    if (isAuxiliary(requirement, "else", context.phase) || expander.host.hasFeature(requirement!, context)) return body;
  }
  throw syntaxError("cond-expand: no clause holds", form.source);
}

/** The forms of the files that `include` names, with the scopes of the form itself. */
export function includedForms(form: Syntax, foldsCase: boolean, expander: FormExpander): Syntax[] {
  return expander
    .items(form, 2)
    .slice(1)
    .flatMap((name) => {
      const path = unwrap(name);
      if (!(path instanceof MString)) throw syntaxError("include: expected a string", name.source, syntaxToDatum(name));
      return expander.host.include(path.toString(), form, foldsCase);
    });
}
