/**
 * `quasiquote`, with levels, in lists and vectors. R7RS §4.2.8; `unquote` and `unquote-splicing` of any number of
 * expressions where a list goes on: R6RS §11.17.
 */
import type { Core } from "../core/core.ts";
import { callPrimitive, makeConst } from "../core/build.ts";
import { syntaxError } from "../datum/condition.ts";
import { intern, list, NIL, Pair } from "../datum/datum.ts";
import { resolve } from "./binding.ts";
import type { Context } from "./body.ts";
import type { FormExpander } from "./form-expander.ts";
import { isAuxiliary } from "./patterns.ts";
import { isIdentifier, type Syntax, syntaxToDatum, unwrap } from "./syntax.ts";

export function quasiquoteForm(form: Syntax, context: Context, expander: FormExpander): Core {
  const template = expander.items(form, 2, 2)[1]!;
  const { phase } = context;

  /** What stands behind a word, in a proper list. */
  const operandsOf = (pair: Pair): Syntax[] | null => {
    const operands: Syntax[] = [];
    let rest = unwrap(pair.cdr);
    for (; rest instanceof Pair; rest = unwrap(rest.cdr)) operands.push(rest.car as Syntax);
    return rest === NIL ? operands : null;
  };
  const join = (car: Core, cdr: Core): Core =>
    isConst(car) && isConst(cdr)
      ? makeConst(new Pair(car.datum, cdr.datum))
      : callPrimitive("cons", [car, cdr], form.source);
  /** `(unquote X)` and its like, of an inner level. */
  const nested = (name: string, inner: Core): Core => join(makeConst(intern(name)), inner);

  const build = (value: unknown, depth: number): Core => {
    const datum = unwrap(value);
    if (Array.isArray(datum)) {
      const items = build(list(datum), depth);
      return isConst(items) ? makeConst(itemsOf(items.datum)) : callPrimitive("list->vector", [items], form.source);
    }
    if (!(datum instanceof Pair)) return makeConst(syntaxToDatum(value));
    const word = datum.car;
    if (isIdentifier(word)) {
      const operands = operandsOf(datum);
      if (operands !== null && isAuxiliary(word, "unquote", phase)) {
        if (depth > 1) return nested("unquote", build(datum.cdr, depth - 1));
        if (operands.length === 1) return expander.expand(operands[0]!, context);
      } else if (operands?.length === 1 && isAuxiliary(word, "unquote-splicing", phase)) {
        if (depth === 1) throw syntaxError("unquote-splicing stands where no list is", word.source);
        return nested("unquote-splicing", build(datum.cdr, depth - 1));
      }
      const binding = resolve(word, phase);
      if (operands?.length === 1 && binding?.kind === "core" && binding.name === "quasiquote")
        return nested("quasiquote", build(datum.cdr, depth + 1));
    }
    const first = unwrap(datum.car);
    if (depth === 1 && first instanceof Pair && isIdentifier(first.car)) {
      const splices = isAuxiliary(first.car, "unquote-splicing", phase);
      if (splices || isAuxiliary(first.car, "unquote", phase)) {
        const operands = operandsOf(first);
        if (operands === null) throw syntaxError("unquote takes a list of expressions", (datum.car as Syntax).source);
        const values = operands.map((operand) => expander.expand(operand, context)),
          rest = build(datum.cdr, depth);
        if (!splices) return values.reduceRight((all, value) => join(value, all), rest);
        const lists = isConst(rest) && rest.datum === NIL ? values : [...values, rest];
        return lists.length === 1 ? lists[0]! : callPrimitive("append", lists, form.source);
      }
    }
    return join(build(datum.car, depth), build(datum.cdr, depth));
  };
  return build(template, 1);
}

function itemsOf(datum: unknown): unknown[] {
  const items: unknown[] = [];
  for (let rest = datum; rest instanceof Pair; rest = rest.cdr) items.push(rest.car);
  return items;
}

function isConst(core: Core): core is Core & { kind: "const" } {
  return core.kind === "const";
}
