/** The worker that is the machine: a clone of the pack's image, its changes in a file, root's shell on the terminal. */
import { EEXIST, EINVAL, EISDIR, ENOENT, ENOSPC, ENOTDIR, EROFS, ERRNO_NAMES } from "@stratos/abi";
import { GUEST_LIMITS, mountOverlay, MOUNT_ERROR_WORDS, type Volume } from "@stratos/aegisfs";
import { MemoryBlockDevice } from "@stratos/host";
import {
  browserClock,
  browserPorts,
  fetchDescription,
  MessageConsole,
  OpfsBlockDevice,
  type PieceStore,
  SavedChanges,
  WebPack,
} from "@stratos/host-browser";
import { attachConsole, openConsoleTerminal } from "@stratos/kernel";
import { MachineFiles } from "@stratos/sdk/machine-files";
import { MachineSession, type ProgramEnd, rootShell } from "@stratos/session";
import type { AskMessage, Keeping, Request, SnapshotInfo, StartMessage, Usage, WorkerMessage } from "./messages.ts";
import { SystemFiles } from "./system-files.ts";

/** How old what programs wrote may be that is not yet in the file. */
const SYNC_MS = 1000;
const TERM = "xterm-256color";

const tell = (message: WorkerMessage): void => postMessage(message);
const tellFailure = (error: unknown): void =>
  tell({ kind: "failed", words: error instanceof Error ? error.message : String(error) });

let system: System | null = null;

onmessage = ({ data }: MessageEvent<StartMessage | AskMessage>) => {
  if (data.kind === "start") {
    start(data).catch(tellFailure);
    return;
  }
  const { id, request } = data;
  const answered =
    system === null ? Promise.reject(new Error("the machine has not started yet")) : system.answer(request);
  answered.then(
    (value) => tell({ kind: "answer", id, value }),
    (error: unknown) => tell({ kind: "refusal", id, words: (error as Error).message }),
  );
};

async function start(message: StartMessage): Promise<void> {
  const { keeping } = message;
  const files = keeping === "memory" ? null : await SystemFiles.open(message.folder);
  if (keeping === "files") await files!.removeCopies();
  const store = keeping === "files" ? await files!.pieces() : null;
  const kept = store ?? new Map<string, Uint8Array>();
  const known = (await files?.readHead()) ?? null;
  tell({ kind: "progress", words: known === null ? "fetching the image's index …" : "opening the image …" });
  const pack = await WebPack.open(message.image, known, {
    kept: {
      has: (hash) => kept.has(hash),
      get: (hash) => kept.get(hash) ?? null,
      // Without files of the origin the browser's own cache has to do.
      put: (hash, bytes) => store?.put(hash, bytes),
    },
    zstdUrl: message.zstdUrl,
    onWaiting: (words) => tell({ kind: "waiting", words }),
  });
  if (known === null && keeping === "files") await files!.writeHead(pack.head);
  const [first] = pack.head.index.groups;
  if (first !== undefined && store?.has(first.hash) !== true)
    tell({ kind: "progress", words: `fetching what the shell needs (${(first.stored / 1e6).toFixed(1)} MB) …` });
  await pack.prefetch(1);
  const changes = keeping === "files" ? await openChanges(files!, pack) : null;
  const volume = changes?.volume ?? (await openVolatile(message, files, pack));
  system = new System(message, { files, store, pack, changes, volume });
  system.run();
  if (known !== null) tellNews(message.image, pack).catch(() => {}); // Nobody has to have a network.
}

async function openChanges(files: SystemFiles, pack: WebPack): Promise<SavedChanges> {
  const handle = await files.handle("changes");
  try {
    return SavedChanges.open(pack.devices, handle, pack.codecs);
  } catch (error) {
    handle.close();
    throw error;
  }
}

