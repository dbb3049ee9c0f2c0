/**
 * What a text means, found by expanding it: nothing is run but its macros. Errors are noted and the expansion goes on,
 * so that one mistake does not hide the rest. Positions are offsets into the text, in UTF-16 units.
 */
import type { Core } from "../core/core.ts";
import { Condition, SchemeError } from "../datum/condition.ts";
import type { Source } from "../datum/source.ts";
import { intern, Pair } from "../datum/datum.ts";
import { isBoundIdentifierEqual, resolve } from "../expander/binding.ts";
import type { Context } from "../expander/body.ts";
import type { Onlooker } from "../expander/form-expander.ts";
import type { Namespace } from "../expander/namespace.ts";
import { type Binding, type Identifier, isIdentifier, type ScopeSet, Syntax, unwrap } from "../expander/syntax.ts";
import { RulesTransformer } from "../expander/transformer.ts";
import { ExitRequest, UncaughtError } from "../interpreter/machine.ts";
import { conditionText } from "../interpreter/print-object.ts";
import { placeText, writeShown } from "../source-texts.ts";
import type { Lisp } from "../session.ts";
import { readRecovering } from "../definitions/read-recovering.ts";
import { siteOf } from "./site.ts";
import { walkCore } from "./walk-core.ts";

/** `warning`: what is expanded, but fails when it is run. */
export interface Problem {
  readonly start: number;
  readonly end: number;
  readonly message: string;
  readonly severity: "error" | "warning";
}

/** An identifier that means something, where it stands. */
export interface Occurrence {
  readonly start: number;
  readonly end: number;
  readonly name: string;
  readonly binding: Binding;
  /** The definition (`siteOf`): the same for all that mean the same. */
  readonly site: string;
  readonly identifier: Identifier;
  readonly phase: number;
}

/** A form, and what identifiers in it can see. */
export interface Place {
  readonly start: number;
  readonly end: number;
  readonly scopes: ScopeSet;
  readonly phase: number;
}

export interface Analysis {
  /** As the file's own reading gives them. */
  readonly forms: readonly Syntax[];
  readonly problems: readonly Problem[];
  /** In order; one for each place. */
  readonly occurrences: readonly Occurrence[];
  readonly places: readonly Place[];
  readonly core: readonly Core[];
  /** Of the program; of a library file nothing but libraries is bound there. */
  readonly namespace: Namespace;
  /** Libraries that the text defines, and those that it imports, directly or through others. */
  readonly defines: readonly string[];
  readonly uses: ReadonlySet<string>;
}

interface AnalysisRequest {
  readonly lisp: Lisp;
  readonly text: string;
  readonly file: string;
  /** Whose names are looked at: the file itself, or one that it includes, with its text. */
  readonly focus: { readonly file: string; readonly text: string };
  /** Asked now and then; true: the expansion takes too long. */
  readonly isLate: () => boolean;
}

/** Problems that are told of one text. */
const PROBLEMS_MAX = 200;

class LateError extends Error {}

export function analyse({ lisp, text, file, focus, isLate }: AnalysisRequest): Analysis {
  const namespace = lisp.openProgram();
  const watch = new Watch(focus.file, focus.text, isLate);
  const forms = readRecovering(text, file, namespace, (error) => watch.note(error, null));
  const own =
    focus.file === file ? forms : readRecovering(focus.text, focus.file, namespace, (error) => watch.note(error, null));
  const core: Core[] = [];
  const before = lisp.onlooker;
  lisp.onlooker = watch;
  try {
    core.push(...lisp.expandForms(forms, namespace));
  } catch (error) {
    if (error instanceof LateError) watch.add(0, 1, "the expansion takes too long, and was given up", "error");
    else if (!watch.note(error, null)) watch.add(0, 1, `the expansion failed: ${String(error)}`, "error");
  } finally {
    lisp.onlooker = before;
  }
  for (const name of watch.defines) core.push(...(lisp.libraries.get(name)?.unit?.body ?? []));
  watch.finish(core);
  const uses = new Set<string>();
  const follow = (names: Iterable<string>): void => {
    for (const name of names) {
      if (uses.has(name)) continue;
      uses.add(name);
      follow(lisp.libraries.get(name)?.unit?.imports ?? []);
    }
  };
  follow(namespace.imports);
  for (const name of watch.defines) follow(lisp.libraries.get(name)?.unit?.imports ?? []);
  return {
    forms: own,
    problems: watch.problems,
    occurrences: watch.sorted(),
    places: watch.places,
    core,
    namespace,
    defines: watch.defines,
    uses,
  };
}

