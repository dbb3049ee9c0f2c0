/** Where a command with `--output` writes: a file that appears when all of it is written, or standard output. */
import { createWriteStream, renameSync, rmSync, statSync } from "node:fs";
import type { Writable } from "node:stream";
import { failedAt } from "@stratos/host-node/files";
import { undoOnSignal } from "./undo-on-signal.ts";

/**
 * @param path  undefined: standard output
 * @param write  ends what is a file's, and waits for that
 * @throws what the host says of the file; then, and after a signal, what was there before is there
 */
export async function writeOutput(path: string | undefined, write: (stream: Writable) => Promise<void>): Promise<void> {
  if (path === undefined) return await write(process.stdout);
  // A device or a FIFO is written as it stands.
  const isFile = statSync(path, { throwIfNoEntry: false })?.isFile() !== false;
  const draft = isFile ? `${path}.part.${process.pid}` : path;
  const removeDraft = (): void => {
    if (isFile) rmSync(draft, { force: true });
  };
  const stopGuarding = undoOnSignal(removeDraft);
  try {
    await write(createWriteStream(draft));
    if (isFile) renameSync(draft, path);
  } catch (error) {
    removeDraft();
    if ((error as NodeJS.ErrnoException).path === draft) (error as NodeJS.ErrnoException).path = path;
    throw failedAt(path, error);
  } finally {
    stopGuarding();
  }
}
