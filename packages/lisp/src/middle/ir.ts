/**
 * The intermediate form: a tree of expressions over variables that are each bound once. Passes rewrite it (simplify,
 * contify, convert closures, normalise); back ends walk it. After `normalise` a `let` binds one variable, operands of
 * calls and primitives are free of calls, and a call stands only as a `let`'s value, as an item of a `seq`, or in a
 * tail.
 */
import type { Source } from "../datum/source.ts";
import type { Datum } from "../datum/datum.ts";
import { KEEPING_DOUBLES, type Primitive } from "./primitives.ts";
import type { ValueType } from "./value-type.ts";

let nextVariable = 0;

export class Var {
  readonly name: string;
  readonly id: number;
  isAssigned: boolean;
  /** References (calls too), and those as a call's operator; set by `countUses`. */
  references: number;
  calls: number;
  /** The function that a `fix` binds to it. */
  fun: Fun | null;
  type: ValueType;
  /** Of records: the variable that their type always is; null: not known; undefined: nothing has flowed here yet. */
  record: TopLevel | null | undefined;
  /** Held as an unboxed double. */
  isFloat: boolean;
  /** Place in its function's frame on the shadow stack; -1: none. */
  slot: number;

  constructor(name: string, isAssigned = false) {
    this.name = name;
    this.id = nextVariable++;
    this.isAssigned = isAssigned;
    this.references = 0;
    this.calls = 0;
    this.fun = null;
    this.type = "any";
    this.record = null;
    this.isFloat = false;
    this.slot = -1;
  }
}

export interface FunClause {
  parameters: Var[];
  hasRest: boolean;
  body: Node;
}

/** A clause that calls parameters at some places. */
export interface HigherOrder {
  readonly clause: FunClause;
  readonly called: readonly number[];
}

/** A test of a parameter that a function begins with, and what is done where it does not hold. */
export interface Check {
  readonly index: number;
  readonly test: Node & { k: "prim" };
  readonly failure: Node;
}

/** The entry behind a function's checks: its clause after the last. See typed-entries.ts. */
export interface TypedEntry {
  readonly checks: readonly Check[];
  /** Of the function with its checks, in whose words these are told. */
  readonly outer: readonly Var[];
  /** What may be relied on behind the checks: values of `outer`. */
  readonly values: readonly Node[];
  readonly parameters: readonly Var[];
  /** It gives a double in a register. */
  givesFloat: boolean;
}

export class Fun {
  readonly name: string;
  clauses: FunClause[];
  readonly source: Source | null;
  /**
   * Variables of enclosing functions that it uses, after closure conversion; passed as first parameters when
   * `isLifted`, else in its closure.
   */
  free: Var[];
  isLifted: boolean;
  /** No closure is needed: it captures nothing. */
  isClosed: boolean;
  /** What is known of all that its clauses give. */
  result: ValueType;
  record: TopLevel | null | undefined;
  entry: TypedEntry | null;
  /** Its types are checked in it. */
  hasChecks: boolean;

  constructor(name: string, clauses: FunClause[], source: Source | null) {
    this.name = name;
    this.clauses = clauses;
    this.source = source;
    this.free = [];
    this.isLifted = false;
    this.isClosed = false;
    this.result = "any";
    this.record = null;
    this.entry = null;
    this.hasChecks = false;
  }
}

/** Code, or a call, of the entry behind a function's checks. */
export function isBehindChecks({ fun, clause }: { readonly fun: Fun; readonly clause: number }): boolean {
  return clause === fun.clauses.length;
}

/** A join point or loop head: a function that became a place in its user. */
export class Label {
  readonly name: string;
  parameters: Var[];
  body: Node;
  isLoop: boolean;
  constructor(name: string, parameters: Var[], body: Node) {
    this.name = name;
    this.parameters = parameters;
    this.body = body;
    this.isLoop = false;
  }
}

/** A top-level variable as the compiler sees it across units. */
export interface TopLevel {
  readonly name: string;
  readonly library: string;
  /** Its name as a symbol, for errors. */
  readonly symbol: Datum;
  isAssigned: boolean;
  /** Its place among the cells. */
  readonly cell: number;
  /** The function that it always is, when that is known. */
  fun: Fun | null;
  /** A copy of its body for calls to be replaced by; null: too large, or not known. */
  inline: FunClause | null;
  /** The same where a caller gives procedures that are known; see inline-forms.ts. */
  higherOrder: readonly HigherOrder[];
  /** The constant that it always is. */
  constant: { datum: Datum } | null;
  /** Set to some value for certain before any code of another unit runs. */
  isDefined: boolean;
}

/** A procedure of the system, which nobody sets. */
export function isOfRuntime(g: TopLevel): boolean {
  // Libraries of programs have brackets in their names.
  return (g.library === "runtime" || g.library === "library") && !g.isAssigned;
}

