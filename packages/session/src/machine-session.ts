/**
 * One run: a machine over a root with the host's ports, from the first program's start to its end. This is the place
 * that knows all parts (STYLE.md §1); everything above it only says what to run.
 */
import { LaterVolume, type Volume } from "@stratos/aegisfs";
import { E2BIG, EACCES, ENOENT, ENOTDIR, ERRNO_NAMES } from "@stratos/abi";
import { byteStringToUtf8, inOnePiece, StateError } from "@stratos/base";
import {
  type EventLoop,
  type MachinePorts,
  SimulatedClock,
  SimulatedRandomSource,
  type SocketProvider,
} from "@stratos/host";
import {
  AegisFileSystem,
  beginAnew,
  type Board,
  type Credentials,
  type HostFile,
  type HostSocketOwner,
  HostTimer,
  type OpenFile,
  ROOT,
} from "@stratos/kernel";
import { Machine } from "@stratos/machine";
import { type ForkIdentity, forkMachine } from "@stratos/machine/forked";
import { loadMachine, saveMachineInPieces, type SavedPlace } from "@stratos/machine/saved";
import { endOfWaitStatus, type ProgramEnd } from "./exit-status.ts";
import type { GuestUser } from "./guest-user.ts";
import { type HostFolder, mountHostFolders } from "./host-folders.ts";
import {
  actSoon,
  type AwaitedService,
  type AwaitedSocket,
  awaitInGuest,
  type GuestClient,
  type GuestListener,
  type GuestService,
  type LeftService,
  listenInGuest,
  pairInGuest,
  ServiceHold,
  type ServicePlace,
  writeInGuest,
} from "./host-listener.ts";
import { MachinePump } from "./machine-pump.ts";
import { SessionError } from "./session-error.ts";
import { isAbsentFromVolume } from "./volume-file.ts";

/** The name that programs see when none is given. */
export const HOSTNAME = "stratos";

export interface SessionOptions {
  readonly ports: MachinePorts;
  /** The root; of a fork one that is mounted when it is needed. */
  readonly volume: Volume | LaterVolume;
  /** At most what the board has left (Board.freeBytes). */
  readonly memoryBytes: number;
  /** Of a board of its own (BoardOptions.windows). */
  readonly windows?: boolean | undefined;
  /** Where it runs beside others, by turns; default: a board of its own. */
  readonly board?: Board | undefined;
  /** Made before for as much memory, and nobody's yet: the board of its own. */
  readonly emptyBoard?: Board | undefined;
  /** Absent: no network beyond the machine's own loopback. */
  readonly sockets?: SocketProvider | null;
  /**
   * Of the image that the root is a clone of: machines of a board that name the same one share its pages and what was
   * translated of them. Equal for equal content only. Absent: nothing is shared.
   */
  readonly imageIdentity?: string | undefined;
  /** What programs see of the host's files. */
  readonly folders?: readonly HostFolder[];
  /** Deterministic: chance from this seed, time counted in instructions. */
  readonly seed?: number;
  /** Processors that programs see; default: 1. */
  readonly harts?: number;
  /** The name that programs see; default: HOSTNAME. */
  readonly hostname?: string;
  /** Units of work that a system call may do at a time, as a recording says; default: the kernel's own. */
  readonly callWork?: number;
  /** When a deterministic machine's clock starts, in milliseconds since 1970. */
  readonly startMs?: number;
  /** The root is being built: what packages leave in /run belongs to it. */
  readonly keepsRun?: boolean;
  /** Kernel messages. */
  readonly log: (message: string) => void;
  /**
   * The machine goes on from what `save` gave: memory, harts, seed and name are that one's; `folders` are to have the
   * same places.
   */
  readonly saved?: SavedSession;
  /** The machine goes on from where that one stands, on its board. */
  readonly forked?: ForkedSession;
}

/** What a session is a fork of, between two of its turns; its volume has what was committed. */
interface ForkedSession {
  readonly original: MachineSession;
  readonly identity: ForkIdentity;
  /** What the fork's programs have in the place of streams of the host. */
  readonly streams: ReadonlyMap<object, object>;
  /** It never runs, and is to be saved: folders of the host are the original's. */
  readonly isResting?: boolean;
  /** As SavedSession's. Not while its original is in the midst of being saved: then they end. */
  readonly keepsServices?: boolean;
}

