/** A machine that outlives its programs: a library starts them one after the other, or beside one another. */
import { ERRNO_NAMES, MS_NODEV, MS_NOSUID, MS_RELATIME, SIGKILL, SIGNAL_NAMES } from "@stratos/abi";
import { byteStringToUtf8, copyInPieces, forOneTurn, StateError, utf8ToByteString } from "@stratos/base";
import { BLOCK_SIZE, fileChanges, LaterVolume, type Volume } from "@stratos/aegisfs";
import { type MachinePorts, MemoryBlockDevice, type SocketProvider } from "@stratos/host";
import { AegisFileSystem, beginAnew, type Board, hasNamesToForget, type Kernel, mountAt } from "@stratos/kernel";
import {
  findGuestUser,
  guestEnvironment,
  type GuestUser,
  type HostFolder,
  MachineSession,
  SessionError,
  type SessionOptions,
  type TurnGate,
  writeResolverConfiguration,
} from "@stratos/session";
import {
  type FileDifference,
  type ForkIdentity,
  LimitError,
  type LimitName,
  type ProcessInfo,
  type SandboxLimits,
  type SandboxStats,
  StratosError,
} from "./api.ts";
import { AUTHORITY_ENVIRONMENT, type TrustedAuthority, writeAuthority } from "./authority-files.ts";
import type { Onlooker } from "./file-watch.ts";
import type { GoingCall } from "./going-call.ts";
import { type ConnectionListener, dropOutsideEnds, GuestConnection } from "./guest-connection.ts";
import { MachineEvents, type SandboxEvent } from "./machine-events.ts";
import { MachineFiles } from "./machine-files.ts";
import { renameMachine } from "./machine-id.ts";
import { checkDuration } from "./check-options.ts";
import { argvOf, wrong } from "./machine-options.ts";
import { MachineProgram, type ProgramListener, type SavedProgram } from "./machine-program.ts";
import { isTerminalSize, type CreateRequest, type KeptPrograms, type RunRequest } from "./protocol.ts";
import { processesOf } from "./process-list.ts";
import { forgetNamesByTurns, rehearseForkByTurns } from "./rehearse-fork.ts";
import { restingSockets } from "./resting-sockets.ts";
import { bytesBefore, bytesBeforeInPieces, type SavedSandbox, type SavedSurroundings } from "./saved-sandbox.ts";
import { standInsOf } from "./secret-stand-ins.ts";
import type { Authority } from "./tls-gateway.ts";

const PAGE = 4096;
/** How the files were at the beginning, among the points that are kept. */
const IMAGE_POINT = "image";
/** Who goes on from a saved machine wants an answer first: until then it has the memory that it touches. */
const SETTLE_AFTER_MS = 100;
/** Of the space of a point that is replaced, at a time. */
const RECLAIM_STEPS = 64;
/** So long programs wait for a turn, several times, while they are saved; what was begun then is ended. */
const SAVE_TURN_MS = 4;

/** A volume at an absolute path of the guest. */
export interface MountedVolume {
  readonly guest: string;
  readonly volume: Volume;
}

interface MachineParts extends Omit<CreateRequest, "ports" | "image" | "volumes" | "board"> {
  readonly board: Board | null;
  /** Made before for as much memory, and nobody's yet: the board of its own. */
  readonly emptyBoard?: Board | undefined;
  readonly memoryBytes: number;
  readonly ports: MachinePorts;
  readonly image: MachineImage;
  /** Its programs are to trust it; what was saved trusts its own. */
  readonly trusted: TrustedAuthority | null;
  /** It goes on from there. */
  readonly saved: (SavedSandbox & { readonly isVerified: boolean; letGo(): void }) | null;
  readonly sockets: SocketProvider | null;
  readonly folders: readonly HostFolder[];
  readonly volumes: readonly MountedVolume[];
  /** What happens in it. Not from within it: a listener may look, and change nothing. */
  onEvent(event: SandboxEvent): void;
}

/** What a fork of a clone is to its machine; `mount` is called once at most. */
export interface ForkedImage {
  readonly changes: MemoryBlockDevice;
  mount(): Volume;
  fork(): ForkedImage;
  close(): void;
}

