/**
 * What may stand at the head of a body or at the top level: definitions, and forms that are spliced into it. R7RS §5.
 */
import type { Core } from "../core/core.ts";
import { callPrimitive, makeConst, makeLambda, makeVariable, unspecifiedCore, makeLocal } from "../core/build.ts";
import { syntaxError } from "../datum/condition.ts";
import { Pair } from "../datum/datum.ts";
import { bind, isBoundIdentifierEqual } from "./binding.ts";
import { chooseFeature, includedForms, lambdaClause } from "./core-forms.ts";
import { evaluateTransformer } from "./evaluate-transformer.ts";
import type { Body, Context } from "./body.ts";
import { attempt, type FormExpander } from "./form-expander.ts";
import { parseFormals, type Slot, slotReference } from "./local-binding.ts";
import { type Identifier, isIdentifier, type Syntax, syntaxItems, syntaxToDatum, unwrap } from "./syntax.ts";

type DefinitionForm = (form: Syntax, context: Context & { readonly body: Body }, expander: FormExpander) => void;

export const definitionForms: ReadonlyMap<string, DefinitionForm> = new Map<string, DefinitionForm>([
  ["begin", (form, { body }, expander) => body.splice(expander.items(form, 1).slice(1))],
  ["define", define],
  ["define-values", defineValues],
  ["define-record-type", defineRecordType],
  [
    "define-syntax",
    (form, context, expander) => {
      let [, name, value] = expander.items(form, 3, 3) as [Syntax, Syntax, Syntax];
      if (!isIdentifier(name))
        throw syntaxError("define-syntax: expected an identifier", name.source, syntaxToDatum(name));
      const identifier = context.body.freed(name);
      const transformer = evaluateTransformer(identifier, value, context, expander, true);
      bind(identifier.datum, identifier.scopes, context.phase, transformer);
      expander.host.onlooker?.identifier(identifier, transformer, context);
    },
  ],
  [
    "begin-for-syntax",
    (form, context, expander) => {
      const inner = { namespace: context.namespace, phase: context.phase + 1 };
      for (const one of expander.items(form, 1).slice(1))
        for (const core of expander.top([one], inner)) expander.host.evaluate(core, inner.phase, context.namespace);
    },
  ],
  ["cond-expand", (form, context, expander) => context.body.splice(chooseFeature(form, context, expander))],
  ["include", (form, { body }, expander) => body.splice(includedForms(form, false, expander))],
  ["include-ci", (form, { body }, expander) => body.splice(includedForms(form, true, expander))],
  [
    "define-library",
    (form, context, expander) => {
      if (!context.body.isTop) throw syntaxError("define-library stands inside of a body", form.source);
      expander.host.defineLibrary(form);
    },
  ],
  [
    "import",
    (form, context, expander) => {
      if (!context.body.isTop) throw syntaxError("import stands inside of a body", form.source);
      for (const one of expander.items(form, 1).slice(1))
        attempt(expander.host, one.source, () => expander.host.import(one, context));
    },
  ],
]);

function define(form: Syntax, { body, phase }: Context & { readonly body: Body }, expander: FormExpander): void {
  const [, target, ...rest] = expander.items(form, 2) as [Syntax, Syntax, ...Syntax[]];
  let name: unknown = target;
  const headers: { formals: unknown }[] = [];
  // ((f a) b) defines a procedure that gives one.
  for (let datum = unwrap(name); datum instanceof Pair; datum = unwrap(name)) {
    headers.unshift({ formals: datum.cdr });
    name = datum.car;
  }
  if (!isIdentifier(name))
    throw syntaxError("define: expected an identifier", target.source ?? form.source, syntaxToDatum(target));
  if (headers.length === 0 && rest.length > 1)
    throw syntaxError("define: there is too much", form.source, syntaxToDatum(form));
  if (headers.length > 0 && rest.length === 0)
    throw syntaxError("define: a body is missing", form.source, syntaxToDatum(form));
  const slot = body.declare(name, phase);
  const value = (context: Context): Core => {
    if (headers.length === 0) return rest.length === 0 ? unspecifiedCore : expander.expand(rest[0]!, context);
    return headersLambda(headers, rest, form, context, expander);
  };
  body.add(slot, name.datum.name, value, form.source);
}

function headersLambda(
  headers: readonly { formals: unknown }[],
  rest: readonly Syntax[],
  form: Syntax,
  context: Context,
  expander: FormExpander,
): Core {
  if (headers.length > 1) {
    // Only the innermost has the body: the others are lambdas around it, in syntax so that scopes nest.
    const keyword = (form.parts as Pair).car as Syntax;
    const inner = expander.curried(
      headers.slice(1).map(({ formals }) => formals),
      rest,
      keyword,
    );
    return {
      kind: "lambda",
      name: null,
      clauses: [lambdaClause(headers[0]!.formals, [inner], form, context, expander)],
      source: form.source,
    };
  }
  return {
    kind: "lambda",
    name: null,
    clauses: [lambdaClause(headers[0]!.formals, rest, form, context, expander)],
    source: form.source,
  };
}

