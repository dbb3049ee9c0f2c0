/** A machine that outlives its programs: a library starts them one after the other, or beside one another. */
import { ERRNO_NAMES, MAX_HARTS, MS_NODEV, MS_NOSUID, MS_RELATIME, SIGNAL_NAMES } from "@stratos/abi";
import { loadState, saveState, StateError, utf8ToByteString } from "@stratos/base";
import { LaterVolume, type Volume } from "@stratos/aegisfs";
import { type MachinePorts, MemoryBlockDevice, type SocketProvider } from "@stratos/host";
import {
  AegisFileSystem,
  type Board,
  type Kernel,
  mountAt,
  type OpenFile,
  openHostInput,
  openHostOutput,
  openHostPty,
} from "@stratos/kernel";
import { Machine } from "@stratos/machine";

import {
  EXIT_TIMEOUT,
  findGuestUser,
  guestEnvironment,
  type HostFolder,
  MACHINE_MEMORY_MIN,
  MachineSession,
  writeResolverConfiguration,
} from "@stratos/session";
import { type ForkIdentity, type ProgramEnd, StratosError, type TerminalSize } from "./api.ts";
import { MachineFiles } from "./machine-files.ts";
import { ChannelInput, ChannelOutput, ChannelTerminal } from "./program-streams.ts";
import { isTerminalSize, type CreateRequest, type RunRequest } from "./protocol.ts";

const PAGE = 4096;

/** A sandbox as bytes hold it. */
interface SavedSandbox {
  /** What MachineSession.save gave. */
  readonly session: Uint8Array;
  /** Over the image. */
  readonly changes: MemoryBlockDevice;
  readonly seed: number | null;
}

/** @throws StateError */
export function readSaved(bytes: Uint8Array): SavedSandbox {
  const state = loadState(bytes, { ports: new Map(), given: new Map() }) as Partial<SavedSandbox>;
  const { session, changes, seed } = state;
  if (
    session instanceof Uint8Array &&
    changes instanceof MemoryBlockDevice &&
    (seed === null || Number.isInteger(seed))
  )
    return { session, changes, seed: seed as number | null };
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
  readonly image: MachineImage;
  /** It goes on from there. */
  readonly saved: SavedSandbox | null;
  readonly sockets: SocketProvider | null;
  readonly folders: readonly HostFolder[];
  readonly volumes: readonly MountedVolume[];
}

/** What a fork of a clone is to its machine; `mount` is called once at most. */
export interface ForkedImage {
  readonly changes: MemoryBlockDevice;
  mount(): Volume;
  fork(): ForkedImage;
  close(): void;
}

/** The root. */
interface MachineImage {
  readonly volume: Volume | LaterVolume;
  readonly changes: MemoryBlockDevice | null;
  readonly identity?: string | undefined;
  /** Absent: its changes are where no fork can have them. */
  fork?(): ForkedImage;
}

interface ProgramListener {
  onStarted(pid: number): void;
  /** The program has read so many bytes. */
  onRead(count: number): void;
  /** The bytes hold until the call returns. */
  onOutput(stream: 1 | 2, bytes: Uint8Array): void;
}

export interface RunningProgram {
  readonly input: ChannelInput;
  readonly outputs: readonly [ChannelOutput, ChannelOutput];
  readonly ended: Promise<ProgramEnd>;
  /** Ends it and all that it has started. */
  kill(): void;
  /** Of its terminal, if it has one. */
  resize(size: TerminalSize): void;
}

