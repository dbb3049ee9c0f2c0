/**
 * Guardians and ephemerons of the reference machine, which has no collector of its own: it can't tell what nothing
 * reaches any more, so that guardians never give anything and ephemerons are never broken.
 */
import { failure, wrongType } from "../../datum/condition.ts";
import { NIL, UNSPECIFIED } from "../../datum/datum.ts";
import { Primitive } from "../machine.ts";
import { define, type Table } from "./operands.ts";

class Ephemeron {
  readonly key: unknown;
  readonly datum: unknown;
  constructor(key: unknown, datum: unknown) {
    this.key = key;
    this.datum = datum;
  }
}

function ephemeronOf(who: string, value: unknown): Ephemeron {
  if (!(value instanceof Ephemeron)) throw wrongType(who, "an ephemeron", value);
  return value;
}

export function defineMemory(table: Table): void {
  define(
    table,
    "make-guardian",
    0,
    0,
    () => new Primitive("guardian", 0, 2, (...operands) => (operands.length === 0 ? false : UNSPECIFIED)),
  );
  define(table, "%guard!", 3, 3, () => UNSPECIFIED);
  define(table, "%guarded-next", 1, 1, () => false);
  define(table, "make-ephemeron", 2, 2, (key, datum) => new Ephemeron(key, datum));
  define(table, "ephemeron?", 1, 1, (value: unknown) => value instanceof Ephemeron);
  define(table, "ephemeron-key", 1, 1, (value) => ephemeronOf("ephemeron-key", value).key);
  define(table, "ephemeron-datum", 1, 1, (value) => ephemeronOf("ephemeron-datum", value).datum);
  define(table, "ephemeron-broken?", 1, 1, (value) => (ephemeronOf("ephemeron-broken?", value), false));
  define(table, "reference-barrier", 1, 1, () => UNSPECIFIED);
  define(table, "collect-garbage", 0, 0, () => UNSPECIFIED);
  define(table, "gc-statistics", 0, 0, () => NIL);
  for (const name of ["heap-limit", "nursery-size"])
    define(table, name, 0, 1, (...operands: unknown[]) => {
      if (operands.length > 0) throw failure(`${name}: the interpreter has no heap of its own; compiled programs have`);
      return false;
    });
}
