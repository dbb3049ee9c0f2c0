/** What a long command does when a signal asks for its end: stop in order the first time, at once the second. */
import { constants } from "node:os";
import { EXIT_SIGNAL_BASE } from "./exit-status.ts";
import { heeded } from "./ignored-signals.ts";

const STOPPING = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

interface StopSignals {
  /** Aborted when the first comes. */
  readonly signal: AbortSignal;
  /** The exit status that it asks for; undefined: none has come. */
  readonly status: number | undefined;
  /**
   * Work that may not give way for long, and so would hear of no signal until it is over: meanwhile one ends the
   * process where it stands, as it would have without us. What the work leaves half made has to go by itself
   * (removeAtDeath of draft.ts).
   *
   * @throws the reason of `signal` when it is aborted already, and what the work throws
   */
  unheard<T>(work: () => Promise<T>): Promise<T>;
  /** Signals do again what they did before. */
  close(): void;
}

export function listenForStop(): StopSignals {
  const controller = new AbortController();
  let status: number | undefined;
  const handlers = heeded(STOPPING).map((name) => {
    const handler = (): void => {
      if (status !== undefined) process.exit(status);
      status = EXIT_SIGNAL_BASE + constants.signals[name];
      controller.abort(new Error(`stopped by ${name}`));
    };
    return { name, handler };
  });
  const listen = (): void => handlers.forEach(({ name, handler }) => void process.on(name, handler));
  const letGo = (): void => handlers.forEach(({ name, handler }) => void process.off(name, handler));
  listen();
  /** works of `unheard` that have begun and not ended */
  let deafness = 0;
  let isClosed = false;
  return {
    signal: controller.signal,
    get status() {
      return status;
    },
    async unheard(work) {
      // What came before this turn is heard in the next: let go of at once, it would be lost.
      await new Promise((resolve) => setImmediate(resolve));
      controller.signal.throwIfAborted();
      if (deafness++ === 0) letGo();
      try {
        return await work();
      } finally {
        if (--deafness === 0 && !isClosed) listen();
      }
    },
    close() {
      isClosed = true;
      letGo();
    },
  };
}
