/**
 * No circle of imports among the files of the packages when they are loaded (STYLE.md §1): what is imported as a type
 * only is gone by then. A circle works until somebody uses an import at load time, and then fails far from its cause.
 */
import { posix } from "node:path";
import { importsOf } from "./layers.ts";
import type { Finding, SourceTree } from "./source-tree.ts";

export function checkCircles(tree: SourceTree): Finding[] {
  const imports = new Map<string, string[]>();
  for (const { path, text } of tree.files) {
    if (!/^packages\/[^/]+\/src\/.*\.ts$/.test(path)) continue;
    const own = importsOf(text).filter(({ specifier, isErased }) => specifier.startsWith(".") && !isErased);
    imports.set(
      path,
      own.map(({ specifier }) => posix.join(posix.dirname(path), specifier)),
    );
  }
  return circlesOf(imports).map((circle) => {
    const path = circle.toSorted()[0]!;
    return { path, line: 0, message: `imports in a circle: ${circle.toSorted().join(", ")}` };
  });
}

/** Strongly connected components of more than one member (Tarjan 1972). */
function circlesOf(edges: ReadonlyMap<string, readonly string[]>): string[][] {
  const order = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const isOpen = new Set<string>();
  const found: string[][] = [];
  const visit = (node: string): void => {
    order.set(node, order.size);
    low.set(node, order.get(node)!);
    stack.push(node);
    isOpen.add(node);
    for (const next of edges.get(node) ?? []) {
      if (!edges.has(next)) continue;
      if (!order.has(next)) visit(next);
      if (isOpen.has(next)) low.set(node, Math.min(low.get(node)!, low.get(next)!));
    }
    if (low.get(node) !== order.get(node)) return;
    const circle = stack.splice(stack.indexOf(node));
    for (const member of circle) isOpen.delete(member);
    if (circle.length > 1) found.push(circle);
  };
  for (const node of edges.keys()) if (!order.has(node)) visit(node);
  return found;
}
