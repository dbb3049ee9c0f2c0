/**
 * What a tab's machine does for its page while its programs run, whatever these are: keeps their files, and answers
 * what the page asks of them.
 */
import { EEXIST, EINVAL, EISDIR, ENOENT, ENOSPC, ENOTDIR, EROFS, ERRNO_NAMES } from "@stratos/abi";
import type { SavedChanges } from "@stratos/host-browser";
import { MachineFiles } from "@stratos/sdk/machine-files";
import type { MachineSession, ProgramEnd, TurnGate } from "@stratos/session";
import type { AskMessage, Keeping, Request, SnapshotInfo, Told, Usage, Where, WorkerMessage } from "./messages.ts";
import type { SystemParts } from "./open-system.ts";
import { type KeptParts, RunningKeeper } from "./running-keeper.ts";

/** How often it is looked whether what runs is to be kept. */
const LOOK_MS = 500;
/** How old what programs wrote may be that is not yet in the file. */
const SYNC_LOOKS = 2;

/** A worker that is a machine: its first message starts it, others ask. */
export function serveTab<Start extends { readonly kind: "start" }>(
  start: (message: Start, tell: (message: Told) => void) => Promise<TabMachine>,
): void {
  const tell = (message: WorkerMessage): void => postMessage(message);
  let machine: TabMachine | null = null;
  onmessage = ({ data }: MessageEvent<Start | AskMessage>) => {
    if (data.kind === "start") {
      start(data, tell).then(
        (started) => void (machine = started),
        (error: unknown) => tell(failureOf(error)),
      );
      return;
    }
    const { id, request } = data as AskMessage;
    const answered =
      machine === null ? Promise.reject(new Error("the machine has not started yet")) : machine.answer(request);
    answered.then(
      (value) => tell({ kind: "answer", id, value }),
      (error: unknown) => tell({ kind: "refusal", id, words: (error as Error).message }),
    );
  };
}

function failureOf(error: unknown): Told {
  return { kind: "failed", words: error instanceof Error ? error.message : String(error) };
}

/** The same gate, with what the tab has to say of each turn. */
function around(gate: TurnGate | null, own: { isBlocked(): boolean; beforeTurn(): void }): TurnGate {
  return {
    get isBlocked() {
      return own.isBlocked() || gate?.isBlocked === true;
    },
    beforeTurn: () => {
      gate?.beforeTurn();
      own.beforeTurn();
    },
    get sleepMs() {
      return gate?.sleepMs ?? 0;
    },
    afterTurn: () => gate?.afterTurn?.(),
    onIdle: () => gate?.onIdle?.(),
  };
}

/** Of a machine that the tab after this one may go on with. */
interface GoingOn extends Pick<KeptParts, "loop" | "page" | "save" | "screen" | "revision" | "isAtRest"> {
  /** It goes on with what the tab before this one has left. */
  readonly hasBegun: boolean;
}

export class TabMachine {
  readonly #parts: SystemParts;
  readonly #session: MachineSession;
  readonly #machineFiles: MachineFiles;
  readonly #keeping: Keeping;
  readonly #tell: (message: Told) => void;
  readonly #goesOn: boolean;
  readonly #keeper: RunningKeeper | null;
  #timer: ReturnType<typeof setInterval> | undefined;
  #hasFailed = false;
  #isClosed = false;

  /** @param goingOn  absent: what runs goes with the tab */
  constructor(
    where: Where,
    parts: SystemParts,
    session: MachineSession,
    tell: (message: Told) => void,
    goingOn?: GoingOn,
  ) {
    this.#parts = parts;
    this.#keeping = where.keeping;
    this.#session = session;
    this.#machineFiles = new MachineFiles(session.machine.kernel);
    this.#tell = tell;
    this.#goesOn = goingOn?.hasBegun === true;
    const { running: files, changes } = parts;
    const settle = (): number => this.#keep();
    this.#keeper =
      goingOn === undefined || files === null || changes === null
        ? null
        : new RunningKeeper({ ...goingOn, files, changes, session, settle }, this.#goesOn);
  }

  /** Its programs run. @param ended  how the first one of them ends */
  begin(ended: Promise<ProgramEnd>): void {
    const { changes, pack } = this.#parts;
    if (changes !== null) {
      changes.volume.onFailure = () => this.#tellFailedFiles();
      const { pump } = this.#session;
      pump.gate = around(pump.gate, {
        isBlocked: () => this.#keeper?.holdsBack() === true,
        beforeTurn: () => this.#grow(),
      });
    }
    let looks = 0;
    this.#timer = setInterval(() => {
      if (++looks % SYNC_LOOKS === 0) this.#keep();
      this.#keeper?.look();
    }, LOOK_MS);
    this.#tell({ kind: "started", goesOn: this.#goesOn });
    ended.then(
      (end) => this.#end(end),
      (error: unknown) => {
        // The next tab is not to end like this one.
        this.#keeper?.drop();
        this.#tell(failureOf(error));
      },
    );
    // What the shell's start needs is here; what is typed first may come now.
    void pack.prefetch(pack.head.index.groups.length);
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
    if (failed === 0) this.#tell({ kind: "ended", words });
  }

  #grow(): void {
    if (this.#parts.changes!.growWhenShort())
      this.#tell({
        kind: "told",
        words: "the browser gives this page no more room: programs will find the disk full (ENOSPC)",
      });
  }

  /** What programs wrote by now goes into the file. */
  #keep(): number {
    const { changes, store, volume } = this.#parts;
    store?.settle();
    if (changes === null) return 0;
    const { machine } = this.#session;
    // Access times by themselves would only make what was kept of the programs useless.
    if (volume.hasChanges || machine.hasUnwritten) machine.sync();
    const failed = volume.sync();
    if (failed < 0) this.#tellFailedFiles();
    return failed;
  }

  #tellFailedFiles(): void {
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    this.#tell({
      kind: "told",
      words: "what programs write cannot be kept any more: the browser refuses; what was kept before is safe",
    });
  }

  /**
   * Ends the machine.
   *
   * @param last  what is to be done with the files when no program writes any more
   * @param goesOn  what runs is kept, and nothing has run since
   * @returns 0, or why the last changes are not kept
   */
  #close(last: () => number = () => 0, goesOn = false): number {
    if (this.#isClosed) return 0;
    clearInterval(this.#timer);
    const kept = this.#keep();
    this.#isClosed = true;
    if (!goesOn) this.#keeper?.drop();
    this.#keeper?.close();
    this.#session.stop();
    const done = last();
    const closed = this.#parts.changes?.close() ?? 0;
    this.#parts.store?.close();
    this.#parts.sockets.configure(null);
    return kept < 0 ? kept : done < 0 ? done : closed;
  }

  async answer(request: Request): Promise<unknown> {
    if (this.#isClosed) throw new Error("the machine has ended");
    switch (request.kind) {
      case "sync":
        return checked(this.#keep(), "the files");
      case "hidden":
        checked(this.#keep(), "the files");
        return this.#keeper?.keep(true);
      case "stop": {
        const isKept = request.goesOn && (await this.#keeper?.keepLast()) === true;
        return checked(this.#close(undefined, isKept), "the files");
      }
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
      case "relay":
        return this.#parts.sockets.configure(request.relay);
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
    await pack.fetchMissing((bytes) => this.#tell({ kind: "left", bytes }));
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
      isKept: this.#keeper?.isKept === true,
      keepingMs: this.#keeper?.spentMs ?? 0,
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
