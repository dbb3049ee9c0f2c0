/**
 * The core language: what the expander gives and every engine takes. No macros, no `cond`, `do` or named `let` are
 * left; records, parameters and exceptions are calls of primitives by name.
 */
import type { Datum, MString } from "../datum/datum.ts";
import type { Source } from "../datum/source.ts";

/**
 * A local variable: known by identity, not by name. `isAssigned`: some `set!` names it (engines box it when it is
 * captured).
 */
export interface Variable {
  readonly name: string;
  isAssigned: boolean;
  /** The identifier that binds it; null: no text does. */
  readonly source: Source | null;
}

/**
 * A top-level variable of a library or of the program; unique by `library` and `name`.
 *
 * `isAssigned`  some `set!` names it, it is defined twice, or it is a REPL's global, which may be defined anew
 * `primitive`   the runtime's word where the library binds one ("car", "+"), else null
 */
export interface Global {
  readonly library: string;
  readonly name: string;
  isAssigned: boolean;
  readonly primitive: string | null;
  /** The identifier that defines it; null: no text does, or not yet. */
  source: Source | null;
}

export type Core =
  | { readonly kind: "const"; readonly datum: Datum; readonly source: Source | null }
  | { readonly kind: "local"; readonly variable: Variable; readonly source: Source | null }
  | { readonly kind: "set-local"; readonly variable: Variable; readonly value: Core; readonly source: Source | null }
  | { readonly kind: "global"; readonly global: Global; readonly source: Source | null }
  | { readonly kind: "set-global"; readonly global: Global; readonly value: Core; readonly source: Source | null }
  | { readonly kind: "define-global"; readonly global: Global; readonly value: Core; readonly source: Source | null }
  /** A one-armed `if` has the constant UNSPECIFIED as `else`. */
  | {
      readonly kind: "if";
      readonly test: Core;
      readonly then: Core;
      readonly else: Core;
      readonly source: Source | null;
    }
  /** At least one form. */
  | { readonly kind: "begin"; readonly body: readonly Core[]; readonly source: Source | null }
  /** More than one clause: a `case-lambda`; the first that takes the count of arguments is run. */
  | {
      readonly kind: "lambda";
      readonly name: string | null;
      readonly clauses: readonly Clause[];
      readonly source: Source | null;
      /** Constants in it that begin with its name, once it has one. */
      readonly messages?: readonly NamedMessage[];
    }
  | {
      readonly kind: "let";
      readonly variables: readonly Variable[];
      readonly values: readonly Core[];
      readonly body: Core;
      readonly source: Source | null;
    }
  | {
      readonly kind: "letrec*";
      readonly variables: readonly Variable[];
      readonly values: readonly Core[];
      readonly body: Core;
      readonly source: Source | null;
    }
  | {
      readonly kind: "call";
      readonly operator: Core;
      readonly operands: readonly Core[];
      readonly source: Source | null;
    };

/** `text` is the name of the lambda that it stands in, and `words`. */
export interface NamedMessage {
  readonly text: MString;
  readonly words: string;
}

export interface Clause {
  readonly required: readonly Variable[];
  readonly rest: Variable | null;
  readonly body: Core;
}

/**
 * One compiled unit: a library's body or the program, in order of execution; the libraries of `imports` are run first.
 */
export interface Unit {
  readonly library: string;
  readonly imports: readonly string[];
  readonly globals: readonly Global[];
  readonly body: readonly Core[];
  readonly exports: ReadonlyMap<string, Global>;
}
