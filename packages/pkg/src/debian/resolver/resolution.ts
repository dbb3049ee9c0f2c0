/**
 * One run of the solver over an index: clauses for packages that come into question, and the answer with its reasons.
 * What is wanted (a fresh set, or the change of a system) is said by {@link Rules} and by the needs that are added first.
 */
import { formatAlternative, formatDependency, type Dependency } from "../dependency.ts";
import type { BinaryPackage, PackageIndex, RelationField } from "../package-index.ts";
import { candidatesFor, conflictingWith, rivalsOf } from "./candidates.ts";
import { explainCore } from "./explain.ts";
import { Solver, type ClauseKind } from "./solver.ts";

/** Why a clause exists; the material of explanations. */
export type ClauseCause =
  | { kind: "request"; text: string; candidates: BinaryPackage[] }
  | { kind: "exclude"; package: BinaryPackage; why: string }
  | { kind: "keep"; package: BinaryPackage; why: string; candidates: BinaryPackage[] }
  | { kind: "depends"; owner: BinaryPackage; field: RelationField; dependency: Dependency; candidates: BinaryPackage[] }
  | { kind: "conflict"; owner: BinaryPackage; field: RelationField; text: string; other: BinaryPackage }
  | { kind: "rival"; left: BinaryPackage; right: BinaryPackage };

/** No set of packages fulfils the request. The message explains it in sentences, one to a line. */
export class UnsatisfiableError extends Error {
  override name = "UnsatisfiableError";
  readonly explanation: readonly string[];

  constructor(explanation: readonly string[]) {
    super(`the packages asked for cannot be installed together:\n${explanation.map((line) => `  ${line}`).join("\n")}`);
    this.explanation = explanation;
  }
}

export interface ResolvedPackage {
  package: BinaryPackage;
  /** who needed it first, undefined when the request did */
  neededBy: BinaryPackage | undefined;
  /** in which words, e.g. `Depends: libc6 (>= 2.38)` */
  because: string;
}

export interface Rules {
  /** why a package must not be chosen; undefined when it may */
  refuses(one: BinaryPackage): string | undefined;
  /** whether a Recommends of `owner` is followed */
  follows(owner: BinaryPackage, recommended: Dependency): boolean;
  /** candidates of a dependency, reordered */
  prefer(candidates: BinaryPackage[]): BinaryPackage[];
  /**
   * Whether a package is there already and stays of itself, so that a dependency which it fulfils decides nothing yet: else its version
   * would be settled before what is wished for, which may want it newer.
   */
  isThere(one: BinaryPackage): boolean;
}

interface Clause { literals: number[]; cause: ClauseCause | undefined }

export class Resolution {
  readonly #index: PackageIndex;
  readonly #architecture: string;
  readonly #solver: Solver;
  readonly #packages: (BinaryPackage | undefined)[] = [undefined];
  readonly #variables = new Map<BinaryPackage, number>();
  readonly #clauses: Clause[] = [];
  readonly #rules: Rules;
  /** always true, and the owner of what is asked for */
  readonly #root: number;

  constructor(index: PackageIndex, architecture: string, rules: Rules) {
    this.#index = index;
    this.#architecture = architecture;
    this.#rules = rules;
    this.#solver = new Solver((variable) => this.#expand(variable));
    this.#root = this.#newVariable(undefined);
  }

  /**
   * One of `candidates` must be chosen, the earlier the better.
   *
   * @param when  `last`: only after all that is wished for may one be chosen that nothing has decided on
   */
  require(candidates: readonly BinaryPackage[], cause: ClauseCause, when: "first" | "last" = "first"): void {
    this.#add([-this.#root, ...candidates.map((one) => this.#variableOf(one))], when === "first" ? "need" : "late", cause);
  }

  /** One of `candidates` is to be there, whichever the rest wants, and the earlier the better when it wants none; unless what is required forbids each. */
  wishAny(candidates: readonly BinaryPackage[], cause: ClauseCause): void {
    const stays = this.#newVariable(undefined);
    this.#add([-this.#root, stays, this.#newVariable(undefined)], "soft", undefined);
    this.#add([-stays, ...candidates.map((one) => this.#variableOf(one))], "late", cause);
  }

  /** One of `candidates` is chosen, the earlier the better, unless what is required forbids each; asked after all that is required. */
  wish(candidates: readonly BinaryPackage[], cause: ClauseCause): void {
    this.#add([-this.#root, ...candidates.map((one) => this.#variableOf(one)), this.#newVariable(undefined)], "soft", cause);
  }

  /**
   * @returns the packages in the order in which they were found to be needed
   * @throws UnsatisfiableError, SolverLimitError
   */
  run(): ResolvedPackage[] {
    this.#add([this.#root], "fact", undefined);
    const result = this.#solver.solve();
    if (!result.isSatisfiable) throw new UnsatisfiableError(explainCore(this.#minimalCore(result.core).map((clause) => clause.cause!), this.#index));
    return this.#answer();
  }

  #newVariable(one: BinaryPackage | undefined): number {
    this.#packages.push(one);
    return this.#solver.newVariable();
  }

  #variableOf(one: BinaryPackage): number {
    let variable = this.#variables.get(one);
    if (variable === undefined) {
      variable = this.#newVariable(one);
      this.#variables.set(one, variable);
    }
    return variable;
  }

