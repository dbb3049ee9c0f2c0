/**
 * `stratos … | head`: who reads no more ends the writer without a word, as SIGPIPE does elsewhere. Node ignores that
 * signal, so a write tells.
 */
import { constants } from "node:os";
import { hostReason } from "@stratos/host-node/home";
import { EXIT_FAILURE } from "./exit-status.ts";

/** As shells tell of a program that SIGPIPE ended. */
export const EXIT_BROKEN_PIPE: number = 128 + constants.signals.SIGPIPE;

/** Standard output, written to by its descriptor, is read no more. */
export class BrokenPipe extends Error {
  constructor(cause: unknown) {
    super("nobody reads standard output any more", { cause });
  }
}

/** Ends this process when what it prints arrives nowhere: without a word, or with one where the disk is full. */
export function endWithBrokenPipe(): void {
  process.stderr.on("error", endByOutput);
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") process.stderr.write(`stratos: standard output: ${hostReason(error)}\n`);
    endByOutput(error);
  });
}

function endByOutput(error: NodeJS.ErrnoException): never {
  process.exit(error.code === "EPIPE" ? EXIT_BROKEN_PIPE : EXIT_FAILURE);
}
