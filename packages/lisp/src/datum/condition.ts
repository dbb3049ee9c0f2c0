/** Conditions: what `error` makes and what the system itself raises. */
import type { Source } from "./source.ts";

export type ConditionKind =
  | "error"
  | "read"
  | "file"
  | "syntax"
  | "type"
  | "range"
  | "unbound"
  | "arity"
  | "limit"
  | "memory"
  | "permission"
  | "javascript"
  | "foreign"
  | "system";

/** Message of the errors of kind `memory`. */
export const HEAP_FULL = "out of memory: the heap is full";
/** Follows it where handlers of that had no memory either. */
export const RESERVE_FULL = ", and so is what was kept for handlers of that";

/** An object for which `error-object?` holds. */
export class Condition {
  readonly kind: ConditionKind;
  readonly message: unknown;
  readonly irritants: readonly unknown[];
  /** Where the source is at fault: of syntax and read errors. */
  readonly source: Source | null;
  constructor(kind: ConditionKind, message: unknown, irritants: readonly unknown[] = [], source: Source | null = null) {
    this.kind = kind;
    this.message = message;
    this.irritants = irritants;
    this.source = source;
  }
}

/** A Scheme object on its way through JavaScript: the machine hands the payload to the program's handlers. */
export class SchemeError extends Error {
  readonly payload: unknown;
  readonly isContinuable: boolean;
  constructor(payload: unknown, isContinuable = false) {
    super(payload instanceof Condition ? String(payload.message) : "a Scheme object was raised");
    this.payload = payload;
    this.isContinuable = isContinuable;
  }
}

/** An error that nobody handled in a compiled program, with the place of the call that failed. */
export class CompiledError extends SchemeError {
  readonly source: Source | null;
  /** The calls that wait, the innermost first; those of the system's own procedures are left out. */
  readonly calls: readonly WaitingCall[];
  constructor(payload: unknown, source: Source | null, calls: readonly WaitingCall[]) {
    super(payload);
    this.source = source;
    this.calls = calls;
  }
}

export interface WaitingCall {
  /** Name of the procedure that made it. */
  readonly procedure: string;
  readonly source: Source;
}

/** @param who  the procedure, as programs name it */
export function wrongType(who: string, expected: string, value: unknown): SchemeError {
  return new SchemeError(new Condition("type", `${who}: expected ${expected}, got`, [value]));
}

export function outOfRange(who: string, what: string, value: unknown): SchemeError {
  return new SchemeError(new Condition("range", `${who}: ${what} out of range:`, [value]));
}

export function failure(message: string, ...irritants: unknown[]): SchemeError {
  return new SchemeError(new Condition("error", message, irritants));
}

/** A bound of the system was met: of depth, size or work. */
export function limitReached(message: string, ...irritants: unknown[]): SchemeError {
  return new SchemeError(new Condition("limit", message, irritants));
}

export function syntaxError(message: string, source: Source | null, ...irritants: unknown[]): SchemeError {
  return new SchemeError(new Condition("syntax", message, irritants, source));
}