/** The root. */
interface MachineImage {
  readonly volume: Volume | LaterVolume;
  readonly changes: MemoryBlockDevice | null;
  readonly identity?: string | undefined;
  /** OpenedImage's. */
  readonly outlivesSandbox?: boolean;
  /** Absent: its changes are where no fork can have them. */
  fork?(): ForkedImage;
}

interface MachineFork {
  readonly identity: ForkIdentity;
  readonly keepsPrograms: KeptPrograms;
  /** null: the machine's own. */
  readonly sockets: SocketProvider | null;
  /** It never runs. */
  readonly isResting?: boolean;
  /** Services of the host are to go on, as far as `machine.session.endServices` is not called. */
  readonly keepsServices?: boolean;
  /** What happens in it. */
  onEvent(event: SandboxEvent): void;
}

export class SandboxMachine {
  readonly #session: MachineSession;
  readonly #files: MachineFiles;
  readonly #ports: MachinePorts;
  readonly #seed: number | null;
  readonly #parts: MachineParts;
  #forkCount = 0;
  readonly #limits: SandboxLimits;
  readonly #authority: Authority | null;
  readonly #events: MachineEvents;
  readonly #onEvent: (event: SandboxEvent) => void;
  readonly #connections = new Set<GuestConnection>();
  readonly #onlookers = new Set<Onlooker>();
  /** Those under way whose ends the channel has, by number. */
  readonly #programs = new Map<number, MachineProgram>();
  /** Rejects when the machine has stopped, whatever runs. */
  readonly stopped: Promise<never>;
  #end!: (error: unknown) => void;
  /** With what it has stopped. */
  #ended: { readonly error: unknown } | null = null;
  /** What its end is to those who wait in it. */
  #whyStopped: StratosError = new StratosError("closed", "the sandbox was closed", {});
  #isPaused = false;
  /** A display, and what programs of its user are told of it by their environment. */
  display: { readonly environment: Readonly<Record<string, string>>; readonly uid: number } | null = null;
  #refusedTasks: number;
  #refusedWrites: number;

