import {
  StratosError,
  type ForkOptions,
  type Program,
  type ProgramOptions,
  type RunOptions,
  type RunResult,
  type SandboxOptions,
  type SpawnOptions,
} from "./api.ts";
import { abortReason, type EngineClient } from "./engine-client.ts";
import type { RunRequest } from "./protocol.ts";
import { closeUnlessGone, RemoteFiles, RemoteHandle } from "./remote-files.ts";
import { KeptOutput, RemoteProgram, startProgram } from "./remote-program.ts";
import type { VolumeOpening } from "./volume.ts";

/** Bytes of a program's output that are kept when nothing else is said. */
const OUTPUT_BYTES = 16 << 20;

/**
 * A computer of its own, over a clone of an image: what programs change in it goes with it. Programs may run beside one
 * another, see each other, and leave processes behind.
 */
export class RemoteSandbox extends RemoteFiles {
  readonly #handle: RemoteHandle;
  readonly #defaults: ProgramOptions;

  constructor(handle: RemoteHandle, defaults: ProgramOptions) {
    super(handle);
    this.#handle = handle;
    this.#defaults = defaults;
  }

  /**
   * Runs a program to its end. A status above 0 is a result like any other.
   *
   * @param command  a line for `sh -c`, or the program and its arguments
   * @throws StratosError of kind program, cwd, no-user, option, closed or engine; the reason of `signal`
   */
  async run(command: string | readonly string[], options: RunOptions = {}): Promise<RunResult> {
    const { engine } = this.#handle.use();
    const limit = options.maxOutputBytes ?? OUTPUT_BYTES;
    const outputs = [new KeptOutput(limit, options.onStdout), new KeptOutput(limit, options.onStderr)] as const;
    const { ended } = startProgram(engine, this.#request(command, options), {
      stdin: options.stdin,
      signal: options.signal,
      failing: outputs.map(({ failed }) => failed),
      onOutput: (stream, bytes, dealtWith) => outputs[stream - 1]!.add(bytes, dealtWith),
    });
    const end = await ended;
    await Promise.all(outputs.map((output) => output.settled()));
    const [stdoutBytes, stderrBytes] = [outputs[0].bytes(), outputs[1].bytes()];
    const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
    return {
      ...end,
      stdoutBytes,
      stderrBytes,
      stdout: decoder.decode(stdoutBytes),
      stderr: decoder.decode(stderrBytes),
      truncated: outputs.some((output) => output.isCut),
    };
  }

  /**
   * Starts a program, and returns once it runs.
   *
   * @param command  a line for `sh -c`, or the program and its arguments
   * @throws StratosError of kind program, cwd, no-user, option, closed or engine; the reason of `signal`
   */
  async spawn(command: string | readonly string[], options: SpawnOptions = {}): Promise<Program> {
    const { engine } = this.#handle.use();
    const { stdin, signal, tty } = options;
    return RemoteProgram.start(engine, { ...this.#request(command, options), tty }, { stdin, signal });
  }

  #request(
    command: string | readonly string[],
    options: ProgramOptions & { readonly timeoutMs?: number },
  ): Omit<RunRequest, "hasInput"> {
    return {
      target: this.#handle.use().target,
      command,
      env: { ...this.#defaults.env, ...options.env },
      cwd: options.cwd ?? this.#defaults.cwd,
      user: options.user ?? this.#defaults.user,
      timeoutMs: options.timeoutMs,
    };
  }

  /**
   * The machine as bytes, with all programs in the midst of what they do and with all that was changed over the image.
   * `Sandbox.create` goes on from them in its option `state`, here or on another computer that has the image; both
   * machines then go their own ways. What programs of `run` write there is for nobody.
   *
   * @throws StratosError of kind state: something cannot be saved, such as a connection to the outside or a folder of
   *   the host; the message names the process that holds it
   */
  async save(): Promise<Uint8Array> {
    const { engine, target } = this.#handle.use();
    return (await engine.call("save", { target }).answer).bytes.slice();
  }

  /**
   * Sandboxes that go on from where this one stands: with its files, and with its programs in the midst of what they
   * do. No page is copied before one of them writes it, and neither sees what another does from now on. They live from
   * the memory that this one was promised, on its board, and each may be closed before the others.
   *
   * @throws StratosError of kind state: something cannot be in two sandboxes, such as a folder of the host; the message
   *   names the process that holds it
   */
  async fork(options: ForkOptions = {}): Promise<RemoteSandbox[]> {
    const { count = 1, identity = "fresh", keepsPrograms = false, signal } = options;
    const { engine, target } = this.#handle.use();
    const { value } = await engine.call("fork", { target, count, identity, keepsPrograms }, { signal }).answer;
    return this.#handle.branches(value as number[]).map((handle) => new RemoteSandbox(handle, this.#defaults));
  }

  /** Ends all programs and lets go of what the sandbox held. Calling it again does nothing. */
  async close(): Promise<void> {
    await closeUnlessGone(this.#handle);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** How an engine is found. */
export interface EngineSource {
  /** @returns one to be let go by `release`. @throws StratosError of kind engine */
  acquire(isolation: "process" | "shared"): { engine: EngineClient; release(): void };
}

/** Where a sandbox is to run. */
function placeOf(engines: EngineSource, { board, isolation, state }: SandboxOptions): Place {
  if (board === undefined) return { ...engines.acquire(isolation ?? "process"), board: undefined };
  if (isolation !== undefined)
    throw new StratosError("option", "isolation: a board has a process of its own", { option: "isolation" });
  if (state !== undefined)
    throw new StratosError("option", "state: what was saved goes on alone, on no board", { option: "state" });
  const { engine, target } = board.handle.use();
  return { engine, release: () => {}, board: target };
}

interface Place {
  readonly engine: EngineClient;
  release(): void;
  readonly board: number | undefined;
}

/** Starts the machine of a sandbox. */
export async function openSandbox(engines: EngineSource, options: SandboxOptions): Promise<RemoteHandle> {
  const given = await Promise.allSettled(Object.values(options.volumes ?? {}));
  try {
    const failed = given.find((each) => each.status === "rejected");
    if (failed !== undefined) throw failed.reason;
    return await createAt(placeOf(engines, options), options);
  } catch (error) {
    // They were the sandbox's, and there is none.
    await Promise.all(given.map((each) => (each.status === "fulfilled" ? each.value.close() : null)));
    throw error;
  }
}

async function createAt({ engine, release, board }: Place, options: SandboxOptions): Promise<RemoteHandle> {
  try {
    const { home, pull, memoryBytes, harts, seed, network, ports, mounts, hostname, state, signal, onProgress } =
      options;
    const openings = await handOver(options.volumes ?? {});
    // Before anything is attached: no call would name it.
    if (signal?.aborted === true) throw abortReason(signal);
    const volumes = openings.map(({ guest, place, readOnly, passphrase }) => {
      return { guest, path: engine.place(place, "volumes"), readOnly, passphrase };
    });
    const image = options.image === undefined ? undefined : engine.place(options.image, "image");
    const isSaved = state !== undefined;
    const { value } = await engine.call(
      "create",
      { home, image, pull, memoryBytes, harts, seed, network, ports, mounts, volumes, hostname, board, isSaved },
      {
        signal,
        ...(state === undefined ? {} : { bytes: state }),
        ...(onProgress === undefined ? {} : { onProgress }),
      },
    ).answer;
    return new RemoteHandle("sandbox", engine, value as number, release);
  } catch (error) {
    release();
    throw error;
  }
}

/** Volumes leave the engine that they are open in for the sandbox's. */
function handOver(
  volumes: NonNullable<SandboxOptions["volumes"]>,
): Promise<(VolumeOpening & { readonly guest: string })[]> {
  return Promise.all(
    Object.entries(volumes).map(async ([guest, given]) => ({ guest, ...(await (await given).handOver()) })),
  );
}
