/** A client of gdb's remote protocol, for tests: packets by hand. */
import type { DebugTarget } from "../debug/debug-target.ts";
import { DebugServer } from "../debug/debug-server.ts";

export class GdbClient {
  readonly server: DebugServer;
  text = "";
  #heard: () => void = () => {};

  constructor(target: DebugTarget) {
    this.server = new DebugServer(target, {
      write: (bytes) => {
        this.text += Buffer.from(bytes).toString("latin1");
        this.#heard();
      },
      monitor: async (words) => [`heard ${words.join(" ")}`],
    });
  }

  /** The answer to a packet, without its frame. */
  async ask(data: string): Promise<string> {
    this.text = "";
    this.send(data);
    const found = await this.until(/^\+?\$([^#]*)#[0-9a-f]{2}$/);
    return found[1]!;
  }

  send(data: string): void {
    const sum = [...data].reduce((total, char) => (total + char.charCodeAt(0)) & 255, 0);
    this.server.feed(Buffer.from(`$${data}#${sum.toString(16).padStart(2, "0")}`, "latin1"));
  }

  until(wanted: RegExp): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no ${wanted.source} in ${this.text}`)), 30_000);
      this.#heard = () => {
        const found = wanted.exec(this.text);
        if (found === null) return;
        clearTimeout(timer);
        resolve(found);
      };
      this.#heard();
    });
  }
}
