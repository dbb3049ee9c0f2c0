/** A program of a sandbox as tools see it: its output by position, its input, its end. */
import type { Program, ProgramEnd } from "@stratos/sdk/api";

/** Of a program's output, both streams as they came; what is beyond is dropped, and the program goes on. */
const OUTPUT_MAX = 8 << 20;

export class BoxProcess {
  readonly id: string;
  readonly command: string;
  readonly #program: Program;
  readonly #pieces: Uint8Array[] = [];
  #length = 0;
  #droppedBytes = 0;
  end: ProgramEnd | null = null;
  /** Why it has no end: its sandbox has gone. */
  failure: unknown = null;
  /** Those who wait for output, or the end. */
  readonly #waiting = new Set<() => void>();
  readonly #whole: Promise<void>;

  constructor(id: string, command: string, program: Program) {
    this.id = id;
    this.command = command;
    this.#program = program;
    const streams = Promise.all([this.#read(program.stdout), this.#read(program.stderr)]);
    this.#whole = program
      .wait()
      .then(
        async (end) => {
          await streams;
          this.end = end;
        },
        (error: unknown) => {
          this.failure = error;
        },
      )
      .then(() => this.#wake());
  }

  async #read(stream: AsyncIterable<Uint8Array>): Promise<void> {
    for await (const bytes of stream) {
      const part = bytes.subarray(0, Math.max(0, OUTPUT_MAX - this.#length));
      if (part.length > 0) this.#pieces.push(part);
      this.#length += part.length;
      this.#droppedBytes += bytes.length - part.length;
      this.#wake();
    }
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
  }

  get pid(): number {
    return this.#program.pid;
  }

  get isOver(): boolean {
    return this.end !== null || this.failure !== null;
  }

  get length(): number {
    return this.#length;
  }

  get droppedBytes(): number {
    return this.#droppedBytes;
  }

  /** What has come from a position on, as text. */
  output(from: number): string {
    return new TextDecoder().decode(this.bytes().subarray(from));
  }

  bytes(): Uint8Array {
    if (this.#pieces.length > 1) this.#pieces.splice(0, Infinity, Buffer.concat(this.#pieces));
    return this.#pieces[0] ?? new Uint8Array(0);
  }

  write(text: string): Promise<void> {
    return this.#program.stdin.write(text);
  }

  endInput(): void {
    this.#program.stdin.end();
  }

  kill(name: string): Promise<void> {
    return this.#program.kill(name);
  }

  /** Until it is over, or there is more than `from`, or the time is over. @param from  absent: only its end counts */
  async wait(milliseconds: number, from = Infinity): Promise<void> {
    const deadline = performance.now() + milliseconds;
    while (!this.isOver && this.#length <= from) {
      const left = deadline - performance.now();
      if (left <= 0) return;
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          clearTimeout(timer);
          this.#waiting.delete(wake);
          resolve();
        };
        const timer = setTimeout(wake, left);
        this.#waiting.add(wake);
      });
    }
    if (this.isOver) await this.#whole;
  }
}
