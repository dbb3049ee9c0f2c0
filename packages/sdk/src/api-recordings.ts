/** Recorded runs: what was recorded, and places in it. */
import type { SignalOption } from "./api-abort-signal.ts";
import type { FileHandleLike, HomeOptions, ImagePlace } from "./api-images.ts";

/** A file that holds a recording, or will. Node: its path. Browsers: a file of the origin's own; to read, any. */
export type RecordingFile = string | FileHandleLike;

export interface OpenRecordingOptions extends HomeOptions, SignalOption {
  /**
   * What a recording is repeated on that has no image in it: of a run that was cut short, or of an older version.
   * Default: the image of the name that it was recorded on; in a page none.
   */
  readonly image?: ImagePlace;
}

export interface SeekOptions extends SignalOption {
  /** It may take so long; absent: as long as it takes. */
  readonly timeoutMs?: number;
}

/** What a recording is of. */
export interface RecordingInfo {
  readonly image: string;
  /** The program and its arguments. */
  readonly command: readonly string[];
  readonly seed: number;
  readonly memoryBytes: number;
  readonly harts: number;
  /** What came from outside on its own: pieces of input, signals, what sockets got. */
  readonly eventCount: number;
  /**
   * How the run ended; null: the recorder was stopped before, and this is as far as it goes. `outputHash` is the
   * SHA-256 of all output in order, as hexadecimal digits.
   */
  readonly end: { readonly exitCode: number; readonly instructions: number; readonly outputHash: string } | null;
}

/**
 * A place in a recorded run: before the instruction of that number, from 0; once so many events have come in; once so
 * many lines of output (of both streams together) are written; or before the program's last instruction.
 *
 * Where a recording was cut short (`end` is null) the program is followed until it would need something from outside;
 * one that needs nothing, such as an endless loop, is followed until `timeoutMs`, `signal` or `close` makes `seek`
 * reject.
 */
export type RecordingPosition =
  | { readonly instruction: number }
  | { readonly event: number }
  | { readonly line: number }
  | "end";

/** Where a replay stands. */
export interface RecordingPlace {
  /** false: the recording ends before what was asked for, and this is its end. */
  readonly isReached: boolean;
  /** Before the instruction with this number. */
  readonly instruction: number;
  readonly eventCount: number;
  /** Of both streams together. */
  readonly outputLines: number;
  readonly outputBytes: number;
}

/** What a recorded run had written up to a place. */
export interface RecordedOutput {
  /** As text; bytes that are no UTF-8 become U+FFFD. */
  readonly stdout: string;
  readonly stderr: string;
  readonly stdoutBytes: Uint8Array;
  readonly stderrBytes: Uint8Array;
}
