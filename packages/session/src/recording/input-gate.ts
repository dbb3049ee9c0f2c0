/**
 * Lets the outside in at the beginning of a turn only, so that what arrives is part of a moment that can be named:
 * while recording it comes from the host and is written down; while replaying it comes from the recording.
 */
import { EAGAIN, EPIPE } from "@stratos/abi";
import { hexOf, Sha256 } from "@stratos/base";
import type { HostConsole, HostStreamIn, HostStreamOut } from "@stratos/host";
import type { MachineSession } from "../machine-session.ts";
import { INPUT_MAX, OpenInput } from "./open-input.ts";
import type { AnsweredSockets } from "./answered-sockets.ts";
import { isWithinSleep, SleepingTime } from "./sleeping-time.ts";
import type { Happening, Moment, RecordedEvent, RecordedList, RecordingEnd } from "./recording-format.ts";

/** Output that the host has not taken yet, beyond which the machine waits; it doesn't notice. */
const BACKLOG_MAX = 1 << 20;
/** Bytes that a recorded terminal takes at a time; part of what a recording is, so it never changes. */
const RECORDED_ROOM = 65536;
const NEWLINE = 10;

export class InputGate {
  #session: MachineSession;
  readonly #wake: () => void;
  readonly #hash = new Sha256();
  /** What happens, while replaying; null: what the host says. */
  #events: RecordedList<RecordedEvent> | null = null;
  #next = 0;
  /** While replaying: the machine waits for what never came. */
  isStuck = false;
  /**
   * The machine takes its turns by hand (Replay.turn): none comes from the host's loop, whatever wakes it there, so
   * that nothing asks the recording while the machine stands.
   */
  isHeld = false;
  /** What is written is not to be shown: the run will be gone along once more. */
  isMuted = false;
  /** Bytes and lines of output so far. */
  outputBytes = 0;
  outputLines = 0;
  #onEvent: ((event: RecordedEvent) => void) | null = null;
  /** null: it has no network. */
  #sockets: AnsweredSockets | null = null;
  readonly #sleep: SleepingTime;
  readonly #arrived: Happening[] = [];
  /** The host's. */
  #input: HostStreamIn | null = null;
  /** What is let in. */
  #open: OpenInput;
  #consoleInput: (bytes: Uint8Array | null) => void = () => {};
  #consoleResize: () => void = () => {};
  #size = { rows: 24, columns: 80 };
  #backlog = 0;
  /** The streams that programs hold, and how a fork's gate makes its own. */
  readonly #made: { readonly stream: object; readonly again: (gate: InputGate) => object }[] = [];

  /** @param nowMs  the host's time, of runs with a network */
  constructor(session: MachineSession, nowMs: () => number = () => 0) {
    this.#session = session;
    this.#sleep = new SleepingTime(nowMs);
    this.#wake = () => this.#session.pump.wake();
    // More may be waiting outside: the next turn lets it in.
    this.#open = new OpenInput(this.#wake);
  }