/** What is written goes with the tab. */
async function openVolatile(message: StartMessage, files: SystemFiles | null, pack: WebPack): Promise<Volume> {
  const bases = [...pack.devices];
  if (message.keeping === "copy") {
    const handle = await files!.handle(message.copy);
    bases.push(new OpfsBlockDevice(handle, { readOnly: true }));
  }
  const seconds = Math.floor(browserClock.realtimeMs() / 1000);
  const options = { ...GUEST_LIMITS, volatile: true, seconds, codecs: pack.codecs };
  const volume = mountOverlay(bases, new MemoryBlockDevice(message.memoryBytes), options);
  if (typeof volume === "string") throw new Error(`the image cannot be opened: ${MOUNT_ERROR_WORDS[volume]}`);
  return volume;
}

async function tellNews(image: string, pack: WebPack): Promise<void> {
  const { content } = await fetchDescription(image);
  if (content !== pack.head.description.content)
    tell({ kind: "told", words: "the server has a newer image: a reset takes it, and gives up your files" });
}

interface Parts {
  readonly files: SystemFiles | null;
  readonly store: PieceStore | null;
  readonly pack: WebPack;
  readonly changes: SavedChanges | null;
  readonly volume: Volume;
}

class System {
  readonly #parts: Parts;
  readonly #session: MachineSession;
  readonly #machineFiles: MachineFiles;
  readonly #keeping: Keeping;
  #timer: ReturnType<typeof setInterval> | undefined;
  #hasFailed = false;
  #isClosed = false;

