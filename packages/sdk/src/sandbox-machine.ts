/** A machine that outlives its programs: a library starts them one after the other, or beside one another. */
import { ERRNO_NAMES, MAX_HARTS, MS_NODEV, MS_NOSUID, MS_RELATIME, SIGNAL_NAMES } from "@stratos/abi";
import { loadState, saveState, StateError, utf8ToByteString } from "@stratos/base";
import type { Volume } from "@stratos/aegisfs";
import { type MachinePorts, MemoryBlockDevice, type SocketProvider } from "@stratos/host";
import { AegisFileSystem, type Board, type Kernel, mountAt } from "@stratos/kernel";
import { Machine } from "@stratos/machine";
import {
  findGuestUser,
  guestEnvironment,
  type HostFolder,
  MACHINE_MEMORY_MIN,
  MachineSession,
  type TurnGate,
  writeResolverConfiguration,
} from "@stratos/session";
import { StratosError } from "./api.ts";
import { MachineFiles } from "./machine-files.ts";
import { MachineProgram, type ProgramListener, type SavedProgram } from "./machine-program.ts";
import { isTerminalSize, type CreateRequest, type RunRequest } from "./protocol.ts";

const PAGE = 4096;

/** A sandbox as bytes hold it. */
interface SavedSandbox {
  /** What MachineSession.save gave. */
  readonly session: Uint8Array;
  /** Over the image. */
  readonly changes: MemoryBlockDevice;
  readonly seed: number | null;
  /** Those under way whose ends the channel has. */
  readonly programs: readonly SavedProgram[];
}

/** @throws StateError */
export function readSaved(bytes: Uint8Array): SavedSandbox {
  const state = loadState(bytes, { ports: new Map(), given: new Map() }) as Partial<SavedSandbox>;
  const { session, changes, seed, programs } = state;
  if (
    session instanceof Uint8Array &&
    changes instanceof MemoryBlockDevice &&
    (seed === null || Number.isInteger(seed)) &&
    Array.isArray(programs)
  )
    return { session, changes, seed: seed as number | null, programs };
  throw new StateError("foreign", "this is no saved sandbox");
}

/** A volume at an absolute path of the guest. */
export interface MountedVolume {
  readonly guest: string;
  readonly volume: Volume;
}

interface MachineParts extends Omit<CreateRequest, "ports" | "image" | "volumes" | "board"> {
  readonly board: Board | null;
  readonly memoryBytes: number;
  readonly ports: MachinePorts;
  readonly image: {
    readonly volume: Volume;
    readonly changes: MemoryBlockDevice | null;
    readonly identity?: string | undefined;
  };
  /** It goes on from there. */
  readonly saved: SavedSandbox | null;
  readonly sockets: SocketProvider | null;
  readonly folders: readonly HostFolder[];
  readonly volumes: readonly MountedVolume[];
}

export type RunningProgram = Pick<MachineProgram, "input" | "outputs" | "ended" | "resize"> & {
  /** Ends it and all that it has started. */
  kill(): void;
};

export class SandboxMachine {
  readonly #session: MachineSession;
  readonly #files: MachineFiles;
  readonly #ports: MachinePorts;
  readonly #seed: number | null;
  readonly #changes: MemoryBlockDevice | null;
  /** Those under way whose ends the channel has, by number. */
  readonly #programs = new Map<number, MachineProgram>();
  /** Rejects when the machine has stopped, whatever runs. */
  readonly #stopped: Promise<never>;
  #stop!: (error: unknown) => void;

  /** @throws StratosError of kind option */
  static checkOptions(options: {
    memoryBytes: number;
    freeBytes?: number | undefined;
    harts?: number | undefined;
    seed?: number | undefined;
    network?: string | undefined;
    ports?: readonly unknown[] | undefined;
  }): void {
    const { memoryBytes, harts = 1, seed = 0, network = "none", ports = [] } = options;
    const most = options.freeBytes ?? Machine.MEMORY_BYTES_MAX;
    if (!(memoryBytes >= MACHINE_MEMORY_MIN && memoryBytes <= most && memoryBytes % PAGE === 0))
      throw wrong("memoryBytes", `a multiple of ${PAGE} from ${MACHINE_MEMORY_MIN} to ${most}`);
    if (!(Number.isInteger(harts) && harts >= 1 && harts <= MAX_HARTS)) throw wrong("harts", `1 to ${MAX_HARTS}`);
    if (!(Number.isInteger(seed) && seed >= 0 && seed <= 0xffffffff)) throw wrong("seed", "0 to 4294967295");
    if (network !== "none" && network !== "host") throw wrong("network", '"none" or "host"');
    if (ports.length > 0 && network !== "host") throw wrong("ports", 'they need network: "host"');
  }

