/**
 * No circle of imports among the files of the packages when they are loaded (STYLE.md §1): what is imported as a type
 * only is gone by then. A circle works until somebody uses an import at load time, and then fails far from its cause.
 *
 * Nor among packages, as their manifests have it: layers leave that open between two of the fifth.
 *
 * Types in a circle can be read and changed only together. Those that there are stand in `type-circles.ts`, each with
 * the files that are in it; there are no others, and one that has become smaller is written as what it is now.
 */
import { posix } from "node:path";
import { importsOf } from "./layers.ts";
import type { Finding, SourceTree } from "./source-tree.ts";
import { TYPE_CIRCLES } from "./type-circles.ts";

const LIST = "tools/tidy/type-circles.ts";

export function checkCircles(tree: SourceTree, known: readonly string[] = TYPE_CIRCLES): Finding[] {
  const findings: Finding[] = [];
  for (const packages of circlesOf(packagesIn(tree)))
    findings.push({
      path: `packages/${packages[0]!}/package.json`,
      line: 0,
      message: `packages in a circle: ${packages.join(", ")}`,
    });
  for (const files of circlesOf(importsIn(tree, false)))
    findings.push({ path: files[0]!, line: 0, message: `imports in a circle: ${files.join(", ")}` });
  const found = circlesOf(importsIn(tree, true)).map((files) => ({ path: files[0]!, name: circleName(files) }));
  for (const { path, name } of found)
    if (!known.includes(name)) findings.push({ path, line: 0, message: `types in a circle: ${name}` });
  for (const name of known)
    if (!found.some((circle) => circle.name === name))
      findings.push({ path: LIST, line: 0, message: `not a circle any more, take it off: ${name}` });
  return findings;
}

/** @returns the packages that each package declares as dependencies */
function packagesIn(tree: SourceTree): Map<string, string[]> {
  const packages = new Map<string, string[]>();
  for (const { path, text } of tree.files) {
    const name = /^packages\/([^/]+)\/package\.json$/.exec(path)?.[1];
    if (name === undefined) continue;
    const { dependencies = {} } = JSON.parse(text) as { dependencies?: Readonly<Record<string, string>> };
    packages.set(
      name,
      Object.keys(dependencies).map((dependency) => dependency.replace("@stratos/", "")),
    );
  }
  return packages;
}

/** @returns the files that each file of a package imports; those of tests, which nobody imports, are in no circle */
function importsIn(tree: SourceTree, withTypes: boolean): Map<string, string[]> {
  const imports = new Map<string, string[]>();
  for (const { path, text } of tree.files) {
    if (!/^packages\/[^/]+\/src\/.*\.ts$/.test(path)) continue;
    const own = importsOf(text).filter(
      ({ specifier, isErased }) => specifier.startsWith(".") && (withTypes || !isErased),
    );
    imports.set(
      path,
      own.map(({ specifier }) => posix.join(posix.dirname(path), specifier)),
    );
  }
  return imports;
}

/** As the list has it: the package, and its files there. */
function circleName(files: readonly string[]): string {
  const [, name] = files[0]!.split("/");
  return `${name}: ${files.map((path) => path.split("/").slice(3).join("/")).join(" ")}`;
}

/** Strongly connected components of more than one member (Tarjan 1972), each in the order of names. */
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
    if (circle.length > 1) found.push(circle.toSorted());
  };
  for (const node of edges.keys()) if (!order.has(node)) visit(node);
  return found;
}
