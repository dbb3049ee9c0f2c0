/**
 * `stratos explore`: a program under many schedules and faults, and the least of what was done to it that makes it
 * fail.
 *
 *     undisturbed ──► attempt 1 … n, each with a plan of its own ──► fails? ──► narrowed ──► shorter holds ──► recorded
 *
 * All follows from the seed and the attempt's number: the same command finds the same.
 */
import type { AppliedDisturbance, Disturbance, DisturbancePlan, FaultKind } from "@stratos/kernel/faults";
import type { Board } from "@stratos/kernel";
import type { Machine } from "@stratos/machine";
import { Attempt, type AttemptOutcome, type AttemptRecord, type ExploreTarget } from "./attempt.ts";
import type { AttemptBounds } from "./attempt-gate.ts";
import { attemptPlan, groundOf } from "./attempt-plan.ts";
import { checkFailureOf, type Failure, failureOf, type FailureRules, outputDifference } from "./failure.ts";
import { narrow } from "./narrow.ts";
import { checkCut } from "./power-cut.ts";
import { Stems } from "./stems.ts";

export interface ExploreOptions extends FailureRules {
  readonly target: ExploreTarget;
  /** The first attempt's number, from 1, and how many there are. */
  readonly from: number;
  readonly attempts: number;
  readonly faults: readonly FaultKind[];
  readonly schedules: boolean;
  /** Most runs to narrow what was found. */
  readonly narrowRuns: number;
  /** How the failing run is recorded. */
  readonly record?: AttemptRecord | undefined;
  /** Looks on at the undisturbed run, and at what is left of one that fails, before the program starts. */
  onMachine?(machine: Machine, run: "undisturbed" | "failing"): void;
  /** For who waits. */
  onProgress?(progress: ExploreProgress): void;
}

export type ExploreProgress =
  | { readonly kind: "undisturbed"; readonly outcome: AttemptOutcome }
  | { readonly kind: "attempt"; readonly attempt: number }
  | { readonly kind: "found"; readonly attempt: number; readonly failure: Failure; readonly disturbances: number }
  | { readonly kind: "narrowing"; readonly left: number };

export interface Found {
  /** 0: it fails undisturbed. */
  readonly attempt: number;
  readonly failure: Failure;
  /** How many disturbances the attempt had, and those that are left. */
  readonly met: number;
  readonly left: readonly AppliedDisturbance[];
  /** Each of them is needed, as far as is known. */
  readonly isLeast: boolean;
  readonly narrowRuns: number;
  readonly outcome: AttemptOutcome;
  /** Where its output differs from that of the undisturbed run; null: nowhere. */
  readonly output: string | null;
}

export interface Explored {
  readonly undisturbed: AttemptOutcome;
  readonly attempts: number;
  /** null: nothing. */
  readonly found: Found | null;
}

/** An attempt runs on when it takes so many times as much as the undisturbed run, and so much more. */
const RUNS_ON_TIMES = 50;
const RUNS_ON_INSTRUCTIONS = 500_000_000;
const RUNS_ON_NS = 600e9;
/** What lasts for an amount of nanoseconds. */
const LASTING: ReadonlySet<string> = new Set(["hold", "delay", "partition"]);
/** Times that one of them is made shorter, so many at most, and down to so much: time for others to come first. */
const SHORTER_RUNS = 6;
const SHORTER_MOST = 4;
const SHORT_NS = 10_000;

