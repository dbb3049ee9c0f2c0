/** `sandbox.files` of `e2b`. */
import type { FileEvent, FileKind, Sandbox as Box } from "@stratos/sdk/public";
import { HOME } from "./e2b-commands.ts";
import { NotFoundError, SandboxError, translated } from "./e2b-errors.ts";
import { writeFile } from "./write-file.ts";

export interface EntryInfo {
  readonly name: string;
  readonly path: string;
  readonly type: "file" | "dir" | undefined;
}

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
  write(path: string, data: string | Uint8Array | ArrayBuffer): Promise<EntryInfo>;
  write(
    files: readonly { readonly path: string; readonly data: string | Uint8Array | ArrayBuffer }[],
  ): Promise<EntryInfo[]>;
  async write(
    place: string | readonly { readonly path: string; readonly data: string | Uint8Array | ArrayBuffer }[],
    content: string | Uint8Array | ArrayBuffer = "",
  ): Promise<EntryInfo | EntryInfo[]> {
    if (typeof place !== "string") {
      const written: EntryInfo[] = [];
      for (const { path, data } of place) written.push(await this.write(path, data));
      return written;
    }
    const path = absolute(place);
    const bytes = content instanceof ArrayBuffer ? new Uint8Array(content) : content;
    await translated(() => writeFile(this.#box.fs, path, bytes));
    return entryOf(path, "file");
  }

  async list(path: string): Promise<EntryInfo[]> {
    const folder = absolute(path);
    const entries = await translated(() => this.#box.fs.list(folder));
    return entries.map(({ name, kind }) => entryOf(`${folder === "/" ? "" : folder}/${name}`, kind));
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

  async getInfo(path: string): Promise<EntryInfo & { readonly size: number; readonly mode: number }> {
    const place = absolute(path);
    const { kind, sizeBytes, mode } = await translated(() => this.#box.fs.stat(place));
    return { ...entryOf(place, kind), size: sizeBytes, mode };
  }

  async rename(oldPath: string, newPath: string): Promise<EntryInfo> {
    await translated(() => this.#box.fs.rename(absolute(oldPath), absolute(newPath)));
    const { name, path, type } = await this.getInfo(newPath);
    return { name, path, type };
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

function entryOf(path: string, kind: FileKind): EntryInfo {
  const type = kind === "folder" ? "dir" : kind === "file" ? "file" : undefined;
  return { name: path.slice(path.lastIndexOf("/") + 1), path, type };
}
