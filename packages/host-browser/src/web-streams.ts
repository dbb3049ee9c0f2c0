/** Standard input and output that are streams of the web platform (Streams Standard, whatwg). */
import { EAGAIN, EIO, EPIPE } from "@stratos/abi";
import type { HostStreamIn, HostStreamOut } from "@stratos/host";

/** Bytes written and not yet taken by the stream, beyond which writers wait. */
const WAITING_MAX = 65536;

/** Reads ahead by one chunk: the next is asked for when that is used up. */
export class WebStreamIn implements HostStreamIn {
  readonly #reader: { read(): Promise<{ done: boolean; value?: Uint8Array | undefined }> };
  #chunk: Uint8Array = new Uint8Array(0);
  #state: "open" | "ended" | "failed" = "open";
  #onReadable: () => void = () => {};

  constructor(stream: ReadableStream<Uint8Array>) {
    this.#reader = stream.getReader();
    this.#next();
  }

  read(into: Uint8Array, at: number, count: number): number {
    if (this.#chunk.length === 0) return this.#state === "open" ? -EAGAIN : this.#state === "ended" ? 0 : -EIO;
    const taken = Math.min(count, this.#chunk.length);
    into.set(this.#chunk.subarray(0, taken), at);
    this.#chunk = this.#chunk.subarray(taken);
    if (this.#chunk.length === 0) this.#next();
    return taken;
  }

  get available(): number {
    return this.#chunk.length;
  }

  get isEnded(): boolean {
    return this.#chunk.length === 0 && this.#state !== "open";
  }

  onReadable(listener: () => void): void {
    this.#onReadable = listener;
  }

  #next(): void {
    if (this.#state !== "open") return;
    this.#reader.read().then(
      ({ done, value }) => {
        if (done) this.#state = "ended";
        else if (value!.length === 0) return this.#next();
        else this.#chunk = value!;
        this.#onReadable();
      },
      () => {
        this.#state = "failed";
        this.#onReadable();
      },
    );
  }
}

export class WebStreamOut implements HostStreamOut {
  readonly #writer: { write(bytes: Uint8Array): Promise<void>; close(): Promise<void> };
  #waiting = 0;
  #isBroken = false;
  #onWritable: () => void = () => {};

  constructor(stream: WritableStream<Uint8Array>) {
    this.#writer = stream.getWriter();
  }

  write(bytes: Uint8Array, at: number, count: number): number {
    if (this.#isBroken) return -EPIPE;
    const taken = Math.min(count, this.room);
    if (taken === 0) return -EAGAIN;
    this.#waiting += taken;
    this.#writer.write(bytes.slice(at, at + taken)).then(
      () => {
        this.#waiting -= taken;
        this.#onWritable();
      },
      () => {
        this.#isBroken = true;
        this.#onWritable();
      },
    );
    return taken;
  }

  get room(): number {
    return WAITING_MAX - this.#waiting;
  }

  get isBroken(): boolean {
    return this.#isBroken;
  }

  onWritable(listener: () => void): void {
    this.#onWritable = listener;
  }

  /** Ends the stream; resolves when all that was written is taken, or nobody takes it. */
  async close(): Promise<void> {
    await this.#writer.close().catch(() => {});
  }
}
