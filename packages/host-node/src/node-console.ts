import { EAGAIN } from "@stratos/abi";
import type { HostConsole } from "@stratos/host";
import { spawnSync } from "node:child_process";
import { writeSync } from "node:fs";
import type { ReadStream, WriteStream } from "node:tty";
import { hostErrno } from "./host-errno.ts";
import { pause } from "./host-stream.ts";

/** Bytes on their way to a slow terminal before writers wait: what an interrupt has to throw away. */
const PENDING_MAX = 16384;
/** Bytes between two looks at the keyboard. */
const BURST = 32768;
/** Milliseconds until a terminal that took nothing is asked again. Node tells nobody when a terminal is writable. */
const RETRY_MS = 1;

/**
 * The terminal that Stratos was started on. While it is open the terminal is in raw mode, because the guest's line
 * discipline does what the host's would; `close` puts it back, also when the process ends in another way.
 */
export class NodeConsole implements HostConsole {
  readonly #input: ReadStream;
  readonly #output: WriteStream;
  readonly #outputFd: number;
  #onInput: (bytes: Uint8Array | null) => void = () => {};
  #onResize: () => void = () => {};
  #onWritable: () => void = () => {};
  readonly #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  /** Bytes written since Node's event loop last came by. */
  #burst = 0;
  #isBursting = false;
  #retry: NodeJS.Timeout | null = null;
  #onDrained: (() => void) | null = null;
  #isOpen = false;
  #isGone = false;
  readonly #data = (bytes: Uint8Array): void => this.#onInput(bytes);
  readonly #end = (): void => this.#hangUp();
  readonly #resize = (): void => this.#onResize();
  readonly #restore = (): void => this.close();
  readonly #continue = (): void => this.#takeOver();

  constructor(input: ReadStream = process.stdin, output: WriteStream = process.stdout, outputFd = 1) {
    this.#input = input;
    this.#output = output;
    this.#outputFd = outputFd;
  }

  /** A terminal needs both directions; otherwise standard input and output are streams (host-stream.ts). */
  get isTerminal(): boolean {
    return this.#input.isTTY === true && this.#output.isTTY === true;
  }

  /** Takes the terminal over. */
  open(): void {
    if (this.#isOpen) return;
    this.#isOpen = true;
    this.#takeOver();
    this.#input.on("data", this.#data);
    this.#input.on("end", this.#end);
    this.#input.on("error", this.#end);
    this.#output.on("resize", this.#resize);
    this.#output.on("error", this.#end);
    process.on("exit", this.#restore);
    // Whoever stopped us has its own settings in place.
    process.on("SIGCONT", this.#continue);
    this.#input.resume();
  }

  #takeOver(): void {
    // Raw mode is set anew only when it was left.
    this.#input.setRawMode(false);
    this.#input.setRawMode(true);
    passOutputThrough();
  }

  /** Gives the terminal back as it was. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    process.off("exit", this.#restore);
    process.off("SIGCONT", this.#continue);
    this.#input.off("data", this.#data);
    this.#input.off("end", this.#end);
    this.#output.off("resize", this.#resize);
    this.#input.pause();
    try {
      this.#input.setRawMode(false);
    } catch {
      // The window was closed: there is nothing to put back.
    }
  }

  get room(): number {
    if (this.#isGone) return PENDING_MAX;
    return Math.max(0, Math.min(PENDING_MAX - this.#waitingBytes, BURST - this.#burst));
  }

  get pending(): number {
    return this.#waitingBytes;
  }

  write(bytes: Uint8Array): void {
    if (this.#isGone) return;
    this.#burst += bytes.length;
    if (!this.#isBursting) {
      this.#isBursting = true;
      setImmediate(() => this.#endBurst());
    }
    const written = this.#waitingBytes > 0 ? 0 : this.#writeSome(bytes);
    if (written < bytes.length && !this.#isGone) {
      this.#waiting.push(bytes.slice(written));
      this.#waitingBytes += bytes.length - written;
      this.#retryLater();
    }
  }

  discardOutput(): void {
    this.#waiting.length = 0;
    this.#waitingBytes = 0;
    this.#onDrained?.();
  }

  onWritable(listener: () => void): void {
    this.#onWritable = listener;
  }

  /** Writes all of it, however slow the terminal is: nothing else happens until then. */
  writeWhole(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length && !this.#isGone) {
      at += this.#writeSome(at === 0 ? bytes : bytes.subarray(at));
      if (at < bytes.length) pause(RETRY_MS);
    }
  }

  /** Resolves when the terminal has taken what is pending, or is gone. */
  async drain(): Promise<void> {
    if (this.#waitingBytes === 0 || this.#isGone) return;
    await new Promise<void>((resolve) => {
      this.#onDrained = resolve;
    });
  }

  /** @returns bytes that the terminal took: it is non-blocking (libuv made it so), so a slow one takes fewer */
  #writeSome(bytes: Uint8Array): number {
    let at = 0;
    while (at < bytes.length && !this.#isGone) {
      try {
        at += writeSync(this.#outputFd, bytes, at, bytes.length - at);
      } catch (error) {
        if (hostErrno(error) === -EAGAIN) break;
        this.#hangUp();
      }
    }
    return at;
  }

  #endBurst(): void {
    this.#isBursting = false;
    this.#burst = 0;
    if (this.room > 0) this.#onWritable();
  }

  #retryLater(): void {
    this.#retry ??= setTimeout(() => {
      this.#retry = null;
      while (this.#waiting.length > 0) {
        const first = this.#waiting[0]!;
        const written = this.#writeSome(first);
        this.#waitingBytes -= written;
        if (this.#isGone || written < first.length) {
          this.#waiting[0] = first.subarray(written);
          break;
        }
        this.#waiting.shift();
      }
      if (this.#isGone) return;
      if (this.#waitingBytes > 0) this.#retryLater();
      else this.#onDrained?.();
      if (this.room > 0) this.#onWritable();
    }, RETRY_MS);
  }

  size(): { rows: number; columns: number } {
    return { rows: this.#output.rows ?? 24, columns: this.#output.columns ?? 80 };
  }

  onInput(listener: (bytes: Uint8Array | null) => void): void {
    this.#onInput = listener;
  }

  onResize(listener: () => void): void {
    this.#onResize = listener;
  }

  #hangUp(): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.discardOutput();
    // Not from within a write: the guest is in the middle of it.
    setImmediate(() => this.#onInput(null));
  }
}

/**
 * Node's raw mode leaves output processing on: the host would turn the bare newline by which full-screen programs go
 * down one line into carriage return and newline. A host without stty keeps that flaw.
 */
function passOutputThrough(): void {
  spawnSync("stty", ["-opost"], { stdio: ["inherit", "ignore", "ignore"] });
}
