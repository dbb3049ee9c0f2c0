/** Programs in clones of images, once and for all of their life: `@stratos/images/run`. */
export { type CheckedRuns, checkRuns } from "./check-runs.ts";
export type { Program, RunRequest } from "./run-machine.ts";
export { type RunEnd, runProgram, type RunSurroundings } from "./run-program.ts";
export type { RunSettings } from "./run-settings.ts";
export { runStatistics, type RunStatistics } from "./run-statistics.ts";
export type { ColdStart } from "./warm-or-cold.ts";
