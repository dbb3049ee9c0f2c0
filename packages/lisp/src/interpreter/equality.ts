/** `eqv?` and `equal?`; the latter ends for circular structures, too. R7RS §6.1. */
import { MString, Pair } from "../datum/datum.ts";
import { isJoined } from "../datum/object-classes.ts";
import { isEqvNumber, isNumber } from "../number/arithmetic.ts";
import { Closure } from "./machine.ts";

export function isEqv(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (isNumber(a)) return isNumber(b) && isEqvNumber(a, b);
  if (a instanceof MString) return b instanceof MString && a.codes.length === 0 && b.codes.length === 0;
  return (
    a instanceof Closure && b instanceof Closure && a.code === b.code && a.env === b.env && a.code.clauses.length === 0
  );
}

/** Steps after which comparing remembers what it has compared: few structures are that large, or circular. */
const PLAIN_STEPS = 10_000;

export function isEqual(a: unknown, b: unknown): boolean {
  const stack: unknown[] = [a, b];
  let steps = 0;
  const classes = new Map<unknown, unknown>();
  while (stack.length > 0) {
    let right = stack.pop(),
      left = stack.pop();
    for (;;) {
      if (isEqv(left, right)) break;
      if (left instanceof MString) {
        if (!(right instanceof MString) || !isSameCodes(left.codes, right.codes)) return false;
        break;
      }
      if (left instanceof Uint8Array) {
        if (!(right instanceof Uint8Array) || !isSameCodes(left, right)) return false;
        break;
      }
      const isPair = left instanceof Pair,
        isVector = Array.isArray(left);
      if (!(isPair && right instanceof Pair) && !(isVector && Array.isArray(right))) return false;
      // What is compared here is one class from now on, so that shared parts are looked at once.
      if (++steps > PLAIN_STEPS && isJoined(classes, left, right)) break;
      if (isVector) {
        const one = left as unknown[],
          other = right as unknown[];
        if (one.length !== other.length) return false;
        for (let index = one.length - 1; index >= 0; index--) stack.push(one[index], other[index]);
        break;
      }
      const one = left as Pair,
        other = right as Pair;
      stack.push(one.cdr, other.cdr);
      left = one.car;
      right = other.car;
    }
  }
  return true;
}

function isSameCodes(a: ArrayLike<number>, b: ArrayLike<number>): boolean {
  if (a.length !== b.length) return false;
  for (let index = 0; index < a.length; index++) if (a[index] !== b[index]) return false;
  return true;
}
