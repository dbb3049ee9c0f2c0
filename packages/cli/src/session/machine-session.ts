/**
 * One run: a machine over a clone of an image, with the host's ports, from the first program's start to its end. This
 * is the place that knows all parts (STYLE.md §1); everything above it only says what to run.
 */
import type { Subvolume, Volume } from "@stratos/aegisfs";
import { EACCES, ENOENT, ENOTDIR, ERRNO_NAMES } from "@stratos/abi";
import { byteStringToUtf8 } from "@stratos/base";
import { SimulatedClock, SimulatedRandomSource, type SocketProvider } from "@stratos/host";
import { NodeClock, NodeRandomSource, NodeWasmEngine } from "@stratos/host-node";
import { AegisFileSystem, type Credentials, type OpenFile, ROOT } from "@stratos/kernel";
import { Machine } from "@stratos/machine";
import { CommandError } from "../command-error.ts";
import { HOSTNAME } from "../defaults.ts";
import {
  EXIT_NOT_EXECUTABLE,
  EXIT_NOT_FOUND,
  EXIT_SIGNAL_BASE,
  EXIT_STRATOS_FAILED,
  EXIT_TIMEOUT,
} from "../exit-status.ts";
import { isAbsentFromVolume } from "../image/volume-file.ts";
import type { VolumeMapping } from "../option-values.ts";
import { mountHostFolders } from "./guest-mounts.ts";
import type { GuestUser } from "./guest-user.ts";
import { MachinePump } from "./machine-pump.ts";
import { wakingSockets } from "./waking-ports.ts";

export interface SessionOptions {
  readonly volume: Volume;
  readonly memoryBytes: number;
  readonly sockets: SocketProvider | null;
  readonly volumes: readonly VolumeMapping[];
  /** Deterministic: chance from this seed, time counted in instructions. */
  readonly seed?: number;
  /** Processors that programs see; default: 1. */
  readonly harts?: number;
  /** The name that programs see; default: Stratos' own. */
  readonly hostname?: string;
  /** Units of work that a system call may do at a time, as a recording says; default: the kernel's own. */
  readonly callWork?: number;
  /** When a deterministic machine's clock starts, in milliseconds since 1970. */
  readonly startMs?: number;
  /** The root is being built: what packages leave in /run belongs to it. */
  readonly keepsRun?: boolean;
  /** Kernel messages. */
  readonly log: (message: string) => void;
}

export interface ProgramRequest {
  /** Byte strings. A program without a slash is looked for in PATH. */
  readonly program: string;
  readonly argv: readonly string[];
  readonly environment: readonly string[];
  readonly workingDirectory: string;
  readonly user: GuestUser;
}

/** When a seeded machine's clock starts: the time of day must not come from the host. */
const SEEDED_EPOCH_MS = Date.UTC(2025, 0, 1);

export class MachineSession {
  readonly machine: Machine;
  readonly pump: MachinePump;
  readonly #files: Subvolume;
  readonly #hasVolumes: boolean;
  #timedOut = false;

  constructor(options: SessionOptions) {
    this.#files = options.volume.root;
    this.#hasVolumes = options.volumes.length > 0;
    const isSeeded = options.seed !== undefined;
    // The sockets wake a pump that exists only when the machine does.
    let pump: MachinePump | null = null;
    this.machine = new Machine({
      engine: new NodeWasmEngine(),
      clock: isSeeded ? new SimulatedClock(options.startMs ?? SEEDED_EPOCH_MS) : new NodeClock(),
      random: isSeeded ? new SimulatedRandomSource(options.seed!) : new NodeRandomSource(),
      sockets: options.sockets === null ? null : wakingSockets(options.sockets, () => pump?.wake()),
      memoryBytes: options.memoryBytes,
      hostname: options.hostname ?? HOSTNAME,
      harts: options.harts ?? 1,
      ...(options.callWork === undefined ? {} : { callWork: options.callWork }),
      virtualTime: isSeeded,
      log: options.log,
      nowMs: () => performance.now(),
    });
    this.pump = pump = new MachinePump(this.machine);
    this.machine.mountRoot(new AegisFileSystem(this.machine.kernel, options.volume));
    const failure = this.machine.mountSystem({ keepsRun: options.keepsRun === true });
    if (failure !== null)
      throw new CommandError(
        failure.place,
        `cannot be mounted on: ${ERRNO_NAMES[failure.errno] ?? String(failure.errno)}`,
        { status: EXIT_STRATOS_FAILED },
      );
    mountHostFolders(this.machine, options.volumes);
  }

