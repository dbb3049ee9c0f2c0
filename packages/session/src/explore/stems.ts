/**
 * The undisturbed run, stopped at some moments: an attempt whose first disturbance comes later goes on from a fork of
 * the last one before it, and spares the way there. What it then does is what it would do from the beginning; what is
 * told of a failure is what a run from there shows, because only that can be recorded.
 */
import { StateError } from "@stratos/base";
import type { DisturbancePlan } from "@stratos/kernel/faults";
import { Attempt, type AttemptOutcome, type ExploreTarget, NO_BOUNDS } from "./attempt.ts";

/** So many, at equal distances. */
const STEMS = 7;
/** Instructions of a run that are worth it: a fork takes as long as some million. */
const WORTH = 10_000_000;
const UNDISTURBED: DisturbancePlan = { list: [] };

export class Stems {
  readonly #stems: Attempt[] = [];

  get count(): number {
    return this.#stems.length;
  }

  /** Runs the program once more, and stops on the way. */
  async grow(target: ExploreTarget, { instructions }: AttemptOutcome): Promise<void> {
    if (instructions < WORTH) return;
    const attempt = Attempt.begin(target, target.createBoard(), UNDISTURBED);
    try {
      await attempt.run(() => {
        const next = Math.floor((attempt.instructions * (STEMS + 1)) / instructions);
        if (next <= this.#stems.length || this.#stems.length >= STEMS) return;
        const stem = forkOf(attempt);
        if (stem !== null) this.#stems.push(stem);
      });
    } finally {
      attempt.close();
    }
  }

  /** The last one before all that a plan does; null: there is none. A plan that draws begins where its seed says. */
  before(plan: DisturbancePlan): Attempt | null {
    if ("seed" in plan) return this.#stems[(plan.seed % (this.#stems.length + 1)) - 1] ?? null;
    return this.#stems.findLast((stem) => !plan.list.some((each) => stem.hasPassed(each))) ?? null;
  }

  close(): void {
    for (const stem of this.#stems.splice(0)) stem.close();
  }
}

/** @returns null: it holds what cannot be in two machines now; perhaps not any more after its next turn */
function forkOf(attempt: Attempt): Attempt | null {
  try {
    return attempt.fork(UNDISTURBED, NO_BOUNDS);
  } catch (error) {
    if (error instanceof StateError) return null;
    throw error;
  }
}
