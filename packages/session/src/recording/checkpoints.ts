/**
 * Forks of a replayed machine that stay where they were made, so that whoever goes back begins at the nearest one.
 * Memory is shared until somebody writes, and what there is is bounded: by number, and by the memory that the machine
 * itself may still need.
 *
 *     origin ───────────●───────────●──────●────●──●─●●  here
 *
 * Those far from here are fewer: going back costs as much as the distance, not as the whole way.
 */
import { StateError } from "@stratos/base";
import type { LastRuns } from "@stratos/kernel";
import type { StartedReplay } from "./replay.ts";

/**
 * Least instructions from one to the next: some hundredths of a second of a translated run. They are closer towards a
 * place that is gone to, down to the minimum: who has asked for it asks for what was just before, many times.
 */
const SPACING = 20_000_000;
const SPACING_MIN = 500_000;
const COUNT_MAX = 40;
/** Frames that the machine may use up until it is looked at again. */
const SPARE_FRAMES = 8192;

export interface Checkpoint {
  readonly instructions: number;
  /** Lines of output before it. */
  readonly lines: number;
  /** Never takes a turn. */
  readonly run: StartedReplay;
  readonly lastRuns: LastRuns;
}

export class Checkpoints {
  /** Ascending. */
  readonly #list: Checkpoint[] = [];

  /** The last one before an instruction; null: the origin is. */
  before(instructions: number): Checkpoint | null {
    return this.#list.findLast((each) => each.instructions < instructions) ?? null;
  }

  /** The last one before a line of output is written. */
  beforeLine(line: number): Checkpoint | null {
    return this.#list.findLast((each) => each.lines < line) ?? null;
  }

  /**
   * A run is between two turns: perhaps a checkpoint is made of it, and others go.
   *
   * @param target  the instruction that it goes to; Infinity: none
   */
  pass(run: StartedReplay, target: number, lastRuns: () => LastRuns): void {
    const { machine } = run.replay.session;
    const { instructions } = machine.statistics;
    this.#makeRoom(run, instructions);
    const spacing = Math.min(SPACING, Math.max(SPACING_MIN, (target - instructions) / 2));
    if (this.#list.some((each) => Math.abs(each.instructions - instructions) < spacing)) return;
    // What a checkpoint does at once goes on in pieces here.
    if (instructions < spacing || machine.isStopped || machine.kernel.reaper.hasWork) return;
    const fork = forkOf(run);
    if (fork === null) return;
    const at = this.#list.findLastIndex((each) => each.instructions < instructions) + 1;
    const lines = run.replay.gate.outputLines;
    this.#list.splice(at, 0, { instructions, lines, run: fork, lastRuns: new Map(lastRuns()) });
    if (this.#list.length > COUNT_MAX) this.#thin(instructions);
  }

  /** It can't be gone on from. */
  drop(checkpoint: Checkpoint): void {
    const at = this.#list.indexOf(checkpoint);
    if (at >= 0) this.#list.splice(at, 1)[0]!.run.close();
  }

  close(): void {
    for (const { run } of this.#list.splice(0)) run.close();
  }

  /** As much memory as the machine was promised is to be there for it. */
  #makeRoom({ replay }: StartedReplay, here: number): void {
    const { memory } = replay.session.machine.kernel;
    const { parent } = memory;
    if (parent === null) return;
    while (this.#list.length > 0) {
      const wanted = Math.min(memory.limit - memory.charged, SPARE_FRAMES);
      if (parent.limit - parent.charged >= wanted) return;
      this.#thin(here);
    }
  }

  /** The one goes whose neighbours are closest to each other, as seen from here. */
  #thin(here: number): void {
    const gap = (at: number): number => {
      const { instructions } = this.#list[at]!;
      const before = this.#list[at - 1]?.instructions ?? 0;
      const after = this.#list[at + 1]?.instructions ?? Math.max(instructions, here);
      return (after - before) / (Math.abs(here - instructions) + SPACING);
    };
    let least = 0;
    for (let at = 1; at < this.#list.length; at++) if (gap(at) < gap(least)) least = at;
    this.drop(this.#list[least]!);
  }
}

/** @returns null: it holds what cannot be in two machines, or there is no memory; perhaps not any more later */
export function forkOf(run: StartedReplay): StartedReplay | null {
  try {
    return run.fork();
  } catch (error) {
    if (error instanceof StateError) return null;
    throw error;
  }
}