/** What a session saves beside its volume, with the streams that its programs hold. */
interface SavedSession {
  readonly bytes: Uint8Array;
  /** Streams of the host by the names that they were saved under. */
  readonly streams: ReadonlyMap<string, object>;
  /** Services of the host are to go on (`hostService`); those that have not by `endServices` do not. */
  readonly keepsServices?: boolean;
  /** As a fork's; default: "same". */
  readonly identity?: ForkIdentity;
  /** `bytes` were checked as a whole. */
  readonly isVerified?: boolean;
  /** Pages of programs come from `bytes` when they are first touched (loadMachine's), or by `settle`. */
  readonly isLazy?: boolean;
}

export interface ProgramRequest {
  /** Byte strings. A program without a slash is looked for in PATH. */
  readonly program: string;
  readonly argv: readonly string[];
  readonly environment: readonly string[];
  readonly workingDirectory: string;
  readonly user: GuestUser;
}

/** A program that wants to be process 1, by the path at which it is installed, unless it is only asked something. */
function isInitSystem(path: string, argv: readonly string[]): boolean {
  const isAsked = argv.slice(1).some((word) => /^(-h|--(help|version|test|user|dump-.*))$/.test(word));
  return !isAsked && /^(\/usr(\/local)?)?\/sbin\/init$|\/systemd$/.test(path);
}

/** As init systems know that somebody else has set up the machine (systemd's "container interface"). */
function withContainer(environment: readonly string[]): string[] {
  const isTold = environment.some((each) => each.startsWith("container="));
  return isTold ? [...environment] : [...environment, "container=stratos"];
}

/** What the root's volume is called among the handles of a saved machine. */
const ROOT_VOLUME = "root volume";

/** Pages: a millisecond or two. */
const SETTLED_AT_ONCE = 512;

/** When a seeded machine's clock starts: the time of day must not come from the host. */
const SEEDED_EPOCH_MS = Date.UTC(2025, 0, 1);

export class MachineSession {
  readonly machine: Machine;
  readonly pump: MachinePump;
  readonly #volume: Volume | LaterVolume;
  readonly #loop: EventLoop;
  readonly #folders: readonly HostFolder[];
  readonly #services = new Map<string, Pick<GuestService, "save" | "settle">>();
  readonly #hold = new ServiceHold(() => this.pump.wake());
  #timedOut = false;

