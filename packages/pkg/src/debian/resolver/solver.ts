/**
 * A conflict-driven clause-learning solver whose clauses come while it runs and whose choices are ordered.
 *
 * Variables are numbers from 1; a literal is `v` or `−v`. A *need* `[−p, c1, c2 …]` says "if p, then one of c1, c2 …,
 * the earlier the better"; it alone causes choices, taken in the order in which its owners became true. So nothing
 * becomes true without a reason, and without conflicts the answer is what a greedy walk (apt's) would give. *Soft*
 * needs come after these and end in a variable of their own that gives them up. *Late* needs must be fulfilled too, but
 * what nobody has decided by then is chosen last: that is how an installed package stays in its version unless
 * something wants it newer.
 *
 * When a variable first becomes true, `expand` adds the clauses that speak for it. Each of them holds `−variable`,
 * which is false on the current level, so whatever they imply belongs to the current level too: that is what makes
 * adding clauses in mid-search sound. Two watched literals, first unique implication point, back-jumping; clauses
 * learned keep what they were made of, so that an unsatisfiable problem yields the given clauses that cause it.
 *
 * See: J. Marques-Silva, I. Lynce, S. Malik, "Conflict-Driven Clause Learning SAT Solvers" (Handbook of Satisfiability,
 * ch. 4).
 */
import { assert } from "@stratos/base";

export type ClauseKind = "fact" | "need" | "soft" | "late";

interface Clause {
  /** for a need: the owner first, negated, then the candidates by preference; the order stays as given */
  literals: number[];
  /** indices of the two watched literals */
  watchA: number;
  watchB: number;
  /**
   * what a learned clause was resolved from: ids of clauses, and `~variable` for what level 0 decides; undefined for
   * given ones
   */
  parents: number[] | undefined;
}

interface SolverResult {
  isSatisfiable: boolean;
  /** ids of given clauses that cannot hold together; empty when satisfiable */
  core: number[];
}

/** Learned clauses before the solver gives up: real package sets need a few hundred. */
const CONFLICTS_MAX = 200_000;

/** The search did not end within its bound. */
export class SolverLimitError extends Error {
  override name = "SolverLimitError";
}

export class Solver {
  readonly #expand: (variable: number) => void;
  readonly #clauses: Clause[] = [];
  /** per literal (2v, 2v + 1): ids of clauses that watch it */
  readonly #watches: number[][] = [[], []];
  /** per variable: 0 unknown, 1 true, −1 false */
  readonly #values: number[] = [0];
  readonly #levels: number[] = [0];
  /** per variable: id of the clause that implied it, −1 for a choice */
  readonly #reasons: number[] = [-1];
  readonly #isExpanded: boolean[] = [false];
  readonly #needs: number[][] = [[]];
  readonly #softNeeds: number[][] = [[]];
  readonly #lateNeeds: number[][] = [[]];
  readonly #trail: number[] = [];
  /** trail length at the start of each level above 0 */
  readonly #levelStarts: number[] = [];
  /** how far needs are known to be fulfilled, now and at the start of each level */
  #agenda = 0;
  #softAgenda = 0;
  #lateAgenda = 0;
  readonly #agendaStarts: number[] = [];
  readonly #softAgendaStarts: number[] = [];
  readonly #lateAgendaStarts: number[] = [];
  #propagated = 0;
  /** a clause that was false when it was added */
  #conflict = -1;
  #conflicts = 0;

  /** @param expand  called once for each variable that becomes true; adds its clauses */
  constructor(expand: (variable: number) => void) {
    this.#expand = expand;
  }

  newVariable(): number {
    this.#values.push(0);
    this.#levels.push(0);
    this.#reasons.push(-1);
    this.#isExpanded.push(false);
    this.#needs.push([]);
    this.#softNeeds.push([]);
    this.#lateNeeds.push([]);
    this.#watches.push([], []);
    return this.#values.length - 1;
  }

  isTrue(variable: number): boolean {
    return this.#values[variable] === 1;
  }

  /** True variables in the order in which they became true. */
  trueVariables(): number[] {
    return this.#trail.filter((literal) => literal > 0);
  }

