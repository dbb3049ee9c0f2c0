import type { ProgramEnd } from "@stratos/session";

/** What Stratos' own exit statuses mean; a guest program's status passes through unchanged. */
export const EXIT_SUCCESS = 0;
/** An error that the message explains. */
export const EXIT_FAILURE = 1;
/** The command line makes no sense. */
export const EXIT_USAGE = 2;
/** `timeout`(1)'s status, for `--timeout`. */
const EXIT_TIMEOUT = 124;
/** Stratos itself failed, so that the program did not run or did not end. */
export const EXIT_STRATOS_FAILED = 125;
/** The program was found but could not be executed. */
export const EXIT_NOT_EXECUTABLE = 126;
/** The program was not found. */
export const EXIT_NOT_FOUND = 127;
/** 128 + N: the program was ended by signal N. */
export const EXIT_SIGNAL_BASE = 128;

/** How the first program's end is told, as a shell would say it. */
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
