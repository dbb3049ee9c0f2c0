/** Calls to the side that has the machines: numbers them, sorts the answers, and fails them all when it is gone. */
import {
  LimitError,
  StratosError,
  type AbortSignalLike,
  type FailureData,
  type FailureKind,
  type ImageProgress,
} from "./api.ts";
import { encodeFrame, type Frame, FrameReader, NoFrame, sendFrame } from "./frames.ts";
import { COPIED_AT_ONCE, joinLittleByLittle } from "./much-content.ts";
import { type FromEngine, openedTargets, type Operations, type Place, type ToEngine } from "./protocol.ts";

/** What an engine may take longer than a program's time-out: then the call is over without it. */
const GRACE_MS = 100;
/** While calls are open it is looked this often whether anything was heard, and the engine is asked for an answer. */
const LOOK_MS = 10_000;
/** Looks without a word until it hangs: even the longest work of a slow computer is done by then. */
const SILENT_LOOKS = 12;

/** The way to an engine: bytes in order, both ways. */
export interface EngineChannel {
  send(bytes: Uint8Array): void;
  /** What was sent is its sender's as before. */
  readonly onlyReads?: boolean;
  /** One listener. */
  onBytes(listener: (bytes: Uint8Array) => void): void;
  /** Called once, when nothing comes any more: what is known of why. One listener. */
  onGone(listener: (why: FailureData["engine"]) => void): void;
  /** Hands an object over that is more than bytes. Absent: the channel carries bytes alone. */
  attach?(object: object, number: number): void;
  /** Number of the process at its other end; absent: none that the host knows. */
  readonly processId?: number | undefined;
  /** Whether the host is to stay up for it. */
  hold(isHeld: boolean): void;
  /** Acts once after so many milliseconds. @returns what takes that back */
  callLater(milliseconds: number, act: () => void): () => void;
  close(): void;
  /** Ends the engine at once, whatever it does. Absent: it is not this host's to end. */
  kill?(): void;
}

interface CallOptions {
  readonly bytes?: Uint8Array;
  readonly signal?: AbortSignalLike | undefined;
  /** The engine ends it after so long; a little later it is over, whatever that does. */
  readonly timeoutMs?: number | undefined;
  /** The host does not stay up for it. */
  readonly isBackground?: boolean;
  /** @param heard  to be called: few events are under way that were not heard */
  onEvent?(event: unknown, heard: () => void): void;
  onProgress?(progress: ImageProgress): void;
  onOutput?(stream: 1 | 2, bytes: Uint8Array): void;
  onRead?(count: number): void;
  onStarted?(pid: number): void;
}

export interface Answer {
  readonly value: unknown;
  readonly bytes: Uint8Array;
}

interface OpenCall extends CallOptions {
  resolve(answer: Answer): void;
  reject(error: unknown): void;
}

/** @typeParam Ops  what the other side can be asked for */
export class EngineClient<Ops extends Operations = Operations> {
  readonly #channel: EngineChannel;
  readonly #calls = new Map<number, OpenCall>();
  /** Those that their callers gave up, and which may open something all the same: what they ask for. */
  readonly #givenUp = new Map<number, keyof Ops>();
  /** What the host stays up for: calls, and `hold`. */
  #held = 0;
  #lastCall = 0;
  #lastAttached = 0;
  #gone: StratosError | null = null;
  #isLetGo = false;
  /** Looks since something was heard. */
  #silentLooks = 0;
  #cancelLook: () => void = () => {};

