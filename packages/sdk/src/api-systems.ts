/** Named systems, which live on when the program has ended that made them. */
import type { HomeOptions } from "./api-images.ts";
import type { ProgramEnd, ProgramOptions, TerminalSize } from "./api-programs.ts";
import type { ForkIdentity, Mount, NetOptions, NetPolicy, PortMapping, SandboxOptions } from "./api-sandboxes.ts";

/** What programs of `run` and `spawn` have, unless they say otherwise: as long as this connection lasts. */
export interface ConnectOptions extends HomeOptions, ProgramOptions {}

/** What is for a sandbox without a name alone. */
type UnnamedOptions = Pick<SandboxOptions, "limits" | "timeoutMs" | "onTimeout" | "isolation" | "keepsPrograms">;

/** What a system that comes from a file had of the host, it has only when that is said again. */
export interface ResumeOptions extends ConnectOptions, UnnamedOptions {
  /** Of a named system: its name; default: the one that it had, if that is free. */
  readonly name?: string;
  /** "fresh": it is to be told from what was saved, as forks are. Not with a seed. Default: "same". */
  readonly identity?: ForkIdentity;
  /** For each that it had, by its place in the system. */
  readonly mounts?: readonly Mount[];
  readonly network?: "none" | "host";
  /** Instead of `network`. Of a named system: its secrets, all that it had, without `policy`, which it keeps. */
  readonly net?: NetOptions;
  readonly ports?: readonly PortMapping[];
}

export interface StopOptions {
  /** Asks it to end. Default: SIGTERM. */
  readonly signal?: string;
  /** How long it has for that, before it is killed. Default: 10 s. */
  readonly graceMs?: number;
}

/** A secret of a named system, as far as it is kept: nobody writes down its value. */
export interface SecretPlace {
  /** As `NetSecret.hosts`. */
  readonly hosts: readonly string[];
  /** Of the value, and of the stand-in that programs have. */
  readonly bytes: number;
}

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
  /** Of the host's network, as it begins; absent: all of it is allowed. */
  readonly policy?: NetPolicy;
  /** By name of the environment variable. */
  readonly secrets?: Readonly<Record<string, SecretPlace>>;
  /** `NetOptions.ca`. */
  readonly ca?: readonly string[];
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
  /** true: its programs have a display, for windows. */
  readonly display?: boolean;
}

/**
 * `starting`: its machine is being made; `running`; `paused`; `exited`: its program has ended; `lost`: its process, or
 * the supervisor, was ended while it ran, and there was no checkpoint to go back to.
 */
export type SystemState = "starting" | "running" | "paused" | "exited" | "lost";

/** A further program of a system, which outlives who has begun it: `box.spawn(…, { detach: true })`. */
export interface SessionView {
  /** In its system, a number that no other has had: `box.attach(name)`, `stratos attach SYSTEM/NAME`. */
  readonly name: string;
  /** Its beginning, when it is very long. */
  readonly command: readonly string[];
  readonly pid: number;
  readonly hasTerminal: boolean;
  /** Times are in milliseconds since 1970. */
  readonly startedMs: number;
  /** Null: it runs. */
  readonly endedMs: number | null;
  readonly end: ProgramEnd | null;
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
  /** Secrets without which it does not go on from its last checkpoint: only the ended supervisor knew their values. */
  readonly missingSecrets: readonly string[];
  /** Labels of its snapshots, the oldest first. */
  readonly snapshots: readonly string[];
  /** Those that run. */
  readonly sessions: readonly SessionView[];
  /** Process of the host that its machine is; null when there is none. */
  readonly pid: number | null;
}
