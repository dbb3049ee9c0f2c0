/**
 * Which variables are needed after each safepoint. Those that live across a call get a place in the frame on the shadow
 * stack (where the collector and captured continuations find them); at a rare safepoint (allocation that collects,
 * arithmetic's slow way) the others are kept for its time alone.
 */
import type { Code } from "./closures.ts";

import type { Label, Node, Var } from "./ir.ts";
import { allocatesFirst, isCall, isSafepoint } from "./normalize.ts";

export interface Liveness {
  /** Words that must survive a rare safepoint. */
  readonly across: Map<Node, Var[]>;
  /** Words that live across a call. */
  readonly slotted: Set<Var>;
}

type Live = ReadonlySet<Var>;

export function liveness(code: Code, self: Var): Liveness {
  const across = new Map<Node, Var[]>();
  const slotted = new Set<Var>();
  const entries = new Map<Label, Live>();

  const live = (node: Node, out: Live): Live => {
    switch (node.k) {
      case "const":
      case "gref":
      case "lambda":
        return out;
      case "ref":
        return out.has(node.v) ? out : new Set(out).add(node.v);
      case "captured":
        return out.has(self) ? out : new Set(out).add(self);
      case "if": {
        const then = live(node.then, out);
        const otherwise = live(node.else, out);
        return live(node.test, union(then, otherwise));
      }
      case "seq":
        return node.items.reduceRight<Live>((after, item) => live(item, after), out);
      case "let": {
        const after = new Set(live(node.body, out));
        after.delete(node.vars[0]!);
        return live(node.values[0]!, after);
      }
      case "label": {
        const { label } = node;
        if (!entries.has(label)) entries.set(label, new Set());
        for (;;) {
          const inside = new Set(live(label.body, out));
          for (const v of label.parameters) inside.delete(v);
          if (inside.size === entries.get(label)!.size) break;
          entries.set(label, inside);
          if (!label.isLoop) break;
        }
        return live(node.body, out);
      }
      case "jump": {
        const after = entries.get(node.label)!;
        return node.args.reduceRight<Live>((rest, arg) => live(arg, rest), after);
      }
      default: {
        const parts: readonly Node[] =
          node.k === "call"
            ? [node.f, ...node.args]
            : node.k === "direct"
              ? node.self === null
                ? node.args
                : [node.self, ...node.args]
              : node.k === "closure"
                ? node.values
                : node.k === "prim"
                  ? node.args
                  : node.k === "gset"
                    ? [node.value]
                    : [];
        const before = parts.reduceRight<Live>((rest, part) => live(part, rest), out);
        if (isCall(node)) for (const v of out) slotted.add(v);
        else if (isSafepoint(node)) across.set(node, [...(allocatesFirst(node) ? before : out)]);
        return before;
      }
    }
  };
  live(code.body, new Set());
  return { across, slotted };
}

function union(a: Live, b: Live): Live {
  if (a === b || b.size === 0) return a;
  const result = new Set(a);
  for (const v of b) result.add(v);
  return result.size === a.size ? a : result;
}
