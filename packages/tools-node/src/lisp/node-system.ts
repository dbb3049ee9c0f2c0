/** The computer as AstraLisp sees it, by Node: files, standard streams, time, environment. All synchronous. */
import { closeSync, existsSync, openSync, readFileSync, readSync, rmSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { ByteSink, LibraryFinder, System } from "@stratos/lisp";
import { hostReason } from "@stratos/host-node/home";

/** Bytes that are read from a file or a stream at a time. */
const CHUNK_BYTES = 1 << 16;

export function nodeSystem(commandLine: readonly string[]): System {
  return {
    readFile: (path) => worded(path, () => readFileSync(path)),
    openInput: (path) => {
      const fd = worded(path, () => openSync(path, "r"));
      return { pull: () => worded(path, () => readChunk(fd)), close: () => closeSync(fd) };
    },
    openOutput: (path, { append }) => {
      const fd = worded(path, () => openSync(path, append ? "a" : "w"));
      return { write: (bytes) => worded(path, () => writeAll(fd, bytes)), flush: () => {}, close: () => closeSync(fd) };
    },
    fileExists: (path) => existsSync(path),
    deleteFile: (path) => worded(path, () => rmSync(path)),
    standardInput: () => readChunk(0),
    standardOutput: stream(1),
    standardError,
    currentSecond: () => Date.now() / 1000,
    currentJiffy: () => performance.now() * 1000,
    commandLine,
    environmentVariable: (name) => process.env[name],
    environmentVariables: () => Object.entries(process.env).map(([name, value]) => [name, value ?? ""] as const),
  };
}

/** Node's own streams take longer to come up than a short program to run. */
export const standardError: ByteSink = stream(2);

function stream(fd: number): ByteSink {
  return { write: (bytes) => writeAll(fd, bytes), flush: () => {}, close: () => {} };
}

/** The standard streams may be non-blocking pipes or terminals: what is not ready is waited for. */
function writeAll(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) {
    try {
      at += writeSync(fd, bytes, at);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
      pause();
    }
  }
}

function readChunk(fd: number): Uint8Array | null {
  const buffer = new Uint8Array(CHUNK_BYTES);
  for (;;) {
    try {
      const count = readSync(fd, buffer, 0, buffer.length, null);
      return count === 0 ? null : buffer.subarray(0, count);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "EOF") return null;
      if (code !== "EAGAIN") throw error;
      pause();
    }
  }
}

function pause(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
}

/** Errors of the host as a sentence without its prefix. A broken pipe is the face's business. */
function worded<T>(path: string, operate: () => T): T {
  try {
    return operate();
  } catch (error) {
    if (!(error instanceof Error) || (error as NodeJS.ErrnoException).code === "EPIPE") throw error;
    throw new Error(`${path}: ${hostReason(error as NodeJS.ErrnoException)}`, { cause: error });
  }
}

/** Where the libraries in Scheme lie that come with AstraLisp: beside the bundle, or in the sources. */
export function ownLibraryFolder(): string {
  const here = dirname(fileURLToPath(import.meta.url));
  const bundled = join(here, "scheme");
  return existsSync(bundled) ? bundled : join(here, "../../../lisp/scheme");
}

/** The compiled runtime that lies beside the bundle; null: it is compiled at each start (from sources). */
export function runtimeImage(): Uint8Array | null {
  const path = join(dirname(fileURLToPath(import.meta.url)), "astralisp.image");
  return existsSync(path) ? readFileSync(path) : null;
}

/** Looks for NAME/PART.sld in folders, in order. */
export function folderFinder(folders: readonly string[]): LibraryFinder {
  return (parts) => {
    // A name is not a way out of the folder.
    if (
      parts.some(
        (part) => typeof part === "string" && (part === "" || part === "." || part === ".." || /[/\\\0]/.test(part)),
      )
    )
      return null;
    for (const folder of folders) {
      for (const suffix of [".sld", ".scm"]) {
        const file = `${join(folder, ...parts.map(String))}${suffix}`;
        if (existsSync(file)) return { text: readFileSync(file, "utf8"), file };
      }
    }
    return null;
  };
}
