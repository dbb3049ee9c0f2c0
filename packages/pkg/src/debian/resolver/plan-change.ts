/**
 * What a system becomes: packages to install, upgrade and remove for a request, over what is installed. What is there
 * stays as it is unless the request, or what the request needs, wants it otherwise; what depends on a removed package
 * goes too.
 *
 * As clauses: what is asked for, held and essential is required; every other installed package is wished for, in its
 * own version first (install, remove) or in the newest (upgrades), and given up only when what is required forbids it.
 * Recommends come after, but may still want what is there newer.
 */
import type { UnneededRules } from "../apt-configuration.ts";
import type { BinaryPackage, PackageIndex } from "../package-index.ts";
import { keyOf, INSTALLED_ORIGIN, InstalledState, isVital, type InstalledEntry } from "../installed-state.ts";
import { DOWNGRADE_PRIORITY, isOfRelease } from "../policy.ts";
import { findUnneeded } from "../unneeded.ts";
import { compareVersions } from "../version.ts";
import { acceptsVersion, type Dependency } from "../dependency.ts";
import { candidatesFor } from "./candidates.ts";
import { expandRequests } from "./expand-requests.ts";
import { suggestion } from "./explain.ts";
import { sourceVersion } from "./marks.ts";
import { Resolution, UnsatisfiableError, type ResolvedPackage } from "./resolution.ts";
import { parseRequest, refuseOpenChoices } from "./resolve.ts";
import { TIES, type Ties } from "./repair.ts";
import { walk, type Walked, type WalkTarget } from "./walk.ts";

export interface ChangeRequest {
  /** as for `resolve`; also `name/suite`, patterns and `task^`, and `name-` to remove */
  install?: readonly string[];
  /** what is asked for keeps its mark of having come for others: for upgrades by name */
  keepsMarks?: boolean;
  remove?: readonly string[];
  /** whether removed packages lose their configuration files too */
  purge?: boolean;
  /** `safe` takes newer versions but removes and adds nothing; `full` may do both */
  upgrade?: "safe" | "full";
  /** removes what came for others and is needed no more */
  autoremove?: boolean;
  /** whether to follow the Recommends of what is new; apt does */
  recommends?: boolean;
  /** what keeps packages that came for others, where apt is set otherwise than by default */
  unneeded?: UnneededRules;
  /** packages that must stay may go */
  allowRemoveEssential?: boolean;
}

export interface PlannedInstall extends ResolvedPackage {
  /** what it replaces */
  from: BinaryPackage | undefined;
  /** only needed by others */
  isAutomatic: boolean;
}

export interface PlannedRemoval {
  package: BinaryPackage;
  isPurge: boolean;
  /** `asked for`, `not needed any more`, or whom it cannot be with */
  because: string;
}

export interface PlannedChange {
  /** the system's own */
  architecture: string;
  /** new packages and other versions of those that are there */
  install: PlannedInstall[];
  remove: PlannedRemoval[];
  /** names that are removed already and lose their configuration files now */
  purgeConfig: string[];
  /** installed ones of which a newer version is offered and not taken, with that version */
  keptBack: { package: BinaryPackage; candidate: BinaryPackage }[];
  /** came for others, and nobody needs them after the change */
  unneeded: BinaryPackage[];
  /** keys of installed packages that are asked for now and were automatic before */
  nowManual: string[];
}

/** `name/suite` */
const WORDS_OF_SUITE = /^([a-z0-9][a-z0-9+.-]*(?::[a-z0-9-]+)?)\/([A-Za-z0-9.-]+)$/;

/**
 * Rounds in which packages of one source are brought to one version, or what goes anyway is let go; each adds packages,
 * and a third is rare.
 */
const PASSES_MAX = 8;

/**
 * Works out a change. `state` must have joined `index`.
 *
 * @throws UnsatisfiableError  it is impossible, and why
 * @throws SolverLimitError
 */
export function planChange(index: PackageIndex, state: InstalledState, request: ChangeRequest): PlannedChange {
  return new ChangePlan(index, state, request).run();
}