/** @throws SessionError when the program cannot be started */
export async function explore(options: ExploreOptions): Promise<Explored> {
  const { onProgress, target } = options;
  const board = target.createBoard();
  const { cut, ...run } = await ended(
    target,
    Attempt.begin(
      target,
      board,
      { list: [] },
      { notesPoints: true, onMachine: (machine) => options.onMachine?.(machine, "undisturbed") },
    ),
    { checksEnd: true },
  );
  const undisturbed = { ...run, cut: null };
  onProgress?.({ kind: "undisturbed", outcome: undisturbed });
  // Who does not end is never a measure for others.
  if (isEndless(undisturbed)) return { undisturbed, attempts: 0, found: null };
  const stems = new Stems();
  try {
    const run = new Exploration(options, { board, stems, undisturbed });
    const failure = failureOf(undisturbed, undisturbed, options);
    if (failure !== null) return { undisturbed, attempts: 0, found: await run.report(0, failure, undisturbed) };
    const checked = cut === null ? null : checkFailureOf(cut, "though no power failed");
    if (checked !== null) return { undisturbed, attempts: 0, found: nothingDone(checked, { ...undisturbed, cut }) };
    // What a fork is made from is written: more than a power cut would leave.
    if (target.check === null) await stems.grow(target, undisturbed);
    const ground = groundOf(undisturbed, options);
    let attempts = 0;
    for (let attempt = options.from; attempts < options.attempts; attempt++) {
      attempts++;
      onProgress?.({ kind: "attempt", attempt });
      const outcome = await run.warm(attemptPlan(target.seed, attempt, options, ground));
      const fails = failureOf(undisturbed, outcome, options);
      if (fails === null) continue;
      onProgress?.({ kind: "found", attempt, failure: fails, disturbances: outcome.applied.length });
      const found = await run.report(attempt, fails, outcome);
      if (found !== null) return { undisturbed, attempts, found };
    }
    return { undisturbed, attempts, found: null };
  } finally {
    stems.close();
  }
}

/** @param checksEnd  the check, if there is one, looks at what is left when the program has ended, too */
async function ended(
  target: ExploreTarget,
  attempt: Attempt,
  { checksEnd = false }: { checksEnd?: boolean } = {},
): Promise<AttemptOutcome> {
  const { board } = attempt;
  let outcome;
  let cut;
  try {
    outcome = await attempt.run();
    if (checksEnd && !isEndless(outcome)) attempt.losePowerAtEnd();
    cut = attempt.takeCut();
  } finally {
    attempt.close();
  }
  return cut === null ? outcome : { ...outcome, cut: await checkCut(target, board, cut) };
}

function nothingDone(failure: Failure, outcome: AttemptOutcome): Found {
  return { attempt: 0, failure, met: 0, left: [], isLeast: true, narrowRuns: 0, outcome, output: null };
}

/** It was ended undisturbed by a bound that is none of its own. */
export function isEndless({ killedBecause }: AttemptOutcome): boolean {
  return killedBecause === "timed out" || killedBecause === "prints on";
}

function boundsFor({ instructions, ns }: AttemptOutcome): AttemptBounds {
  return {
    instructions: instructions * RUNS_ON_TIMES + RUNS_ON_INSTRUCTIONS,
    ns: ns * RUNS_ON_TIMES + RUNS_ON_NS,
  };
}

class Exploration {
  readonly #options: ExploreOptions;
  readonly #board: Board;
  readonly #stems: Stems;
  readonly #undisturbed: AttemptOutcome;
  readonly #bounds: AttemptBounds;

  constructor(options: ExploreOptions, parts: { board: Board; stems: Stems; undisturbed: AttemptOutcome }) {
    this.#options = options;
    this.#board = parts.board;
    this.#stems = parts.stems;
    this.#undisturbed = parts.undisturbed;
    this.#bounds = boundsFor(parts.undisturbed);
  }

