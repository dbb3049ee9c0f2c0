/**
 * Frees what the store of composes holds. Everything in it can be made again, and what remains is sound without the
 * rest.
 */
import { lstatSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { isRunning } from "@stratos/host-node/files";

/** What a store holds; other names in its folder are not ours to remove. */
const PARTS = ["layers", "trees", "stages", "results", "oci"] as const;

export interface CleanedPart {
  readonly part: string;
  readonly files: number;
  readonly bytes: number;
}

interface CleanOptions {
  /** Only files that were made before, in milliseconds since 1970. */
  readonly olderThan?: number;
  /** Says what would go, and keeps it. */
  readonly isDry?: boolean;
  /** Told of what cannot be removed, after which the others go. */
  readonly onFailure?: (path: string, error: unknown) => void;
}

/** @returns what is gone, or would go */
export function cleanStore(folder: string, options: CleanOptions = {}): CleanedPart[] {
  const { olderThan = Number.POSITIVE_INFINITY, isDry = false, onFailure = () => {} } = options;
  const remove = (path: string): boolean => {
    try {
      if (!isDry) rmSync(path, { force: true });
      return true;
    } catch (error) {
      onFailure(path, error);
      return false;
    }
  };
  const parts = PARTS.map((part) => {
    let files = 0,
      bytes = 0;
    for (const path of filesBelow(join(folder, part))) {
      // Another one may be cleaning, too.
      const stat = lstatSync(path, { throwIfNoEntry: false });
      if (stat === undefined || stat.mtimeMs >= olderThan || !remove(path)) continue;
      files++;
      bytes += stat.size;
    }
    return { part, files, bytes };
  });
  // Volumes of scripts whose process was killed, on hosts that cannot unlink what is open.
  if (!isDry)
    for (const name of namesIn(folder))
      if (/^work-\d+-[0-9a-f]+\.aegisfs$/.test(name) && !isRunning(Number(name.split("-")[1])))
        remove(join(folder, name));
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
