/** Who looks at the display of a machine, over a WebSocket (display/src/screen-viewers.ts has the messages). */
import { readParts } from "@stratos/display/read-parts";
import { until } from "./until.ts";

const KEY_ENTER = 28;

export class ScreenViewer {
  readonly #socket: WebSocket;
  #width = 0;
  /** Red, green, blue, alpha. */
  pixels = new Uint8Array(0);
  windows = 0;
  /** All that was told beside pixels, as it is now. */
  told: Record<string, unknown> = {};
  isClosed = false;

  /** @param first  what it says before all else */
  constructor(url: string, first: readonly object[], headers: Record<string, string>) {
    this.#socket = new WebSocket(url, { headers } as unknown as string);
    this.#socket.binaryType = "arraybuffer";
    this.#socket.onopen = () => first.forEach((message) => this.say(message));
    this.#socket.onmessage = ({ data }) => this.#take(data as string | ArrayBuffer);
    this.#socket.onclose = () => void (this.isClosed = true);
  }

  /** @param address  that `stratos display` has printed */
  static ofPage(address: string): ScreenViewer {
    const { host, origin, hash } = new URL(address);
    return new ScreenViewer(`ws://${host}/screen`, [{ token: hash.slice(1) }], { origin });
  }

  #take(data: string | ArrayBuffer): void {
    if (typeof data === "string") {
      const told = JSON.parse(data) as Record<string, unknown>;
      this.told = { ...this.told, ...told };
      const { size, windows } = told as { size?: { width: number; height: number }; windows?: number };
      this.windows = windows ?? this.windows;
      if (size === undefined) return;
      this.#width = size.width;
      this.pixels = new Uint8Array(4 * size.width * size.height);
      return;
    }
    readParts(new Uint8Array(data), 0, (x, y, width, height, pixels) => {
      for (let row = 0; row < height; row++)
        this.pixels.set(pixels.subarray(4 * row * width, 4 * (row + 1) * width), 4 * ((y + row) * this.#width + x));
    });
    this.say({ shown: true });
  }

  say(message: object): void {
    this.#socket.send(JSON.stringify(message));
  }

  /** Types a line. */
  type(text: string): void {
    this.say({ text, more: false });
    for (const down of [true, false]) this.say({ key: KEY_ENTER, down });
  }

  /** Pixels of that colour: red, green, blue. */
  count(...colour: readonly [number, number, number]): number {
    const wanted = Buffer.from([...colour, 255]).readUInt32LE();
    return new Uint32Array(this.pixels.buffer).reduce((sum, pixel) => sum + Number(pixel === wanted), 0);
  }

  untilShows(...colour: readonly [number, number, number]): Promise<number> {
    return until(`${colour} is shown; told: ${JSON.stringify(this.told)}`, () => this.count(...colour) > 1000);
  }

  untilClosed(): Promise<number> {
    return until("it is shown no more", () => this.isClosed);
  }

  close(): void {
    this.#socket.close();
  }
}
