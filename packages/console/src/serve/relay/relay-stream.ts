/** One TCP connection of a tab, on a socket of this host. */
import { EAGAIN, EACCES, EINPROGRESS, ERRNO_NAMES } from "@stratos/abi";
import type { HostAddress, HostSocket, HostSocketEvents, SocketProvider } from "@stratos/host";
import { ByteQueue, DATA_MAX, WINDOW_BYTES } from "@stratos/host-browser/relay";
import { placeText, type RelayLink } from "./relay-link.ts";

/** What was passed on is credited in parts of at least so much. */
const CREDIT_MIN = WINDOW_BYTES / 4;
/** Of all connections, each of which uses it within one call. */
const SCRATCH = new Uint8Array(DATA_MAX);

export class RelayStream implements HostSocketEvents {
  readonly #link: RelayLink;
  readonly #id: number;
  readonly #to: HostAddress;
  #socket: HostSocket | null = null;
  #isConnected = false;
  /** Bytes that the tab takes, and bytes that it may still send. */
  #credit = WINDOW_BYTES;
  #grant = WINDOW_BYTES;
  readonly #queue = new ByteQueue(WINDOW_BYTES);
  /** Passed on, and not credited yet. */
  #passed = 0;
  #isPumpDue = false;
  #hasFinished = false;
  #isShut = false;
  #hasEnded = false;
  #isClosing = false;
  #sent = 0;
  #received = 0;

  constructor(link: RelayLink, id: number, to: HostAddress) {
    this.#link = link;
    this.#id = id;
    this.#to = to;
  }

  /** @param sockets  under rules */
  begin(sockets: SocketProvider): void {
    const socket = sockets.create(this.#to.family, "stream", this);
    if (typeof socket === "number") return this.#fail(-socket);
    this.#socket = socket;
    const begun = socket.connect(this.#to);
    if (begun < 0 && begun !== -EINPROGRESS) this.#fail(-begun);
  }

  /** It does not begin. @param words  why, for people */
  refuse(errno: number, words: string): void {
    this.#fail(errno, words);
  }

  changed(): void {
    this.resume();
  }

  /** Passes on what can be. */
  resume(): void {
    if (this.#isPumpDue) return;
    this.#isPumpDue = true;
    this.#link.soon(() => {
      this.#isPumpDue = false;
      this.#pump();
    });
  }

  receive(bytes: Uint8Array): void {
    if (!this.#isConnected || this.#hasFinished || bytes.length > this.#grant) return this.#link.violate();
    this.#grant -= bytes.length;
    this.#queue.put(bytes);
    this.resume();
  }

  credit(count: number): void {
    if (this.#credit + count > WINDOW_BYTES) return this.#link.violate();
    this.#credit += count;
    this.resume();
  }

  finish(): void {
    if (!this.#isConnected || this.#hasFinished) return this.#link.violate();
    this.#hasFinished = true;
    this.resume();
  }

  /** The tab has no more to do with it; what it has sent goes out first. */
  close(): void {
    if (!this.#isConnected) return this.abort();
    this.#isClosing = this.#hasFinished = this.#hasEnded = true;
    this.#pump();
  }

  /** It is over now. */
  abort(): void {
    const socket = this.#socket;
    if (socket === null) return;
    this.#leave(200, "");
    socket.abort();
  }

  #pump(): void {
    const socket = this.#socket;
    if (socket === null) return;
    if (!this.#isConnected && !this.#noticeConnection()) return;
    this.#write();
    if (!this.#isClosing) return this.#read();
    if (this.#queue.length > 0) return;
    this.#leave(200, "");
    socket.close();
  }

  /** @returns whether it is there */
  #noticeConnection(): boolean {
    const socket = this.#socket!;
    if (socket.connected()) {
      this.#isConnected = true;
      this.#link.send({ kind: "connected", id: this.#id });
      return true;
    }
    const error = socket.takeError();
    if (error !== 0) this.#fail(error);
    return false;
  }

  #write(): void {
    const socket = this.#socket!;
    while (this.#queue.length > 0) {
      const { waiting } = this.#queue;
      const count = socket.write(waiting, 0, waiting.length, null);
      if (count === -EAGAIN) break;
      // What has come before the connection broke is still the tab's; reading tells then why it did.
      this.#queue.drop(count < 0 ? waiting.length : count);
      if (count < 0) break;
      this.#passed += count;
      this.#sent += count;
    }
    if (this.#passed >= CREDIT_MIN && !this.#hasFinished) {
      this.#link.send({ kind: "credit", id: this.#id, count: this.#passed });
      this.#grant += this.#passed;
      this.#passed = 0;
    }
    if (this.#hasFinished && this.#queue.length === 0 && !this.#isShut) {
      this.#isShut = true;
      socket.shutdown(1);
    }
  }

  #read(): void {
    const socket = this.#socket!;
    while (!this.#hasEnded && this.#credit > 0 && this.#link.hasRoom) {
      const count = socket.read(SCRATCH, 0, Math.min(this.#credit, DATA_MAX), false);
      if (count > 0) {
        this.#credit -= count;
        this.#received += count;
        this.#link.send({ kind: "data", id: this.#id, bytes: SCRATCH.subarray(0, count) });
        continue;
      }
      const error = socket.takeError();
      if (error !== 0) return this.#fail(error);
      if (count === -EAGAIN) return;
      this.#hasEnded = true;
      this.#link.send({ kind: "finish", id: this.#id });
    }
    if (!this.#hasEnded) return;
    const error = socket.takeError();
    if (error !== 0) this.#fail(error);
  }

  #fail(errno: number, words = ""): void {
    if (errno === EACCES && words === "") words = `the relay permits no connection to ${placeText(this.#to)}`;
    this.#link.send({ kind: "failed", id: this.#id, errno, words });
    const socket = this.#socket;
    const status = errno === EACCES ? 403 : this.#isConnected ? 200 : 502;
    this.#leave(status, `, ${ERRNO_NAMES[errno] ?? errno}`);
    socket?.abort();
  }

  #leave(status: 200 | 403 | 502, why: string): void {
    this.#socket = null;
    this.#queue.clear();
    this.#link.forget(this.#id);
    const target = `${placeText(this.#to)}, ${this.#sent} bytes sent, ${this.#received} received${why}`;
    this.#link.note({ operation: "relayTcp", target, status });
  }
}
