/**
 * AstraLisp: Scheme (R7RS-small and more). Reads, expands and runs programs; knows nothing of the computer it runs on.
 */
export {
  char,
  Char,
  codesOf,
  Compnum,
  DEFAULT,
  EOF,
  Flonum,
  intern,
  itemsOf,
  list,
  MString,
  NIL,
  Pair,
  Ratnum,
  SchemeSymbol,
  textOf,
  Unique,
  UNSPECIFIED,
} from "./datum/datum.ts";
export type { Datum, Real } from "./datum/datum.ts";
export type { Clause, Core, Global, Source, Unit, Variable } from "./core/core.ts";
