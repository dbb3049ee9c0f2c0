/**
 * `stratos … | head`: who reads no more ends the writer without a word, as SIGPIPE does elsewhere. Node ignores that
 * signal, so a write tells.
 */
import { constants } from "node:os";

/** As shells tell of a program that SIGPIPE ended. */
export const EXIT_BROKEN_PIPE: number = 128 + constants.signals.SIGPIPE;

/** Standard output, written to by its descriptor, is read no more. */
export class BrokenPipe extends Error {
  constructor(cause: unknown) {
    super("nobody reads standard output any more", { cause });
  }
}

/** Ends this process when nobody reads what it prints. */
export function endWithBrokenPipe(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EPIPE") process.exit(EXIT_BROKEN_PIPE);
      throw error;
    });
  }
}
