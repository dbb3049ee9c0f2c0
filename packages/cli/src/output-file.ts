/** Where a command with `--output` writes: a file that appears when all of it is written, or standard output. */
import {
  closeSync,
  copyFileSync,
  createWriteStream,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
} from "node:fs";
import type { Writable } from "node:stream";
import { draftOf, failedAt } from "@stratos/host-node/files";
import { callContext } from "@stratos/volumes/call";
import { undoOnSignal } from "./undo-on-signal.ts";

/**
 * @param path  undefined: standard output
 * @param write  ends what is a file's, and waits for that
 * @param how.mode  of a new file that only some may read
 * @param how.flush  whether a file waits for the disk before it has its name
 * @throws what the host says of the file; then, and after a signal, what was there before is there, if its folder may
 *   be written
 */
export async function writeOutput(
  path: string | undefined,
  write: (stream: Writable) => Promise<void>,
  how: { readonly mode?: number; readonly flush?: boolean } = {},
): Promise<void> {
  if (path === undefined) return await write(process.stdout);
  const before = statSync(path, { throwIfNoEntry: false });
  // A link stays one, and who may read the file stays as it was.
  const place = before?.isFile() === true ? realpathSync(path) : path;
  const mode = (before?.mode ?? how.mode ?? 0o666) & 0o777;
  const draft = draftOf(place);
  let isDrafted = false;
  const removeDraft = (): void => {
    if (isDrafted) rmSync(draft, { force: true });
  };
  // In the process that serves a mount (run-where-mounted.ts) signals end the mount, in its order.
  const stopGuarding = callContext.caller === null ? undoOnSignal(removeDraft) : () => {};
  try {
    isDrafted = makeDraft(draft, mode, before);
    await write(createWriteStream(isDrafted ? draft : place, { mode, flush: how.flush === true }));
    if (isDrafted) takeDraft(draft, place);
  } catch (error) {
    removeDraft();
    if ((error as NodeJS.ErrnoException).path === draft) (error as NodeJS.ErrnoException).path = path;
    throw failedAt(path, error);
  } finally {
    stopGuarding();
  }
}

const FORBIDDEN: readonly (string | undefined)[] = ["EACCES", "EPERM", "EROFS"];

/** @returns false for what is written as it stands: a device, a FIFO, a file whose folder may not be written */
function makeDraft(draft: string, mode: number, before: Stats | undefined): boolean {
  if (before?.isFile() === false) return false;
  try {
    closeSync(openSync(draft, "w", mode));
    return true;
  } catch (error) {
    if (before === undefined || !FORBIDDEN.includes((error as NodeJS.ErrnoException).code)) throw error;
    return false;
  }
}

/** A file that is a mount of its own (as in containers), or another's in a folder like /tmp, keeps its place. */
function takeDraft(draft: string, place: string): void {
  try {
    renameSync(draft, place);
  } catch (error) {
    if (!["EBUSY", ...FORBIDDEN].includes((error as NodeJS.ErrnoException).code)) throw error;
    copyFileSync(draft, place);
    rmSync(draft);
  }
}
