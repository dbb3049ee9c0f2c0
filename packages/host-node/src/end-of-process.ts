/** How programs of this host that were started have ended, as shells tell it. */
import type { ChildProcess } from "node:child_process";
import { constants } from "node:os";
import { isatty } from "node:tty";

const SIGNAL_BASE = 128;
/** A terminal sends them to all of its foreground: the program has them already. */
const OF_TERMINAL = ["SIGINT", "SIGQUIT"] as const;
const FORWARDED = ["SIGTERM", "SIGHUP"] as const;

/**
 * @returns its status, or 128 and the signal's number, once its output has come as well
 * @throws Error of Node's when it could not be started
 */
export function endOfProcess(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (status, signal) => resolve(status ?? SIGNAL_BASE + constants.signals[signal!]));
  });
}

/**
 * The same of a program that has our standard streams: signals are its business, and we end as it does.
 *
 * @throws as endOfProcess
 */
export async function endOfForeground(child: ChildProcess): Promise<number> {
  const forward = (signal: NodeJS.Signals): void => void child.kill(signal);
  const ignore = (): void => {};
  const hasTerminal = [0, 1, 2].some((fd) => isatty(fd));
  for (const signal of OF_TERMINAL) process.on(signal, hasTerminal ? ignore : forward);
  for (const signal of FORWARDED) process.on(signal, forward);
  try {
    return await endOfProcess(child);
  } finally {
    for (const signal of OF_TERMINAL) process.off(signal, hasTerminal ? ignore : forward);
    for (const signal of FORWARDED) process.off(signal, forward);
  }
}

/**
 * ChildProcess.kill, of a program that was started. Of one that was not, Node sends the signal in the same turn to
 * whatever number is in the memory of its handle: 0, which is our own group with the shell that called us, or a
 * stranger's (uv_process_kill of libuv asks nothing; seen with Node 20 and 24).
 */
export function killChild(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid !== undefined) child.kill(signal);
}
