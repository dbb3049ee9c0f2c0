/**
 * The expander: syntax objects into core forms (core/core.ts). Hygiene is by sets of scopes (syntax.ts).
 *
 * A body is expanded in two passes, so that its macros and definitions are known wherever they are used: the first
 * expands heads only and notes definitions, the second expands what stands in them. What a form means lies in the
 * tables of core-forms.ts (expressions) and definition-forms.ts (what may stand at the head of a body).
 */
import type { Core, Variable } from "../core/core.ts";
import type { Source } from "../datum/source.ts";
import { makeBegin, makeCall, makeConst, makeVariable, withName } from "../core/build.ts";
import { limitReached, syntaxError } from "../datum/condition.ts";
import { intern, list, NIL, Pair } from "../datum/datum.ts";
import { bind, type Binding, boundExactly, resolve } from "./binding.ts";
import { type Slot } from "./local-binding.ts";
import { coreForms } from "./core-forms.ts";
import { definitionForms } from "./definition-forms.ts";
import { type Namespace, systemNamespace } from "./namespace.ts";
import { type Identifier, isIdentifier, Scope, Syntax, syntaxItems, syntaxToDatum, unwrap } from "./syntax.ts";
import { transform } from "./transformer.ts";

/** Where an expansion happens. */
export interface Context {
  readonly namespace: Namespace;
  readonly phase: number;
  /** The body whose heads are being expanded; null inside of an expression. */
  readonly body: Body | null;
}

/** What the expander asks of the system around it. */
export interface ExpanderHost {
  /** Runs a core form at a phase, after the libraries that the namespace imports. */
  evaluate(core: Core, phase: number, namespace: Namespace): unknown;
  /** Calls a procedure of a phase. */
  apply(procedure: unknown, operands: readonly unknown[], phase: number): unknown;
  isProcedure(value: unknown): boolean;
  /** A procedure of the language that calls back. */
  wrapProcedure(name: string, count: number, call: (...operands: unknown[]) => unknown): unknown;
  /** Binds what an import set names. */
  import(importSet: Syntax, context: Context): void;
  /** `(define-library …)` in a program. */
  defineLibrary(form: Syntax): void;
  hasFeature(requirement: Syntax, context: Context): boolean;
  /** The forms of a file that is named relative to the file it is included from. */
  include(path: string, form: Syntax, foldsCase: boolean): Syntax[];
  /** Is told of each step of each macro; null: nobody listens. */
  readonly onExpansion: ((step: ExpansionStep) => void) | null;
}

export interface ExpansionStep {
  readonly macro: string;
  readonly before: Syntax;
  readonly after: Syntax;
}

/** One entry of a body: a value for a slot, or an expression. */
interface BodyItem {
  readonly slot: Slot | null;
  readonly name: string;
  readonly value: (context: Context) => Core;
  readonly source: Source | null;
}

/** Steps in one place after which a macro is taken to go on for ever. */
const STEPS_MAX = 100_000;

export class Body {
  readonly namespace: Namespace;
  readonly isTop: boolean;
  readonly items: BodyItem[];
  /** Forms that are still to be looked at, the next one last. */
  readonly queue: Syntax[];
  readonly #useSites: Scope[];

  constructor(namespace: Namespace, isTop: boolean) {
    this.namespace = namespace;
    this.isTop = isTop;
    this.items = [];
    this.queue = [];
    this.#useSites = [];
  }

  addUseSite(scope: Scope): void {
    this.#useSites.push(scope);
  }

  /** An identifier that is to be defined is freed of the marks of macro uses in this very body. */
  freed(identifier: Identifier): Identifier {
    let result: Syntax = identifier;
    for (const scope of this.#useSites) if (result.scopes.has(scope)) result = result.with("remove", scope);
    return result as Identifier;
  }

  /** Puts forms in front of those that are still to come. */
  splice(forms: readonly Syntax[]): void {
    for (let index = forms.length - 1; index >= 0; index--) this.queue.push(forms[index]!);
  }

  /** @throws SchemeError  where it is defined already */
  declare(given: Identifier, phase: number): Slot {
    const identifier = this.freed(given);
    const { datum: symbol, scopes } = identifier;
    const known = boundExactly(symbol, scopes, phase);
    if (!this.isTop) {
      if (known !== null) throw syntaxError(`${symbol.name} is defined twice`, given.source);
      const variable = makeVariable(symbol.name);
      bind(symbol, scopes, phase, { kind: "local", variable });
      return { variable };
    }
    if (known?.kind === "global" && known.global.library === this.namespace.name) {
      if (!this.namespace.isOpen) throw syntaxError(`${symbol.name} is defined twice`, given.source);
      known.global.isAssigned = true;
      return { global: known.global };
    }
    const global = this.namespace.define(symbol.name, scopes.scopes.length > 1);
    bind(symbol, scopes, phase, { kind: "global", global });
    return { global };
  }

  /** A place that no program can name. */
  declareHidden(name: string): Slot {
    return this.isTop ? { global: this.namespace.define(`%${name}`, true) } : { variable: makeVariable(name) };
  }

  add(slot: Slot | null, name: string, value: (context: Context) => Core, source: Source | null): void {
    this.items.push({ slot, name, value, source });
  }
}

export class Expander {
  readonly host: ExpanderHost;
  #depth: number;

