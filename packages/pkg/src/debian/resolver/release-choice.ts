/**
 * What a request for a suite's version (`name/suite`) makes the candidates of other packages: where what that version
 * needs would not do as it is to be taken, the same suite's version of it is taken instead, and so on with what that
 * needs. As apt has it, a need is looked at once, and the first required one that nothing helps ends the matter for the
 * package; whether all goes together is seen later.
 *
 * Source: apt-pkg/depcache.cc, `SetCandidateRelease`; apt-private/private-install.cc,
 * `propagateReleaseCandidateSwitching`.
 */
import { acceptsVersion, type Alternative, type Dependency } from "../dependency.ts";
import type { BinaryPackage } from "../package-index.ts";
import { isOfRelease } from "../policy.ts";
import { compareVersions } from "../version.ts";
import { HARD, NEGATIVE, POSITIVE, type Mark, type Marks } from "./marks.ts";

interface ReleaseRequest {
  package: BinaryPackage;
  release: string;
}

/**
 * How deep versions may be taken for one another's sake, and how many in all: a suite of packages that need each other
 * in turn is not walked for ever.
 */
const DEPTH_MAX = 400;
const STEPS_MAX = 20_000;

/** Sets candidates as `requests` have it, all the requests' own before those of what they need. */
export function chooseByRelease(marks: Marks, requests: readonly ReleaseRequest[], withRecommends: boolean): void {
  const choice = new ReleaseChoice(marks, withRecommends);
  for (const { package: one } of requests) setCandidate(marks.of(one.name), one);
  for (const request of requests) choice.take(request);
}

class ReleaseChoice {
  readonly #marks: Marks;
  readonly #fields: typeof POSITIVE | typeof HARD;
  /** names whose versions were chosen, in that order; what turned out not to help is taken off its end */
  readonly #chosen: string[] = [];
  #steps = 0;

  constructor(marks: Marks, withRecommends: boolean) {
    this.#marks = marks;
    this.#fields = withRecommends ? POSITIVE : HARD;
  }

  take({ package: one, release }: ReleaseRequest): void {
    this.#chosen.push(one.name);
    this.#choose(one, release, 0);
  }

  /** @returns whether each required need of it can be seen to */
  #choose(version: BinaryPackage, release: string, depth: number): boolean {
    if (depth > DEPTH_MAX || this.#steps++ > STEPS_MAX) return false;
    setCandidate(this.#marks.of(version.name), version);
    const before = this.#chosen.length;
    for (const field of this.#fields) {
      for (const dependency of version.relations(field)) {
        if (
          dependency.some((alternative) => this.#isFine(alternative, version)) ||
          this.#chooseFor(dependency, release, depth) ||
          field === "Recommends"
        )
          continue;
        this.#chosen.length = before;
        return false;
      }
    }
    return true;
  }

  /** Whether an alternative is fulfilled as it is, or would be by a candidate that needs nothing else. */
  #isFine(alternative: Alternative, owner: BinaryPackage): boolean {
    const mark = this.#marks.of(alternative.name);
    const isAny = alternative.qualifier === "any";
    if (!isAny && mark.current !== undefined && this.#marks.accepts(alternative, mark.current, owner)) return true;
    if (alternative.relation !== undefined)
      return (
        !isAny &&
        mark.candidate !== undefined &&
        this.#marks.accepts(alternative, mark.candidate, owner) &&
        this.#isReady(mark.candidate)
      );
    // Where there are providers, apt asks them alone; and `name:any` is a name that packages provide.
    const providers = isAny
      ? this.#marks.index.versions(alternative.name).filter((one) => one.multiArch === "allowed")
      : this.#marks.index.providers(alternative.name).map((provider) => provider.package);
    if (isAny || providers.length > 0)
      return providers.some((one) => this.#marks.of(one.name).candidate === one && this.#isReady(one));
    return mark.candidate !== undefined && this.#isReady(mark.candidate);
  }

  /** Whether all that a version needs is to be there already, and nothing that it conflicts with. */
  #isReady(version: BinaryPackage): boolean {
    return (
      HARD.every((field) =>
        version.relations(field).every((dependency) => this.#marks.isFulfilled(dependency, version)),
      ) &&
      NEGATIVE.every((field) =>
        version.relations(field).every(([conflict]) => this.#marks.hits(conflict!, version, "install").length === 0),
      )
    );
  }

  /** Takes the release's version of the first alternative that it helps. */
  #chooseFor(dependency: Dependency, release: string, depth: number): boolean {
    for (const [at, alternative] of dependency.entries()) {
      // Only a version that is asked for can be missed by the candidate.
      const version =
        alternative.relation === undefined || alternative.qualifier === "any"
          ? undefined
          : this.#versionOf(alternative.name, release);
      if (version === undefined || !acceptsVersion(alternative, version.version)) continue;
      const mark = this.#marks.of(alternative.name);
      const before = mark.candidate;
      if (before === version && this.#chosen.includes(version.name)) return true;
      this.#chosen.push(version.name);
      if (this.#choose(version, release, depth + 1)) return true;
      // What fails as the last alternative stays chosen.
      if (at === dependency.length - 1) return false;
      if (before !== undefined) setCandidate(mark, before);
      this.#chosen.pop();
    }
    return false;
  }

  #versionOf(name: string, release: string): BinaryPackage | undefined {
    const { index, architecture } = this.#marks;
    return index
      .versions(name)
      .filter(
        (one) =>
          (one.architecture === architecture || one.architecture === "all") &&
          index.originsOf(one).some((origin) => isOfRelease(origin, release)),
      )
      .reduce<BinaryPackage | undefined>(
        (newest, one) => (newest === undefined || compareVersions(one.version, newest.version) > 0 ? one : newest),
        undefined,
      );
  }
}

/** What is to be installed in the version of its candidate is then to be installed in this one. */
function setCandidate(mark: Mark, version: BinaryPackage): void {
  if (mark.mode === "install" && mark.install === mark.candidate) mark.install = version;
  mark.candidate = version;
}
