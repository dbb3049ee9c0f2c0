/**
 * What a program that uses `stratos` sees: options, results, events and errors. Nothing here knows a host, so that the
 * same types hold in Node and in a browser; times are in milliseconds, sizes in bytes.
 */

import type { RemoteHandle } from "./remote-files.ts";
import type { Volume } from "./volume.ts";

/** The part of an AbortSignal that is used; every host's own fits. */
export interface AbortSignalLike {
  readonly aborted: boolean;
  readonly reason?: unknown;
  addEventListener(type: "abort", listener: () => void): void;
  removeEventListener(type: "abort", listener: () => void): void;
}

/** Who may give up. */
export interface SignalOption {
  /** The promise is then rejected with the signal's reason. */
  readonly signal?: AbortSignalLike;
}

/** A file's content, such as a `Blob` or a `File` in a browser. */
export interface BlobLike {
  readonly size: number;
  slice(start: number, end: number): BlobLike;
  arrayBuffer(): Promise<ArrayBuffer>;
}

/** A file that a page may use, such as a `FileSystemFileHandle`; it can be changed when it is of the origin's own. */
export interface FileHandleLike {
  readonly kind: "file";
  readonly name: string;
  getFile(): Promise<BlobLike>;
}

/**
 * An image. Node: its name, or a state of its past (`debian@3-before`). Browsers: the URL of a folder with `image.json`
 * and its layers, or the layers themselves, from the bottom up.
 */
export type ImagePlace = string | BlobLike | readonly BlobLike[];

/** A volume. Node: a file or block device, or several as `A,B,C`. Browsers: its files, in any order. */
export type VolumePlace = string | FileHandleLike | BlobLike | readonly (FileHandleLike | BlobLike)[];

/** Where images and settings are kept. */
export interface HomeOptions {
  /** Folder; default: `STRATOS_HOME`, else `$XDG_DATA_HOME/stratos`, else `~/.local/share/stratos`. */
  readonly home?: string;
}

/** How an image that is missing is made. */
export interface ImageSource {
  /** A container image for riscv64 in a registry: `registry.example.org/name:tag`. */
  readonly reference?: string;
  /** The registry speaks HTTP without TLS. */
  readonly plainHttp?: boolean;
  /** Packages of Debian beside the smallest system; for the image `debian` the usual ones are taken without this. */
  readonly packages?: readonly string[];
  /** Debian's release; default: trixie. */
  readonly suite?: string;
  /** Debian mirror, as in an apt source; default: what the settings say. */
  readonly mirror?: string;
}

/** What the work on an image has reached. */
export interface ImageProgress {
  readonly phase: "waiting" | "index" | "download" | "unpack" | "configure" | "pull" | "warning";
  /** So many of `total` are done; 0 of 0 when that is not known. */
  readonly done: number;
  readonly total: number;
  readonly unit: "bytes" | "files" | "packages";
  /** What it is at, or what the warning says. */
  readonly detail: string;
}

export interface OpenImageOptions extends HomeOptions, SignalOption {
  /** Makes an image that is missing: Debian's usual one for `debian`, else as it says. Default: false. */
  readonly pull?: boolean | ImageSource;
  readonly onProgress?: (progress: ImageProgress) => void;
}

/** A folder or file of the host that programs see. */
export interface Mount {
  readonly host: string;
  /** Absolute path in the sandbox. */
  readonly guest: string;
  readonly readOnly?: boolean;
}

/** A port of the host that leads to one of the sandbox; needs `network: "host"`. */
export interface PortMapping {
  readonly host: number;
  readonly guest: number;
  /** Default: tcp. */
  readonly protocol?: "tcp" | "udp";
  /** Address of the host to listen on; default: all. */
  readonly address?: string;
}

/**
 * Where a machine runs; its memory is its own and its forks' in each. `worker`: in a thread of this process;
 * `process`: in a process of the machine's own Node, which takes nothing with it when it ends; `shared`: in the thread
 * that asks, whose event loop it holds up for some milliseconds at a time. The first and the last need Node 24. A page
 * has workers only. Default: process.
 */
