import { concatBytes } from "@stratos/base";
import {
  StratosError,
  type ProgramOptions,
  type RunOptions,
  type RunResult,
  type SandboxOptions,
  type StandardInput,
} from "./api.ts";
import type { EngineClient } from "./engine-client.ts";
import { STREAM_WINDOW, type RunEnd } from "./protocol.ts";
import { bytesOf, RemoteFiles, RemoteHandle } from "./remote-files.ts";

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
    const { engine, target } = this.#handle.use();
    const limit = options.maxOutputBytes ?? OUTPUT_BYTES;
    const outputs = [new Output(limit, options.onStdout), new Output(limit, options.onStderr)] as const;
    let input: InputPump | null = null;
    const { call, answer } = engine.call(
      "run",
      {
        target,
        command,
        env: { ...this.#defaults.env, ...options.env },
        cwd: options.cwd ?? this.#defaults.cwd,
        user: options.user ?? this.#defaults.user,
        timeoutMs: options.timeoutMs,
        hasInput: options.stdin !== undefined,
      },
      {
        signal: options.signal,
        onOutput: (stream, bytes) =>
          outputs[stream - 1]!.add(bytes, () => engine.send({ call, taken: bytes.length, stream })),
        onRead: (count) => input?.read(count),
      },
    );
    if (options.stdin !== undefined) {
      input = new InputPump(options.stdin, {
        write: (bytes) => engine.send({ call, input: "bytes" }, bytes),
        end: () => engine.send({ call, input: "end" }),
      });
    }
    try {
      // An input or a listener that fails ends the run, as a program that was killed.
      const failed = Promise.race([input?.failed ?? NEVER, outputs[0].failed, outputs[1].failed]).catch((error) => {
        engine.send({ call, cancel: true });
        throw error;
      });
      const { value } = (await Promise.race([answer, failed])) as { value: RunEnd };
      await Promise.all([outputs[0].settled(), outputs[1].settled()]);
      const [stdoutBytes, stderrBytes] = [outputs[0].bytes(), outputs[1].bytes()];
      const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
      return {
        ...value,
        stdoutBytes,
        stderrBytes,
        stdout: decoder.decode(stdoutBytes),
        stderr: decoder.decode(stderrBytes),
        truncated: outputs.some((output) => output.isCut),
      };
    } finally {
      input?.stop();
      // Who fails before the answer comes leaves nobody to hear of that.
      answer.catch(() => {});
    }
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

  /** Ends all programs and lets go of what the sandbox held. Calling it again does nothing. */
  async close(): Promise<void> {
    try {
      await this.#handle.close();
    } catch (error) {
      // A process that is gone has let go of all.
      if (!(error instanceof StratosError && error.kind === "engine")) throw error;
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

const NEVER = new Promise<never>(() => {});

/** How an engine is found. */
export interface EngineSource {
  /** @returns one to be let go by `release`. @throws StratosError of kind engine */
  acquire(isolation: "process" | "shared"): { engine: EngineClient; release(): void };
}

/** Starts the machine of a sandbox. */
export async function openSandbox(engines: EngineSource, options: SandboxOptions): Promise<RemoteHandle> {
  const { engine, release } = engines.acquire(options.isolation ?? "process");
  try {
    const { home, image, pull, memoryBytes, harts, seed, network, ports, mounts, hostname, state, signal, onProgress } =
      options;
    const { value } = await engine.call(
      "create",
      { home, image, pull, memoryBytes, harts, seed, network, ports, mounts, hostname, isSaved: state !== undefined },
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

/** What a program has written: kept up to a limit, and told as it comes. */
class Output {
  readonly #limit: number;
  readonly #listener: ((bytes: Uint8Array) => void | Promise<void>) | undefined;
  readonly #kept: Uint8Array[] = [];
  #keptBytes = 0;
  #told: Promise<void> = Promise.resolve();
  isCut = false;
  /** Rejects when the listener does. */
  readonly failed: Promise<never>;
  #fail!: (error: unknown) => void;

  constructor(limit: number, listener: ((bytes: Uint8Array) => void | Promise<void>) | undefined) {
    this.#limit = limit;
    this.#listener = listener;
    this.failed = new Promise((_, reject) => {
      this.#fail = reject;
    });
    this.failed.catch(() => {});
  }

  add(bytes: Uint8Array, dealtWith: () => void): void {
    const room = Math.min(bytes.length, this.#limit - this.#keptBytes);
    if (room < bytes.length) this.isCut = true;
    if (room > 0) this.#kept.push(bytes.slice(0, room));
    this.#keptBytes += room;
    const listener = this.#listener;
    if (listener === undefined) return dealtWith();
    this.#told = this.#told.then(() => listener(bytes.slice())).then(dealtWith, this.#fail);
  }

  settled(): Promise<void> {
    return this.#told;
  }

  bytes(): Uint8Array {
    return concatBytes(this.#kept);
  }
}

/** Sends a program what it is to read, no further ahead than the window. */
class InputPump {
  #ahead = 0;
  #isStopped = false;
  #wake: () => void = () => {};
  /** Rejects when the source does. */
  readonly failed: Promise<never>;

  constructor(source: StandardInput, to: { write(bytes: Uint8Array): void; end(): void }) {
    this.failed = new Promise((_, reject) => {
      this.#send(source, to).catch(reject);
    });
    this.failed.catch(() => {});
  }

  async #send(source: StandardInput, to: { write(bytes: Uint8Array): void; end(): void }): Promise<void> {
    const pieces = typeof source === "string" || source instanceof Uint8Array ? [source] : source;
    for await (const piece of pieces) {
      const bytes = bytesOf(piece);
      for (let at = 0; at < bytes.length; at += STREAM_WINDOW) {
        const part = bytes.subarray(at, at + STREAM_WINDOW);
        while (this.#ahead > 0 && this.#ahead + part.length > STREAM_WINDOW && !this.#isStopped)
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
        if (this.#isStopped) return;
        this.#ahead += part.length;
        to.write(part);
      }
      if (this.#isStopped) return;
    }
    to.end();
  }

  read(count: number): void {
    this.#ahead -= count;
    this.#wake();
  }

  /** Nobody reads any more; a source that is waited for stays where it is. */
  stop(): void {
    this.#isStopped = true;
    this.#wake();
  }
}
