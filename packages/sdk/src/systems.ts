/**
 * What a client and the supervisor of named systems say to each other: the library's own protocol (calls with numbers,
 * answers, streams), with operations on systems. What `open-system` answers is a target for the library's operations,
 * as if the client had made the sandbox itself; `close` lets go of it, and the system goes on.
 *
 * A client's first call is `hello`. That call, its answer and the form of a failure never change, so that each side can
 * tell a stranger what it is.
 */
import type { ForkIdentity, Mount, NetSecret, PortMapping, SystemSpec, TerminalSize } from "./api.ts";
import type { EngineClient } from "./engine-client.ts";
import type { Operations } from "./protocol.ts";

/** Changes with every change that an older side would not understand. */
export const PROTOCOL = 7;

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

interface Named {
  readonly name: string;
}

/** What the supervisor and the engine keep in their memory alone; both sides have it over their own channel. */
interface ToldSecrets {
  readonly secrets?: Readonly<Record<string, NetSecret>> | undefined;
}

/** By its name; or what `open-system` has answered: that one, whatever is called so by now. */
export type Addressed = Named | { readonly target: number };

/** Each operation's request. Where no answer is told, it is null. */
export interface SupervisorOperations extends Operations {
  /** Answered with the supervisor's Hello. */
  "hello": Hello;
  /** Answered with all views, in the order of their names. */
  "systems": Readonly<Record<never, never>>;
  /**
   * Makes and starts one; absent name: one that is free. What the spec says of secrets follows from those that are
   * told. Answered with its view.
   */
  "start-system": ToldSecrets & { readonly name?: string | undefined; readonly spec: SystemSpec };
  /**
   * Starts one that has ended or is lost anew, from its image; one that misses its secrets goes on from its checkpoint.
   * All of them are told, or none: those that are known hold. Answered with its view.
   */
  "restart-system": Named & ToldSecrets;
  /** Answered with a target. */
  "open-system": Named;
  /** A program of this client's `run` goes on when the client is gone; what it writes from here on is for nobody. */
  "leave-program": { readonly call: number };
  /**
   * A further program of it, which goes on when the client is gone; `follow-system` shows it. The frame's bytes are
   * what it reads first. Answered with its SessionView.
   */
  "open-session": Addressed & Omit<Operations["run"], "target">;
  /** Answered with SessionViews, by name: those that run, and the last that have ended. */
  "sessions": Addressed;
  /**
   * Shows what its program, or a session's, writes from here on, and gives it input. Events are `TerminalSized`;
   * `started` tells its number, and that all of what was is shown. Cancelled: nobody is there any more, it goes on.
   * Answered with the ProgramEnd.
   */
  "follow-system": Addressed & {
    readonly session?: string | undefined;
    readonly tty?: TerminalSize | undefined;
    /** The end of the input is the end of the program's. */
    readonly endsInput: boolean;
    /** So many bytes of what it has written before are shown first: the last, as far as they are kept. */
    readonly historyBytes: number;
  };
  /**
   * Shows its display and steers it, as `display` of an engine does, whichever machine it has, until it has ended.
   * `started` tells that there is one.
   */
  "show-display": Named & { readonly mayAct: boolean };
  /**
   * Shows what its program has written; with `isFollowed`, also what it writes until it has ended. `started` tells that
   * all of what was is shown.
   */
  "log-of-system": Named & { readonly isFollowed: boolean };
  /** Ends it: a signal first, and all of it when that has not helped after a while. */
  "stop-system": Addressed & { readonly graceMs: number; readonly signal: string };
  /** A signal for its program, or for a session's. */
  "kill-system": Addressed & { readonly session?: string | undefined; readonly signal: string };
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
  "checkpoint-system": Addressed & { readonly path: string };
  /** A new system from a file, with all secrets that it had. Answered with its view. */
  "resume-system": ToldSecrets & {
    /** `NetOptions.ca`, of its secrets' hosts. */
    readonly ca?: readonly string[] | undefined;
    readonly path: string;
    /** Absent: its own name, if that is free. */
    readonly name?: string | undefined;
    /** For each that it had, by its place in the system. */
    readonly mounts: readonly Mount[];
    /** As it had. */
    readonly network: "none" | "host";
    readonly ports: readonly PortMapping[];
    /** Absent: same. */
    readonly identity?: ForkIdentity | undefined;
  };
  /** Answered with the views of the new ones: `prefix-1` and so on; absent: of the name that it has by then. */
  "fork-system": Addressed & {
    readonly count: number;
    readonly identity: ForkIdentity;
    readonly prefix?: string | undefined;
  };
}

/** From here on a terminal that is shown has this size; `isOwn`: it was this client who has asked for it last. */
export interface TerminalSized {
  readonly size: TerminalSize;
  readonly isOwn: boolean;
}

export type SupervisorClient = EngineClient<SupervisorOperations>;

/** A name of a system is also a folder's; a label is a file's. */
export function isSystemName(text: unknown): text is string {
  return typeof text === "string" && /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(text);
}