export type Isolation = "worker" | "shared" | "process";

/** Defaults of a program, which each run may set anew. */
export interface ProgramOptions {
  /** Added to the sandbox's environment; nothing of the host's gets in unasked. */
  readonly env?: Readonly<Record<string, string>>;
  /** Absolute path in the sandbox; default: `/`. */
  readonly cwd?: string;
  /** `USER[:GROUP]`, names or numbers; default: root. */
  readonly user?: string;
}

export interface SandboxOptions extends OpenImageOptions, ProgramOptions {
  /**
   * Makes a named system, which lives on when this program has ended (`Sandbox.connect`): it is stopped by `box.stop`.
   * Not with `net`, `limits`, `timeoutMs`, `onTimeout`, `volumes`, `state`, `board`, `isolation`.
   */
  readonly name?: string;
  /** Of a named system: how often it is saved, so that it can go back there when it is killed. Default: never. */
  readonly checkpointEveryMs?: number;
  /** Default: the settings' image, else `debian`; none in a browser. */
  readonly image?: ImagePlace;
  /** Memory for programs and their files; default: 2 GiB, of which the host gives what is touched. */
  readonly memoryBytes?: number;
  /** Processors that programs see; they take turns. Default: 1. */
  readonly harts?: number;
  /** Deterministic: chance comes from this seed, and time is counted in instructions. */
  readonly seed?: number;
  /** What all its programs together may use; what is absent has no bound of its own. */
  readonly limits?: SandboxLimits;
  /** The sandbox ends after so long (see `onTimeout`); `box.setTimeout` sets it anew. Default: never. */
  readonly timeoutMs?: number;
  /**
   * `checkpoint`: it is saved first, and `box.save()` gives that afterwards. A sandbox that cannot be saved is stopped.
   * Default: checkpoint.
   */
  readonly onTimeout?: "checkpoint" | "stop";
  /** `host`: programs may open connections, which the host's sockets carry. Default: none. */
  readonly network?: "none" | "host";
  /** The same under rules, which `box.net.update` changes. Instead of `network`. */
  readonly net?: { readonly policy: NetPolicy };
  readonly ports?: readonly PortMapping[];
  readonly mounts?: readonly Mount[];
  /**
   * By absolute path in the sandbox. A volume belongs to the sandbox from then on, which makes it durable and closes it
   * with itself; so does a `create` that fails, once all of them have been opened or have failed.
   */
  readonly volumes?: Readonly<Record<string, Volume | Promise<Volume>>>;
  readonly hostname?: string;
  /**
   * What `save` gave: the machine goes on from there. `image` must be the one that it ran; memory, harts, seed and
   * hostname are its own. Not with `board`.
   */
  readonly state?: Uint8Array;
  /**
   * Where it runs by turns with others, on what they have read and translated of the same image; its process is the
   * board's. `memoryBytes` is then its own part of the board's memory; default: 512 MiB.
   */
  readonly board?: OpenBoard;
  /** Not with `board`. */
  readonly isolation?: Isolation;
  /**
   * false: it neither uses what earlier runs of the same programs have left translated, nor leaves anything; on a board
   * the board's holds. What programs compute is the same. A browser keeps nothing. Default: true.
   */
  readonly codeCache?: boolean;
}

/** What programs of `run` and `spawn` have, unless they say otherwise: as long as this connection lasts. */
export interface ConnectOptions extends HomeOptions, ProgramOptions {}

/** What a system that comes from a file had of the host, it has only when that is said again. */
export interface ResumeOptions extends ConnectOptions {
  /** Its name; default: the one that it had, if that is free. */
  readonly name?: string;
  /** For each that it had, by its place in the system. */
  readonly mounts?: readonly Mount[];
  readonly network?: "none" | "host";
  readonly ports?: readonly PortMapping[];
}

export interface StopOptions {
  /** Asks it to end. Default: SIGTERM. */
  readonly signal?: string;
  /** How long it has for that, before it is killed. Default: 10 s. */
  readonly graceMs?: number;
}

