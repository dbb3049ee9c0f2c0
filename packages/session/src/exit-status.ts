/** How the end of a machine's first program is told as a number, as shells and `timeout`(1) do. */
/** How the first program ended. */
export type ProgramEnd =
  | { readonly kind: "exited"; readonly status: number }
  | { readonly kind: "killed"; readonly signal: number }
  /** The machine was ended before the program did: after `timeoutMs`, or by `stop`. */
  | { readonly kind: "timed out" | "stopped" };

/** The program was ended because its time was over. */
export const EXIT_TIMEOUT = 124;
/** Stratos itself failed, so that the program did not run or did not end. */
export const EXIT_STRATOS_FAILED = 125;
/** 128 + N: the program was ended by signal N. */
export const EXIT_SIGNAL_BASE = 128;

/** @param status  as wait(2) tells it */
export function endOfWaitStatus(status: number): ProgramEnd {
  const signal = status & 0x7f;
  return signal === 0 ? { kind: "exited", status: (status >> 8) & 0xff } : { kind: "killed", signal };
}

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
