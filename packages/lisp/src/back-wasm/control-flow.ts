/** What the writer of functions asks of a tree: its size, where control ends, what a block gives. */
import { Type } from "@stratos/wasm";
import { children } from "../middle/ir.ts";
import type { Label, Node, Var } from "../middle/ir.ts";
import type { Destination } from "./frame-writer.ts";

const sizes = new WeakMap<Node, number>();

/** Nodes of a tree. */
export function sizeOf(node: Node): number {
  let size = sizes.get(node);
  if (size === undefined) sizes.set(node, (size = children(node).reduce((sum, child) => sum + sizeOf(child), 1)));
  return size;
}

export function blockType(destination: Destination): number {
  return destination === "word"
    ? Type.i64
    : destination === "f64"
      ? Type.f64
      : destination === "test"
        ? Type.i32
        : Type.empty;
}

/** Control does not come to the node's end (for destinations other than a tail). */
export function ends(node: Node): boolean {
  switch (node.k) {
    case "jump":
      return true;
    case "prim":
      return node.op.result === "none";
    case "if":
      return ends(node.then) && ends(node.else);
    case "let":
      return ends(node.body);
    case "seq":
      return ends(node.items.at(-1)!);
    case "label":
      return ends(node.body) && ends(node.label.body);
    default:
      return false;
  }
}

export function jumpsTo(node: Node, label: Label): boolean {
  return (node.k === "jump" && node.label === label) || children(node).some((child) => jumpsTo(child, label));
}

/** Whether a function with this body may end in a call of another one. */
export function hasTailCall(node: Node): boolean {
  switch (node.k) {
    case "call":
    case "direct":
      return true;
    case "if":
      return hasTailCall(node.then) || hasTailCall(node.else);
    case "seq":
      return hasTailCall(node.items.at(-1)!);
    case "let":
      return hasTailCall(node.body);
    case "label":
      return hasTailCall(node.body) || hasTailCall(node.label.body);
    default:
      return false;
  }
}

export function intersection(a: ReadonlySet<Var>, b: ReadonlySet<Var>): Set<Var> {
  return new Set([...a].filter((v) => b.has(v)));
}
