/**
 * The side that has the machines: does what a library's calls ask for. What a host is, it gets as `EngineHost`; it
 * writes to nothing but its channel.
 */
import { ERRNO_NAMES } from "@stratos/abi";
import { Files, type Volume } from "@stratos/aegisfs";
import { StateError } from "@stratos/base";
import type { Clock, CompressionCodec, MachinePorts, MemoryBlockDevice, SocketProvider } from "@stratos/host";
import type { Board } from "@stratos/kernel";
import { createBoard } from "@stratos/machine";
import { SessionError, type HostFolder } from "@stratos/session";
import {
  StratosError,
  type FailureData,
  type FailureKind,
  type ImageInfo,
  type ImageProgress,
  type Mount,
  type PortMapping,
  type ProgramEnd,
} from "./api.ts";
import { type CheckpointHead, decodeCheckpoint, encodeCheckpoint, readCheckpointHead } from "./checkpoint-file.ts";
import { type FileOperations, makeFolders, remove } from "./file-operations.ts";
import { failureOf } from "./failure.ts";
import { encodeFrame, type Frame, FrameReader } from "./frames.ts";
import { MachineFiles } from "./machine-files.ts";
import type { ProgramListener } from "./machine-program.ts";
import { isTerminalSize } from "./protocol.ts";
import type {
  CheckpointRequest,
  CreateRequest,
  Failure,
  FileRequest,
  FromEngine,
  OpenImageRequest,
  OpenVolumeRequest,
  OperationName,
  Operations,
  RunRequest,
  ToEngine,
} from "./protocol.ts";
import { readSaved, type MountedVolume, SandboxMachine, type RunningProgram } from "./sandbox-machine.ts";
import { VolumeFiles } from "./volume-files.ts";

/** Work that takes long: what it has reached, and whether it is still wanted. */
export interface Work {
  onProgress(progress: ImageProgress): void;
  /** @throws when the caller has cancelled it */
  check(): void;
}

export interface OpenedRoot {
  readonly volume: Volume;
  /** What was not synced is lost. */
  close(): void;
}

/** A clone to run in: how much may be changed, and what a saved machine had changed already. */
export interface CloneUse {
  readonly cloneBytes: number;
  readonly changes: MemoryBlockDevice | null;
}

/** What the engine needs of the computer that it is on. Failures are StratosErrors. */
export interface EngineHost {
  readonly ports: MachinePorts;
  readonly clock: Clock;
  /** A clone of the image to run in, whose changes stay in memory; or, for reading, the image itself. */
  openImage(request: OpenImageRequest, use: CloneUse | "read", work: Work): Promise<OpenedImage>;
  openVolume(request: OpenVolumeRequest): OpenedRoot | Promise<OpenedRoot>;
  openNetwork(ports: readonly PortMapping[]): SocketProvider;
  hostFolders(mounts: readonly Mount[]): HostFolder[];
  /** Where checkpoints are kept; absent: the host has no files for them. */
  readonly checkpoints?: CheckpointFiles;
  /** A call that named these has ended: what nobody has opened of them never will be. Absent: nothing is attached. */
  dropAttached?(numbers: readonly number[]): void;
}

/** Files of the host that hold checkpoints. Failures are StratosErrors. */
export interface CheckpointFiles {
  readonly codec: CompressionCodec;
  read(path: string): Uint8Array;
  /**
   * Makes the file, which appears under its name when it is whole and durable. It asks for the next piece from the
   * event loop.
   *
   * @returns bytes written
   */
  write(path: string, pieces: Iterable<Uint8Array>): Promise<number>;
}

export interface OpenedImage extends OpenedRoot {
  /** Equal for images of equal content only; absent: nobody knows. */
  readonly identity?: string;
  /** Names the content of the image's layers, on every computer alike; absent: nobody knows. */
  readonly content?: () => string;
  readonly info: ImageInfo;
  /** Where the changes of a clone are; null: it is no clone. */
  readonly changes: MemoryBlockDevice | null;
}

interface Target {
  readonly files: FileOperations;
  readonly machine: SandboxMachine | null;
  /** Of a machine: what it is a clone of. */
  readonly image: OpenedImage | null;
  sync(): void;
  close(): void;
}

/** A call under way. */
interface Call {
  isCancelled: boolean;
  program: RunningProgram | null;
}

/** Memory of a machine when nothing else is said. */
const MEMORY_BYTES = 2 * 1024 ** 3;
const MEMORY_BYTES_ON_BOARD = 512 * 1024 ** 2;
/** Of a board. */
const BOARD_BYTES = 3 * 1024 ** 3;

export class EngineServer {
  readonly #host: EngineHost;
  readonly #send: (bytes: Uint8Array) => void;
  readonly #reader: FrameReader;
  readonly #calls = new Map<number, Call>();
  readonly #targets = new Map<number, Target>();
  readonly #boards = new Map<number, Board>();
  #lastTarget = 0;

