/**
 * What a library asks of the side that has the machines, and what that answers. A call has a number, given by who asks;
 * all of its messages carry it.
 */
import type {
  FailureData,
  FailureKind,
  FileUser,
  ForkIdentity,
  ImageProgress,
  ImageSource,
  Mount,
  NetOptions,
  NetPolicy,
  PortMapping,
  RecordingPosition,
  SandboxLimits,
  TerminalSize,
} from "./api.ts";

/** Events that are on their way before what comes next is lost. */
export const EVENT_WINDOW = 1024;

/** Bytes of a stream that are on their way before its writer waits for the other side. */
export const STREAM_WINDOW = 1 << 18;

/**
 * Bytes that a program's terminal has on their way: what is there when somebody types Ctrl-C is still shown, and a
 * terminal at the end of a slow line takes 200 KB/s.
 */
export const TERMINAL_WINDOW = 1 << 15;

/** Memory of a machine when nothing else is said. */
export const MEMORY_BYTES = 2 * 1024 ** 3;

/** What struct winsize can tell (tty_ioctl(4)), and a program can use. */
export function isTerminalSize({ columns, rows }: TerminalSize): boolean {
  return [columns, rows].every((value) => Number.isInteger(value) && value >= 1 && value <= 0xffff);
}

/** A name, a path or a URL; or numbers of what was attached to the channel. */
export type Place = string | readonly number[];

export interface OpenImageRequest {
  readonly home?: string | undefined;
  readonly image?: Place | undefined;
  readonly pull?: boolean | ImageSource | undefined;
}

/**
 * Programs of the machine that one goes on from: true, or those of these numbers, are held back at their first output
 * until `attach`. What the others write is for nobody.
 */
export type KeptPrograms = boolean | readonly number[];

export interface CreateRequest extends OpenImageRequest {
  readonly memoryBytes?: number | undefined;
  readonly harts?: number | undefined;
  readonly seed?: number | undefined;
  readonly network?: "none" | "host" | undefined;
  readonly net?: NetOptions | undefined;
  readonly ports?: readonly PortMapping[] | undefined;
  readonly mounts?: readonly Mount[] | undefined;
  readonly volumes?: readonly (OpenVolumeRequest & { readonly guest: string })[] | undefined;
  readonly hostname?: string | undefined;
  readonly limits?: SandboxLimits | undefined;
  readonly timeoutMs?: number | undefined;
  readonly onTimeout?: "checkpoint" | "stop" | undefined;
  /** The frame's bytes are what `save` gave: the machine goes on from there. */
  readonly isSaved?: boolean | undefined;
  /** A file that `checkpoint` wrote, of the engine's host: the machine goes on from there. */
  readonly checkpoint?: string | undefined;
  readonly keepsPrograms?: KeptPrograms | undefined;
  /** "fresh": what a saved machine goes on as is to be told from it. Default: same. */
  readonly identity?: ForkIdentity | undefined;
  /** What `create-board` has answered; absent: a board of its own. */
  readonly board?: number | undefined;
  /** false: of a board of its own, translations are neither used nor kept. */
  readonly codeCache?: boolean | undefined;
  /** A file of the engine's host: the first program is recorded there, and nothing else comes in from outside. */
  readonly record?: Place | undefined;
  /** Its programs have a display, which `display` shows; it is this user's, a name or a number. */
  readonly display?: { readonly user: string } | undefined;
}

/** What is known of a sandbox before anybody asks for it. */
export type ExpectedSandbox = Pick<CreateRequest, "home" | "memoryBytes" | "codeCache">;

export interface RunRequest {
  readonly target: number;
  readonly command: string | readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd?: string | undefined;
  readonly user?: string | undefined;
  readonly timeoutMs?: number | undefined;
  /** false: the program reads the bytes of the call, and nothing else. */
  readonly hasInput: boolean;
  readonly tty?: TerminalSize | undefined;
}

export interface CheckpointRequest {
  readonly target: number;
  /** Of a file of the engine's host, which is made, or replaced once the new one is durable. */
  readonly path: string;
  /** For whoever reads the file's head: any JSON. */
  readonly about: unknown;
}

/** A connection to a port of the machine's own loopback; answered when it has ended. */
export interface ConnectRequest {
  readonly target: number;
  readonly port: number;
}

interface SignalRequest {
  readonly target: number;
  readonly pid: number;
  readonly name: string;
}

export interface OpenRecordingRequest {
  /** Of its image. */
  readonly home?: string | undefined;
  readonly path: Place;
  /** For one without an image in it; absent: the one of the name that it was recorded on. */
  readonly image?: Place | undefined;
}

export interface OpenVolumeRequest {
  readonly path: Place;
  readonly readOnly?: boolean | undefined;
  readonly passphrase?: string | undefined;
}

