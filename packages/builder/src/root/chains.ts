/** Through which others each package comes, where it was not our own resolver that chose them. */
import type { Alternative, BinaryPackage, ResolvedPackage } from "@stratos/pkg";

/** @param first  whose dependencies were wanted @returns `chosen`, each with the nearest that needs it */
export function chainsTo(first: BinaryPackage, chosen: readonly BinaryPackage[]): ResolvedPackage[] {
  const names = new Map<string, BinaryPackage>();
  for (const one of chosen) for (const { name } of one.provides) names.set(name, one);
  for (const one of chosen) names.set(one.name, one);
  const found = new Map<BinaryPackage, ResolvedPackage>();
  // It grows while it is walked.
  const queue = [first];
  for (const one of queue)
    for (const field of ["Pre-Depends", "Depends"] as const)
      for (const alternatives of one.relations(field)) {
        const alternative = alternatives.find(({ name }) => names.has(name));
        const needed = alternative === undefined ? undefined : names.get(alternative.name)!;
        if (needed === undefined || found.has(needed)) continue;
        found.set(needed, { package: needed, neededBy: one, because: `${field}: ${words(alternative!)}` });
        queue.push(needed);
      }
  return chosen.map((one) => found.get(one) ?? { package: one, neededBy: undefined, because: "" });
}

function words({ name, relation, version }: Alternative): string {
  return relation === undefined ? name : `${name} (${relation} ${version})`;
}