  /**
   * Adds a clause and returns its id. During the search it must hold the negation of the variable that is being
   * expanded.
   *
   * @param kind  a `need`, `soft` or `late` clause begins with its owner, negated
   */
  add(literals: readonly number[], kind: ClauseKind): number {
    const id = this.#clauses.length;
    const clause: Clause = { literals: [...literals], watchA: 0, watchB: 0, parents: undefined };
    this.#clauses.push(clause);
    if (kind !== "fact") {
      const owner = -literals[0]!;
      assert(owner > 0, "a need begins with its owner, negated");
      (kind === "need" ? this.#needs : kind === "soft" ? this.#softNeeds : this.#lateNeeds)[owner]!.push(id);
    }
    this.#watch(id, clause);
    return id;
  }

  solve(): SolverResult {
    for (;;) {
      const conflict = this.#propagate();
      if (conflict >= 0) {
        if (this.#levelStarts.length === 0) return { isSatisfiable: false, core: this.#coreOf(conflict) };
        if (++this.#conflicts > CONFLICTS_MAX)
          throw new SolverLimitError(`no answer within ${CONFLICTS_MAX} conflicts`);
        this.#learn(conflict);
        continue;
      }
      const choice = this.#nextChoice();
      if (choice === 0) return { isSatisfiable: true, core: [] };
      this.#levelStarts.push(this.#trail.length);
      this.#agendaStarts.push(this.#agenda);
      this.#softAgendaStarts.push(this.#softAgenda);
      this.#lateAgendaStarts.push(this.#lateAgenda);
      this.#assign(choice, -1);
    }
  }

  #valueOf(literal: number): number {
    return literal > 0 ? this.#values[literal]! : -this.#values[-literal]!;
  }

  #levelOf(literal: number): number {
    return this.#levels[Math.abs(literal)]!;
  }

  #assign(literal: number, reason: number): void {
    const variable = Math.abs(literal);
    this.#values[variable] = literal > 0 ? 1 : -1;
    this.#levels[variable] = this.#levelStarts.length;
    this.#reasons[variable] = reason;
    this.#trail.push(literal);
  }

  /** Chooses the watched literals: true or unknown ones first, else those that became false last. */
  #watch(id: number, clause: Clause): void {
    const { literals } = clause;
    const rank = (literal: number): number => (this.#valueOf(literal) >= 0 ? Infinity : this.#levelOf(literal));
    let best = -1,
      second = -1;
    for (let index = 0; index < literals.length; index++) {
      if (best < 0 || rank(literals[index]!) > rank(literals[best]!)) {
        second = best;
        best = index;
      } else if (second < 0 || rank(literals[index]!) > rank(literals[second]!)) second = index;
    }
    if (best < 0) {
      this.#conflict = id;
      return;
    }
    clause.watchA = best;
    clause.watchB = second < 0 ? best : second;
    this.#watchList(literals[best]!).push(id);
    if (second >= 0) this.#watchList(literals[second]!).push(id);
    const bestValue = this.#valueOf(literals[best]!);
    if (bestValue < 0) {
      if (this.#conflict < 0) this.#conflict = id;
      return;
    }
    const isUnit = second < 0 || this.#valueOf(literals[second]!) < 0;
    if (bestValue === 0 && isUnit) this.#assign(literals[best]!, id);
  }

  #watchList(literal: number): number[] {
    return this.#watches[literal > 0 ? 2 * literal : -2 * literal + 1]!;
  }

  /** Draws all conclusions; returns the id of a clause that became false, or −1. */
  #propagate(): number {
    while (this.#conflict < 0 && this.#propagated < this.#trail.length) {
      const literal = this.#trail[this.#propagated++]!;
      if (literal > 0 && !this.#isExpanded[literal]) {
        this.#isExpanded[literal] = true;
        this.#expand(literal);
        if (this.#conflict >= 0) break;
      }
      const list = this.#watchList(-literal);
      let kept = 0;
      for (let at = 0; at < list.length; at++) {
        const id = list[at]!;
        if (this.#keepsWatch(id, -literal)) list[kept++] = id;
        if (this.#conflict >= 0) {
          while (++at < list.length) list[kept++] = list[at]!;
        }
      }
      list.length = kept;
    }
    const conflict = this.#conflict;
    this.#conflict = -1;
    return conflict;
  }

  /** `falsified` became false under clause `id`, which watches it: moves the watch (false), or concludes. */
  #keepsWatch(id: number, falsified: number): boolean {
    const clause = this.#clauses[id]!;
    const { literals } = clause;
    const isA = literals[clause.watchA] === falsified;
    const otherIndex = isA ? clause.watchB : clause.watchA;
    const other = literals[otherIndex]!;
    const otherValue = other === falsified ? -1 : this.#valueOf(other);
    if (otherValue > 0) return true;
    for (let index = 0; index < literals.length; index++) {
      if (index === clause.watchA || index === clause.watchB || this.#valueOf(literals[index]!) < 0) continue;
      if (isA) clause.watchA = index;
      else clause.watchB = index;
      this.#watchList(literals[index]!).push(id);
      return false;
    }
    if (otherValue === 0) this.#assign(other, id);
    else this.#conflict = id;
    return true;
  }

  /** The candidate to choose next, or 0 when every need is fulfilled. */
  #nextChoice(): number {
    for (; this.#agenda < this.#trail.length; this.#agenda++) {
      const choice = this.#unfulfilled(this.#needs, this.#trail[this.#agenda]!);
      if (choice !== 0) return choice;
    }
    for (; this.#softAgenda < this.#trail.length; this.#softAgenda++) {
      const choice = this.#unfulfilled(this.#softNeeds, this.#trail[this.#softAgenda]!);
      if (choice !== 0) return choice;
    }
    for (; this.#lateAgenda < this.#trail.length; this.#lateAgenda++) {
      const choice = this.#unfulfilled(this.#lateNeeds, this.#trail[this.#lateAgenda]!);
      if (choice !== 0) return choice;
    }
    return 0;
  }

