/**
 * Which automatically installed packages nobody needs any more. Needed is what was asked for, what is essential, and
 * what a needed one depends on, recommends or suggests. Source: apt's default settings (`APT::AutoRemove`), apt-get(8)
 * `autoremove`.
 */
import { APT_UNNEEDED, type UnneededRules } from "./apt-configuration.ts";
import type { BinaryPackage, PackageIndex, RelationField } from "./package-index.ts";
import { candidatesFor } from "./resolver/candidates.ts";

/**
 * Recommends and Suggests keep what is there, unless apt is set otherwise: what somebody uses beside a program is not
 * taken away.
 */
function keepingFields({ recommendsKeep, suggestsKeep }: UnneededRules): RelationField[] {
  return [
    "Pre-Depends",
    "Depends",
    ...(recommendsKeep ? (["Recommends"] as const) : []),
    ...(suggestsKeep ? (["Suggests"] as const) : []),
  ];
}

/**
 * @param present  all packages of the system
 * @param isRoot  whether a package stays for its own sake
 */
export function findUnneeded(
  index: PackageIndex,
  present: readonly BinaryPackage[],
  isRoot: (one: BinaryPackage) => boolean,
  architecture: string,
  rules: UnneededRules = APT_UNNEEDED,
): BinaryPackage[] {
  const keeping = keepingFields(rules);
  const all = new Set(present);
  const needed = new Set<BinaryPackage>();
  const queue: BinaryPackage[] = [];
  const need = (one: BinaryPackage): void => {
    if (needed.has(one)) return;
    needed.add(one);
    queue.push(one);
  };
  for (const one of present) if (isRoot(one) || rules.never.some((pattern) => pattern.test(one.name))) need(one);
  for (let at = 0; at < queue.length; at++) {
    const owner = queue[at]!;
    const own = owner.architecture === "all" ? architecture : owner.architecture;
    for (const field of keeping) {
      for (const dependency of owner.relations(field)) {
        // Each that could fulfil it is kept: apt does not say which of two is the one.
        for (const one of candidatesFor(index, dependency, own, architecture)) if (all.has(one)) need(one);
      }
    }
  }
  return present.filter((one) => !needed.has(one));
}
