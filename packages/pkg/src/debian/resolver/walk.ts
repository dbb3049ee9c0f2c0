/**
 * apt's own way through a request (apt-pkg/depcache.cc, `MarkInstall`): each package's needs in the order of its
 * fields, of each the first solution that works, with all that this needs and recommends before the next; what is in
 * the way is upgraded or removed. It decides greedily and knows no way back; what is broken by that it tries to mend
 * (`repair.ts`). Where that fails too, `walk` has no answer, and the search has to find one.
 *
 * Where it has one, that is apt's answer, which people expect; to find it costs less than the search.
 */
import { formatAlternative, formatDependency, type Dependency } from "../dependency.ts";
import type { InstalledState } from "../installed-state.ts";
import type { BinaryPackage, PackageIndex, RelationField } from "../package-index.ts";
import { findUnneeded } from "../unneeded.ts";
import { findViolations } from "../violations.ts";
import { HARD, Marks, NEGATIVE, POSITIVE, type Mark } from "./marks.ts";
import { chooseByRelease } from "./release-choice.ts";
import { repair, type Ties } from "./repair.ts";
import type { ResolvedPackage } from "./resolution.ts";

/** Something that was asked for. */
export interface WalkTarget {
  /** the version that it is to have first; others are those that the request's words allow */
  candidates: readonly BinaryPackage[];
  text: string;
  /** the suite that it was asked for from */
  release?: string | undefined;
}

interface WalkRequest {
  /** what was asked for, in the order of the request */
  install: readonly WalkTarget[];
  /** names of what is to go, or not to come */
  remove: Iterable<string>;
  recommends: boolean;
  /** for what has to be mended */
  ties?: Ties;
  isExcluded(name: string): boolean;
}

/**
 * All packages that are there in the end, with why the new ones came, and whether something had to be mended for that.
 */
export interface Walked {
  packages: ResolvedPackage[];
  isMended: boolean;
}

/**
 * How deep needs may nest before the walk gives up, so that no archive exhausts the stack. All of science's packages go
 * to 95.
 */
const DEPTH_MAX = 400;

/**
 * Walks through `request` as apt does.
 *
 * @returns undefined when what comes out could not be together
 */
export function walk(index: PackageIndex, state: InstalledState, request: WalkRequest): Walked | undefined {
  return new Walk(index, state, request).run();
}

interface Need {
  field: RelationField;
  dependency: Dependency;
}

class Walk {
  readonly #marks: Marks;
  readonly #request: WalkRequest;
  readonly #reasons = new Map<Mark, { neededBy: BinaryPackage | undefined; because: string }>();
  /** whether something was tried or taken back, so that what came for it may be idle */
  #hasTurned = false;
  #isTooDeep = false;

  constructor(index: PackageIndex, state: InstalledState, request: WalkRequest) {
    this.#marks = new Marks(index, state, (name) => request.isExcluded(name));
    this.#request = request;
  }

