import { mkdirSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";

/**
 * Makes a folder and those above it that are missing. Node's own `recursive` never ends where the system says ENOENT of
 * a folder whose parent is there (in /proc), and tells of the last folder, ENOENT, where an upper one cannot be made.
 *
 * @param mode  of those that are made; absent: what the process's mask leaves
 * @returns the uppermost that was made, if any
 * @throws Node's error for the folder that cannot be made
 */
export function makeFolders(path: string, mode?: number): string | undefined {
  const missing: string[] = [];
  for (
    let at = resolve(path);
    statSync(at, { throwIfNoEntry: false }) === undefined && dirname(at) !== at;
    at = dirname(at)
  )
    missing.push(at);
  let first: string | undefined;
  for (const folder of missing.reverse()) {
    try {
      mkdirSync(folder, mode);
      first ??= folder;
    } catch (error) {
      // Somebody else was faster.
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
  }
  return first;
}
