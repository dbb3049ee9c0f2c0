/**
 * Assignment and closure conversion. Assigned variables become boxes. Each function becomes a piece of code over its
 * own variables: what it uses of the functions around it comes as extra parameters when all its calls are known
 * (lifted), else from its closure; a function that needs nothing has no closure. Result: code pieces, none inside of
 * another.
 */
import { NIL, intern } from "../datum/datum.ts";
import type { Datum } from "../datum/datum.ts";
import { Fun, Var, children, constant, functionsOf, keepsDouble, mapChildren, ref } from "./ir.ts";
import type { Node } from "./ir.ts";
import { prim } from "./primitives.ts";
import type { Passes } from "./simplify.ts";

/** A function's clause as code; parameters include what was lifted, first. */
export interface Code {
  readonly fun: Fun;
  readonly clause: number;
  readonly parameters: readonly Var[];
  body: Node;
}

/** Free variables passed as parameters at most. */
const LIFTED_MAX = 7;

export function boxAssigned(node: Node): Node {
  const boxed = (variables: readonly Var[], body: Node): { own: Var[]; body: Node } => {
    const own = variables.map((v) => (v.isAssigned ? new Var(v.name) : v));
    const pairs = variables.flatMap((v, index) => (v.isAssigned ? [{ v, plain: own[index]! }] : []));
    return {
      own,
      body:
        pairs.length === 0
          ? body
          : {
              k: "let",
              vars: pairs.map(({ v }) => v),
              values: pairs.map(({ plain }): Node => ({ k: "prim", op: prim("%box", 1), args: [ref(plain)] })),
              body,
            },
    };
  };
  for (const fun of functionsOf(node)) {
    for (const clause of fun.clauses) {
      const { own, body } = boxed(clause.parameters, boxAssigned(clause.body));
      clause.parameters = own;
      clause.body = body;
    }
  }
  switch (node.k) {
    case "ref":
      return node.v.isAssigned ? { k: "prim", op: prim("%unbox", 1), args: [node] } : node;
    case "set":
      return { k: "prim", op: prim("%set-box!", 2), args: [ref(node.v), boxAssigned(node.value)] };
    case "let": {
      const { own, body } = boxed(node.vars, boxAssigned(node.body));
      return { k: "let", vars: own, values: node.values.map(boxAssigned), body };
    }
    case "label": {
      const { own, body } = boxed(node.label.parameters, boxAssigned(node.label.body));
      node.label.parameters = own;
      node.label.body = body;
      return { k: "label", label: node.label, body: boxAssigned(node.body) };
    }
    default:
      return mapChildren(node, boxAssigned);
  }
}

