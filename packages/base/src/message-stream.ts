/**
 * Messages of the Debug Adapter Protocol and the Language Server Protocol ("Base protocol" of both): a header with the
 * length, then JSON.
 */
import { byteString, byteStringOf, byteStringToUtf8, utf8ToByteString } from "./byte-string.ts";

const HEADER_MAX = 4096;
const BODY_MAX = 32 << 20;
const HEADER_END = "\r\n\r\n";

export class MessageStream {
  readonly #write: (bytes: Uint8Array) => void;
  readonly #onMessage: (message: unknown) => void;
  /** Bytes that are no whole message yet, as a byte string. */
  #waiting = "";

  /** @param onMessage  told each message, a value of JSON; undefined: what came is none, and nothing follows it */
  constructor(write: (bytes: Uint8Array) => void, onMessage: (message: unknown) => void) {
    this.#write = write;
    this.#onMessage = onMessage;
  }

  feed(bytes: Uint8Array): void {
    this.#waiting += byteString(bytes);
    for (;;) {
      const end = this.#waiting.indexOf(HEADER_END);
      if (end < 0 && this.#waiting.length <= HEADER_MAX) return;
      const length = Number(/^content-length: *(\d{1,9})\r?$/im.exec(this.#waiting.slice(0, Math.max(0, end)))?.[1]);
      if (!(length <= BODY_MAX)) return this.#refuse();
      const start = end + HEADER_END.length;
      if (this.#waiting.length < start + length) return;
      const body = this.#waiting.slice(start, start + length);
      this.#waiting = this.#waiting.slice(start + length);
      let message: unknown;
      try {
        message = JSON.parse(byteStringToUtf8(body));
      } catch {
        return this.#refuse();
      }
      this.#onMessage(message);
    }
  }

  #refuse(): void {
    this.#waiting = "";
    this.#onMessage(undefined);
  }

  send(message: object): void {
    const body = utf8ToByteString(JSON.stringify(message));
    this.#write(byteStringOf(`Content-Length: ${body.length}${HEADER_END}${body}`));
  }
}
