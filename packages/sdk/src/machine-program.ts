/** A program of a sandbox: its ends beyond the channel, which a saved sandbox keeps, and how it ended. */
import type { EventLoop } from "@stratos/host";
import { type Kernel, type OpenFile, openHostInput, openHostOutput, openHostPty } from "@stratos/kernel";
import { EXIT_TIMEOUT } from "@stratos/session";
import type { LimitName, ProgramEnd, TerminalSize } from "./api.ts";
import { endOfStatus } from "./machine-events.ts";
import { ChannelInput, ChannelOutput, ChannelTerminal, type SavedTerminal } from "./program-streams.ts";

export interface ProgramListener {
  onStarted(pid: number): void;
  /** The program has read so many bytes. */
  onRead(count: number): void;
  /** The bytes hold until the call returns. */
  onOutput(stream: 1 | 2, bytes: Uint8Array): void;
}

/** What of a program's ends a saved sandbox keeps. */
export interface SavedProgram {
  readonly pid: number;
  /** Not read yet. */
  readonly input: Uint8Array;
  readonly hasInputEnd: boolean;
  readonly terminal: SavedTerminal | null;
  /** What it may still use. */
  readonly limits?: ProgramLimits;
}

/** null: as much as it likes. */
interface ProgramLimits {
  readonly outputBytes: number | null;
  readonly timeMs: number | null;
}

export class MachineProgram {
  readonly input: ChannelInput;
  readonly outputs: readonly [ChannelOutput, ChannelOutput];
  readonly #terminal: ChannelTerminal | null;
  /** Its wait status, once it has ended. */
  readonly #status: Promise<number>;
  #end!: (status: number) => void;
  #limit: LimitName | null = null;
  #outputLeft = Infinity;
  /** How long it may still run. */
  #timeLeftMs: () => number | null = () => null;
  #cancelTimer = (): void => {};
  #onLimit: (limit: LimitName) => void = () => {};
  #connected!: () => void;
  /** Resolves when somebody listens. */
  readonly #isConnected: Promise<void>;
  /** Settles once its output is over. */
  readonly ended: Promise<ProgramEnd>;

  /**
   * @param listener  null: the program is held back at its first output, until `connect`
   * @param machineEnd  rejects when the machine has stopped
   */
  constructor(
    listener: ProgramListener | null,
    terminal: TerminalSize | SavedTerminal | null,
    machineEnd: Promise<never>,
  ) {
    this.input = new ChannelInput((count) => listener?.onRead(count));
    const output = (stream: 1 | 2): ChannelOutput =>
      new ChannelOutput(listener === null ? null : (bytes) => this.#write(listener, stream, bytes));
    this.outputs = [output(1), output(2)];
    this.#terminal =
      terminal === null
        ? null
        : "size" in terminal
          ? ChannelTerminal.from(this.input, this.outputs[0], terminal)
          : new ChannelTerminal(this.input, this.outputs[0], terminal);
    this.#status = new Promise((resolve) => {
      this.#end = resolve;
    });
    this.#isConnected = new Promise((resolve) => {
      this.#connected = resolve;
    });
    if (listener !== null) this.#connected();
    const ended = Promise.all([this.#status, this.#isConnected]);
    this.ended = Promise.race([ended, machineEnd])
      .finally(() => this.finish())
      .then(([status]) => endOf(status, this.#limit));
    // It may end with nobody there to hear of it.
    this.ended.catch(() => {});
  }

  static load({ input, hasInputEnd, terminal }: SavedProgram, machineEnd: Promise<never>): MachineProgram {
    const program = new MachineProgram(null, terminal, machineEnd);
    program.input.push(input);
    if (hasInputEnd) program.input.end();
    return program;
  }

  /** Of one that was loaded, and that nobody listens to. */
  get isHeld(): boolean {
    return !this.outputs[0].isConnected;
  }

  /** From here on it is the listener's. */
  connect(listener: ProgramListener): void {
    this.input.connect((count) => listener.onRead(count));
    for (const stream of [1, 2] as const)
      this.outputs[stream - 1]!.connect((bytes) => this.#write(listener, stream, bytes));
    this.#connected();
  }

  #write(listener: ProgramListener, stream: 1 | 2, bytes: Uint8Array): void {
    const part = bytes.subarray(0, this.#outputLeft);
    this.#outputLeft -= part.length;
    if (part.length < bytes.length) this.#onLimit("output");
    listener.onOutput(stream, part);
  }

  /** From here on it may use so much. */
  bound(
    { outputBytes, timeMs }: ProgramLimits,
    loop: Pick<EventLoop, "nowMs" | "callLater">,
    onLimit: (limit: LimitName) => void,
  ): void {
    this.#outputLeft = outputBytes ?? Infinity;
    this.#onLimit = onLimit;
    if (timeMs === null) return;
    const endMs = loop.nowMs() + timeMs;
    this.#timeLeftMs = () => Math.max(1, endMs - loop.nowMs());
    const cancel = (this.#cancelTimer = loop.callLater(timeMs, () => onLimit("timeout")));
    this.ended.then(cancel, cancel);
  }

  /** Descriptors 0, 1 and 2: streams, or a terminal of the program's own. @returns negated errno: none is to be had */
  open(kernel: Kernel): OpenFile[] | number {
    if (this.#terminal === null)
      return [openHostInput(kernel, this.input), ...this.outputs.map((output) => openHostOutput(kernel, output))];
    const pty = openHostPty(kernel.tasks.tasks.get(1)!, this.#terminal);
    return typeof pty === "number" ? pty : [pty.file, pty.file.retain(), pty.file.retain()];
  }

  resize(size: TerminalSize): void {
    this.#terminal?.resize(size);
  }

  /** It has ended. @param waitStatus  as wait(2) gives it */
  end(waitStatus: number): void {
    this.#cancelTimer();
    this.#end(waitStatus);
  }

  /** It is ended because of a limit. @returns false: another one was before */
  reach(limit: LimitName): boolean {
    if (this.#limit !== null) return false;
    this.#limit = limit;
    return true;
  }

  /** Nobody listens any more: what is written from here on is lost. */
  finish(): void {
    this.#terminal?.close();
    for (const output of this.outputs) output.finish();
  }

  save(pid: number): SavedProgram {
    const { bytes, hasEnd } = this.input.rest();
    const outputBytes = this.#outputLeft === Infinity ? null : this.#outputLeft;
    const limits = { outputBytes, timeMs: this.#timeLeftMs() };
    return { pid, input: bytes, hasInputEnd: hasEnd, terminal: this.#terminal?.save() ?? null, limits };
  }

  /** Its ends by the names under which a saved machine knows them. */
  streams(pid: number): [string, object][] {
    const ends: [string, object | null][] = [
      ["input", this.input],
      ["output", this.outputs[0]],
      ["errors", this.outputs[1]],
      ["terminal", this.#terminal],
    ];
    return ends.flatMap(([name, end]) => (end === null ? [] : [[`program ${pid} ${name}`, end]]));
  }
}

function endOf(status: number, limit: LimitName | null): ProgramEnd {
  const { exitCode, signal } = endOfStatus(status);
  const timedOut = limit === "timeout";
  return { exitCode: timedOut ? EXIT_TIMEOUT : exitCode, signal, timedOut, limit };
}
