/**
 * Values between Lisp and JavaScript (decision 0044). What either side has no form for is an error (from Lisp) or a
 * handle (from JavaScript); lists, vectors and what they hold are converted by explicit calls only.
 *
 *     exact integer      number within ±(2^53 - 1), else BigInt; a safe integer but -0 comes back exact
 *     flonum             number
 *     string, character  string (a copy); a lone surrogate becomes U+FFFD
 *     boolean            boolean
 *     unspecified        undefined
 *     symbol             Symbol.for(its name)
 *     bytevector         a new Uint8Array (a copy); none comes back by itself
 *     handle             the value itself: null, objects, functions, other symbols
 */
import { Condition, SchemeError } from "../datum/condition.ts";
import { Char, Flonum, MString, SchemeSymbol, UNSPECIFIED, intern, textOf } from "../datum/datum.ts";
import { JavaScriptValue } from "./javascript-value.ts";

/** @throws SchemeError  of kind "type": the datum has no form in JavaScript */
export function toJavaScript(datum: unknown): unknown {
  switch (typeof datum) {
    case "boolean":
      return datum;
    case "number":
      return datum;
    case "bigint":
      return datum >= Number.MIN_SAFE_INTEGER && datum <= Number.MAX_SAFE_INTEGER ? Number(datum) : datum;
  }
  if (datum instanceof JavaScriptValue) return datum.value;
  if (datum instanceof Flonum) return datum.value;
  if (datum instanceof MString) return datum.toString();
  if (datum instanceof Char) return textOf([datum.code]);
  if (datum instanceof SchemeSymbol && datum.isInterned) return Symbol.for(datum.name);
  if (datum instanceof Uint8Array) return datum.slice();
  if (datum === UNSPECIFIED) return undefined;
  throw new SchemeError(new Condition("type", "a value without a form in JavaScript:", [datum]));
}

/** Handles of values, one for each object as long as Lisp or JavaScript has it. */
export class Handles {
  readonly #known: WeakMap<WeakKey, JavaScriptValue>;
  readonly #null: JavaScriptValue;

  constructor() {
    this.#known = new WeakMap();
    this.#null = new JavaScriptValue(null);
  }

  toLisp(value: unknown): unknown {
    switch (typeof value) {
      case "undefined":
        return UNSPECIFIED;
      case "boolean":
        return value;
      case "number":
        return Number.isSafeInteger(value) && !Object.is(value, -0) ? value : new Flonum(value);
      case "bigint":
        return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value;
      case "string":
        return MString.of(value);
      case "symbol": {
        const name = Symbol.keyFor(value);
        return name === undefined ? this.handle(value) : intern(name);
      }
      default:
        return this.handle(value);
    }
  }

  handle(value: unknown): JavaScriptValue {
    if (value === null) return this.#null;
    const canBeWeak =
      typeof value === "object" ||
      typeof value === "function" ||
      (typeof value === "symbol" && Symbol.keyFor(value) === undefined);
    if (!canBeWeak) return new JavaScriptValue(value);
    let handle = this.#known.get(value as WeakKey);
    if (handle === undefined) this.#known.set(value as WeakKey, (handle = new JavaScriptValue(value)));
    return handle;
  }

  /** Lets a handle's value go; who meets the value again gets another handle. */
  release(handle: JavaScriptValue): void {
    if (handle.isDead || handle === this.#null) return;
    const { value } = handle;
    if (this.#known.get(value as WeakKey) === handle) this.#known.delete(value as WeakKey);
    handle.release();
  }
}