/** The values are gathered in a hidden vector, so that each variable is defined once and never assigned. */
function defineValues(form: Syntax, { body, phase }: Context & { readonly body: Body }, expander: FormExpander): void {
  const [, formals, expression] = expander.items(form, 3, 3) as [Syntax, Syntax, Syntax];
  const { required, rest } = parseFormals(formals, form);
  if (required.length === 1 && rest === null) {
    body.add(
      body.declare(required[0]!, phase),
      required[0]!.datum.name,
      (context) => expander.expand(expression, context),
      form.source,
    );
    return;
  }
  const slots = required.map((name) => body.declare(name, phase));
  const restSlot = rest === null ? null : body.declare(rest, phase);
  const hidden = body.declareHidden("values");
  body.add(
    hidden,
    "values",
    (context) => {
      const variables = required.map((name) => makeVariable(name.datum.name)),
        restVariable = rest === null ? null : makeVariable(rest.datum.name);
      const gather = callPrimitive(
        "vector",
        [...variables, ...(restVariable === null ? [] : [restVariable])].map((variable) => makeLocal(variable)),
      );
      return callPrimitive(
        "call-with-values",
        [
          makeLambda([], null, expander.expand(expression, context), null, form.source),
          makeLambda(variables, restVariable, gather, null, form.source),
        ],
        form.source,
      );
    },
    form.source,
  );
  for (const [index, slot] of [...slots, ...(restSlot === null ? [] : [restSlot])].entries()) {
    body.add(slot, "", () => callPrimitive("vector-ref", [slotReference(hidden), makeConst(index)]), form.source);
  }
}

/** A record type and its procedures are calls of primitives with constant indexes. R7RS §5.5. */
function defineRecordType(
  form: Syntax,
  { body, phase }: Context & { readonly body: Body },
  expander: FormExpander,
): void {
  const [, typeForm, constructor, predicate, ...fieldForms] = expander.items(form, 3) as [
    Syntax,
    Syntax,
    Syntax,
    Syntax | undefined,
    ...Syntax[],
  ];
  const typeName = isIdentifier(typeForm) ? typeForm : syntaxItems(typeForm)?.[0];
  if (!isIdentifier(typeName))
    throw syntaxError("define-record-type: expected the type's name", typeForm.source, syntaxToDatum(typeForm));
  const fields = fieldForms.map((field) => {
    if (isIdentifier(field)) return { name: field, accessor: null, modifier: null };
    const parts = expander.items(field, 1, 3);
    if (!parts.every(isIdentifier))
      throw syntaxError("define-record-type: a field is (NAME ACCESSOR MODIFIER)", field.source, syntaxToDatum(field));
    const [name, accessor, modifier] = parts as [Identifier, Identifier | undefined, Identifier | undefined];
    return { name, accessor: accessor ?? null, modifier: modifier ?? null };
  });
  for (const [index, { name }] of fields.entries()) {
    if (fields.slice(0, index).some((other) => isBoundIdentifierEqual(other.name, name)))
      throw syntaxError(`define-record-type: the field ${name.datum.name} stands twice`, name.source);
  }
  const indexOf = (name: unknown): number => {
    const index = isIdentifier(name) ? fields.findIndex((field) => isBoundIdentifierEqual(field.name, name)) : -1;
    if (index < 0)
      throw syntaxError(
        "define-record-type: the constructor names no field",
        (isIdentifier(name) ? name.source : null) ?? form.source,
        syntaxToDatum(name),
      );
    return index;
  };
  const type = body.declare(typeName, phase);
  const { source } = form;
  body.add(
    type,
    typeName.datum.name,
    () =>
      callPrimitive(
        "make-record-type",
        [makeConst(typeName.datum), makeConst(fields.map(({ name }) => name.datum))],
        source,
      ),
    source,
  );
  const add = (slot: Slot, name: Identifier, primitive: string, operands: readonly Core[]): void =>
    body.add(
      slot,
      name.datum.name,
      () => callPrimitive(primitive, [slotReference(type), ...operands, makeConst(name.datum)], source),
      source,
    );

  if (isIdentifier(constructor))
    add(body.declare(constructor, phase), constructor, "record-constructor", [
      makeConst(fields.map((_, index) => index)),
    ]);
  else if (unwrap(constructor) !== false) {
    const [name, ...own] = expander.items(constructor, 1) as [Syntax, ...Syntax[]];
    if (!isIdentifier(name))
      throw syntaxError("define-record-type: expected the constructor's name", name.source, syntaxToDatum(name));
    add(body.declare(name, phase), name, "record-constructor", [makeConst(own.map(indexOf))]);
  }
  if (isIdentifier(predicate)) add(body.declare(predicate, phase), predicate, "record-predicate", []);
  else if (predicate !== undefined && unwrap(predicate) !== false)
    throw syntaxError("define-record-type: expected the predicate's name", predicate.source, syntaxToDatum(predicate));
  for (const [index, { accessor, modifier }] of fields.entries()) {
    if (accessor !== null) add(body.declare(accessor, phase), accessor, "record-accessor", [makeConst(index)]);
    if (modifier !== null) add(body.declare(modifier, phase), modifier, "record-modifier", [makeConst(index)]);
  }
}