/** `deny` and `allow`: everything; rules: the first one that fits decides, and what none fits is denied. */
export type NetPolicy = "deny" | "allow" | readonly NetRule[];

/**
 * What programs may connect to, or may not: a name (`example.org`), all names below one (`*.example.org`), an address,
 * a prefix (`10.0.0.0/8`, `2001:db8::/32`), or `*`. A name means the addresses that the host's name servers gave for
 * it, but those of private networks; no other name can then be asked for. A denial by name is none by number: who knows
 * the address otherwise reaches it, unless a rule denies that.
 */
export interface NetRule {
  readonly allow?: string;
  readonly deny?: string;
  /** Numbers, or pairs of the first and the last; default: all. */
  readonly ports?: readonly (number | readonly [number, number])[];
  /** Default: both. */
  readonly protocol?: "tcp" | "udp";
}

/** Bounds of a sandbox; `memoryBytes` is the one of its memory. */
export interface SandboxLimits {
  /** Processes and threads at once, at least 16: what would start one more fails with EAGAIN. */
  readonly processes?: number;
  /** What may be changed over the image; a write beyond it fails with ENOSPC. Default: `memoryBytes`. */
  readonly diskBytes?: number;
  /** Time that it may run in all, as the host's clock has it: the sandbox is stopped when it is used up. */
  readonly cpuMs?: number;
  /** Of each program, standard output and error together: the program is ended when it writes more. */
  readonly outputBytes?: number;
}

/** Which limit was reached; `timeout` is a program's `timeoutMs`, `lifetime` that of its sandbox. */
export type LimitName = "timeout" | "output" | "memory" | "processes" | "cpu" | "lifetime";

/** What a sandbox uses. */
export interface SandboxStats {
  readonly memory: { readonly usedBytes: number; readonly limitBytes: number };
  /** What was changed over the image. */
  readonly disk: { readonly usedBytes: number; readonly limitBytes: number };
  /** Time for which its programs and its kernel ran, as the host's clock has it. */
  readonly cpuMs: number;
  readonly instructions: number;
  readonly processes: number;
}

/** A process of the sandbox, as its kernel has it. */
export interface ProcessInfo {
  readonly pid: number;
  readonly parentPid: number;
  readonly name: string;
  /** Program and arguments; empty for one that has ended and waits for its parent. */
  readonly command: readonly string[];
  readonly uid: number;
  /** As ps(1) shows it: R, S, T, Z … */
  readonly state: string;
}

/** What happens in a sandbox, by name: `box.on(name, listener)`. */
export interface SandboxEvents {
  /** A process executes a program. */
  "process-start": { readonly pid: number; readonly parentPid: number; readonly command: readonly string[] };
  "process-exit": { readonly pid: number; readonly exitCode: number; readonly signal: string | null };
  /** A program listens on a TCP port. */
  "port": { readonly port: number; readonly address: string };
  /** A connection, or a question for a name, was denied. `rule`: which one did it, from 0; null: none fits. */
  "denied": {
    readonly host: string;
    readonly port: number;
    readonly protocol: "tcp" | "udp";
    readonly rule: number | null;
    readonly reason: string;
  };
  /** A limit was reached; `pid` names whom it hit, where it is one process. */
  "limit": { readonly which: LimitName; readonly pid: number | null };
  /** So many events were left out: they came faster than they were heard. */
  "lost": { readonly count: number };
}

/** What happened to a file that is watched, or to a name in a folder that is. */
export interface FileEvent {
  /** `moved` comes twice: for the name that is gone and for the new one. `lost`: some events were left out. */
  readonly kind: "created" | "modified" | "attributes" | "moved" | "removed" | "lost";
  /** Absolute; of `lost` what is watched. */
  readonly path: string;
}

/** A file that differs from what it was. */
export interface FileDifference {
  readonly kind: "added" | "removed" | "moved" | "modified";
  /** Of what was removed: where it was. */
  readonly path: string;
  /** Of what was moved: where it was; else null. */
  readonly from: string | null;
  readonly type: "file" | "folder" | "other";
}

