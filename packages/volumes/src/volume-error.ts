/** The engine's answers in words. */
import { getSystemErrorMessage } from "node:util";
import { EINVAL, EISDIR, EROFS, EUCLEAN, EWOULDBLOCK } from "@stratos/abi";
import { MOUNT_ERROR_WORDS, type MountError } from "@stratos/aegisfs";
import { OperationError } from "@stratos/operation";

export function mountFailure(path: string, error: MountError): OperationError {
  return new OperationError("volume", path, MOUNT_ERROR_WORDS[error]);
}

/** What stands behind a failure in words, for programs. */
export class EngineError extends Error {
  /** Negated. */
  readonly errno: number;

  constructor(errno: number) {
    super(errnoWords(errno));
    this.errno = errno;
  }
}

/** Words of a negated errno. */
export function errnoWords(errno: number): string {
  switch (-errno) {
    case EUCLEAN:
      return "the volume is damaged here; `stratos fs check` says where";
    case EISDIR:
      return "is a directory";
    case EROFS:
      return "read-only";
    case EINVAL:
      return "not possible here (invalid argument)";
    case EWOULDBLOCK:
      return "in use";
    default:
      return getSystemErrorMessage(errno);
  }
}

/** Passes a result on, or throws what it says of `what`. */
export function expectResult(what: string, result: number): number {
  if (result < 0) throw new OperationError("volume", what, errnoWords(result), { cause: new EngineError(result) });
  return result;
}

/** The same for results that are objects. */
export function expectValue<T>(what: string, result: T | number): T {
  if (typeof result === "number")
    throw new OperationError("volume", what, errnoWords(result), { cause: new EngineError(result) });
  return result;
}
