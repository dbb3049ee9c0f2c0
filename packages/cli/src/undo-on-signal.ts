/** What a signal does to work that must not be left half done. */
import { constants } from "node:os";
import type { Guard, Stopper } from "@stratos/operation";
import { CommandError } from "./command-error.ts";
import { EXIT_SIGNAL_BASE } from "./exit-status.ts";
import { heeded } from "./ignored-signals.ts";

/** Work that is interrupted leaves nothing: a signal undoes it and ends the process. */
export const undoOnSignal: Guard = (undo) =>
  onSignals((signal) => {
    undo();
    process.exit(EXIT_SIGNAL_BASE + constants.signals[signal]);
  });

/** The work itself ends, and says why. */
export function stopOnSignal(what: string, after: string): Stopper {
  return (stop) =>
    onSignals((signal) => {
      const status = EXIT_SIGNAL_BASE + constants.signals[signal];
      stop(new CommandError(what, `stopped by ${signal}; ${after}`, { status }));
    });
}

function onSignals(act: (signal: "SIGINT" | "SIGTERM" | "SIGHUP") => void): () => void {
  const signals = heeded(["SIGINT", "SIGTERM", "SIGHUP"]);
  for (const signal of signals) process.on(signal, act);
  return () => signals.forEach((signal) => process.off(signal, act));
}
