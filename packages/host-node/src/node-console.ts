import { EAGAIN, EIO } from "@stratos/abi";
import type { HostConsole } from "@stratos/host";
import { spawnSync } from "node:child_process";
import { writeSync } from "node:fs";
import type { ReadStream, WriteStream } from "node:tty";
import { hostErrno } from "./host-errno.ts";
import { pause } from "./host-stream.ts";

/**
 * The terminal that Stratos was started on. While it is open the terminal is in raw mode, because the guest's line discipline does what the
 * host's would; `close` puts it back, also when the process ends in another way.
 */
export class NodeConsole implements HostConsole {
  readonly #input: ReadStream;
  readonly #output: WriteStream;
  readonly #outputFd: number;
  #onInput: (bytes: Uint8Array | null) => void = () => {};
  #onResize: () => void = () => {};
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

  write(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length && !this.#isGone) {
      try {
        at += writeSync(this.#outputFd, bytes, at, bytes.length - at);
      } catch (error) {
        const errno = hostErrno(error);
        // libuv has made the terminal non-blocking: a slow one is waited for, which also slows the guest down.
        if (errno === -EAGAIN) pause(1);
        else {
          if (errno === -EIO) this.#hangUp();
          return;
        }
      }
    }
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
    // Not from within a write: the guest is in the middle of it.
    setImmediate(() => this.#onInput(null));
  }
}

/**
 * Node's raw mode leaves output processing on: the host would turn the bare newline by which full-screen programs go down one line into
 * carriage return and newline. A host without stty keeps that flaw.
 */
function passOutputThrough(): void {
  spawnSync("stty", ["-opost"], { stdio: ["inherit", "ignore", "ignore"] });
}
