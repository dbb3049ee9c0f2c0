/**
 * A stream of bytes that Node's TLS is put on. For one that is no socket Node has a wrapper (js_stream_socket.js),
 * which asserts that TLS, when it reads, writes nothing while an earlier write or the end is under way. So what comes
 * in waits for that, and is given piece by piece, each in a turn of its own.
 */
import { Duplex } from "node:stream";

interface Wire {
  /** What TLS writes. Whoever fills TLS bounds it. */
  take(bytes: Buffer): void;
  /** TLS writes no more. */
  ended(): void;
  /** There is room for more of what comes in. */
  hasRoom(): void;
  closed(error: Error | null): void;
}

export class WireStream extends Duplex {
  readonly #wire: Wire;
  readonly #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #isEnding = false;
  #isWriting = false;
  #isScheduled = false;

  constructor(wire: Wire) {
    super({ allowHalfOpen: true });
    this.#wire = wire;
    this.on("resume", () => this.#schedule());
    this.on("finish", () => this.#schedule());
    // Who has it hears by `closed`.
    this.on("error", () => {});
  }

  /** Bytes that TLS has not read. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /** The bytes are the stream's from then on. */
  receive(bytes: Uint8Array): void {
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    this.#schedule();
  }

  /** Nothing more comes in. */
  receiveEnd(): void {
    this.#isEnding = true;
    this.#schedule();
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#give();
    });
  }

  #give(): void {
    const isFinishing = this.writableEnded && !this.writableFinished;
    if (this.destroyed || this.#isWriting || isFinishing || this.readableFlowing !== true) return;
    if (this.readableLength > 0) return;
    const bytes = this.#waiting.shift();
    if (bytes === undefined) {
      if (this.#isEnding) this.push(null);
      this.#isEnding = false;
      return;
    }
    this.#waitingBytes -= bytes.length;
    this.push(bytes);
    this.#wire.hasRoom();
    this.#schedule();
  }

  override _read(): void {
    this.#schedule();
  }

  override _write(bytes: Buffer, _: BufferEncoding, done: () => void): void {
    this.#isWriting = true;
    this.#wire.take(bytes);
    done();
    // The wrapper's own turn, in which the write is over for it, comes between these two.
    setImmediate(() =>
      setImmediate(() => {
        this.#isWriting = false;
        this.#schedule();
      }),
    );
  }

  override _final(done: () => void): void {
    this.#wire.ended();
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#wire.closed(error);
    done(error);
  }
}
