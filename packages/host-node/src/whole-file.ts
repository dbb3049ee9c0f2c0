/** Reading of files by stores, and what is said when writing fails. */
import { readSync } from "node:fs";
import { readFile } from "node:fs/promises";

/** undefined: there is none */
export async function readIfThere(path: string): Promise<Uint8Array | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Reads until `into` is full or the file ends. @returns bytes read */
export function readFully(fd: number, into: Uint8Array, offset: number): number {
  let done = 0;
  while (done < into.length) {
    const count = readSync(fd, into, done, into.length - done, offset + done);
    if (count === 0) break;
    done += count;
  }
  return done;
}

/** A failed write does not know where it was: `ENOSPC: no space left on device, write` says nothing of which disk is full. */
export function failedAt(path: string, error: unknown): unknown {
  const failure = error as NodeJS.ErrnoException;
  if (error instanceof Error && failure.syscall !== undefined) failure.path ??= path;
  return error;
}
