/**
 * The side that has the machines: does what a library's calls ask for. What a host is, it gets as `EngineHost`; it
 * writes to nothing but its channel.
 */
import { EFBIG, ERRNO_NAMES } from "@stratos/abi";
import { Files } from "@stratos/aegisfs";
import type { Board } from "@stratos/kernel";
import { createBoard } from "@stratos/machine";
import { SessionError } from "@stratos/session";
import { StratosError, type FailureData, type FailureKind, type ImageInfo, type RecordingInfo } from "./api.ts";
import { checkFileUser } from "./check-options.ts";
import type { EngineHost, OpenedRoot, Work } from "./engine-host.ts";
import { FILE_BYTES_MAX, type FileOperations, makeFolders, remove } from "./file-operations.ts";
import { failureOf } from "./failure.ts";
import { copyFiles, packFolder, unpackFolder } from "./file-trees.ts";
import { encodeFrame, type Frame, FrameReader, sendFrame } from "./frames.ts";
import type { GoingCall } from "./going-call.ts";
import { MachineFiles } from "./machine-files.ts";
import { checkMachineOptions } from "./machine-options.ts";
import { closeAll, durable, makeDurable } from "./open-parts.ts";
import { isTerminalSize, MEMORY_BYTES, openedTargets } from "./protocol.ts";
import type {
  OpenRecordingRequest,
  CheckpointRequest,
  ConnectRequest,
  CreateRequest,
  ExpectedSandbox,
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
import { RecordedSandbox } from "./recorded-sandbox.ts";
import { RecordingTarget } from "./recording-target.ts";
import { SandboxTarget } from "./sandbox-target.ts";
import { VolumeFiles } from "./volume-files.ts";

/** A sandbox, an image or a volume. */
interface Target {
  /** @throws StratosError when it has ended */
  readonly files: FileOperations;
  sync(): void;
  close(): void;
}

/** A call under way. */
interface Call {
  isCancelled: boolean;
  going: GoingCall | null;
  /** Told of that, where there is more to end than `going`. */
  onCancelled: () => void;
}

/** In one call. */
const FORKS_MAX = 4096;
/** Of a board. */
const BOARD_BYTES = 3 * 1024 ** 3;
const PREPARED_BY = ["home", "memoryBytes", "codeCache"] as const;

export class EngineServer {
  readonly #host: EngineHost;
  readonly #send: (bytes: Uint8Array) => void;
  readonly #reader: FrameReader;
  readonly #calls = new Map<number, Call>();
  readonly #targets = new Map<number, Target>();
  readonly #boards = new Map<number, Board>();
  /** For the sandbox that comes first, if it is as that was expected to be. */
  #prepared: { readonly board: Board; readonly request: ExpectedSandbox } | null = null;
  #lastTarget = 0;
  /** Operations that were done. */
  readonly operations = new Set<OperationName>();

  constructor(host: EngineHost, send: (bytes: Uint8Array) => void) {
    this.#host = host;
    this.#send = send;
    this.#reader = new FrameReader((frame) => this.#receive(frame));
  }

  /** Bytes of the other side. */
  receive(bytes: Uint8Array): void {
    this.#reader.push(bytes);
  }

  /** Where bytes of the other side may be put instead, as `filled` tells; null: nowhere. */
  get room(): Uint8Array | null {
    return this.#reader.room;
  }

  filled(count: number): void {
    this.#reader.filled(count);
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
      call.going?.kill();
      call.onCancelled();
    } else if ("size" in message) {
      if (isTerminalSize(message.size)) call.going?.resize?.(message.size);
    } else if ("taken" in message) call.going?.outputs[message.stream - 1]?.taken(message.taken);
    else if (message.input === "end") call.going?.input?.end();
    else call.going?.input?.push(bytes);
  }

  async #answer(
    { call: number, op, request }: { call: number; op: OperationName; request: Operations[OperationName] },
    bytes: Uint8Array,
  ): Promise<void> {
    const call: Call = { isCancelled: false, going: null, onCancelled: () => {} };
    this.#calls.set(number, call);
    try {
      const { value, content } = await this.#do(number, call, op, request, bytes);
      this.operations.add(op);
      if (call.isCancelled) {
        this.#letGo(op, value);
        throw new Cancelled();
      }
      sendFrame(this.#send, { call: number, answer: value ?? null } satisfies FromEngine, content);
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
      case "prepare":
        this.#prepare(request as ExpectedSandbox);
        return {};
      case "fork":
        return { value: await this.#fork(request as Operations["fork"]) };
      case "create-board":
        return { value: this.#createBoard(request as Operations["create-board"]) };
      case "save":
        return { content: await this.#sandbox(request as Operations["save"]).save() };
      case "stats":
        return { value: this.#sandbox(request as Operations["stats"]).machine.stats() };
      case "processes":
        return { value: this.#sandbox(request as Operations["processes"]).machine.processes() };
      case "checkpoint": {
        const { path, about } = request as CheckpointRequest;
        return { value: await this.#sandbox(request as CheckpointRequest).checkpoint(path, about) };
      }
      case "pause": {
        const { isPaused } = request as Operations["pause"];
        this.#sandbox(request as Operations["pause"]).machine.setPaused(isPaused);
        return {};
      }
      case "snapshot":
        return { value: await this.#snapshot(request as Operations["snapshot"], this.#work(number, call)) };
      case "diff": {
        const { label } = request as Operations["diff"];
        return { value: this.#sandbox(request as Operations["diff"]).differences(label) };
      }
      case "net": {
        const { policy } = request as Operations["net"];
        this.#sandbox(request as Operations["net"]).setNetPolicy(policy);
        return {};
      }
      case "denials": {
        const { isFollowed } = request as Operations["denials"];
        const sandbox = this.#sandbox(request as Operations["denials"]);
        if (!isFollowed) return { value: sandbox.denials.last };
        call.going = sandbox.followDenials((event) => this.#tell({ call: number, event }));
        return { value: await call.going.ended };
      }
      case "life": {
        const { timeoutMs } = request as Operations["life"];
        this.#sandbox(request as Operations["life"]).setLife(timeoutMs);
        return {};
      }
      case "run":
      case "attach":
      case "connect":
      case "display":
      case "events":
      case "watch":
        call.going = this.#begin(number, op, request, bytes);
        return { value: await call.going.ended };
      case "signal": {
        const { pid, name } = request as Operations["signal"];
        const recorded = this.#target((request as Operations["signal"]).target);
        if (recorded instanceof RecordedSandbox) {
          recorded.sendSignal(pid, name);
          return {};
        }
        this.#sandbox(request as Operations["signal"]).machine.sendSignal(pid, name);
        return {};
      }
      case "open-image":
        return { value: await this.#openImage(request as OpenImageRequest, this.#work(number, call)) };
      case "open-recording":
        return { value: await this.#openRecording(request as OpenRecordingRequest) };
      case "replay-to": {
        const { position } = request as Operations["replay-to"];
        const recording = this.#recording(request as Operations["replay-to"]);
        call.onCancelled = () => recording.giveUp();
        return { value: await recording.seek(position, () => call.isCancelled) };
      }
      case "replay-output": {
        const { stdoutBytes, content } = this.#recording(request as Operations["replay-output"]).output();
        return { value: stdoutBytes, content };
      }
      case "open-volume":
        return { value: await this.#openVolume(request as OpenVolumeRequest) };
      case "file":
        return this.#doFile(request as FileRequest, bytes);
      case "ping":
        return {};
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
    for (const target of openedTargets(op, value)) if (!this.#closeBoard(target)) this.#closeTarget(target);
  }

  #closeTarget(number: number): void {
    const opened = this.#targets.get(number);
    this.#targets.delete(number);
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

  #sandbox({ target: number }: { readonly target: number }): SandboxTarget {
    const target = this.#target(number);
    if (target instanceof SandboxTarget) return target;
    if (target instanceof RecordedSandbox)
      throw new StratosError("option", "record: what is recorded runs one program, and nothing else comes in", {
        option: "record",
      });
    throw new StratosError("option", "programs run in a sandbox", { option: "target" });
  }

  #recording({ target: number }: { readonly target: number }): RecordingTarget {
    const target = this.#target(number);
    if (target instanceof RecordingTarget) return target;
    throw new StratosError("option", "it is no recording", { option: "target" });
  }

  async #openRecording(request: OpenRecordingRequest): Promise<{ target: number; info: RecordingInfo }> {
    const { recordings } = this.#host;
    if (recordings === undefined)
      throw new StratosError("option", "file: recordings are not opened here", { option: "file" });
    const target = new RecordingTarget(await recordings.open(request));
    return { target: this.#add(target), info: target.info };
  }

  #add(target: Target): number {
    const number = ++this.#lastTarget;
    this.#targets.set(number, target);
    return number;
  }

  #createBoard(request: Operations["create-board"]): number {
    const number = ++this.#lastTarget;
    this.#boards.set(number, this.#makeBoard(request, BOARD_BYTES));
    return number;
  }

  #makeBoard({ memoryBytes, home, codeCache }: Operations["create-board"], usualBytes: number): Board {
    checkMachineOptions({ memoryBytes: memoryBytes ?? usualBytes });
    const codeArchive = codeCache === false ? undefined : this.#host.codeArchive?.(home);
    const { engine, loop } = this.#host.ports;
    const nowMs = (): number => loop.nowMs();
    return createBoard({ engine, memoryBytes: memoryBytes ?? usualBytes, codeArchive, nowMs });
  }

  #prepare(request: ExpectedSandbox): void {
    this.#prepared = { board: this.#makeBoard(request, MEMORY_BYTES), request };
  }

  /** @returns what was prepared, once */
  #takePrepared(request: ExpectedSandbox): Board | undefined {
    const prepared = this.#prepared;
    this.#prepared = null;
    const isSame = PREPARED_BY.every((name) => prepared?.request[name] === request[name]);
    return prepared !== null && isSame ? prepared.board : undefined;
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
    const onIt = [...this.#targets].filter(([, each]) => each instanceof SandboxTarget && each.board === board);
    for (const [target] of onIt) this.#targets.delete(target);
    closeAll(onIt.map(([, target]) => target));
    return true;
  }

  async #create(request: CreateRequest, bytes: Uint8Array, work: Work): Promise<number> {
    const board = request.board === undefined ? null : this.#boards.get(request.board);
    if (board === undefined) throw new StratosError("closed", "the board was closed", {});
    const { record } = request;
    if (record !== undefined) return this.#add(await RecordedSandbox.open(this.#host, { ...request, record }, work));
    const saved = request.isSaved === true ? bytes : null;
    const beginning = { saved, emptyBoard: this.#takePrepared(request) };
    return this.#add(await SandboxTarget.open({ host: this.#host, request, board }, beginning, work));
  }

  /** Begins what goes on until it ends by itself, or its caller says so. */
  #begin(
    number: number,
    op: "run" | "attach" | "connect" | "display" | "events" | "watch",
    request: Operations[OperationName],
    bytes: Uint8Array,
  ): GoingCall {
    const onOutput = (stream: 1 | 2, bytes: Uint8Array): void => this.#tell({ call: number, output: stream }, bytes);
    const onRead = (count: number): void => this.#tell({ call: number, read: count });
    const onStarted = (pid: number): void => this.#tell({ call: number, started: pid });
    const onEvent = (event: unknown): void => this.#tell({ call: number, event });
    switch (op) {
      case "run": {
        const recorded = this.#target((request as RunRequest).target);
        if (recorded instanceof RecordedSandbox)
          return recorded.start(request as RunRequest, { onStarted, onRead, onOutput }, bytes);
        const { machine } = this.#sandbox(request as RunRequest);
        return machine.start(request as RunRequest, { onStarted, onRead, onOutput }, bytes);
      }
      case "attach": {
        const { target, pid } = request as Operations["attach"];
        return this.#sandbox({ target }).machine.attach(pid, { onStarted, onRead, onOutput });
      }
      case "connect": {
        const { port } = request as ConnectRequest;
        const { machine } = this.#sandbox(request as ConnectRequest);
        return machine.connect(port, {
          onConnected: () => onStarted(0),
          onRead,
          onOutput: (bytes) => onOutput(1, bytes),
        });
      }
      case "display": {
        const { mayAct } = request as Operations["display"];
        return this.#sandbox(request as Operations["display"]).show(mayAct === true, onOutput, onRead);
      }
      case "events":
        return this.#sandbox(request as Operations["events"]).listen(onEvent);
      case "watch": {
        const place = request as Operations["watch"];
        checkPath(place.path);
        return expect(place.path, this.#sandbox(place).watch(place, onEvent));
      }
    }
  }

  /** All or none of them. */
  async #fork({ target, count, ...fork }: Operations["fork"]): Promise<number[]> {
    const original = this.#sandbox({ target });
    const option = (name: string, expected: string): StratosError =>
      new StratosError("option", `${name}: ${expected} is expected`, { option: name });
    if (!(Number.isInteger(count) && count >= 1 && count <= FORKS_MAX)) throw option("count", `1 to ${FORKS_MAX}`);
    if (fork.identity !== "fresh" && fork.identity !== "same") throw option("identity", '"fresh" or "same"');
    const forks: SandboxTarget[] = [];
    // Else in the order of the calls.
    const settling = original.settle();
    if (settling !== null) await settling;
    try {
      for (let left = count; left > 0; left--) forks.push(original.fork(fork));
    } catch (error) {
      closeAll(forks);
      throw error;
    }
    return forks.map((fork) => this.#add(fork));
  }

  async #snapshot(request: Operations["snapshot"], work: Work): Promise<void> {
    const sandbox = this.#sandbox(request);
    const { label, action } = request;
    if (action === "take") await sandbox.takeSnapshot(label);
    else if (action === "return") await sandbox.returnTo(label, work);
    else sandbox.dropSnapshot(label);
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
      sync: () => makeDurable(volume, path),
      close: durable(root, path).close,
    });
  }

  #doFile(request: FileRequest, bytes: Uint8Array): { value?: unknown; content?: Uint8Array } {
    const { files } = this.#target(request.target);
    const { user } = request;
    if (user === undefined) return doFile(files, request, bytes);
    checkFileUser(user);
    if (!(files instanceof MachineFiles))
      throw new StratosError("option", "user: these files are no machine's", { option: "user" });
    return files.asUser(user, () => doFile(files, request, bytes));
  }

  /** Lets go of everything: the other side is gone. @throws what failed first, once all has been let go of */
  close(): void {
    const targets = [...this.#targets.values()];
    this.#targets.clear();
    this.#boards.clear();
    this.#prepared = null;
    closeAll(targets);
  }
}

function doFile(
  files: FileOperations,
  request: FileRequest,
  bytes: Uint8Array,
): { value?: unknown; content?: Uint8Array } {
  const { path, mode, whole, to = "/" } = request;
  checkPath(path);
  if (request.action !== "make-link") checkPath(to);
  switch (request.action) {
    case "read":
      return { content: expect(path, files.read(path)) };
    case "write":
      return { value: expect(path, bytes.length > FILE_BYTES_MAX ? -EFBIG : files.write(path, bytes, mode ?? 0o644)) };
    case "list":
      return { value: expect(path, files.list(path)).map((entry) => ({ ...entry, name: entry.name.toWellFormed() })) };
    case "status":
      return { value: expect(path, files.status(path)) };
    case "make-folder": {
      const make = whole === true ? makeFolders : oneFolder;
      return { value: expect(path, make(files, path, mode ?? 0o755)) };
    }
    case "rename":
      return { value: expect(path, files.rename(path, to)) };
    case "remove":
      return { value: expect(path, remove(files, path, whole === true)) };
    case "read-link":
      return { value: expect(path, files.readLink(path)).toWellFormed() };
    case "make-link":
      if (to.includes("\0"))
        throw new StratosError("option", "target: text without NUL is expected", { option: "target" });
      return { value: expect(path, files.makeLink(to, path)) };
    case "copy":
      return { value: expect(path, copyFiles(files, { from: path, to }, whole === true)) };
    case "pack":
      return { content: expect(path, packFolder(files, path)) };
    case "unpack":
      return { value: expect(path, unpackFolder(files, path, bytes)) };
  }
}

/** What a request names of what was attached to the channel. */
function attachedNumbers(request: Operations[OperationName]): number[] {
  const { image, path, record, volumes = [] } = request as Partial<CreateRequest & OpenVolumeRequest>;
  const places = [image, path, record, ...volumes.map((volume) => volume.path)];
  return places.flatMap((place) => (place === undefined || typeof place === "string" ? [] : place));
}

/** @throws StratosError of kind option */
function checkPath(path: string): void {
  if (!path.startsWith("/") || path.includes("\0"))
    throw new StratosError("option", `${path}: a path is absolute`, { option: "path" });
}

function oneFolder(files: FileOperations, path: string, mode: number): number {
  return files.makeFolder(path, mode);
}

class Cancelled extends Error {}

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
