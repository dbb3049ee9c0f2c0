/** `quasiquote`, with levels, in lists and vectors. R7RS §4.2.8. */
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

  const argument = (pair: Pair): Syntax | null => {
    const rest = unwrap(pair.cdr);
    return rest instanceof Pair && unwrap(rest.cdr) === NIL ? (rest.car as Syntax) : null;
  };
  /** A form of three words: `(unquote X)` and its like. */
  const nested = (name: string, inner: Core): Core =>
    isConst(inner)
      ? makeConst(list([intern(name), inner.datum]))
      : callPrimitive("list", [makeConst(intern(name)), inner]);

  const build = (value: unknown, depth: number): Core => {
    const datum = unwrap(value);
    if (Array.isArray(datum)) {
      const items = build(list(datum), depth);
      return isConst(items) ? makeConst(itemsOf(items.datum)) : callPrimitive("list->vector", [items], form.source);
    }
    if (!(datum instanceof Pair)) return makeConst(syntaxToDatum(value));
    const word = datum.car;
    if (isIdentifier(word)) {
      const inner = argument(datum);
      if (inner !== null && isAuxiliary(word, "unquote", phase))
        return depth === 1 ? expander.expand(inner, context) : nested("unquote", build(inner, depth - 1));
      if (inner !== null && isAuxiliary(word, "unquote-splicing", phase)) {
        if (depth === 1) throw syntaxError("unquote-splicing stands where no list is", word.source);
        return nested("unquote-splicing", build(inner, depth - 1));
      }
      const binding = resolve(word, phase);
      if (inner !== null && binding?.kind === "core" && binding.name === "quasiquote")
        return nested("quasiquote", build(inner, depth + 1));
    }
    const first = unwrap(datum.car);
    if (depth === 1 && first instanceof Pair && isAuxiliary(first.car, "unquote-splicing", phase)) {
      const inner = argument(first);
      if (inner === null) throw syntaxError("unquote-splicing takes one expression", (datum.car as Syntax).source);
      const spliced = expander.expand(inner, context),
        rest = build(datum.cdr, depth);
      return isConst(rest) && rest.datum === NIL ? spliced : callPrimitive("append", [spliced, rest], form.source);
    }
    const car = build(datum.car, depth),
      cdr = build(datum.cdr, depth);
    if (isConst(car) && isConst(cdr)) return makeConst(new Pair(car.datum, cdr.datum));
    return callPrimitive("cons", [car, cdr], form.source);
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
