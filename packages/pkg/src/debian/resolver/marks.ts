/**
 * What a walk through packages has decided so far, by name: apt's `StateCache` (apt-pkg/depcache.h). Of each package
 * there is one version that would be installed, its candidate; a dependency is fulfilled by what is to be there, and
 * can be by candidates.
 */
import { acceptsProvided, acceptsVersion, type Alternative, type Dependency } from "../dependency.ts";
import { isVital, type InstalledEntry, type InstalledState } from "../installed-state.ts";
import type { BinaryPackage, PackageIndex, RelationField } from "../package-index.ts";
import { DOWNGRADE_PRIORITY } from "../policy.ts";
import { compareVersions } from "../version.ts";
import { conflictingWith, priorityRank, suitsArchitecture } from "./candidates.ts";

export const HARD = ["Pre-Depends", "Depends"] as const;
export const POSITIVE = [...HARD, "Recommends"] as const;
export const NEGATIVE = ["Conflicts", "Breaks"] as const;

/** One package name's state. */
export interface Mark {
  readonly name: string;
  readonly current: BinaryPackage | undefined;
  /** what is to be there in the end */
  install: BinaryPackage | undefined;
  candidate: BinaryPackage | undefined;
  mode: "keep" | "install" | "delete";
  /** decided for good, or being worked on */
  isProtected: boolean;
  isHeld: boolean;
  /** must not go unless somebody says so by name */
  readonly isEssential: boolean;
}

export class Marks {
  readonly index: PackageIndex;
  readonly architecture: string;
  readonly #state: InstalledState;
  readonly #isExcluded: (name: string) => boolean;
  readonly #marks = new Map<string, Mark>();
  /** installed packages that name a package in what they need, by that name; made when first asked for */
  #dependents: Map<string, { mark: Mark; field: RelationField; alternative: Alternative }[]> | undefined;
  /** installed packages, by their candidate's source and its version */
  #sources: Map<string, Mark[]> | undefined;

  constructor(index: PackageIndex, state: InstalledState, isExcluded: (name: string) => boolean) {
    this.index = index;
    this.architecture = state.architecture;
    this.#state = state;
    this.#isExcluded = isExcluded;
  }

  of(name: string): Mark {
    let mark = this.#marks.get(name);
    if (mark === undefined) {
      const entry = this.#state.get(name);
      mark = {
        name,
        current: entry?.package,
        install: entry?.package,
        candidate: this.#candidateOf(name, entry),
        mode: "keep",
        isProtected: false,
        isHeld: entry?.isHeld === true,
        isEssential: entry !== undefined && isVital(this.index, entry),
      };
      this.#marks.set(name, mark);
    }
    return mark;
  }

