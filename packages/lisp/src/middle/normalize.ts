/**
 * Puts a tree into the form that back ends take: calls stand as a `let`'s value, an item of a `seq` or in a tail; a
 * `let` binds one variable; and no word waits on the operand stack while a safepoint may move it: what comes before a
 * safepoint has a name.
 */
import { Var, children, mapChildren, ref } from "./ir.ts";
import type { Node } from "./ir.ts";

/** Operations that allocate first and evaluate their operands after: none of those may be a safepoint. */
export function allocatesFirst(node: Node): boolean {
  return node.k === "closure" || (node.k === "prim" && ["cons", "%box", "%record"].includes(node.op.name));
}

export function isSafepoint(node: Node): boolean {
  return isCall(node) || node.k === "closure" || (node.k === "prim" && node.op.safepoint === "cold");
}

export function isCall(node: Node): boolean {
  return node.k === "call" || node.k === "direct";
}

const safepoints = new WeakMap<Node, boolean>();
const calls = new WeakMap<Node, boolean>();

function hasSafepoint(node: Node): boolean {
  let found = safepoints.get(node);
  if (found === undefined) safepoints.set(node, (found = isSafepoint(node) || children(node).some(hasSafepoint)));
  return found;
}

export function hasCall(node: Node): boolean {
  let found = calls.get(node);
  if (found === undefined) calls.set(node, (found = isCall(node) || children(node).some(hasCall)));
  return found;
}

export function normalize(node: Node): Node {
  switch (node.k) {
    case "const":
    case "ref":
    case "gref":
    case "captured":
      return node;
    case "let": {
      let body = normalize(node.body);
      for (let index = node.vars.length - 1; index >= 0; index--)
        body = { k: "let", vars: [node.vars[index]!], values: [normalize(node.values[index]!)], body };
      return body;
    }
    case "if": {
      const test = normalize(node.test);
      const then = normalize(node.then);
      const otherwise = normalize(node.else);
      if (!hasCall(test)) return { k: "if", test, then, else: otherwise };
      const v = new Var("test");
      return { k: "let", vars: [v], values: [test], body: { k: "if", test: ref(v), then, else: otherwise } };
    }
    case "seq":
    case "label":
    case "fix":
    case "lambda":
      return mapChildren(node, normalize);
    case "set":
      throw new Error("assigned variables are boxes by now");
    case "gset":
      return operands(node, [node.value], ([value]) => ({ ...node, value: value! }));
    case "call":
      return operands(node, [node.f, ...node.args], ([f, ...args]) => ({ ...node, f: f!, args }));
    case "direct": {
      if (node.self === null) return operands(node, node.args, (args) => ({ ...node, args }));
      return operands(node, [node.self, ...node.args], ([self, ...args]) => ({ ...node, self: self!, args }));
    }
    case "prim":
      return operands(node, node.args, (args) => ({ ...node, args }));
    case "jump":
      return operands(node, node.args, (args) => ({ ...node, args }));
    case "closure":
      return operands(node, node.values, (values) => ({ ...node, values }));
  }
}

function operands(node: Node, list: readonly Node[], build: (list: Node[]) => Node): Node {
  const parts = list.map(normalize);
  const last = parts.findLastIndex(hasSafepoint);
  const bindings: { v: Var; value: Node }[] = [];
  const name = (index: number): void => {
    const v = new Var("value");
    bindings.push({ v, value: parts[index]! });
    parts[index] = ref(v);
  };
  for (let index = 0; index <= last; index++) {
    let part = parts[index]!;
    // What a variable is known to be is no code: it may be a double, which a name for a word could not hold.
    while (part.k === "prim" && part.op.name === "%the") part = part.args[0]!;
    if (part.k === "const" || part.k === "ref" || part.k === "captured") continue;
    // Always the same, wherever it is read.
    if (part.k === "gref" && part.g.isDefined && !part.g.isAssigned) continue;
    const isFirst = parts.slice(0, index).every(({ k }) => k === "const");
    if (index < last || hasCall(part) || !isFirst || allocatesFirst(node)) name(index);
  }
  let result = build(parts);
  for (const { v, value } of bindings.reverse()) result = { k: "let", vars: [v], values: [value], body: result };
  return result;
}
