/**
 * A sequence of calls on a folder, from a seed: `apply` makes call number n on the disk, `predict` the same on a model. Each call is one
 * request to the server, and the server makes them durable in order; hence whatever a crash leaves is the model after some call, none before the last fsync.
 *
 *     node crash-workload.ts FOLDER SEED     makes the calls one after the other, and prints `n` after each fsync, until a call fails
 */
import { createHash } from "node:crypto";
import { closeSync, fsyncSync, ftruncateSync, mkdirSync, openSync, readdirSync, readFileSync, renameSync, rmdirSync, statSync, unlinkSync, writeSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { SeededRandom } from "@stratos/base";

const FILES = 24;
const CONTENT_MAX = 120_000;

/** Names are short paths; folders have null for content. */
export type Model = Map<string, Buffer | null>;

interface Call {
  readonly kind: "make" | "write" | "truncate" | "unlink" | "rename" | "mkdir" | "rmdir" | "fsync";
  readonly path: string;
  readonly target: string;
  readonly offset: number;
  readonly bytes: Buffer;
}

/** The calls of a seed, in order; which call it is depends on the model, so that most of them succeed. */
export class CrashWorkload {
  readonly model: Model = new Map();
  readonly #random: SeededRandom;

  constructor(seed: number) {
    this.#random = new SeededRandom(seed);
  }

  /** The next call, which the model has made. */
  next(): Call {
    const random = this.#random;
    const model = this.model;
    const folders = ["", ...[...model].filter(([, content]) => content === null).map(([path]) => `${path}/`)];
    const files = [...model].filter(([, content]) => content !== null).map(([path]) => path);
    const fresh = (): string => `${folders[random.below(folders.length)]!}f${random.below(FILES)}`;
    const none = { target: "", offset: 0, bytes: Buffer.alloc(0) };
    const path = files[random.below(Math.max(1, files.length))];
    const choice = random.below(100);
    if (path === undefined || choice < 15) {
      const name = fresh();
      if (model.has(name)) return this.#write(name);
      model.set(name, Buffer.alloc(0));
      return { kind: "make", path: name, ...none };
    }
    if (choice < 50) return this.#write(path);
    if (choice < 56) {
      const offset = random.below(CONTENT_MAX);
      const before = model.get(path)!;
      model.set(path, offset <= before.length ? Buffer.from(before.subarray(0, offset)) : Buffer.concat([before, Buffer.alloc(offset - before.length)]));
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
    return { kind: "fsync", path, ...none };
  }

  #write(path: string): Call {
    const random = this.#random;
    const offset = random.below(3) === 0 ? 0 : random.below(CONTENT_MAX >> 1);
    const bytes = Buffer.alloc(1 + random.below(random.below(2) === 0 ? 3000 : CONTENT_MAX >> 1));
    random.fill(bytes);
    const before = this.model.get(path)!;
    const after = Buffer.alloc(Math.max(before.length, offset + bytes.length));
    before.copy(after);
    bytes.copy(after, offset);
    this.model.set(path, after);
    return { kind: "write", path, target: "", offset, bytes };
  }
}

/** Makes a call on the disk. */
function apply(folder: string, { kind, path, target, offset, bytes }: Call): void {
  const at = join(folder, path);
  const withFile = (flags: string, use: (fd: number) => void): void => {
    const fd = openSync(at, flags);
    try {
      use(fd);
    } finally {
      closeSync(fd);
    }
  };
  switch (kind) {
    case "make": return withFile("wx", () => {});
    case "write": return withFile("r+", (fd) => void writeSync(fd, bytes, 0, bytes.length, offset));
    case "truncate": return withFile("r+", (fd) => ftruncateSync(fd, offset));
    case "unlink": return unlinkSync(at);
    case "rename": return renameSync(at, join(folder, target));
    case "mkdir": return mkdirSync(at);
    case "rmdir": return rmdirSync(at);
    case "fsync": return withFile("r+", fsyncSync);
  }
}

/** What the folder holds, by path; contents as hashes. */
export function readState(folder: string, below = ""): Map<string, string> {
  const state = new Map<string, string>();
  for (const name of readdirSync(join(folder, below))) {
    const path = below === "" ? name : `${below}/${name}`;
    if (statSync(join(folder, path)).isDirectory()) {
      state.set(path, "folder");
      for (const [inner, hash] of readState(folder, path)) state.set(inner, hash);
    } else state.set(path, hashOf(readFileSync(join(folder, path))));
  }
  return state;
}

function hashOf(content: Buffer | null): string {
  return content === null ? "folder" : createHash("sha1").update(content).digest("hex");
}

/** Calls that may have been made after the last fsync that was told. */
const UNTOLD_MAX = 20_000;

/**
 * The call after which the model is what the folder holds, at or after call `synced`; null when there is none.
 */
export function findState(seed: number, synced: number, state: ReadonlyMap<string, string>): number | null {
  const workload = new CrashWorkload(seed);
  for (let call = 0; call < synced; call++) workload.next();
  // Contents are compared as objects first: a call replaces that of its own path alone.
  const known = new Map<Buffer, string>();
  for (let call = synced; call < synced + UNTOLD_MAX; call++) {
    let same = workload.model.size === state.size;
    for (const [path, content] of workload.model) {
      if (!same) break;
      let hash = content === null ? "folder" : known.get(content);
      if (hash === undefined) known.set(content!, hash = hashOf(content));
      same = state.get(path) === hash;
    }
    if (same) return call;
    workload.next();
  }
  return null;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const folder = process.argv[2]!;
  const workload = new CrashWorkload(Number(process.argv[3]));
  for (let call = 1; ; call++) {
    const made = workload.next();
    try {
      apply(folder, made);
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
