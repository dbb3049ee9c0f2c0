import { appendFileSync, renameSync, statSync } from "node:fs";

/**
 * Writes a line at the end of a log that its owner alone reads. One with more than `bytesMax` becomes `PATH.1` before,
 * in the place of the one that was.
 *
 * @throws Error of the host
 */
export function appendToLog(path: string, line: string, bytesMax: number): void {
  if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) > bytesMax) renameSync(path, `${path}.1`);
  appendFileSync(path, `${line}\n`, { mode: 0o600 });
}
