/** One WebSocket to a relay, with what goes over it. */
import { ECONNRESET, ENETUNREACH } from "@stratos/abi";
import {
  parseRelayFrame,
  RELAY_CLOSED,
  type RelayFrame,
  relayFrame,
  relayProtocols,
  WINDOW_BYTES,
} from "./relay-frames.ts";

/** A WebSocket of the browser, as far as it is needed. */
interface RelayWebSocket {
  binaryType: string;
  readonly readyState: number;
  readonly bufferedAmount: number;
  send(message: Uint8Array<ArrayBuffer>): void;
  close(): void;
  onopen: ((event: never) => void) | null;
  onmessage: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
}

export type OpenRelay = (url: string, protocols: string[]) => RelayWebSocket;

/** A socket of the machine, as its connection knows it. */
export interface RelayedSocket {
  /** @returns false: it breaks the rules */
  take(frame: RelayFrame): boolean;
  /** The connection is gone. @param errno  for who had something of it */
  lose(errno: number): void;
}

const OPEN = 1;
/** Frames that wait for the WebSocket to open; beyond the first, datagrams are lost, beyond the second all is. */
const EARLY_DATAGRAMS_MAX = 1024,
  EARLY_MAX = 1 << 16;
/** Of datagrams, beyond which they are dropped. */
const UNSENT_MAX = 1 << 20;

export class RelayConnection {
  readonly #socket: RelayWebSocket;
  readonly #sockets = new Map<number, RelayedSocket>();
  readonly #onEnd: (words: string) => void;
  #early: RelayFrame[] | null = [];
  #lastId = 0;
  #isOver = false;

  /** @param onEnd  told once, in words, when it is over by itself. @throws what WebSockets do of an address */
  constructor(
    { url, token }: { readonly url: string; readonly token: string },
    open: OpenRelay,
    { onOpen, onEnd }: { readonly onOpen: () => void; readonly onEnd: (words: string) => void },
  ) {
    this.#onEnd = onEnd;
    const socket = open(url, relayProtocols(token));
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      const early = this.#early ?? [];
      this.#early = null;
      for (const frame of early) this.send(frame);
      onOpen();
    };
    socket.onmessage = ({ data }: { readonly data: unknown }) => this.#take(data);
    socket.onclose = ({ code }: { readonly code: number }) => this.#end(wordsOf(code, this.#early === null));
  }

  /** @returns the number by which the relay will know it */
  add(socket: RelayedSocket): number {
    this.#sockets.set(++this.#lastId, socket);
    return this.#lastId;
  }

  remove(id: number): void {
    this.#sockets.delete(id);
  }

  send(frame: RelayFrame): void {
    if (this.#isOver) return;
    if (this.#early !== null) {
      if (this.#early.length < EARLY_DATAGRAMS_MAX || frame.kind !== "datagram") this.#early.push(frame);
      if (this.#early.length > EARLY_MAX) this.#end("the relay does not answer");
      return;
    }
    if (this.#socket.readyState !== OPEN) return;
    if (frame.kind === "datagram" && this.unsent > UNSENT_MAX) return;
    this.#socket.send(relayFrame(frame));
  }

  /** Bytes that the browser has not handed to its computer. */
  get unsent(): number {
    return this.#socket.bufferedAmount;
  }

  /** Whoever had something of it is told. */
  close(): void {
    if (this.#isOver) return;
    this.#leave();
  }

  #take(data: unknown): void {
    if (this.#isOver) return;
    const frame = data instanceof ArrayBuffer ? parseRelayFrame(new Uint8Array(data)) : null;
    // About a socket that is gone: its end has met this on the way.
    const socket = frame === null ? undefined : this.#sockets.get(frame.id);
    const isFair = frame !== null && (socket === undefined ? frame.id <= this.#lastId : socket.take(frame));
    if (!isFair) this.#end("the relay says what no relay may say");
  }

  #end(words: string): void {
    if (this.#isOver) return;
    this.#leave();
    this.#onEnd(words);
  }

  #leave(): void {
    this.#isOver = true;
    const socket = this.#socket;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
    const errno = this.#early === null ? ECONNRESET : ENETUNREACH;
    const lost = [...this.#sockets.values()];
    this.#sockets.clear();
    for (const each of lost) each.lose(errno);
  }
}

function wordsOf(code: number, wasOpen: boolean): string {
  switch (code) {
    case RELAY_CLOSED.stranger:
      return "the relay knows no such token";
    case RELAY_CLOSED.mayNot:
      return "the relay needs the key of an operator";
    case RELAY_CLOSED.tryLater:
      return "the relay has no room for another tab";
    default:
      return wasOpen
        ? "the relay has gone"
        : "the relay cannot be reached, or does not serve pages of this origin (serve --relay-origin)";
  }
}

/** What one credit may bring up: both sides count so. */
export function isCreditFair(left: number, count: number): boolean {
  return left + count <= WINDOW_BYTES;
}
