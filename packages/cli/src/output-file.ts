/** Where a command with `--output` writes: a file that appears when all of it is written, or standard output. */
import { createWriteStream, realpathSync, renameSync, rmSync, statSync } from "node:fs";
import type { Writable } from "node:stream";
import { failedAt } from "@stratos/host-node/files";
import { callContext } from "@stratos/volumes/call";
import { undoOnSignal } from "./undo-on-signal.ts";

/**
 * @param path  undefined: standard output
 * @param write  ends what is a file's, and waits for that
 * @throws what the host says of the file; then, and after a signal, what was there before is there
 */
export async function writeOutput(path: string | undefined, write: (stream: Writable) => Promise<void>): Promise<void> {
  if (path === undefined) return await write(process.stdout);
  // A device or a FIFO is written as it stands.
  const before = statSync(path, { throwIfNoEntry: false });
  const isFile = before?.isFile() !== false;
  // A link stays one, and who may read the file stays as it was.
  const place = before === undefined ? path : realpathSync(path);
  const draft = isFile ? `${place}.part.${process.pid}` : path;
  const removeDraft = (): void => {
    if (isFile) rmSync(draft, { force: true });
  };
  // In the process that serves a mount (run-where-mounted.ts) signals end the mount, in its order.
  const stopGuarding = callContext.caller === null ? undoOnSignal(removeDraft) : () => {};
  try {
    await write(createWriteStream(draft, { mode: (before?.mode ?? 0o666) & 0o777 }));
    if (isFile) renameSync(draft, place);
  } catch (error) {
    removeDraft();
    if ((error as NodeJS.ErrnoException).path === draft) (error as NodeJS.ErrnoException).path = path;
    throw failedAt(path, error);
  } finally {
    stopGuarding();
  }
}
