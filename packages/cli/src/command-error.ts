export { hostReason } from "@stratos/host-node/home";
import { OperationError } from "@stratos/operation";
import { EXIT_FAILURE, EXIT_STRATOS_FAILED, EXIT_USAGE } from "./exit-status.ts";

/** A command's own failure: told as `stratos: what: why`, without a stack trace, as that of an operation is. */
export class CommandError extends OperationError {
  readonly status: number;

  constructor(what: string, why: string, options: { status?: number; cause?: unknown } = {}) {
    super("command", what, why, options.cause === undefined ? {} : { cause: options.cause });
    this.status = options.status ?? EXIT_FAILURE;
  }
}

/** The status of a command that ends with it. */
export function statusOf(error: OperationError): number {
  if (error instanceof CommandError) return error.status;
  if (error.kind === "option") return EXIT_USAGE;
  return error.kind === "internal" || error.kind === "replay" ? EXIT_STRATOS_FAILED : EXIT_FAILURE;
}

/** The command line makes no sense. */
export class UsageError extends CommandError {
  constructor(what: string, why: string) {
    super(what, why, { status: EXIT_USAGE });
  }
}
