/** What a long command does when a signal asks for its end: stop in order the first time, at once the second. */
import { constants } from "node:os";
import { EXIT_SIGNAL_BASE } from "./exit-status.ts";

const STOPPING = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

interface StopSignals {
  /** Aborted when the first comes. */
  readonly signal: AbortSignal;
  /** The exit status that it asks for; undefined: none has come. */
  readonly status: number | undefined;
  /** Signals do again what they did before. */
  close(): void;
}

export function listenForStop(): StopSignals {
  const controller = new AbortController();
  let status: number | undefined;
  const handlers = STOPPING.map((name) => {
    const handler = (): void => {
      if (status !== undefined) process.exit(status);
      status = EXIT_SIGNAL_BASE + constants.signals[name];
      controller.abort(new Error(`stopped by ${name}`));
    };
    process.on(name, handler);
    return { name, handler };
  });
  return {
    signal: controller.signal,
    get status() {
      return status;
    },
    close: () => handlers.forEach(({ name, handler }) => process.off(name, handler)),
  };
}
