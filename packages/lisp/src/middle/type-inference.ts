/**
 * What kinds of values reach each variable, by a fixed point over all code of a unit: loops' and known functions'
 * parameters take the join of what they are given. Decides which variables hold unboxed doubles.
 */
import { Char, Flonum, MString, NIL, Pair, SchemeSymbol, intern } from "../datum/datum.ts";
import type { Datum } from "../datum/datum.ts";
import type { Code } from "./closures.ts";
import { children, constant, isBehindChecks } from "./ir.ts";
import type { Fun, Node, TopLevel, Var } from "./ir.ts";
import { prim } from "./primitives.ts";
import { narrower, type ValueType } from "./value-type.ts";

export function joinTypes(a: ValueType, b: ValueType): ValueType {
  if (a === b || b === "none") return a;
  if (a === "none") return b;
  if ((a === "fixnum" || a === "integer") && (b === "fixnum" || b === "integer")) return "integer";
  return "any";
}

export function typeOfDatum(datum: Datum): ValueType {
  if (typeof datum === "number") return "fixnum";
  if (typeof datum === "bigint") return "integer";
  if (typeof datum === "boolean") return "boolean";
  if (datum instanceof Flonum) return "flonum";
  if (datum instanceof Char) return "char";
  if (datum instanceof MString) return "string";
  if (datum instanceof SchemeSymbol) return "symbol";
  if (datum instanceof Pair) return "pair";
  if (datum === NIL) return "nil";
  if (datum instanceof Uint8Array) return "bytevector";
  return Array.isArray(datum) ? "vector" : "any";
}

/** Type of an operation's result from its operands' types. */
function resultType(name: string, types: readonly ValueType[]): ValueType | null {
  const [a, b] = types;
  const isInteger = (type: ValueType | undefined): boolean => type === "fixnum" || type === "integer";
  switch (name) {
    case "+":
    case "-":
    case "*":
      if (types.length === 1) return isInteger(a) ? "integer" : a === "flonum" || a === "none" ? a : "any";
      if (a === "none" || b === "none") return "none";
      if ((a === "flonum" && (b === "flonum" || isInteger(b))) || (isInteger(a) && b === "flonum")) return "flonum";
      return isInteger(a) && isInteger(b) ? "integer" : "any";
    case "/":
      if (a === "none" || b === "none") return "none";
      return b === "flonum" && (a === "flonum" || isInteger(a)) ? "flonum" : "any";
    case "quotient":
    case "remainder":
    case "modulo":
      return isInteger(a) && isInteger(b) ? "integer" : "any";
    case "exact->inexact":
    case "inexact":
      return a === "flonum" || isInteger(a) ? "flonum" : a === "none" ? "none" : "any";
    default:
      return null;
  }
}

export function typeOf(node: Node): ValueType {
  switch (node.k) {
    case "const":
      return typeOfDatum(node.datum);
    case "ref":
      return node.v.type;
    case "captured":
      return node.v.type === "none" ? "any" : node.v.type;
    case "closure":
    case "lambda":
      return "procedure";
    case "prim":
      // Division by an exact zero is an error; another constant is none.
      if (node.op.name === "/" && isNonZero(node.args[1]!) && typeOf(node.args[0]!) === "flonum") return "flonum";
      if (node.op.name === "%the") return declared(node);
      return resultType(node.op.name, node.args.map(typeOf)) ?? node.op.result;
    case "if":
      return joinTypes(typeOf(node.then), typeOf(node.else));
    case "let":
    case "fix":
      return typeOf(node.body);
    case "seq":
      return typeOf(node.items.at(-1)!);
    case "label":
      return joinTypes(typeOf(node.body), typeOf(node.label.body));
    case "jump":
      return "none";
    case "direct":
      return node.fun.result;
    default:
      return "any";
  }
}

/** The value, which is known to be a double. */
export function asDouble(value: Node): Node {
  return typeOf(value) === "flonum"
    ? value
    : { k: "prim", op: prim("%the", 2), args: [value, constant(intern("flonum"))] };
}

function declared(node: Node & { k: "prim" }): ValueType {
  const [value, name] = node.args as [Node, Node & { k: "const" }];
  const type = typeOf(value);
  return type === "none" ? type : narrower(type, (name.datum as SchemeSymbol).name as ValueType);
}

/**
 * Which record type a node's values have, as the top-level variable that holds it; null: none that is known;
 * undefined: there is no value yet.
 */
