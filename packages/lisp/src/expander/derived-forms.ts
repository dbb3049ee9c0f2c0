/** `cond`, `case`, `do` and `guard`. R7RS §4.2. */
import type { Core, Variable } from "../core/core.ts";
import {
  callPrimitive,
  makeBegin,
  makeCall,
  makeConst,
  makeIf,
  makeLambda,
  makeLet,
  makeLocal,
  makeVariable,
  primitiveGlobal,
  unspecifiedCore,
} from "../core/build.ts";
import { syntaxError } from "../datum/condition.ts";
import { list } from "../datum/datum.ts";
import type { Context } from "./body.ts";
import type { FormExpander } from "./form-expander.ts";
import { bindLocals } from "./local-binding.ts";
import { isAuxiliary } from "./patterns.ts";
import { type Identifier, isIdentifier, Scope, Syntax, syntaxItems, syntaxToDatum } from "./syntax.ts";

export function condForm(form: Syntax, context: Context, expander: FormExpander): Core {
  return condClauses(expander.items(form, 1).slice(1), unspecifiedCore, form, context, expander);
}

/** @param otherwise  what is done where no clause holds */
function condClauses(
  clauses: readonly Syntax[],
  otherwise: Core,
  form: Syntax,
  context: Context,
  expander: FormExpander,
): Core {
  let result = otherwise;
  for (let index = clauses.length - 1; index >= 0; index--) {
    const clause = clauses[index]!;
    const parts = syntaxItems(clause);
    if (parts === null || parts.length === 0)
      throw syntaxError("cond: a clause is (TEST EXPRESSION ...)", clause.source, syntaxToDatum(clause));
    const [test, ...body] = parts as [Syntax, ...Syntax[]];
    if (isAuxiliary(test, "else", context.phase)) {
      if (index !== clauses.length - 1) throw syntaxError("cond: else is not the last clause", clause.source);
      result = expander.sequence(body, context, clause);
    } else if (body.length === 0) {
      const held = makeVariable("t");
      result = makeLet(
        held,
        expander.expand(test, context),
        makeIf(makeLocal(held), makeLocal(held), result, clause.source),
        clause.source,
      );
    } else if (isAuxiliary(body[0], "=>", context.phase)) {
      if (body.length !== 2)
        throw syntaxError("cond: expected (TEST => RECEIVER)", clause.source, syntaxToDatum(clause));
      const held = makeVariable("t");
      const call = makeCall(expander.expand(body[1]!, context), [makeLocal(held)], clause.source);
      result = makeLet(
        held,
        expander.expand(test, context),
        makeIf(makeLocal(held), call, result, clause.source),
        clause.source,
      );
    } else
      result = makeIf(expander.expand(test, context), expander.sequence(body, context, clause), result, clause.source);
  }
  return result;
}

export function caseForm(form: Syntax, context: Context, expander: FormExpander): Core {
  const [, key, ...clauses] = expander.items(form, 2);
  const held = makeVariable("key");
  const bodyOf = (body: readonly Syntax[], clause: Syntax): Core => {
    if (!isAuxiliary(body[0], "=>", context.phase)) return expander.sequence(body, context, clause);
    if (body.length !== 2) throw syntaxError("case: expected => RECEIVER", clause.source, syntaxToDatum(clause));
    return makeCall(expander.expand(body[1]!, context), [makeLocal(held)], clause.source);
  };
  let result: Core = unspecifiedCore;
  for (let index = clauses.length - 1; index >= 0; index--) {
    const clause = clauses[index]!;
    const [choices, ...body] = expander.items(clause, 2) as [Syntax, ...Syntax[]];
    if (isAuxiliary(choices, "else", context.phase)) {
      if (index !== clauses.length - 1) throw syntaxError("case: else is not the last clause", clause.source);
      result = bodyOf(body, clause);
      continue;
    }
    const data = expander.items(choices, 0).map(syntaxToDatum);
    if (data.length === 0) continue;
    const test =
      data.length === 1
        ? callPrimitive("eqv?", [makeLocal(held), makeConst(data[0])])
        : callPrimitive("memv", [makeLocal(held), makeConst(list(data))]);
    result = makeIf(test, bodyOf(body, clause), result, clause.source);
  }
  return makeLet(held, expander.expand(key!, context), result, form.source);
}