  constructor(host: ExpanderHost) {
    this.host = host;
    this.#depth = 0;
  }

  /** An expression. */
  expand(given: Syntax, context: Context): Core {
    // Deeper than this the stack of JavaScript itself would end, which is caught as well, but says less.
    this.#depth++;
    try {
      if (this.#depth > 3000) throw limitReached("expressions are nested too deeply");
      return this.#expand(given, context.body === null ? context : { ...context, body: null });
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

  /**
   * Expands macros at the head until something else is there. `binding`: of the identifier, or of the form's first
   * word.
   */
  head(given: Syntax, context: Context): { form: Syntax; binding: Binding | null } {
    let form = given;
    for (let steps = 0; ; steps++) {
      const datum = form.datum instanceof Pair ? form.parts : form.datum;
      const word = datum instanceof Pair ? datum.car : form;
      if (!isIdentifier(word)) return { form, binding: null };
      const binding = resolve(word, context.phase);
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

  /** Expressions in a row; at least one. */
  sequence(forms: readonly Syntax[], context: Context, whole: Syntax): Core {
    if (forms.length === 0) throw syntaxError("an expression is missing", whole.source, syntaxToDatum(whole));
    return makeBegin(
      forms.map((form) => this.expand(form, context)),
      whole.source,
    );
  }

  /** `(lambda FORMALS … (lambda FORMALS BODY …))` of several headers. */
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

  /** A body: definitions, then expressions; they may be mixed, which R7RS leaves open. */
  body(forms: readonly Syntax[], context: Context, whole: Syntax): Core {
    const scope = new Scope();
    const body = new Body(context.namespace, false);
    body.splice(forms.map((form) => form.with("add", scope)));
    this.#discover(body, { ...context, body });
    const last = body.items.at(-1);
    if (last === undefined || last.slot !== null)
      throw syntaxError("a body must end with an expression", whole.source, syntaxToDatum(whole));
    const inner = { ...context, body: null };
    let firstAfter = body.items.length;
    while (firstAfter > 0 && body.items[firstAfter - 1]!.slot === null) firstAfter--;
    const variables: Variable[] = [],
      values: Core[] = [],
      expressions: Core[] = [];
    for (const [index, { slot, name, value }] of body.items.entries()) {
      const core = value(inner);
      if (index >= firstAfter) expressions.push(core);
      else {
        variables.push(slot !== null && "variable" in slot ? slot.variable : makeVariable("_"));
        values.push(slot === null ? core : withName(core, name));
      }
    }
    const result = makeBegin(expressions, whole.source);
    return variables.length === 0 ? result : { kind: "letrec*", variables, values, body: result, source: whole.source };
  }

  /** Forms at the top level of a library or program, as core forms in order. */
  top(forms: readonly Syntax[], context: Omit<Context, "body">): Core[] {
    const body = new Body(context.namespace, true);
    body.splice(forms);
    this.#discover(body, { ...context, body });
    const inner: Context = { ...context, body: null };
    return body.items.map(({ slot, name, value, source }) => {
      const core = value(inner);
      if (slot === null || !("global" in slot)) return core;
      return { kind: "define-global", global: slot.global, value: withName(core, name), source };
    });
  }

  /** First pass: expands heads, notes definitions, binds macros. */
  #discover(body: Body, context: Context): void {
    while (body.queue.length > 0) {
      const { form, binding } = this.head(body.queue.pop()!, context);
      const define =
        binding?.kind === "core" && form.datum instanceof Pair ? definitionForms.get(binding.name) : undefined;
      if (define !== undefined) define(form, context as Context & { body: Body }, this);
      else body.add(null, "", (inner) => this.#expand(form, inner), form.source);
    }
  }

  /** The items of a form that must have some count of them. @throws SchemeError */
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
