/**
 * The order of unpacking and configuring: what a package depends on comes before it, as far as there are no circles; a
 * circle is entered where it is met. Ties follow the order given, so the result depends on nothing else.
 */
import type { BinaryPackage, PackageIndex } from "../package-index.ts";
import { candidatesFor } from "../resolver/candidates.ts";

/** Whose scripts make what all others take for granted: accounts first, then the tree's shape. */
const FIRST = ["base-passwd", "base-files"];

export function unpackOrder(
  packages: readonly BinaryPackage[],
  index: PackageIndex,
  architecture: string,
): BinaryPackage[] {
  const chosen = new Set(packages);
  const ordered: BinaryPackage[] = [];
  const visited = new Set<BinaryPackage>();
  const visit = (start: BinaryPackage): void => {
    // An explicit stack: chains of dependencies grow long.
    const stack: { one: BinaryPackage; needs: BinaryPackage[]; next: number }[] = [];
    const enter = (one: BinaryPackage): void => {
      if (visited.has(one)) return;
      visited.add(one);
      stack.push({ one, needs: needsOf(one), next: 0 });
    };
    enter(start);
    while (stack.length > 0) {
      const top = stack.at(-1)!;
      if (top.next < top.needs.length) enter(top.needs[top.next++]!);
      else {
        ordered.push(top.one);
        stack.pop();
      }
    }
  };
  const needsOf = (one: BinaryPackage): BinaryPackage[] => {
    const needs: BinaryPackage[] = [];
    const owner = one.architecture === "all" ? architecture : one.architecture;
    for (const field of ["Pre-Depends", "Depends"] as const) {
      for (const dependency of one.relations(field)) {
        const found = candidatesFor(index, dependency, owner, architecture).find((candidate) => chosen.has(candidate));
        if (found !== undefined) needs.push(found);
      }
    }
    return needs;
  };
  // What comes first does so alone; the packages it depends on are visited in their turn.
  for (const name of FIRST) {
    const one = packages.find((candidate) => candidate.name === name);
    if (one !== undefined) {
      visited.add(one);
      ordered.push(one);
    }
  }
  for (const one of packages) visit(one);
  return ordered;
}
