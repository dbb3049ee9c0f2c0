/** Failures as `e2b` has them. */
import { LimitError, StratosError } from "@stratos/sdk/public";

export interface CommandResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly error?: string;
}

export class SandboxError extends Error {
  override name = "SandboxError";
}

/** A limit of time was reached. */
export class TimeoutError extends SandboxError {
  override name = "TimeoutError";
}

export class NotFoundError extends SandboxError {
  override name = "NotFoundError";
}

/** A command's status is above 0. */
export class CommandExitError extends SandboxError implements CommandResult {
  override name = "CommandExitError";
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly error: string;

  constructor({ exitCode, stdout, stderr, error = `exit status ${exitCode}` }: CommandResult) {
    super(error);
    this.exitCode = exitCode;
    this.stdout = stdout;
    this.stderr = stderr;
    this.error = error;
  }
}

/** Failures have the other library's classes. */
export async function translated<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof LimitError) throw new TimeoutError(error.message, { cause: error });
    if (!(error instanceof StratosError)) throw error;
    const code = (error.data as { readonly code?: string }).code;
    const isMissing = error.kind === "no-image" || error.kind === "no-system" || code === "ENOENT";
    throw new (isMissing ? NotFoundError : SandboxError)(error.message, { cause: error });
  }
}
