import { EXIT_FAILURE, EXIT_USAGE } from "./exit-status.ts";

/** A failure that is told as `stratos: what: why`, without a stack trace. */
export class CommandError extends Error {
  readonly what: string;
  readonly why: string;
  readonly status: number;

  constructor(what: string, why: string, options: { status?: number; cause?: unknown } = {}) {
    super(`${what}: ${why}`, options.cause === undefined ? undefined : { cause: options.cause });
    this.what = what;
    this.why = why;
    this.status = options.status ?? EXIT_FAILURE;
  }
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

/**
 * Words for a failed call of the host: `no such file or directory` rather than
 * `ENOENT: no such file or directory, open '…'`.
 */
export function hostReason(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const match = /^[A-Z][A-Z0-9]+: ([^,]+), /.exec(message);
  if (match === null) return message;
  // libuv's words of EISDIR say less than everybody else's.
  return match[1] === "illegal operation on a directory" ? "is a directory" : match[1]!;
}
