/** Programs of a sandbox: how they are started, what they read and write, how they end. */
import type { AbortSignalLike, SignalOption } from "./api-abort-signal.ts";

/** Defaults of a program, which each run may set anew. */
export interface ProgramOptions {
  /** Added to the sandbox's environment; nothing of the host's gets in unasked. */
  readonly env?: Readonly<Record<string, string>>;
  /** Absolute path in the sandbox; default: `/`. */
  readonly cwd?: string;
  /** `USER[:GROUP]`, names or numbers; default: root. */
  readonly user?: string;
}

/** Which limit was reached; `timeout` is a program's `timeoutMs`, `lifetime` that of its sandbox. */
export type LimitName = "timeout" | "output" | "memory" | "processes" | "disk" | "cpu" | "lifetime";

export type Bytes = string | Uint8Array;

/** What a program reads: a text (as UTF-8), bytes, or pieces of these as they come; absent: nothing. */
export type StandardInput = Bytes | AsyncIterable<Bytes>;

/** What holds for a program to its end. */
interface ProgramRunOptions extends ProgramOptions, SignalOption {
  /**
   * Ends the program and all that it has started after so long (24 days at most): LimitError of `run`, `limit` of
   * `wait`.
   */
  readonly timeoutMs?: number;
  /** Ends the program and all that it has started; the promise is then rejected with the signal's reason. */
  readonly signal?: AbortSignalLike;
}

export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

export interface SpawnOptions extends ProgramRunOptions {
  /** What it reads; absent: what is written to `stdin` of the program. */
  readonly stdin?: StandardInput;
  /**
   * The program has a terminal of its own (TERM: `xterm-256color`, unless `env` says otherwise): keys are written to
   * `stdin`, whose end is Ctrl-D, and all that it shows comes from `stdout`.
   */
  readonly tty?: TerminalSize;
  /**
   * Of a named system: a session, which goes on when this program has ended or closed the sandbox. `box.programs()`
   * lists it, and `box.attach(name)` finds it again, in forks and what is resumed, too. Not with `signal`. Default:
   * false.
   */
  readonly detach?: boolean;
}

/** A program that runs. */
export interface Program {
  readonly pid: number;
  /** Of one that was detached, its name among `box.programs()`; else null. */
  readonly session: string | null;
  readonly stdin: ProgramInput;
  /**
   * Unread bytes hold the program back once there are 256 KiB of them. A loop that is left may be followed by another,
   * which goes on where it was left: until then nothing holds the program back, and what it writes beyond 256 KiB is
   * lost, which the next loop is told by a StratosError of kind `output`.
   */
  readonly stdout: AsyncIterable<Uint8Array>;
  readonly stderr: AsyncIterable<Uint8Array>;
  /**
   * To the program alone, which for a line is its shell: what that has started hears nothing. For a program that has
   * ended it does nothing.
   *
   * @param name  `SIGTERM` and the like, the default
   */
  kill(name?: string): Promise<void>;
  /** Of its terminal. @throws StratosError of kind option for a program without one */
  resize(size: TerminalSize): void;
  /** How it ended. @throws the reason of `signal`, what `stdin` failed with, StratosError of kind engine */
  wait(): Promise<ProgramEnd>;
}

export interface ProgramInput {
  /**
   * Resolves when there is room for more, or the program has ended. @throws when `stdin` was an option; what `wait`
   * throws, of a sandbox that was closed above all
   */
  write(bytes: Bytes): Promise<void>;
  end(): void;
}

export interface RunOptions extends ProgramRunOptions {
  readonly stdin?: StandardInput;
  /** Told of output as it comes; a promise holds the program back when it writes faster. */
  readonly onStdout?: (bytes: Uint8Array) => void | Promise<void>;
  readonly onStderr?: (bytes: Uint8Array) => void | Promise<void>;
  /** Bytes of each stream that the result keeps, the first ones; default: 16 MiB. What comes later is not kept. */
  readonly maxOutputBytes?: number;
  /** A status above 0 is a StratosError of kind `status`. Default: false. */
  readonly check?: boolean;
}

/** How a program ended. */
export interface ProgramEnd {
  /** As a shell says it: 128 + N for one that signal N ended, 124 after a time-out. */
  readonly exitCode: number;
  /** `SIGKILL` and the like, when one ended the program. */
  readonly signal: string | null;
  /** `timeoutMs` has ended it: `limit` is "timeout". */
  readonly timedOut: boolean;
  /** Which limit has ended it; null: none. */
  readonly limit: LimitName | null;
}

export interface RunResult extends ProgramEnd {
  /** As text; bytes that are no UTF-8 become U+FFFD. */
  readonly stdout: string;
  readonly stderr: string;
  readonly stdoutBytes: Uint8Array;
  readonly stderrBytes: Uint8Array;
  /** More was written than `maxOutputBytes`. */
  readonly truncated: boolean;
}