/** What `Board.create` gives. */
export interface OpenBoard {
  /** @internal */
  readonly handle: RemoteHandle;
  /** Ends all that run on it. Calling it again does nothing. */
  close(): Promise<void>;
}

export interface BoardOptions extends Pick<HomeOptions, "home"> {
  readonly isolation?: Isolation;
  /** Memory for all its sandboxes together, of which the host gives what is touched; default: 3 GiB. */
  readonly memoryBytes?: number;
  /** false: nothing that is translated on it is kept, nor is anything used that was. Default: true. */
  readonly codeCache?: boolean;
  readonly signal?: AbortSignalLike;
}

export type Bytes = string | Uint8Array;

/** What a program reads: a text (as UTF-8), bytes, or pieces of these as they come; absent: nothing. */
export type StandardInput = Bytes | AsyncIterable<Bytes>;

/** What holds for a program to its end. */
interface ProgramRunOptions extends ProgramOptions, SignalOption {
  /** Ends the program and all that it has started after so long: LimitError of `run`, `limit` of `wait`. */
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
}

/** A program that runs. */
export interface Program {
  readonly pid: number;
  readonly stdin: ProgramInput;
  /** For one reader; unread bytes hold the program back once there are 256 KiB of them. */
  readonly stdout: AsyncIterable<Uint8Array>;
  readonly stderr: AsyncIterable<Uint8Array>;
  /** @param name  `SIGTERM` and the like, the default; one for a program that has ended does nothing */
  kill(name?: string): Promise<void>;
  /** Of its terminal. @throws StratosError of kind option for a program without one */
  resize(size: TerminalSize): void;
  /** How it ended. @throws the reason of `signal`, what `stdin` failed with, StratosError of kind engine */
  wait(): Promise<ProgramEnd>;
}

