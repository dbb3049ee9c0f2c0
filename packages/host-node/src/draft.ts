/** Names of what is being made beside the place that it is to have, and its end with who makes it. */
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { closeSync, mkdtempSync, openSync, readdirSync, renameSync, rmSync } from "node:fs";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { killChild } from "./end-of-process.ts";
import { isRunning } from "./running-process.ts";
import { failedAt, isChannel, writeFully } from "./whole-file.ts";

/**
 * A new name beside `path` for a file or folder that is to become it, or helps to make it. What processes that were
 * killed have left of such goes, where nobody else could end it (`removeAtDeath`).
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

/**
 * Work that never waits hears of no signal, and one that ends the process ends it where it stands. So a shell waits for
 * the end of this process, whatever that is, SIGKILL too, and removes what was half made. It has a session of its own,
 * because Ctrl-C is for all of a terminal's. Where there is no shell, the next draft of the place does it.
 *
 * @returns the end of this: call it when the draft has its name, or is gone
 */
export function removeAtDeath(...places: readonly string[]): () => void {
  // What it reads is never written: it comes to its end with us.
  const keeper = spawn("sh", ["-c", 'read -r _; rm -rf -- "$@"', "sh", ...places.map((place) => resolve(place))], {
    stdio: ["pipe", "ignore", "ignore"],
    cwd: "/",
    detached: true,
  });
  keeper.on("error", () => {});
  keeper.unref();
  // None where the process has no descriptor left.
  const input = keeper.stdin as Socket | undefined;
  input?.on("error", () => {});
  input?.unref();
  return () => {
    killChild(keeper, "SIGKILL");
    input?.destroy();
  };
}

/**
 * As replaceFile, of what comes in pieces and may be long: no disk is waited for.
 *
 * @param sizeBytes  of all pieces
 * @throws NodeJS.ErrnoException, and what `pieces` throws: they may come from another file, whose failure it is
 */
export function replaceByPieces(
  path: string,
  pieces: Iterable<Uint8Array>,
  { mode, sizeBytes }: { readonly mode: number; readonly sizeBytes: number },
): void {
  const isDrafted = !isChannel(path);
  const draft = isDrafted ? draftOf(path) : path;
  const stopGuarding = isDrafted && sizeBytes >= LONG_BYTES ? removeAtDeath(draft) : () => {};
  let isThere = false;
  try {
    const fd = openSync(draft, "w", mode);
    isThere = isDrafted;
    try {
      for (const piece of pieces) writeFully(fd, piece);
    } finally {
      closeSync(fd);
    }
    if (isDrafted) renameSync(draft, path);
  } catch (error) {
    if (isThere) rmSync(draft, { force: true });
    throw (error as NodeJS.ErrnoException).path === draft ? failedDraft(draft, path, error) : error;
  } finally {
    stopGuarding();
  }
}

/** What is shorter is written in less time than it takes to start a shell for it. */
const LONG_BYTES = 4 << 20;

/**
 * A folder of this process's own, until `remove` is called or the process ends.
 *
 * @param prefix  of its name
 * @param folder  in which it is made; default: the host's for temporary files
 */
export function scratchFolder(prefix: string, folder: string = tmpdir()): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(folder, prefix));
  const stopGuarding = removeAtDeath(path);
  return {
    path,
    remove() {
      rmSync(path, { recursive: true, force: true });
      stopGuarding();
    },
  };
}
