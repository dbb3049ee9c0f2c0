import { constants } from "node:os";

/** Work that is interrupted leaves nothing: a signal undoes it and ends the process. @returns takes that back */
export function undoOnSignal(undo: () => void): () => void {
  const handlers = (["SIGINT", "SIGTERM", "SIGHUP"] as const).map((signal) => {
    const handler = (): void => {
      undo();
      process.exit(128 + constants.signals[signal]);
    };
    process.on(signal, handler);
    return () => process.off(signal, handler);
  });
  return () => handlers.forEach((remove) => remove());
}