export interface ProgramInput {
  /** Resolves when there is room for more, or nobody reads any longer. @throws when `stdin` was an option */
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

export type FileKind = "file" | "folder" | "link" | "fifo" | "socket" | "device";

export interface FileStatus {
  readonly kind: FileKind;
  readonly sizeBytes: number;
  /** Permission bits, 0 … 0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Since 1970. */
  readonly modifiedMs: number;
}

export interface FolderEntry {
  readonly name: string;
  readonly kind: FileKind;
}

/** Files by absolute path, as root sees them: of a running sandbox, of a volume, of an image. */
export interface FileAccess {
  /** @throws StratosError of kind `file`; also for a file beyond 1 GiB */
  read(path: string, options?: SignalOption): Promise<Uint8Array>;
  /** The file as text. */
  readText(path: string, options?: SignalOption): Promise<string>;
  /** Makes the file, or replaces its content. `mode` is that of a new one; default: 0o644. */
  write(path: string, content: Bytes, options?: SignalOption & { readonly mode?: number }): Promise<void>;
  list(path: string, options?: SignalOption): Promise<FolderEntry[]>;
  /** Of the file itself when a link leads to it. */
  stat(path: string, options?: SignalOption): Promise<FileStatus>;
  /** `parents`: those on the way are made, too, and one that is there is no failure. */
  mkdir(path: string, options?: SignalOption & { readonly parents?: boolean; readonly mode?: number }): Promise<void>;
  rename(from: string, to: string, options?: SignalOption): Promise<void>;
  /** `recursive`: a folder goes with all that is in it. */
  rm(path: string, options?: SignalOption & { readonly recursive?: boolean }): Promise<void>;
  /**
   * Makes `to` a copy, with mode, owner and time; links stay links. A file that is there is replaced, a folder is added
   * to. What is neither file, folder nor link is left out. `recursive`: a folder with all that is in it.
   *
   * @throws StratosError of kind `file`: EISDIR for a folder without `recursive`, EINVAL for a copy into itself
   */
  cp(from: string, to: string, options?: SignalOption & { readonly recursive?: boolean }): Promise<void>;
  /**
   * Unpacks a tar archive (ustar, GNU or pax) into a folder, which is made. What is there is replaced; devices and
   * fifos of the archive are left out.
   *
   * @throws StratosError of kind `archive` when it is damaged or has names with `..`; what came before stays
   */
  upload(folder: string, tar: Uint8Array, options?: SignalOption): Promise<void>;
  /** What is in a folder, as a tar archive: names relative to it, in order. EFBIG beyond 1 GiB. */
  download(folder: string, options?: SignalOption): Promise<Uint8Array>;
}

/**
 * Is a fork to be told from its original? "fresh": its system draws other random numbers, its boot and its machine have
 * other names, and memory under MADV_WIPEONFORK is zeroes; what programs drew before is in both.
 */
export type ForkIdentity = "fresh" | "same";

export interface ForkOptions extends SignalOption {
  /** How many; default: 1. */
  readonly count?: number;
  /** Default: "fresh". */
  readonly identity?: ForkIdentity;
  /**
   * Programs under way are held back at their first output until `attach`. Default: false; what they write in a fork is
   * for nobody.
   */
  readonly keepsPrograms?: boolean;
  /** Forks of a named system are named, too: `NAME-1` and so on. Default: its own name. */
  readonly name?: string;
}

export interface OpenVolumeOptions extends SignalOption {
  /** Nothing is changed, and another process may have it. Default: false. */
  readonly readOnly?: boolean;
  /** Of an encrypted volume. */
  readonly passphrase?: string;
}

/** What an image is made of. */
export interface ImageInfo {
  readonly name: string;
  readonly architecture: string;
  /** Debian's release; null for an image from elsewhere. */
  readonly suite: string | null;
  readonly createdAt: string;
  readonly sizeBytes: number;
  readonly packages: readonly { readonly name: string; readonly version: string }[];
}

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
  /** A program's status is above 0, and `check` was asked for. */
  status: { readonly result: RunResult };
  /** A limit was reached (LimitError). `partial`: of `run`, what the program had written. */
  limit: { readonly which: LimitName; readonly partial: RunResult | null };
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

/** What a named system is. */
export interface SystemSpec {
  readonly image: string;
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly user: string;
  /** Its program has a terminal, of this size until somebody with another attaches. */
  readonly tty: TerminalSize | null;
  /** Its program reads what those type who attach; else it reads nothing. */
  readonly hasInput: boolean;
  readonly network: "none" | "host";
  readonly ports: readonly PortMapping[];
  readonly mounts: readonly Mount[];
  readonly memoryBytes: number;
  readonly harts: number;
  readonly seed: number | null;
  readonly hostname: string | null;
  /** Nothing is left of it once its program has ended. */
  readonly isTransient: boolean;
  /** How often it is saved by itself, so that it can go back there; null: never. */
  readonly checkpointEveryMs: number | null;
  /** false: it neither uses nor leaves translations. */
  readonly codeCache?: boolean;
}

/**
 * `starting`: its machine is being made; `running`; `paused`; `exited`: its program has ended; `lost`: its process, or
 * the supervisor, was ended while it ran, and there was no checkpoint to go back to.
 */
export type SystemState = "starting" | "running" | "paused" | "exited" | "lost";

/** A further program of a system, on a terminal that outlives those who watch it. */
export interface SessionView {
  /** In its system. */
  readonly name: string;
  readonly command: readonly string[];
  /** Milliseconds since 1970. */
  readonly startedMs: number;
}

export interface SystemView extends SystemSpec {
  readonly id: string;
  readonly name: string;
  readonly state: SystemState;
  /** Times are in milliseconds since 1970. */
  readonly createdMs: number;
  readonly startedMs: number;
  readonly finishedMs: number | null;
  readonly exitCode: number | null;
  /** Why it is lost, or could not be started. */
  readonly error: string | null;
  /** The last checkpoint that it would go back to. */
  readonly checkpointMs: number | null;
  /** It went back to a checkpoint of this time, because it was lost. */
  readonly restoredMs: number | null;
  /** Labels of its snapshots, the oldest first. */
  readonly snapshots: readonly string[];
  readonly sessions: readonly SessionView[];
  /** Process of the host that its machine is; null when there is none. */
  readonly pid: number | null;
}

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
