/**
 * Local functions that are only called in a tail of their scope become labels (jumps, loops); so do a known function's
 * calls of itself in a tail.
 */
import { Label, Var, children, functionsOf, mapChildren, ref } from "./ir.ts";
import type { Fun, FunClause, Node, TopLevel } from "./ir.ts";
import { checkPrefix, withChecks, type CheckPrefix } from "./check-prefix.ts";

/** Rewrites a tree; functions inside, too. */
export function contify(node: Node): Node {
  for (const fun of functionsOf(node)) for (const clause of fun.clauses) clause.body = contify(clause.body);
  if (node.k === "fix" && node.funs.length === 1) {
    const [v] = node.vars as [Var];
    const [fun] = node.funs as [Fun];
    const [clause] = fun.clauses;
    if (fun.clauses.length === 1 && !clause!.hasRest) {
      const count = clause!.parameters.length;
      if (onlyTailCalls(node.body, v, count, true) && onlyTailCalls(clause!.body, v, count, true)) {
        const { label, jump } = labelOf(v.name, clause!);
        label.isLoop = true;
        label.body = contify(toJumps(label.body, v, jump));
        return { k: "label", label, body: contify(toJumps(node.body, v, jump)) };
      }
    }
  }
  if (node.k === "let" && node.vars.length === 1 && node.values[0]!.k === "lambda" && !node.vars[0]!.isAssigned) {
    const [v] = node.vars as [Var];
    const { fun } = node.values[0]!;
    const [clause] = fun.clauses;
    if (fun.clauses.length === 1 && !clause!.hasRest && onlyTailCalls(node.body, v, clause!.parameters.length, true)) {
      const { label, jump } = labelOf(v.name, clause!);
      label.body = contify(label.body);
      return { k: "label", label, body: contify(toJumps(node.body, v, jump)) };
    }
  }
  return mapChildren(node, contify);
}

/** Whether each mention of `v` is a call of `count` arguments in a tail of `node`. */
function onlyTailCalls(node: Node, v: Var, count: number, isTail: boolean): boolean {
  const inside = (n: Node): boolean => onlyTailCalls(n, v, count, false);
  const tail = (n: Node): boolean => onlyTailCalls(n, v, count, isTail);
  switch (node.k) {
    case "ref":
    case "set":
      return node.v !== v && children(node).every(inside);
    case "call":
      if (node.f.k === "ref" && node.f.v === v) return isTail && node.args.length === count && node.args.every(inside);
      return inside(node.f) && node.args.every(inside);
    case "if":
      return inside(node.test) && tail(node.then) && tail(node.else);
    case "seq":
      return node.items.slice(0, -1).every(inside) && tail(node.items.at(-1)!);
    case "let":
      return node.values.every(inside) && tail(node.body);
    case "fix":
      return node.funs.every((fun) => fun.clauses.every((clause) => inside(clause.body))) && tail(node.body);
    case "lambda":
      return node.fun.clauses.every((clause) => inside(clause.body));
    case "label":
      return tail(node.label.body) && tail(node.body);
    default:
      return children(node).every(inside);
  }
}

/** A function as a label, and what a call of it becomes. Checks that it begins with stand at the jumps. */
function labelOf(
  name: string,
  { parameters, body }: FunClause,
): { label: Label; prefix: CheckPrefix | null; jump: (args: Node[]) => Node } {
  const prefix = checkPrefix(body, parameters);
  if (prefix === null) {
    const label = new Label(name, parameters, body);
    return { label, prefix, jump: (args) => ({ k: "jump", label, args }) };
  }
  const label = new Label(
    name,
    prefix.inner.map(({ v }) => v),
    prefix.rest,
  );
  return {
    label,
    prefix,
    jump: (args) => {
      const vars = parameters.map((v) => new Var(v.name));
      const checked = withChecks(prefix, parameters, vars, (values) => ({ k: "jump", label, args: values }));
      return { k: "let", vars, values: args, body: checked };
    },
  };
}

function toJumps(node: Node, v: Var, jump: (args: Node[]) => Node): Node {
  if (node.k === "call" && node.f.k === "ref" && node.f.v === v) return jump(node.args);
  return mapChildren(node, (child) => toJumps(child, v, jump));
}

/**
 * Calls of itself in a tail of a known function become a loop. `self`: the variable or top level that it is bound to.
 */
export function loopSelfCalls(fun: Fun, self: Var | TopLevel): void {
  for (const clause of fun.clauses) {
    const count = clause.parameters.length;
    if (clause.hasRest) continue;
    if (!callsItself(clause.body, self, count)) continue;
    const { label, prefix, jump } = labelOf(fun.name, clause);
    label.isLoop = true;
    const rewrite = (node: Node, isTail: boolean): Node => {
      switch (node.k) {
        case "call":
          return isTail && isCallOf(node, self, count) ? jump(node.args) : node;
        case "if":
          return { ...node, then: rewrite(node.then, isTail), else: rewrite(node.else, isTail) };
        case "seq":
          return {
            k: "seq",
            items: node.items.map((item, index) => rewrite(item, isTail && index === node.items.length - 1)),
          };
        case "let":
          return { ...node, body: rewrite(node.body, isTail) };
        case "fix":
          return { ...node, body: rewrite(node.body, isTail) };
        case "label":
          node.label.body = rewrite(node.label.body, isTail);
          return { ...node, body: rewrite(node.body, isTail) };
        default:
          return node;
      }
    };
    label.body = rewrite(label.body, true);
    const parameters = clause.parameters.map((v) => new Var(v.name));
    const enter = (args: Node[]): Node => ({ k: "label", label, body: { k: "jump", label, args } });
    clause.body =
      prefix === null
        ? enter(parameters.map(ref))
        : withChecks(prefix, clause.parameters, parameters, (values) => bound(values, enter));
    clause.parameters = parameters;
  }
}

/** Values of their own variables, one `let` each. */
function bound(values: readonly Node[], build: (values: Node[]) => Node): Node {
  const named = values.map((value) => (value.k === "ref" ? null : new Var("value")));
  const inner = build(values.map((value, index) => (named[index] === null ? value : ref(named[index]!))));
  return named.reduceRight<Node>(
    (body, v, index) => (v === null ? body : { k: "let", vars: [v], values: [values[index]!], body }),
    inner,
  );
}

function isCallOf({ f, args }: Node & { k: "call" }, self: Var | TopLevel, count: number): boolean {
  return args.length === count && ((f.k === "ref" && f.v === self) || (f.k === "gref" && f.g === self));
}

/** In a tail: where a loop may take the call's place. */
function callsItself(node: Node, self: Var | TopLevel, count: number): boolean {
  const inside = (one: Node): boolean => callsItself(one, self, count);
  switch (node.k) {
    case "call":
      return isCallOf(node, self, count);
    case "if":
      return inside(node.then) || inside(node.else);
    case "seq":
      return inside(node.items.at(-1)!);
    case "let":
    case "fix":
      return inside(node.body);
    case "label":
      return inside(node.label.body) || inside(node.body);
    default:
      return false;
  }
}
