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