  /**
   * The gate of a fork of a replay that goes on from here, which is to be told the fork's session (`attach`). Its
   * output goes where this one's goes; what it writes is summed no more.
   *
   * @returns with what the fork's programs have in the place of this one's streams
   */
  fork(): { readonly gate: InputGate; readonly streams: ReadonlyMap<object, object> } {
    const gate = new InputGate(this.#session);
    gate.#events = this.#events;
    gate.#next = this.#next;
    gate.outputBytes = this.outputBytes;
    gate.outputLines = this.outputLines;
    gate.#open = new OpenInput(gate.#wake, this.#open);
    gate.#size = this.#size;
    return { gate, streams: new Map(this.#made.map(({ stream, again }) => [stream, again(gate)])) };
  }

  /** The session that it decides over from now on. */
  attach(session: MachineSession): void {
    this.#session = session;
    session.pump.gate = this;
  }

  #note<T extends object>(stream: T, again: (gate: InputGate) => object): T {
    this.#made.push({ stream, again });
    return stream;
  }

  /** Write down what happens. */
  record(onEvent: (event: RecordedEvent) => void): void {
    this.#onEvent = onEvent;
  }

  /** Take what happens from a recording instead of the host. */
  replay(events: RecordedList<RecordedEvent>): void {
    this.#events = events;
  }

  /** Who hears of output, and on which stream it is; a terminal is the first. */
  onOutput: ((bytes: Uint8Array, stream: 1 | 2) => void) | null = null;

  /** The host is too slow for the output: no turn now. */
  get isBlocked(): boolean {
    return this.isHeld || this.isFull;
  }

  /** The host has output to take first. */
  get isFull(): boolean {
    return this.#backlog > BACKLOG_MAX;
  }

  /** Events of the recording that have come in. */
  get eventCount(): number {
    return this.#next;
  }

  get moment(): Moment {
    const { statistics, kernel } = this.#session.machine;
    return { instructions: statistics.instructions, ns: kernel.now() };
  }

  beforeTurn(): void {
    const { machine } = this.#session;
    if (this.#events !== null) {
      const moment = this.#sleep.passToEvent(machine, this.#events.at(this.#next), this.moment);
      const due: RecordedEvent[] = [];
      for (; this.#isDue(moment); this.#next++) due.push(this.#events.at(this.#next)!);
      for (const event of due) this.#happen(event);
      return;
    }
    this.#readInput();
    const sockets = this.#sockets;
    sockets?.look();
    let news = sockets?.next() ?? null;
    const hasNews = news !== null || this.#arrived.length > 0;
    const isOpen = sockets?.hasOpen === true;
    const moment = this.#sleep.pass(machine, { hasNews, isOpen, moment: this.moment });
    // What has come too late for this moment is of the next one.
    if (moment === null) {
      if (news !== null) this.#arrived.push(news);
      return;
    }
    for (const happening of this.#arrived.splice(0)) this.#record(happening, moment);
    for (; news !== null; news = sockets!.next()) this.#record(news, moment);
  }

  #record(happening: Happening, moment: Moment): void {
    // The guest may have closed the socket that it is of.
    if (happening.kind === "socket" && !this.#sockets!.has(happening.socket)) return;
    this.#onEvent?.({ ...moment, ...happening });
    this.#happen(happening);
  }

  get sleepMs(): number {
    return this.#events !== null || this.#session.machine.isStopped ? 0 : this.#sleep.restMs;
  }

  /** The sockets of the run, which has real time then; while recording they come from the host. */
  useSockets(sockets: AnsweredSockets): void {
    this.#sockets = sockets;
    sockets.onNews = this.#wake;
    this.#session.machine.isTimeHeld = true;
  }

  /** An event of this very moment is let in by the next turn; a replay without one waits for what never came. */
  onIdle(): void {
    if (this.#events === null) return;
    if (this.hasEventDue) return this.#wake();
    this.isStuck = true;
    this.#session.stop();
  }

  /** The recording has an event for this very moment. */
  get hasEventDue(): boolean {
    const { sleepsUntilNs } = this.#session.machine;
    const event = this.#events!.at(this.#next);
    return this.#isDue(this.moment) || (sleepsUntilNs !== null && isWithinSleep(event, this.moment, sleepsUntilNs));
  }

  #isDue({ instructions, ns }: Moment): boolean {
    const event = this.#events!.at(this.#next);
    return event !== undefined && event.instructions === instructions && event.ns === ns;
  }

  end(status: number): RecordingEnd {
    return { ...this.moment, kind: "exit", status, output: hexOf(this.#hash.digest()) };
  }

  sendSignal(signal: number): void {
    this.#arrived.push({ kind: "signal", signal });
    this.#wake();
  }

  #tell(output: Uint8Array, stream: 1 | 2): void {
    this.#hash.update(output);
    this.outputBytes += output.length;
    for (let at = output.indexOf(NEWLINE); at >= 0; at = output.indexOf(NEWLINE, at + 1)) this.outputLines++;
    this.onOutput?.(output, stream);
  }

  #readInput(): void {
    const input = this.#input;
    if (input === null || !this.#open.isWaiting) return;
    if (input.available > 0) {
      const bytes = new Uint8Array(Math.min(input.available, INPUT_MAX));
      const count = input.read(bytes, 0, bytes.length);
      if (count > 0) this.#arrived.push({ kind: "input", data: bytes.subarray(0, count) });
    } else if (input.isEnded) this.#arrived.push({ kind: "end" });
  }

  #happen(happening: Happening): void {
    switch (happening.kind) {
      case "input": {
        this.#open.letIn(happening.data);
        this.#consoleInput(happening.data);
        return;
      }
      case "end":
        this.#open.end();
        this.#consoleInput(null);
        return;
      case "resize":
        this.#size = { rows: happening.rows, columns: happening.columns };
        return this.#consoleResize();
      case "signal":
        return this.#session.sendSignal(happening.signal);
      case "socket":
        return this.#sockets!.letIn(happening);
    }
  }

  /** Standard input that is a pipe or a file. @param host  null while replaying */
  streamIn(host: HostStreamIn | null): HostStreamIn {
    this.#input = host;
    host?.onReadable(this.#wake);
    return this.#note(this.#open, (other) => other.streamIn(null));
  }

  /** Output: the guest always finds room, and never hears that nobody reads, because both would come from outside. */
  streamOut(host: HostStreamOut, stream: 1 | 2): HostStreamOut {
    const waiting: Uint8Array[] = [];
    const flush = (): void => {
      while (waiting.length > 0) {
        const bytes = waiting[0]!;
        const count = host.write(bytes, 0, bytes.length);
        if (count === -EAGAIN) break;
        const taken = count < 0 ? bytes.length : count;
        this.#backlog -= taken;
        if (taken === bytes.length) waiting.shift();
        else waiting[0] = bytes.subarray(taken);
        if (count === -EPIPE) continue;
      }
      if (!this.isBlocked) this.#wake();
    };
    host.onWritable(flush);
    const guarded: HostStreamOut = {
      write: (bytes, at, count) => {
        const copy = bytes.slice(at, at + count);
        this.#tell(copy, stream);
        this.#backlog += copy.length;
        waiting.push(copy);
        flush();
        return count;
      },
      room: INPUT_MAX,
      isBroken: false,
      onWritable: () => {},
    };
    return this.#note(guarded, (other) => other.streamOut(host, stream));
  }

  /** @param host  null while replaying: then `write` shows the output and `size` is the recorded one */
  console(
    host: HostConsole | null,
    size: { rows: number; columns: number },
    write: (bytes: Uint8Array) => void,
  ): HostConsole {
    this.#size = size;
    host?.onInput((bytes) => {
      this.#arrived.push(bytes === null ? { kind: "end" } : { kind: "input", data: bytes.slice() });
      this.#wake();
    });
    host?.onResize(() => {
      this.#arrived.push({ kind: "resize", ...host.size() });
      this.#wake();
    });
    const stream: HostConsole = {
      isTerminal: true,
      write: (bytes) => {
        this.#tell(bytes, 1);
        write(bytes);
      },
      // How fast a terminal is comes from outside: the guest must not see it, so the host waits instead.
      room: RECORDED_ROOM,
      pending: 0,
      discardOutput: () => {},
      onWritable: () => {},
      size: () => this.#size,
      onInput: (listener) => {
        this.#consoleInput = listener;
      },
      onResize: (listener) => {
        this.#consoleResize = listener;
      },
    };
    return this.#note(stream, (other) => other.console(null, other.#size, write));
  }
}