/** What its calls give for a double is one: they are kept as calls, so that this is seen. */
export function keepsDouble(g: TopLevel): boolean {
  return KEEPING_DOUBLES.has(g.name) && isOfRuntime(g);
}

export type Node =
  | { k: "const"; datum: Datum }
  | { k: "ref"; v: Var }
  | { k: "set"; v: Var; value: Node }
  | { k: "gref"; g: TopLevel; source?: Source | null }
  | { k: "gset"; g: TopLevel; value: Node; isDefinition: boolean }
  | { k: "if"; test: Node; then: Node; else: Node }
  | { k: "seq"; items: Node[] }
  | { k: "let"; vars: Var[]; values: Node[]; body: Node }
  | { k: "fix"; vars: Var[]; funs: Fun[]; body: Node }
  | { k: "lambda"; fun: Fun }
  | { k: "call"; f: Node; args: Node[]; source: Source | null }
  /**
   * `caller`: of a check that stands where its procedure was called, put in line; `record`: of `%the`, for records of a
   * type that is always this variable's.
   */
  | { k: "prim"; op: Primitive; args: Node[]; source?: Source | null; caller?: Source | null; record?: TopLevel }
  | { k: "label"; label: Label; body: Node }
  | { k: "jump"; label: Label; args: Node[] }
  /** After closure conversion: the value that this function's closure holds at an index. */
  | { k: "captured"; index: number; v: Var }
  /** A call of a function that is known, its closure as `self` unless it needs none. */
  | {
      k: "direct";
      fun: Fun;
      clause: number;
      self: Node | null;
      args: Node[];
      source: Source | null;
      /** It gives a double for one: `keepsDouble`. */
      keepsDoubles?: boolean;
    }
  /** A new closure. */
  | { k: "closure"; fun: Fun; values: Node[] };

export function constant(datum: Datum): Node {
  return { k: "const", datum };
}
export function ref(v: Var): Node {
  return { k: "ref", v };
}

/** Children in order of evaluation; bodies of functions are not children. */
export function children(node: Node): readonly Node[] {
  switch (node.k) {
    case "const":
    case "ref":
    case "gref":
    case "lambda":
    case "captured":
      return [];
    case "set":
    case "gset":
      return [node.value];
    case "if":
      return [node.test, node.then, node.else];
    case "seq":
      return node.items;
    case "let":
      return [...node.values, node.body];
    case "fix":
      return [node.body];
    case "call":
      return [node.f, ...node.args];
    case "prim":
    case "jump":
      return node.args;
    case "label":
      return [node.label.body, node.body];
    case "direct":
      return node.self === null ? node.args : [node.self, ...node.args];
    case "closure":
      return node.values;
  }
}

/** Gives calls and operations that have no place in a source this one: for small copies of functions without any. */
export function place(node: Node, source: Source | null): void {
  if ((node.k === "prim" || node.k === "call" || node.k === "gref") && (node.source ?? null) === null)
    node.source = source;
  for (const child of children(node)) place(child, source);
}

/** Tells the checks of a body who called its procedure, unless they know already. */
export function noteCaller(node: Node, caller: Source | null): void {
  if (node.k === "prim" && node.op.name === "%check-failed") node.caller ??= caller;
  for (const child of children(node)) noteCaller(child, caller);
}

/** Functions whose bodies lie inside of this node itself. */
export function functionsOf(node: Node): readonly Fun[] {
  return node.k === "lambda" ? [node.fun] : node.k === "fix" ? node.funs : [];
}

/** The node with its children replaced. */
export function mapChildren(node: Node, f: (child: Node) => Node): Node {
  switch (node.k) {
    case "const":
    case "ref":
    case "gref":
    case "lambda":
    case "captured":
      return node;
    case "set":
      return { ...node, value: f(node.value) };
    case "gset":
      return { ...node, value: f(node.value) };
    case "if":
      return { k: "if", test: f(node.test), then: f(node.then), else: f(node.else) };
    case "seq":
      return { k: "seq", items: node.items.map(f) };
    case "let":
      return { ...node, values: node.values.map(f), body: f(node.body) };
    case "fix":
      return { ...node, body: f(node.body) };
    case "call":
      return { ...node, f: f(node.f), args: node.args.map(f) };
    case "prim":
      return { ...node, args: node.args.map(f) };
    case "jump":
      return { ...node, args: node.args.map(f) };
    case "label":
      node.label.body = f(node.label.body);
      return { ...node, body: f(node.body) };
    case "direct":
      return { ...node, self: node.self === null ? null : f(node.self), args: node.args.map(f) };
    case "closure":
      return { ...node, values: node.values.map(f) };
  }
}
