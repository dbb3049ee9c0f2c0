/**
 * What may stand at the head of a body or at the top level: definitions, and forms that are spliced into it. R7RS §5.
 */
import type { Core } from "../core/core.ts";
import {
  callPrimitive,
  makeConst,
  makeLambda,
  makeVariable,
  unspecifiedCore,
  makeLocal,
  withName,
} from "../core/build.ts";
import { syntaxError } from "../datum/condition.ts";
import { intern, list, Pair } from "../datum/datum.ts";
import { bind, isBoundIdentifierEqual } from "./binding.ts";
import { chooseFeature, includedForms, lambdaClause } from "./core-forms.ts";
import { evaluateTransformer } from "./evaluate-transformer.ts";
import {
  checkedValue,
  isMark,
  noteResult,
  resultAndBody,
  typedCall,
  type TypedName,
  typedProcedure,
} from "./type-forms.ts";
import { noteRecordType, parseType, predicateOf } from "./annotation.ts";
import type { Body, Context } from "./body.ts";
import { attempt, type FormExpander } from "./form-expander.ts";
import { parseFormals, type Slot, slotReference } from "./local-binding.ts";
import {
  type Binding,
  type Identifier,
  isIdentifier,
  type Syntax,
  syntaxItems,
  syntaxToDatum,
  unwrap,
} from "./syntax.ts";

type DefinitionForm = (form: Syntax, context: Context & { readonly body: Body }, expander: FormExpander) => void;