/** Boxes are variables like any others from here on. `root` stands in no function; its uses must have been counted. */
export function convertClosures(root: Node, passes: Passes): { root: Node; codes: Code[] } {
  const free = new Map<Fun, Set<Var>>();
  const escaping = new Set<Fun>();
  const all: Fun[] = [];
  collect(root, all, free, escaping);

  // Closed: nothing is captured but functions that are closed themselves.
  const open = new Set<Fun>();
  for (let changed = true; changed;) {
    changed = false;
    for (const fun of all) {
      if (open.has(fun) || ![...free.get(fun)!].some((v) => v.fun === null || open.has(v.fun))) continue;
      open.add(fun);
      changed = true;
    }
  }
  const lifted = new Set(
    all.filter(
      (fun) =>
        open.has(fun) && passes.lifting && !escaping.has(fun) && fun.clauses.length === 1 && !fun.clauses[0]!.hasRest,
    ),
  );
  let expanded = new Map<Fun, Set<Var>>();
  for (let isStable = false; !isStable;) {
    isStable = true;
    expanded = new Map(all.map((fun) => [fun, new Set<Var>()]));
    for (let changed = true; changed;) {
      changed = false;
      for (const fun of all) {
        const own = expanded.get(fun)!;
        const before = own.size;
        for (const v of free.get(fun)!) {
          if (v.fun === null || (open.has(v.fun) && !lifted.has(v.fun))) own.add(v);
          else if (lifted.has(v.fun)) for (const inner of expanded.get(v.fun)!) own.add(inner);
        }
        if (own.size !== before) changed = true;
      }
    }
    for (const fun of lifted) {
      if (expanded.get(fun)!.size > LIFTED_MAX) {
        lifted.delete(fun);
        isStable = false;
      }
    }
  }
  for (const fun of all) {
    fun.isClosed = !open.has(fun);
    fun.isLifted = lifted.has(fun);
    fun.free = fun.isClosed ? [] : [...expanded.get(fun)!];
  }

  const codes: Code[] = [];
  const convertFunction = (fun: Fun, own: Var | null): void => {
    fun.clauses.forEach((clause, index) => {
      const environment = new Map<Var, Node>();
      const extra: Var[] = [];
      fun.free.forEach((v, at) => {
        if (fun.isLifted) {
          const parameter = new Var(v.name);
          extra.push(parameter);
          environment.set(v, ref(parameter));
        } else environment.set(v, v === own ? { k: "captured", index: -1, v } : { k: "captured", index: at, v });
      });
      const code: Code = { fun, clause: index, parameters: [...extra, ...clause.parameters], body: clause.body };
      code.body = convert(clause.body, environment);
      codes.push(code);
    });
  };

  const convert = (node: Node, environment: ReadonlyMap<Var, Node>): Node => {
    const inside = (n: Node): Node => convert(n, environment);
    const variable = (v: Var): Node => environment.get(v) ?? ref(v);
    const closure = (fun: Fun): Node => ({ k: "closure", fun, values: fun.isClosed ? [] : fun.free.map(variable) });
    switch (node.k) {
      case "ref":
        return node.v.fun !== null && node.v.fun.isClosed ? closure(node.v.fun) : variable(node.v);
      case "lambda":
        convertFunction(node.fun, null);
        return closure(node.fun);
      case "let": {
        const kept: { v: Var; value: Node }[] = [];
        node.vars.forEach((v, index) => {
          const value = node.values[index]!;
          if (v.fun !== null && value.k === "lambda") {
            convertFunction(v.fun, null);
            if (!v.fun.isClosed && !v.fun.isLifted) kept.push({ v, value: closure(v.fun) });
          } else kept.push({ v, value: inside(value) });
        });
        const body = inside(node.body);
        return kept.length === 0
          ? body
          : { k: "let", vars: kept.map(({ v }) => v), values: kept.map(({ value }) => value), body };
      }
      case "fix": {
        const bound = node.vars.map((v, index) => ({ v, fun: node.funs[index]! }));
        for (const { v, fun } of bound) convertFunction(fun, v);
        const closures = bound.filter(({ fun }) => !fun.isClosed && !fun.isLifted);
        let body = inside(node.body);
        // Closures that hold each other: a later one is filled in when it is there.
        const fills: Node[] = [];
        closures.forEach(({ v, fun }, position) => {
          fun.free.forEach((captured, index) => {
            const at = closures.findIndex((other) => other.v === captured);
            if (at > position)
              fills.push({ k: "prim", op: prim("%closure-set!", 3), args: [ref(v), constant(index), ref(captured)] });
          });
        });
        if (fills.length > 0) body = { k: "seq", items: [...fills, body] };
        for (let position = closures.length - 1; position >= 0; position--) {
          const { v, fun } = closures[position]!;
          const values = fun.free.map((captured): Node => {
            const at = closures.findIndex((other) => other.v === captured);
            return at >= position ? constant(0) : variable(captured);
          });
          body = { k: "let", vars: [v], values: [{ k: "closure", fun, values }], body };
        }
        return body;
      }
      case "call": {
        const args = node.args.map(inside);
        const fun = node.f.k === "ref" ? node.f.v.fun : node.f.k === "gref" ? node.f.g.fun : null;
        if (fun !== null) {
          const keeps = node.f.k === "gref" && keepsDouble(node.f.g) && args.length === 1;
          const operand = keeps ? new Var("operand") : null;
          const direct = directCall(
            fun,
            operand === null ? args : [ref(operand)],
            node,
            fun.isClosed || fun.isLifted ? null : variable((node.f as Node & { k: "ref" }).v),
            fun.isLifted ? fun.free.map(variable) : [],
          );
          if (direct !== null) return operand === null ? direct : doubleForDouble(operand, args[0]!, direct);
        }
        return { ...node, f: inside(node.f), args };
      }
      default:
        return mapChildren(node, inside);
    }
  };
  const converted = convert(root, new Map());
  return { root: converted, codes };
}