export interface FileRequest {
  readonly target: number;
  readonly action:
    | "read"
    | "write"
    | "list"
    | "status"
    | "make-folder"
    | "rename"
    | "remove"
    | "copy"
    | "read-link"
    | "make-link"
    | "pack"
    | "unpack";
  readonly path: string;
  /** rename, copy: the new name; make-link: where it leads, absolute or not. */
  readonly to?: string;
  readonly mode?: number | undefined;
  /** make-folder, remove, copy: with those on the way, or with all that is below. */
  readonly whole?: boolean | undefined;
  /** Absent: the machine's first process. */
  readonly user?: FileUser | undefined;
}

/** Each operation's request; `target` is what an opening call has answered. */
export interface Operations {
  "create": CreateRequest;
  "create-board": {
    readonly memoryBytes?: number | undefined;
    readonly home?: string | undefined;
    readonly codeCache?: boolean | undefined;
  };
  /** Makes what the first sandbox needs before anybody asks for it. */
  "prepare": ExpectedSandbox;
  "run": RunRequest;
  "signal": SignalRequest;
  "open-image": OpenImageRequest;
  "open-volume": OpenVolumeRequest;
  /** Answered with its target and what it is of. */
  "open-recording": OpenRecordingRequest;
  /** Goes there; answered with the place. */
  "replay-to": { readonly target: number; readonly position: RecordingPosition };
  /** Up to where it stands: answered with bytes, of which so many are standard output's. */
  "replay-output": { readonly target: number };
  "file": FileRequest;
  /** Answered with the forks' targets. */
  "fork": {
    readonly target: number;
    readonly count: number;
    readonly identity: ForkIdentity;
    readonly keepsPrograms: KeptPrograms;
  };
  /** Answered with bytes. */
  "save": { readonly target: number };
  "connect": ConnectRequest;
  "stats": { readonly target: number };
  "processes": { readonly target: number };
  /** Goes on with a program of the saved machine, as `run` does with a new one. */
  "attach": { readonly target: number; readonly pid: number };
  /**
   * Shows its display, until it is cancelled, and steers it. A message to the viewer is an output: 1 of bytes, 2 of
   * text; one of the viewer an input, answered by `read` (display/src/screen-viewers.ts). An output is not taken:
   * viewers say themselves what they have shown.
   */
  "display": { readonly target: number; readonly mayAct: boolean };
  /** Nothing of the machine runs while it is paused; its files can be used. */
  "pause": { readonly target: number; readonly isPaused: boolean };
  /** Answered with the file's size in bytes; the machine goes on while it is written. */
  "checkpoint": CheckpointRequest;
  /** Of files and memory, by name; or back to one of these, or rid of it. */
  "snapshot": { readonly target: number; readonly label: string; readonly action: "take" | "return" | "drop" };
  /** Files changed since the image, or since a snapshot. */
  "diff": { readonly target: number; readonly label: string | null };
  /** Other rules for connections. */
  "net": { readonly target: number; readonly policy: NetPolicy };
  /**
   * What the rules have denied: answered with the last, each a `Denial`; or, followed, these come as events, and each
   * from then on until it is cancelled.
   */
  "denials": { readonly target: number; readonly isFollowed: boolean };
  /** Ends the sandbox after so long; null: never. */
  "life": { readonly target: number; readonly timeoutMs: number | null };
  /** Goes on until it is cancelled: events come. */
  "events": { readonly target: number };
  "watch": { readonly target: number; readonly path: string; readonly isRecursive: boolean };
  /** Answered at once: the engine is there. */
  "ping": Record<string, never>;
  "sync": { readonly target: number };
  "close": { readonly target: number };
}
export type OperationName = keyof Operations;

/** What an answer says was opened, and is to be closed by its caller. */
export function openedTargets(op: PropertyKey, answer: unknown): readonly number[] {
  switch (op) {
    case "create":
    case "create-board":
    case "open-volume":
      return [answer as number];
    case "fork":
      return answer as number[];
    case "open-image":
    case "open-recording":
      return [(answer as { readonly target: number }).target];
    default:
      return [];
  }
}

export type ToEngine<Ops = Operations> =
  | { readonly call: number; readonly op: keyof Ops; readonly request: Ops[keyof Ops] }
  /** The caller no longer wants it; it is still answered. */
  | { readonly call: number; readonly cancel: true }
  /** Bytes for the program to read; none: no more will come. */
  | { readonly call: number; readonly input: "bytes" | "end" }
  /** The size of the program's terminal. */
  | { readonly call: number; readonly size: TerminalSize }
  /** So many bytes of output 1 or 2, or events, were dealt with. */
  | { readonly call: number; readonly taken: number; readonly stream: 1 | 2 };

export type FromEngine =
  | { readonly call: number; readonly answer: unknown }
  | { readonly call: number; readonly failure: Failure }
  /** The program runs: its number. */
  | { readonly call: number; readonly started: number }
  | { readonly call: number; readonly output: 1 | 2 }
  /** The program has read so many bytes. */
  | { readonly call: number; readonly read: number }
  | { readonly call: number; readonly event: unknown }
  | { readonly call: number; readonly progress: ImageProgress };

export interface Failure {
  /** null: the caller had cancelled it. */
  readonly kind: FailureKind | null;
  readonly message: string;
  readonly data: FailureData[FailureKind];
}
