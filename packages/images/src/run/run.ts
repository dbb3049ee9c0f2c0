/** One program in a clone of an image. Who compares two such runs loads `@stratos/images/check`, and traces with it. */
export type { Program, RunRequest } from "./run-machine.ts";
export { type RunEnd, runProgram, type RunSurroundings } from "./run-program.ts";
export { chosenSeed, type RunSettings } from "./run-settings.ts";
export { runStatistics, type RunStatistics } from "./run-statistics.ts";
export type { ColdStart } from "./warm-or-cold.ts";
export type { Notice } from "@stratos/kernel";
export { hasTerminal, openErrorOutputAlone, openStandardFiles, ownTerminal } from "./standard-files.ts";