  #unfulfilled(needs: readonly number[][], owner: number): number {
    if (owner < 0) return 0;
    for (const id of needs[owner]!) {
      const { literals } = this.#clauses[id]!;
      let choice = 0;
      for (let index = 1; index < literals.length; index++) {
        const value = this.#valueOf(literals[index]!);
        if (value > 0) {
          choice = 0;
          break;
        }
        if (value === 0 && choice === 0) choice = literals[index]!;
      }
      if (choice !== 0) return choice;
    }
    return 0;
  }

  /** Learns from the false clause `conflict` (first unique implication point) and jumps back to where it bites. */
  #learn(conflict: number): void {
    // A clause added late may be false on a lower level than the current one.
    const { literals: conflictLiterals } = this.#clauses[conflict]!;
    const conflictLevel = Math.max(0, ...conflictLiterals.map((literal) => this.#levelOf(literal)));
    this.#backtrack(conflictLevel);
    if (conflictLevel === 0) {
      this.#conflict = conflict;
      return;
    }

    const seen = new Set<number>();
    const parents = [conflict];
    const learned: number[] = [];
    let open = 0;
    const take = (literals: readonly number[]): void => {
      for (const literal of literals) {
        const variable = Math.abs(literal);
        if (seen.has(variable) || this.#valueOf(literal) > 0) continue;
        seen.add(variable);
        if (this.#levels[variable] === conflictLevel) open++;
        else if (this.#levels[variable]! > 0) learned.push(literal);
        else parents.push(~variable);
      }
    };
    take(conflictLiterals);
    let at = this.#trail.length - 1;
    let point = 0;
    for (;;) {
      while (!seen.has(Math.abs(this.#trail[at]!))) at--;
      point = this.#trail[at--]!;
      if (--open === 0) break;
      const reason = this.#reasons[Math.abs(point)]!;
      parents.push(reason);
      take(this.#clauses[reason]!.literals);
    }
    learned.unshift(-point);
    let level = 0;
    for (let index = 1; index < learned.length; index++) level = Math.max(level, this.#levelOf(learned[index]!));
    this.#backtrack(level);
    const id = this.#clauses.length;
    const clause: Clause = { literals: learned, watchA: 0, watchB: 0, parents };
    this.#clauses.push(clause);
    this.#watch(id, clause);
  }

  /** Clauses that made `variable` what it is on level 0. */
  #reasonChain(variable: number): number[] {
    const chain: number[] = [];
    const seen = new Set([variable]);
    const stack = [variable];
    for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
      const reason = this.#reasons[next]!;
      if (reason < 0) continue;
      chain.push(reason);
      for (const literal of this.#clauses[reason]!.literals) {
        const other = Math.abs(literal);
        if (!seen.has(other)) {
          seen.add(other);
          stack.push(other);
        }
      }
    }
    return chain;
  }

  #backtrack(level: number): void {
    if (this.#levelStarts.length <= level) return;
    const length = this.#levelStarts[level]!;
    this.#agenda = this.#agendaStarts[level]!;
    this.#softAgenda = this.#softAgendaStarts[level]!;
    this.#lateAgenda = this.#lateAgendaStarts[level]!;
    while (this.#trail.length > length) {
      const variable = Math.abs(this.#trail.pop()!);
      this.#values[variable] = 0;
      this.#reasons[variable] = -1;
    }
    this.#levelStarts.length =
      this.#agendaStarts.length =
      this.#softAgendaStarts.length =
      this.#lateAgendaStarts.length =
        level;
    this.#propagated = length;
    this.#conflict = -1;
  }

  /** The given clauses behind a conflict on level 0. */
  #coreOf(conflict: number): number[] {
    const core = new Set<number>();
    const seen = new Set<number>();
    const stack = [conflict];
    for (const literal of this.#clauses[conflict]!.literals) stack.push(...this.#reasonChain(Math.abs(literal)));
    for (let id = stack.pop(); id !== undefined; id = stack.pop()) {
      if (seen.has(id)) continue;
      seen.add(id);
      const { parents } = this.#clauses[id]!;
      if (parents === undefined) core.add(id);
      else
        for (const parent of parents) {
          if (parent >= 0) stack.push(parent);
          else if (!seen.has(parent)) {
            seen.add(parent);
            stack.push(...this.#reasonChain(~parent));
          }
        }
    }
    return [...core].sort((left, right) => left - right);
  }
}