  /**
   * Starts the first program, found as execvp(3) finds it: a name without a slash is looked for in PATH.
   *
   * @throws CommandError with status 126 or 127
   */
  start(request: ProgramRequest, standardFiles: readonly OpenFile[]): void {
    const name = request.program;
    let failure = ENOENT;
    for (const path of candidates(name, request.environment, request.workingDirectory)) {
      if (this.#isSurelyAbsent(path)) continue;
      // A failed start closes what it was given.
      for (const file of standardFiles) file.retain();
      const result = this.machine.start({
        path,
        argv: [...request.argv],
        environment: [...request.environment],
        workingDirectory: request.workingDirectory,
        credentials: credentialsOf(request.user),
        standardFiles: [...standardFiles],
      });
      if (typeof result === "number" || result.what === "working directory") {
        for (const file of standardFiles) file.release();
        if (typeof result === "number") return;
        throw wrongDirectory(request.workingDirectory, result.errno);
      }
      // A program that may not be executed is passed over for one later in PATH, but remembered (execvp(3)).
      if (result.errno !== ENOENT && result.errno !== ENOTDIR) failure = result.errno;
      if (result.errno !== ENOENT && result.errno !== ENOTDIR && result.errno !== EACCES) break;
    }
    for (const file of standardFiles) file.release();
    if (this.#isSurelyAbsent(request.workingDirectory)) throw wrongDirectory(request.workingDirectory, ENOENT);
    const isMissing = failure === ENOENT || failure === ENOTDIR;
    const why = isMissing
      ? name.includes("/")
        ? "no such file in the guest"
        : "command not found in the guest"
      : errnoWords(failure);
    throw new CommandError(byteStringToUtf8(name), why, { status: isMissing ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE });
  }

  /**
   * Spares a start that must fail, and the process number that it would use up. Links and mounted folders are left to
   * the guest's own walk.
   */
  #isSurelyAbsent(path: string): boolean {
    return !this.#hasVolumes && isAbsentFromVolume(this.#files, path);
  }

  /** Runs until the first program ends. @returns its exit status as a shell would say it */
  async run(timeoutMs: number | undefined): Promise<number> {
    const timer = timeoutMs === undefined ? undefined : setTimeout(() => this.#timeOut(), timeoutMs);
    try {
      await this.pump.run();
    } finally {
      clearTimeout(timer);
    }
    if (this.#timedOut) return EXIT_TIMEOUT;
    const status = this.machine.exitStatus;
    if (status === null) return EXIT_STRATOS_FAILED;
    const signal = status & 0x7f;
    return signal === 0 ? (status >> 8) & 0xff : EXIT_SIGNAL_BASE + signal;
  }

  #timeOut(): void {
    this.#timedOut = true;
    this.machine.stop();
    this.pump.wake();
  }

  /** A signal of the host for the first program. */
  sendSignal(signal: number): void {
    this.machine.sendSignal(signal);
    this.pump.wake();
  }
}

function wrongDirectory(path: string, errno: number): CommandError {
  const why = errno === ENOENT ? "no such folder" : errno === ENOTDIR ? "not a folder" : errnoWords(errno);
  return new CommandError(byteStringToUtf8(path), `${why} in the guest to start in (--workdir)`, {
    status: errno === EACCES ? EXIT_NOT_EXECUTABLE : EXIT_NOT_FOUND,
  });
}

function errnoWords(errno: number): string {
  return ERRNO_WORDS[errno] ?? ERRNO_NAMES[errno] ?? String(errno);
}

const ERRNO_WORDS: Readonly<Record<number, string>> = {
  [EACCES]: "permission denied",
  8: "not a riscv64 program",
  20: "a part of the path is not a folder",
};

function candidates(name: string, environment: readonly string[], workingDirectory: string): string[] {
  if (name.startsWith("/")) return [name];
  if (name.includes("/")) return [`${workingDirectory}/${name}`];
  if (name === "") return [];
  const path = environment.findLast((entry) => entry.startsWith("PATH="))?.slice(5) ?? "/usr/bin:/bin";
  return path
    .split(":")
    .map(
      (folder) =>
        (folder === "" ? workingDirectory : folder.startsWith("/") ? folder : `${workingDirectory}/${folder}`) +
        `/${name}`,
    );
}

function credentialsOf(user: GuestUser): Credentials {
  const { uid, gid } = user;
  const isRoot = uid === 0;
  return {
    ...ROOT,
    uid,
    euid: uid,
    suid: uid,
    fsuid: uid,
    gid,
    egid: gid,
    sgid: gid,
    fsgid: gid,
    groups: user.groups,
    effective: isRoot ? ROOT.effective : 0,
    permitted: isRoot ? ROOT.permitted : 0,
  };
}
