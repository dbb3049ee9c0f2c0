/** The program's end of a connection that ends here: a socket to the program, and `stream` to whoever serves it. */
import { EAGAIN, ECONNRESET, EPIPE } from "@stratos/abi";
import { ByteQueue, type HostSocketEvents } from "@stratos/host";
import { WireStream } from "./wire-stream.ts";

/** What is buffered each way. */
const BUFFER_BYTES = 256 * 1024;

export class ProgramEnd {
  readonly stream: WireStream;
  readonly #events: HostSocketEvents;
  /** For the program. */
  readonly #received = new ByteQueue();
  /** What waits for the program to read. */
  readonly #waiting: (() => void)[] = [];
  #hasEnded = false;
  #isReadStopped = false;
  #isFinished = false;
  #isClosed = false;
  /** The program found no room. */
  #isFull = false;
  #hasFailed = false;
  #error = 0;

  constructor(events: HostSocketEvents) {
    this.#events = events;
    this.stream = new WireStream({
      take: (bytes) => this.#take(bytes),
      ended: () => this.#end(0),
      hasRoom: () => {
        if (!this.#isFull || this.stream.waitingBytes > BUFFER_BYTES / 2) return;
        this.#isFull = false;
        this.#tell();
      },
      closed: (error) => this.#end(error === null ? 0 : ECONNRESET),
    });
  }

  #tell(): void {
    if (!this.#isClosed) this.#events.changed();
  }

  /** Nothing more comes from the other side. */
  #end(error: number): void {
    this.#goOn();
    if (this.#hasEnded || this.#hasFailed) return;
    this.#hasEnded = error === 0;
    this.#hasFailed = error !== 0;
    this.#error = error;
    this.#tell();
  }

  #take(bytes: Buffer): void {
    // As a host answers whom it can no longer tell anything.
    if (this.#isClosed) this.stream.destroy();
    else if (!this.#isReadStopped) {
      this.#received.push(bytes);
      this.#tell();
    }
  }

  /** Before more is written for the program: one after the other, so that what waits stays small. */
  whenRoom(act: () => void): void {
    if (this.#received.length < BUFFER_BYTES || this.stream.destroyed) act();
    else this.#waiting.push(act);
  }

  #goOn(): void {
    for (const act of this.#waiting.splice(0)) act();
  }

  read(bytes: Uint8Array, at: number, length: number, peek: boolean): number {
    if (this.#received.length === 0) return this.#hasEnded || this.#isReadStopped ? 0 : -EAGAIN;
    const count = this.#received.read(bytes, at, length, peek);
    if (this.#received.length <= BUFFER_BYTES / 2) this.#goOn();
    return count;
  }

  write(bytes: Uint8Array, at: number, length: number): number {
    if (this.#isFinished || this.stream.destroyed) return -EPIPE;
    if (this.#isCrowded) return -EAGAIN;
    // The caller uses its bytes again, so they are copied.
    this.stream.receive(bytes.slice(at, at + length));
    return length;
  }

  get #isCrowded(): boolean {
    this.#isFull = this.stream.waitingBytes >= BUFFER_BYTES;
    return this.#isFull;
  }

  shutdown(how: 0 | 1 | 2): number {
    if (how !== 1) {
      this.#isReadStopped = true;
      this.#received.clear();
      this.#goOn();
    }
    if (how !== 0) this.#finish();
    return 0;
  }

  #finish(): void {
    if (this.#isFinished || this.stream.destroyed) return;
    this.#isFinished = true;
    this.stream.receiveEnd();
  }

  readable(): boolean {
    return this.#received.length > 0 || this.#hasEnded || this.#hasFailed;
  }

  writable(): boolean {
    return this.#isFinished || this.stream.destroyed || !this.#isCrowded;
  }

  available(): number {
    return this.#received.length;
  }

  unsent(): number {
    return this.stream.waitingBytes;
  }

  ended(): boolean {
    return this.#hasEnded;
  }

  takeError(): number {
    const error = this.#error;
    this.#error = 0;
    return error;
  }

  /** What the program has sent still goes on; who answers it is told then that nobody hears. */
  close(): void {
    this.#isClosed = true;
    this.#received.clear();
    this.#finish();
    this.#goOn();
  }

  abort(): void {
    this.#isClosed = true;
    this.#received.clear();
    this.stream.destroy();
  }
}
