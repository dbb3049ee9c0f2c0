/** What can go wrong: each kind of failure with what it carries. */
import type { LimitName, RunResult } from "./api-programs.ts";

/** What each kind of failure carries beside its words. */
export interface FailureData {
  /** There is no such image; `pull` would make it, or nobody can know how. */
  "no-image": { readonly image: string };
  /** The image is there and cannot be used, or could not be made. */
  image: { readonly image: string };
  /** The volume cannot be opened or written. */
  volume: { readonly path: string };
  /** Another process has it. */
  "in-use": { readonly path: string };
  /** An option has no meaning. */
  option: { readonly option: string };
  "no-user": { readonly user: string };
  /** The program cannot be started: not there, or not executable. */
  program: { readonly program: string; readonly code: string };
  /** The folder to start in. */
  cwd: { readonly path: string; readonly code: string };
  /** A folder of the host cannot be shown at its place. */
  mount: { readonly place: string };
  /** A file operation failed; `code` is Linux's name, such as ENOENT. */
  file: { readonly path: string; readonly code: string };
  /** A tar archive that cannot be unpacked. */
  archive: { readonly reason: string };
  /**
   * The machine cannot be saved as it is, or `state` not be gone on from: it is damaged, or another version's.
   */
  state: { readonly reason: "unsavable" | "damaged" | "foreign" };
  /**
   * A recording cannot be read, is of another image than the one here, or its run cannot be repeated: the replay went
   * another way.
   */
  recording: { readonly path: string };
  /** A program's status is above 0, and `check` was asked for. */
  status: { readonly result: RunResult };
  /** A limit was reached (LimitError). `partial`: of `run`, what the program had written. */
  limit: { readonly which: LimitName; readonly partial: RunResult | null };
  /** A loop over a program's output comes to where that was not kept, as nobody read: `lostBytes` of it. */
  output: { readonly lostBytes: number };
  /** Nobody listens on the port of the sandbox, or the answer is no HTTP. */
  port: { readonly port: number; readonly code: string };
  /** There is no such snapshot. */
  snapshot: { readonly label: string };
  /** There is no system of that name. */
  "no-system": { readonly system: string };
  /** The system is not in a state for this, or its name is another's. */
  system: { readonly system: string };
  /** It was closed, by `close()` or before this call. */
  closed: Readonly<Record<never, never>>;
  /** The process that the machine runs in is gone, or cannot be started. */
  engine: { readonly exitCode: number | null; readonly signal: string | null; readonly log: string };
}
export type FailureKind = keyof FailureData;

/** A failure of Stratos; a program that ends with a status above 0 is none. */
export class StratosError<Kind extends FailureKind = FailureKind> extends Error {
  readonly kind: Kind;
  readonly data: FailureData[Kind];

  constructor(kind: Kind, message: string, data: FailureData[Kind], options?: { cause?: unknown }) {
    super(message, options);
    this.name = "StratosError";
    this.kind = kind;
    this.data = data;
  }
}

/** A limit was reached: which one, and what there was until then. */
export class LimitError extends StratosError<"limit"> {
  constructor(message: string, data: FailureData["limit"]) {
    super("limit", message, data);
    this.name = "LimitError";
  }

  get which(): LimitName {
    return this.data.which;
  }

  /** Of `run`: what the program had written; else null. */
  get partial(): RunResult | null {
    return this.data.partial;
  }
}
