/** How a kind of expression is described: its attributes, and what must hold. */
import type { Expression } from "./ruleset.ts";

/** How a value is written. */
type Form = "u8" | "u16" | "u32" | "u64" | "text" | "source" | "target" | "data" | "bytes";

export interface AttributeRow {
  readonly attribute: number;
  readonly form: Form;
  /** Without it the expression is refused. */
  readonly isNeeded: boolean;
  /** What it is when it isn't given; dumps tell it then, too. */
  readonly fallback: number | null;
  /** Dumps leave it out when it is 0. */
  readonly hidesZero: boolean;
}

export interface ExpressionKind {
  readonly rows: readonly AttributeRow[];
  /** Numbers that it counts. */
  readonly stateSize: number;
  /** Refuses what the rows can't tell: 0, or an errno. */
  readonly check: (expression: Expression) => number;
  /** Registers it reads and writes, beside what the rows say: bytes of the source and of the target. */
  readonly sizes: (expression: Expression) => { readonly source?: number; readonly target?: number };
  /** Types of chains and hooks (a bit each) that it works in; null: all. */
  readonly places: (expression: Expression) => { readonly type: string | null; readonly hooks: number } | null;
  /** Elements of sets may have it. */
  readonly isStateful: boolean;
}

const row = (attribute: number, form: Form, options: Partial<AttributeRow> = {}): AttributeRow => ({
  attribute,
  form,
  isNeeded: false,
  fallback: null,
  hidesZero: false,
  ...options,
});
export const need = (attribute: number, form: Form): AttributeRow => row(attribute, form, { isNeeded: true });
export const given = row;
export const usual = (attribute: number, form: Form, fallback = 0): AttributeRow => row(attribute, form, { fallback });
export const unlessZero = (attribute: number, form: Form): AttributeRow => row(attribute, form, { hidesZero: true });

const nothing = (): null => null;
export const kind = (rows: readonly AttributeRow[], more: Partial<ExpressionKind> = {}): ExpressionKind => ({
  rows,
  stateSize: 0,
  check: () => 0,
  sizes: () => ({}),
  places: nothing,
  isStateful: false,
  ...more,
});

export const hooks = (...list: number[]): number => list.reduce((mask, hook) => mask | (1 << hook), 0);
export const length = (expression: Expression, attribute: number): number => {
  const value = expression.values[attribute];
  return value instanceof Uint8Array ? value.length : 0;
};
/** Longest value of the register file (NFT_DATA_VALUE_MAXLEN). */
const VALUE_MAX = 64;
export const isLength = (size: number): boolean => size > 0 && size <= VALUE_MAX;
