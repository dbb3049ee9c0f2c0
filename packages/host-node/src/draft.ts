/** Names of what is being made beside the place that it is to have. */
import { randomBytes } from "node:crypto";
import { readdirSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { isRunning } from "./running-process.ts";
import { failedAt } from "./whole-file.ts";

/**
 * A new name beside `path` for a file or folder that is to become it, or helps to make it. What processes that were
 * killed have left of such goes: work that never waits hears of no signal, so that nobody else would ever end it.
 */
export function draftOf(path: string): string {
  removeForgotten(path);
  return join(dirname(path), `${basename(path)}.${process.pid}-${randomBytes(6).toString("hex")}.new`);
}

/** `.lock`, and a number of its own while it is made: of a draft that is a disk (file-lock.ts). */
const DRAFT = /^\.(\d+)-[0-9a-f]{12}\.new(\.lock(\.\d+\.\d+)?)?$/;

function removeForgotten(path: string): void {
  const folder = dirname(path),
    name = basename(path);
  let names: readonly string[];
  try {
    names = readdirSync(folder);
  } catch {
    return; // What follows makes the folder, or says why it can't be used.
  }
  for (const one of names) {
    const pid = one.startsWith(name) ? DRAFT.exec(one.slice(name.length))?.[1] : undefined;
    if (pid === undefined || isRunning(Number(pid))) continue;
    try {
      rmSync(join(folder, one), { recursive: true, force: true });
    } catch {
      // Another user's.
    }
  }
}

/** What the host says of a draft, or of what lies in it, is told of the place: a draft's name tells nobody anything. */
export function failedDraft(draft: string, path: string, error: unknown): unknown {
  const failure = failedAt(path, error) as NodeJS.ErrnoException;
  if (error instanceof Error && failure.path?.startsWith(draft) === true) failure.path = path;
  return failure;
}