class ChangePlan {
  readonly #index: PackageIndex;
  readonly #state: InstalledState;
  readonly #request: ChangeRequest;
  readonly #install: WalkTarget[] = [];
  readonly #removed = new Set<string>();
  readonly #asked = new Set<BinaryPackage>();
  /** installed ones that take their newest version, since others of the same source do */
  readonly #renewed = new Set<InstalledEntry>();
  /**
   * installed ones that nobody needs after the change and that go with it: nothing is to become newer for their sake
   */
  readonly #leftover = new Set<InstalledEntry>();
  /** those of them that somebody would have kept; they are not let go again */
  readonly #missed = new Set<InstalledEntry>();

  constructor(index: PackageIndex, state: InstalledState, request: ChangeRequest) {
    this.#index = index;
    this.#state = state;
    this.#request = request;
    // `name-` goes and `name+` comes in either list, where that is no name itself (apt-get(8), install).
    const isMarked = (text: string, mark: string): boolean =>
      text.endsWith(mark) && index.versions(text).length === 0 && state.get(text) === undefined;
    const wish = (text: string): void =>
      void this.#install.push({ text, candidates: this.#wanted(text), release: WORDS_OF_SUITE.exec(text)?.[2] });
    for (const text of expandRequests(index, request.install ?? [])) {
      if (isMarked(text, "-")) this.#removed.add(text.slice(0, -1));
      else wish(isMarked(text, "+") ? text.slice(0, -1) : text);
    }
    for (const name of expandRequests(
      index,
      request.remove ?? [],
      (one) => state.get(one) !== undefined || state.configFiles.has(one),
    )) {
      if (isMarked(name, "+")) wish(name.slice(0, -1));
      else this.#removed.add(isMarked(name, "-") ? name.slice(0, -1) : name);
    }
    // A provider of what was asked for has not itself been named.
    for (const { text, candidates } of this.#install)
      for (const one of candidates) if (text.split(/[\s|(:=/]+/).includes(one.name)) this.#asked.add(one);
  }

  run(): PlannedChange {
    const change = this.#plan();
    for (const { from, package: one } of change.install) {
      if (from === undefined || this.#state.sameAs(from)?.isHeld !== true) continue;
      throw new UnsatisfiableError(
        [
          `${from.name} is held at ${from.version}, and ${one.version} was asked for; \`apt-mark unhold ` +
            `${from.name}\` there lets it change`,
        ],
        "the change is not possible",
        [from.name],
      );
    }
    return change;
  }

  #plan(): PlannedChange {
    const unknown = [...this.#removed].filter(
      (name) =>
        this.#state.get(name) === undefined &&
        !this.#state.configFiles.has(name) &&
        this.#index.versions(name.split(":")[0]!).length === 0,
    );
    if (unknown.length > 0)
      throw new UnsatisfiableError(
        unknown.map(
          (name) => `${name} was to be removed, but no package of that name exists${suggestion(name, this.#index)}`,
        ),
        "the change is not possible",
      );
    refuseOpenChoices(
      this.#index,
      this.#install.filter(({ candidates }) => !candidates.some((one) => this.#state.has(one))),
    );
    const walked = this.#walk();
    const lost = walked === undefined ? Infinity : this.#lostBy(walked);
    if (lost === 0) return this.#describe(walked!);
    this.#leftover.clear();
    const searched = this.#search();
    if (lost > this.#lostBy(searched)) return this.#describe(searched);
    this.#leftover.clear();
    return this.#describe(walked!);
  }

  /** apt's own way: undefined where it leads nowhere, and for upgrades of all. */
  #walk(): ResolvedPackage[] | undefined {
    if (this.#request.upgrade !== undefined) return undefined;
    const isForeign = (one: BinaryPackage): boolean =>
      one.architecture !== "all" && one.architecture !== this.#state.architecture;
    if (
      this.#install.some(({ candidates }) => candidates.length === 0 || isForeign(candidates[0]!)) ||
      this.#state.entries().some((entry) => isForeign(entry.package)) ||
      [...this.#removed].some((name) => name.includes(":"))
    )
      return undefined;
    if (
      [...this.#removed].some(
        (name) => this.#state.get(name) !== undefined && this.#mustStay(this.#state.get(name)!) !== undefined,
      )
    )
      return undefined;
    const walked = this.#walkWithout([...this.#removed]);
    if (
      walked === undefined ||
      this.#request.autoremove !== true ||
      walked.every(({ package: one }) => this.#state.has(one))
    )
      return walked;
    // Nothing is to become newer for the sake of what goes in the end: once more without that, which must leave the
    // same names.
    const idle = this.#unneededOf(new Set(walked.map((one) => one.package)));
    const again = idle.length === 0 ? undefined : this.#walkWithout([...this.#removed, ...idle.map((one) => one.name)]);
    const names = new Set(again?.map((one) => one.package.name));
    if (
      again === undefined ||
      walked.some(({ package: one }) => names.has(one.name) === idle.includes(one)) ||
      names.size !== walked.length - idle.length
    )
      return walked;
    for (const one of idle) {
      const entry = this.#state.sameAs(one);
      if (entry !== undefined) this.#leftover.add(entry);
    }
    return again;
  }

  #walkWithout(remove: readonly string[]): ResolvedPackage[] | undefined {
    const walkWith = (ties: Ties): Walked | undefined =>
      walk(this.#index, this.#state, {
        install: this.#install,
        remove,
        recommends: this.#request.recommends !== false,
        ties,
        isExcluded: () => false,
      });
    const first = walkWith("found");
    if (first?.isMended === false) return first.packages;
    let best = first?.packages;
    for (const ties of TIES) {
      const other = ties === "found" ? undefined : walkWith(ties);
      if (other !== undefined && (best === undefined || this.#costOf(other.packages) < this.#costOf(best)))
        best = other.packages;
    }
    return best;
  }

  /** What an answer costs: what somebody asked for that goes, then how much goes, then how much changes. */
  #costOf(resolved: readonly ResolvedPackage[]): number {
    const present = resolved
      .map((one) => this.#state.sameAs(one.package))
      .filter((entry) => entry !== undefined).length;
    const changed = resolved.filter((one) => !this.#state.has(one.package)).length;
    return this.#lostBy(resolved) * 1e10 - present * 1e5 + changed;
  }

  /** How many of the installed packages go that somebody once asked for, and nobody wants away now. */
  #lostBy(resolved: readonly ResolvedPackage[]): number {
    const stays = new Set(resolved.map((one) => this.#state.sameAs(one.package)));
    return this.#state
      .entries()
      .filter((entry) => !entry.isAutomatic && !stays.has(entry) && !this.#isRemoved(entry.package)).length;
  }

  /** Finds an answer where there is one. */
  #search(): ResolvedPackage[] {
    for (let pass = 0; ; pass++) {
      const resolved = this.#attempt();
      if (pass >= PASSES_MAX || (!this.#letGo(resolved) && !this.#renewCompanions(resolved))) return resolved;
    }
  }

  #attempt(): ResolvedPackage[] {
    const resolution = new Resolution(this.#index, this.#state.architecture, {
      refuses: (one) => this.#refusal(one),
      follows: (owner, dependency) =>
        this.#request.recommends !== false && this.#followsRecommendation(owner, dependency),
      prefer: (candidates) => this.#prefer(candidates),
      isThere: (one) => {
        const entry = this.#state.sameAs(one);
        return entry?.package === one && !this.#prefersNewest(entry);
      },
    });
    for (const { text, candidates } of this.#install)
      resolution.require(candidates, { kind: "request", text, candidates });
    const kept = this.#state.entries().map((entry) => ({ entry, candidates: this.#versionsToKeep(entry) }));
    for (const { entry, candidates } of kept) {
      const why = this.#mustStay(entry);
      if (why !== undefined)
        resolution.require(
          candidates,
          { kind: "keep", package: entry.package, why, candidates },
          this.#prefersNewest(entry) ? "first" : "last",
        );
    }
    // What somebody asked for is kept before what only came along.
    const wished = kept.filter(
      ({ entry }) =>
        this.#mustStay(entry) === undefined && !this.#isRemoved(entry.package) && !this.#leftover.has(entry),
    );
    // What no list offers any more is the last to be kept, or it would hold back what is to take its place: an old
    // library that others have left, though not what somebody asked for, unless all is to become newer.
    const isObsolete = ({ entry }: { entry: InstalledEntry }): boolean =>
      (this.#request.upgrade === "full" || entry.isAutomatic) &&
      this.#index.versions(entry.package.name).every((one) => one.origin === INSTALLED_ORIGIN);
    wished.sort(
      (left, right) =>
        Number(isObsolete(left)) - Number(isObsolete(right)) ||
        Number(left.entry.isAutomatic) - Number(right.entry.isAutomatic),
    );
    for (const { entry, candidates } of wished) {
      const cause = { kind: "keep", package: entry.package, why: "is installed", candidates } as const;
      // An upgrade takes a newer version even when others must go for it; else staying goes before being newer.
      if (this.#prefersNewest(entry)) resolution.wish(candidates, cause);
      else resolution.wishAny(candidates, cause);
    }
    // What every package takes for granted may have come to be more since the system was installed; apt adds it too.
    if (this.#request.upgrade === "full") {
      for (const one of this.#index.essential())
        if (this.#state.sameAs(one) === undefined)
          resolution.wish([one], { kind: "keep", package: one, why: "is essential", candidates: [one] });
    }
    return resolution.run();
  }

  /**
   * Has installed packages follow others of their source that come in the version which is their candidate too; apt
   * keeps a source's packages together.
   *
   * @returns whether there are any
   */
  #renewCompanions(resolved: readonly ResolvedPackage[]): boolean {
    if (this.#request.upgrade !== undefined) return false;
    const sources = new Set(
      resolved.filter(({ package: one }) => !this.#state.has(one)).map(({ package: one }) => sourceVersion(one)),
    );
    if (sources.size === 0) return false;
    const before = this.#renewed.size;
    for (const entry of this.#state.entries()) {
      if (entry.isHeld || this.#leftover.has(entry)) continue;
      const candidate = this.#index.candidateFor(entry.package);
      if (
        candidate !== undefined &&
        candidate !== entry.package &&
        !this.#isDowngrade(candidate) &&
        sources.has(sourceVersion(candidate))
      )
        this.#renewed.add(entry);
    }
    return this.#renewed.size > before;
  }

  /**
   * What goes at the end, since nobody needs it, is wished for no longer: others may have become newer for its sake
   * alone. What somebody would keep after all, now that others have stayed as they are, is wished for again.
   *
   * @returns whether that changes anything
   */
  #letGo(resolved: readonly ResolvedPackage[]): boolean {
    if (this.#request.autoremove !== true) return false;
    const chosen = new Set(resolved.map((one) => one.package));
    const gone = [...this.#leftover].filter((entry) => !chosen.has(entry.package));
    const idle = new Set(this.#unneededOf(new Set([...chosen, ...gone.map((entry) => entry.package)])));
    const missed = gone.filter((entry) => !idle.has(entry.package));
    for (const entry of missed) {
      this.#leftover.delete(entry);
      this.#missed.add(entry);
    }
    // Where nothing comes, nothing has come for the sake of what goes.
    const found = resolved.every(({ package: one }) => this.#state.has(one))
      ? []
      : [...idle]
          .map((one) => this.#state.sameAs(one))
          .filter((entry) => entry !== undefined && !this.#leftover.has(entry) && !this.#missed.has(entry));
    for (const entry of found) this.#leftover.add(entry!);
    return missed.length + found.length > 0;
  }

  /**
   * Versions that a request's words allow, the preferred first; never older than what is there, unless its words say
   * so.
   */
  #wanted(text: string): BinaryPackage[] {
    const suite = WORDS_OF_SUITE.exec(text);
    if (suite !== null) {
      const of = candidatesFor(
        this.#index,
        parseRequest(suite[1]!),
        this.#state.architecture,
        this.#state.architecture,
      );
      return of.filter((one) => this.#index.originsOf(one).some((origin) => isOfRelease(origin, suite[2]!)));
    }
    const dependency = parseRequest(text);
    const found = candidatesFor(this.#index, dependency, this.#state.architecture, this.#state.architecture);
    const isExact = dependency.some(
      (alternative) =>
        alternative.relation !== undefined && alternative.relation !== ">=" && alternative.relation !== ">>",
    );
    return isExact ? found : found.filter((one) => !this.#isDowngrade(one));
  }

  /** In which versions a package may stay, the preferred first. */
  #versionsToKeep(entry: InstalledEntry): BinaryPackage[] {
    const own = entry.package;
    if (entry.isHeld && !this.#asked.has(own)) return [own];
    const others = this.#index
      .versions(own.name)
      .filter(
        (one) =>
          one !== own &&
          (one.architecture === own.architecture || one.architecture === "all" || own.architecture === "all") &&
          (!this.#isDowngrade(one) || this.#asked.has(one)),
      );
    if (!this.#prefersNewest(entry)) return [own, ...others];
    // Versions are in order already; what is installed stands among them where its priority and version put it.
    const ordered = this.#index.versions(own.name).filter((one) => one === own || others.includes(one));
    return ordered.includes(own) ? ordered : [...ordered, own];
  }

  /**
   * Whether a package is to become newer of itself, not only where something needs it: that is decided before what
   * others leave as it is.
   */
  #prefersNewest(entry: InstalledEntry): boolean {
    return this.#request.upgrade !== undefined || this.#renewed.has(entry);
  }

  #isDowngrade(one: BinaryPackage): boolean {
    const entry = this.#state.sameAs(one);
    return (
      entry !== undefined &&
      this.#index.priorityOf(one) < DOWNGRADE_PRIORITY &&
      compareVersions(one.version, entry.package.version) < 0
    );
  }

  #isRemoved(one: BinaryPackage): boolean {
    return this.#removed.has(one.name) || this.#removed.has(`${one.name}:${one.architecture}`);
  }

  #mustStay(entry: InstalledEntry): string | undefined {
    if (entry.isHeld) return "is held";
    if (this.#request.allowRemoveEssential !== true && isVital(this.#index, entry)) return "is essential and must stay";
    if (this.#request.upgrade === "safe" && !this.#isRemoved(entry.package))
      return "must stay, since this upgrade removes nothing";
    return undefined;
  }

  #refusal(one: BinaryPackage): string | undefined {
    const entry = this.#state.sameAs(one);
    if (this.#isRemoved(one)) {
      return "is to be removed";
    }
    if (entry === undefined)
      return this.#request.upgrade === "safe" && this.#install.length === 0
        ? "is not installed, and this upgrade adds nothing"
        : undefined;
    if (one !== entry.package && !this.#asked.has(one)) {
      if (entry.isHeld) return `is not the version ${entry.package.version} that is held`;
      if (this.#isDowngrade(one)) return `is older than the ${entry.package.version} that is installed`;
    }
    return undefined;
  }

  /** What is installed before its other versions, those before what is not there, otherwise as given. */
  #prefer(candidates: BinaryPackage[]): BinaryPackage[] {
    const rank = (one: BinaryPackage): number => {
      const entry = this.#state.sameAs(one);
      return entry === undefined ? 2 : entry.package === one && !this.#prefersNewest(entry) ? 0 : 1;
    };
    if (candidates.length < 2 || candidates.every((one) => rank(one) === 2)) return candidates;
    return candidates
      .map((one, index) => ({ one, index }))
      .sort((left, right) => rank(left.one) - rank(right.one) || left.index - right.index)
      .map(({ one }) => one);
  }

  /** New packages bring their Recommends; newer versions only those that are new, or that were fulfilled before. */
  #followsRecommendation(owner: BinaryPackage, dependency: Dependency): boolean {
    const entry = this.#state.sameAs(owner);
    if (entry === undefined) return true;
    if (entry.package === owner) return false;
    const name = dependency[0]?.name;
    const before = entry.package
      .relations("Recommends")
      .filter((old) => old.some((alternative) => alternative.name === name));
    return before.length === 0 || before.some((old) => this.#isFulfilled(old));
  }

  #isFulfilled(dependency: Dependency): boolean {
    return candidatesFor(this.#index, dependency, this.#state.architecture, this.#state.architecture).some((one) =>
      this.#state.has(one),
    );
  }

  #describe(resolved: readonly ResolvedPackage[]): PlannedChange {
    const chosen = new Set(resolved.map((one) => one.package));
    const isAsked = (one: BinaryPackage): boolean => this.#isAsked(one, chosen);
    const unneeded = this.#unneededOf(chosen);
    const leaving = new Set(this.#request.autoremove === true ? unneeded : []);
    const install: PlannedInstall[] = [];
    for (const one of resolved) {
      const from = this.#state.sameAs(one.package)?.package;
      if (from === one.package || leaving.has(one.package)) continue;
      install.push({ ...one, from, isAutomatic: this.#wasAutomatic(one.package) && !isAsked(one.package) });
    }
    const stays = new Set([...chosen].filter((one) => !leaving.has(one)).map((one) => this.#state.sameAs(one)));
    const isPurge = this.#request.purge === true;
    const remove: PlannedRemoval[] = [];
    const keptBack: { package: BinaryPackage; candidate: BinaryPackage }[] = [];
    const nowManual: string[] = [];
    for (const entry of this.#state.entries()) {
      if (!stays.has(entry))
        remove.push({
          package: entry.package,
          isPurge,
          because: this.#whyRemoved(entry.package, [...chosen], leaving),
        });
      else if (chosen.has(entry.package)) {
        const candidate = this.#index.candidateFor(entry.package);
        if (
          this.#request.upgrade !== undefined &&
          candidate !== undefined &&
          candidate !== entry.package &&
          !this.#isDowngrade(candidate)
        )
          keptBack.push({ package: entry.package, candidate });
      }
      if (
        entry.isAutomatic &&
        stays.has(entry) &&
        [...chosen].some((one) => isAsked(one) && this.#state.sameAs(one) === entry)
      )
        nowManual.push(keyOf(entry.package, this.#state.architecture));
    }
    const purgeConfig = isPurge ? [...this.#removed].filter((name) => this.#state.configFiles.has(name)) : [];
    return {
      architecture: this.#state.architecture,
      install,
      remove,
      purgeConfig,
      keptBack,
      unneeded: unneeded.filter((one) => !leaving.has(one)),
      nowManual,
    };
  }

  /** Whether the request named it, among those that are there in the end. */
  #isAsked(one: BinaryPackage, chosen: ReadonlySet<BinaryPackage>): boolean {
    return (
      this.#request.keepsMarks !== true &&
      this.#install.some(({ candidates }) => candidates.find((candidate) => chosen.has(candidate)) === one)
    );
  }

  #wasAutomatic(one: BinaryPackage): boolean {
    return this.#state.sameAs(one)?.isAutomatic ?? true;
  }

  /**
   * Came for others, and nobody of `chosen` needs it; what every system is to have stays. Source: apt-pkg/depcache.cc,
   * `MarkRequired`.
   */
  #unneededOf(chosen: ReadonlySet<BinaryPackage>): BinaryPackage[] {
    const isWanted = (one: BinaryPackage): boolean => {
      const entry = this.#state.sameAs(one);
      return (
        this.#isAsked(one, chosen) ||
        !this.#wasAutomatic(one) ||
        (entry === undefined ? one.isEssential || one.isProtected : isVital(this.#index, entry)) ||
        entry?.package.priority === "required" ||
        entry?.isHeld === true
      );
    };
    return findUnneeded(this.#index, [...chosen], isWanted, this.#state.architecture, this.#request.unneeded);
  }

  #whyRemoved(one: BinaryPackage, chosen: readonly BinaryPackage[], leaving: ReadonlySet<BinaryPackage>): string {
    if (this.#isRemoved(one)) return "asked for";
    if (leaving.has(one) || [...this.#leftover].some((entry) => entry.package === one)) return "not needed any more";
    for (const other of chosen) {
      for (const field of ["Conflicts", "Breaks"] as const) {
        for (const [conflict] of other.relations(field)) {
          if (conflict!.name === one.name && acceptsVersion(conflict!, one.version))
            return `${other} ${field === "Breaks" ? "breaks" : "conflicts with"} it`;
        }
      }
    }
    for (const field of ["Pre-Depends", "Depends"] as const) {
      for (const dependency of one.relations(field)) {
        const candidates = candidatesFor(this.#index, dependency, this.#state.architecture, this.#state.architecture);
        if (!candidates.some((candidate) => chosen.includes(candidate)))
          return `it depends on ${dependency.map((alternative) => alternative.name).join(" or ")}, which goes`;
      }
    }
    return "it does not go together with what was asked for";
  }
}
