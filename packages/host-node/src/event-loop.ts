import { DELAY_MS_MAX, type EventLoop } from "@stratos/host";

/** Node's own. A timer of it takes a millisecond at least. */
export class NodeEventLoop implements EventLoop {
  callSoon(callback: () => void): void {
    setImmediate(callback);
  }

  callLater(delayMs: number, callback: () => void): () => void {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  }

  hold(): () => void {
    const timer = setInterval(() => {}, DELAY_MS_MAX);
    return () => clearInterval(timer);
  }

  nowMs(): number {
    return performance.now();
  }
}
