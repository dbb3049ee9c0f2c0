/** Copies of trees, and how large they are. */
import { assert } from "@stratos/base";
import { Fun, Label, Var, children, constant, functionsOf, mapChildren } from "./ir.ts";
import type { FunClause, Node } from "./ir.ts";

/** Nodes of a tree, its functions' bodies too; stops counting beyond `limit`. */
export function sizeOf(node: Node, limit = Infinity): number {
  // What a type is known by is no code, and what a failed check does lies aside.
  if (node.k === "prim" && node.op.name === "%the") return sizeOf(node.args[0]!, limit);
  if (node.k === "prim" && node.op.name === "%check-failed") return 1;
  let size = 1;
  for (const fun of functionsOf(node)) for (const clause of fun.clauses) size += 2 + sizeOf(clause.body, limit - size);
  for (const child of children(node)) {
    if (size > limit) return size;
    size += sizeOf(child, limit - size);
  }
  return size;
}

/** A copy with variables and labels of its own. */
export function copyNode(
  node: Node,
  variables: Map<Var, Var> = new Map(),
  labels: Map<Label, Label> = new Map(),
): Node {
  const fresh = (v: Var): Var => {
    const copy = new Var(v.name, v.isAssigned);
    variables.set(v, copy);
    return copy;
  };
  const copy = (n: Node): Node => copyNode(n, variables, labels);
  const copyFunction = (fun: Fun): Fun => {
    const copied = new Fun(
      fun.name,
      fun.clauses.map((clause): FunClause => ({
        parameters: clause.parameters.map(fresh),
        hasRest: clause.hasRest,
        body: copy(clause.body),
      })),
      fun.source,
    );
    copied.hasChecks = fun.hasChecks;
    return copied;
  };
  switch (node.k) {
    case "ref":
      return { k: "ref", v: variables.get(node.v) ?? node.v };
    case "set":
      return { k: "set", v: variables.get(node.v) ?? node.v, value: copy(node.value) };
    case "let": {
      const values = node.values.map(copy);
      return { k: "let", values, vars: node.vars.map(fresh), body: copy(node.body) };
    }
    case "fix": {
      const vars = node.vars.map(fresh);
      return { k: "fix", vars, funs: node.funs.map(copyFunction), body: copy(node.body) };
    }
    case "lambda":
      return { k: "lambda", fun: copyFunction(node.fun) };
    case "label": {
      const label = new Label(node.label.name, node.label.parameters.map(fresh), constant(false));
      label.isLoop = node.label.isLoop;
      labels.set(node.label, label);
      label.body = copy(node.label.body);
      return { k: "label", label, body: copy(node.body) };
    }
    case "jump":
      return { k: "jump", label: labels.get(node.label) ?? node.label, args: node.args.map(copy) };
    default:
      return mapChildren(node, copy);
  }
}

export function copyClause(clause: FunClause): FunClause {
  const copy = copyNode({ k: "lambda", fun: new Fun("copy", [clause], null) });
  assert(copy.k === "lambda", "a function's copy is a function");
  return copy.fun.clauses[0]!;
}
