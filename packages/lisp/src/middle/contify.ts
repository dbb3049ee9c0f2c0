/**
 * Local functions that are only called in a tail of their scope become labels (jumps, loops); so do a known function's
 * calls of itself in a tail.
 */
import { Label, Var, children, functionsOf, mapChildren, ref } from "./ir.ts";
import type { Fun, Node, TopLevel } from "./ir.ts";

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
        const label = new Label(v.name, clause!.parameters, clause!.body);
        label.isLoop = true;
        label.body = contify(toJumps(label.body, v, label));
        return { k: "label", label, body: contify(toJumps(node.body, v, label)) };
      }
    }
  }
  if (node.k === "let" && node.vars.length === 1 && node.values[0]!.k === "lambda" && !node.vars[0]!.isAssigned) {
    const [v] = node.vars as [Var];
    const { fun } = node.values[0]!;
    const [clause] = fun.clauses;
    if (fun.clauses.length === 1 && !clause!.hasRest && onlyTailCalls(node.body, v, clause!.parameters.length, true)) {
      const label = new Label(v.name, clause!.parameters, contify(clause!.body));
      return { k: "label", label, body: contify(toJumps(node.body, v, label)) };
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

function toJumps(node: Node, v: Var, label: Label): Node {
  if (node.k === "call" && node.f.k === "ref" && node.f.v === v) return { k: "jump", label, args: node.args };
  return mapChildren(node, (child) => toJumps(child, v, label));
}

/**
 * Calls of itself in a tail of a known function become a loop. `self`: the variable or top level that it is bound to.
 */
export function loopSelfCalls(fun: Fun, self: Var | TopLevel): void {
  for (const clause of fun.clauses) {
    if (clause.hasRest) continue;
    let found = false;
    const label = new Label(fun.name, clause.parameters, clause.body);
    label.isLoop = true;
    const rewrite = (node: Node, isTail: boolean): Node => {
      switch (node.k) {
        case "call":
          if (!isTail || node.args.length !== clause.parameters.length) return node;
          if (!(node.f.k === "ref" && node.f.v === self) && !(node.f.k === "gref" && node.f.g === self)) return node;
          found = true;
          return { k: "jump", label, args: node.args };
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
    label.body = rewrite(clause.body, true);
    if (!found) continue;
    clause.parameters = clause.parameters.map((v) => new Var(v.name));
    clause.body = { k: "label", label, body: { k: "jump", label, args: clause.parameters.map(ref) } };
  }
}
