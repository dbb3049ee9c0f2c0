/**
 * A sequence of calls on a folder, from a seed, on the disk and on a model. Each call is one request to the server, but
 * a write that begins within a page: Linux may send what falls into that page by itself (fuse_fill_write_pages, when
 * the page is not up to date). An fsync makes all earlier changes of names durable, in their order, and the content of
 * its file. Hence what a crash leaves has the names of the model after some call, none before the last fsync; and each
 * file the content that it had at its own last fsync, or later. Half of the files stay open between calls: what was
 * written to them stays in the kernel, which may hand on any of their pages at any time, each with what it holds then.
 * So each page of a file is as it was at some time since its last fsync.
 *
 *     node crash-workload.ts FOLDER SEED     makes the calls one after the other, and prints `n` after each fsync,
 *     until a call fails
 */
import {
  closeSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  statSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { SeededRandom } from "@stratos/base";

const FILES = 24;
const CONTENT_MAX = 120_000;

/** A file: what it holds, and what it has held since it was synced. */
interface ModelFile {
  content: Buffer;
  readonly since: Buffer[];
}

/** Names are short paths; folders are null. */
type Model = Map<string, ModelFile | null>;

interface Call {
  readonly kind: "make" | "write" | "truncate" | "unlink" | "rename" | "mkdir" | "rmdir" | "fsync";
  readonly path: string;
  readonly target: string;
  readonly offset: number;
  readonly bytes: Buffer;
}

/** The calls of a seed, in order; which call it is depends on the model, so that most of them succeed. */
class CrashWorkload {
  readonly model: Model = new Map();
  readonly #random: SeededRandom;

  constructor(seed: number) {
    this.#random = new SeededRandom(seed);
  }

  /** The next call, which the model has made. */
  next(): Call {
    const random = this.#random;
    const model = this.model;
    const folders = ["", ...[...model].filter(([, file]) => file === null).map(([path]) => `${path}/`)];
    const files = [...model].filter(([, file]) => file !== null).map(([path]) => path);
    const fresh = (): string => `${folders[random.below(folders.length)]!}f${random.below(FILES)}`;
    const none = { target: "", offset: 0, bytes: Buffer.alloc(0) };
    const path = files[random.below(Math.max(1, files.length))];
    const choice = random.below(100);
    if (path === undefined || choice < 15) {
      const name = fresh();
      if (model.has(name)) return this.#write(name);
      model.set(name, { content: Buffer.alloc(0), since: [Buffer.alloc(0)] });
      return { kind: "make", path: name, ...none };
    }
    if (choice < 50) return this.#write(path);
    if (choice < 56) {
      const offset = random.below(CONTENT_MAX);
      const { content } = model.get(path)!;
      this.#change(
        path,
        offset <= content.length
          ? Buffer.from(content.subarray(0, offset))
          : Buffer.concat([content, Buffer.alloc(offset - content.length)]),
      );
      return { kind: "truncate", path, ...none, offset };
    }
    if (choice < 66) {
      model.delete(path);
      return { kind: "unlink", path, ...none };
    }
    if (choice < 78) {
      const target = fresh();
      if (target !== path) {
        model.set(target, model.get(path)!);
        model.delete(path);
      }
      return { kind: "rename", path, ...none, target };
    }
    if (choice < 82) {
      const name = `d${random.below(4)}`;
      if (!model.has(name)) {
        model.set(name, null);
        return { kind: "mkdir", path: name, ...none };
      }
      if (![...model.keys()].some((other) => other.startsWith(`${name}/`))) {
        model.delete(name);
        return { kind: "rmdir", path: name, ...none };
      }
    }
    const synced = model.get(path)!;
    synced.since.splice(0, synced.since.length, synced.content);
    return { kind: "fsync", path, ...none };
  }

  #change(path: string, content: Buffer): void {
    const file = this.model.get(path)!;
    file.content = content;
    file.since.push(content);
  }

  #write(path: string): Call {
    const random = this.#random;
    const offset = random.below(3) === 0 ? 0 : random.below(CONTENT_MAX >> 1);
    const bytes = Buffer.alloc(1 + random.below(random.below(2) === 0 ? 3000 : CONTENT_MAX >> 1));
    random.fill(bytes);
    const before = this.model.get(path)!.content;
    const firstPart = 4096 - (offset % 4096);
    if (firstPart < 4096 && firstPart < bytes.length)
      this.#change(path, withWritten(before, offset, bytes.subarray(0, firstPart)));
    this.#change(path, withWritten(before, offset, bytes));
    return { kind: "write", path, target: "", offset, bytes };
  }
}

function withWritten(before: Buffer, offset: number, bytes: Buffer): Buffer {
  const after = Buffer.alloc(Math.max(before.length, offset + bytes.length));
  before.copy(after);
  bytes.copy(after, offset);
  return after;
}

/** Files that stay open, by path. */
class OpenFiles {
  readonly #fds = new Map<string, number>();
  readonly #random: SeededRandom;

  constructor(seed: number) {
    this.#random = new SeededRandom(seed);
  }

