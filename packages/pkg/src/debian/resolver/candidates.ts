/**
 * Which packages fulfil a dependency, in the order in which apt would try them: alternatives as written; of each the
 * package of that name, newest first, then those that provide it. And which packages a conflict hits.
 *
 * Source: Debian Policy §7; the multiarch specification, "Dependencies"; dpkg lib/dpkg/depcon.c for architecture
 * qualifiers.
 */
import { acceptsProvided, acceptsVersion, type Alternative, type Dependency } from "../dependency.ts";
import type { BinaryPackage, PackageIndex, Provider } from "../package-index.ts";

const PRIORITY_ORDER = ["required", "important", "standard", "optional", "extra"];

/** The more important, the lower. */
export function priorityRank(one: BinaryPackage): number {
  return PRIORITY_ORDER.indexOf(one.priority);
}

/** The architecture a package counts as: `all` packages belong to the native one. */
function effectiveArchitecture(one: BinaryPackage, native: string): string {
  return one.architecture === "all" ? native : one.architecture;
}

/** Whether `candidate`'s architecture suits a dependency of a package of architecture `owner`. */
export function suitsArchitecture(
  candidate: BinaryPackage,
  alternative: Alternative,
  owner: string,
  native: string,
): boolean {
  const own = effectiveArchitecture(candidate, native);
  switch (alternative.qualifier) {
    case undefined:
      return own === owner || candidate.multiArch === "foreign";
    case "any":
      return candidate.multiArch === "allowed";
    case "native":
      return own === native;
    default:
      return own === alternative.qualifier;
  }
}

/** Packages that fulfil `dependency` of a package of architecture `owner`, the preferred first, none twice. */
export function candidatesFor(
  index: PackageIndex,
  dependency: Dependency,
  owner: string,
  native: string,
): BinaryPackage[] {
  const found = new Set<BinaryPackage>();
  for (const alternative of dependency) {
    const versions = index
      .versions(alternative.name)
      .filter((one) => acceptsVersion(alternative, one.version) && suitsArchitecture(one, alternative, owner, native));
    for (const one of versions) found.add(one);
    const providers = index
      .providers(alternative.name)
      .filter(
        (provider) =>
          acceptsProvided(alternative, provider.provided) &&
          suitsArchitecture(provider.package, alternative, owner, native),
      );
    if (providers.length > 1) providers.sort((left, right) => compareProviders(index, left, right));
    for (const provider of providers) found.add(provider.package);
  }
  return [...found];
}

/**
 * As apt orders providers (apt-pkg/depcache.cc, `CompareProviders`): essential, protected and more important packages
 * first, at last the one whose name its lists mention last. That is arbitrary, and the same choice as apt's is worth
 * more than a better one would be.
 */
function compareProviders(index: PackageIndex, left: Provider, right: Provider): number {
  const one = left.package,
    other = right.package;
  if (one.name === other.name) return index.versions(one.name).indexOf(one) - index.versions(one.name).indexOf(other);
  return (
    index.priorityOf(other) - index.priorityOf(one) ||
    Number(other.isEssential) - Number(one.isEssential) ||
    Number(other.isProtected) - Number(one.isProtected) ||
    priorityRank(one) - priorityRank(other) ||
    index.turnOf(other.name) - index.turnOf(one.name) ||
    (one.name < other.name ? -1 : 1)
  );
}

/** Packages that may not be installed together with `owner`, because of `conflict` in its Conflicts or Breaks. */
export function conflictingWith(index: PackageIndex, conflict: Alternative, owner: BinaryPackage): BinaryPackage[] {
  const found = new Set<BinaryPackage>();
  const isHit = (one: BinaryPackage): boolean =>
    // A package never conflicts with itself, not even through what it provides (Policy §7.4).
    one.name !== owner.name &&
    (conflict.qualifier === undefined || conflict.qualifier === "any" || one.architecture === conflict.qualifier);
  for (const one of index.versions(conflict.name))
    if (isHit(one) && acceptsVersion(conflict, one.version)) found.add(one);
  for (const provider of index.providers(conflict.name)) {
    if (isHit(provider.package) && acceptsProvided(conflict, provider.provided)) found.add(provider.package);
  }
  return [...found];
}

/** Versions and architectures of the same name that exclude `one`. */
export function rivalsOf(index: PackageIndex, one: BinaryPackage): BinaryPackage[] {
  return index
    .versions(one.name)
    .filter(
      (other) =>
        other !== one &&
        (other.architecture === one.architecture ||
          other.version !== one.version ||
          other.multiArch !== "same" ||
          one.multiArch !== "same"),
    );
}
