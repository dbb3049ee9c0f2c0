/**
 * All packages that a transaction may choose from: what is installed, what archives were given, what repositories
 * offer, the preferred first.
 */
import type { AlpmPackage, InstalledPackage } from "./alpm-package.ts";
import { parseAlpmDependency, satisfiesAlpmDependency, type AlpmDependency } from "./dependency.ts";

/** One package that may be in the system afterwards. */
export interface Candidate {
  readonly package: AlpmPackage;
  /** `local` for what is installed, `archive` for a given file, `aur`, or the repository's name */
  readonly origin: string;
  readonly isInstalled: boolean;
  /** lower is preferred; the installed one has the lowest */
  readonly rank: number;
}

/** A repository as the pool sees it. */
export interface Offer {
  readonly origin: string;
  readonly packages: readonly AlpmPackage[];
}

export class PackagePool {
  readonly #byName = new Map<string, Candidate[]>();
  readonly #providers = new Map<string, Candidate[]>();
  readonly #installed = new Map<string, Candidate>();
  readonly #ignored: (one: AlpmPackage) => boolean;
  #size = 0;

  /** @param isIgnored  what is installed only when it is asked for by name (IgnorePkg, IgnoreGroup) */
  constructor(
    installed: readonly InstalledPackage[],
    offers: readonly Offer[],
    isIgnored: (one: AlpmPackage) => boolean = () => false,
  ) {
    this.#ignored = isIgnored;
    for (const one of installed) {
      const candidate: Candidate = { package: one, origin: "local", isInstalled: true, rank: 0 };
      this.#installed.set(one.name, candidate);
      this.#add(candidate);
    }
    for (const offer of offers) {
      for (const one of offer.packages)
        this.#add({ package: one, origin: offer.origin, isInstalled: false, rank: ++this.#size });
    }
  }

  installed(name: string): Candidate | undefined {
    return this.#installed.get(name);
  }

  allInstalled(): Candidate[] {
    return [...this.#installed.values()];
  }

  /** All of that name, the installed one first, then as repositories come. */
  named(name: string): readonly Candidate[] {
    return this.#byName.get(name) ?? [];
  }

  isIgnored(candidate: Candidate): boolean {
    return !candidate.isInstalled && this.#ignored(candidate.package);
  }

  /** What fulfils the dependency: installed ones, then packages of that name, then those that provide it. */
  satisfying(dependency: AlpmDependency): Candidate[] {
    const named = this.named(dependency.name).filter((one) => satisfiesAlpmDependency(one.package, dependency));
    const providers = (this.#providers.get(dependency.name) ?? []).filter(
      (one) => one.package.name !== dependency.name && satisfiesAlpmDependency(one.package, dependency),
    );
    return [...named, ...providers]
      .map((one, index) => ({ one, index }))
      .sort((left, right) => Number(right.one.isInstalled) - Number(left.one.isInstalled) || left.index - right.index)
      .map(({ one }) => one);
  }

  /** Whether any package has that name or provides it, in any version. */
  knows(name: string): boolean {
    return this.#byName.has(name) || this.#providers.has(name);
  }

  names(): IterableIterator<string> {
    return this.#byName.keys();
  }

  #add(candidate: Candidate): void {
    put(this.#byName, candidate.package.name, candidate);
    for (const text of candidate.package.provides) put(this.#providers, parseAlpmDependency(text).name, candidate);
  }
}

function put(map: Map<string, Candidate[]>, key: string, candidate: Candidate): void {
  const known = map.get(key);
  if (known === undefined) map.set(key, [candidate]);
  else if (!known.includes(candidate)) known.push(candidate);
}
