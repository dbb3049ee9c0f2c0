/** What the meaning of a form (core-forms.ts and what it uses) needs of the expander and of the system around it. */
import type { Core } from "../core/core.ts";
import type { Context } from "./body.ts";
import type { Namespace } from "./namespace.ts";
import type { Binding, Syntax } from "./syntax.ts";

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
  /** Is told of each step of each macro; null: nobody listens. */
  readonly onExpansion: ((step: ExpansionStep) => void) | null;
}

export interface ExpansionStep {
  readonly macro: string;
  readonly before: Syntax;
  readonly after: Syntax;
}