  #add(literals: number[], kind: ClauseKind, cause: ClauseCause | undefined): void {
    // Ids are numbered alike here and there as long as the solver has learned nothing; so the id is kept, not counted.
    this.#clauses[this.#solver.add(literals, kind)] = { literals, cause };
  }

  /** A package has been chosen for the first time: its own clauses join. */
  #expand(variable: number): void {
    const owner = this.#packages[variable];
    if (owner === undefined) return;
    const architecture = owner.architecture === "all" ? this.#architecture : owner.architecture;
    const refusal = this.#rules.refuses(owner);
    if (refusal !== undefined) this.#add([-variable], "fact", { kind: "exclude", package: owner, why: refusal });
    for (const rival of rivalsOf(this.#index, owner)) this.#add([-variable, -this.#variableOf(rival)], "fact", { kind: "rival", left: owner, right: rival });
    for (const field of ["Conflicts", "Breaks"] as const) {
      for (const [conflict] of owner.relations(field)) {
        for (const other of conflictingWith(this.#index, conflict!, owner)) {
          this.#add([-variable, -this.#variableOf(other)], "fact", { kind: "conflict", owner, field, text: formatAlternative(conflict!), other });
        }
      }
    }
    for (const field of ["Pre-Depends", "Depends"] as const) {
      for (const dependency of owner.relations(field)) {
        const candidates = this.#rules.prefer(candidatesFor(this.#index, dependency, architecture, this.#architecture));
        if (candidates.includes(owner)) continue;
        const when = candidates.length > 0 && this.#rules.isThere(candidates[0]!) ? "late" : "need";
        this.#add([-variable, ...candidates.map((one) => this.#variableOf(one))], when, { kind: "depends", owner, field, dependency, candidates });
      }
    }
    for (const dependency of owner.relations("Recommends")) {
      if (!this.#rules.follows(owner, dependency)) continue;
      const candidates = this.#rules.prefer(candidatesFor(this.#index, dependency, architecture, this.#architecture));
      if (candidates.length === 0 || candidates.includes(owner)) continue;
      const givenUp = this.#newVariable(undefined);
      this.#add([-variable, ...candidates.map((one) => this.#variableOf(one)), givenUp], "soft", { kind: "depends", owner, field: "Recommends", dependency, candidates });
    }
  }

  #answer(): ResolvedPackage[] {
    const resolved: ResolvedPackage[] = [];
    const reasons = new Map<BinaryPackage, { neededBy: BinaryPackage | undefined; because: string }>();
    const chosen = new Set<BinaryPackage>();
    for (const variable of this.#solver.trueVariables()) {
      const one = this.#packages[variable];
      if (one !== undefined) chosen.add(one);
    }
    for (const clause of this.#clauses) {
      const cause = clause?.cause;
      if (cause === undefined || (cause.kind !== "request" && cause.kind !== "depends" && cause.kind !== "keep")) continue;
      if (cause.kind === "depends" && !chosen.has(cause.owner)) continue;
      const taken = cause.candidates.find((one) => chosen.has(one));
      if (taken === undefined || reasons.has(taken)) continue;
      reasons.set(taken, cause.kind !== "depends" ? { neededBy: undefined, because: cause.kind === "request" ? cause.text : cause.why } : { neededBy: cause.owner, because: `${cause.field}: ${formatDependency(cause.dependency)}` });
    }
    for (const one of chosen) resolved.push({ package: one, ...(reasons.get(one) ?? { neededBy: undefined, because: "" }) });
    return resolved;
  }

  /** Leaves out each clause without which the rest is still unsatisfiable, so that the explanation holds nothing idle. */
  #minimalCore(core: readonly number[]): Clause[] {
    let clauses = core.map((id) => this.#clauses[id]!);
    for (let index = clauses.length - 1; index >= 0; index--) {
      const without = clauses.filter((_, at) => at !== index);
      if (!isSatisfiable(without, this.#packages.length)) clauses = without;
    }
    return clauses.filter((clause) => clause.cause !== undefined);
  }
}

function isSatisfiable(clauses: readonly Clause[], variableCount: number): boolean {
  const renumbered = new Map<number, number>();
  const solver = new Solver(() => {});
  const literalOf = (literal: number): number => {
    const variable = Math.abs(literal);
    let own = renumbered.get(variable);
    if (own === undefined) {
      own = solver.newVariable();
      renumbered.set(variable, own);
    }
    return literal > 0 ? own : -own;
  };
  for (const { literals, cause } of clauses) {
    const own = literals.map(literalOf);
    solver.add(own, own[0]! < 0 && own.length > 1 && (cause?.kind === "depends" || cause?.kind === "request") ? "need" : "fact");
  }
  return variableCount > 0 && solver.solve().isSatisfiable;
}

