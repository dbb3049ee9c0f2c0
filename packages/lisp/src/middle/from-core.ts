/**
 * Core to the intermediate form: variables by identity, primitives by their operation, `letrec*` into functions that
 * know each other (`fix`), plain bindings, and boxes for what is left (Ghuloum & Dybvig, Fixing Letrec (reloaded),
 * 2009: by strongly connected components).
 */
import type { Clause, Core, Global, Variable } from "../core/core.ts";
import type { Source } from "../datum/source.ts";
import { Char, NIL, UNSPECIFIED, intern } from "../datum/datum.ts";
import type { Datum } from "../datum/datum.ts";
import { Fun, Var, children, constant, functionsOf, ref } from "./ir.ts";
import type { FunClause, Node, TopLevel } from "./ir.ts";
import { Cell } from "../heap/layout.ts";
import { PREDICATES, prim, primitive } from "./primitives.ts";
import { isFixed, recordProcedure } from "./records.ts";
import { TESTED, type ValueType } from "./value-type.ts";

export interface Globals {
  /** The top-level variable of a global of this unit or another one. */
  topLevel(global: Global): TopLevel;
  /** The runtime's own variable of a primitive's word. */
  runtime(name: string): TopLevel | undefined;
}

export class FromCore {
  readonly #globals: Globals;
  readonly #variables: Map<Variable, Var>;
  /** How many fields the records of a type have, by the variable that holds the type. */
  readonly #fieldCounts: Map<Variable | Global | null, number>;
  /** The function that is being converted checks types. */
  #hasChecks: boolean;

  constructor(globals: Globals) {
    this.#globals = globals;
    this.#variables = new Map();
    this.#fieldCounts = new Map();
    this.#hasChecks = false;
  }

