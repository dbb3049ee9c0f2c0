/** A line to a server on this computer that counts what comes over it, and is as slow as is wished. */
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

const SLICE_MS = 10;

export class SlowLine {
  readonly #server: Server;
  /** Of what the server has sent. */
  bytes = 0;

  /** @param line  null: as fast as it is */
  constructor(port: number, line: { readonly bytesPerSecond: number; readonly roundTripMs: number } | null) {
    this.#server = createServer((socket) => {
      const other = connect(port, "127.0.0.1");
      const count = (piece: Buffer): void => void (this.bytes += piece.length);
      pass(socket, other, line, () => {});
      pass(other, socket, line, count);
    });
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  close(): void {
    this.#server.close();
  }
}

function pass(
  from: Socket,
  to: Socket,
  line: { readonly bytesPerSecond: number; readonly roundTripMs: number } | null,
  count: (piece: Buffer) => void,
): void {
  from.on("error", () => to.destroy());
  if (line === null) {
    from.on("data", count);
    from.pipe(to);
    return;
  }
  const { bytesPerSecond, roundTripMs } = line;
  const slice = Math.floor((bytesPerSecond * SLICE_MS) / 1000);
  // Each piece leaves when the line has passed on all before it, and is half of the round trip on its way.
  let freeMs = 0;
  from.on("data", (data: Buffer) => {
    for (let at = 0; at < data.length; at += slice) {
      const piece = data.subarray(at, at + slice);
      const now = performance.now();
      freeMs = Math.max(freeMs, now) + (1000 * piece.length) / bytesPerSecond;
      setTimeout(() => (count(piece), to.write(piece)), freeMs - now + roundTripMs / 2);
    }
  });
  from.on("end", () => setTimeout(() => to.end(), Math.max(0, freeMs - performance.now()) + roundTripMs));
}
