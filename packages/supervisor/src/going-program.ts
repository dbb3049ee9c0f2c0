/** A program of an engine that the supervisor has begun: what it writes, and what is typed into it. */
import type { EngineClient } from "@stratos/sdk/client";
import type { ProgramEnd, TerminalSize } from "@stratos/sdk/api";
import type { Operations } from "@stratos/sdk/wire";

export interface ProgramListener {
  /** Whoever sent them may send more once `dealtWith` is called. */
  onOutput(stream: 1 | 2, bytes: Uint8Array, dealtWith: () => void): void;
  onRead(count: number): void;
}

export type Beginning =
  | { readonly op: "run"; readonly request: Omit<Operations["run"], "target"> }
  | { readonly op: "attach"; readonly request: Omit<Operations["attach"], "target"> };

export class GoingProgram {
  readonly engine: EngineClient;
  readonly target: number;
  readonly #call: number;
  /** The program's number, once it runs; rejects when it cannot be started. */
  readonly started: Promise<number>;
  /** Rejects with a StratosError of kind engine when its process is gone. */
  readonly ended: Promise<ProgramEnd>;

  /** @param typed  of `run`: what it reads first */
  constructor(
    engine: EngineClient,
    target: number,
    { op, request }: Beginning,
    listener: ProgramListener,
    typed?: Uint8Array,
  ) {
    this.engine = engine;
    this.target = target;
    let tellStarted!: (pid: number) => void;
    const started = new Promise<number>((resolve) => {
      tellStarted = resolve;
    });
    const { call, answer } = engine.call(op, { target, ...request } as Operations[typeof op], {
      ...(typed === undefined ? {} : { bytes: typed }),
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
}
