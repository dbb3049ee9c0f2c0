/**
 * Serves a tree to a mount that a script's namespace makes: a descriptor of /dev/fuse, and the thread that answers it.
 */
import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { PackBlob, type Observations } from "@stratos/compose";
import { readBlob, type FileTree } from "@stratos/formats";
import { encodeColumns } from "./served-columns.ts";
import type { ServedEntry } from "./served-tree.ts";
import type { TreeThreadEnd, TreeThreadStart } from "./tree-thread.ts";

/** Beside this file: as source, or as the bundler leaves it. */
const THREAD_URL = new URL(import.meta.url.endsWith(".ts") ? "./tree-thread.ts" : "./tree-thread.mjs", import.meta.url);

/** A thread that waits for a tree to serve: to start one takes longer than most trees are served for. */
let idleThread: Worker | undefined;

function takeThread(): Worker {
  const thread = idleThread ?? new Worker(THREAD_URL);
  idleThread = undefined;
  thread.ref();
  return thread;
}

async function giveBackThread(thread: Worker, isSound: boolean): Promise<void> {
  if (!isSound || idleThread !== undefined) return void (await thread.terminate());
  for (const event of ["message", "error", "exit"]) thread.removeAllListeners(event);
  // One that dies while it waits is not given to anybody.
  thread.once("exit", () => {
    if (idleThread === thread) idleThread = undefined;
  });
  thread.on("error", () => {});
  thread.unref();
  idleThread = thread;
}

export class RootServer {
  readonly fd: number;
  readonly #thread: Worker;
  readonly #ended: Promise<TreeThreadEnd | undefined>;
  readonly #given: Int32Array;

  private constructor(fd: number, start: TreeThreadStart) {
    this.fd = fd;
    this.#given = start.given;
    this.#thread = takeThread();
    this.#ended = new Promise((resolve) => {
      this.#thread.on("message", (end: TreeThreadEnd) => resolve(end));
      this.#thread.on("error", () => resolve(undefined));
      this.#thread.on("exit", () => resolve(undefined));
    });
    this.#thread.postMessage(start, [start.columns.numbers.buffer, start.memory.buffer as ArrayBuffer]);
  }

  /** undefined: this host lets us serve nothing; only its root may lay an overlay over what is served */
  static open(tree: FileTree, storeFolder: string): RootServer | undefined {
    if (process.getuid?.() !== 0 || !isInitialUserNamespace()) return undefined;
    let fd: number;
    try {
      fd = openSync("/dev/fuse", "r+");
    } catch {
      return undefined;
    }
    return new RootServer(fd, describe(fd, tree, storeFolder));
  }

  /** After the mount is gone: what was seen; undefined when the thread has failed. */
  async ended(): Promise<Omit<Observations, "queries"> | undefined> {
    const end = await this.#ended;
    return end?.errno === 0 ? end.observations : undefined;
  }

  /** The namespace has ended, so the mount has; where none was made the thread waits for one. */
  async close(): Promise<void> {
    Atomics.store(this.#given, 0, 1);
    Atomics.notify(this.#given, 0);
    await giveBackThread(this.#thread, (await this.#ended) !== undefined);
    closeSync(this.fd);
  }
}

/** In others an overlay cannot note what is opaque: trusted attributes are for the host's root (xattr(7)). */
export function isInitialUserNamespace(): boolean {
  return /^\s*0\s+0\s+4294967295\s*$/.test(readFileSync("/proc/self/uid_map", "latin1"));
}

/** Device nodes stay outside, as where trees are handed over. */
function describe(fd: number, tree: FileTree, storeFolder: string): TreeThreadStart {
  const packs: string[] = [""],
    known = new Map<string, number>(),
    entries: ServedEntry[] = [],
    pieces: Uint8Array[] = [];
  let fill = 0;
  for (const { path, kind, mode, uid, gid, mtime, target, content, xattrs } of tree.entries()) {
    if (path.startsWith("dev/") || kind === "character" || kind === "block") continue;
    let pack = 0,
      offset = 0;
    if (content instanceof PackBlob) {
      const found = known.get(content.pack);
      pack = found ?? packs.push(join(storeFolder, content.pack)) - 1;
      if (found === undefined) known.set(content.pack, pack);
      offset = content.offset;
    } else if (content !== null) {
      offset = fill;
      pieces.push(readBlob(content));
      fill += content.sizeBytes;
    }
    entries.push({
      path,
      kind,
      mode,
      uid,
      gid,
      mtime: Math.floor(mtime),
      target,
      sizeBytes: content?.sizeBytes ?? 0,
      pack,
      offset,
      xattrs: [...xattrs],
    });
  }
  const memory = new Uint8Array(fill);
  let at = 0;
  for (const piece of pieces) {
    memory.set(piece, at);
    at += piece.length;
  }
  return { fd, columns: encodeColumns(entries), packs, memory, given: new Int32Array(new SharedArrayBuffer(4)) };
}
