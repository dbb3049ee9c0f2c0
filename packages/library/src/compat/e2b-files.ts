/** `sandbox.files` of `e2b`. */
import type { FileEvent, FileKind, Sandbox as Box } from "@stratos/sdk/public";
import { HOME } from "./e2b-commands.ts";
import { NotFoundError, SandboxError, translated } from "./e2b-errors.ts";
import { writeFile } from "./write-file.ts";

export interface WriteInfo {
  readonly name: string;
  readonly path: string;
  readonly type: "file" | "dir" | "symlink" | undefined;
}

export interface EntryInfo extends WriteInfo {
  /** Bytes. */
  readonly size: number;
  /** Permission bits. A link is told as what it leads to; `type` is "symlink" where it leads nowhere. */
  readonly mode: number;
  /** The same, as ls(1) shows them: `-rw-r--r--`. */
  readonly permissions: string;
  /** Names of the system's, or numbers where it has none. */
  readonly owner: string;
  readonly group: string;
  readonly modifiedTime: Date;
}

/** Entries of a folder that are asked for at once. */
const ENTRIES_AT_ONCE = 64;

/** `sandbox.files`. Relative paths begin in `/root`. */
export class Filesystem {
  readonly #box: Box;

  /** @internal */
  constructor(box: Box) {
    this.#box = box;
  }

  read(path: string, opts?: { readonly format?: "text" }): Promise<string>;
  read(path: string, opts: { readonly format: "bytes" }): Promise<Uint8Array>;
  read(path: string, { format = "text" }: { readonly format?: "text" | "bytes" } = {}): Promise<string | Uint8Array> {
    const { fs } = this.#box;
    return translated<string | Uint8Array>(() =>
      format === "bytes" ? fs.read(absolute(path)) : fs.readText(absolute(path)),
    );
  }