export function recordOf(node: Node): TopLevel | null | undefined {
  switch (node.k) {
    case "ref":
      return node.v.record;
    case "prim": {
      if (node.op.name === "%the") return node.record ?? recordOf(node.args[0]!);
      if (node.op.result === "none") return undefined;
      const [type] = node.args;
      return node.op.name === "%record" && type!.k === "gref" && !type!.g.isAssigned ? type!.g : null;
    }
    case "if":
      return joinRecords(recordOf(node.then), recordOf(node.else));
    case "let":
    case "fix":
      return recordOf(node.body);
    case "seq":
      return recordOf(node.items.at(-1)!);
    case "label":
      return joinRecords(recordOf(node.body), recordOf(node.label.body));
    case "jump":
      return undefined;
    case "direct":
      return node.fun.record;
    default:
      return null;
  }
}

function joinRecords(a: TopLevel | null | undefined, b: TopLevel | null | undefined): TopLevel | null | undefined {
  return a === undefined ? b : b === undefined || a === b ? a : null;
}

/**
 * Sets all variables' types, and what functions give. `open`: functions that may be called from elsewhere.
 */
export function inferTypes(codes: readonly Code[], open: ReadonlySet<Fun>): void {
  // Behind checks only those come who have passed or proved them.
  const isKnown = (code: Code): boolean => !open.has(code.fun) || isBehindChecks(code);
  const codeOf = new Map<Fun, Code[]>();
  for (const code of codes) {
    const clauses = codeOf.get(code.fun) ?? [];
    clauses[code.clause] = code;
    codeOf.set(code.fun, clauses);
    code.fun.result = "none";
    code.fun.record = undefined;
    for (const v of code.parameters) {
      v.type = isKnown(code) ? "none" : "any";
      v.record = isKnown(code) ? undefined : null;
    }
    forgetTypes(code.body);
  }
  let changed = true;
  const widen = (v: Var, value: Node): void => {
    const type = joinTypes(v.type, typeOf(value));
    const record = joinRecords(v.record, recordOf(value));
    if (type === v.type && record === v.record) return;
    v.type = type;
    v.record = record;
    changed = true;
  };
  const visit = (node: Node): void => {
    for (const child of children(node)) visit(child);
    if (node.k === "let") node.vars.forEach((v, index) => widen(v, node.values[index]!));
    else if (node.k === "jump") node.label.parameters.forEach((v, index) => widen(v, node.args[index]!));
    else if (node.k === "direct")
      codeOf.get(node.fun)?.[node.clause]?.parameters.forEach((v, index) => widen(v, node.args[index]!));
  };
  while (changed) {
    changed = false;
    for (const code of codes) {
      visit(code.body);
      const { fun } = code;
      const result = joinTypes(fun.result, typeOf(code.body));
      const record = joinRecords(fun.record, recordOf(code.body));
      if (result === fun.result && record === fun.record) continue;
      fun.result = result;
      fun.record = record;
      changed = true;
    }
  }
}

function forgetTypes(node: Node): void {
  const bound = node.k === "let" ? node.vars : node.k === "label" ? node.label.parameters : [];
  for (const v of bound) {
    v.type = "none";
    v.record = undefined;
  }
  for (const child of children(node)) forgetTypes(child);
}

function isNonZero(node: Node): boolean {
  return node.k === "const" && typeof node.datum === "number" && node.datum !== 0;
}

/** Operations that take and give doubles in registers when the types allow it. */
export function isFloatOperation(node: Node): boolean {
  if (node.k !== "prim") return false;
  const { name } = node.op;
  if (name === "%rebox") return false;
  if (node.op.result === "flonum") return true;
  return (
    (name === "+" || name === "-" || name === "*" || name === "/" || name === "exact->inexact" || name === "inexact") &&
    typeOf(node) === "flonum"
  );
}

/** Comparisons done on doubles. */
export function isFloatComparison(node: Node): boolean {
  if (node.k !== "prim" || node.args.length !== 2) return false;
  const { name } = node.op;
  if (name.startsWith("%fl") && node.op.isTest) return true;
  if (!["<", "<=", ">", ">=", "="].includes(name)) return false;
  const [a, b] = node.args.map((arg) => (arg.k === "const" && typeof arg.datum === "number" ? "number" : typeOf(arg)));
  return (a === "flonum" && (b === "flonum" || b === "number")) || (a === "number" && b === "flonum");
}
