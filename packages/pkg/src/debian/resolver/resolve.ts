/**
 * Which packages to install for a request: a set in which every dependency is fulfilled and nothing conflicts, chosen as
 * apt chooses: the first alternative that works, the newest version, the real package before a provider.
 *
 * The search is complete: when there is an answer it is found, and when there is none, the error says why.
 */
import { formatAlternative, formatDependency, parseDependencies, type Dependency } from "../dependency.ts";
import type { BinaryPackage, PackageIndex, RelationField } from "../package-index.ts";
import { candidatesFor, conflictingWith, rivalsOf } from "./candidates.ts";
import { explainCore } from "./explain.ts";
import { Solver } from "./solver.ts";

export interface ResolveRequest {
  /** what to install, each as a `Depends` entry would say it: `python3`, `gcc (>= 12)`, `vim | nano`; `name=version` also works */
  install: readonly string[];
  /** names that must not be chosen */
  exclude?: readonly string[];
  /** whether to follow Recommends, as far as they can be fulfilled */
  recommends?: boolean;
}

export interface ResolvedPackage {
  package: BinaryPackage;
  /** who needed it first, undefined when the request did */
  neededBy: BinaryPackage | undefined;
  /** in which words, e.g. `Depends: libc6 (>= 2.38)` */
  because: string;
}

/** Why a clause exists; the material of explanations. */
export type ClauseCause =
  | { kind: "request"; text: string; candidates: BinaryPackage[] }
  | { kind: "exclude"; package: BinaryPackage }
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

/**
 * Resolves `request` over `index`.
 *
 * @returns the packages in the order in which they were found to be needed
 * @throws UnsatisfiableError  no answer exists
 * @throws SolverLimitError  the search was given up
 */
export function resolve(index: PackageIndex, request: ResolveRequest, architecture: string): ResolvedPackage[] {
  return new Resolution(index, request, architecture).run();
}

interface Clause { literals: number[]; cause: ClauseCause | undefined }

class Resolution {
  readonly #index: PackageIndex;
  readonly #request: ResolveRequest;
  readonly #architecture: string;
  readonly #solver: Solver;
  readonly #packages: (BinaryPackage | undefined)[] = [undefined];
  readonly #variables = new Map<BinaryPackage, number>();
  readonly #clauses: Clause[] = [];
  readonly #excluded: Set<string>;

  constructor(index: PackageIndex, request: ResolveRequest, architecture: string) {
    this.#index = index;
    this.#request = request;
    this.#architecture = architecture;
    this.#excluded = new Set(request.exclude ?? []);
    this.#solver = new Solver((variable) => this.#expand(variable));
  }

  run(): ResolvedPackage[] {
    // Variable 1 is the request itself: always true, and the owner of what was asked for.
    const root = this.#newVariable(undefined);
    const requests = this.#request.install.map((text) => ({ text, dependency: parseRequest(text) }));
    for (const { text, dependency } of requests) {
      const candidates = candidatesFor(this.#index, dependency, this.#architecture, this.#architecture);
      this.#add([-root, ...candidates.map((one) => this.#variableOf(one))], "need", { kind: "request", text, candidates });
    }
    this.#add([root], "fact", undefined);
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

  #add(literals: number[], kind: "fact" | "need" | "soft", cause: ClauseCause | undefined): void {
    // Ids are numbered alike here and there as long as the solver has learned nothing; so the id is kept, not counted.
    this.#clauses[this.#solver.add(literals, kind)] = { literals, cause };
  }

  /** A package has been chosen for the first time: its own clauses join. */
  #expand(variable: number): void {
    const owner = this.#packages[variable];
    if (owner === undefined) return;
    const architecture = owner.architecture === "all" ? this.#architecture : owner.architecture;
    if (this.#excluded.has(owner.name)) this.#add([-variable], "fact", { kind: "exclude", package: owner });
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
        const candidates = candidatesFor(this.#index, dependency, architecture, this.#architecture);
        if (candidates.includes(owner)) continue;
        this.#add([-variable, ...candidates.map((one) => this.#variableOf(one))], "need", { kind: "depends", owner, field, dependency, candidates });
      }
    }
    if (this.#request.recommends !== true) return;
    for (const dependency of owner.relations("Recommends")) {
      const candidates = candidatesFor(this.#index, dependency, architecture, this.#architecture);
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
      if (cause === undefined || (cause.kind !== "request" && cause.kind !== "depends")) continue;
      if (cause.kind === "depends" && !chosen.has(cause.owner)) continue;
      const taken = cause.candidates.find((one) => chosen.has(one));
      if (taken === undefined || reasons.has(taken)) continue;
      reasons.set(taken, cause.kind === "request" ? { neededBy: undefined, because: cause.text } : { neededBy: cause.owner, because: `${cause.field}: ${formatDependency(cause.dependency)}` });
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

/** A request's text as a dependency; `name=version` is what apt's command line takes. */
function parseRequest(text: string): Dependency {
  const pinned = /^([A-Za-z0-9][A-Za-z0-9+.-]*(?::[a-z0-9-]+)?)=(\S+)$/.exec(text);
  return parseDependencies(pinned === null ? text : `${pinned[1]} (= ${pinned[2]})`)[0] ?? [];
}
