/** A machine that outlives its programs: a library starts them one after the other, or beside one another. */
import { MAX_HARTS, SIGNAL_NAMES } from "@stratos/abi";
import { loadState, saveState, StateError, utf8ToByteString } from "@stratos/base";
import type { Volume } from "@stratos/aegisfs";
import { type MachinePorts, MemoryBlockDevice, type SocketProvider } from "@stratos/host";
import { type Kernel, openHostInput, openHostOutput } from "@stratos/kernel";
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
import { StratosError } from "./api.ts";
import { MachineFiles } from "./machine-files.ts";
import { ChannelInput, ChannelOutput } from "./program-streams.ts";
import type { CreateRequest, RunEnd, RunRequest } from "./protocol.ts";

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

interface MachineParts extends Omit<CreateRequest, "ports" | "image"> {
  readonly memoryBytes: number;
  readonly ports: MachinePorts;
  readonly image: { readonly volume: Volume; readonly changes: MemoryBlockDevice | null };
  /** It goes on from there. */
  readonly saved: SavedSandbox | null;
  readonly sockets: SocketProvider | null;
  readonly folders: readonly HostFolder[];
}

interface ProgramListener {
  /** The program has read so many bytes. */
  onRead(count: number): void;
  /** The bytes hold until the call returns. */
  onOutput(stream: 1 | 2, bytes: Uint8Array): void;
}

export interface RunningProgram {
  readonly input: ChannelInput;
  readonly outputs: readonly [ChannelOutput, ChannelOutput];
  readonly ended: Promise<RunEnd>;
  /** Ends it and all that it has started. */
  kill(): void;
}

export class SandboxMachine {
  readonly #session: MachineSession;
  readonly #files: MachineFiles;
  readonly #ports: MachinePorts;
  readonly #seed: number | null;
  readonly #changes: MemoryBlockDevice | null;
  /** Rejects when the machine has stopped, whatever runs. */
  readonly #stopped: Promise<never>;

  /** @throws StratosError of kind option */
  static checkOptions(options: {
    memoryBytes: number;
    harts?: number | undefined;
    seed?: number | undefined;
    network?: string | undefined;
    ports?: readonly unknown[] | undefined;
  }): void {
    const { memoryBytes, harts = 1, seed = 0, network = "none", ports = [] } = options;
    const most = Machine.MEMORY_BYTES_MAX;
    if (!(memoryBytes >= MACHINE_MEMORY_MIN && memoryBytes <= most && memoryBytes % PAGE === 0))
      throw wrong("memoryBytes", `a multiple of ${PAGE} from ${MACHINE_MEMORY_MIN} to ${most}`);
    if (!(Number.isInteger(harts) && harts >= 1 && harts <= MAX_HARTS)) throw wrong("harts", `1 to ${MAX_HARTS}`);
    if (!(Number.isInteger(seed) && seed >= 0 && seed <= 0xffffffff)) throw wrong("seed", "0 to 4294967295");
    if (network !== "none" && network !== "host") throw wrong("network", '"none" or "host"');
    if (ports.length > 0 && network !== "host") throw wrong("ports", 'they need network: "host"');
  }

  /** @throws SessionError */
  constructor(parts: MachineParts) {
    const { ports, image, memoryBytes, harts, hostname, sockets, folders, saved } = parts;
    const seed = saved === null ? parts.seed : (saved.seed ?? undefined);
    this.#seed = seed ?? null;
    this.#changes = image.changes;
    if (sockets !== null && saved === null) writeResolverConfiguration(image.volume.root, sockets);
    this.#ports = ports;
    this.#session = new MachineSession({
      ports,
      volume: image.volume,
      memoryBytes,
      sockets,
      folders,
      log: () => {},
      ...(harts === undefined ? {} : { harts }),
      ...(seed === undefined ? {} : { seed }),
      ...(hostname === undefined ? {} : { hostname }),
      ...(saved === null ? {} : { saved: { bytes: saved.session, streams: new Map() } }),
    });
    this.#files = new MachineFiles(this.kernel);
    this.#stopped = this.#session.run().then(() => {
      throw new StratosError("closed", "the sandbox was closed", {});
    });
    this.#stopped.catch(() => {});
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
    const input = new ChannelInput((count) => listener.onRead(count));
    if (!request.hasInput) input.end();
    const outputs = [
      new ChannelOutput((bytes) => listener.onOutput(1, bytes)),
      new ChannelOutput((bytes) => listener.onOutput(2, bytes)),
    ] as const;
    const { kernel } = this;
    let isTimedOut = false;
    let end!: (status: number) => void;
    const exited = new Promise<number>((resolve) => {
      end = resolve;
    });
    const pid = this.#session.start(
      {
        program: argv[0]!,
        argv,
        environment: guestEnvironment(user, settings, { isTerminal: false, host: {} }),
        workingDirectory: utf8ToByteString(cwd),
        user,
      },
      [openHostInput(kernel, input), openHostOutput(kernel, outputs[0]), openHostOutput(kernel, outputs[1])],
      (status) => end(status),
    );
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
        for (const output of outputs) output.finish();
      })
      .then((status) => endOf(status, isTimedOut));
    return { input, outputs, ended, kill };
  }

  /** @throws StateError */
  save(): Uint8Array {
    if (this.#changes === null) throw new StateError("unsavable", "the sandbox keeps its changes elsewhere");
    const session = this.#session.save(new Map());
    return saveState({ session, changes: this.#changes, seed: this.#seed } satisfies SavedSandbox, new Map());
  }

  close(): void {
    this.#session.stop();
  }
}

function argvOf(command: string | readonly string[]): readonly string[] {
  const argv = typeof command === "string" ? ["/bin/sh", "-c", command] : command;
  if (argv.length === 0 || argv[0] === "") throw wrong("command", "a program is missing");
  if (argv.some((word) => word.includes("\0"))) throw wrong("command", "a word holds a NUL");
  return argv;
}

function endOf(status: number, timedOut: boolean): RunEnd {
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
