/** What kept a machine or its first program from starting. */
export type SessionFailure =
  /** /dev, /proc or another file system that every machine has could not be mounted. */
  | "mount"
  /** A folder of the host cannot be shown at its place. */
  | "place"
  /** The image has no such user or group. */
  | "user"
  /** The folder to start in is not there. */
  | "folder"
  | "folder-denied"
  | "program-not-found"
  /** The program is there and cannot be executed. */
  | "program-not-executable";

/** Its message is `what: why`, for people. */
export class SessionError extends Error {
  readonly kind: SessionFailure;
  readonly what: string;
  readonly why: string;
  /** Positive; 0 when no call of the kernel failed. */
  readonly errno: number;

  constructor(kind: SessionFailure, what: string, why: string, errno = 0) {
    super(`${what}: ${why}`);
    this.kind = kind;
    this.what = what;
    this.why = why;
    this.errno = errno;
  }
}
