/** What is known of a value. `none`: nothing has flowed here yet. */
export type ValueType =
  | "none"
  | "any"
  | "fixnum"
  | "integer"
  | "flonum"
  | "boolean"
  | "char"
  | "pair"
  | "vector"
  | "string"
  | "procedure"
  | "symbol"
  | "nil"
  | "bytevector"
  | "record";

/** What a value is known to be when an operation has told yes of it. */
export const TESTED: Readonly<Record<string, ValueType>> = {
  "pair?": "pair",
  "null?": "nil",
  "vector?": "vector",
  "string?": "string",
  "char?": "char",
  "symbol?": "symbol",
  "boolean?": "boolean",
  "procedure?": "procedure",
  "bytevector?": "bytevector",
  "%fixnum?": "fixnum",
  "%integer?": "integer",
  "%flonum?": "flonum",
  "%record?": "record",
};

/** The narrower of what is known by two ways. */
export function narrower(known: ValueType, learned: ValueType): ValueType {
  return known === "fixnum" && learned === "integer" ? "fixnum" : learned;
}
