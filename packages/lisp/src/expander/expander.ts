/**
 * The expander: syntax objects into core forms (core/core.ts). Hygiene is by sets of scopes (syntax.ts).
 *
 * A body is expanded in two passes, so that its macros and definitions are known wherever they are used: the first
 * expands heads only and notes definitions, the second expands what stands in them. What a form means lies in the
 * tables of core-forms.ts (expressions) and definition-forms.ts (what may stand at the head of a body).
 */
import type { Core, Variable } from "../core/core.ts";
import { makeBegin, makeCall, makeConst, makeVariable, unspecifiedCore, withName } from "../core/build.ts";
import { limitReached, syntaxError } from "../datum/condition.ts";
import { intern, list, NIL, Pair } from "../datum/datum.ts";
import { resolve } from "./binding.ts";
import { Body, type BodyItem, type Context } from "./body.ts";
import { coreForms } from "./core-forms.ts";
import { definitionForms } from "./definition-forms.ts";
import { attempt, type ExpanderHost, type FormExpander } from "./form-expander.ts";
import { systemNamespace } from "./namespace.ts";
import {
  type Binding,
  type Identifier,
  isIdentifier,
  Scope,
  Syntax,
  syntaxItems,
  syntaxToDatum,
  unwrap,
} from "./syntax.ts";
import { transform } from "./transformer.ts";

/** Steps in one place after which a macro is taken to go on for ever. */
const STEPS_MAX = 100_000;

export class Expander implements FormExpander {
  readonly host: ExpanderHost;
  #depth: number;

  constructor(host: ExpanderHost) {
    this.host = host;
    this.#depth = 0;
  }

  expand(given: Syntax, context: Context): Core {
    // Deeper than this the stack of JavaScript itself would end, which is caught as well, but says less.
    this.#depth++;
    try {
      if (this.#depth > 3000) throw limitReached("expressions are nested too deeply");
      this.host.onlooker?.form(given, context);
      return this.#expand(given, context.body === null ? context : { ...context, body: null });
    } catch (error) {
      if (this.host.onlooker?.takesError(error, given.source) !== true) throw error;
      return unspecifiedCore;
    } finally {
      this.#depth--;
    }
  }

  #expand(given: Syntax, context: Context): Core {
    const { form, binding } = this.head(given, context);
    if (isIdentifier(form)) return this.#reference(form, binding, context);
    const datum = form.parts;
    if (!(datum instanceof Pair)) {
      if (datum === NIL) throw syntaxError("() is not an expression; the empty list is '()", form.source);
      return makeConst(syntaxToDatum(form), form.source);
    }
    if (binding?.kind === "core") {
      const expandForm = coreForms.get(binding.name);
      if (expandForm === undefined)
        throw syntaxError(
          `${binding.name}: a definition stands where an expression is expected`,
          form.source,
          syntaxToDatum(form),
        );
      return expandForm(form, context, this);
    }
    if (binding?.kind === "auxiliary")
      throw syntaxError(`${binding.name} is out of place`, form.source, syntaxToDatum(form));
    const items = syntaxItems(form);
    if (items === null) throw syntaxError("a call must be a proper list", form.source, syntaxToDatum(form));
    const operator = this.expand(items[0]!, context);
    const operands = new Array<Core>(items.length - 1);
    for (let index = 1; index < items.length; index++) operands[index - 1] = this.expand(items[index]!, context);
    return makeCall(operator, operands, form.source);
  }

  head(given: Syntax, context: Context): { form: Syntax; binding: Binding | null } {
    let form = given;
    for (let steps = 0; ; steps++) {
      const datum = form.datum instanceof Pair ? form.parts : form.datum;
      const word = datum instanceof Pair ? datum.car : form;
      if (!isIdentifier(word)) return { form, binding: null };
      const binding = resolve(word, context.phase);
      this.host.onlooker?.identifier(word, binding, context);
      if (binding?.kind !== "macro") return { form, binding };
      if (steps > STEPS_MAX)
        throw limitReached(`the expansion of ${binding.name} does not end after ${STEPS_MAX} steps`);
      form = this.#applyMacro(binding, form, context);
    }
  }

