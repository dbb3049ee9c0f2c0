/**
 * `stratos explore`: a program under many schedules and faults, and the least of what was done to it that makes it
 * fail.
 *
 *     undisturbed ──► attempt 1 … n, each with a plan of its own ──► fails? ──► narrowed ──► shorter holds ──► recorded
 *
 * All follows from the seed and the attempt's number: the same command finds the same.
 */
import type { AppliedDisturbance, Disturbance, FaultKind } from "@stratos/kernel/faults";
import {
  type AttemptBounds,
  type AttemptHooks,
  type AttemptOutcome,
  type ExploreTarget,
  runAttempt,
} from "./attempt.ts";
import { attemptPlan, groundOf } from "./attempt-plan.ts";
import { type Failure, failureOf, type FailureRules, outputDifference } from "./failure.ts";
import { narrow } from "./narrow.ts";

export interface ExploreOptions extends FailureRules {
  readonly target: Omit<ExploreTarget, "bounds">;
  /** The first attempt's number, from 1, and how many there are. */
  readonly from: number;
  readonly attempts: number;
  readonly faults: readonly FaultKind[];
  readonly schedules: boolean;
  /** Most runs to narrow what was found. */
  readonly narrowRuns: number;
  /** How the failing run is recorded. */
  readonly record?: AttemptHooks["record"] | undefined;
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
/** Times that a hold is made shorter, so many holds at most, and down to so much: time for others to come first. */
const SHORTER_RUNS = 6;
const SHORTER_HOLDS = 4;
const SHORT_HOLD_NS = 10_000;

/** @throws SessionError when the program cannot be started */
export async function explore(options: ExploreOptions): Promise<Explored> {
  const { onProgress } = options;
  const undisturbed = await runAttempt({ ...options.target, bounds: null }, { list: [] }, { notesPoints: true });
  onProgress?.({ kind: "undisturbed", outcome: undisturbed });
  // Who does not end is never a measure for others.
  if (isEndless(undisturbed)) return { undisturbed, attempts: 0, found: null };
  const target = { ...options.target, bounds: boundsFor(undisturbed) };
  const run = new Exploration(options, target, undisturbed);
  const failure = failureOf(undisturbed, undisturbed, options);
  if (failure !== null) return { undisturbed, attempts: 0, found: await run.report(0, failure, undisturbed) };
  const ground = groundOf(undisturbed, options);
  let attempts = 0;
  for (let attempt = options.from; attempts < options.attempts; attempt++) {
    attempts++;
    onProgress?.({ kind: "attempt", attempt });
    const outcome = await runAttempt(target, attemptPlan(target.seed, attempt, options, ground));
    const found = failureOf(undisturbed, outcome, options);
    if (found === null) continue;
    onProgress?.({ kind: "found", attempt, failure: found, disturbances: outcome.applied.length });
    return { undisturbed, attempts, found: await run.report(attempt, found, outcome) };
  }
  return { undisturbed, attempts, found: null };
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
  readonly #target: ExploreTarget;
  readonly #undisturbed: AttemptOutcome;

  constructor(options: ExploreOptions, target: ExploreTarget, undisturbed: AttemptOutcome) {
    this.#options = options;
    this.#target = target;
    this.#undisturbed = undisturbed;
  }

  /** What is left of a failing attempt, recorded. */
  async report(attempt: number, failure: Failure, first: AttemptOutcome): Promise<Found> {
    const { narrowRuns, onProgress } = this.#options;
    let outcome = first;
    const again = async (list: readonly Disturbance[]): Promise<AttemptOutcome | null> => {
      onProgress?.({ kind: "narrowing", left: list.length });
      const next = await runAttempt(this.#target, { list: list.map(plain) });
      const same = failureOf(this.#undisturbed, next, this.#options)?.key === failure.key;
      if (same) outcome = next;
      return same ? next : null;
    };
    let isLeast = first.applied.length === 0;
    let runs = 0;
    if (!isLeast) {
      const narrowed = await narrow<Disturbance>(
        first.applied,
        async (part) => {
          const next = await again(part);
          return next === null ? null : part.filter((each) => next.applied.some((applied) => isSame(applied, each)));
        },
        narrowRuns,
      );
      ({ isLeast, runs } = narrowed);
      runs += await shorten(narrowed.list, again, narrowRuns - runs);
    }
    // The outcome is that of the list that was kept last: whoever replays it meets the same.
    const { record } = this.#options;
    if (record !== undefined) {
      const disturbances = outcome.applied.map(plain);
      outcome = await runAttempt(
        this.#target,
        { list: disturbances },
        { record: { ...record, header: { ...record.header, disturbances } } },
      );
    }
    return {
      attempt,
      failure,
      met: first.applied.length,
      left: outcome.applied,
      isLeast,
      narrowRuns: runs,
      outcome,
      output: outputDifference(this.#undisturbed, outcome),
    };
  }
}

/** Holds are as short as still does: a reader learns how much time it takes. @returns how many runs that took */
async function shorten(
  list: readonly Disturbance[],
  again: (list: readonly Disturbance[]) => Promise<AttemptOutcome | null>,
  runsMost: number,
): Promise<number> {
  let current = list;
  let runs = 0;
  const holds = list.filter(({ kind }) => kind === "hold");
  if (holds.length > SHORTER_HOLDS) return 0;
  for (const hold of holds) {
    let shortest = hold;
    for (let times = 0; times < SHORTER_RUNS && runs < runsMost && shortest.amount > SHORT_HOLD_NS; times++) {
      const shorter = { ...shortest, amount: Math.max(SHORT_HOLD_NS, Math.ceil(shortest.amount / 4)) };
      const tried = current.map((each) => (each === shortest ? shorter : each));
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