/** A call that gives a double if its operand is one: a test that is left out where that is known. */
function doubleForDouble(operand: Var, value: Node, call: Node): Node {
  const result = new Var("result");
  const test: Node = { k: "prim", op: prim("%flonum?", 1), args: [ref(operand)] };
  const known: Node = { k: "prim", op: prim("%the", 2), args: [ref(result), constant(intern("flonum"))] };
  const chosen: Node = { k: "if", test, then: known, else: ref(result) };
  return {
    k: "let",
    vars: [operand],
    values: [value],
    body: { k: "let", vars: [result], values: [call], body: chosen },
  };
}

function directCall(fun: Fun, args: Node[], node: Node & { k: "call" }, self: Node | null, extra: Node[]): Node | null {
  const index = fun.clauses.findIndex(({ parameters, hasRest }) =>
    hasRest ? args.length >= parameters.length - 1 : args.length === parameters.length,
  );
  if (index < 0) return null;
  const { parameters, hasRest } = fun.clauses[index]!;
  if (!hasRest) return { k: "direct", fun, clause: index, self, args: [...extra, ...args], source: node.source };
  const count = parameters.length - 1;
  if (args.length - count > 16) return null;
  // Rest arguments are evaluated in order, then the list is made.
  const vars = args.map(() => new Var("argument"));
  const rest = vars
    .slice(count)
    .reduceRight<Node>((list, v) => ({ k: "prim", op: prim("cons", 2), args: [ref(v), list] }), constant(NIL as Datum));
  const call: Node = {
    k: "direct",
    fun,
    clause: index,
    self,
    args: [...vars.slice(0, count).map(ref), rest],
    source: node.source,
  };
  return vars.length === 0 ? call : { k: "let", vars, values: args, body: call };
}

/**
 * Functions of the tree (inner ones too), what each mentions from outside, and which are used otherwise than by a
 * fitting call.
 */
function collect(node: Node, all: Fun[], free: Map<Fun, Set<Var>>, escaping: Set<Fun>): void {
  const named = new Set<Fun>();
  const visit = (n: Node, scopes: { fun: Fun | null; bound: Set<Var> }[]): void => {
    const scope = scopes.at(-1)!;
    const use = (v: Var): void => {
      for (let depth = scopes.length - 1; depth >= 0; depth--) {
        const { fun, bound } = scopes[depth]!;
        if (bound.has(v)) return;
        if (fun !== null) free.get(fun)!.add(v);
      }
    };
    switch (n.k) {
      case "ref":
        use(n.v);
        if (n.v.fun !== null) escaping.add(n.v.fun);
        return;
      case "call":
        if (n.f.k === "ref" && n.f.v.fun !== null) {
          use(n.f.v);
          const { fun } = n.f.v;
          if (!fun.clauses.some(({ parameters, hasRest }) => !hasRest && parameters.length === n.args.length))
            escaping.add(fun);
          for (const arg of n.args) visit(arg, scopes);
          return;
        }
        break;
      case "let":
      case "fix":
        for (const v of n.vars) {
          scope.bound.add(v);
          if (v.fun !== null) named.add(v.fun);
        }
        break;
      case "lambda":
        if (!named.has(n.fun)) escaping.add(n.fun);
        break;
      case "label":
        for (const v of n.label.parameters) scope.bound.add(v);
        break;
    }
    for (const fun of functionsOf(n)) {
      all.push(fun);
      free.set(fun, new Set());
      for (const clause of fun.clauses) {
        for (const v of clause.parameters) if (v.fun !== null) v.fun = null;
        visit(clause.body, [...scopes, { fun, bound: new Set(clause.parameters) }]);
      }
    }
    for (const child of children(n)) visit(child, scopes);
  };
  visit(node, [{ fun: null, bound: new Set() }]);
}
