/** What an operation failed on. A face makes statuses and its own words of it. */
export type OperationFailure =
  /** What was asked for makes no sense. */
  | "option"
  | "no-image"
  /** An image cannot be read, made or changed. */
  | "image"
  | "volume"
  /** Another process has it. */
  | "in-use"
  /** Packages, their repositories and mirrors. */
  | "packages"
  /** A treefile, what is composed or built. */
  | "build"
  /** A program, or a file that is run as one. */
  | "program"
  /** A file that is no recording, or a damaged one. */
  | "recording"
  /** A recorded run went another way, cannot be replayed here, or has nothing at that place. */
  | "replay"
  /** A hub refuses, or there is no way to it. */
  | "hub"
  /** Stratos itself failed. */
  | "internal"
  /** Of the command line alone. */
  | "command";

/** Its message is `what: why`, for people. */
export class OperationError extends Error {
  readonly kind: OperationFailure;
  /** What it is about: an image's name, a path, an option. */
  readonly what: string;
  readonly why: string;

  constructor(kind: OperationFailure, what: string, why: string, options: { cause?: unknown } = {}) {
    super(`${what}: ${why}`, options);
    this.kind = kind;
    this.what = what;
    this.why = why;
  }
}
