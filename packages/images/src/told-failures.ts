/** Failures of the packages below whose messages are meant for people. */
import { OperationError } from "@stratos/operation";

/** Of the package side, on which images and builds stand as well. */
const TOLD: ReadonlySet<string> = new Set([
  "MirrorError",
  "FetchError",
  "IntegrityError",
  "ReleaseError",
  "ControlError",
  "DependencyError",
  "UnsatisfiableError",
  "SolverLimitError",
  "DebError",
  "RootTreeError",
  "LockError",
]);

/**
 * `error` as people are told it; a defect of ours as it is.
 *
 * @param what  whom it is about
 * @param also  names of further failures that are told
 */
export function toldFailure(what: string, error: unknown, also: ReadonlySet<string>): unknown {
  if (!(error instanceof Error) || !(TOLD.has(error.name) || also.has(error.name))) return error;
  return new OperationError("packages", what, withoutName(error.message, what), { cause: error });
}

/** Most failures name what they are about; it is told once. */
function withoutName(message: string, what: string): string {
  return message.startsWith(`${what}: `) ? message.slice(what.length + 2) : message;
}
