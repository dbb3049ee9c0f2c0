/** A recorded run as it was, from its beginning to its end. */
import type { Machine } from "@stratos/machine";
import { openReplayFiles, type OutputStream, Replay, type ReplayOutcome } from "@stratos/session";
import { type RunStatistics, runStatistics } from "../run/run-statistics.ts";
import type { RecordedRun } from "./recorded-run.ts";

interface ReplayedRun {
  readonly outcome: ReplayOutcome;
  readonly statistics: RunStatistics;
}

/**
 * @param streams  for its standard output and its standard error
 * @param watch    gets the machine before it starts @returns what is called when it has ended, in whatever way
 * @throws RecordingError, ReplayError, SessionError
 */
export async function replayOnce(
  run: RecordedRun,
  streams: readonly [OutputStream, OutputStream],
  watch: (machine: Machine) => () => void = () => () => {},
): Promise<ReplayedRun> {
  const { recording } = run;
  const clone = run.cloneImage();
  try {
    const replay = new Replay(recording, { ports: run.ports, volume: clone.volume });
    const { session } = replay;
    const unwatch = watch(session.machine);
    const standard = openReplayFiles(session, replay.gate, recording.header, streams);
    const startMs = performance.now();
    let outcome: ReplayOutcome;
    try {
      outcome = await replay.run(standard.files);
    } finally {
      await standard.finish();
      unwatch();
    }
    session.machine.processor.submitProfile();
    const times = { wallMs: performance.now(), startMs, runMs: session.pump.runMs, isWarm: false, before: null };
    return { outcome, statistics: runStatistics(session.machine, times) };
  } finally {
    clone.close();
  }
}
