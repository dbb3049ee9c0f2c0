/**
 * Whether a set of packages can be together, by the words of Policy alone: each dependency fulfilled, nothing in
 * conflict. It shares nothing with the resolver's search but the reading of fields, so that it can judge it.
 */
import { acceptsProvided, acceptsVersion, formatDependency, type Alternative } from "./dependency.ts";
import type { BinaryPackage } from "./package-index.ts";

/** @returns one sentence for each violation */
export function findViolations(packages: readonly BinaryPackage[], architecture: string): string[] {
  const violations: string[] = [];
  const byName = new Map<string, BinaryPackage[]>();
  const providers = new Map<string, { one: BinaryPackage; provided: Alternative }[]>();
  const append = <T>(map: Map<string, T[]>, name: string, value: T): void => {
    const values = map.get(name);
    if (values === undefined) map.set(name, [value]);
    else values.push(value);
  };
  for (const one of packages) {
    append(byName, one.name, one);
    for (const provided of one.provides) append(providers, provided.name, { one, provided });
  }
  const archOf = (one: BinaryPackage): string => (one.architecture === "all" ? architecture : one.architecture);
  const fulfils = (owner: BinaryPackage, other: BinaryPackage, alternative: Alternative): boolean => {
    if (alternative.qualifier === "any") return other.multiArch === "allowed";
    if (alternative.qualifier !== undefined && alternative.qualifier !== "native")
      return archOf(other) === alternative.qualifier;
    return (
      archOf(other) === (alternative.qualifier === "native" ? architecture : archOf(owner)) ||
      other.multiArch === "foreign"
    );
  };
  for (const owner of packages) {
    for (const field of ["Pre-Depends", "Depends"] as const) {
      for (const dependency of owner.relations(field)) {
        const isFulfilled = dependency.some(
          (alternative) =>
            (byName.get(alternative.name) ?? []).some(
              (other) => acceptsVersion(alternative, other.version) && fulfils(owner, other, alternative),
            ) ||
            (providers.get(alternative.name) ?? []).some(
              ({ one, provided }) => acceptsProvided(alternative, provided) && fulfils(owner, one, alternative),
            ),
        );
        if (!isFulfilled) violations.push(`${owner} depends on ${formatDependency(dependency)}, which is not there`);
      }
    }
    for (const field of ["Conflicts", "Breaks"] as const) {
      for (const [conflict] of owner.relations(field)) {
        // One that names an architecture is about packages of that architecture alone.
        const isMeant = (other: BinaryPackage): boolean =>
          other.name !== owner.name &&
          (conflict!.qualifier === undefined ||
            conflict!.qualifier === "any" ||
            other.architecture === conflict!.qualifier);
        for (const other of byName.get(conflict!.name) ?? [])
          if (isMeant(other) && acceptsVersion(conflict!, other.version))
            violations.push(`${owner} conflicts with ${other}`);
        for (const { one, provided } of providers.get(conflict!.name) ?? [])
          if (isMeant(one) && acceptsProvided(conflict!, provided))
            violations.push(`${owner} conflicts with ${one}, which provides ${conflict!.name}`);
      }
    }
    for (const other of byName.get(owner.name)!) {
      if (
        other !== owner &&
        (other.version !== owner.version ||
          other.architecture === owner.architecture ||
          other.multiArch !== "same" ||
          owner.multiArch !== "same")
      )
        violations.push(`${owner.name} is there twice`);
    }
  }
  return violations;
}
