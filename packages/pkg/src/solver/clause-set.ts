/**
 * Clauses over things (packages, candidates) rather than numbers, each with the reason that it exists: what searches
 * for packages put to the solver, and what explains an answer, or that there is none.
 */
import { Solver, type ClauseKind } from "./solver.ts";

interface Clause<Cause> {
  literals: number[];
  kind: ClauseKind;
  cause: Cause | undefined;
}

export class ClauseSet<Item extends object, Cause> {
  readonly #solver: Solver;
  /** by variable; undefined for those that stand for no thing */
  readonly #items: (Item | undefined)[] = [undefined];
  readonly #variables = new Map<Item, number>();
  /** by the solver's number of the clause, which numbers what it learns too */
  readonly #clauses: (Clause<Cause> | undefined)[] = [];

  /** @param expand  called when a thing is first chosen; adds the clauses that speak for it */
  constructor(expand: (item: Item, variable: number) => void) {
    this.#solver = new Solver((variable) => {
      const item = this.#items[variable];
      if (item !== undefined) expand(item, variable);
    });
  }

  /** A variable of its own. */
  newVariable(): number {
    this.#items.push(undefined);
    return this.#solver.newVariable();
  }

  /** The variable that says that `item` is chosen. */
  variableOf(item: Item): number {
    let variable = this.#variables.get(item);
    if (variable === undefined) {
      variable = this.#solver.newVariable();
      this.#items.push(item);
      this.#variables.set(item, variable);
    }
    return variable;
  }

  /** @param kind  all but a `fact` begin with their owner, negated */
  add(literals: number[], kind: ClauseKind, cause: Cause | undefined): void {
    this.#clauses[this.#solver.add(literals, kind)] = { literals, kind, cause };
  }

  /**
   * @returns undefined when there is an answer, else the reasons why there is none, none of them idle
   * @throws SolverLimitError
   */
  solve(): Cause[] | undefined {
    const result = this.#solver.solve();
    return result.isSatisfiable
      ? undefined
      : this.#minimalCore(result.core)
          .map((clause) => clause.cause)
          .filter((cause) => cause !== undefined);
  }

  isTrue(variable: number): boolean {
    return this.#solver.isTrue(variable);
  }

  /** What was chosen, in the order in which it was found to be needed. */
  chosen(): Set<Item> {
    return new Set(
      this.#solver
        .trueVariables()
        .map((variable) => this.#items[variable])
        .filter((item) => item !== undefined),
    );
  }

  /** The reasons of all clauses, in the order in which they came. */
  causes(): Cause[] {
    return this.#clauses.map((clause) => clause?.cause).filter((cause) => cause !== undefined);
  }

  /** Leaves out each clause without which the rest is still unsatisfiable. */
  #minimalCore(core: readonly number[]): Clause<Cause>[] {
    let clauses = core.map((id) => this.#clauses[id]).filter((clause) => clause !== undefined);
    for (let index = clauses.length - 1; index >= 0; index--) {
      const without = clauses.filter((_, at) => at !== index);
      if (!isSatisfiable(without)) clauses = without;
    }
    return clauses;
  }
}

function isSatisfiable(clauses: readonly Clause<unknown>[]): boolean {
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
  for (const { literals, kind } of clauses) solver.add(literals.map(literalOf), kind === "fact" ? "fact" : "need");
  return solver.solve().isSatisfiable;
}
