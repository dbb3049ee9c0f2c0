/** What one tab has of the relay: its sockets, within bounds, under rules. */
import { EACCES, ENOBUFS } from "@stratos/abi";
import type { EventLoop, HostAddress } from "@stratos/host";
import { NodeSocketProvider } from "@stratos/host-node";
import { NAME_PORT, parseRelayFrame, RELAY_NETWORK, type RelayFrame, relayFrame } from "@stratos/host-browser/relay";
import { PolicySockets } from "@stratos/sdk/policy-sockets";
import { RelayDatagrams } from "./relay-datagrams.ts";
import { placeText, type RelayLink, type RelayNote } from "./relay-link.ts";
import { relayPolicy, type RelayRules } from "./relay-rules.ts";
import { RelayStream } from "./relay-stream.ts";
import { TokenBucket } from "./token-bucket.ts";

/** Sockets of one tab, and of all. */
const SOCKETS_MAX = 128,
  SOCKETS_IN_ALL_MAX = 512;
/** Connections and UDP sockets a second, and questions for names; so many more at once. */
const BEGINS = { perSecond: 50, burst: 200 },
  QUESTIONS = { perSecond: 50, burst: 200 };
/** Lines of the log a second. */
const NOTES = { perSecond: 20, burst: 200 };
/** Bytes on their way to the tab, beyond which sockets wait and datagrams are dropped. */
const BUFFERED_MAX = 1 << 20;
/** The same, of answers that nobody may hold back: whoever does not read so many is sent away. */
const UNREAD_MAX = 1 << 23;

/** The WebSocket, as far as a session needs it. */
interface RelaySocket {
  readonly bufferedAmount: number;
  send(message: Uint8Array, onSent: () => void): void;
}

interface RelaySessionParts {
  readonly rules: RelayRules;
  readonly loop: Pick<EventLoop, "nowMs" | "callSoon">;
  /** Of all tabs: how many sockets are open. */
  readonly total: { count: number };
  readonly note: (entry: RelayNote) => void;
  readonly onViolation: () => void;
  /** Told of defects; then the session is to end. */
  readonly onDefect: (error: unknown) => void;
}

export class RelaySession implements RelayLink {
  readonly #socket: RelaySocket;
  readonly #parts: RelaySessionParts;
  readonly #host = new NodeSocketProvider();
  readonly #sockets: PolicySockets;
  readonly #open = new Map<number, RelayStream | RelayDatagrams>();
  readonly #begins: TokenBucket;
  readonly #questions: TokenBucket;
  readonly #notes: TokenBucket;
  /** Numbers grow: one that is not beyond the last was used before. */
  #lastId = 0;
  #isFull = false;
  #isClosed = false;
  #unnoted = 0;

  /** @throws StratosError of kind option: a rule cannot be */
  constructor(socket: RelaySocket, parts: RelaySessionParts) {
    this.#socket = socket;
    this.#parts = parts;
    const { loop, rules } = parts;
    const own = this.#host.localAddresses().map(({ address }) => address);
    // Whoever is denied is told by the socket itself.
    this.#sockets = new PolicySockets(this.#host, { policy: relayPolicy(rules, own), loop }, () => {});
    this.#begins = new TokenBucket(BEGINS, loop);
    this.#questions = new TokenBucket(QUESTIONS, loop);
    this.#notes = new TokenBucket(NOTES, loop);
  }