  /** A descriptor of the file, and whether it stays open. */
  open(at: string, flags: string): { fd: number; stays: boolean } {
    const held = this.#fds.get(at);
    if (held !== undefined) return { fd: held, stays: true };
    const fd = openSync(at, flags);
    const stays = this.#random.below(2) === 0 && this.#fds.size < OPEN_MAX;
    if (stays) this.#fds.set(at, fd);
    return { fd, stays };
  }

  close(at: string): void {
    const held = this.#fds.get(at);
    if (held === undefined) return;
    this.#fds.delete(at);
    closeSync(held);
  }

  move(from: string, to: string): void {
    const held = this.#fds.get(from);
    this.close(to);
    if (held === undefined) return;
    this.#fds.delete(from);
    this.#fds.set(to, held);
  }
}

const OPEN_MAX = 12;

/** Makes a call on the disk. */
function apply(folder: string, open: OpenFiles, { kind, path, target, offset, bytes }: Call): void {
  const at = join(folder, path);
  const withFile = (flags: string, use: (fd: number) => void): void => {
    const { fd, stays } = open.open(at, flags);
    try {
      use(fd);
    } finally {
      if (!stays) closeSync(fd);
    }
  };
  switch (kind) {
    case "make":
      return withFile("wx", () => {});
    case "write":
      return withFile("r+", (fd) => void writeSync(fd, bytes, 0, bytes.length, offset));
    case "truncate":
      return withFile("r+", (fd) => ftruncateSync(fd, offset));
    case "unlink":
      unlinkSync(at);
      return open.close(at);
    case "rename":
      renameSync(at, join(folder, target));
      if (target !== path) open.move(at, join(folder, target));
      return;
    case "mkdir":
      return mkdirSync(at);
    case "rmdir":
      return rmdirSync(at);
    case "fsync":
      return withFile("r+", fsyncSync);
  }
}

/** What the folder holds, by path: contents of files, null for folders. */
export function readState(folder: string, below = ""): Map<string, Buffer | null> {
  const state = new Map<string, Buffer | null>();
  for (const name of readdirSync(join(folder, below))) {
    const path = below === "" ? name : `${below}/${name}`;
    if (statSync(join(folder, path)).isDirectory()) {
      state.set(path, null);
      for (const [inner, content] of readState(folder, path)) state.set(inner, content);
    } else state.set(path, readFileSync(join(folder, path)));
  }
  return state;
}

const PAGE = 4096;

/**
 * Is each page as it was in some state, and the end where it was in one, or behind a page that was written before those
 * that follow?
 */
function isMixture(there: Buffer, states: readonly Buffer[]): boolean {
  if (states.some((state) => state.equals(there))) return true;
  if (!states.some(({ length }) => length === there.length || (length > there.length && there.length % PAGE === 0)))
    return false;
  for (let start = 0; start < there.length; start += PAGE) {
    const end = Math.min(start + PAGE, there.length);
    const page = there.subarray(start, end);
    const isPage = (state: Buffer): boolean => {
      const own = Buffer.alloc(end - start);
      state.copy(own, 0, Math.min(start, state.length), Math.min(end, state.length));
      return own.equals(page);
    };
    if (!states.some(isPage)) return false;
  }
  return true;
}

/** Calls that may have been made after the last fsync that was told. */
const UNTOLD_MAX = 20_000;

/**
 * The call, at or after call `synced`, whose model the folder agrees with; else how it differs from the one that it is
 * nearest to.
 */
export function findState(seed: number, synced: number, state: ReadonlyMap<string, Buffer | null>): number | string {
  const workload = new CrashWorkload(seed);
  for (let call = 0; call < synced; call++) workload.next();
  // Most files do not change from call to call.
  const known = new Map<string, { content: Buffer; states: number; fits: boolean }>();
  const fits = (path: string, there: Buffer, { content, since }: ModelFile): boolean => {
    const before = known.get(path);
    if (before?.content === content && before.states === since.length) return before.fits;
    const result = isMixture(there, since);
    known.set(path, { content, states: since.length, fits: result });
    return result;
  };
  let nearest: { call: number; differences: string[] } | null = null;
  for (let call = synced; call < synced + UNTOLD_MAX; call++) {
    const { model } = workload;
    const differences = [...state.keys()].filter((path) => !model.has(path)).map((path) => `${path}: too many`);
    for (const [path, file] of model) {
      const there = state.get(path);
      if (there === undefined) differences.push(`${path}: missing`);
      else if (file === null ? there !== null : there === null || !fits(path, there, file))
        differences.push(`${path}: another content`);
    }
    if (differences.length === 0) return call;
    if (nearest === null || differences.length < nearest.differences.length) nearest = { call, differences };
    workload.next();
  }
  return `nearest is call ${nearest!.call}: ${nearest!.differences.join(", ")}`;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const folder = process.argv[2]!;
  const workload = new CrashWorkload(Number(process.argv[3]));
  const open = new OpenFiles(Number(process.argv[3]) + 1);
  for (let call = 1; ; call++) {
    const made = workload.next();
    try {
      apply(folder, open, made);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // The server was killed.
      if (code === "ENOTCONN" || code === "ECONNABORTED" || code === "EIO") process.exit(0);
      process.stderr.write(`call ${call}: ${made.kind} ${made.path}: ${code}\n`);
      process.exit(1);
    }
    if (made.kind === "fsync") writeSync(1, `${call}\n`);
  }
}