/** Gathers what the expander tells of one file. */
class Watch implements Onlooker {
  readonly problems: Problem[] = [];
  readonly places: Place[] = [];
  readonly #file: string;
  readonly #text: string;
  readonly #isLate: () => boolean;
  readonly #occurrences = new Map<number, Occurrence>();
  readonly #unbound = new Map<number, { readonly identifier: Identifier; readonly context: Context }>();
  readonly #own = new Set<Namespace>();
  readonly #rules = new Set<RulesTransformer>();
  #isForeign = false;
  #count = 0;

  constructor(file: string, text: string, isLate: () => boolean) {
    this.#file = file;
    this.#text = text;
    this.#isLate = isLate;
  }

  add(start: number, end: number, message: string, severity: Problem["severity"]): void {
    if (this.problems.length >= PROBLEMS_MAX) return;
    if (this.problems.some((known) => known.start === start && known.message === message)) return;
    // Of a form of several lines its beginning is shown.
    const line = /[\r\n]/.exec(this.#text.slice(start, end));
    this.problems.push({ start, end: line === null ? end : start + Math.max(1, line.index), message, severity });
  }

  /** @returns whether it is an error of the program, with a place in this file */
  note(error: unknown, source: Source | null): boolean {
    const payload = error instanceof SchemeError || error instanceof UncaughtError ? error.payload : undefined;
    const own = payload instanceof Condition ? payload.source : null;
    const isOwn = own !== null && own.file === this.#file;
    const place = isOwn ? own : source?.file === this.#file ? source : null;
    if (error instanceof ExitRequest || error instanceof RangeError) {
      if (place === null) return false;
      const what = error instanceof ExitRequest ? "a macro ended the program" : "the program is nested too deeply";
      this.add(place.offset, place.offset + place.length, what, "error");
      return true;
    }
    if (payload === undefined) return false;
    const text = payload instanceof Condition ? conditionText(payload, writeShown) : `raised: ${writeShown(payload)}`;
    const message = own === null || isOwn ? text : `${text} (${placeText(own)})`;
    if (place === null && source !== null) return false;
    if (place === null) this.add(0, 1, message, "error");
    else this.add(place.offset, place.offset + place.length, message, "error");
    return true;
  }

  takesError(error: unknown, source: Source | null): boolean {
    if (error instanceof LateError) return false;
    // What is wrong in a library that is imported is told where that is open.
    if (this.#isForeign && source?.file !== this.#file)
      return error instanceof SchemeError || error instanceof UncaughtError;
    // Where the host's stack has ended there is none to go on with.
    if (error instanceof RangeError) return false;
    return source !== null && this.note(error, source);
  }

  form({ source, scopes }: Syntax, { namespace, phase }: Context): void {
    if ((++this.#count & 63) === 0 && this.#isLate()) throw new LateError();
    const isHere = source !== null && source.file === this.#file;
    if (isHere && !this.#own.has(namespace)) this.#own.add(namespace);
    this.#isForeign = !this.#own.has(namespace) && this.#own.size > 0 && !isHere;
    if (isHere) this.places.push({ start: source.offset, end: source.offset + source.length, scopes, phase });
  }

  identifier(identifier: Identifier, binding: Binding | null, context: Context): void {
    const { source } = identifier;
    if (source === null || source.file !== this.#file) return;
    if (binding === null) {
      if (context.namespace.isOpen && context.phase === 0) this.#unbound.set(source.offset, { identifier, context });
      return;
    }
    if (binding.kind === "macro" && binding.transformer instanceof RulesTransformer && binding.source === source)
      this.#rulesOf(binding.transformer);
    this.#occurs(identifier, binding, context.phase);
  }

  template(template: Syntax, { phase }: Context): void {
    this.#walk(template, (identifier) => {
      const inner = resolve(identifier, phase);
      const binding = inner?.kind === "pattern" ? inner : resolve(identifier, Math.max(0, phase - 1));
      if (binding !== null) this.#occurs(identifier, binding, phase);
      if (inner?.kind === "pattern") this.#definition(inner.variable.source, identifier, inner);
    });
  }

  /** Variables and templates of `syntax-rules`. */
  #rulesOf(transformer: RulesTransformer): void {
    if (this.#rules.has(transformer)) return;
    this.#rules.add(transformer);
    const { phase } = transformer.scope;
    for (const { pattern, templateSyntax } of transformer.rules) {
      const variables = pattern.variables.map(({ identifier, depth }) => {
        const { source, datum } = identifier;
        const variable = { name: datum.name, isAssigned: false, source };
        const binding: Binding = { kind: "pattern", variable, depth };
        this.#occurs(identifier, binding, phase);
        return { identifier, binding };
      });
      this.#walk(templateSyntax, (identifier) => {
        const own = variables.find((one) => isBoundIdentifierEqual(one.identifier, identifier));
        const binding = own?.binding ?? resolve(identifier, phase);
        if (binding !== null && binding.kind !== "auxiliary") this.#occurs(identifier, binding, phase);
      });
    }
  }

  #walk(syntax: unknown, visit: (identifier: Identifier) => void): void {
    const waiting: unknown[] = [syntax];
    for (let left = 100_000; waiting.length > 0 && left > 0; left--) {
      const one = waiting.pop();
      if (isIdentifier(one)) visit(one);
      else {
        const datum = unwrap(one);
        if (datum instanceof Pair) waiting.push(datum.cdr, datum.car);
        else if (Array.isArray(datum)) waiting.push(...(datum as unknown[]));
      }
    }
  }

  #occurs(identifier: Identifier, binding: Binding, phase: number): void {
    const site = siteOf(binding);
    const { source } = identifier;
    if (site === null || source === null || source.file !== this.#file || !this.#isWritten(identifier)) return;
    const { offset: start, length } = source;
    const { name } = identifier.datum;
    // What a macro makes of it later does not hide what it is where it stands.
    if (!this.#occurrences.has(start) || binding.kind === "local")
      this.#occurrences.set(start, { start, end: start + length, name, binding, site, identifier, phase });
    if (binding.kind === "local") this.#definition(binding.variable.source, identifier, binding);
    else if (binding.kind === "global") this.#definition(binding.global.source, identifier, binding);
  }

  /** The place that binds it, which the expander does not look up. */
  #definition(source: Source | null, like: Identifier, binding: Binding): void {
    if (source === null || source.file !== this.#file || this.#occurrences.has(source.offset)) return;
    const { offset: start, length } = source;
    const name = this.#text.slice(start, start + length);
    const identifier = new Syntax(like.datum, like.scopes, source) as Identifier;
    if (!this.#isWritten(identifier)) return;
    const site = siteOf(binding)!;
    this.#occurrences.set(start, { start, end: start + length, name, binding, site, identifier, phase: 0 });
  }

  /** A macro may give an identifier the place of something else. */
  #isWritten({ datum: { name }, source }: Identifier): boolean {
    const { offset, length } = source!;
    const text = this.#text.slice(offset, offset + length);
    return text === name || text.startsWith("|") || (text.length === name.length && text.toLowerCase() === name);
  }

  /** Libraries that the file defines. */
  get defines(): string[] {
    return [...new Set([...this.#own].map(({ name }) => name))].filter((name) => name !== "(program)");
  }

  /** What can only be said at the end: definitions that nothing uses, and names that stayed unbound. */
  finish(core: readonly Core[]): void {
    for (const namespace of this.#own) {
      for (const [symbol, entries] of namespace.scope.bindings)
        for (const { binding, set } of entries) {
          const source =
            binding.kind === "global" ? binding.global.source : binding.kind === "macro" ? binding.source : null;
          if (source !== null) this.#definition(source, new Syntax(symbol, set, source) as Identifier, binding);
        }
    }
    walkCore(core, null, (variable) => {
      const { source } = variable;
      if (source === null || source.file !== this.#file || this.#occurrences.has(source.offset)) return;
      // Nothing refers to it: in which scopes it is makes no difference.
      const like = new Syntax(intern(variable.name), this.places[0]!.scopes, source) as Identifier;
      this.#definition(source, like, { kind: "local", variable });
    });
    let mayDefine = false;
    for (const { name, binding } of this.#occurrences.values())
      if (binding.kind === "global" && binding.global.primitive !== null && (name === "load" || name === "eval"))
        mayDefine = true;
    for (const { identifier, context } of this.#unbound.values()) {
      const binding = resolve(identifier, context.phase);
      if (binding !== null) this.#occurs(identifier, binding, context.phase);
      else if (!mayDefine && this.#isWritten(identifier)) {
        const { offset, length } = identifier.source!;
        this.add(offset, offset + length, `unbound variable: ${identifier.datum.name}`, "warning");
      }
    }
  }

  sorted(): Occurrence[] {
    return [...this.#occurrences.values()].sort((a, b) => a.start - b.start);
  }
}