  #applyMacro(binding: Binding & { kind: "macro" }, form: Syntax, context: Context): Syntax {
    const introduction = new Scope();
    let input = form;
    if (binding.context !== null && binding.context === context.namespace) {
      // Defined where it is used: what it is given must not be taken for what it brings along.
      const useSite = new Scope();
      input = input.with("add", useSite);
      context.body?.addUseSite(useSite);
    }
    const output = transform(binding.transformer, input.with("flip", introduction), context, this).with(
      "flip",
      introduction,
    );
    this.host.onExpansion?.({ macro: binding.name, before: form, after: output });
    return output;
  }

  #reference(identifier: Identifier, binding: Binding | null, { namespace, phase }: Context): Core {
    const { source, datum: symbol } = identifier;
    if (binding === null) {
      if (namespace.isOpen && phase === 0) return { kind: "global", global: namespace.await(symbol.name), source };
      const isOfOther = resolve(identifier, phase - 1) !== null;
      const hint =
        isOfOther && phase > 0
          ? ": it is defined for run time, and used while expanding; define it in begin-for-syntax"
          : "";
      throw syntaxError(`unbound variable: ${symbol.name}${hint}`, source);
    }
    switch (binding.kind) {
      case "local":
        return { kind: "local", variable: binding.variable, source };
      case "global":
        return { kind: "global", global: binding.global, source };
      case "pattern":
        throw syntaxError(`the pattern variable ${symbol.name} stands outside of a template`, source);
      default:
        throw syntaxError(`the keyword ${symbol.name} stands where an expression is expected`, source);
    }
  }

  sequence(forms: readonly Syntax[], context: Context, whole: Syntax): Core {
    if (forms.length === 0) throw syntaxError("an expression is missing", whole.source, syntaxToDatum(whole));
    return makeBegin(
      forms.map((form) => this.expand(form, context)),
      whole.source,
    );
  }

  curried(formals: readonly unknown[], body: readonly Syntax[], like: Syntax): Syntax {
    const lambda = new Syntax(intern("lambda"), systemNamespace.scopes, like.source);
    let inner = body;
    for (const one of [...formals].reverse())
      inner = [
        new Syntax(
          new Pair(
            lambda,
            new Pair(one instanceof Syntax ? one : new Syntax(one, like.scopes, like.source), list(inner)),
          ),
          like.scopes,
          like.source,
        ),
      ];
    return inner[0]!;
  }

  body(forms: readonly Syntax[], context: Context, whole: Syntax): Core {
    const scope = new Scope();
    const body = new Body(context.namespace, false);
    body.splice(forms.map((form) => form.with("add", scope)));
    this.#discover(body, { ...context, body });
    const last = body.items.at(-1);
    attempt(this.host, whole.source, () => {
      if (last === undefined || last.slot !== null)
        throw syntaxError("a body must end with an expression", whole.source, syntaxToDatum(whole));
    });
    const inner = { ...context, body: null };
    let firstAfter = body.items.length;
    while (firstAfter > 0 && body.items[firstAfter - 1]!.slot === null) firstAfter--;
    const variables: Variable[] = [],
      values: Core[] = [],
      expressions: Core[] = [];
    for (const [index, item] of body.items.entries()) {
      const { slot, name } = item;
      const core = this.#item(item, inner);
      if (index >= firstAfter) expressions.push(core);
      else {
        variables.push(slot !== null && "variable" in slot ? slot.variable : makeVariable("_"));
        values.push(slot === null ? core : withName(core, name));
      }
    }
    const result = expressions.length === 0 ? unspecifiedCore : makeBegin(expressions, whole.source);
    return variables.length === 0 ? result : { kind: "letrec*", variables, values, body: result, source: whole.source };
  }

  top(forms: readonly Syntax[], context: Omit<Context, "body">): Core[] {
    const body = new Body(context.namespace, true);
    body.splice(forms);
    this.#discover(body, { ...context, body });
    const inner: Context = { ...context, body: null };
    return body.items.map((item) => {
      const { slot, name, source } = item;
      const core = this.#item(item, inner);
      if (slot === null || !("global" in slot)) return core;
      return { kind: "define-global", global: slot.global, value: withName(core, name), source };
    });
  }

  #item({ value, source }: BodyItem, context: Context): Core {
    let core = unspecifiedCore;
    attempt(this.host, source, () => void (core = value(context)));
    return core;
  }

  /** First pass: expands heads, notes definitions, binds macros. */
  #discover(body: Body, context: Context): void {
    while (body.queue.length > 0) {
      const given = body.queue.pop()!;
      attempt(this.host, given.source, () => this.#discoverForm(given, body, context));
    }
  }

  #discoverForm(given: Syntax, body: Body, context: Context): void {
    this.host.onlooker?.form(given, context);
    const { form, binding } = this.head(given, context);
    const define =
      binding?.kind === "core" && form.datum instanceof Pair ? definitionForms.get(binding.name) : undefined;
    if (define !== undefined) define(form, context as Context & { body: Body }, this);
    else body.add(null, "", (inner) => this.#expand(form, inner), form.source);
  }

  items(form: Syntax, least: number, most = Infinity): Syntax[] {
    const items = syntaxItems(form);
    if (items === null) throw syntaxError("a form must be a proper list", form.source, syntaxToDatum(form));
    if (items.length < least || items.length > most) {
      const name = (unwrap(items[0]) as { name?: string } | undefined)?.name ?? "form";
      throw syntaxError(
        `${name}: bad syntax: ` + (items.length < least ? "something is missing" : "there is too much"),
        form.source,
        syntaxToDatum(form),
      );
    }
    return items;
  }
}
