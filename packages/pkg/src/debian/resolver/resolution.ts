/**
 * One run of the solver over an index: clauses for packages that come into question, and the answer with its reasons.
 * What is wanted (a fresh set, or the change of a system) is said by {@link Rules} and by the needs that are added
 * first.
 */
import { formatAlternative, formatDependency, type Dependency } from "../dependency.ts";
import type { BinaryPackage, PackageIndex } from "../package-index.ts";
import { candidatesFor, conflictingWith, rivalsOf } from "./candidates.ts";
import { ClauseSet } from "../../solver/clause-set.ts";
import { explainCore, type ClauseCause } from "./explain.ts";

/** No set of packages fulfils the request. The message explains it in sentences, one to a line. */
export class UnsatisfiableError extends Error {
  override name = "UnsatisfiableError";
  readonly explanation: readonly string[];
  /** what was asked for, in the request's own words, and has a part in it */
  readonly requests: readonly string[];

  constructor(
    explanation: readonly string[],
    headline = "the packages asked for cannot be installed together",
    requests: readonly string[] = [],
  ) {
    super(`${headline}:\n${explanation.map((line) => `  ${line}`).join("\n")}`);
    this.explanation = explanation;
    this.requests = requests;
  }
}

export interface ResolvedPackage {
  package: BinaryPackage;
  /** who needed it first, undefined when the request did */
  neededBy: BinaryPackage | undefined;
  /** in which words, e.g. `Depends: libc6 (>= 2.38)` */
  because: string;
}

interface Rules {
  /** why a package must not be chosen; undefined when it may */
  refuses(one: BinaryPackage): string | undefined;
  /** whether a Recommends of `owner` is followed */
  follows(owner: BinaryPackage, recommended: Dependency): boolean;
  /** candidates of a dependency, reordered */
  prefer(candidates: BinaryPackage[]): BinaryPackage[];
  /**
   * Whether a package is there already and stays of itself, so that a dependency which it fulfils decides nothing yet:
   * else its version would be settled before what is wished for, which may want it newer.
   */
  isThere(one: BinaryPackage): boolean;
}

export class Resolution {
  readonly #index: PackageIndex;
  readonly #architecture: string;
  readonly #clauses: ClauseSet<BinaryPackage, ClauseCause>;
  readonly #rules: Rules;
  /** Requests that nothing can fulfil. */
  readonly #hopeless: (ClauseCause & { kind: "request" })[] = [];
  /** always true, and the owner of what is asked for */
  readonly #root: number;

  constructor(index: PackageIndex, architecture: string, rules: Rules) {
    this.#index = index;
    this.#architecture = architecture;
    this.#rules = rules;
    this.#clauses = new ClauseSet((owner, variable) => this.#expand(owner, variable));
    this.#root = this.#clauses.newVariable();
  }

  /**
   * One of `candidates` must be chosen, the earlier the better.
   *
   * @param when  `last`: only after all that is wished for may one be chosen that nothing has decided on
   */
  require(candidates: readonly BinaryPackage[], cause: ClauseCause, when: "first" | "last" = "first"): void {
    if (cause.kind === "request" && candidates.length === 0) this.#hopeless.push(cause);
    this.#clauses.add(
      [-this.#root, ...candidates.map((one) => this.#clauses.variableOf(one))],
      when === "first" ? "need" : "late",
      cause,
    );
  }

  /**
   * One of `candidates` is to be there, whichever the rest wants, and the earlier the better when it wants none; unless
   * what is required forbids each.
   */
  wishAny(candidates: readonly BinaryPackage[], cause: ClauseCause): void {
    const stays = this.#clauses.newVariable();
    this.#clauses.add([-this.#root, stays, this.#clauses.newVariable()], "soft", undefined);
    this.#clauses.add([-stays, ...candidates.map((one) => this.#clauses.variableOf(one))], "late", cause);
  }

  /**
   * One of `candidates` is chosen, the earlier the better, unless what is required forbids each; asked after all that
   * is required.
   */
  wish(candidates: readonly BinaryPackage[], cause: ClauseCause): void {
    this.#clauses.add(
      [-this.#root, ...candidates.map((one) => this.#clauses.variableOf(one)), this.#clauses.newVariable()],
      "soft",
      cause,
    );
  }