  /** @throws SessionError when something cannot be mounted, StateError; the board then has its memory back */
  constructor(options: SessionOptions) {
    const { ports, folders = [], seed, saved, forked } = options;
    this.#volume = options.volume;
    this.#loop = ports.loop;
    this.#folders = folders;
    const outside = {
      engine: ports.engine,
      codeArchive: ports.codeArchive,
      ...(options.board === undefined ? {} : { board: options.board }),
      emptyBoard: options.emptyBoard,
      clock: seed === undefined ? ports.clock : new SimulatedClock(options.startMs ?? SEEDED_EPOCH_MS),
      random: seed === undefined ? ports.random : new SimulatedRandomSource(seed),
      sockets: options.sockets ?? null,
      log: options.log,
      nowMs: () => ports.loop.nowMs(),
    };
    if (saved !== undefined) {
      const handles = new Map([...saved.streams, ...this.#handles()]);
      const { isVerified, isLazy } = saved;
      this.machine = loadMachine({ ...outside, handles, isVerified, isLazy }, saved.bytes);
      if (saved.identity === "fresh") beginAnew(this.machine.kernel);
      if (saved.keepsServices !== true) this.machine.kernel.hostServices.end();
      this.pump = this.#pumpOf(ports);
      return;
    }
    if (forked !== undefined) {
      const { original, identity, streams, isResting = false } = forked;
      const keepsServices = isResting || (forked.keepsServices === true && !original.#hold.isHeld);
      const handles = new Map<object, object>([...streams, [original.#volume, options.volume]]);
      if (isResting) for (const { tree } of original.#folders) handles.set(tree, tree);
      this.machine = original.#withServices(keepsServices, () =>
        forkMachine(original.machine, { ...outside, identity, handles }),
      );
      if (!keepsServices) this.machine.kernel.hostServices.end();
      this.pump = this.#pumpOf(ports);
      return;
    }
    this.machine = new Machine({
      ...outside,
      memoryBytes: options.memoryBytes,
      windows: options.windows,
      hostname: options.hostname ?? HOSTNAME,
      harts: options.harts ?? 1,
      ...(options.callWork === undefined ? {} : { callWork: options.callWork }),
      virtualTime: seed !== undefined,
    });
    this.pump = this.#pumpOf(ports);
    try {
      this.#mount(options, volumeOf(options.volume));
    } catch (error) {
      this.machine.dispose();
      throw error;
    }
  }

  #pumpOf({ loop, codeArchive }: MachinePorts): MachinePump {
    const pump = new MachinePump(this.machine, loop);
    // It may never end, or be killed.
    if (codeArchive !== undefined) pump.onRest = () => this.machine.processor.submitProfile();
    return pump;
  }

  /** @throws SessionError */
  #mount({ imageIdentity, keepsRun, folders = [] }: SessionOptions, volume: Volume): void {
    const { kernel } = this.machine;
    const image = imageIdentity === undefined ? null : kernel.useImage(imageIdentity);
    this.machine.mountRoot(new AegisFileSystem(kernel, volume, undefined, undefined, image));
    const failure = this.machine.mountSystem({ keepsRun: keepsRun === true });
    if (failure !== null) {
      const { place, errno } = failure;
      throw new SessionError("mount", place, `cannot be mounted on: ${ERRNO_NAMES[errno] ?? String(errno)}`, errno);
    }
    mountHostFolders(this.machine, folders);
  }

  /**
   * Starts the first program, found as execvp(3) finds it: a name without a slash is looked for in PATH.
   *
   * @param onEnd  told its wait status, when it is a program beside others (see Machine.start)
   * @returns its process number
   * @throws SessionError
   */
  start(request: ProgramRequest, standardFiles: readonly OpenFile[], onEnd?: (waitStatus: number) => void): number {
    const name = request.program;
    let failure = ENOENT;
    for (const path of candidates(name, request.environment, request.workingDirectory)) {
      if (this.#isSurelyAbsent(path)) continue;
      // A failed start closes what it was given.
      for (const file of standardFiles) file.retain();
      // /proc of a later one would hide those that run.
      const isInit = isInitSystem(path, request.argv) && this.machine.isFresh;
      const result = this.machine.start(
        {
          path,
          argv: [...request.argv],
          environment: isInit ? withContainer(request.environment) : [...request.environment],
          workingDirectory: request.workingDirectory,
          isInit,
          credentials: credentialsOf(request.user),
          standardFiles: [...standardFiles],
        },
        onEnd,
      );
      if (typeof result === "number" || result.what === "working directory") {
        for (const file of standardFiles) file.release();
        if (typeof result === "number") return result;
        throw wrongFolder(request.workingDirectory, result.errno);
      }
      // A program that may not be executed is passed over for one later in PATH, but remembered (execvp(3)).
      if (result.errno !== ENOENT && result.errno !== ENOTDIR) failure = result.errno;
      if (result.errno !== ENOENT && result.errno !== ENOTDIR && result.errno !== EACCES) break;
    }
    for (const file of standardFiles) file.release();
    if (this.#isSurelyAbsent(request.workingDirectory)) throw wrongFolder(request.workingDirectory, ENOENT);
    const what = byteStringToUtf8(name);
    if (failure !== ENOENT && failure !== ENOTDIR)
      throw new SessionError("program-not-executable", what, errnoWords(failure), failure);
    if (!name.includes("/"))
      throw new SessionError("program-not-found", what, "command not found in the guest", failure);
    const isThere = name.startsWith("/") && !isAbsentFromVolume(volumeOf(this.#volume).root, name);
    const why = isThere ? "it, or the interpreter that it names, is not in the guest" : "no such file in the guest";
    throw new SessionError("program-not-found", what, why, failure);
  }

  /**
   * The first program, which waited when the machine was saved, goes on with these files and in this folder.
   *
   * @throws SessionError
   */
  handOver(workingDirectory: string, standardFiles: readonly OpenFile[]): void {
    const result = this.machine.handOver({ workingDirectory, standardFiles: [...standardFiles] });
    if (result < 0) throw wrongFolder(workingDirectory, -result);
  }

  /**
   * Spares a start that must fail, and the process number that it would use up. Links and mounted folders are left to
   * the guest's own walk.
   */
  #isSurelyAbsent(path: string): boolean {
    return this.#folders.length === 0 && isAbsentFromVolume(volumeOf(this.#volume).root, path);
  }

  /**
   * The machine as bytes, between two of its turns. Its volume is brought to rest, and belongs to them as it is now:
   * who keeps the bytes keeps its devices.
   *
   * @param streams  that programs may hold, by names under which `saved` gives others in their place
   * @throws StateError of kind "unsavable", SessionError of kind "mount"
   */
  save(streams: ReadonlyMap<string, object>, place?: SavedPlace): Uint8Array {
    return inOnePiece(this.saveInPieces(streams, place));
  }

  /** As `save`; between the pieces others of its board may run, and it must not. */
  *saveInPieces(streams: ReadonlyMap<string, object>, place?: SavedPlace): Generator<void, Uint8Array> {
    this.commit();
    for (const service of this.#services.values()) service.settle?.();
    this.#hold.begin();
    try {
      yield* this.#recordServices();
      return yield* saveMachineInPieces(this.machine, new Map([...streams, ...this.#handles()]), place);
    } finally {
      this.machine.kernel.hostServices.records.clear();
      this.#hold.end();
    }
  }

  /** What each needs to go on where this machine does is in it. */
  *#recordServices(): Generator<void> {
    const { records } = this.machine.kernel.hostServices;
    for (const [name, service] of this.#services)
      try {
        records.set(name, yield* service.save());
      } catch (error) {
        if (!(error instanceof StateError)) throw error;
        // The machine goes on without it.
      }
  }

  /** What a machine that is a fork of this one has is had by `work`. */
  #withServices<T>(isWanted: boolean, work: () => T): T {
    if (!isWanted) return work();
    for (const service of this.#services.values()) service.settle?.();
    try {
      inOnePiece(this.#recordServices());
      return work();
    } finally {
      this.machine.kernel.hostServices.records.clear();
    }
  }

  /** Brings its volume to rest: what its devices have is all of it. @throws SessionError of kind "mount" */
  commit(): void {
    const volume = this.#volume instanceof LaterVolume ? this.#volume.mounted : this.#volume;
    const failed = volume?.commit() ?? 0;
    if (failed < 0) throw new SessionError("mount", "/", "the root volume could not be written", -failed);
  }

  /**
   * Memory that a lazy load has left where it was comes in, some MiB in each turn of the host's loop.
   *
   * @param done  nothing of the bytes that it went on from is needed any more
   */
  settleSoon(done: () => void): void {
    if (this.machine.isStopped) return;
    if (this.machine.kernel.frames.settleNext(SETTLED_AT_ONCE)) this.#loop.callSoon(() => this.settleSoon(done));
    else done();
  }

  /** What the host lends it beside streams, by the names under which a saved machine knows it. */
  #handles(): [string, object][] {
    const folders = this.#folders.map(({ place, tree }): [string, object] => [`folder ${place}`, tree]);
    return [[ROOT_VOLUME, this.#volume], ...folders];
  }

  /** Runs until the first program ends, or `timeoutMs` have passed. */
  async run(timeoutMs?: number): Promise<ProgramEnd> {
    const cancel = timeoutMs === undefined ? null : this.#loop.callLater(timeoutMs, () => this.#timeOut());
    try {
      await this.pump.run();
    } finally {
      cancel?.();
    }
    if (this.#timedOut) return { kind: "timed out" };
    const status = this.machine.exitStatus;
    return status === null ? { kind: "stopped" } : endOfWaitStatus(status);
  }

  #timeOut(): void {
    this.#timedOut = true;
    this.stop();
  }

  /**
   * The host listens on a Unix socket of the guest's files. A fork, or who goes on with what was saved, listens anew.
   *
   * @param path  absolute byte string, at most 107 long; its folder exists
   * @param owner  the socket's file is theirs; who may write to it may connect
   * @param onConnection  called between the machine's turns
   * @throws SessionError of kind "mount": EADDRINUSE (somebody listens there), ENOENT …
   */
  hostListener(path: string, owner: HostSocketOwner, onConnection: (client: GuestClient) => void): GuestListener {
    return listenInGuest(this.#place, { name: null, path, owner, onConnection }).listener;
  }

  /**
   * As `hostListener`, of a service that may go on where this machine is saved or forked, and goes on from there.
   *
   * @returns `left`: what it had; null: it begins
   */
  hostService(service: GuestService): { readonly listener: GuestListener; readonly left: LeftService | null } {
    const made = listenInGuest(this.#place, service);
    this.#services.set(service.name, service);
    const close = (): void => {
      this.#services.delete(service.name);
      made.listener.close();
    };
    return { listener: { close }, left: made.left };
  }

  /** Does it when the machine is not being saved. */
  whenFree(work: () => void): void {
    this.#hold.run(work);
  }

  get #place(): ServicePlace {
    return { kernel: this.machine.kernel, loop: this.#loop, hold: this.#hold };
  }

  /** A Unix socket of the guest's files that a program will serve, once somebody connects. As `hostService`. */
  awaitedSocket(service: AwaitedService): AwaitedSocket {
    const socket = awaitInGuest(this.#place, service);
    this.#services.set(service.name, service);
    const close = (): void => {
      this.#services.delete(service.name);
      socket.close();
    };
    return { ...socket, close };
  }

  /** The program that runs with that number, in a machine that goes on, has ended. */
  onEnd(pid: number, listener: (waitStatus: number) => void): void {
    this.machine.onEnd(pid, listener);
  }

  /** A new connection: the file is for a program, which is sent it or starts with it. */
  connectedPair(): { readonly client: GuestClient; readonly file: HostFile } {
    return pairInGuest(this.#place);
  }

  /** Writes into a pipe that a program passed. @param done  the file may be released: all is written, or none reads */
  writePipe(file: HostFile, bytes: Uint8Array, done: () => void): void {
    writeInGuest(this.#place, file, bytes, done);
  }

  /** @param onTime  called between the machine's turns, once after each `set` by the machine's clock */
  hostTimer(onTime: () => void): Pick<HostTimer, "set" | "cancel"> {
    const { kernel } = this.machine;
    return new HostTimer(kernel, () => actSoon(this.#place, onTime));
  }

  /** Services that have not gone on never will: their programs read ECONNRESET. */
  endServices(): void {
    this.machine.kernel.hostServices.end();
  }

  /** Ends the machine, whatever its programs do. */
  stop(): void {
    this.machine.stop();
    this.pump.wake();
  }

  /**
   * Ends the machine, whatever its programs do, and gives back what it has of its board. Nothing of it may be used
   * afterwards. Not from within its turn.
   */
  close(): void {
    this.stop();
    this.machine.dispose();
  }

  /** A signal of the host for the first program. */
  sendSignal(signal: number): void {
    this.machine.sendSignal(signal);
  }
}

function volumeOf(volume: Volume | LaterVolume): Volume {
  return volume instanceof LaterVolume ? volume.volume : volume;
}

function wrongFolder(path: string, errno: number): SessionError {
  const why = errno === ENOENT ? "no such folder" : errno === ENOTDIR ? "not a folder" : errnoWords(errno);
  const kind = errno === EACCES ? "folder-denied" : "folder";
  return new SessionError(kind, byteStringToUtf8(path), `${why} in the guest to start in`, errno);
}

function errnoWords(errno: number): string {
  return ERRNO_WORDS[errno] ?? ERRNO_NAMES[errno] ?? String(errno);
}

const ERRNO_WORDS: Readonly<Record<number, string>> = {
  [EACCES]: "permission denied",
  8: "not a riscv64 program",
  20: "a part of the path is not a folder",
  [E2BIG]: "arguments and environment are too long",
};

function candidates(name: string, environment: readonly string[], workingDirectory: string): string[] {
  if (name.startsWith("/")) return [name];
  if (name.includes("/")) return [`${workingDirectory}/${name}`];
  if (name === "") return [];
  const path = environment.findLast((entry) => entry.startsWith("PATH="))?.slice(5) ?? "/usr/bin:/bin";
  return path
    .split(":")
    .map(
      (folder) =>
        (folder === "" ? workingDirectory : folder.startsWith("/") ? folder : `${workingDirectory}/${folder}`) +
        `/${name}`,
    );
}

function credentialsOf(user: GuestUser): Credentials {
  const { uid, gid } = user;
  const isRoot = uid === 0;
  return {
    ...ROOT,
    uid,
    euid: uid,
    suid: uid,
    fsuid: uid,
    gid,
    egid: gid,
    sgid: gid,
    fsgid: gid,
    groups: user.groups,
    effective: isRoot ? ROOT.effective : 0,
    permitted: isRoot ? ROOT.permitted : 0,
  };
}
