/** A socket of the host by way of what was told of it (answered-sockets.ts): recorded, or replayed without the host. */
import { EAGAIN, EINVAL, EIO, ENOTCONN, isErrno } from "@stratos/abi";
import { crc32c, stateClass, stateConstant } from "@stratos/base";
import type {
  BindOptions,
  HostAddress,
  HostSocket,
  HostSocketEvents,
  HostSocketOption,
  HostSocketType,
} from "@stratos/host";
import type { HostAnswers } from "./host-answers.ts";
import {
  isResult,
  isSocketAnswer,
  SOCKET_BYTES_MAX,
  type SocketAnswer,
  type SocketNews,
  type SocketState,
} from "./socket-news.ts";

/** Connections that are let in and not accepted yet; more wait outside. */
const PENDING_MAX = 128;
/** What an empty datagram counts. */
const DATAGRAM_OVERHEAD = 64;

const NOBODY: HostSocketEvents = stateConstant("nobody hears of a host's socket", { changed() {} });

/** What a socket knows of those that it is one of. */
export interface SocketOwner {
  readonly answers: HostAnswers;
  adopt(socket: AnsweredSocket): void;
  mayHaveNews(socket: AnsweredSocket): void;
  isSending(socket: AnsweredSocket, isSending: boolean): void;
  closed(socket: AnsweredSocket): void;
}

/** Bytes that were let in: a datagram with its sender, or a part of a stream. */
interface Received {
  bytes: Uint8Array;
  readonly from: HostAddress | null;
}

export class AnsweredSocket implements HostSocket {
  readonly id: number;
  /** null while replaying. */
  host: HostSocket | null = null;
  lastSender: HostAddress | null = null;
  lastLength = 0;
  #owner: SocketOwner;
  #isStream: boolean;
  #events: HostSocketEvents;
  #isListening = false;
  #state: Required<SocketState> = { isConnected: false, isWritable: false, local: null, peer: null, unsent: 0 };
  /** At most SOCKET_BYTES_MAX, and one datagram. */
  #received: Received[] = [];
  #receivedBytes = 0;
  #pending: AnsweredSocket[] = [];
  #isEnded = false;
  #isReadStopped = false;
  #error = 0;
  #isClosed = false;

  constructor(owner: SocketOwner, id: number, type: HostSocketType, events: HostSocketEvents) {
    this.#owner = owner;
    this.id = id;
    this.#isStream = type === "stream";
    this.#events = events;
  }

  // ---- Towards the host, while recording

