/**
 * What a program that waits is asked to be, and the descriptor on which it is asked: how many arguments in decimal
 * digits, the arguments, the environment as NAME=VALUE, each with a zero byte after it; then the end of the stream. A
 * program waits as soon as it reads there.
 */
import { EAGAIN } from "@stratos/abi";
import { byteStringOf } from "@stratos/base";
import type { HostStreamIn } from "@stratos/host";

interface AskedProgram {
  /** Byte strings. */
  readonly argv: readonly string[];
  readonly environment: readonly string[];
}

/** The stream behind descriptor 3: nothing comes on it until somebody has asked. */
export class RequestStream implements HostStreamIn {
  #bytes: Uint8Array = new Uint8Array(0);
  isEnded = false;
  /** The program has read, and found nothing. */
  isAwaited = false;
  #listener = (): void => {};

  get available(): number {
    return this.#bytes.length;
  }

  read(into: Uint8Array, at: number, count: number): number {
    const part = this.#bytes.subarray(0, count);
    if (part.length === 0 && !this.isEnded) {
      this.isAwaited = true;
      return -EAGAIN;
    }
    into.set(part, at);
    this.#bytes = this.#bytes.subarray(part.length);
    return part.length;
  }

  onReadable(listener: () => void): void {
    this.#listener = listener;
  }

  ask({ argv, environment }: AskedProgram): void {
    this.#bytes = byteStringOf([String(argv.length), ...argv, ...environment].map((word) => `${word}\0`).join(""));
    this.isEnded = true;
    this.#listener();
  }
}
