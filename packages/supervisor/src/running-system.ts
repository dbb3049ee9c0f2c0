/** The machine of a system while it has one: a process of the engine, and the program that it is there for. */
import type { EngineClient } from "@stratos/sdk/client";
import { LimitError, type ProgramEnd, type TerminalSize } from "@stratos/sdk/api";
import type { Operations } from "@stratos/sdk/wire";

/** How long an engine may take to end a machine. */
const CLOSE_MS = 5000;

interface RunningParts {
  readonly engine: EngineClient;
  readonly target: number;
  /** Lets the engine end. */
  release(): void;
}

interface MainListener {
  /** Whoever sent them may send more once `dealtWith` is called. */
  onOutput(stream: 1 | 2, bytes: Uint8Array, dealtWith: () => void): void;
  onRead(count: number): void;
}

type Beginning =
  | { readonly op: "run"; readonly request: Omit<Operations["run"], "target"> }
  | { readonly op: "attach"; readonly request: Omit<Operations["attach"], "target"> };

export class RunningSystem {
  readonly engine: EngineClient;
  readonly target: number;
  readonly #release: () => void;
  readonly #call: number;
  /** The program's number, once it runs; rejects when it cannot be started. */
  readonly started: Promise<number>;
  /** Rejects with a StratosError of kind engine when its process is gone. */
  readonly ended: Promise<ProgramEnd>;

  constructor({ engine, target, release }: RunningParts, { op, request }: Beginning, listener: MainListener) {
    this.engine = engine;
    this.target = target;
    this.#release = release;
    let tellStarted!: (pid: number) => void;
    const started = new Promise<number>((resolve) => {
      tellStarted = resolve;
    });
    const { call, answer } = engine.call(op, { target, ...request } as Operations[typeof op], {
      onStarted: tellStarted,
      onRead: (count) => listener.onRead(count),
      onOutput: (stream, bytes) =>
        listener.onOutput(stream, bytes, () => engine.send({ call, taken: bytes.length, stream })),
    });
    this.#call = call;
    this.ended = answer.then(({ value }) => value as ProgramEnd);
    this.started = Promise.race([started, this.ended.then(() => 0)]);
    for (const each of [this.started, this.ended]) each.catch(() => {});
  }

  type(bytes: Uint8Array): void {
    this.engine.send({ call: this.#call, input: "bytes" }, bytes);
  }

  endInput(): void {
    this.engine.send({ call: this.#call, input: "end" });
  }

  resize(size: TerminalSize): void {
    this.engine.send({ call: this.#call, size });
  }

  /** Ends the machine, and lets its process end; one that does not answer is killed. */
  async close(): Promise<void> {
    try {
      await this.engine.call("close", { target: this.target }, { timeoutMs: CLOSE_MS }).answer;
    } catch (error) {
      // Of any other kind: it is gone already.
      if (error instanceof LimitError) this.#kill();
    } finally {
      this.#release();
    }
  }

  #kill(): void {
    const { processId } = this.engine;
    try {
      if (processId !== null) process.kill(processId, "SIGKILL");
    } catch {
      // It has ended just now.
    }
  }
}
