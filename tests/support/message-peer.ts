import type { ChildProcess } from "node:child_process";

/**
 * The editor's end of a process that speaks the Debug Adapter Protocol or the Language Server Protocol ("Base protocol"
 * of both): a header with the length, then JSON.
 */
export class MessagePeer<Message> {
  readonly child: ChildProcess;
  #bytes = Buffer.alloc(0);
  readonly #came: Message[] = [];
  #wake: () => void = () => {};

  constructor(child: ChildProcess) {
    this.child = child;
    child.stdout!.on("data", (bytes: Buffer) => {
      this.#bytes = Buffer.concat([this.#bytes, bytes]);
      this.#read();
    });
  }

  #read(): void {
    for (;;) {
      const end = this.#bytes.indexOf("\r\n\r\n");
      if (end < 0) return;
      const length = Number(/Content-Length: (\d+)/.exec(this.#bytes.toString("latin1", 0, end))![1]);
      if (this.#bytes.length < end + 4 + length) return;
      this.#came.push(JSON.parse(this.#bytes.toString("utf8", end + 4, end + 4 + length)) as Message);
      this.#bytes = this.#bytes.subarray(end + 4 + length);
      this.#wake();
    }
  }

  /** The first message of those that came, or come, that is the one; the others stay. */
  async next(isIt: (message: Message) => boolean): Promise<Message> {
    for (;;) {
      const at = this.#came.findIndex(isIt);
      if (at >= 0) return this.#came.splice(at, 1)[0]!;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  write(message: object): void {
    const body = JSON.stringify(message);
    this.child.stdin!.write(`Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
  }
}
