import { constants } from "node:os";
import { heeded } from "../ignored-signals.ts";

/**
 * Signals that end or steer programs; what the terminal does on its own (SIGWINCH, SIGTSTP by key) goes through the
 * terminal.
 */
const FORWARDED = ["SIGINT", "SIGQUIT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGALRM"] as const;

/** Numbers of the guest's Linux, whatever the host's are. */
const GUEST_NUMBERS: Readonly<Record<(typeof FORWARDED)[number], number>> = {
  SIGINT: 2,
  SIGQUIT: 3,
  SIGTERM: 15,
  SIGHUP: 1,
  SIGUSR1: 10,
  SIGUSR2: 12,
  SIGALRM: 14,
};

/** Hands the host's signals to the guest's first program. @returns a function that ends it */
export function forwardSignals(session: { sendSignal(signal: number): void }): () => void {
  const handlers = heeded(FORWARDED.filter((name) => name in constants.signals)).map((name) => {
    const handler = (): void => session.sendSignal(GUEST_NUMBERS[name]);
    process.on(name, handler);
    return () => process.off(name, handler);
  });
  return () => handlers.forEach((remove) => remove());
}
