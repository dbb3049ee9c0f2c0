/** Files of a pack, as they get into its folder. */
import { renameSync, rmSync, statSync, writeFileSync } from "node:fs";

/**
 * A file under a name of its content: the one that is there stays. Thousands of them don't wait for the disk each:
 * a crash may have left it short, and then it is written again.
 *
 * @throws NodeJS.ErrnoException
 */
export function writeContent(path: string, bytes: Uint8Array): void {
  if (statSync(path, { throwIfNoEntry: false })?.size !== bytes.length) write(path, bytes, false);
}

/** The file appears, or what it was goes, when all of it is on the disk. @throws NodeJS.ErrnoException */
export function writeWhole(path: string, bytes: Uint8Array): void {
  write(path, bytes, true);
}

function write(path: string, bytes: Uint8Array, flush: boolean): void {
  const draft = `${path}.${process.pid}.new`;
  try {
    writeFileSync(draft, bytes, { flush });
    renameSync(draft, path);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
}
