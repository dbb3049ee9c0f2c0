/**
 * What a client and the supervisor of named systems say to each other: the library's own protocol (calls with numbers,
 * answers, streams), with operations on systems. What `open-system` answers is a target for `run`, `signal` and `file`,
 * as if the client had made the sandbox itself.
 *
 * A client's first call is `hello`. That call, its answer and the form of a failure never change, so that each side can
 * tell a stranger what it is.
 */
import type { Mount, PortMapping, TerminalSize } from "@stratos/sdk/api";
import type { Operations } from "@stratos/sdk/wire";

/** Changes with every change that an older side would not understand. */
export const PROTOCOL = 1;

export interface Hello {
  readonly protocol: number;
  /** Of Stratos. */
  readonly version: string;
}

/** What both sides say of one another when they cannot talk. */
export function strangers(client: Hello, supervisor: Hello): string {
  return (
    `the supervisor of named systems is of Stratos ${supervisor.version} (protocol ${supervisor.protocol}), this ` +
    `program of Stratos ${client.version} (protocol ${client.protocol}): stop all systems with that one first`
  );
}

/** What is to run. */
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
}

/**
 * `starting`: its machine is being made; `running`; `paused`; `exited`: its program has ended; `lost`: its process, or
 * the supervisor, was ended while it ran, and there was no checkpoint to go back to.
 */
export type SystemState = "starting" | "running" | "paused" | "exited" | "lost";

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
  /** Process of the host that its machine is; null when there is none. */
  readonly pid: number | null;
}

interface Named {
  readonly name: string;
}

/** Each operation's request. Where no answer is told, it is null. */
export interface SupervisorOperations extends Operations {
  /** Answered with the supervisor's Hello. */
  "hello": Hello;
  /** Answered with all views, in the order of their names. */
  "systems": Readonly<Record<never, never>>;
  /** Makes and starts one; absent name: one that is free. Answered with its view. */
  "start-system": { readonly name?: string | undefined; readonly spec: SystemSpec };
  /** Starts one that has ended or is lost anew, from its image. Answered with its view. */
  "restart-system": Named;
  /** Answered with a target. */
  "open-system": Named;
  /** A program of this client's `run` goes on when the client is gone; what it writes from here on is for nobody. */
  "leave-program": { readonly call: number };
  /** A program that goes on when the client is gone, and whose output is for nobody. Answered with its number. */
  "run-detached": Operations["run"];
  /**
   * Shows what its program writes from here on, and gives it input. Cancelled: nobody is there any more, it goes on.
   * Answered with the ProgramEnd.
   */
  "follow-system": Named & {
    readonly tty?: TerminalSize | undefined;
    /** The end of the input is the end of the program's. */
    readonly endsInput: boolean;
    /** What it has written before is shown first. */
    readonly isFromStart: boolean;
  };
  /**
   * Shows what its program has written; with `isFollowed`, also what it writes until it has ended. `started` tells that
   * all of what was is shown.
   */
  "log-of-system": Named & { readonly isFollowed: boolean };
  /** Ends it: a signal first, and all of it when that has not helped after a while. */
  "stop-system": Named & { readonly graceMs: number; readonly signal: string };
  /** A signal for its program. */
  "kill-system": Named & { readonly signal: string };
  /** @see SystemView.state: only what has ended or is lost, unless `isForced` */
  "remove-system": Named & { readonly isForced: boolean };
  "pause-system": Named;
  "unpause-system": Named;
  "rename-system": Named & { readonly to: string };
  /** Answered with its exit code, once it has ended. */
  "wait-for-system": Named;
  "snapshot-system": Named & { readonly label: string };
  "remove-snapshot": Named & { readonly label: string };
  /** All of it, its processes and its memory, as they were. */
  "rollback-system": Named & { readonly label: string };
  /** Into a file. Answered with its size in bytes. */
  "checkpoint-system": Named & { readonly path: string };
  /** A new system from a file. Answered with its view. */
  "resume-system": {
    readonly path: string;
    /** Absent: its own name, if that is free. */
    readonly name?: string | undefined;
    /** For each that it had, by its place in the system. */
    readonly mounts: readonly Mount[];
    /** As it had. */
    readonly network: "none" | "host";
    readonly ports: readonly PortMapping[];
  };
  /** Answered with the views of the new ones. */
  "fork-system": Named & { readonly count: number; readonly prefix: string };
}

/** A name of a system is also a folder's; a label is a file's. */
export function isSystemName(text: unknown): text is string {
  return typeof text === "string" && /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(text);
}
