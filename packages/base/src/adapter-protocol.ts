/**
 * The requests of one client of the Debug Adapter Protocol ("Base Protocol"): they are answered in order, one after the
 * other, and events are told between them. What is debugged is who answers.
 */
import { MessageStream } from "./message-stream.ts";

/** Requests that wait to be answered. */
const WAITING_MAX = 256;
/** The breakpoints of a program, and so what a list of a request may hold. */
export const BREAKPOINTS_MAX = 4096;

export type AdapterArguments = Readonly<Record<string, unknown>>;

/** What a request cannot be answered with, in words for who sees the editor. */
export class AdapterError extends Error {}

interface AdapterAnswer {
  readonly body?: object | undefined;
  /** Done when the answer is on its way; the next request waits for it. */
  readonly next?: () => Promise<void> | void;
}

interface AdapterProtocolOptions {
  readonly write: (bytes: Uint8Array) => void;
  /** @throws AdapterError */
  readonly answer: (command: string, given: AdapterArguments) => Promise<AdapterAnswer> | AdapterAnswer;
  /** Is told of a request as it comes, before those that wait are answered. */
  readonly onRequest?: (command: string) => void;
  /** What came is no request, or too many wait. */
  readonly onRefused: () => void;
  /** An answer failed by no fault of the request. */
  readonly onFailure: (error: unknown) => void;
}

interface Request {
  readonly type: "request";
  readonly seq: number;
  readonly command: string;
  readonly arguments?: AdapterArguments;
}

export class AdapterProtocol {
  readonly #options: AdapterProtocolOptions;
  readonly #messages: MessageStream;
  readonly #waiting: Request[];
  #isBusy: boolean;
  #sequence: number;

  constructor(options: AdapterProtocolOptions) {
    this.#options = options;
    this.#messages = new MessageStream(options.write, (message) => this.#receive(message));
    this.#waiting = [];
    this.#isBusy = false;
    this.#sequence = 0;
  }

  /** Bytes of the client. */
  feed(bytes: Uint8Array): void {
    this.#messages.feed(bytes);
  }

  event(event: string, body?: object): void {
    this.#send({ type: "event", event, ...(body === undefined ? {} : { body }) });
  }

  #receive(message: unknown): void {
    if (!isRequest(message) || this.#waiting.length >= WAITING_MAX) return this.#options.onRefused();
    this.#options.onRequest?.(message.command);
    this.#waiting.push(message);
    if (!this.#isBusy) void this.#answerAll();
  }

  async #answerAll(): Promise<void> {
    this.#isBusy = true;
    try {
      for (let request = this.#waiting.shift(); request !== undefined; request = this.#waiting.shift())
        await this.#respond(request);
    } catch (error) {
      this.#options.onFailure(error);
    } finally {
      this.#isBusy = false;
    }
  }

  async #respond({ command, seq, arguments: given }: Request): Promise<void> {
    const common = { type: "response", request_seq: seq, command };
    let answer: AdapterAnswer;
    try {
      answer = await this.#options.answer(command, given ?? {});
    } catch (error) {
      if (!(error instanceof AdapterError)) throw error;
      this.#send({ ...common, success: false, message: error.message });
      return;
    }
    const { body, next } = answer;
    this.#send({ ...common, success: true, ...(body === undefined ? {} : { body }) });
    await next?.();
  }

  #send(message: object): void {
    this.#messages.send({ seq: ++this.#sequence, ...message });
  }
}

function isRequest(message: unknown): message is Request {
  if (typeof message !== "object" || message === null) return false;
  const { type, command, seq, arguments: given } = message as Partial<Request>;
  if (given !== undefined && (typeof given !== "object" || given === null)) return false;
  return type === "request" && typeof command === "string" && typeof seq === "number";
}

export function numberOf(value: unknown, otherwise: number): number {
  return typeof value === "number" && Number.isSafeInteger(value) ? value : otherwise;
}

export function listOf(value: unknown): readonly AdapterArguments[] {
  return Array.isArray(value)
    ? value
        .slice(0, BREAKPOINTS_MAX)
        .filter((each): each is AdapterArguments => typeof each === "object" && each !== null)
    : [];
}