  constructor(channel: EngineChannel) {
    this.#channel = channel;
    const reader = new FrameReader((frame) => this.#receive(frame));
    channel.onBytes((bytes) => {
      try {
        reader.push(bytes);
      } catch (error) {
        // What a listener throws is its program's; this would end it, too.
        if (!(error instanceof NoFrame)) throw error;
        this.#lose({ exitCode: null, signal: null, log: `what it says is not understood: ${error.message}` });
        this.#end();
      }
    });
    channel.onGone((why) => this.#lose(why));
    channel.hold(false);
  }

  get processId(): number | null {
    return this.#channel.processId ?? null;
  }

  get isGone(): boolean {
    return this.#gone !== null;
  }

  /**
   * @returns the call's number, for what it sends later, and its answer
   * @throws (rejects) StratosError, or the signal's reason
   */
  call<Name extends keyof Ops>(
    op: Name,
    request: Ops[Name],
    options: CallOptions = {},
  ): { call: number; answer: Promise<Answer> } {
    const call = ++this.#lastCall;
    const answer = this.#start(call, { call, op, request }, options);
    return { call, answer };
  }

  async #start(call: number, message: ToEngine<Ops>, options: CallOptions): Promise<Answer> {
    const { signal } = options;
    if (signal?.aborted === true) throw abortReason(signal);
    if (this.#gone !== null) throw this.#gone;
    const abort = (): void => {
      const open = this.#calls.get(call);
      // Its answer is here: what it has opened is its caller's.
      if (open === undefined) return;
      this.send({ call, cancel: true });
      // A program's end is waited for; nothing else is worth it.
      if (isRun) return;
      this.#calls.delete(call);
      this.#givenUp.set(call, message.op);
      open.reject(abortReason(signal!));
    };
    const isRun = !("op" in message) || message.op === "run";
    const giveUp = (): void => this.#giveUp(call, isRun ? "the program's time is over" : "the time for it is over");
    const { timeoutMs, isBackground = false } = options;
    const cancelTimer = timeoutMs === undefined ? null : this.#channel.callLater(timeoutMs + GRACE_MS, giveUp);
    let letGo = (): void => {};
    try {
      const answer = new Promise<Answer>((resolve, reject) => {
        this.#calls.set(call, { ...options, resolve, reject });
      });
      if (!isBackground) letGo = this.hold();
      const { bytes } = options;
      if (bytes === undefined || bytes.length < COPIED_AT_ONCE) this.send(message, bytes);
      else void this.#sendMuch(message, bytes);
      signal?.addEventListener("abort", abort);
      return await answer;
    } finally {
      signal?.removeEventListener("abort", abort);
      cancelTimer?.();
      this.#calls.delete(call);
      letGo();
    }
  }

  /** Keeps the host up. @returns what ends that, to be called once */
  hold(): () => void {
    if (++this.#held === 1) {
      this.#channel.hold(true);
      this.#silentLooks = 0;
      this.#lookLater();
    }
    return () => {
      if (--this.#held > 0) return;
      this.#cancelLook();
      this.#channel.hold(false);
    };
  }

  #lookLater(): void {
    this.#cancelLook = this.#channel.callLater(LOOK_MS, () => this.#look());
  }

  /** An engine that hangs is ended, so that who waits for it is told. A host that slept has looked no more often. */
  #look(): void {
    if (this.#gone !== null) return;
    if (++this.#silentLooks > SILENT_LOOKS) {
      const log = `it has said nothing for ${(LOOK_MS * SILENT_LOOKS) / 1000} seconds`;
      this.#lose({ exitCode: null, signal: null, log });
      return this.#end();
    }
    this.call("ping", {} as Ops["ping"], { isBackground: true }).answer.catch(() => {});
    this.#lookLater();
  }

  #end(): void {
    if (this.#channel.kill === undefined) this.#channel.close();
    else this.#channel.kill();
  }

  /** The engine had time enough. */
  #giveUp(call: number, why: string): void {
    this.send({ call, cancel: true });
    const error = new LimitError(why, { which: "timeout", partial: null });
    this.#calls.get(call)?.reject(error);
  }

  send(message: ToEngine<Ops>, bytes?: Uint8Array): void {
    if (this.#gone === null) this.#channel.send(encodeFrame(message, bytes));
  }

  /** A copy is made little by little: the caller leaves the bytes as they are until there is an answer. */
  async #sendMuch(message: ToEngine<Ops>, bytes: Uint8Array): Promise<void> {
    const channel = this.#channel;
    const isOnlyRead = channel.onlyReads === true && "op" in message && message.op === "create";
    const sent = isOnlyRead ? bytes : await joinLittleByLittle([bytes], () => this.breathe());
    // Nobody wants it any more, or nobody is there: then it has not begun.
    if (!this.#calls.has(message.call)) this.#givenUp.delete(message.call);
    else if (this.#gone === null) {
      try {
        sendFrame((part) => channel.send(part), message, sent);
      } catch (error) {
        this.#calls.get(message.call)?.reject(error);
      }
    }
  }

  /** What a request says of a place. @throws StratosError of kind option for objects where paths are expected */
  place(place: string | object | readonly object[], option: string): Place {
    if (typeof place === "string") return place;
    const channel = this.#channel;
    return [place].flat().map((object) => {
      if (channel.attach === undefined) throw new StratosError("option", `${option}: text is expected`, { option });
      channel.attach(object, ++this.#lastAttached);
      return this.#lastAttached;
    });
  }

  /** Resolves once the host's event loop has had a turn. */
  breathe(): Promise<void> {
    return new Promise((resolve) => this.#channel.callLater(0, resolve));
  }

  /** Lets the engine end. Who still waits is told so, whether or not the engine comes to it. */
  close(): void {
    this.#isLetGo = true;
    this.#channel.close();
  }

  #receive({ head, bytes }: Frame): void {
    this.#silentLooks = 0;
    const message = head as FromEngine;
    const call = this.#calls.get(message.call);
    if (call === undefined) return this.#hearLate(message);
    if ("output" in message) call.onOutput?.(message.output, bytes);
    else if ("read" in message) call.onRead?.(message.read);
    else if ("started" in message) call.onStarted?.(message.started);
    else if ("progress" in message) call.onProgress?.(message.progress);
    else if ("event" in message) {
      const { call: number } = message;
      call.onEvent?.(message.event, () => this.send({ call: number, taken: 1, stream: 1 }));
    } else if ("answer" in message) {
      // From here on nobody can give it up.
      this.#calls.delete(message.call);
      call.resolve({ value: message.answer, bytes });
    } else if (message.failure.kind === null)
      call.reject(call.signal === undefined ? new Error(message.failure.message) : abortReason(call.signal));
    else call.reject(errorOf(message.failure.kind, message.failure.message, message.failure.data));
  }

  /** What was opened for a caller who had given up is closed: nobody could name it. */
  #hearLate(message: FromEngine): void {
    const op = this.#givenUp.get(message.call);
    if (op === undefined || !("answer" in message || "failure" in message)) return;
    this.#givenUp.delete(message.call);
    if (!("answer" in message)) return;
    for (const target of openedTargets(op, message.answer))
      this.call("close", { target } as Ops["close"], { isBackground: true }).answer.catch(() => {});
  }

  #lose(why: FailureData["engine"]): void {
    if (this.#gone !== null) return;
    this.#cancelLook();
    this.#givenUp.clear();
    const how = why.signal ?? (why.exitCode === null ? "it cannot be reached" : `status ${why.exitCode}`);
    // A thread that ends takes along what it has just said.
    this.#gone = this.#isLetGo
      ? new StratosError("closed", "it was closed", {})
      : new StratosError("engine", `the machine's process has ended: ${how}`, why);
    for (const call of this.#calls.values()) call.reject(this.#gone);
  }
}

function errorOf(kind: FailureKind, message: string, data: FailureData[FailureKind]): StratosError {
  return kind === "limit"
    ? new LimitError(message, data as FailureData["limit"])
    : new StratosError(kind, message, data);
}

export function abortReason(signal: AbortSignalLike): unknown {
  return signal.reason ?? Object.assign(new Error("This operation was aborted"), { name: "AbortError" });
}
