/** Files of a pack, as they get into its folder. */
import { statSync } from "node:fs";
import { replaceFile } from "@stratos/host-node/files";

/**
 * A file under a name of its content: the one that is there stays. Thousands of them don't wait for the disk each:
 * a crash may have left it short, and then it is written again.
 *
 * @throws NodeJS.ErrnoException
 */
export function writeContent(path: string, bytes: Uint8Array): void {
  if (statSync(path, { throwIfNoEntry: false })?.size !== bytes.length) replaceFile(path, bytes, { flush: false });
}