  /**
   * @returns the packages in the order in which they were found to be needed
   * @throws UnsatisfiableError, SolverLimitError
   */
  run(): ResolvedPackage[] {
    this.#clauses.add([this.#root], "fact", undefined);
    const found = this.#clauses.solve();
    if (found !== undefined) {
      // One such request is enough to fail, and who is told of one alone asks again for each.
      const isHopeless = found.every((cause) => cause.kind === "request" && cause.candidates.length === 0);
      const obstacles = isHopeless ? this.#hopeless : found;
      const asked = obstacles.filter((cause) => cause.kind === "request");
      throw new UnsatisfiableError(
        explainCore(obstacles, this.#index, this.#architecture),
        asked.length === 1
          ? `${asked[0]!.text} cannot be installed`
          : asked.length === 0
            ? "the change is not possible"
            : isHopeless
              ? `${asked.length} of the packages asked for cannot be installed`
              : undefined,
        asked.map(({ text }) => text),
      );
    }
    return this.#answer();
  }

  /** A package has been chosen for the first time: its own clauses join. */
  #expand(owner: BinaryPackage, variable: number): void {
    const architecture = owner.architecture === "all" ? this.#architecture : owner.architecture;
    const refusal = this.#rules.refuses(owner);
    if (refusal !== undefined)
      this.#clauses.add([-variable], "fact", { kind: "exclude", package: owner, why: refusal });
    for (const rival of rivalsOf(this.#index, owner))
      this.#clauses.add([-variable, -this.#clauses.variableOf(rival)], "fact", {
        kind: "rival",
        left: owner,
        right: rival,
      });
    for (const field of ["Conflicts", "Breaks"] as const) {
      for (const [conflict] of owner.relations(field)) {
        for (const other of conflictingWith(this.#index, conflict!, owner)) {
          this.#clauses.add([-variable, -this.#clauses.variableOf(other)], "fact", {
            kind: "conflict",
            owner,
            field,
            text: formatAlternative(conflict!),
            other,
          });
        }
      }
    }
    for (const field of ["Pre-Depends", "Depends"] as const) {
      for (const dependency of owner.relations(field)) {
        const candidates = this.#rules.prefer(candidatesFor(this.#index, dependency, architecture, this.#architecture));
        if (candidates.includes(owner)) continue;
        const when = candidates.length > 0 && this.#rules.isThere(candidates[0]!) ? "late" : "need";
        this.#clauses.add([-variable, ...candidates.map((one) => this.#clauses.variableOf(one))], when, {
          kind: "depends",
          owner,
          field,
          dependency,
          candidates,
        });
      }
    }
    for (const dependency of owner.relations("Recommends")) {
      if (!this.#rules.follows(owner, dependency)) continue;
      const candidates = this.#rules.prefer(candidatesFor(this.#index, dependency, architecture, this.#architecture));
      if (candidates.length === 0 || candidates.includes(owner)) continue;
      const givenUp = this.#clauses.newVariable();
      this.#clauses.add([-variable, ...candidates.map((one) => this.#clauses.variableOf(one)), givenUp], "soft", {
        kind: "depends",
        owner,
        field: "Recommends",
        dependency,
        candidates,
      });
    }
  }

  /**
   * What of the chosen packages is left when they are walked through as apt does (apt-pkg/depcache.cc, `MarkInstall`):
   * what was asked for, then each package's needs in turn, those of what fulfils one before the next. Alternatives are
   * decided in another order here, what is required first, so that one that was taken early can be idle beside another
   * that something else has brought.
   */
  #needed(): Set<BinaryPackage> {
    const chosen = this.#clauses.chosen();
    const asked: BinaryPackage[] = [],
      kept: BinaryPackage[] = [];
    const needs = new Map<BinaryPackage, (readonly BinaryPackage[])[]>();
    for (const cause of this.#clauses.causes()) {
      if (cause.kind === "depends") {
        if (chosen.has(cause.owner)) append(needs, cause.owner, cause.candidates);
      } else if (cause.kind === "request" || cause.kind === "keep") {
        const taken = cause.candidates.find((one) => chosen.has(one));
        if (taken !== undefined) (cause.kind === "request" ? asked : kept).push(taken);
      }
    }
    const there = [...chosen].filter((one) => this.#rules.isThere(one));
    const reached = new Set([...there, ...asked]);
    const walk = (from: BinaryPackage): void => {
      const path = [{ one: from, next: 0 }];
      for (let step = path.at(-1); step !== undefined; step = path.at(-1)) {
        const candidates = needs.get(step.one)?.[step.next++];
        if (candidates === undefined) {
          path.pop();
          continue;
        }
        if (candidates.some((one) => reached.has(one))) continue;
        const taken = candidates.find((one) => chosen.has(one));
        // None is there when a recommendation was given up.
        if (taken === undefined) continue;
        reached.add(taken);
        path.push({ one: taken, next: 0 });
      }
    };
    asked.forEach(walk);
    for (const one of kept) {
      reached.add(one);
      walk(one);
    }
    there.forEach(walk);
    return new Set([...chosen].filter((one) => reached.has(one)));
  }

  #answer(): ResolvedPackage[] {
    const resolved: ResolvedPackage[] = [];
    const reasons = new Map<BinaryPackage, { neededBy: BinaryPackage | undefined; because: string }>();
    const chosen = this.#needed();
    for (const cause of this.#clauses.causes()) {
      if (cause.kind !== "request" && cause.kind !== "depends" && cause.kind !== "keep") continue;
      if (cause.kind === "depends" && !chosen.has(cause.owner)) continue;
      const taken = cause.candidates.find((one) => chosen.has(one));
      if (taken === undefined || reasons.has(taken)) continue;
      reasons.set(
        taken,
        cause.kind !== "depends"
          ? { neededBy: undefined, because: cause.kind === "request" ? cause.text : cause.why }
          : { neededBy: cause.owner, because: `${cause.field}: ${formatDependency(cause.dependency)}` },
      );
    }
    for (const one of chosen)
      resolved.push({ package: one, ...(reasons.get(one) ?? { neededBy: undefined, because: "" }) });
    return resolved;
  }
}

function append<Key, Value>(map: Map<Key, Value[]>, key: Key, value: Value): void {
  const known = map.get(key);
  if (known === undefined) map.set(key, [value]);
  else known.push(value);
}