export const definitionForms: ReadonlyMap<string, DefinitionForm> = new Map<string, DefinitionForm>([
  ["begin", (form, { body }, expander) => body.splice(expander.items(form, 1).slice(1))],
  ["define", define],
  ["define-values", defineValues],
  ["define-record-type", (form, context, expander) => defineRecordType(form, context, expander, false)],
  ["define-record-type/typed", (form, context, expander) => defineRecordType(form, context, expander, true)],
  ["define/typed", defineTyped],
  ["define-type", defineType],
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

/** `(define/typed (NAME PARAMETER …) [: TYPE] BODY …)`, `(define/typed NAME : TYPE VALUE)`. */
function defineTyped(form: Syntax, context: Context & { readonly body: Body }, expander: FormExpander): void {
  const { body, phase } = context;
  const [, target, ...rest] = expander.items(form, 3) as [Syntax, Syntax, ...Syntax[]];
  const header = unwrap(target);
  const name = header instanceof Pair ? header.car : target;
  if (!isIdentifier(name))
    throw syntaxError("define/typed: expected a name or (NAME PARAMETER ...)", target.source, syntaxToDatum(target));
  if (!(header instanceof Pair)) {
    const [mark, type, value, ...more] = rest;
    if (!isMark(mark, ":") || type === undefined || value === undefined || more.length > 0)
      throw syntaxError("define/typed: expected (define/typed NAME : TYPE VALUE)", form.source, syntaxToDatum(form));
    body.add(
      body.declare(name, phase),
      name.datum.name,
      (inner) =>
        checkedValue(withName(expander.expand(value, inner), name.datum.name), type, name.datum.name, inner, expander),
      form.source,
    );
    return;
  }
  const slot = body.declare(name, phase);
  const parts = resultAndBody(rest, form);
  if (parts.result !== null) noteResult(slot, parts.result, context, expander);
  body.add(
    slot,
    name.datum.name,
    (inner) => typedProcedure(header.cdr, parts, name.datum.name, form, inner, expander),
    form.source,
  );
}

/** `(define-type NAME TYPE)`: NAME stands for the type in annotations. */
function defineType(form: Syntax, context: Context & { readonly body: Body }, expander: FormExpander): void {
  const [, name, type] = expander.items(form, 3, 3) as [Syntax, Syntax, Syntax];
  if (!isIdentifier(name)) throw syntaxError("define-type: expected an identifier", name.source, syntaxToDatum(name));
  const identifier = context.body.freed(name);
  let known: unknown = null;
  let isBeingRead = false;
  const binding: Binding = {
    kind: "type",
    name: name.datum.name,
    type: () => {
      if (isBeingRead) throw syntaxError(`the type ${name.datum.name} mentions itself`, type.source);
      isBeingRead = true;
      try {
        known ??= parseType(type, { ...context, body: null }, expander);
      } finally {
        isBeingRead = false;
      }
      return known;
    },
    source: name.source,
  };
  bind(identifier.datum, identifier.scopes, context.phase, binding);
  expander.host.onlooker?.identifier(identifier, binding, context);
  // Read once, so that what is wrong is told here; it stands for nothing that is run.
  context.body.add(null, "", () => (void binding.type(), unspecifiedCore), form.source);
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

/**
 * A record type and its procedures are calls of primitives with constant indexes. R7RS §5.5.
 *
 * @param isTyped  a field may be `(NAME : TYPE ACCESSOR MODIFIER)`: constructor and modifier check what they are given
 */
function defineRecordType(
  form: Syntax,
  { body, phase }: Context & { readonly body: Body },
  expander: FormExpander,
  isTyped: boolean,
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
    if (isIdentifier(field)) return { name: field, type: null, accessor: null, modifier: null };
    const all = expander.items(field, 1, isTyped ? 5 : 3);
    const hasType = isTyped && isMark(all[1], ":") && all.length > 2;
    const parts = hasType ? [all[0]!, ...all.slice(3)] : all;
    if (!parts.every(isIdentifier) || parts.length > 3)
      throw syntaxError(
        isTyped
          ? "define-record-type/typed: a field is (NAME : TYPE ACCESSOR MODIFIER)"
          : "define-record-type: a field is (NAME ACCESSOR MODIFIER)",
        field.source,
        syntaxToDatum(field),
      );
    const [name, accessor, modifier] = parts as [Identifier, Identifier | undefined, Identifier | undefined];
    return { name, type: hasType ? all[2]! : null, accessor: accessor ?? null, modifier: modifier ?? null };
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
  const typed = fields.filter((field) => field.type !== null);
  noteRecordType(type);
  const { source } = form;
  body.add(
    type,
    typeName.datum.name,
    () =>
      callPrimitive(
        "make-record-type",
        [
          makeConst(typeName.datum),
          makeConst(fields.map(({ name }) => name.datum)),
          ...(typed.length === 0 ? [] : [makeConst(list(typed.map(({ name }) => name.datum)))]),
        ],
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

  /** What constructs or changes a record, checked; the plain procedure has a name of its own. */
  const addChecked = (
    name: Identifier,
    primitive: string,
    operands: readonly Core[],
    parameters: TypedName[],
  ): void => {
    const slot = body.declare(name, phase);
    if (parameters.every((one) => one.type === null)) return add(slot, name, primitive, operands);
    const plain = body.declareHidden(name.datum.name);
    add(plain, name, primitive, operands);
    body.add(
      slot,
      name.datum.name,
      (inner) => typedCall(plain, parameters, name.datum.name, form, inner, expander),
      source,
    );
  };
  const construct = (name: Identifier, indexes: readonly number[]): void =>
    addChecked(
      name,
      "record-constructor",
      [makeConst(indexes)],
      indexes.map((index) => fields[index]!),
    );
  const own = isIdentifier(constructor) || unwrap(constructor) === false ? [] : expander.items(constructor, 1);
  if (isTyped) {
    const given = isIdentifier(constructor) ? null : own.slice(1).map(indexOf);
    const left = given === null ? undefined : fields.find((one, at) => one.type !== null && !given.includes(at));
    if (left !== undefined && unwrap(constructor) !== false)
      throw syntaxError(
        `define-record-type/typed: the constructor must take ${left.name.datum.name}, which has a type`,
        constructor.source,
      );
  }
  if (isIdentifier(constructor))
    construct(
      constructor,
      fields.map((_, index) => index),
    );
  else if (unwrap(constructor) !== false) {
    const [name, ...names] = own as [Syntax, ...Syntax[]];
    if (!isIdentifier(name))
      throw syntaxError("define-record-type: expected the constructor's name", name.source, syntaxToDatum(name));
    construct(name, names.map(indexOf));
  }
  if (isIdentifier(predicate)) add(body.declare(predicate, phase), predicate, "record-predicate", []);
  else if (predicate !== undefined && unwrap(predicate) !== false)
    throw syntaxError("define-record-type: expected the predicate's name", predicate.source, syntaxToDatum(predicate));
  for (const [index, field] of fields.entries()) {
    const { accessor, modifier } = field;
    if (accessor !== null) {
      const own = makeConst(accessor.datum);
      body.add(
        body.declare(accessor, phase),
        accessor.datum.name,
        (inner) => {
          // What the field holds has been checked: compilers may rely on it.
          const predicate = field.type === null ? null : predicateOf(parseType(field.type, inner, expander));
          const operands = [slotReference(type), makeConst(index), own];
          if (predicate !== null) operands.push(makeConst(intern(predicate)));
          return callPrimitive("record-accessor", operands, source);
        },
        source,
      );
    }
    if (modifier !== null)
      addChecked(modifier, "record-modifier", [makeConst(index)], [{ name: typeName, type: null }, field]);
  }
}
