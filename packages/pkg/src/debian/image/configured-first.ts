/**
 * What is configured before all else: essential packages, and what these depend on. No package names an essential one
 * among its dependencies (Policy §3.8), though scripts use what its configuration has made, such as `/etc/shells`; so
 * dpkg, left to itself, would configure them in any order. debootstrap and mmdebstrap finish them first, too.
 */
import {
  acceptsProvided,
  acceptsVersion,
  parseDependencies,
  type Alternative,
  type Dependency,
} from "../dependency.ts";
import type { UnpackedPackage } from "./dpkg-database.ts";

type Controlled = Pick<UnpackedPackage, "name" | "archive">;

/** Those of `packages` that are configured first, in the order given. What none of them fulfils is there already. */
export function configuredFirst<Package extends Controlled>(packages: readonly Package[]): Package[] {
  const providers = providersOf(packages);
  const first = new Set(packages.filter((one) => one.archive.control.get("Essential") === "yes"));
  // A set hands out what is added while it is gone through.
  for (const one of first) {
    for (const field of ["Pre-Depends", "Depends"]) {
      for (const dependency of relations(one, field)) {
        const found = fulfilling(dependency, providers);
        if (found !== undefined) first.add(found);
      }
    }
  }
  return packages.filter((one) => first.has(one));
}

/** Who is or provides a name, and as what. */
type Providers<Package> = Map<string, { one: Package; fulfils(alternative: Alternative): boolean }[]>;

function providersOf<Package extends Controlled>(packages: readonly Package[]): Providers<Package> {
  const providers: Providers<Package> = new Map();
  const add = (name: string, one: Package, fulfils: (alternative: Alternative) => boolean): void => {
    const known = providers.get(name);
    if (known === undefined) providers.set(name, [{ one, fulfils }]);
    else known.push({ one, fulfils });
  };
  for (const one of packages) {
    const version = one.archive.control.get("Version") ?? "";
    add(one.name, one, (alternative) => acceptsVersion(alternative, version));
  }
  for (const one of packages) {
    for (const [provided] of relations(one, "Provides"))
      add(provided!.name, one, (alternative) => acceptsProvided(alternative, provided!));
  }
  return providers;
}

function fulfilling<Package>(dependency: Dependency, providers: Providers<Package>): Package | undefined {
  for (const alternative of dependency) {
    const found = providers.get(alternative.name)?.find(({ fulfils }) => fulfils(alternative));
    if (found !== undefined) return found.one;
  }
  return undefined;
}

function relations(one: Controlled, field: string): Dependency[] {
  return parseDependencies(one.archive.control.get(field) ?? "");
}