  run(): Walked | undefined {
    const asked: Mark[] = [];
    for (const name of this.#request.remove) {
      const mark = this.#marks.of(name);
      mark.isProtected = true;
      if (mark.current === undefined) mark.isHeld = true;
      else {
        mark.mode = "delete";
        mark.install = undefined;
      }
    }
    for (const {
      candidates: [one],
      text,
    } of this.#request.install) {
      if (one === undefined) return undefined;
      const mark = this.#marks.of(one.name);
      if (mark.isProtected && (mark.mode === "delete" || mark.isHeld)) return undefined;
      mark.candidate = one;
      mark.isProtected = true;
      this.#reasons.set(mark, { neededBy: undefined, because: text });
      this.#take(mark);
      asked.push(mark);
    }
    chooseByRelease(
      this.#marks,
      this.#request.install.flatMap(({ candidates: [one], release }) =>
        one === undefined || release === undefined ? [] : [{ package: one, release }],
      ),
      this.#request.recommends,
    );
    const wanted = asked.map((mark) => mark.candidate);
    // What another's suite made of it must be what its own words allow.
    if (wanted.some((one, index) => one === undefined || !this.#request.install[index]!.candidates.includes(one)))
      return undefined;
    for (const mark of asked) this.#install(mark, { isWhole: true, depth: 0, isAsked: true });
    if (this.#isTooDeep) return undefined;
    const isMended = this.#marks.all().some((mark) => this.#marks.isBroken(mark));
    if (isMended) {
      this.#hasTurned = true;
      repair(this.#marks, {
        ties: this.#request.ties ?? "found",
        asked: new Set([...asked, ...[...this.#request.remove].map((name) => this.#marks.of(name))]),
        install: (mark, isWhole) => this.#install(mark, { isWhole, depth: 0, isAsked: false }),
        keep: (mark) => this.#keep(mark),
        remove: (mark) => this.#remove(mark),
      });
    }
    if (asked.some((mark, index) => mark.install !== wanted[index])) return undefined;
    const there = this.#hasTurned ? this.#withoutIdle(asked) : this.#marks.present();
    if (findViolations(there, this.#marks.architecture).length > 0) return undefined;
    return {
      packages: there.map((one) => ({
        package: one,
        ...(this.#reasons.get(this.#marks.of(one.name)) ?? { neededBy: undefined, because: "" }),
      })),
      isMended,
    };
  }

  /**
   * What came for something that was given up, and that nobody needs, does not come. Source:
   * apt-private/private-install.cc, `DoAutomaticRemove`.
   */
  #withoutIdle(asked: readonly Mark[]): BinaryPackage[] {
    const present = this.#marks.present();
    const idle = new Set(
      findUnneeded(
        this.#marks.index,
        present,
        (one) => this.#marks.of(one.name).current !== undefined || asked.some((mark) => mark.install === one),
        this.#marks.architecture,
      ),
    );
    return present.filter((one) => !idle.has(one));
  }

  /** @param how.isWhole  with all that it needs */
  #install(mark: Mark, how: { isWhole: boolean; depth: number; isAsked: boolean }): boolean {
    const { isWhole, depth, isAsked } = how;
    if (depth > DEPTH_MAX) {
      this.#isTooDeep = true;
      return this.#turn();
    }
    const isSettled =
      mark.isProtected && mark.mode === "keep" && mark.candidate !== undefined && mark.candidate === mark.current;
    if (!isSettled && !mayChange(mark, "install", isAsked)) return this.#turn();
    const version = mark.candidate;
    if (version === undefined) return this.#turn();
    if (
      !mark.isProtected &&
      (version === mark.current || mark.mode === "install") &&
      !this.#marks.isBroken(mark, this.#request.recommends)
    ) {
      return version === mark.current && mark.install === undefined ? this.#keep(mark) : true;
    }
    if (isWhole && !this.#isPossible(mark, version)) return this.#turn();
    if (isAsked) this.#take(mark);
    const wasProtected = mark.isProtected;
    const givesUp = !wasProtected && !isAsked;
    if (!isWhole) {
      if (!isAsked) this.#take(mark);
      return true;
    }
    const needs = this.#openNeeds(version, wasProtected);
    const toUpgrade: Mark[] = [],
      toRemove: Mark[] = [];
    let hasFailed = !this.#clearWay(version, { wasProtected, isAsked }, toUpgrade, toRemove);
    if (hasFailed && givesUp) return this.#turn();
    for (const other of this.#marks.leftBy(mark, version, this.#request.recommends)) {
      if (toUpgrade.includes(other)) continue;
      toUpgrade.push(other);
      this.#explain(other, version, "goes with it only in another version");
    }
    if (!isAsked) this.#take(mark);
    mark.isProtected = true;
    try {
      this.#renewCompanions(mark, version, depth);
      if (!this.#upgradeOrRemove(toUpgrade, { wasProtected, isAsked, depth })) {
        if (givesUp) return this.#discard(mark);
        hasFailed = true;
      }
      if (!this.#fulfil(mark, version, needs, { wasProtected, isAsked, depth })) {
        if (givesUp) return this.#discard(mark);
        hasFailed = true;
      }
      for (const other of toRemove) {
        if (this.#remove(other)) continue;
        if (givesUp) return this.#discard(mark);
        hasFailed = true;
      }
    } finally {
      if (!wasProtected) mark.isProtected = false;
    }
    return !hasFailed;
  }

  /** Something did not work out: what was done for it may be idle now. */
  #turn(): false {
    this.#hasTurned = true;
    return false;
  }

  #explain(mark: Mark, neededBy: BinaryPackage, because: string): void {
    if (!this.#reasons.has(mark)) this.#reasons.set(mark, { neededBy, because });
  }

  #take(mark: Mark): void {
    if (mark.isProtected && mark.install === mark.candidate) return;
    mark.install = mark.candidate;
    mark.mode = mark.candidate === mark.current ? "keep" : "install";
  }

  #keep(mark: Mark): boolean {
    if (!mayChange(mark, "keep", false)) return this.#turn();
    if (mark.mode === "keep") return true;
    this.#hasTurned = true;
    mark.mode = "keep";
    mark.install = mark.current;
    return true;
  }

  #remove(mark: Mark): boolean {
    if (!mayChange(mark, "delete", false)) return this.#turn();
    if (mark.mode === "delete" || mark.install === undefined) return true;
    this.#hasTurned = true;
    mark.mode = mark.current === undefined ? "keep" : "delete";
    mark.install = undefined;
    return true;
  }

  /** The package is not to be installed after all, nor tried again. */
  #discard(mark: Mark): false {
    mark.install = mark.current;
    mark.candidate = mark.current;
    mark.mode = "keep";
    return this.#turn();
  }

  /**
   * Whether each of a version's needs can be fulfilled at all; a package of which one cannot is never a candidate
   * again.
   */
  #isPossible(mark: Mark, version: BinaryPackage): boolean {
    if (version === mark.current) return true;
    for (const field of HARD) {
      for (const dependency of version.relations(field)) {
        if (this.#marks.canBeFulfilled(dependency, version)) continue;
        if (!mark.isProtected) {
          mark.candidate = mark.current;
          if (mark.mode !== "delete") mark.mode = "keep";
        }
        return false;
      }
    }
    return true;
  }

  #openNeeds(version: BinaryPackage, isProtected: boolean): Need[] {
    const needs: Need[] = [];
    for (const field of POSITIVE) {
      if (field === "Recommends" && !this.#request.recommends) continue;
      for (const dependency of version.relations(field))
        if (isProtected || !this.#marks.isFulfilled(dependency, version)) needs.push({ field, dependency });
    }
    return needs;
  }

  /**
   * Sees to what `version` conflicts with: what is only to be installed stays away, what is there is to be upgraded or
   * to go.
   */
  #clearWay(
    version: BinaryPackage,
    how: { wasProtected: boolean; isAsked: boolean },
    toUpgrade: Mark[],
    toRemove: Mark[],
  ): boolean {
    const { wasProtected, isAsked } = how;
    const givesUp = !wasProtected && !isAsked;
    const unfit = new Set<Mark>();
    let isClear = true;
    const giveWay = (mark: Mark): boolean => {
      if (!wasProtected) {
        if (mark.mode === "delete") return true;
        if (!mayChange(mark, "delete", false)) return this.#turn();
        toRemove.push(mark);
        return true;
      }
      if (mark.mode !== "delete" && !this.#remove(mark)) return false;
      mark.candidate = mark.install;
      mark.isProtected = true;
      return true;
    };
    for (const field of NEGATIVE) {
      for (const [conflict] of version.relations(field)) {
        if (!wasProtected && this.#marks.hits(conflict!, version, "install").length === 0) continue;
        for (const mark of this.#marks.hits(conflict!, version, "candidate")) {
          if (mark.current === mark.candidate) {
            if (!giveWay(mark)) isClear = false;
          } else if (mark.mode === "install" && !this.#keep(mark)) isClear = false;
          else if (wasProtected) {
            mark.candidate = mark.install;
            if (mark.current === undefined) mark.isProtected = true;
          } else unfit.add(mark);
          if (!isClear && givesUp) return false;
        }
        for (const mark of this.#marks.hits(conflict!, version, "current")) {
          if (mark.candidate !== undefined && mark.candidate !== mark.current && !unfit.has(mark)) {
            toUpgrade.push(mark);
            this.#explain(mark, version, `${field}: ${formatAlternative(conflict!)}`);
          } else if (mark.candidate !== mark.current && !giveWay(mark)) isClear = false;
          if (!isClear && givesUp) return false;
        }
      }
    }
    return isClear;
  }

  /** apt keeps packages of one source together. */
  #renewCompanions(mark: Mark, version: BinaryPackage, depth: number): void {
    const companions = this.#marks.companions(mark, version);
    for (const other of companions) this.#explain(other, version, "comes from the same source");
    for (const other of companions) this.#install(other, { isWhole: false, depth: depth + 1, isAsked: false });
    for (const other of companions) this.#install(other, { isWhole: true, depth: depth + 1, isAsked: false });
  }

  #upgradeOrRemove(marks: readonly Mark[], how: { wasProtected: boolean; isAsked: boolean; depth: number }): boolean {
    let isDone = true;
    for (const mark of marks) {
      if (mark.mode === "install" || this.#install(mark, { isWhole: true, depth: how.depth + 1, isAsked: false }))
        continue;
      if (this.#remove(mark)) {
        if (how.wasProtected) mark.isProtected = true;
        continue;
      }
      isDone = false;
      if (!how.wasProtected && !how.isAsked) break;
    }
    return isDone;
  }

  #fulfil(
    mark: Mark,
    version: BinaryPackage,
    needs: readonly Need[],
    how: { wasProtected: boolean; isAsked: boolean; depth: number },
  ): boolean {
    const { wasProtected, isAsked, depth } = how;
    let isDone = true;
    for (const { field, dependency } of needs) {
      const isHard = field !== "Recommends";
      if (this.#marks.isFulfilled(dependency, version)) {
        if (!wasProtected || !isHard) continue;
        // What alone fulfils a need of what must be there must be there too.
        const only = this.#marks.onlySolution(dependency, version);
        if (only === undefined || only.isProtected) continue;
        only.isProtected = true;
        if (!this.#install(only, { isWhole: true, depth: depth + 1, isAsked: false })) isDone = false;
        continue;
      }
      if (!isHard && mark.current !== undefined && !this.#isNewWish(mark.current, dependency)) continue;
      const solutions = this.#marks.solutions(dependency, version);
      const taken = solutions.find((solution) => {
        // What was tried first may have ruled it out.
        if (solution.candidate === undefined) return false;
        if (wasProtected && isHard && solutions.length === 1) {
          if (!this.#install(solution, { isWhole: false, depth: depth + 1, isAsked: false })) return false;
          solution.isProtected = true;
        }
        return this.#install(solution, { isWhole: true, depth: depth + 1, isAsked: false });
      });
      if (taken !== undefined) this.#explain(taken, version, `${field}: ${formatDependency(dependency)}`);
      else if (isHard) {
        isDone = false;
        if (!wasProtected && !isAsked) break;
      }
    }
    return isDone;
  }

  /** Whether the version that is installed did not recommend it, or had it. */
  #isNewWish(current: BinaryPackage, dependency: Dependency): boolean {
    const before = current
      .relations("Recommends")
      .filter((old) => old.some((alternative) => alternative.name === dependency[0]!.name));
    return before.length === 0 || before.some((old) => this.#marks.wasFulfilled(old, current));
  }
}

/** Whether apt would let a package's state change. Source: apt-pkg/depcache.cc, `IsModeChangeOk`, `IsDeleteOk`. */
function mayChange(mark: Mark, mode: Mark["mode"], isAsked: boolean): boolean {
  if (isAsked || mark.mode === mode) return true;
  if (mark.isProtected || (mode !== "keep" && mark.isHeld)) return false;
  return mode !== "delete" || !mark.isEssential;
}