export class SandboxMachine {
  readonly #session: MachineSession;
  readonly #files: MachineFiles;
  readonly #ports: MachinePorts;
  readonly #seed: number | null;
  readonly #parts: MachineParts;
  #forkCount = 0;
  /** Rejects when the machine has stopped, whatever runs. */
  readonly #stopped: Promise<never>;

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
  constructor(parts: MachineParts, forked?: { readonly original: SandboxMachine; readonly identity: ForkIdentity }) {
    const { ports, board, image, memoryBytes, harts, hostname, sockets, folders, saved } = parts;
    const seed = saved === null ? parts.seed : (saved.seed ?? undefined);
    this.#seed = seed ?? null;
    this.#parts = parts;
    if (sockets !== null && saved === null && forked === undefined)
      writeResolverConfiguration((image.volume as Volume).root, sockets);
    this.#ports = ports;
    this.#session = new MachineSession({
      ports,
      volume: image.volume,
      memoryBytes,
      sockets,
      folders,
      log: () => {},
      ...(board === null ? {} : { board }),
      // Its forks will share what it has of the image.
      ...(image.identity === undefined ? {} : { imageIdentity: image.identity }),
      ...(forked === undefined ? {} : { forked: { ...forked, original: forked.original.#session } }),
      ...(harts === undefined ? {} : { harts }),
      ...(seed === undefined ? {} : { seed }),
      ...(hostname === undefined ? {} : { hostname }),
      ...(saved === null ? {} : { saved: { bytes: saved.session, streams: new Map() } }),
    });
    try {
      for (const each of parts.volumes) this.#mount(each);
    } catch (error) {
      this.#session.close();
      throw error;
    }
    this.#files = new MachineFiles(this.kernel);
    this.#stopped = this.#session.run().then(() => {
      throw new StratosError("closed", "the sandbox was closed", {});
    });
    this.#stopped.catch(() => {});
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
    const input = new ChannelInput((count) => listener.onRead(count));
    const outputs = [
      new ChannelOutput((bytes) => listener.onOutput(1, bytes)),
      new ChannelOutput((bytes) => listener.onOutput(2, bytes)),
    ] as const;
    const { files, resize, finish } = this.#standardFiles(tty, input, outputs);
    if (!request.hasInput) input.end();
    let isTimedOut = false;
    let end!: (status: number) => void;
    const exited = new Promise<number>((resolve) => {
      end = resolve;
    });
    let pid: number;
    try {
      pid = this.#session.start(program, files, (status) => end(status));
    } catch (error) {
      finish();
      throw error;
    }
    listener.onStarted(pid);
    const kill = (): void => {
      this.#session.machine.endTree(pid);
      this.#session.pump.wake();
    };
    const cancelTimer =
      timeoutMs === undefined
        ? null
        : this.#ports.loop.callLater(timeoutMs, () => {
            isTimedOut = true;
            kill();
          });
    const ended = Promise.race([exited, this.#stopped])
      .finally(() => {
        cancelTimer?.();
        finish();
        for (const output of outputs) output.finish();
      })
      .then((status) => endOf(status, isTimedOut));
    return { input, outputs, ended, kill, resize };
  }

  /** @throws StateError */
  save(): Uint8Array {
    const { changes } = this.#parts.image;
    if (changes === null) throw new StateError("unsavable", "the sandbox keeps its changes elsewhere");
    const session = this.#session.save(new Map());
    return saveState({ session, changes, seed: this.#seed } satisfies SavedSandbox, new Map());
  }

  /**
   * Another one on its board that goes on from here. What runs in it writes to nobody.
   *
   * @returns it, and its image, which is to be closed after it
   * @throws StateError
   */
  fork(identity: ForkIdentity): { machine: SandboxMachine; image: ForkedImage } {
    this.#session.commit();
    const { image: original } = this.#parts;
    const image = original.fork?.();
    if (image === undefined) throw new StateError("unsavable", "the sandbox keeps its changes elsewhere");
    try {
      const root = { ...image, identity: original.identity, volume: new LaterVolume(() => image.mount()) };
      const seed = this.#seed === null || identity === "same" ? this.#seed : this.#nextSeed(this.#seed);
      const parts = { ...this.#parts, image: root, seed: seed ?? undefined, saved: null, volumes: [] };
      return { machine: new SandboxMachine(parts, { original: this, identity }), image };
    } catch (error) {
      image.close();
      throw error;
    }
  }

  /** Of a fork's chance: another one for each. */
  #nextSeed(seed: number): number {
    return (Math.imul(seed ^ ++this.#forkCount, 0x9e3779b1) ^ this.#forkCount) >>> 0;
  }

  /** Descriptors 0, 1 and 2: streams, or a terminal of the program's own. @throws StratosError */
  #standardFiles(
    tty: TerminalSize | undefined,
    input: ChannelInput,
    outputs: readonly [ChannelOutput, ChannelOutput],
  ): { files: OpenFile[]; resize(size: TerminalSize): void; finish(): void } {
    const { kernel } = this;
    if (tty === undefined) {
      const files = [
        openHostInput(kernel, input),
        openHostOutput(kernel, outputs[0]),
        openHostOutput(kernel, outputs[1]),
      ];
      return { files, resize: () => {}, finish: () => {} };
    }
    if (!isTerminalSize(tty)) throw wrong("tty", "columns and rows from 1 to 65535");
    const terminal = new ChannelTerminal(input, outputs[0], tty);
    const pty = openHostPty(kernel.tasks.tasks.get(1)!, terminal);
    if (typeof pty === "number") throw wrong("tty", `pseudo-terminals (${ERRNO_NAMES[-pty] ?? -pty})`);
    return {
      files: [pty.file, pty.file.retain(), pty.file.retain()],
      resize: (size) => terminal.resize(size),
      finish: () => pty.close(),
    };
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
    try {
      this.#session.machine.sync(false);
    } finally {
      this.#session.close();
    }
  }
}

function argvOf(command: string | readonly string[]): readonly string[] {
  const argv = typeof command === "string" ? ["/bin/sh", "-c", command] : command;
  if (argv.length === 0 || argv[0] === "") throw wrong("command", "a program is missing");
  if (argv.some((word) => word.includes("\0"))) throw wrong("command", "a word holds a NUL");
  return argv;
}

function endOf(status: number, timedOut: boolean): ProgramEnd {
  const signal = status & 0x7f;
  const exitCode = signal === 0 ? (status >> 8) & 0xff : 128 + signal;
  return {
    exitCode: timedOut ? EXIT_TIMEOUT : exitCode,
    signal: signal === 0 ? null : `SIG${SIGNAL_NAMES[signal] ?? signal}`,
    timedOut,
  };
}

function wrong(option: string, expected: string): StratosError<"option"> {
  return new StratosError("option", `${option}: ${expected} is expected`, { option });
}
