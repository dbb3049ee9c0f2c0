/** What the meaning of a form (core-forms.ts and what it uses) needs of the expander and of the system around it. */
import type { Core } from "../core/core.ts";
import type { Source } from "../datum/source.ts";
import type { Context } from "./body.ts";
import type { Namespace } from "./namespace.ts";
import type { Binding, Identifier, Syntax } from "./syntax.ts";

export interface FormExpander {
  readonly host: ExpanderHost;
  /** An expression. */
  expand(given: Syntax, context: Context): Core;
  /**
   * Expands macros at the head until something else is there. `binding`: of the identifier, or of the form's first
   * word.
   */
  head(given: Syntax, context: Context): { form: Syntax; binding: Binding | null };
  /** Expressions in a row; at least one. */
  sequence(forms: readonly Syntax[], context: Context, whole: Syntax): Core;
  /** `(lambda FORMALS … (lambda FORMALS BODY …))` of several headers. */
  curried(formals: readonly unknown[], body: readonly Syntax[], like: Syntax): Syntax;
  /** A body: definitions, then expressions; they may be mixed, which R7RS leaves open. */
  body(forms: readonly Syntax[], context: Context, whole: Syntax): Core;
  /** Forms at the top level of a library or program, as core forms in order. */
  top(forms: readonly Syntax[], context: Omit<Context, "body">): Core[];
  /** The items of a form that must have some count of them. @throws SchemeError */
  items(form: Syntax, least: number, most?: number): Syntax[];
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
  /** A datum as a program writes it. */
  written(datum: unknown): string;
  /** Is told of each step of each macro; null: nobody listens. */
  readonly onExpansion: ((step: ExpansionStep) => void) | null;
  /** Null: nobody looks on, and the first error ends the expansion. */
  readonly onlooker: Onlooker | null;
}

/** Somebody (an editor's language server) who wants to know what names mean, and to go on after errors. */
export interface Onlooker {
  /** An identifier that was looked up, or that has just been bound as a keyword; null: it is unbound. */
  identifier(identifier: Identifier, binding: Binding | null, context: Context): void;
  /** A form that is about to be expanded. What it throws ends the expansion. */
  form(form: Syntax, context: Context): void;
  /** A template of `syntax-case`. */
  template(template: Syntax, context: Context): void;
  /** An error, in what stands there. @returns whether to go on as if it were not there */
  takesError(error: unknown, source: Source | null): boolean;
}

/** Does `work`; where somebody looks on and takes its error, nothing more happens. */
export function attempt(host: ExpanderHost, source: Source | null, work: () => void): void {
  if (host.onlooker === null) return work();
  try {
    work();
  } catch (error) {
    if (!host.onlooker.takesError(error, source)) throw error;
  }
}

export interface ExpansionStep {
  readonly macro: string;
  readonly before: Syntax;
  readonly after: Syntax;
}
