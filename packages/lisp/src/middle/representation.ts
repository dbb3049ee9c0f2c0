/**
 * Chooses the variables that hold doubles in registers, and makes their boxing, where a word is asked for, an operation
 * of its own.
 */
import type { Code } from "./closures.ts";
import { children, mapChildren } from "./ir.ts";
import type { Node, Var } from "./ir.ts";
import { liveness } from "./liveness.ts";
import { normalize } from "./normalize.ts";
import { prim } from "./primitives.ts";
import { isFloatComparison, isFloatOperation, typeOf } from "./type-inference.ts";

/**
 * The code must be normalised and its types inferred. A double that lives across a call stays a word: frames hold
 * words.
 */
export function chooseRepresentations(code: Code, self: Var): void {
  const candidates = new Set<Var>();
  const find = (node: Node): void => {
    if (node.k === "let" && node.vars[0]!.type === "flonum") candidates.add(node.vars[0]!);
    if (node.k === "label") for (const v of node.label.parameters) if (v.type === "flonum") candidates.add(v);
    for (const child of children(node)) find(child);
  };
  find(code.body);
  if (candidates.size === 0) return;
  for (const v of liveness(code, self).slotted) candidates.delete(v);
  if (candidates.size === 0) return;
  for (const v of candidates) v.isFloat = true;
  code.body = normalize(reboxed(code.body, false));
}

function reboxed(node: Node, wantsFloat: boolean): Node {
  switch (node.k) {
    case "ref":
      return node.v.isFloat && !wantsFloat ? { k: "prim", op: prim("%rebox", 1), args: [node] } : node;
    case "let":
      return {
        ...node,
        values: [reboxed(node.values[0]!, node.vars[0]!.isFloat)],
        body: reboxed(node.body, wantsFloat),
      };
    case "if":
      return {
        k: "if",
        test: reboxed(node.test, false),
        then: reboxed(node.then, wantsFloat),
        else: reboxed(node.else, wantsFloat),
      };
    case "seq":
      return {
        k: "seq",
        items: node.items.map((item, index) => reboxed(item, index === node.items.length - 1 && wantsFloat)),
      };
    case "label":
      node.label.body = reboxed(node.label.body, wantsFloat);
      return { ...node, body: reboxed(node.body, wantsFloat) };
    case "jump":
      return { ...node, args: node.args.map((arg, index) => reboxed(arg, node.label.parameters[index]!.isFloat)) };
    case "prim": {
      if (node.op.name === "%rebox") return node;
      if (node.op.name === "%the") return { ...node, args: [reboxed(node.args[0]!, wantsFloat), node.args[1]!] };
      const takesFloats = isFloatOperation(node) || isFloatComparison(node);
      return { ...node, args: node.args.map((arg) => reboxed(arg, takesFloats && typeOf(arg) === "flonum")) };
    }
    default:
      return mapChildren(node, (child) => reboxed(child, false));
  }
}