  /** @throws SessionError, StratosError; the board then has its memory back */
  constructor(
    parts: MachineParts,
    forked?: Pick<MachineFork, "identity" | "isResting" | "keepsServices"> & { original: SandboxMachine },
  ) {
    const { ports, board, image, memoryBytes, harts, hostname, sockets, folders, saved } = parts;
    const seed = saved === null ? parts.seed : (saved.seed ?? undefined);
    if (saved !== null && seed !== undefined && parts.identity === "fresh")
      throw wrong("identity", '"same", of what was saved with a seed,');
    this.#seed = seed ?? null;
    // What it went on from goes when its memory is all there.
    this.#parts = { ...parts, saved: null };
    this.#limits = parts.limits ?? {};
    this.#onEvent = (event) => parts.onEvent(event);
    if (sockets !== null && saved === null && forked === undefined)
      writeResolverConfiguration(this.#volume.root, sockets);
    this.#ports = ports;
    this.stopped = new Promise((_, reject) => {
      this.#end = reject;
    });
    this.stopped.catch((error: unknown) => {
      this.#ended = { error };
      for (const connection of this.#connections) connection.kill(error);
    });
    const programs = forked === undefined ? (saved?.programs ?? []) : forked.original.#savedPrograms();
    for (const each of programs) {
      const program = MachineProgram.load(each, this.stopped);
      this.#programs.set(each.pid, program);
      if (each.limits !== undefined) this.#bound(each.pid, program, each.limits);
    }
    this.#session = new MachineSession({
      ports,
      volume: image.volume,
      memoryBytes,
      sockets,
      folders,
      log: (message) => this.#hear(message),
      ...(board === null ? { emptyBoard: parts.emptyBoard } : { board }),
      // Its forks will share what it has of the image.
      ...(image.identity === undefined ? {} : { imageIdentity: image.identity }),
      ...(forked === undefined ? {} : { forked: this.#forkOf(forked) }),
      ...(harts === undefined ? {} : { harts }),
      ...(seed === undefined ? {} : { seed }),
      ...(hostname === undefined ? {} : { hostname }),
      ...(saved === null
        ? {}
        : {
            saved: {
              bytes: saved.session,
              streams: this.#streams(),
              isVerified: saved.isVerified,
              isLazy: true,
              keepsServices: true,
            },
          }),
    });
    try {
      for (const each of parts.volumes) this.#mount(each);
    } catch (error) {
      this.#session.close();
      throw error;
    }
    const { kernel } = this;
    kernel.memory.lendsRoom = seed === undefined && forked?.isResting !== true;
    this.#files = new MachineFiles(kernel);
    const given = forked === undefined ? (saved?.authority ?? null) : forked.original.#authority;
    this.#authority = given ?? writeAuthority(this.#files, parts.trusted);
    // Of what differs from the image it is no part.
    if (this.#authority !== given) this.#session.machine.sync();
    this.#events = new MachineEvents(kernel, this.#onEvent);
    kernel.maximumTasks = Math.min(kernel.maximumTasks, this.#limits.processes ?? Infinity);
    this.#refusedTasks = kernel.refusedTasks;
    this.#refusedWrites = kernel.refusedWrites;
    if (saved !== null) dropOutsideEnds(kernel, saved.outsidePorts);
    if (forked === undefined) {
      if (image.outlivesSandbox !== true) this.#keepPoint(IMAGE_POINT);
    } else dropOutsideEnds(kernel, forked.original.#outsidePorts());
    if (saved !== null && parts.identity === "fresh") beginAnew(kernel);
    if (parts.identity === "fresh") renameMachine(this.#files, kernel.random);
    for (const [pid, program] of this.#programs) {
      this.#session.machine.onEnd(pid, (status) => program.end(status));
      const { keepsPrograms = false } = parts;
      const isKept = typeof keepsPrograms === "boolean" ? keepsPrograms : keepsPrograms.includes(pid);
      if (isKept) this.#forgetAtEnd(pid, program);
      else this.#letGo(pid, program);
    }
    this.#session.pump.gate = this.#gate();
    if (saved !== null) ports.loop.callLater(SETTLE_AFTER_MS, () => this.#session.settleSoon(() => saved.letGo()));
    this.#session.run().then(() => this.#end(this.#whyStopped), this.#end);
  }

  #gate(): TurnGate {
    const isBlocked = (): boolean => this.#isPaused;
    return {
      get isBlocked() {
        return isBlocked();
      },
      beforeTurn: () => {},
      afterTurn: () => this.#look(),
    };
  }

  /** Between two turns. */
  #look(): void {
    const { kernel } = this;
    if (kernel.isStopped) return;
    this.#events.lookAtPorts();
    const tell = (which: LimitName): void => this.#onEvent({ name: "limit", data: { which, pid: null } });
    if (kernel.refusedTasks > this.#refusedTasks) tell("processes");
    if (kernel.refusedWrites > this.#refusedWrites) tell("disk");
    this.#refusedTasks = kernel.refusedTasks;
    this.#refusedWrites = kernel.refusedWrites;
    const { cpuMs = Infinity } = this.#limits;
    if (this.#session.pump.runMs >= cpuMs) this.#stop("cpu");
  }

  /** Messages of the kernel. */
  #hear(message: string): void {
    const killed = /^out of memory: (?:.*\[(\d+)\] ended$|ended process (\d+) )/s.exec(message);
    if (killed === null) return;
    const [, thread, process] = killed;
    const pid = thread === undefined ? Number(process) : (this.kernel.tasks.tasks.get(Number(thread))?.group.pid ?? 0);
    const program = this.#programs.get(pid);
    program?.reach("memory");
    this.#onEvent({ name: "limit", data: { which: "memory", pid } });
  }

  /** A limit of the whole machine was reached: it runs no more, and whoever waits in it hears which. */
  #stop(which: LimitName): void {
    this.stop(new LimitError(`the sandbox has reached its limit: ${which}`, { which, partial: null }));
    this.#onEvent({ name: "limit", data: { which, pid: null } });
  }

  #forgetAtEnd(pid: number, program: MachineProgram): void {
    const forget = (): void => void this.#programs.delete(pid);
    program.ended.then(forget, forget);
  }

  /** Nobody is going to listen to it. */
  #letGo(pid: number, program: MachineProgram): void {
    this.#programs.delete(pid);
    program.connect(NOBODY);
    for (const output of program.outputs) output.finish();
  }

  #forkOf({
    original,
    ...fork
  }: Omit<MachineFork, "keepsPrograms" | "sockets" | "onEvent"> & {
    readonly original: SandboxMachine;
  }): NonNullable<SessionOptions["forked"]> {
    const own = this.#streams();
    const streams = new Map([...original.#streams()].map(([name, stream]) => [stream, own.get(name)!]));
    return { original: original.#session, ...fork, streams };
  }

  /** Of connections from outside. */
  #outsidePorts(): number[] {
    return [...this.#connections].map(({ localPort }) => localPort);
  }

  /** Without those who look in from outside. */
  #unwatched<T>(act: () => T): T {
    const onlookers = [...this.#connections, ...this.#onlookers];
    for (const onlooker of onlookers) onlooker.detach();
    try {
      return act();
    } finally {
      for (const onlooker of onlookers) onlooker.attach();
    }
  }

  /** The root's; a fork's is mounted for whoever asks. */
  get #volume(): Volume {
    const { volume } = this.#parts.image;
    return volume instanceof LaterVolume ? volume.volume : volume;
  }

  #savedPrograms(): SavedProgram[] {
    return [...this.#programs].map(([pid, program]) => program.save(pid));
  }

  /** What programs hold of the channel, by the names under which a saved machine knows it. */
  #streams(): Map<string, object> {
    return new Map([...this.#programs].flatMap(([pid, program]) => program.streams(pid)));
  }

  /** @throws StratosError */
  #mount({ guest, volume }: MountedVolume): void {
    if (!guest.startsWith("/") || guest.includes("\0")) throw wrong("volumes", "absolute paths of the sandbox");
    const place = utf8ToByteString(guest);
    const flags = MS_RELATIME | MS_NOSUID | MS_NODEV;
    const mounted = mountAt(this.kernel, place, new AegisFileSystem(this.kernel, volume), { source: "volume", flags });
    if (typeof mounted !== "number") return;
    const why = ERRNO_NAMES[-mounted] ?? String(-mounted);
    throw new StratosError("mount", `${guest}: cannot be mounted on: ${why}`, { place: guest });
  }

  get session(): MachineSession {
    return this.#session;
  }

  get kernel(): Kernel {
    return this.#session.machine.kernel;
  }

  /**
   * @param request  a name or a number
   * @param otherwise  who it is when there is no such user; absent: nobody
   * @throws SessionError
   */
  userOf(request: string, otherwise?: string): GuestUser {
    const read = (path: string): Uint8Array | null => {
      const bytes = this.#files.read(`/${path}`);
      return typeof bytes === "number" ? null : bytes;
    };
    try {
      return findGuestUser(read, request);
    } catch (error) {
      if (otherwise === undefined || !(error instanceof SessionError)) throw error;
      return findGuestUser(read, otherwise);
    }
  }

  /**
   * @param typed  what the program reads first
   * @throws SessionError, StratosError
   */
  start(request: RunRequest, listener: ProgramListener, typed: Uint8Array): GoingCall {
    const argv = argvOf(request.command).map(utf8ToByteString);
    const { cwd = "/", timeoutMs } = request;
    if (!cwd.startsWith("/") || cwd.includes("\0")) throw wrong("cwd", "an absolute path");
    checkDuration("timeoutMs", timeoutMs);
    const user = this.userOf(request.user ?? "root");
    const isShown = this.display !== null && (user.uid === 0 || user.uid === this.display.uid);
    const shown = isShown ? this.display!.environment : {};
    const trusting = this.#authority === null ? {} : AUTHORITY_ENVIRONMENT;
    const standIns = standInsOf(this.#parts.net?.secrets);
    const given = { ...trusting, ...standIns, ...shown, ...request.env };
    const settings = Object.entries(given).map(([name, value]) => ({ name, value }));
    for (const { name, value } of settings)
      if (name === "" || /[=\0]/.test(name) || value.includes("\0")) throw wrong("env", `${name}: not a variable`);
    const { tty } = request;
    const program = {
      program: argv[0]!,
      argv,
      environment: guestEnvironment(user, settings, {
        isTerminal: tty !== undefined,
        host: { TERM: "xterm-256color" },
      }),
      workingDirectory: utf8ToByteString(cwd),
      user,
    };
    if (tty !== undefined && !isTerminalSize(tty)) throw wrong("tty", "columns and rows from 1 to 65535");
    const started = new MachineProgram(listener, tty ?? null, this.stopped);
    const files = started.open(this.kernel);
    if (typeof files === "number") throw wrong("tty", `pseudo-terminals (${ERRNO_NAMES[-files] ?? -files})`);
    started.input.push(typed);
    if (!request.hasInput) started.input.end();
    let pid: number;
    try {
      pid = this.#session.start(program, files, (status) => started.end(status));
    } catch (error) {
      started.finish();
      throw error;
    }
    this.#programs.set(pid, started);
    this.#forgetAtEnd(pid, started);
    listener.onStarted(pid);
    this.#bound(pid, started, { outputBytes: this.#limits.outputBytes ?? null, timeMs: timeoutMs ?? null });
    return this.#running(pid, started);
  }

  #bound(pid: number, program: MachineProgram, limits: NonNullable<SavedProgram["limits"]>): void {
    program.bound(limits, this.#ports.loop, (limit) => {
      if (!program.reach(limit)) return;
      this.#onEvent({ name: "limit", data: { which: limit, pid } });
      this.#running(pid, program).kill();
    });
  }

  #running(pid: number, program: MachineProgram): GoingCall {
    const { input, outputs, ended } = program;
    const kill = (): void => {
      this.#session.machine.endTree(pid);
      this.#session.pump.wake();
      // What stands still ends later; nobody is to wait for that.
      if (this.#isPaused) program.end(SIGKILL);
    };
    return { input, outputs, ended, kill, resize: (size) => program.resize(size) };
  }

  /** Listens to a program of the saved sandbox that this one goes on from. @throws StratosError of kind option */
  attach(pid: number, listener: ProgramListener): GoingCall {
    const program = this.#programs.get(pid);
    if (program === undefined) throw wrong("pid", "a program that runs");
    if (!program.isHeld) throw wrong("pid", "a program that nobody listens to");
    program.connect(listener);
    listener.onStarted(pid);
    return this.#running(pid, program);
  }

  /** Nothing of it runs while it is paused; its files can be used, and it can be saved. */
  get isPaused(): boolean {
    return this.#isPaused;
  }

  setPaused(isPaused: boolean): void {
    this.#isPaused = isPaused;
    this.#session.pump.wake();
  }

  /** A connection to a program that listens. @throws StratosError of kind port or option */
  connect(port: number, listener: ConnectionListener): GuestConnection {
    const connection = new GuestConnection(this.kernel, this.#ports.loop, port, listener);
    this.#connections.add(connection);
    const drop = (): void => void this.#connections.delete(connection);
    connection.ended.then(drop, drop);
    if (this.#ended !== null) connection.kill(this.#ended.error);
    return connection;
  }

  /** While the machine is saved, it lets go. @returns what ends that */
  addOnlooker(onlooker: Onlooker): () => void {
    this.#onlookers.add(onlooker);
    return () => void this.#onlookers.delete(onlooker);
  }

  get files(): MachineFiles {
    return this.#files;
  }

  stats(): SandboxStats {
    const { memory, tasks } = this.kernel;
    const limitBytes = this.#parts.image.changes?.size ?? this.#volume.usage().blocks * BLOCK_SIZE;
    return {
      memory: { usedBytes: (memory.limit - memory.free) * PAGE, limitBytes: memory.limit * PAGE },
      disk: { usedBytes: Math.max(0, limitBytes - this.#volume.dataBlocks * BLOCK_SIZE), limitBytes },
      cpuMs: this.#session.pump.runMs,
      instructions: this.#session.machine.statistics.instructions,
      processes: tasks.processes.size,
    };
  }

  processes(): ProcessInfo[] {
    return processesOf(this.kernel);
  }

  /**
   * Keeps how the files are now, for `differences`; what had the name is replaced.
   *
   * @throws StratosError of kind file
   */
  keepPoint(name: string): void {
    this.#session.machine.sync();
    const volume = this.#volume;
    const there = volume.findSubvolume(name);
    if (there >= 0) volume.deleteSubvolume(there);
    while (volume.reclaim(RECLAIM_STEPS) > 0);
    this.#keepPoint(name);
  }

  #keepPoint(name: string): void {
    const volume = this.#volume;
    if (volume.findSubvolume(name) >= 0) return;
    const made = volume.snapshot(volume.root, name, { readOnly: true });
    if (made < 0) throw new StratosError("file", `the files cannot be kept: ${errnoName(made)}`, fileFailure(made));
  }

  /** Files that changed since a point that was kept; null: since the image. @returns null: there is no such point */
  differences(point: string | null): FileDifference[] | null {
    const volume = this.#volume;
    const number = volume.findSubvolume(point ?? IMAGE_POINT);
    const before = number < 0 ? null : volume.subvolume(number);
    if (before === null) return null;
    this.#session.machine.sync();
    const changes = fileChanges(volume, before, volume.root);
    if (typeof changes === "number")
      throw new StratosError("file", `the files cannot be compared: ${errnoName(changes)}`, fileFailure(changes));
    return changes.map(({ kind, path, from, type }) => ({
      kind,
      path: byteStringToUtf8(path),
      from: from === null ? null : byteStringToUtf8(from),
      type: type === "directory" ? "folder" : type,
    }));
  }

  /** @throws StateError */
  save(): Uint8Array {
    return this.#unwatched(() => {
      const before = bytesBefore(this.#surroundings());
      const bytes = this.#session.save(this.#streams(), { room: before.length });
      bytes.set(before);
      return bytes;
    });
  }

  #surroundings(): SavedSurroundings {
    const { image } = this.#parts;
    // Files that stay where they are need not be saved.
    const changes = image.outlivesSandbox === true ? new MemoryBlockDevice(0) : image.changes;
    if (changes === null) throw new StateError("unsavable", "the sandbox keeps its changes elsewhere");
    this.#session.commit();
    const [programs, outsidePorts] = [this.#savedPrograms(), this.#outsidePorts()];
    return { changes, seed: this.#seed, programs, outsidePorts, authority: this.#authority };
  }

  /** As KeepableMachine has it. */
  *saveInPieces(
    streams: ReadonlyMap<string, object> = new Map(),
    allocate?: (bytes: number) => Uint8Array,
  ): Generator<void, Uint8Array> {
    const surroundings = this.#surroundings();
    yield;
    const before = yield* bytesBeforeInPieces(surroundings);
    yield;
    const place = { room: before.length, ...(allocate === undefined ? {} : { allocate }) };
    const bytes = yield* this.#session.saveInPieces(new Map([...this.#streams(), ...streams]), place);
    yield* copyInPieces(before, bytes, 0);
    return bytes;
  }

  /**
   * As `save`, while the programs go on: what is saved is a fork, which never takes a turn. Where the sandbox has what
   * a fork has not, they stand still meanwhile.
   *
   * @param breathe  lets others have their turns
   * @param allocate  memory for what is saved
   * @throws StateError
   */
  async saveBeside(breathe: () => Promise<void>, allocate?: (bytes: number) => Uint8Array): Promise<Uint8Array> {
    const fork = this.#forkToSave();
    if (fork === null) return this.save();
    const { machine, image } = fork;
    try {
      const pieces = machine.saveInPieces(new Map(), allocate);
      for (;;) {
        await breathe();
        const { done, value } = forOneTurn(pieces, () => this.#ports.loop.nowMs(), SAVE_TURN_MS);
        // The fork's end is a turn of its own.
        if (done === true) return await breathe().then(() => value);
      }
    } finally {
      try {
        machine.#discard();
      } finally {
        image.close();
      }
    }
  }

  /** What `saveBeside` is to do for the first time, by turns. Of a seeded sandbox nothing is touched but by itself. */
  async rehearseSave(breathe: () => Promise<void>): Promise<void> {
    const { image, volumes } = this.#parts;
    if (this.#seed !== null || image.fork === undefined || volumes.length > 0) return;
    await this.forgetNames(breathe);
    const { engine, loop } = this.#ports;
    const turns = { engine, nowMs: () => loop.nowMs(), turnMs: SAVE_TURN_MS };
    await rehearseForkByTurns(this.#session.machine, turns, breathe);
  }

  /** Names that need not be copied. @returns null: there are not many, or it is seeded: then it is left alone */
  forgetNames(breathe: () => Promise<void>): Promise<void> | null {
    if (this.#seed !== null || !hasNamesToForget(this.kernel)) return null;
    const { loop } = this.#ports;
    return forgetNamesByTurns(this.kernel, { nowMs: () => loop.nowMs(), turnMs: SAVE_TURN_MS }, breathe);
  }

  /** @returns null: there is none, or what is saved of it would be less than of this one */
  #forkToSave(): { machine: SandboxMachine; image: ForkedImage } | null {
    const { sockets: own, volumes } = this.#parts;
    if (volumes.length > 0) return null;
    const sockets = own === null ? null : restingSockets(own);
    try {
      const parts = { identity: "same", keepsPrograms: true, isResting: true, onEvent: () => {} } as const;
      const fork = this.fork({ ...parts, sockets });
      fork.machine.setPaused(true);
      return fork;
    } catch (error) {
      if (error instanceof StateError) return null;
      throw error;
    }
  }

  /**
   * Another one on its board that goes on from here.
   *
   * @returns it, and its image, which is to be closed after it
   * @throws StateError
   */
  fork(fork: MachineFork): { machine: SandboxMachine; image: ForkedImage } {
    return this.#unwatched(() => this.#fork(fork));
  }

  #fork({ keepsPrograms, sockets, onEvent, ...how }: MachineFork): { machine: SandboxMachine; image: ForkedImage } {
    const { identity } = how;
    this.#session.commit();
    const { image: original } = this.#parts;
    const image = original.fork?.();
    if (image === undefined) throw new StateError("unsavable", "the sandbox keeps its changes elsewhere");
    try {
      const root = { ...image, identity: original.identity, volume: new LaterVolume(() => image.mount()) };
      const seed = this.#seed === null || identity === "same" ? this.#seed : this.#nextSeed(this.#seed);
      const own = { image: root, seed: seed ?? undefined, saved: null, volumes: [], identity, keepsPrograms, onEvent };
      const parts = { ...this.#parts, ...own, sockets: sockets ?? this.#parts.sockets };
      return { machine: new SandboxMachine(parts, { original: this, ...how }), image };
    } catch (error) {
      image.close();
      throw error;
    }
  }

  /** Of a fork's chance: another one for each. */
  #nextSeed(seed: number): number {
    return (Math.imul(seed ^ ++this.#forkCount, 0x9e3779b1) ^ this.#forkCount) >>> 0;
  }

  /** @param name  `SIGTERM` and the like. @throws StratosError of kind option */
  sendSignal(pid: number, name: string): void {
    const signal = SIGNAL_NAMES.indexOf(name.replace(/^SIG/, ""));
    if (signal <= 0) throw wrong("signal", "a name such as SIGTERM");
    this.#session.machine.sendSignal(signal, pid);
    this.#session.pump.wake();
  }

  /** Nothing runs any more, and whoever waits in it hears why. */
  stop(why: StratosError): void {
    if (this.kernel.isStopped) return;
    this.#whyStopped = why;
    this.#session.stop();
  }

  /** It has never run. */
  #discard(): void {
    this.setPaused(false);
    this.#session.close();
  }

  /** What programs have written into volumes is in them afterwards. */
  close(): void {
    // Its end is told in a turn.
    this.setPaused(false);
    try {
      this.#session.machine.sync(false);
      this.#session.machine.processor.submitProfile();
    } finally {
      this.#session.close();
    }
  }
}

const NOBODY: ProgramListener = { onStarted() {}, onRead() {}, onOutput() {} };

function errnoName(result: number): string {
  return ERRNO_NAMES[-result] ?? String(-result);
}

function fileFailure(result: number): { path: string; code: string } {
  return { path: "/", code: errnoName(result) };
}
