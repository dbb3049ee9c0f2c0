/** What replays of a run write, where it is to be seen. */
import { EAGAIN } from "@stratos/abi";
import type { InputGate } from "./input-gate.ts";
import { type OutputStream, UNSEEN } from "./replay-files.ts";

/** Where all replays of a run write to. */
export interface RunOutput {
  /** For standard output and standard error. */
  readonly streams: readonly OutputStream[];
  /** What is written from now on is of this replay. */
  enter(gate: InputGate): void;
}

export const UNSEEN_OUTPUT: RunOutput = { streams: [UNSEEN, UNSEEN], enter: () => {} };

/** Output of a run that is replayed more than once: what was shown once is not shown again. */
export class ShownOutput implements RunOutput {
  readonly #streams: readonly NewOutput[];
  /** Whose output it is. */
  #gate: InputGate | null = null;
  /** Bytes of all output that were shown. */
  #shown = 0;

  /** @param streams  for the run's standard output and its standard error */
  constructor(streams: readonly [OutputStream, OutputStream]) {
    this.#streams = streams.map((stream) => new NewOutput(stream, (count) => this.#unseen(count)));
  }

  /** The two streams of all replays. */
  get streams(): readonly NewOutput[] {
    return this.#streams;
  }

  enter(gate: InputGate): void {
    this.#gate = gate;
  }

  /** How many of the last `count` bytes of the replay are new. */
  #unseen(count: number): number {
    if (this.#gate === null || this.#gate.isMuted) return 0;
    const { outputBytes } = this.#gate;
    const fresh = Math.max(0, Math.min(count, outputBytes - this.#shown));
    this.#shown = Math.max(this.#shown, outputBytes);
    return fresh;
  }
}

/** Takes all, and shows what is new of it. */
class NewOutput implements OutputStream {
  readonly room = 1 << 16;
  readonly isBroken = false;
  readonly #host: OutputStream;
  readonly #unseen: (count: number) => number;
  /** Bound: drained between turns. */
  readonly #waiting: Uint8Array[] = [];

  constructor(host: OutputStream, unseen: (count: number) => number) {
    this.#host = host;
    this.#unseen = unseen;
  }

  write(bytes: Uint8Array, at: number, count: number): number {
    const fresh = this.#unseen(count);
    if (fresh > 0) this.#waiting.push(bytes.slice(at + count - fresh, at + count));
    return count;
  }

  onWritable(): void {}

  async drain(): Promise<void> {
    const host = this.#host;
    if (this.#waiting.length === 0) return;
    while (this.#waiting.length > 0) {
      const bytes = this.#waiting[0]!;
      const count = host.write(bytes, 0, bytes.length);
      if (count === -EAGAIN) await new Promise<void>((resolve) => host.onWritable(resolve));
      else if (count < 0 || count === bytes.length) this.#waiting.shift();
      else this.#waiting[0] = bytes.subarray(count);
    }
    await host.drain();
  }
}
