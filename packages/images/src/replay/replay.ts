/** Recorded runs once more: as they were, up to a place, or along a line in both directions. */
export { runThere } from "./program-there.ts";
export { openTimeline, replayFailure, withRecordedRun, withTimeline } from "./recorded-run.ts";
export { replayMonitor } from "./replay-monitor.ts";
export { replayOnce } from "./replay-once.ts";
export { openDraft, type DraftFile } from "../run/run-recording.ts";