export function doForm(form: Syntax, context: Context, expander: FormExpander): Core {
  const [, specifications, exit, ...commands] = expander.items(form, 3);
  const parsed = expander.items(specifications!, 0).map((one) => {
    const parts = syntaxItems(one);
    if (parts === null || parts.length < 2 || parts.length > 3 || !isIdentifier(parts[0]))
      throw syntaxError("do: expected (NAME FIRST STEP)", one.source, syntaxToDatum(one));
    return { name: parts[0] as Identifier, first: parts[1]!, step: parts[2] ?? null };
  });
  const values = parsed.map(({ first }) => expander.expand(first, context));
  const scope = new Scope();
  const variables = bindLocals(
    parsed.map(({ name }) => name),
    scope,
    context.phase,
  );
  const inner = (syntax: Syntax): Syntax => syntax.with("add", scope);
  const [test, ...results] = expander.items(exit!, 1).map(inner);
  const loop = makeVariable("loop");
  const steps = parsed.map(({ step }, index) =>
    step === null ? makeLocal(variables[index]!) : expander.expand(inner(step), context),
  );
  const again = makeCall(makeLocal(loop), steps, form.source);
  const body = [...commands.map((command) => expander.expand(inner(command), context)), again];
  const result = results.length === 0 ? unspecifiedCore : expander.sequence(results, context, form);
  const turn = makeIf(expander.expand(test!, context), result, makeBegin(body), form.source);
  return makeCall(
    {
      kind: "letrec*",
      variables: [loop],
      values: [makeLambda(variables, null, turn, "do", form.source)],
      body: makeLocal(loop),
      source: form.source,
    },
    values,
    form.source,
  );
}

/**
 * The clauses run in the dynamic environment of the `guard`; when none holds, the object is raised again in that of the
 * `raise` (R7RS §4.2.7). With an `else` nobody goes back there, so that only an escape is needed.
 *
 *     ((call/cc (lambda (guard)
 *        (with-exception-handler
 *          (lambda (object) ((call/cc (lambda (raise) (guard (lambda () CLAUSES… else (raise (lambda ()
 *          (raise-continuable object)))))))))
 *          (lambda () (call-with-values (lambda () BODY) (lambda results (lambda () (apply values results)))))))))
 */
export function guardForm(form: Syntax, context: Context, expander: FormExpander): Core {
  const [, header, ...body] = expander.items(form, 3);
  const [name, ...clauses] = expander.items(header!, 1);
  if (!isIdentifier(name))
    throw syntaxError("guard: expected (NAME CLAUSE ...)", header!.source, syntaxToDatum(header));
  const scope = new Scope();
  const [object] = bindLocals([name], scope, context.phase) as [Variable];
  const scoped = clauses.map((clause) => clause.with("add", scope));
  const last = scoped.at(-1);
  const hasElse = last !== undefined && isAuxiliary(syntaxItems(last)?.[0], "else", context.phase);
  const guard = makeVariable("guard"),
    raiser = makeVariable("raise"),
    results = makeVariable("results");
  const again = makeCall(makeLocal(raiser), [
    makeLambda([], null, callPrimitive("raise-continuable", [makeLocal(object)], form.source)),
  ]);
  const chosen = condClauses(scoped, hasElse ? unspecifiedCore : again, form, context, expander);
  const escape = makeCall(makeLocal(guard), [makeLambda([], null, chosen)]);
  const handler = hasElse ? escape : makeCall(callPrimitive("call/cc", [makeLambda([raiser], null, escape)]), []);
  const normal = callPrimitive("call-with-values", [
    makeLambda([], null, expander.body(body, context, form), null, form.source),
    makeLambda(
      [],
      results,
      makeLambda(
        [],
        null,
        callPrimitive("apply", [{ kind: "global", global: VALUES, source: null }, makeLocal(results)]),
      ),
    ),
  ]);
  const guarded = callPrimitive("with-exception-handler", [
    makeLambda([object], null, handler, "guard"),
    makeLambda([], null, normal),
  ]);
  return makeCall(callPrimitive("call/cc", [makeLambda([guard], null, guarded)]), [], form.source);
}

const VALUES = primitiveGlobal("values");
