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
  return error.kind === "option" ? EXIT_USAGE : error.kind === "internal" ? EXIT_STRATOS_FAILED : EXIT_FAILURE;
}

/** The command line makes no sense. */
export class UsageError extends CommandError {
  constructor(what: string, why: string) {
    super(what, why, { status: EXIT_USAGE });
  }
}

/** A volume belongs to another process: that which has it mounted, perhaps. */
export class VolumeInUseError extends CommandError {
  /** File or device that is locked. */
  readonly path: string;
  /** Where it is mounted; null: nowhere that this process sees. */
  readonly mountPoint: string | null;

  /**
   * @param words  who has it, when more is known than its number
   */
  constructor(
    what: string,
    {
      path,
      owner,
      mountPoint,
      cause,
      words = `in use by process ${owner}`,
    }: { path: string; owner: number; mountPoint: string | null; cause: unknown; words?: string },
  ) {
    super(
      what,
      `${words}` +
        (mountPoint === null
          ? /mount namespace/.test(words)
            ? ""
            : ": it is mounted, or another command changes it"
          : `: it is mounted on ${mountPoint}, where its files are changed and read; \`stratos fs umount\` ends that`),
      cause === null ? {} : { cause },
    );
    this.path = path;
    this.mountPoint = mountPoint;
  }
}