  /** From the last stem before the plan begins. */
  warm(plan: DisturbancePlan): Promise<AttemptOutcome> {
    const stem = this.#stems.before(plan);
    return stem === null ? this.cold(plan) : ended(this.#options.target, stem.fork(plan, this.#bounds));
  }

  cold(
    plan: DisturbancePlan,
    more: { record?: AttemptRecord | undefined; onMachine?: (machine: Machine) => void } = {},
  ): Promise<AttemptOutcome> {
    const { target } = this.#options;
    return ended(target, Attempt.begin(target, this.#board, plan, { bounds: this.#bounds, ...more }));
  }

  /** What is left of a failing attempt, recorded; null: from the program's beginning it does not fail. */
  async report(attempt: number, failure: Failure, first: AttemptOutcome): Promise<Found | null> {
    const { record, onMachine } = this.#options;
    for (const run of [this.warm, this.cold]) {
      const narrowed = await this.#narrow(failure, first, (plan) => run.call(this, plan));
      const disturbances = narrowed.outcome.applied.map(plain);
      const header = record === undefined ? undefined : { ...record, header: { ...record.header, disturbances } };
      const outcome = await this.cold(
        { list: disturbances },
        { record: header, onMachine: (machine) => onMachine?.(machine, "failing") },
      );
      // Its words may be others than the attempt's: a total that came out wrong in another way.
      const left = failureOf(this.#undisturbed, outcome, this.#options);
      if (left?.key !== failure.key) continue;
      return {
        attempt,
        failure: left,
        met: first.applied.length,
        left: outcome.applied,
        isLeast: narrowed.isLeast,
        narrowRuns: narrowed.runs,
        outcome,
        // A power cut ends the output, too.
        output: outcome.cut === null ? outputDifference(this.#undisturbed, outcome) : null,
      };
    }
    return null;
  }

  /** Leaves out what the same failure does not need. */
  async #narrow(
    failure: Failure,
    first: AttemptOutcome,
    run: (plan: DisturbancePlan) => Promise<AttemptOutcome>,
  ): Promise<{ readonly outcome: AttemptOutcome; readonly runs: number; readonly isLeast: boolean }> {
    const { narrowRuns, onProgress } = this.#options;
    let outcome = first;
    const again = async (list: readonly Disturbance[]): Promise<AttemptOutcome | null> => {
      onProgress?.({ kind: "narrowing", left: list.length });
      const next = await run({ list: list.map(plain) });
      if (!this.#fails(next, failure)) return null;
      outcome = next;
      return next;
    };
    const { list, runs, isLeast } = await narrow<Disturbance>(
      first.applied,
      async (part) => {
        const next = await again(part);
        return next === null ? null : part.filter((each) => next.applied.some((applied) => isSame(applied, each)));
      },
      narrowRuns,
    );
    const more = await shorten(list, again, narrowRuns - runs);
    return { outcome, runs: runs + more, isLeast };
  }

  #fails(outcome: AttemptOutcome, { key }: Failure): boolean {
    return failureOf(this.#undisturbed, outcome, this.#options)?.key === key;
  }
}

/** What lasts is as short as still does: a reader learns how much time it takes. @returns how many runs that took */
async function shorten(
  list: readonly Disturbance[],
  again: (list: readonly Disturbance[]) => Promise<AttemptOutcome | null>,
  runsMost: number,
): Promise<number> {
  let current = list;
  let runs = 0;
  const lasting = list.filter(({ kind }) => LASTING.has(kind));
  if (lasting.length > SHORTER_MOST) return 0;
  for (const each of lasting) {
    let shortest = each;
    for (let times = 0; times < SHORTER_RUNS && runs < runsMost && shortest.amount > SHORT_NS; times++) {
      const shorter = { ...shortest, amount: Math.max(SHORT_NS, Math.ceil(shortest.amount / 4)) };
      const tried = current.map((one) => (one === shortest ? shorter : one));
      runs++;
      if ((await again(tried)) === null) break;
      current = tried;
      shortest = shorter;
    }
  }
  return runs;
}

function plain({ tid, at, n, kind, amount }: Disturbance): Disturbance {
  return { tid, at, n, kind, amount };
}

function isSame(one: Disturbance, other: Disturbance): boolean {
  return one.tid === other.tid && one.at === other.at && one.n === other.n && one.kind === other.kind;
}
