/** Types at run time: what annotations are checked by (expander/annotation.ts), and what a value says of its type. */
import {
  Char,
  Compnum,
  DEFAULT,
  EOF,
  Flonum,
  intern,
  list,
  MString,
  NIL,
  Pair,
  Ratnum,
  SchemeSymbol,
  UNSPECIFIED,
} from "../../datum/datum.ts";
import { Condition, SchemeError, wrongType } from "../../datum/condition.ts";
import { isProcedure } from "../machine.ts";
import { isPort } from "../ports.ts";
import { RecordType, SchemePromise, SchemeRecord } from "./control.ts";
import { define, stringOf, type Table } from "./operands.ts";

/** Compiled programs have integers of 61 bits in a word; what is a fixnum is one on every engine. */
const FIXNUM_LEAST = -(2n ** 60n);
const FIXNUM_MOST = 2n ** 60n - 1n;

function isFixnum(x: unknown): boolean {
  return typeof x === "number" || (typeof x === "bigint" && x >= FIXNUM_LEAST && x <= FIXNUM_MOST);
}

/** The name of a value's type, as annotations have it. */
function typeName(x: unknown): string {
  if (typeof x === "number" || typeof x === "bigint") return isFixnum(x) ? "fixnum" : "integer";
  if (x instanceof Flonum) return "flonum";
  if (x instanceof Ratnum) return "rational";
  if (x instanceof Compnum) return "complex";
  if (typeof x === "boolean") return "boolean";
  if (x instanceof Char) return "char";
  if (x instanceof MString) return "string";
  if (x instanceof SchemeSymbol) return "symbol";
  if (x instanceof Pair) return "pair";
  if (x === NIL) return "null";
  if (Array.isArray(x)) return "vector";
  if (x instanceof Uint8Array) return "bytevector";
  if (isProcedure(x)) return "procedure";
  if (x instanceof RecordType) return "record-type";
  if (x instanceof SchemePromise) return "promise";
  if (x instanceof Condition) return "error-object";
  if (isPort(x)) return "port";
  if (x === EOF) return "eof-object";
  if (x === UNSPECIFIED) return "unspecified";
  if (x === DEFAULT) return "default";
  return "object";
}

function recordType(who: string, x: unknown): RecordType {
  if (!(x instanceof RecordType)) throw wrongType(who, "a record type", x);
  return x;
}

export function defineTypes(table: Table): void {
  define(table, "fixnum?", 1, 1, isFixnum);
  define(table, "flonum?", 1, 1, (x: unknown) => x instanceof Flonum);
  define(table, "type-of", 1, 1, (x: unknown) => (x instanceof SchemeRecord ? x.type : intern(typeName(x))));
  define(table, "%record-of?", 2, 2, (x: unknown, type: unknown) => x instanceof SchemeRecord && x.type === type);
  define(table, "%check-failed", 2, 2, (message: unknown, x: unknown) => {
    throw new SchemeError(new Condition("type", stringOf("%check-failed", message).toString(), [x]));
  });
  define(table, "record-rtd", 1, 1, (x: unknown) => {
    if (!(x instanceof SchemeRecord)) throw wrongType("record-rtd", "a record", x);
    return x.type;
  });
  define(table, "rtd?", 1, 1, (x: unknown) => x instanceof RecordType);
  define(table, "rtd-name", 1, 1, (x: unknown) => intern(recordType("rtd-name", x).name));
  define(table, "%rtd-typed", 1, 1, (x: unknown) => list(recordType("rtd-field-names", x).typed));
  define(table, "rtd-field-names", 1, 1, (x: unknown) => recordType("rtd-field-names", x).fields.map(intern));
}
