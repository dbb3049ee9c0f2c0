/** How the end of a machine's first program is told as a number, as shells and `timeout`(1) do. */
import type { ProgramEnd } from "./machine-session.ts";

/** The program was ended because its time was over. */
export const EXIT_TIMEOUT = 124;
/** Stratos itself failed, so that the program did not run or did not end. */
export const EXIT_STRATOS_FAILED = 125;
/** 128 + N: the program was ended by signal N. */
export const EXIT_SIGNAL_BASE = 128;

export function exitStatusOf(end: ProgramEnd): number {
  switch (end.kind) {
    case "exited":
      return end.status;
    case "killed":
      return EXIT_SIGNAL_BASE + end.signal;
    case "timed out":
      return EXIT_TIMEOUT;
    case "stopped":
      return EXIT_STRATOS_FAILED;
  }
}
