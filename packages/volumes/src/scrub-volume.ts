/** Content verified while it is at rest. */
import { setTimeout as delay } from "node:timers/promises";
import { Scrub, type ScrubCursor } from "@stratos/aegisfs";
import type { Progress } from "@stratos/operation";
import type { OpenedVolume } from "./open-volume.ts";
import { expectResult } from "./volume-error.ts";

const STEP_BLOCKS = 2048;
const BLOCK = 4096;

export interface ScrubCounts {
  readonly verifiedBytes: number;
  readonly repairedBlocks: number;
  readonly lostBlocks: number;
  readonly startedAt: string;
}

interface LostContent {
  readonly what: string;
  readonly subvolume: number;
  readonly ino: number;
  readonly block: number;
}

interface ScrubOutcome extends ScrubCounts {
  /** The next run goes on. */
  readonly paused: boolean;
  readonly damage: readonly LostContent[];
}

interface ScrubPace {
  /** Bytes a second; not given: as fast as it goes. */
  readonly rate?: number | undefined;
  /** It pauses after so many bytes. */
  readonly limit?: number | undefined;
  /** It pauses. */
  readonly signal: AbortSignal;
}

/** Goes on where an earlier run has paused. @throws OperationError */
export async function scrubVolume(
  opened: OpenedVolume,
  { rate, limit, signal }: ScrubPace,
  progress: Progress,
): Promise<ScrubOutcome> {
  const { path, volume } = opened;
  const scrub = Scrub.resume(volume);
  const startMs = performance.now();
  let doneBlocks = 0;
  for (;;) {
    const before = scrub.cursor.verified;
    const more = expectResult(path, scrub.step(STEP_BLOCKS));
    doneBlocks += scrub.cursor.verified - before;
    progress.update("Scrubbing", scrub.cursor.verified * BLOCK, scrub.total * BLOCK, "bytes");
    opened.breathe();
    if (more === 0) return outcome(scrub, false);
    if (signal.aborted || (limit !== undefined && doneBlocks * BLOCK >= limit)) {
      expectResult(path, scrub.pause());
      return outcome(scrub, true);
    }
    // Without a pace, too, it lets a signal in.
    const aheadMs = rate === undefined ? 0 : (doneBlocks * BLOCK * 1000) / rate - (performance.now() - startMs);
    await delay(Math.max(0, aheadMs));
  }
}

function outcome({ cursor, damage }: Scrub, paused: boolean): ScrubOutcome {
  return {
    paused,
    ...counts(cursor),
    damage: damage.map(({ what, subvolume, ino, block }) => ({ what, subvolume, ino, block })),
  };
}

function counts({ verified, repaired, lost, started }: ScrubCursor): ScrubCounts {
  return {
    verifiedBytes: verified * BLOCK,
    repairedBlocks: repaired,
    lostBlocks: lost,
    startedAt: new Date(started * 1000).toISOString(),
  };
}

interface ScrubState {
  readonly paused: ScrubCounts | null;
  readonly last: ScrubCounts | null;
}

/** The run that waits to go on, and the last that came to its end. */
export function scrubState({ volume }: OpenedVolume): ScrubState {
  const paused = Scrub.paused(volume);
  const last = Scrub.last(volume);
  return { paused: paused === null ? null : counts(paused), last: last === null ? null : counts(last) };
}

/** A run that waits to go on is forgotten. @throws OperationError */
export function cancelScrub({ path, volume }: OpenedVolume): void {
  if (Scrub.paused(volume) !== null) expectResult(path, Scrub.cancel(volume));
}