  /** @throws SessionError, StratosError; the board then has its memory back */
  constructor(parts: MachineParts) {
    const { ports, board, image, memoryBytes, harts, hostname, sockets, folders, saved } = parts;
    const seed = saved === null ? parts.seed : (saved.seed ?? undefined);
    this.#seed = seed ?? null;
    this.#changes = image.changes;
    if (sockets !== null && saved === null) writeResolverConfiguration(image.volume.root, sockets);
    this.#ports = ports;
    this.#stopped = new Promise((_, reject) => {
      this.#stop = reject;
    });
    this.#stopped.catch(() => {});
    for (const each of saved?.programs ?? []) this.#programs.set(each.pid, MachineProgram.load(each, this.#stopped));
    this.#session = new MachineSession({
      ports,
      volume: image.volume,
      memoryBytes,
      sockets,
      folders,
      log: () => {},
      ...(board === null ? {} : { board, imageIdentity: image.identity }),
      ...(harts === undefined ? {} : { harts }),
      ...(seed === undefined ? {} : { seed }),
      ...(hostname === undefined ? {} : { hostname }),
      ...(saved === null ? {} : { saved: { bytes: saved.session, streams: this.#streams() } }),
    });
    try {
      for (const each of parts.volumes) this.#mount(each);
    } catch (error) {
      this.#session.close();
      throw error;
    }
    this.#files = new MachineFiles(this.kernel);
    for (const [pid, program] of this.#programs) {
      this.#session.machine.onEnd(pid, (status) => program.end(status));
      if (parts.keepsPrograms === true) this.#forgetAtEnd(pid, program);
      else this.#letGo(pid, program);
    }
    this.#session.run().then(() => this.#stop(new StratosError("closed", "the sandbox was closed", {})), this.#stop);
  }

  #forgetAtEnd(pid: number, program: MachineProgram): void {
    const forget = (): void => void this.#programs.delete(pid);
    program.ended.then(forget, forget);
  }

  /** Nobody is going to listen to it. */
  #letGo(pid: number, program: MachineProgram): void {
    this.#programs.delete(pid);
    program.connect(NOBODY);
    for (const output of program.outputs) output.finish();
  }

  /** What programs hold of the channel, by the names under which a saved machine knows it. */
  #streams(): Map<string, object> {
    return new Map([...this.#programs].flatMap(([pid, program]) => program.streams(pid)));
  }

  /** @throws StratosError */
  #mount({ guest, volume }: MountedVolume): void {
    if (!guest.startsWith("/") || guest.includes("\0")) throw wrong("volumes", "absolute paths of the sandbox");
    const place = utf8ToByteString(guest);
    const flags = MS_RELATIME | MS_NOSUID | MS_NODEV;
    const mounted = mountAt(this.kernel, place, new AegisFileSystem(this.kernel, volume), { source: "volume", flags });
    if (typeof mounted !== "number") return;
    const why = ERRNO_NAMES[-mounted] ?? String(-mounted);
    throw new StratosError("mount", `${guest}: cannot be mounted on: ${why}`, { place: guest });
  }

  get kernel(): Kernel {
    return this.#session.machine.kernel;
  }

  /** @throws SessionError, StratosError */
  start(request: RunRequest, listener: ProgramListener): RunningProgram {
    const argv = argvOf(request.command).map(utf8ToByteString);
    const { cwd = "/", timeoutMs } = request;
    if (!cwd.startsWith("/") || cwd.includes("\0")) throw wrong("cwd", "an absolute path");
    if (timeoutMs !== undefined && !(timeoutMs > 0 && timeoutMs < 2 ** 31)) throw wrong("timeoutMs", "above 0");
    const user = findGuestUser((path) => {
      const bytes = this.#files.read(`/${path}`);
      return typeof bytes === "number" ? null : bytes;
    }, request.user ?? "root");
    const settings = Object.entries(request.env).map(([name, value]) => ({ name, value }));
    for (const { name, value } of settings)
      if (name === "" || /[=\0]/.test(name) || value.includes("\0")) throw wrong("env", `${name}: not a variable`);
    const { tty } = request;
    const program = {
      program: argv[0]!,
      argv,
      environment: guestEnvironment(user, settings, {
        isTerminal: tty !== undefined,
        host: { TERM: "xterm-256color" },
      }),
      workingDirectory: utf8ToByteString(cwd),
      user,
    };
    if (tty !== undefined && !isTerminalSize(tty)) throw wrong("tty", "columns and rows from 1 to 65535");
    const started = new MachineProgram(listener, tty ?? null, this.#stopped);
    const files = started.open(this.kernel);
    if (typeof files === "number") throw wrong("tty", `pseudo-terminals (${ERRNO_NAMES[-files] ?? -files})`);
    if (!request.hasInput) started.input.end();
    let pid: number;
    try {
      pid = this.#session.start(program, files, (status) => started.end(status));
    } catch (error) {
      started.finish();
      throw error;
    }
    this.#programs.set(pid, started);
    this.#forgetAtEnd(pid, started);
    listener.onStarted(pid);
    const running = this.#running(pid, started);
    if (timeoutMs !== undefined) {
      const cancelTimer = this.#ports.loop.callLater(timeoutMs, () => {
        started.timeOut();
        running.kill();
      });
      started.ended.then(cancelTimer, cancelTimer);
    }
    return running;
  }

  #running(pid: number, program: MachineProgram): RunningProgram {
    const { input, outputs, ended } = program;
    const kill = (): void => {
      this.#session.machine.endTree(pid);
      this.#session.pump.wake();
    };
    return { input, outputs, ended, kill, resize: (size) => program.resize(size) };
  }

  /** Listens to a program of the saved sandbox that this one goes on from. @throws StratosError of kind option */
  attach(pid: number, listener: ProgramListener): RunningProgram {
    const program = this.#programs.get(pid);
    if (program === undefined) throw wrong("pid", "a program that runs");
    if (!program.isHeld) throw wrong("pid", "a program that nobody listens to");
    program.connect(listener);
    listener.onStarted(pid);
    return this.#running(pid, program);
  }

  /** Nothing of it runs while it is paused; its files can be used, and it can be saved. */
  setPaused(isPaused: boolean): void {
    const { pump } = this.#session;
    pump.gate = isPaused ? PAUSED : null;
    pump.wake();
  }

  /** @throws StateError */
  save(): Uint8Array {
    if (this.#changes === null) throw new StateError("unsavable", "the sandbox keeps its changes elsewhere");
    const session = this.#session.save(this.#streams());
    const programs = [...this.#programs].map(([pid, program]) => program.save(pid));
    const sandbox: SavedSandbox = { session, changes: this.#changes, seed: this.#seed, programs };
    return saveState(sandbox, new Map());
  }

  /** @param name  `SIGTERM` and the like. @throws StratosError of kind option */
  sendSignal(pid: number, name: string): void {
    const signal = SIGNAL_NAMES.indexOf(name.replace(/^SIG/, ""));
    if (signal <= 0) throw wrong("signal", "a name such as SIGTERM");
    this.#session.machine.sendSignal(signal, pid);
    this.#session.pump.wake();
  }

  /** What programs have written into volumes is in them afterwards. */
  close(): void {
    // Its end is told in a turn.
    this.setPaused(false);
    try {
      this.#session.machine.sync(false);
    } finally {
      this.#session.close();
    }
  }
}

const PAUSED: TurnGate = { isBlocked: true, beforeTurn() {} };

const NOBODY: ProgramListener = { onStarted() {}, onRead() {}, onOutput() {} };

function argvOf(command: string | readonly string[]): readonly string[] {
  const argv = typeof command === "string" ? ["/bin/sh", "-c", command] : command;
  if (argv.length === 0 || argv[0] === "") throw wrong("command", "a program is missing");
  if (argv.some((word) => word.includes("\0"))) throw wrong("command", "a word holds a NUL");
  return argv;
}

function wrong(option: string, expected: string): StratosError<"option"> {
  return new StratosError("option", `${option}: ${expected} is expected`, { option });
}