  constructor(message: StartMessage, parts: Parts) {
    this.#parts = parts;
    this.#keeping = message.keeping;
    this.#session = new MachineSession({
      ports: browserPorts(),
      volume: parts.volume,
      memoryBytes: message.memoryBytes,
      log: () => {},
    });
    const { kernel } = this.#session.machine;
    this.#machineFiles = new MachineFiles(kernel);
    const console = new MessageConsole(message.console, message);
    const write = console.write.bind(console);
    console.write = (bytes) => {
      console.write = write;
      write(bytes);
      tell({ kind: "prompted" });
    };
    const line = openConsoleTerminal(kernel, attachConsole(kernel, console));
    this.#session.start(rootShell(parts.volume, TERM), [line, line.retain(), line.retain()]);
  }

  run(): void {
    const { changes } = this.#parts;
    if (changes !== null) {
      changes.volume.onFailure = () => this.#tellFailedFiles();
      this.#session.pump.gate = { isBlocked: false, beforeTurn: () => this.#grow() };
    }
    this.#timer = setInterval(() => this.#keep(), SYNC_MS);
    tell({ kind: "started" });
    this.#session.run().then((end) => this.#end(end), tellFailure);
    // What the shell's start needs is here; what is typed first may come now.
    void this.#parts.pack.prefetch(this.#parts.pack.head.index.groups.length);
  }

  #end(end: ProgramEnd): void {
    if (end.kind === "stopped") return;
    const failed = this.#close();
    const words =
      end.kind === "exited"
        ? `the shell has ended with status ${end.status}`
        : end.kind === "killed"
          ? `the shell was ended by signal ${end.signal}`
          : "the machine was stopped";
    if (failed === 0) tell({ kind: "ended", words });
  }

  #grow(): void {
    if (this.#parts.changes!.growWhenShort())
      tell({
        kind: "told",
        words: "the browser gives this page no more room: programs will find the disk full (ENOSPC)",
      });
  }

  /** What programs wrote by now goes into the file. */
  #keep(): number {
    const { changes, store, volume } = this.#parts;
    store?.settle();
    if (changes === null) return 0;
    if (this.#session.machine.kernel.vfs.dirty.size > 0) this.#session.machine.sync();
    const failed = volume.sync();
    if (failed < 0) this.#tellFailedFiles();
    return failed;
  }

  #tellFailedFiles(): void {
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    tell({
      kind: "told",
      words: "what programs write cannot be kept any more: the browser refuses; what was kept before is safe",
    });
  }

  /**
   * Ends the machine.
   *
   * @param last  what is to be done with the files when no program writes any more
   * @returns 0, or why the last changes are not kept
   */
  #close(last: () => number = () => 0): number {
    if (this.#isClosed) return 0;
    clearInterval(this.#timer);
    const kept = this.#keep();
    this.#isClosed = true;
    this.#session.stop();
    const done = last();
    const closed = this.#parts.changes?.close() ?? 0;
    this.#parts.store?.close();
    return kept < 0 ? kept : done < 0 ? done : closed;
  }

  async answer(request: Request): Promise<unknown> {
    if (this.#isClosed) throw new Error("the machine has ended");
    switch (request.kind) {
      case "sync":
        return checked(this.#keep(), "the files");
      case "stop":
        return checked(this.#close(), "the files");
      case "snapshot":
        return this.#snapshot(request.name);
      case "snapshots":
        return this.#snapshots();
      case "rollback":
        return this.#rollBack(request.id);
      case "delete snapshot":
        return checked(this.#own().volume.deleteSubvolume(request.id), "the snapshot");
      case "copy":
        return this.#copy(request.name);
      case "missing":
        return this.#parts.pack.missing().bytes;
      case "fetch missing":
        return this.#fetchMissing();
      case "write":
        return this.#write(request.path, request.bytes);
      case "read": {
        const bytes = this.#machineFiles.read(request.path);
        return typeof bytes === "number" ? checked(bytes, request.path) : bytes;
      }
      case "list": {
        const entries = this.#machineFiles.list(request.path);
        return typeof entries === "number" ? checked(entries, request.path) : entries;
      }
      case "usage":
        return this.#usage();
    }
  }

  #own(): SavedChanges {
    const { changes } = this.#parts;
    if (changes === null)
      throw new Error(
        this.#keeping === "copy" ? "this tab only looks: the other one has the files" : "nothing is kept here",
      );
    return changes;
  }

  #snapshot(name: string): number {
    const { volume } = this.#own();
    this.#keep();
    return checked(volume.snapshot(volume.root, name, { readOnly: true }), name);
  }

  #snapshots(): SnapshotInfo[] {
    const { volume } = this.#own();
    const all = volume.subvolumes();
    if (typeof all === "number") throw new Error("the snapshots cannot be read");
    return all
      .filter(({ id }) => id !== volume.superblock.defaultSubvolume)
      .map(({ id, name, seconds }) => ({ id, name, seconds }));
  }

  /** No program of the state that goes may write into the one that comes. */
  #rollBack(id: number): number {
    const { volume } = this.#own();
    return checked(
      this.#close(() => volume.rollback(id)),
      "the snapshot",
    );
  }

  async #copy(name: string): Promise<void> {
    const { device } = this.#own();
    checked(this.#keep(), "the files");
    await this.#parts.files!.copy(name, device.size, (at, into, length) => device.read(at, into, 0, length));
  }

  async #fetchMissing(): Promise<number> {
    const { pack, store } = this.#parts;
    if (store === null) throw new Error("the browser gives this page no files to keep pieces in");
    await pack.fetchMissing((bytes) => tell({ kind: "left", bytes }));
    store.settle();
    if (store.isFull) throw new Error("the browser gives this page too little room for all of it");
    return pack.missing().bytes;
  }

  #write(path: string, bytes: Uint8Array): void {
    for (let at = path.indexOf("/", 1); at > 0; at = path.indexOf("/", at + 1))
      this.#machineFiles.makeFolder(path.slice(0, at), 0o755);
    checked(this.#machineFiles.write(path, bytes, 0o644), path);
    this.#keep();
  }

  #usage(): Usage {
    const { store, pack, changes } = this.#parts;
    return {
      piecesBytes: store?.bytes ?? 0,
      imageBytes: pack.head.description.piecesBytes,
      changesBytes: changes?.device.size ?? 0,
      fetchedBytes: pack.fetchedBytes,
      requests: pack.requests,
    };
  }
}

/** @throws Error with words for people for a negated errno */
function checked(result: number, what: string): number {
  if (result < 0) throw new Error(`${what}: ${ERRNO_WORDS[-result] ?? ERRNO_NAMES[-result] ?? `errno ${-result}`}`);
  return result;
}

const ERRNO_WORDS: Readonly<Record<number, string>> = {
  [ENOENT]: "no such file or folder",
  [EEXIST]: "there is one of this name",
  [ENOTDIR]: "not a folder",
  [EISDIR]: "a folder",
  [EINVAL]: "not a name or file that this can be done with",
  [ENOSPC]: "no room is left",
  [EROFS]: "the files can only be read any more",
};
