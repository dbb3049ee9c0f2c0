/**
 * Frees what the store of composes holds. Everything in it can be made again, and what remains is sound without the
 * rest.
 */
import { readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { isRunning } from "@stratos/host-node/files";

/** What a store holds; other names in its folder are not ours to remove. */
const PARTS = ["layers", "trees", "stages", "results", "oci"] as const;

export interface CleanedPart {
  readonly part: string;
  readonly files: number;
  readonly bytes: number;
}

/**
 * @param options.olderThan  only files that were made before, in milliseconds since 1970  @param options.isDry  says
 *   what would go, and keeps it
 */
export function cleanStore(folder: string, options: { olderThan?: number; isDry?: boolean } = {}): CleanedPart[] {
  const { olderThan = Number.POSITIVE_INFINITY, isDry = false } = options;
  const parts = PARTS.map((part) => {
    let files = 0,
      bytes = 0;
    for (const path of filesBelow(join(folder, part))) {
      const { mtimeMs, size } = statSync(path);
      if (mtimeMs >= olderThan) continue;
      files++;
      bytes += size;
      if (!isDry) rmSync(path, { force: true });
    }
    return { part, files, bytes };
  });
  // Volumes of scripts whose process was killed, on hosts that cannot unlink what is open.
  if (!isDry)
    for (const name of namesIn(folder))
      if (/^work-\d+-[0-9a-f]+\.aegisfs$/.test(name) && !isRunning(Number(name.split("-")[1])))
        rmSync(join(folder, name), { force: true });
  return parts;
}

function filesBelow(folder: string): string[] {
  const found: string[] = [];
  const stack = [folder];
  for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
    for (const entry of entriesOf(at)) {
      if (entry.isDirectory()) stack.push(join(at, entry.name));
      else found.push(join(at, entry.name));
    }
  }
  return found;
}

function entriesOf(folder: string): { name: string; isDirectory(): boolean }[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

function namesIn(folder: string): string[] {
  return entriesOf(folder).map(({ name }) => name);
}
