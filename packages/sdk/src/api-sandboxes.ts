/** A sandbox: what it is made of, what it may do and use, what happens in it, what goes on from it. */
import type { AbortSignalLike, SignalOption } from "./api-abort-signal.ts";
import type { HomeOptions, ImagePlace, OpenedVolume, OpenImageOptions } from "./api-images.ts";
import type { RecordingFile } from "./api-recordings.ts";
import type { LimitName, ProgramOptions } from "./api-programs.ts";

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
 * has workers only. Default: process, which any Node from 20 on can have, and whose end is not this program's.
 */
export type Isolation = "worker" | "shared" | "process";

export interface SandboxOptions extends OpenImageOptions, ProgramOptions {
  /**
   * Makes a named system, which lives on when this program has ended (`Sandbox.connect`): it is stopped by `box.stop`.
   * Not with `limits`, `timeoutMs`, `onTimeout`, `volumes`, `state`, `board`, `isolation`, `spare`.
   */
  readonly name?: string;
  /** Of a named system: how often it is saved, so that it can go back there when it is killed. Default: never. */
  readonly checkpointEveryMs?: number;
  /** Of a named system: its programs have a display, which `stratos display` and the console show. Default: false. */
  readonly display?: boolean;
  /** Default: the settings' image, else `debian`; none in a browser. */
  readonly image?: ImagePlace;
  /** Memory for programs and their files; default: 2 GiB, of which the host gives what is touched. */
  readonly memoryBytes?: number;
  /** Processors that programs see; they take turns. Default: 1. */
  readonly harts?: number;
  /**
   * Deterministic: chance comes from this seed, and time is counted in instructions, so that a sleep takes none. What a
   * program leaves behind that never ends (a loop that sleeps) goes on at once and for ever, and how far it has come is
   * then a matter of when somebody asks.
   */
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
  /** The same under rules, which `box.net.update` changes: `{}` denies all until then. Instead of `network`. */
  readonly net?: NetOptions;
  readonly ports?: readonly PortMapping[];
  readonly mounts?: readonly Mount[];
  /**
   * By absolute path in the sandbox. A volume belongs to the sandbox from then on, which makes it durable and closes it
   * with itself; so does a `create` that fails, once all of them have been opened or have failed.
   */
  readonly volumes?: Readonly<Record<string, OpenedVolume | Promise<OpenedVolume>>>;
  readonly hostname?: string;
  /**
   * What `save` gave: the machine goes on from there. `image` must be the one that it ran; memory, harts, seed and
   * hostname are its own. Not with `board`.
   */
  readonly state?: Uint8Array;
  /**
   * Of `state`: programs of `spawn` that were under way are held back at their first output until `attach`. Default:
   * false; what they write is for nobody.
   */
  readonly keepsPrograms?: boolean;
  /**
   * Where it runs by turns with others, on what they have read and translated of the same image; its process is the
   * board's. `memoryBytes` is then its own part of the board's memory; default: 512 MiB.
   */
  readonly board?: OpenBoard;
  /** Not with `board`. */
  readonly isolation?: Isolation;
  /**
   * Once it runs, one more worker or process is made ready, which the next sandbox of this program takes: it then
   * starts in a fraction of the time. A process takes some 85 MB of memory, 40 of its own, a worker 30; it ends after
   * five minutes in which nobody needed it, or with this program. false: none is made ready. Not with `board` and
   * `name`; a page makes none. Default: true.
   */
  readonly spare?: boolean;
  /**
   * false: it neither uses what earlier runs of the same programs have left translated, nor leaves anything; on a board
   * the board's holds. What programs compute is the same. A browser keeps nothing. Default: true.
   */
  readonly codeCache?: boolean;
  /**
   * A file that the first program of `run` or `spawn` is recorded in, from its first instruction to its end:
   * `openRecording` repeats it. It has its name once the program has ended by itself; until then, and for ever when it
   * is ended from outside, it is `FILE.partial`; in a page it is a file of the origin's own (OPFS), whose content is
   * the recording as far as it goes. Nothing else may come in from outside: the sandbox runs that one program, without
   * a terminal, and its files are read in the recording. Without `seed` chance is another one each time. Not with
   * `name`, `volumes`, `state`, `board`, `hostname`, `limits`, `timeoutMs`.
   */
  readonly record?: RecordingFile;
}

export interface NetOptions {
  /** `box.net.update` changes it. Default: deny. */
  readonly policy?: NetPolicy;
  /**
   * By name of the environment variable in which programs find a stand-in, of the same length. Where they send that to
   * a host that the secret is for, the secret is sent: in the head of a request by HTTPS, which the sandbox's programs
   * find certificates of Stratos' own for; or in one piece, unencrypted. Not with `record`. Of a named system they are
   * kept in memory alone: what goes on from a file, or without the supervisor that knew them, is told them again.
   */
  readonly secrets?: Readonly<Record<string, NetSecret>>;
  /**
   * Certificates in PEM that hosts of secrets may be proved by, beside those that this computer trusts. Not in a page,
   * where what programs encrypt is theirs, and no secret is put in.
   */
  readonly ca?: string | readonly string[];
}

/** A secret that programs use and never have. */
export interface NetSecret {
  /** 16 to 4096 bytes. */
  readonly value: string;
  /** Names, names below one, addresses or prefixes, as in rules. By HTTPS a name is the one that TLS asks for. */
  readonly hosts: readonly string[];
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
  /** `icmp`: echo requests (ping), which rules with `ports` say nothing about. Default: all. */
  readonly protocol?: "tcp" | "udp" | "icmp";
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

/** A connection, an echo request (`icmp`, port 0), or a question for a name, that was denied. */
export interface Denial {
  readonly host: string;
  readonly port: number;
  readonly protocol: "tcp" | "udp" | "icmp";
  /** Which one did it, from 0; null: none fits. */
  readonly rule: number | null;
  readonly reason: string;
  /** Milliseconds since 1970. */
  readonly atMs: number;
  /** Whose it was; null: other rules have ended a connection. */
  readonly process: Pick<ProcessInfo, "pid" | "name"> | null;
}

/** What happens in a sandbox, by name: `box.on(name, listener)`. */
export interface SandboxEvents {
  /** A process executes a program. */
  "process-start": { readonly pid: number; readonly parentPid: number; readonly command: readonly string[] };
  "process-exit": { readonly pid: number; readonly exitCode: number; readonly signal: string | null };
  /** A program listens on a TCP port. */
  "port": { readonly port: number; readonly address: string };
  /** `box.net.denied` tells those that were before. */
  "denied": Denial;
  /** A limit was reached; `pid` names whom it hit, where it is one process. */
  "limit": { readonly which: LimitName; readonly pid: number | null };
  /** So many events were left out: they came faster than they were heard. */
  "lost": { readonly count: number };
}

/** What `Board.create` gives. */
export interface OpenBoard {
  /** @internal What the engine has open. */
  readonly handle: object;
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