  /** Marks of all that is installed or to be. */
  all(): Mark[] {
    for (const entry of this.#state.entries()) this.of(entry.package.name);
    return [...this.#marks.values()].filter((mark) => mark.current !== undefined || mark.install !== undefined);
  }

  /** Whether what is to be there of a package lacks something, or conflicts with something. */
  isBroken(mark: Mark, withRecommends = false): boolean {
    const one = mark.install;
    if (one === undefined) return false;
    for (const field of withRecommends ? POSITIVE : HARD)
      for (const dependency of one.relations(field)) if (!this.isFulfilled(dependency, one)) return true;
    return NEGATIVE.some((field) =>
      one.relations(field).some(([conflict]) => this.hits(conflict!, one, "install").length > 0),
    );
  }

  /** Packages that are to be there: what has been decided, and what is installed and nobody has touched. */
  present(): BinaryPackage[] {
    const present: BinaryPackage[] = [];
    for (const entry of this.#state.entries()) {
      const mark = this.#marks.get(entry.package.name);
      if (mark === undefined) present.push(entry.package);
      else if (mark.install !== undefined) present.push(mark.install);
    }
    for (const mark of this.#marks.values())
      if (mark.current === undefined && mark.install !== undefined) present.push(mark.install);
    return present;
  }

  isFulfilled(dependency: Dependency, owner: BinaryPackage): boolean {
    return dependency.some((alternative) => this.fulfils(alternative, owner, "install"));
  }

  /** Whether what is installed fulfils it. */
  wasFulfilled(dependency: Dependency, owner: BinaryPackage): boolean {
    return dependency.some((alternative) => this.fulfils(alternative, owner, "current"));
  }

  /** Whether what is to be there, or some candidate, fulfils it. */
  canBeFulfilled(dependency: Dependency, owner: BinaryPackage): boolean {
    return dependency.some(
      (alternative) => this.fulfils(alternative, owner, "candidate") || this.fulfils(alternative, owner, "install"),
    );
  }

  /**
   * Packages that Conflicts or Breaks of `owner` hit and that are to be there (`install`), are installed (`current`) or
   * would be (`candidate`).
   */
  hits(conflict: Alternative, owner: BinaryPackage, which: "install" | "candidate" | "current"): Mark[] {
    const marks: Mark[] = [];
    for (const one of conflictingWith(this.index, conflict, owner)) {
      const mark = this.of(one.name);
      if (mark[which] === one) marks.push(mark);
    }
    return marks;
  }

  /**
   * Candidates that fulfil a dependency, in apt's order: of all alternatives what is installed first; of each the real
   * package first.
   */
  solutions(dependency: Dependency, owner: BinaryPackage): Mark[] {
    const installed: Mark[] = [],
      fresh: Mark[] = [];
    for (const alternative of dependency) {
      const found: Mark[] = [];
      const own = this.of(alternative.name);
      if (own.candidate !== undefined && this.accepts(alternative, own.candidate, owner)) found.push(own);
      for (const { package: one, provided } of this.index.providers(alternative.name)) {
        const mark = this.of(one.name);
        if (
          mark.candidate === one &&
          acceptsProvided(alternative, provided) &&
          suitsArchitecture(one, alternative, this.#architectureOf(owner), this.architecture) &&
          !found.includes(mark)
        )
          found.push(mark);
      }
      if (found.length > 1) found.sort((left, right) => this.#compare(left, right, alternative.name));
      for (const mark of found) {
        const list = mark.current === undefined ? fresh : installed;
        if (!list.includes(mark)) list.push(mark);
      }
    }
    return [...installed, ...fresh].filter(
      (mark) => !(mark.isProtected && (mark.mode === "delete" || (mark.mode === "keep" && mark.current === undefined))),
    );
  }

  /** Whether one of several packages alone could fulfil it, be it as it is or as its candidate. */
  onlySolution(dependency: Dependency, owner: BinaryPackage): Mark | undefined {
    const versions = new Map<BinaryPackage, Mark>();
    for (const alternative of dependency) {
      for (const which of ["candidate", "current"] as const) {
        const own = this.of(alternative.name)[which];
        if (own !== undefined && this.accepts(alternative, own, owner)) versions.set(own, this.of(alternative.name));
        for (const { package: one, provided } of this.index.providers(alternative.name)) {
          const mark = this.of(one.name);
          if (
            mark[which] === one &&
            acceptsProvided(alternative, provided) &&
            suitsArchitecture(one, alternative, this.#architectureOf(owner), this.architecture)
          )
            versions.set(one, mark);
        }
      }
    }
    return versions.size === 1 ? [...versions.values()][0] : undefined;
  }

  /**
   * All versions that fulfil an alternative, the real package's first, then providers, those that lists have last
   * before others: so apt keeps them.
   */
  targets(alternative: Alternative, owner: BinaryPackage): BinaryPackage[] {
    const found = this.index.versions(alternative.name).filter((one) => this.accepts(alternative, one, owner));
    for (const { package: one, provided } of this.index.providers(alternative.name).toReversed()) {
      if (
        acceptsProvided(alternative, provided) &&
        suitsArchitecture(one, alternative, this.#architectureOf(owner), this.architecture)
      )
        found.push(one);
    }
    return found;
  }

  /**
   * Installed packages that needed the current version of `mark`, by its name, and that `version` would leave without.
   */
  leftBy(mark: Mark, version: BinaryPackage, withRecommends: boolean): Mark[] {
    if (mark.current === undefined) return [];
    if (this.#dependents === undefined) {
      this.#dependents = new Map();
      for (const { package: one } of this.#state.entries()) {
        for (const field of POSITIVE) {
          for (const dependency of one.relations(field)) {
            for (const alternative of dependency) {
              const known = this.#dependents.get(alternative.name);
              const link = { mark: this.of(one.name), field, alternative };
              if (known === undefined) this.#dependents.set(alternative.name, [link]);
              else known.push(link);
            }
          }
        }
      }
    }
    const left: Mark[] = [];
    for (const { mark: dependent, field, alternative } of this.#dependents.get(mark.name) ?? []) {
      if (dependent.mode === "install" || (field === "Recommends" && !withRecommends) || left.includes(dependent))
        continue;
      if (acceptsVersion(alternative, mark.current.version) && !acceptsVersion(alternative, version.version))
        left.push(dependent);
    }
    return left;
  }

  /** Other installed packages whose candidate comes from the same version of the same source. */
  companions(mark: Mark, version: BinaryPackage): Mark[] {
    if (this.#sources === undefined) {
      this.#sources = new Map();
      for (const { package: one } of this.#state.entries()) {
        const other = this.of(one.name);
        if (other.candidate === undefined) continue;
        const key = sourceVersion(other.candidate),
          known = this.#sources.get(key);
        if (known === undefined) this.#sources.set(key, [other]);
        else known.push(other);
      }
    }
    return (this.#sources.get(sourceVersion(version)) ?? []).filter(
      (other) =>
        other !== mark &&
        other.current !== undefined &&
        other.candidate !== undefined &&
        other.current !== other.candidate &&
        !(other.mode === "install" && other.install === other.candidate) &&
        sourceVersion(other.candidate) === sourceVersion(version),
    );
  }

  /** Whether one alternative is fulfilled by what is to be there, is installed, or would be. */
  fulfils(alternative: Alternative, owner: BinaryPackage, which: "install" | "candidate" | "current"): boolean {
    const own = this.of(alternative.name)[which];
    if (own !== undefined && this.accepts(alternative, own, owner)) return true;
    for (const { package: one, provided } of this.index.providers(alternative.name)) {
      if (
        this.of(one.name)[which] === one &&
        acceptsProvided(alternative, provided) &&
        suitsArchitecture(one, alternative, this.#architectureOf(owner), this.architecture)
      )
        return true;
    }
    return false;
  }

  /** Whether a version of the package that `alternative` names fulfils it. */
  accepts(alternative: Alternative, one: BinaryPackage, owner: BinaryPackage): boolean {
    return (
      acceptsVersion(alternative, one.version) &&
      suitsArchitecture(one, alternative, this.#architectureOf(owner), this.architecture)
    );
  }

  #architectureOf(owner: BinaryPackage): string {
    return owner.architecture === "all" ? this.architecture : owner.architecture;
  }

  /** The preferred version that is no step back. */
  #candidateOf(name: string, entry: InstalledEntry | undefined): BinaryPackage | undefined {
    if (this.#isExcluded(name)) return entry?.package;
    return this.index
      .versions(name)
      .find(
        (one) =>
          (one.architecture === this.architecture || one.architecture === "all") &&
          (entry === undefined ||
            one === entry.package ||
            this.index.priorityOf(one) >= DOWNGRADE_PRIORITY ||
            compareVersions(one.version, entry.package.version) >= 0),
      );
  }

  /** apt-pkg/depcache.cc, `CompareProviders`, of packages of one architecture. */
  #compare(left: Mark, right: Mark, target: string): number {
    const one = left.candidate!,
      other = right.candidate!;
    return (
      Number(right.isProtected) - Number(left.isProtected) ||
      Number(right.current !== undefined) - Number(left.current !== undefined) ||
      Number(right.name === target) - Number(left.name === target) ||
      Number(other.isEssential) - Number(one.isEssential) ||
      Number(other.isProtected) - Number(one.isProtected) ||
      priorityRank(one) - priorityRank(other) ||
      this.index.turnOf(right.name) - this.index.turnOf(left.name) ||
      (left.name < right.name ? -1 : 1)
    );
  }
}

/** `source version` of a package. */
export function sourceVersion(one: BinaryPackage): string {
  const field = one.field("Source");
  const version = /\(([^)]*)\)/.exec(field ?? "")?.[1];
  return `${one.source} ${version ?? one.version}`;
}
