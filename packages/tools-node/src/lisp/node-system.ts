/** The computer as AstraLisp sees it, by Node: files, standard streams, time, environment. All synchronous. */
import {
  closeSync,
  constants,
  existsSync,
  globSync,
  fstatSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { zstdDecompressSync } from "node:zlib";
import { type ByteSink, type LibraryFinder, type NativeTarget, sourceTextOf, type System } from "@stratos/lisp";
import { hostReason, stratosHome } from "@stratos/host-node/home";

/** Bytes that are read from a file or a stream at a time. */
const CHUNK_BYTES = 1 << 16;
/** Between two looks at a stream that is not ready. */
const POLL_MS = 5;

interface NodeSystemOptions {
  /** Threads' order comes from it, and time goes on by waiting alone; null: they take turns, in real time. */
  readonly seed?: number | null;
  /** The program may have JavaScript, which is all that this process may do. */
  readonly allowJavascript?: boolean;
}

export function nodeSystem(
  commandLine: readonly string[],
  { seed = null, allowJavascript = false }: NodeSystemOptions = {},
): System {
  const input = new InputStream(0);
  let virtualSeconds = 0;
  const isVirtual = seed !== null;
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
    standardInput: () => input.pull(),
    isInputReady: () => input.isReady(),
    standardOutput: stream(1),
    standardError,
    currentSecond: () => (isVirtual ? virtualSeconds : Date.now() / 1000),
    currentJiffy: () => (isVirtual ? virtualSeconds * 1e6 : performance.now() * 1000),
    sleep: (seconds) => {
      if (isVirtual) virtualSeconds += seconds;
      else pause(seconds * 1000);
    },
    isTimeVirtual: isVirtual,
    seed,
    commandLine,
    environmentVariable: (name) => process.env[name],
    environmentVariables: () => Object.entries(process.env).map(([name, value]) => [name, value ?? ""] as const),
    javascript: allowJavascript ? { global: globalThis, whenIdle } : null,
  };
}

/** Nothing keeps the process alive, and the program still waits. */
function whenIdle(call: () => void): () => void {
  process.once("beforeExit", call);
  return () => void process.removeListener("beforeExit", call);
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
      pause(POLL_MS);
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
      pause(POLL_MS);
    }
  }
}

function pause(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}

/**
 * A stream that can be asked whether it has something. Its descriptor may be shared with other programs, which must not
 * find it non-blocking: so it is opened once more for that, where the system can (Linux's pipes, terminals and files).
 * Else it counts as ready, and a read waits.
 */
class InputStream {
  readonly #fd: number;
  /** Undefined: not opened yet; null: it cannot be. */
  #polled: number | null | undefined;
  /** What was found when it was asked: bytes or the end. */
  #found: { bytes: Uint8Array | null } | null;

  constructor(fd: number) {
    this.#fd = fd;
    this.#polled = undefined;
    this.#found = null;
  }

  pull(): Uint8Array | null {
    const found = this.#found;
    if (found === null) return readChunk(this.#fd);
    this.#found = null;
    return found.bytes;
  }

  isReady(): boolean {
    if (this.#found !== null) return true;
    if (this.#polled === undefined) this.#polled = openAgain(this.#fd);
    if (this.#polled === null) return true;
    const buffer = new Uint8Array(CHUNK_BYTES);
    try {
      const count = readSync(this.#polled, buffer, 0, buffer.length, null);
      this.#found = { bytes: count === 0 ? null : buffer.subarray(0, count) };
      return true;
    } catch (error) {
      return (error as NodeJS.ErrnoException).code !== "EAGAIN";
    }
  }
}

function openAgain(fd: number): number | null {
  try {
    // A file's place would be another one; it is always ready.
    if (fstatSync(fd).isFile()) return null;
    return openSync(`/proc/self/fd/${fd}`, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch {
    return null;
  }
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

/** What describes the names of the system. */
export function documentationFiles(): { readonly file: string; readonly text: string }[] {
  return globSync("documentation/*.scm", { cwd: ownLibraryFolder() })
    .sort()
    .map((name) => join(ownLibraryFolder(), name))
    .map((file) => ({ file, text: readFileSync(file, "utf8") }));
}

/** Where libraries lie that `stratos lisp package install` has brought. */
export function installedLibraryFolder(): string {
  return join(stratosHome(), "lisp", "site");
}

/**
 * The compiled runtime that lies beside the bundle; null: it is compiled at each start (from sources).
 * @param kind  `native`: what programs for a processor are built with
 */
export function runtimeImage(kind: "wasm" | "native" = "wasm"): Uint8Array | null {
  const name = kind === "native" ? "astralisp-native.image" : "astralisp.image";
  const path = join(dirname(fileURLToPath(import.meta.url)), name);
  return existsSync(path) ? readFileSync(path) : null;
}

/** Of the runtime's machine code, beside the bundle. */
export function packedRuntimeName(target: NativeTarget): string {
  return `astralisp-${target}.zst`;
}

/** The native runtime's machine code that lies beside the bundle; null: each program is compiled with it. */
export function runtimeCode(target: NativeTarget): Uint8Array | null {
  const path = join(dirname(fileURLToPath(import.meta.url)), packedRuntimeName(target));
  return existsSync(path) ? zstdDecompressSync(readFileSync(path)) : null;
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
        if (existsSync(file)) return { text: sourceTextOf(readFileSync(file), file), file };
      }
    }
    return null;
  };
}