  /** Folders on the way are made. */
  write(path: string, data: string | Uint8Array | ArrayBuffer): Promise<WriteInfo>;
  write(
    files: readonly { readonly path: string; readonly data: string | Uint8Array | ArrayBuffer }[],
  ): Promise<WriteInfo[]>;
  async write(
    place: string | readonly { readonly path: string; readonly data: string | Uint8Array | ArrayBuffer }[],
    content: string | Uint8Array | ArrayBuffer = "",
  ): Promise<WriteInfo | WriteInfo[]> {
    if (typeof place !== "string") {
      const written: WriteInfo[] = [];
      for (const { path, data } of place) written.push(await this.write(path, data));
      return written;
    }
    const path = absolute(place);
    const bytes = content instanceof ArrayBuffer ? new Uint8Array(content) : content;
    await translated(() => writeFile(this.#box.fs, path, bytes));
    return placeOf(path, "file");
  }

  async list(path: string): Promise<EntryInfo[]> {
    const folder = absolute(path);
    const entries = await translated(() => this.#box.fs.list(folder));
    const names = await this.#names();
    const found: EntryInfo[] = [];
    for (let at = 0; at < entries.length; at += ENTRIES_AT_ONCE) {
      const part = entries.slice(at, at + ENTRIES_AT_ONCE);
      const described = part.map(async ({ name, kind }) => {
        const path = `${folder === "/" ? "" : folder}/${name}`;
        const found = await this.#describe(path, names).catch(unlessGone);
        return found ?? (kind === "link" ? deadLink(path) : null);
      });
      found.push(...(await Promise.all(described)).filter((each) => each !== null));
    }
    return found;
  }

  /** @returns false: it was there */
  async makeDir(path: string): Promise<boolean> {
    if (await this.exists(path)) return false;
    await translated(() => this.#box.fs.mkdir(absolute(path), { parents: true }));
    return true;
  }

  async exists(path: string): Promise<boolean> {
    try {
      await translated(() => this.#box.fs.stat(absolute(path)));
      return true;
    } catch (error) {
      if (error instanceof NotFoundError) return false;
      throw error;
    }
  }

  async getInfo(path: string): Promise<EntryInfo> {
    return this.#describe(absolute(path), await this.#names());
  }

  async #describe(path: string, { users, groups }: Names): Promise<EntryInfo> {
    const { kind, sizeBytes, mode, uid, gid, modifiedMs } = await translated(() => this.#box.fs.stat(path));
    return {
      ...placeOf(path, kind),
      ...{ size: sizeBytes, mode, permissions: permissionsOf(kind, mode) },
      ...{ owner: users.get(uid) ?? String(uid), group: groups.get(gid) ?? String(gid) },
      modifiedTime: new Date(modifiedMs),
    };
  }

  async #names(): Promise<Names> {
    const [users, groups] = await Promise.all(
      ["/etc/passwd", "/etc/group"].map((file) => this.#box.fs.readText(file).catch(() => "")),
    );
    return { users: namesIn(users!), groups: namesIn(groups!) };
  }

  async rename(oldPath: string, newPath: string): Promise<EntryInfo> {
    await translated(() => this.#box.fs.rename(absolute(oldPath), absolute(newPath)));
    return this.getInfo(newPath);
  }

  async remove(path: string): Promise<void> {
    await translated(() => this.#box.fs.rm(absolute(path), { recursive: true }));
  }

  /**
   * Tells what happens in a folder, from now on.
   *
   * @param opts  `timeoutMs`: when that ends; default: a minute. 0: never
   * @throws NotFoundError; SandboxError: it is no folder
   */
  async watchDir(
    path: string,
    onEvent: (event: FilesystemEvent) => void | Promise<void>,
    opts: WatchOpts = {},
  ): Promise<WatchHandle> {
    const folder = absolute(path);
    const { kind } = await translated(() => this.#box.fs.stat(folder));
    if (kind !== "folder") throw new SandboxError(`${folder} is no folder`);
    return new WatchHandle(this.#box, folder, onEvent, opts);
  }
}

/** What happens, as `FilesystemEvent` has it. */
export const FilesystemEventType = {
  CHMOD: "chmod",
  CREATE: "create",
  REMOVE: "remove",
  RENAME: "rename",
  WRITE: "write",
} as const;
export type FilesystemEventType = (typeof FilesystemEventType)[keyof typeof FilesystemEventType];

export interface FilesystemEvent {
  /** Within the folder that is watched. */
  readonly name: string;
  /** `rename` is of the name that is gone; the new one is a `create`. */
  readonly type: FilesystemEventType;
}

export interface WatchOpts {
  readonly recursive?: boolean;
  readonly timeoutMs?: number;
  /** It has ended: without an error when `stop` or the time said so. */
  readonly onExit?: (error?: Error) => void | Promise<void>;
}

const WATCH_TIMEOUT_MS = 60_000;
const EVENT_TYPES: Readonly<Record<Exclude<FileEvent["kind"], "lost" | "moved">, FilesystemEventType>> = {
  created: "create",
  modified: "write",
  attributes: "chmod",
  removed: "remove",
};

export class WatchHandle {
  readonly #stopping = new AbortController();
  readonly #ended: Promise<void>;

  /** @internal */
  constructor(
    box: Box,
    folder: string,
    onEvent: (event: FilesystemEvent) => void | Promise<void>,
    { recursive = false, timeoutMs = WATCH_TIMEOUT_MS, onExit }: WatchOpts,
  ) {
    const { signal } = this.#stopping;
    const events = box.fs.watch(folder, { recursive, signal });
    const timer = timeoutMs === 0 ? undefined : setTimeout(() => this.#stopping.abort(), timeoutMs);
    const tell = async (): Promise<void> => {
      for await (const { kind, path } of events) {
        if (kind === "lost") throw new SandboxError("more has happened than could be told");
        const type = kind === "moved" ? await movedAs(box, path) : EVENT_TYPES[kind];
        await onEvent({ name: path.slice(folder === "/" ? 1 : folder.length + 1), type });
      }
    };
    this.#ended = translated(tell)
      .then(
        () => onExit?.(),
        (error: Error) => onExit?.(...(signal.aborted ? [] : [error])),
      )
      .finally(() => clearTimeout(timer));
    // What a listener throws is its own; nobody waits for it.
    this.#ended.catch(() => {});
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#ended.catch(() => {});
  }
}

/** A name that was moved is there, or gone. */
async function movedAs(box: Box, path: string): Promise<FilesystemEventType> {
  return box.fs.stat(path).then(
    () => "create",
    () => "rename",
  );
}

function absolute(path: string): string {
  return path.startsWith("/") ? path : `${HOME}/${path.replace(/^\.\//, "")}`;
}

function placeOf(path: string, kind: FileKind): WriteInfo {
  const type = kind === "folder" ? "dir" : kind === "link" ? "symlink" : kind === "file" ? "file" : undefined;
  return { name: path.slice(path.lastIndexOf("/") + 1), path, type };
}

/** By number. */
interface Names {
  readonly users: ReadonlyMap<number, string>;
  readonly groups: ReadonlyMap<number, string>;
}

/** Of passwd(5) or group(5); the first of a number counts. */
function namesIn(text: string): ReadonlyMap<number, string> {
  const names = new Map<number, string>();
  for (const line of text.split("\n")) {
    const [name, , number] = line.split(":");
    if (number !== undefined && !names.has(Number(number))) names.set(Number(number), name!);
  }
  return names;
}

function deadLink(path: string): EntryInfo {
  const mode = 0o777;
  const nobodys = { size: 0, mode, permissions: permissionsOf("link", mode), owner: "root", group: "root" };
  return { ...placeOf(path, "link"), ...nobodys, modifiedTime: new Date(0) };
}

/** It went while its folder was listed. */
function unlessGone(error: unknown): null {
  if (error instanceof NotFoundError) return null;
  throw error;
}

function permissionsOf(kind: FileKind, mode: number): string {
  const letter = kind === "folder" ? "d" : kind === "link" ? "l" : "-";
  const bits = [6, 3, 0].map((shift) => ["r", "w", "x"].map((each, at) => ((mode >> shift) & (4 >> at) ? each : "-")));
  return letter + bits.flat().join("");
}