  constructor(host: EngineHost, send: (bytes: Uint8Array) => void) {
    this.#host = host;
    this.#send = send;
    this.#reader = new FrameReader((frame) => this.#receive(frame));
  }

  /** Bytes of the other side. */
  receive(bytes: Uint8Array): void {
    this.#reader.push(bytes);
  }

  #tell(message: FromEngine, bytes?: Uint8Array): void {
    this.#send(encodeFrame(message, bytes));
  }

  #receive({ head, bytes }: Frame): void {
    const message = head as ToEngine;
    if ("op" in message) {
      void this.#answer(message, bytes);
      return;
    }
    const call = this.#calls.get(message.call);
    if (call === undefined) return;
    if ("cancel" in message) {
      call.isCancelled = true;
      call.program?.kill();
    } else if ("size" in message) {
      if (isTerminalSize(message.size)) call.program?.resize(message.size);
    } else if ("taken" in message) call.program?.outputs[message.stream - 1]!.taken(message.taken);
    else if (message.input === "end") call.program?.input.end();
    else call.program?.input.push(bytes);
  }

  async #answer(
    { call: number, op, request }: { call: number; op: OperationName; request: Operations[OperationName] },
    bytes: Uint8Array,
  ): Promise<void> {
    const call: Call = { isCancelled: false, program: null };
    this.#calls.set(number, call);
    try {
      const { value, content } = await this.#do(number, call, op, request, bytes);
      if (call.isCancelled) {
        this.#letGo(op, value);
        throw new Cancelled();
      }
      this.#tell({ call: number, answer: value ?? null }, content);
    } catch (error) {
      this.#tell({ call: number, failure: failureOfCall(error) });
    } finally {
      this.#calls.delete(number);
      this.#host.dropAttached?.(attachedNumbers(request));
    }
  }

  async #do(
    number: number,
    call: Call,
    op: OperationName,
    request: Operations[OperationName],
    bytes: Uint8Array,
  ): Promise<{ value?: unknown; content?: Uint8Array }> {
    switch (op) {
      case "create":
        return { value: await this.#create(request as CreateRequest, bytes, this.#work(number, call)) };
      case "save":
        return { content: this.#machine((request as Operations["save"]).target).save() };
      case "create-board":
        return { value: this.#createBoard(request as Operations["create-board"]) };
      case "checkpoint":
        return { value: await this.#checkpoint(request as CheckpointRequest) };
      case "run":
        return { value: await this.#run(number, call, request as RunRequest) };
      case "attach": {
        const { target, pid } = request as Operations["attach"];
        call.program = this.#machine(target).attach(pid, this.#listener(number));
        return { value: await call.program.ended };
      }
      case "pause": {
        const { target, isPaused } = request as Operations["pause"];
        this.#machine(target).setPaused(isPaused);
        return {};
      }
      case "signal": {
        const { target, pid, name } = request as Operations["signal"];
        this.#machine(target).sendSignal(pid, name);
        return {};
      }
      case "open-image":
        return { value: await this.#openImage(request as OpenImageRequest, this.#work(number, call)) };
      case "open-volume":
        return { value: await this.#openVolume(request as OpenVolumeRequest) };
      case "file":
        return this.#doFile(request as FileRequest, bytes);
      case "sync":
        this.#target((request as Operations["sync"]).target).sync();
        return {};
      case "close": {
        const { target } = request as Operations["close"];
        if (this.#closeBoard(target)) return {};
        const opened = this.#target(target);
        this.#targets.delete(target);
        opened.close();
        return {};
      }
    }
  }

  /** Nobody has heard of what was opened. */
  #letGo(op: OperationName, value: unknown): void {
    const target = op === "open-image" ? (value as { target: number }).target : (value as number);
    if (op === "create-board") this.#closeBoard(target);
    if (op !== "create" && op !== "open-image" && op !== "open-volume") return;
    const opened = this.#targets.get(target);
    this.#targets.delete(target);
    opened?.close();
  }

  #work(number: number, call: Call): Work {
    const check = (): void => {
      if (call.isCancelled) throw new Cancelled();
    };
    return {
      check,
      onProgress: (progress) => {
        check();
        this.#tell({ call: number, progress });
      },
    };
  }

  #target(number: number): Target {
    const target = this.#targets.get(number);
    if (target === undefined) throw new StratosError("closed", "it was closed", {});
    return target;
  }

  #machine(number: number): SandboxMachine {
    const { machine } = this.#target(number);
    if (machine === null) throw new StratosError("option", "programs run in a sandbox", { option: "target" });
    return machine;
  }

  #add(target: Target): number {
    const number = ++this.#lastTarget;
    this.#targets.set(number, target);
    return number;
  }

  #createBoard({ memoryBytes = BOARD_BYTES }: Operations["create-board"]): number {
    SandboxMachine.checkOptions({ memoryBytes });
    const { engine, loop } = this.#host.ports;
    const number = ++this.#lastTarget;
    this.#boards.set(number, createBoard({ engine, memoryBytes, nowMs: () => loop.nowMs() }));
    return number;
  }

  /**
   * With the sandboxes on it.
   *
   * @returns whether there was such a board
   * @throws what failed first, once all are closed
   */
  #closeBoard(number: number): boolean {
    const board = this.#boards.get(number);
    if (board === undefined) return false;
    this.#boards.delete(number);
    const onIt = [...this.#targets].filter(([, { machine }]) => machine?.kernel.board === board);
    for (const [target] of onIt) this.#targets.delete(target);
    closeAll(onIt.map(([, target]) => target));
    return true;
  }

  async #create(request: CreateRequest, bytes: Uint8Array, work: Work): Promise<number> {
    const board = request.board === undefined ? null : this.#boards.get(request.board);
    if (board === undefined) throw new StratosError("closed", "the board was closed", {});
    const memoryBytes = request.memoryBytes ?? (board === null ? MEMORY_BYTES : MEMORY_BYTES_ON_BOARD);
    const check = (): void => SandboxMachine.checkOptions({ ...request, memoryBytes, freeBytes: board?.freeBytes });
    check();
    const host = this.#host;
    const head = request.checkpoint === undefined ? null : this.#readCheckpoint(request.checkpoint);
    const saved = head !== null ? readSaved(head.state) : request.isSaved === true ? readSaved(bytes) : null;
    const folders = host.hostFolders(request.mounts ?? []);
    const sockets = request.network === "host" ? host.openNetwork(request.ports ?? []) : null;
    const opened: { close(): void }[] = [];
    const letGo = (): void => closeAll(opened.splice(0));
    try {
      const wanted = head === null ? request : { ...request, image: request.image ?? head.image.name };
      const image = await host.openImage(wanted, { cloneBytes: memoryBytes, changes: saved?.changes ?? null }, work);
      opened.push(image);
      if (head !== null) checkImage(head, image);
      const volumes: MountedVolume[] = [];
      for (const { guest, ...place } of request.volumes ?? []) {
        const root = await host.openVolume(place);
        volumes.push({ guest, volume: root.volume });
        opened.push(durable(root, guest));
      }
      work.check();
      // The board may have given its memory to another meanwhile.
      check();
      const machine = new SandboxMachine({
        ...request,
        board,
        memoryBytes,
        ports: host.ports,
        image,
        sockets,
        folders,
        volumes,
        saved,
      });
      const close = (): void => closeAll([machine, { close: letGo }]);
      return this.#add({ files: new MachineFiles(machine.kernel), machine, image, sync: () => {}, close });
    } catch (error) {
      letGo();
      throw error;
    }
  }

  async #run(number: number, call: Call, request: RunRequest): Promise<ProgramEnd> {
    const program = this.#machine(request.target).start(request, this.#listener(number));
    call.program = program;
    return program.ended;
  }

  #listener(number: number): ProgramListener {
    return {
      onStarted: (pid) => this.#tell({ call: number, started: pid }),
      onRead: (count) => this.#tell({ call: number, read: count }),
      onOutput: (stream, bytes) => this.#tell({ call: number, output: stream }, bytes),
    };
  }

  get #checkpoints(): CheckpointFiles {
    const { checkpoints } = this.#host;
    if (checkpoints !== undefined) return checkpoints;
    throw new StratosError("option", "checkpoint: a page has no files for them", { option: "checkpoint" });
  }

  async #checkpoint({ target, path, about }: CheckpointRequest): Promise<number> {
    const files = this.#checkpoints;
    const { image } = this.#target(target);
    const content = image?.content?.();
    if (content === undefined) throw new StateError("unsavable", "nobody knows the content of the sandbox's image");
    const state = this.#machine(target).save();
    const savedMs = this.#host.clock.realtimeMs();
    const head = { image: { name: image!.info.name, content }, savedMs, about };
    return files.write(path, encodeCheckpoint(head, state, files.codec));
  }

  #readCheckpoint(path: string): CheckpointHead & { readonly state: Uint8Array } {
    const { codec } = this.#checkpoints;
    const file = this.#checkpoints.read(path);
    return { ...readCheckpointHead(file), state: decodeCheckpoint(file, codec) };
  }

  async #openImage(request: OpenImageRequest, work: Work): Promise<{ target: number; info: ImageInfo }> {
    const image = await this.#host.openImage(request, "read", work);
    return { target: this.#addVolume(image, ""), info: image.info };
  }

  async #openVolume(request: OpenVolumeRequest): Promise<number> {
    const { path } = request;
    return this.#addVolume(await this.#host.openVolume(request), typeof path === "string" ? path : "volume");
  }

  #addVolume(root: OpenedRoot, path: string): number {
    const { volume } = root;
    return this.#add({
      files: new VolumeFiles(new Files(volume, { clock: this.#host.clock })),
      machine: null,
      image: null,
      sync: () => makeDurable(volume, path),
      close: durable(root, path).close,
    });
  }

  #doFile(request: FileRequest, bytes: Uint8Array): { value?: unknown; content?: Uint8Array } {
    const { files } = this.#target(request.target);
    const { path, mode, whole } = request;
    if (!path.startsWith("/") || path.includes("\0"))
      throw new StratosError("option", `${path}: a path is absolute`, { option: "path" });
    switch (request.action) {
      case "read":
        return { content: expect(path, files.read(path)) };
      case "write":
        return { value: expect(path, files.write(path, bytes, mode ?? 0o644)) };
      case "list":
        return { value: expect(path, files.list(path)) };
      case "status":
        return { value: expect(path, files.status(path)) };
      case "make-folder": {
        const make = whole === true ? makeFolders : oneFolder;
        return { value: expect(path, make(files, path, mode ?? 0o755)) };
      }
      case "rename":
        return { value: expect(path, files.rename(path, request.to ?? "")) };
      case "remove":
        return { value: expect(path, remove(files, path, whole === true)) };
    }
  }

  /** Lets go of everything: the other side is gone. @throws what failed first, once all has been let go of */
  close(): void {
    const targets = [...this.#targets.values()];
    this.#targets.clear();
    this.#boards.clear();
    closeAll(targets);
  }
}

