import type { EventLoop } from "@stratos/host";

/**
 * The event loop of a page or a worker. Its timers take 4 ms once they follow each other (HTML §8.6, timers), so what
 * is to come soon comes as a message.
 */
export class BrowserEventLoop implements EventLoop {
  readonly #channel = new MessageChannel();
  readonly #soon: (() => void)[] = [];

  constructor() {
    this.#channel.port1.addEventListener("message", () => this.#soon.shift()!());
    this.#channel.port1.start();
  }

  callSoon(callback: () => void): void {
    this.#soon.push(callback);
    this.#channel.port2.postMessage(null);
  }

  callLater(delayMs: number, callback: () => void): () => void {
    if (delayMs < 1) {
      let isTaken = false;
      this.callSoon(() => isTaken || callback());
      return () => void (isTaken = true);
    }
    const timer = setTimeout(callback, Math.ceil(delayMs));
    return () => clearTimeout(timer);
  }

  /** A worker lives as long as its page. */
  hold(): () => void {
    return () => {};
  }

  nowMs(): number {
    return performance.now();
  }

  /** Ends it: a host that lives no longer than its work (Node, in tests) may then go. */
  close(): void {
    this.#channel.port1.close();
  }
}