  /** @param message  of the tab */
  take(message: Uint8Array): void {
    if (this.#isClosed) return;
    const frame = parseRelayFrame(message);
    if (frame === null) return this.violate();
    this.#guard(() => this.#act(frame));
  }

  #act(frame: RelayFrame): void {
    switch (frame.kind) {
      case "connect":
      case "open":
        return this.#begin(frame.id, frame.kind === "connect" ? frame.to : null);
      case "connected":
      case "failed":
        return this.violate();
      default:
    }
    const socket = this.#open.get(frame.id);
    if (socket === undefined) {
      // Its end has met this on the way; what never began has no such excuse.
      if (frame.id > this.#lastId) this.violate();
      return;
    }
    if (socket instanceof RelayDatagrams) {
      if (frame.kind === "datagram") this.#sendDatagram(socket, frame.to, frame.bytes);
      else if (frame.kind === "close" || frame.kind === "reset") socket.close();
      else this.violate();
      return;
    }
    switch (frame.kind) {
      case "data":
        return socket.receive(frame.bytes);
      case "credit":
        return socket.credit(frame.count);
      case "finish":
        return socket.finish();
      case "close":
        return socket.close();
      case "reset":
        return socket.abort();
      default:
        return this.violate();
    }
  }

  /** @param to  null: a UDP socket */
  #begin(id: number, to: HostAddress | null): void {
    if (id <= this.#lastId) return this.violate();
    this.#lastId = id;
    const { total } = this.#parts;
    const isTooMany = this.#open.size >= SOCKETS_MAX || total.count >= SOCKETS_IN_ALL_MAX;
    if (isTooMany || !this.#begins.take()) {
      const words = isTooMany ? "the relay has no room for more sockets" : "too many sockets a second for the relay";
      const target = to === null ? words : `${placeText(to)}: ${words}`;
      this.note({ operation: to === null ? "relayUdp" : "relayTcp", target, status: 429 });
      return this.send({ kind: "failed", id, errno: ENOBUFS, words });
    }
    total.count++;
    if (to === null) return void this.#open.set(id, new RelayDatagrams(this, id, this.#sockets));
    const stream = new RelayStream(this, id, placeOf(to));
    this.#open.set(id, stream);
    if (to.address !== RELAY_NETWORK.names) return stream.begin(this.#sockets);
    stream.refuse(EACCES, "the relay answers questions for names by UDP alone");
  }

  #sendDatagram(socket: RelayDatagrams, to: HostAddress, bytes: Uint8Array): void {
    if (to.port === NAME_PORT && !this.#questions.take()) return;
    socket.send(to, placeOf(to), bytes);
  }

  // What its sockets see.

  send(frame: RelayFrame): void {
    if (this.#isClosed) return;
    this.#socket.send(relayFrame(frame), () => this.#noticeRoom());
    if (this.#socket.bufferedAmount > UNREAD_MAX) this.violate();
  }

  get hasRoom(): boolean {
    if (this.#socket.bufferedAmount < BUFFERED_MAX) return true;
    this.#isFull = true;
    return false;
  }

  #noticeRoom(): void {
    if (!this.#isFull || this.#socket.bufferedAmount > BUFFERED_MAX / 2) return;
    this.#isFull = false;
    for (const socket of this.#open.values()) socket.resume();
  }

  soon(act: () => void): void {
    this.#parts.loop.callSoon(() => this.#guard(act));
  }

  forget(id: number): void {
    if (this.#open.delete(id)) this.#parts.total.count--;
  }

  note(entry: RelayNote): void {
    if (!this.#notes.take()) {
      this.#unnoted++;
      return;
    }
    const more = this.#unnoted === 0 ? "" : ` (and ${this.#unnoted} others before)`;
    this.#unnoted = 0;
    this.#parts.note({ ...entry, target: `${entry.target}${more}` });
  }

  violate(): void {
    if (!this.#isClosed) this.#parts.onViolation();
  }

  /** All its sockets end. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const socket of [...this.#open.values()])
      if (socket instanceof RelayStream) socket.abort();
      else socket.close();
    this.#host.closeAll();
  }

  /** What one tab asks must not end the relay of the others. */
  #guard(act: () => void): void {
    try {
      act();
    } catch (error) {
      this.#parts.onDefect(error);
    }
  }
}

/** The relay's host has a name of its own in the tab's network; what that is to reach, rules say of the loopback. */
function placeOf(to: HostAddress): HostAddress {
  return to.address === RELAY_NETWORK.host ? { ...to, address: "127.0.0.1" } : to;
}
