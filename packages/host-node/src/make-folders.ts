import { mkdirSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";

/**
 * Makes a folder and those above it that are missing. Node's own `recursive` never ends where the system says ENOENT of
 * a folder whose parent is there (in /proc), and tells of the last folder, ENOENT, where an upper one cannot be made.
 *
 * @throws Node's error for the folder that cannot be made
 */
export function makeFolders(path: string): void {
  const missing: string[] = [];
  for (
    let at = resolve(path);
    statSync(at, { throwIfNoEntry: false }) === undefined && dirname(at) !== at;
    at = dirname(at)
  )
    missing.push(at);
  for (const folder of missing.reverse()) {
    try {
      mkdirSync(folder);
    } catch (error) {
      // Somebody else was faster.
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
  }
}
