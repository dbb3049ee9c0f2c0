/**
 * Chooses the variables that hold doubles in registers, and makes their boxing, where a word is asked for, an operation
 * of its own.
 */
import type { Code } from "./closures.ts";
import { Var, children, isBehindChecks, mapChildren } from "./ir.ts";
import type { Node } from "./ir.ts";
import { liveness } from "./liveness.ts";
import { normalize } from "./normalize.ts";
import { prim } from "./primitives.ts";
import { isFloatComparison, isFloatOperation, typeOf } from "./type-inference.ts";

/**
 * What entries behind checks take and give in registers as doubles: parameters that live across no call, and results
 * where each tail of the code makes one, or is the call of such an entry. All code of a unit, types inferred.
 */
export function chooseEntries(codes: readonly Code[]): void {
  const entries = codes.filter((code) => code.fun.entry !== null && isBehindChecks(code));
  for (const code of entries) {
    const { slotted } = liveness(code, new Var("self"));
    const asWords = usedAsWords(code);
    for (const v of code.parameters) v.isFloat = v.type === "flonum" && (!slotted.has(v) || !asWords.has(v));
    code.fun.entry!.givesFloat = code.fun.result === "flonum" && !hasCaptures(code.body);
  }
  for (let isStable = false; !isStable;) {
    isStable = true;
    for (const { fun, body } of entries) {
      if (!fun.entry!.givesFloat || givesFloats(body)) continue;
      fun.entry!.givesFloat = false;
      isStable = false;
    }
  }
}

function givesFloats(node: Node): boolean {
  switch (node.k) {
    case "if":
      return givesFloats(node.then) && givesFloats(node.else);
    case "seq":
      return givesFloats(node.items.at(-1)!);
    case "let":
      return givesFloats(node.body);
    case "label":
      return givesFloats(node.label.body) && givesFloats(node.body);
    case "direct":
      return isBehindChecks(node) && node.fun.entry!.givesFloat;
    case "call":
      return false;
    default:
      return true;
  }
}

/** `(call/cc f)` may leave the function for good, with a word. */
function hasCaptures(node: Node): boolean {
  return (node.k === "call" && isCapture(node)) || children(node).some(hasCaptures);
}

/** A call of `call/cc` that is known. */
export function isCapture({ f, args }: Node & { k: "call" }): boolean {
  if (args.length !== 1 || f.k !== "gref" || f.g.library !== "runtime") return false;
  return f.g.name === "call/cc" || f.g.name === "call-with-current-continuation";
}

/** Whether a call gives the argument at an index as a double. */
export function takesFloat(call: Node & { k: "direct" }, index: number): boolean {
  return isBehindChecks(call) && call.fun.entry!.parameters[index]!.isFloat;
}

/** Variables that are doubles, of whose values somebody wants a word, or is given one. */
function usedAsWords(code: Code): Set<Var> {
  const words = new Set<Var>();
  const givesFloat = isBehindChecks(code) && code.fun.result === "flonum";
  /** `isFloat`: the node's value is taken as a double where it is one. */
  const visit = (node: Node, isFloat: boolean): void => {
    switch (node.k) {
      case "ref":
        if (!isFloat) words.add(node.v);
        return;
      case "let": {
        const [v] = node.vars as [Var];
        const [value] = node.values as [Node];
        if (v.type === "flonum" && !makesFloat(value)) words.add(v);
        visit(value, v.type === "flonum");
        return visit(node.body, isFloat);
      }
      case "if":
        visit(node.test, false);
        visit(node.then, isFloat);
        return visit(node.else, isFloat);
      case "seq":
        return node.items.forEach((item, index) => visit(item, isFloat && index === node.items.length - 1));
      case "label":
        visit(node.label.body, isFloat);
        return visit(node.body, isFloat);
      case "jump":
        return node.args.forEach((arg, index) => {
          const v = node.label.parameters[index]!;
          if (v.type === "flonum" && !makesFloat(arg)) words.add(v);
          visit(arg, v.type === "flonum");
        });
      case "direct":
        if (node.self !== null) visit(node.self, false);
        return node.args.forEach((arg, index) =>
          visit(arg, isBehindChecks(node) && node.fun.entry!.parameters[index]!.type === "flonum"),
        );
      case "prim": {
        const takes = isFloatOperation(node) || isFloatComparison(node);
        if (node.op.name === "%the") return visit(node.args[0]!, isFloat);
        return node.args.forEach((arg) => visit(arg, takes && typeOf(arg) === "flonum"));
      }
      default:
        for (const child of children(node)) visit(child, false);
    }
  };
  visit(code.body, givesFloat);
  return words;
}

/** Its value comes as a double, not as a word that holds one. */
function makesFloat(node: Node): boolean {
  switch (node.k) {
    case "const":
    case "ref":
      return true;
    case "prim":
      return node.op.name === "%the" ? makesFloat(node.args[0]!) : isFloatOperation(node);
    case "direct":
      return isBehindChecks(node) && node.fun.entry!.givesFloat;
    case "if":
      return makesFloat(node.then) && makesFloat(node.else);
    case "let":
      return makesFloat(node.body);
    case "seq":
      return makesFloat(node.items.at(-1)!);
    case "label":
      return makesFloat(node.body) && makesFloat(node.label.body);
    case "jump":
      return true;
    default:
      return false;
  }
}

/**
 * The code must be normalised and its types inferred. A double that lives across a call stays a word where anybody
 * wants it as one: it is made once then. Others go to the frame as they are.
 */
export function chooseRepresentations(code: Code, self: Var): void {
  const candidates = new Set<Var>();
  const find = (node: Node): void => {
    if (node.k === "let" && node.vars[0]!.type === "flonum") candidates.add(node.vars[0]!);
    if (node.k === "label") for (const v of node.label.parameters) if (v.type === "flonum") candidates.add(v);
    for (const child of children(node)) find(child);
  };
  find(code.body);
  for (const v of code.parameters) if (v.isFloat) candidates.add(v);
  if (candidates.size === 0) return;
  const asWords = usedAsWords(code);
  for (const v of liveness(code, self).slotted) if (asWords.has(v)) candidates.delete(v);
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
    case "direct":
      return {
        ...node,
        self: node.self === null ? null : reboxed(node.self, false),
        args: node.args.map((arg, index) => reboxed(arg, takesFloat(node, index))),
      };
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