  readonly hostEvents: HostSocketEvents = { changed: () => this.#owner.mayHaveNews(this) };

  /** A call has had this result, with what else it has changed. */
  answerOf(result: number): SocketAnswer {
    return { result, ...this.#change(false) };
  }

  /** How the host's socket differs from what was told of it; null: in nothing. @param isPatient  not in each byte */
  #change(isPatient: boolean): SocketState | null {
    const host = this.host!;
    const { isConnected, isWritable, local, peer, unsent } = this.#state;
    const [isNowConnected, isNowWritable, nowUnsent] = [host.connected(), host.writable(), host.unsent()];
    const [nowLocal, nowPeer] = [host.localAddress(), host.peerAddress()];
    const hasLeft = nowUnsent !== unsent && (!isPatient || nowUnsent === 0 || nowUnsent <= unsent / 2);
    const change: SocketState = {
      ...(isNowConnected === isConnected ? {} : { isConnected: isNowConnected }),
      ...(isNowWritable === isWritable ? {} : { isWritable: isNowWritable }),
      ...(isSameAddress(nowLocal, local) ? {} : { local: nowLocal }),
      ...(isSameAddress(nowPeer, peer) ? {} : { peer: nowPeer }),
      ...(hasLeft ? { unsent: nowUnsent } : {}),
    };
    return Object.keys(change).length === 0 ? null : change;
  }

  /**
   * What has come since it was asked last; null: nothing, or nothing that there is room for.
   *
   * @param next  the number of a socket more
   */
  news(next: number): SocketNews | null {
    const host = this.host!;
    const connection = this.#newConnection(next);
    const received = this.#isListening ? null : this.#receive();
    // Bytes come before the end, and before what went wrong then.
    const isEmpty = !this.#isStream || (host.available() === 0 && received === null);
    const hasEnded = isEmpty && !this.#isEnded && host.ended();
    const error = isEmpty ? host.takeError() : 0;
    const change = this.#change(true);
    if (connection === null && received === null && change === null && !hasEnded && error === 0) return null;
    return {
      ...{ kind: "socket", socket: this.id },
      ...change,
      ...received,
      ...(connection === null ? {} : { connection }),
      ...(hasEnded ? { isEnded: true } : {}),
      ...(error === 0 ? {} : { error }),
    };
  }

  #newConnection(next: number): NonNullable<SocketNews["connection"]> | null {
    const host = this.host!;
    if (!this.#isListening || this.#pending.length >= PENDING_MAX || !host.readable()) return null;
    const child = new AnsweredSocket(this.#owner, next, "stream", NOBODY);
    const accepted = host.accept(child.hostEvents);
    if (isErrno(accepted)) return null;
    child.host = accepted;
    this.#coming = child;
    return { socket: next, ...child.#change(false) };
  }

  /** What `news` has told of, until it is let in. */
  #coming: AnsweredSocket | null = null;

  #receive(): Pick<SocketNews, "data" | "from"> | null {
    const host = this.host!;
    if (this.#isReadStopped || this.#receivedBytes > SOCKET_BYTES_MAX / 2 || !host.readable()) return null;
    const room = this.#isStream ? Math.min(host.available(), SOCKET_BYTES_MAX - this.#receivedBytes) : 65536;
    if (room === 0) return null;
    const bytes = new Uint8Array(room);
    const count = host.read(bytes, 0, room, false);
    if (count < 0 || (this.#isStream && count === 0)) return null;
    // It stays as long as its reader wishes.
    const data = 2 * count < room ? bytes.slice(0, count) : bytes.subarray(0, count);
    if (this.#isStream) return { data };
    return { data, ...(host.lastSender === null ? {} : { from: host.lastSender }) };
  }

  // ---- What comes from outside

  /** Somebody has connected. */
  letConnect({ socket, ...state }: NonNullable<SocketNews["connection"]>): AnsweredSocket {
    const child = this.#coming ?? new AnsweredSocket(this.#owner, socket, "stream", NOBODY);
    this.#coming = null;
    child.take(state);
    this.#pending.push(child);
    return child;
  }

  letIn(news: SocketNews): void {
    this.take(news);
    if (news.data !== undefined) {
      const bytes = news.data;
      // What was on its way when reading was stopped.
      if (!this.#isReadStopped) this.#received.push({ bytes, from: news.from ?? null });
      if (!this.#isReadStopped) this.#receivedBytes += bytes.length + (this.#isStream ? 0 : DATAGRAM_OVERHEAD);
    }
    if (news.isEnded === true) this.#isEnded = true;
    if (news.error !== undefined) this.#error = news.error;
    this.#events.changed();
  }

  take({ isConnected, isWritable, local, peer, unsent }: SocketState): void {
    const before = this.#state;
    this.#state = {
      isConnected: isConnected ?? before.isConnected,
      isWritable: isWritable ?? before.isWritable,
      local: local === undefined ? before.local : local,
      peer: peer === undefined ? before.peer : peer,
      unsent: unsent ?? before.unsent,
    };
    if (this.host !== null && this.#state.unsent > 0 !== before.unsent > 0)
      this.#owner.isSending(this, this.#state.unsent > 0);
  }

  // ---- Calls that the host has to do with

  /** @param max  the largest result */
  #ask(what: string, call: (host: HostSocket) => number, max = 0): number {
    const answer: unknown = this.#owner.answers.answer(
      `${what} of socket ${this.id}`,
      () => {
        const result = call(this.host!);
        const change = this.#change(false);
        return change === null ? result : { result, ...change };
      },
      -EIO,
    );
    // What the call has set going may be over already.
    this.#owner.mayHaveNews(this);
    if (isResult(answer, max)) return answer;
    if (!isSocketAnswer(answer, max)) return -EIO;
    this.take(answer);
    return answer.result;
  }

  connect(to: HostAddress): number {
    return this.#ask(`connect(${textOf(to)})`, (host) => host.connect(to));
  }

  bind(to: HostAddress, options: BindOptions): number {
    const { reuseAddress, v6Only } = options;
    const how = `${reuseAddress ? ", reuse" : ""}${v6Only ? ", IPv6 only" : ""}`;
    return this.#ask(`bind(${textOf(to)}${how})`, (host) => host.bind(to, options));
  }

  listen(backlog: number): number {
    this.#isListening = true;
    return this.#ask(`listen(${backlog})`, (host) => host.listen(backlog));
  }

  write(bytes: Uint8Array, at: number, length: number, to: HostAddress | null): number {
    const checksum = crc32c(bytes, at, at + length).toString(16);
    const whither = to === null ? "" : ` to ${textOf(to)}`;
    return this.#ask(
      `write(${length} bytes ${checksum}${whither})`,
      (host) => host.write(bytes, at, length, to),
      length,
    );
  }

  shutdown(how: 0 | 1 | 2): number {
    const result = this.#ask(`shutdown(${how})`, (host) => host.shutdown(how));
    if (result === 0 && how !== 1 && this.#isStream) {
      this.#isReadStopped = true;
      this.#received = [];
      this.#receivedBytes = 0;
    }
    return result;
  }

  setOption(option: HostSocketOption, value: number): number {
    return this.#ask(`setOption(${option}, ${value})`, (host) => host.setOption(option, value));
  }

  close(): void {
    this.#end("close");
  }

  abort(): void {
    this.#end("abort");
  }

  #end(what: "close" | "abort"): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#events = NOBODY;
    for (const child of this.#pending.splice(0)) child.abort();
    this.#owner.closed(this);
    this.#owner.answers.answer(
      `${what} of socket ${this.id}`,
      () => {
        this.host?.[what]();
        return 0;
      },
      0,
    );
    this.#received = [];
    this.#receivedBytes = 0;
  }

  // ---- Calls that what has come is enough for

  accept(events: HostSocketEvents): HostSocket | number {
    if (!this.#isListening) return -EINVAL;
    const child = this.#pending.shift();
    if (child === undefined) return -EAGAIN;
    child.#events = events;
    this.#owner.mayHaveNews(this);
    return child;
  }

  read(bytes: Uint8Array, at: number, length: number, peek: boolean): number {
    const first = this.#received[0];
    if (first === undefined) {
      if (this.#isStream && (this.#isEnded || this.#isReadStopped)) return 0;
      return this.#isStream && !this.#state.isConnected ? -ENOTCONN : -EAGAIN;
    }
    return this.#isStream
      ? this.#readStream(bytes, at, length, peek)
      : this.#readDatagram(first, bytes, at, length, peek);
  }

  #readDatagram(first: Received, bytes: Uint8Array, at: number, length: number, peek: boolean): number {
    const count = Math.min(length, first.bytes.length);
    bytes.set(first.bytes.subarray(0, count), at);
    this.lastSender = first.from;
    this.lastLength = first.bytes.length;
    if (!peek) {
      this.#received.shift();
      this.#took(first.bytes.length + DATAGRAM_OVERHEAD);
    }
    return count;
  }

  #readStream(bytes: Uint8Array, at: number, length: number, peek: boolean): number {
    let done = 0;
    let whole = 0;
    for (const part of this.#received) {
      const count = Math.min(part.bytes.length, length - done);
      bytes.set(part.bytes.subarray(0, count), at + done);
      done += count;
      if (count < part.bytes.length) {
        if (!peek) part.bytes = part.bytes.subarray(count);
        break;
      }
      whole++;
    }
    if (peek) return done;
    this.#received.splice(0, whole);
    this.#took(done);
    return done;
  }

  #took(count: number): void {
    this.#receivedBytes -= count;
    this.#owner.mayHaveNews(this);
  }

  localAddress(): HostAddress | null {
    return this.#state.local;
  }

  peerAddress(): HostAddress | null {
    return this.#state.peer;
  }

  readable(): boolean {
    return this.#received.length > 0 || this.#isEnded || this.#pending.length > 0;
  }

  writable(): boolean {
    return this.#state.isWritable;
  }

  available(): number {
    return this.#isStream ? this.#receivedBytes : (this.#received[0]?.bytes.length ?? 0);
  }

  unsent(): number {
    return this.#state.unsent;
  }

  ended(): boolean {
    return this.#isEnded;
  }

  connected(): boolean {
    return this.#state.isConnected;
  }

  takeError(): number {
    const error = this.#error;
    this.#error = 0;
    return error;
  }

  static {
    // A copy goes on from here, with what its owner is told from here on.
    stateClass(
      "AnsweredSocket",
      this,
      {
        save: (it) => ({
          owner: it.#owner,
          isStream: it.#isStream,
          events: it.#events,
          isListening: it.#isListening,
          state: it.#state,
          received: it.#received,
          receivedBytes: it.#receivedBytes,
          pending: it.#pending,
          isEnded: it.#isEnded,
          isReadStopped: it.#isReadStopped,
          error: it.#error,
          isClosed: it.#isClosed,
        }),
        load: (it, from) =>
          ({
            owner: it.#owner,
            isStream: it.#isStream,
            events: it.#events,
            isListening: it.#isListening,
            state: it.#state,
            received: it.#received,
            receivedBytes: it.#receivedBytes,
            pending: it.#pending,
            isEnded: it.#isEnded,
            isReadStopped: it.#isReadStopped,
            error: it.#error,
            isClosed: it.#isClosed,
          } = from),
      },
      {
        keeps: ["host", "hostEvents", "#coming"],
        loaded: (it) => {
          if (!it.#isClosed) it.#owner.adopt(it);
        },
      },
    );
  }
}

function textOf({ address, port }: HostAddress): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

function isSameAddress(a: HostAddress | null, b: HostAddress | null): boolean {
  if (a === null || b === null) return a === b;
  return a.port === b.port && a.address === b.address && a.family === b.family;
}