/** What a request names of what was attached to the channel. */
function attachedNumbers(request: Operations[OperationName]): number[] {
  const { image, path, volumes = [] } = request as Partial<CreateRequest & OpenVolumeRequest>;
  const places = [image, path, ...volumes.map((volume) => volume.path)];
  return places.flatMap((place) => (place === undefined || typeof place === "string" ? [] : place));
}

function makeDurable(volume: Volume, path: string): void {
  const failed = volume.readOnly ? 0 : volume.sync();
  if (failed < 0) throw new StratosError("volume", `${path}: could not be written (${errnoName(failed)})`, { path });
}

/** Its end makes it durable first. */
function durable({ volume, close }: OpenedRoot, path: string): { close(): void } {
  return {
    close() {
      try {
        makeDurable(volume, path);
      } finally {
        close();
      }
    },
  };
}

/** All of them, whichever fails. @throws what failed first */
function closeAll(opened: readonly { close(): void }[]): void {
  const failures: unknown[] = [];
  for (const each of opened) {
    try {
      each.close();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}

function oneFolder(files: FileOperations, path: string, mode: number): number {
  return files.makeFolder(path, mode);
}

class Cancelled extends Error {}

/** @throws StateError when the image is not the one that the machine ran */
function checkImage({ image: { name, content } }: CheckpointHead, image: OpenedImage): void {
  const here = image.content?.();
  if (here === content) return;
  const which =
    here === undefined ? "nobody knows the content of" : `${here.slice(0, NAMING_DIGITS)} is the content of`;
  throw new StateError(
    "foreign",
    `the checkpoint needs the image ${name} with content ${content.slice(0, NAMING_DIGITS)}; ${which} ` +
      `${image.info.name} here`,
  );
}

/** Of a content's name, for people. */
const NAMING_DIGITS = 12;

function expect<T>(path: string, result: T | number): T {
  if (typeof result !== "number" || result >= 0) return result as T;
  const code = errnoName(result);
  throw new StratosError("file", `${path}: ${code}`, { path, code });
}

function errnoName(result: number): string {
  return ERRNO_NAMES[-result] ?? String(-result);
}

function failureOfCall(error: unknown): Failure {
  if (error instanceof Cancelled) return { kind: null, message: "cancelled", data: {} };
  return error instanceof SessionError ? ofSession(error) : failureOf(error);
}

function ofSession({ kind, what, message, errno }: SessionError): Failure {
  const code = ERRNO_NAMES[errno] ?? String(errno);
  const failure = <Kind extends FailureKind>(name: Kind, data: FailureData[Kind]): Failure => ({
    kind: name,
    message,
    data,
  });
  switch (kind) {
    case "user":
      return failure("no-user", { user: what });
    case "folder":
    case "folder-denied":
      return failure("cwd", { path: what, code });
    case "program-not-found":
    case "program-not-executable":
      return failure("program", { program: what, code });
    case "place":
      return failure("mount", { place: what });
    case "mount":
      return failure("image", { image: what });
  }
}
