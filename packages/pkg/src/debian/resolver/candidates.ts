/**
 * Which packages fulfil a dependency, in the order in which apt would try them: alternatives as written; of each the
 * package of that name, newest first, then those that provide it. And which packages a conflict hits.
 *
 * Source: Debian Policy §7; the multiarch specification, "Dependencies"; dpkg lib/dpkg/depcon.c for architecture qualifiers.
 */
import { acceptsProvided, acceptsVersion, type Alternative, type Dependency } from "../dependency.ts";
import type { BinaryPackage, PackageIndex, Provider } from "../package-index.ts";

const PRIORITY_ORDER = ["required", "important", "standard", "optional", "extra"];

/** The architecture a package counts as: `all` packages belong to the native one. */
function effectiveArchitecture(one: BinaryPackage, native: string): string {
  return one.architecture === "all" ? native : one.architecture;
}

/** Whether `candidate`'s architecture suits a dependency of a package of architecture `owner`. */
function suitsArchitecture(candidate: BinaryPackage, alternative: Alternative, owner: string, native: string): boolean {
  const own = effectiveArchitecture(candidate, native);
  switch (alternative.qualifier) {
    case undefined: return own === owner || candidate.multiArch === "foreign";
    case "any": return candidate.multiArch === "allowed";
    case "native": return own === native;
    default: return own === alternative.qualifier;
  }
}

/** Packages that fulfil `dependency` of a package of architecture `owner`, the preferred first, none twice. */
export function candidatesFor(index: PackageIndex, dependency: Dependency, owner: string, native: string): BinaryPackage[] {
  const found = new Set<BinaryPackage>();
  for (const alternative of dependency) {
    for (const one of index.versions(alternative.name)) {
      if (acceptsVersion(alternative, one.version) && suitsArchitecture(one, alternative, owner, native)) found.add(one);
    }
    const providers = index.providers(alternative.name)
      .filter((provider) => acceptsProvided(alternative, provider.provided) && suitsArchitecture(provider.package, alternative, owner, native));
    if (providers.length > 1) providers.sort((left, right) => compareProviders(index, left, right));
    for (const provider of providers) found.add(provider.package);
  }
  return [...found];
}

/**
 * Important packages first, then those that bring little with them, then by name. apt decides the last two by the order in
 * which it met the packages; ours depends on nothing but the index, and installs less.
 */
function compareProviders(index: PackageIndex, left: Provider, right: Provider): number {
  const one = left.package, other = right.package;
  return other.origin.priority - one.origin.priority
    || PRIORITY_ORDER.indexOf(one.priority) - PRIORITY_ORDER.indexOf(other.priority)
    || burdenOf(index, one) - burdenOf(index, other)
    || (one.name < other.name ? -1 : one.name > other.name ? 1 : 0);
}

/** Packages that are counted before one is simply called heavy; it bounds what a choice among providers costs. */
const BURDEN_MAX = 300;
const burdens = new WeakMap<PackageIndex, Map<BinaryPackage, number>>();

/** About how many packages `one` brings with what it needs and recommends, the first alternative of each. */
function burdenOf(index: PackageIndex, one: BinaryPackage): number {
  let known = burdens.get(index);
  if (known === undefined) burdens.set(index, known = new Map());
  let burden = known.get(one);
  if (burden === undefined) {
    const met = new Set<string>([one.name]);
    const queue = [one];
    for (let next = queue.shift(); next !== undefined && met.size < BURDEN_MAX; next = queue.shift()) {
      for (const field of ["Pre-Depends", "Depends", "Recommends"] as const) {
        for (const [first] of next.relations(field)) {
          const other = index.candidate(first!.name);
          if (met.has(first!.name)) continue;
          met.add(first!.name);
          if (other !== undefined) queue.push(other);
        }
      }
    }
    burden = met.size;
    known.set(one, burden);
  }
  return burden;
}

/** Packages that may not be installed together with `owner`, because of `conflict` in its Conflicts or Breaks. */
export function conflictingWith(index: PackageIndex, conflict: Alternative, owner: BinaryPackage): BinaryPackage[] {
  const found = new Set<BinaryPackage>();
  const isHit = (one: BinaryPackage): boolean =>
    // A package never conflicts with itself, not even through what it provides (Policy §7.4).
    one.name !== owner.name && (conflict.qualifier === undefined || conflict.qualifier === "any" || one.architecture === conflict.qualifier);
  for (const one of index.versions(conflict.name)) if (isHit(one) && acceptsVersion(conflict, one.version)) found.add(one);
  for (const provider of index.providers(conflict.name)) {
    if (isHit(provider.package) && acceptsProvided(conflict, provider.provided)) found.add(provider.package);
  }
  return [...found];
}

/** Versions and architectures of the same name that exclude `one`. */
export function rivalsOf(index: PackageIndex, one: BinaryPackage): BinaryPackage[] {
  return index.versions(one.name).filter((other) => other !== one
    && (other.architecture === one.architecture || other.version !== one.version || other.multiArch !== "same" || one.multiArch !== "same"));
}