  convert(core: Core): Node {
    switch (core.kind) {
      case "const":
        return constant(core.datum);
      case "local":
        return ref(this.#variable(core.variable));
      case "set-local":
        return { k: "set", v: this.#variable(core.variable), value: this.convert(core.value) };
      case "global":
        return { k: "gref", g: this.#global(core.global), source: core.source };
      case "set-global":
        return { k: "gset", g: this.#global(core.global), value: this.convert(core.value), isDefinition: false };
      case "define-global":
        this.#noteRecordType(core.global, core.value);
        return {
          k: "gset",
          g: this.#globals.topLevel(core.global),
          value: this.convert(core.value),
          isDefinition: true,
        };
      case "if": {
        const test = this.convert(core.test);
        const then = isFailure(core.else) ? this.#afterCheck(core, test) : this.convert(core.then);
        return { k: "if", test, then, else: this.convert(core.else) };
      }
      case "begin":
        return sequence(core.body.map((item) => this.convert(item)));
      case "lambda":
        return { k: "lambda", fun: this.#function(core.name ?? "lambda", core.clauses, core) };
      case "let": {
        const values = core.values.map((value) => this.convert(value));
        return {
          k: "let",
          vars: core.variables.map((variable) => this.#variable(variable)),
          values,
          body: this.convert(core.body),
        };
      }
      case "letrec*": {
        const vars = core.variables.map((variable) => this.#variable(variable));
        core.variables.forEach((variable, index) => this.#noteRecordType(variable, core.values[index]!));
        return fixLetrec(
          vars,
          core.values.map((value) => this.convert(value)),
          this.convert(core.body),
        );
      }
      case "call":
        return this.#call(core);
    }
  }

  /** What a check has shown of a variable is the type of another one, which stands for it from here on. */
  #afterCheck({ test: core, then }: Core & { kind: "if" }, test: Node): Node {
    this.#hasChecks = true;
    const type = test.k === "prim" ? TESTED[test.op.name] : undefined;
    const [operand] = core.kind === "call" ? core.operands : [];
    if (type === undefined || operand?.kind !== "local" || operand.variable.isAssigned) return this.convert(then);
    const { variable } = operand;
    const tested = this.#variable(variable);
    const known = new Var(tested.name);
    this.#variables.set(variable, known);
    const body = this.convert(then);
    this.#variables.set(variable, tested);
    const [, record] = test.k === "prim" ? test.args : [];
    const value = the(type, ref(tested), record?.k === "gref" && !record.g.isAssigned ? record.g : undefined);
    return { k: "let", vars: [known], values: [value], body };
  }

  #noteRecordType(variable: Variable | Global, value: Core): void {
    if (value.kind !== "call" || value.operator.kind !== "global") return;
    const [, fields] = value.operands;
    if (value.operator.global.primitive === "make-record-type" && fields?.kind === "const")
      this.#fieldCounts.set(variable, (fields.datum as readonly Datum[]).length);
  }

  #function(name: string, clauses: readonly Clause[], core: Core): Fun {
    const outside = this.#hasChecks;
    this.#hasChecks = false;
    const fun = new Fun(
      name,
      clauses.map(({ required, rest, body }): FunClause => {
        const parameters = [...required, ...(rest === null ? [] : [rest])].map((variable) => this.#variable(variable));
        return { parameters, hasRest: rest !== null, body: this.convert(body) };
      }),
      core.source,
    );
    fun.hasChecks = this.#hasChecks;
    this.#hasChecks = outside;
    return fun;
  }

  #variable(variable: Variable): Var {
    let found = this.#variables.get(variable);
    if (found === undefined) this.#variables.set(variable, (found = new Var(variable.name, variable.isAssigned)));
    return found;
  }

  #global(global: Global): TopLevel {
    if (global.primitive !== null && !global.isAssigned) {
      const own = this.#globals.runtime(global.primitive);
      if (own !== undefined) return own;
    }
    return this.#globals.topLevel(global);
  }

  #call(core: Core & { kind: "call" }): Node {
    const { operator } = core;
    const args = core.operands.map((operand) => this.convert(operand));
    if (operator.kind === "global" && operator.global.primitive !== null && !operator.global.isAssigned) {
      const inline = primitiveCall(operator.global.primitive, args, core.source);
      if (inline !== null) return inline;
      if (operator.global.primitive === "%record-of?" && args.length === 2 && isFixed(args[1]!))
        return { k: "prim", op: prim("%record?", 2), args };
      const [type] = core.operands;
      const record = recordProcedure(operator.global.primitive, args, this.#fieldCounts.get(variableOf(type)) ?? null);
      if (record !== null) return record;
    }
    return { k: "call", f: this.convert(operator), args, source: core.source };
  }
}

/** Nothing comes back: a check that a program's types ask for has failed. */
function isFailure(core: Core): boolean {
  return core.kind === "call" && core.operator.kind === "global" && core.operator.global.primitive === "%check-failed";
}

function the(type: ValueType, value: Node, record?: TopLevel): Node {
  const node = { k: "prim" as const, op: prim("%the", 2), args: [value, constant(intern(type))] };
  return record === undefined ? node : { ...node, record };
}

function variableOf(core: Core | undefined): Variable | Global | null {
  return core?.kind === "global" ? core.global : core?.kind === "local" ? core.variable : null;
}

/** A call of a primitive by operations in line; null: it has none for these operands. */
export function primitiveCall(name: string, args: Node[], source: Source | null = null): Node | null {
  const op = primitive(args.length === 1 ? (PREDICATES[name] ?? name) : name, args.length);
  if (op !== undefined) return { k: "prim", op, args, source };
  if (args.length === 3 && ORDERS.has(name)) return between(name, args as [Node, Node, Node], source);
  switch (name) {
    case "+":
    case "*":
      if (args.length === 0) return constant(name === "+" ? 0 : 1);
      if (args.length === 1 && name === "+") return sumOfOne(args[0]!, source);
      if (args.length === 1) return { k: "prim", op: prim(name, 2), args: [args[0]!, constant(1)], source };
      return leftAssociated(name, args, source);
    case "-":
      return args.length > 2 ? leftAssociated(name, args, source) : null;
    case "/":
      return args.length === 1 ? { k: "prim", op: prim("/", 2), args: [constant(1), args[0]!], source } : null;
    case "%fuel-out?": {
      // One more is taken at each look; see core/fuel.ts.
      const left = new Var("fuel");
      const cell = constant(Cell.fuel);
      const taken: Node = { k: "prim", op: prim("%fx-", 2), args: [cellOf(cell), constant(1)] };
      const store: Node = { k: "prim", op: prim("%set-cell!", 2), args: [cell, ref(left)] };
      const isOut: Node = { k: "prim", op: prim("%fx<", 2), args: [ref(left), constant(0)] };
      return { k: "let", vars: [left], values: [taken], body: { k: "seq", items: [store, isOut] } };
    }
    case "list": {
      if (args.length > 16) return null;
      const vars = args.map(() => new Var("item"));
      const list = vars.reduceRight<Node>(
        (rest, v) => ({ k: "prim", op: prim("cons", 2), args: [ref(v), rest] }),
        constant(NIL as Datum),
      );
      return args.length === 0 ? list : { k: "let", vars, values: args, body: list };
    }
    case "zero?":
    case "positive?":
    case "negative?":
      if (args.length !== 1) return null;
      return {
        k: "prim",
        op: prim(name === "zero?" ? "=" : name === "positive?" ? ">" : "<", 2),
        args: [args[0]!, constant(0)],
        source,
      };
    default:
      return null;
  }
}

/** A number is its own sum: -0.0, too, which with 0 would be 0.0. What is none is told by the sum with 0. */
function sumOfOne(x: Node, source: Source | null): Node {
  const v = new Var("x");
  const test: Node = { k: "prim", op: prim("%number?", 1), args: [ref(v)] };
  const sum: Node = { k: "prim", op: prim("+", 2), args: [ref(v), constant(0)], source };
  return { k: "let", vars: [v], values: [x], body: { k: "if", test, then: ref(v), else: sum } };
}

const ORDERS: ReadonlySet<string> = new Set(["<", "<=", ">", ">=", "="].flatMap((order) => [order, `char${order}?`]));

/** `(<= 0 x 9)`, `(char<=? #\0 c #\9)`: two comparisons, if the last operand needs no check of its own. */
function between(name: string, [low, x, high]: [Node, Node, Node], source: Source | null): Node | null {
  if (high.k !== "const" || !(name.startsWith("char") ? high.datum instanceof Char : typeof high.datum === "number"))
    return null;
  const vars = [new Var("low"), new Var("x")];
  const [a, b] = vars as [Var, Var];
  const op = prim(name, 2);
  const body: Node = {
    k: "if",
    test: { k: "prim", op, args: [ref(a), ref(b)], source },
    then: { k: "prim", op, args: [ref(b), high], source },
    else: constant(false),
  };
  return { k: "let", vars, values: [low, x], body };
}

function cellOf(cell: Node): Node {
  return { k: "prim", op: prim("%cell", 1), args: [cell] };
}

function leftAssociated(name: string, args: Node[], source: Source | null): Node {
  const op = prim(name, 2);
  return args.slice(1).reduce((left, right) => ({ k: "prim", op, args: [left, right], source }), args[0]!);
}

export function sequence(items: Node[]): Node {
  const flat = items.flatMap((item) => (item.k === "seq" ? item.items : [item]));
  const kept = flat.filter(
    (item, index) => index === flat.length - 1 || (item.k !== "const" && item.k !== "ref" && item.k !== "lambda"),
  );
  return kept.length === 1 ? kept[0]! : { k: "seq", items: kept };
}

/** Variables that a node mentions (bodies of its functions too). */
function mentioned(node: Node, wanted: ReadonlySet<Var>, found: Set<Var>): void {
  if ((node.k === "ref" || node.k === "set") && wanted.has(node.v)) found.add(node.v);
  for (const child of children(node)) mentioned(child, wanted, found);
  for (const fun of functionsOf(node)) for (const clause of fun.clauses) mentioned(clause.body, wanted, found);
}

function fixLetrec(vars: Var[], values: Node[], body: Node): Node {
  const wanted = new Set(vars);
  const index = new Map(vars.map((v, at) => [v, at]));
  const edges: number[][] = [];
  let lastComplex = -1;
  values.forEach((value, at) => {
    const found = new Set<Var>();
    mentioned(value, wanted, found);
    const targets = [...found].map((v) => index.get(v)!);
    // What is no function is evaluated in the order of the text.
    if (value.k !== "lambda" && value.k !== "const") {
      if (lastComplex >= 0) targets.push(lastComplex);
      lastComplex = at;
    }
    edges.push(targets);
  });
  let result = body;
  for (const component of components(edges).reverse()) {
    component.sort((a, b) => a - b);
    const single = component.length === 1 ? component[0]! : -1;
    if (single >= 0 && !edges[single]!.includes(single)) {
      // a function that does not call itself is a plain value
      result = { k: "let", vars: [vars[single]!], values: [values[single]!], body: result };
      continue;
    }
    const isFunction = (at: number): boolean => values[at]!.k === "lambda" && !vars[at]!.isAssigned;
    const functions = component.filter(isFunction);
    const others = component.filter((at) => !isFunction(at));
    for (const at of others) vars[at]!.isAssigned = true;
    const settings = others.map((at): Node => ({ k: "set", v: vars[at]!, value: values[at]! }));
    if (settings.length > 0) result = sequence([...settings, result]);
    if (functions.length > 0) {
      result = {
        k: "fix",
        vars: functions.map((at) => vars[at]!),
        funs: functions.map((at) => (values[at] as Node & { k: "lambda" }).fun),
        body: result,
      };
    }
    if (others.length > 0)
      result = {
        k: "let",
        vars: others.map((at) => vars[at]!),
        values: others.map(() => constant(UNSPECIFIED as Datum)),
        body: result,
      };
  }
  return result;
}

/** Strongly connected components (Tarjan), those that others depend on first. */
function components(edges: readonly (readonly number[])[]): number[][] {
  const order = edges.map(() => -1);
  const low = edges.map(() => 0);
  const isOpen = edges.map(() => false);
  const open: number[] = [];
  const result: number[][] = [];
  let counter = 0;
  const visit = (at: number): void => {
    order[at] = low[at] = counter++;
    open.push(at);
    isOpen[at] = true;
    for (const next of edges[at]!) {
      if (order[next]! < 0) {
        visit(next);
        low[at] = Math.min(low[at]!, low[next]!);
      } else if (isOpen[next]) low[at] = Math.min(low[at]!, order[next]!);
    }
    if (low[at] !== order[at]) return;
    const component: number[] = [];
    for (;;) {
      const member = open.pop()!;
      isOpen[member] = false;
      component.push(member);
      if (member === at) break;
    }
    result.push(component);
  };
  edges.forEach((_, at) => {
    if (order[at]! < 0) visit(at);
  });
  return result;
}
