/**
 * The checks that a function with types begins with. What comes after them may be entered without them by who has
 * proved them: loops jump there, and known calls go there (typed-entries.ts).
 *
 *     if (fixnum? x) let x' = x, a fixnum; if (flonum? y) let y' = …; REST, over x' and y'
 *                                          else fail
 *     else fail
 */
import { Var, children, functionsOf, mapChildren, ref } from "./ir.ts";
import type { Check, Node } from "./ir.ts";
import { TESTED } from "./value-type.ts";

export interface CheckPrefix {
  readonly checks: readonly Check[];
  /** What the rest calls each parameter, and what it may rely on: a value of the parameter that stands in its place. */
  readonly inner: readonly { readonly v: Var; readonly value: Node }[];
  readonly rest: Node;
}

/** @returns null where the body begins with no check of a parameter */
export function checkPrefix(body: Node, parameters: readonly Var[]): CheckPrefix | null {
  const checks: Check[] = [];
  const inner = parameters.map((v) => ({ v, value: ref(v) }));
  const indexOf = (node: Node | undefined): number => (node?.k === "ref" ? parameters.indexOf(node.v) : -1);
  let rest = body;
  for (;;) {
    if (rest.k === "if" && rest.else.k === "prim" && rest.else.op.name === "%check-failed" && isCheck(rest.test)) {
      const index = indexOf(rest.test.args[0]);
      if (index < 0) break;
      checks.push({ index, test: rest.test, failure: rest.else });
      rest = rest.then;
    } else if (rest.k === "let" && rest.vars.length === 1 && isThe(rest.values[0]!)) {
      const [value] = rest.values as [Node & { k: "prim" }];
      const index = indexOf(value.args[0]);
      if (index < 0 || rest.vars[0]!.isAssigned) break;
      inner[index] = { v: rest.vars[0]!, value };
      rest = rest.body;
    } else break;
  }
  if (checks.length === 0 || parameters.some((v) => v.isAssigned)) return null;
  const renamed = new Map(parameters.map((v, index) => [v, inner[index]!.v]));
  return { checks, inner, rest: substituted(rest, renamed) };
}

function isThe(node: Node): boolean {
  return node.k === "prim" && node.op.name === "%the";
}

/** A test that says something of its operand alone, and may be done anywhere. */
function isCheck(test: Node): test is Node & { k: "prim" } {
  return (
    test.k === "prim" &&
    (TESTED[test.op.name] !== undefined || test.op.name === "%real?" || test.op.name === "%number?") &&
    test.args.slice(1).every((arg) => arg.k === "gref" && !arg.g.isAssigned)
  );
}

/** The checks for values in variables, then what `build` makes of the values that the rest may rely on. */
export function withChecks(
  { checks, inner }: Pick<CheckPrefix, "checks"> & { readonly inner: readonly { readonly value: Node }[] },
  parameters: readonly Var[],
  given: readonly Var[],
  build: (values: Node[]) => Node,
): Node {
  const own = new Map(parameters.map((v, index) => [v, given[index]!]));
  const values = inner.map(({ value }) => copied(value, own));
  return checks.reduceRight<Node>(
    (then, { test, failure }) => ({ k: "if", test: copied(test, own), then, else: copied(failure, own) }),
    build(values),
  );
}

/** A copy of operations on variables and constants. */
function copied(node: Node, variables: ReadonlyMap<Var, Var>): Node {
  if (node.k === "ref") return ref(variables.get(node.v) ?? node.v);
  return mapChildren(node, (child) => copied(child, variables));
}

/** The tree itself, with other variables in the place of some. */
export function substituted(node: Node, variables: ReadonlyMap<Var, Var>): Node {
  if (node.k === "ref") return variables.has(node.v) ? ref(variables.get(node.v)!) : node;
  for (const fun of functionsOf(node))
    for (const clause of fun.clauses) clause.body = substituted(clause.body, variables);
  return children(node).length === 0 ? node : mapChildren(node, (child) => substituted(child, variables));
}
