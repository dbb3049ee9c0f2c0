/**
 * A sandbox as calls know it: a machine, what was opened for it, the moments that it can go back to, and its life. The
 * machine may be another one later (`returnTo`), or none: then each call hears why.
 */
import { StateError, utf8Of } from "@stratos/base";
import type { EventLoop, SocketProvider } from "@stratos/host";
import type { Board } from "@stratos/kernel";
import type { GuestUser } from "@stratos/session";
import {
  type Denial,
  type FileDifference,
  type FileEvent,
  LimitError,
  type NetOptions,
  type NetPolicy,
  StratosError,
} from "./api.ts";
import { AUTHORITY_SUBJECT } from "./authority-files.ts";
import {
  type CheckpointHead,
  decodeCheckpoint,
  encodeCheckpoint,
  ofCheckpoint,
  readCheckpointHead,
} from "./checkpoint-file.ts";
import { DenialLog, type LostDenials } from "./denial-log.ts";
import type {
  CheckpointFiles,
  CloneUse,
  EngineHost,
  MachineDisplay,
  OpenDisplay,
  OpenedImage,
  Work,
} from "./engine-host.ts";
import { EventStream } from "./event-stream.ts";
import { FileWatch } from "./file-watch.ts";
import { eventCall, type GoingCall } from "./going-call.ts";
import { closeAll, durable } from "./open-parts.ts";
import type { SandboxEvent } from "./machine-events.ts";
import type { MachineFiles } from "./machine-files.ts";
import { checkMachineOptions } from "./machine-options.ts";
import { type DeniedPlace, PolicySockets } from "./policy-sockets.ts";
import { callingProcess } from "./process-list.ts";
import { type CreateRequest, MEMORY_BYTES, type OpenImageRequest, type Operations } from "./protocol.ts";
import { type MountedVolume, SandboxMachine } from "./sandbox-machine.ts";
import { readSaved } from "./saved-sandbox.ts";
import type { Authority } from "./tls-gateway.ts";

const PAGE = 4096;
/** As MEMORY_BYTES, on a board that others use, too. */
const MEMORY_BYTES_ON_BOARD = 512 * 1024 ** 2;
/** What holds less is not worth it, and may hold something else as well. */
const RELEASED_LEAST = 1 << 20;
/** So long a display may take until all of it can be saved; then it is saved as far as it can be. */
const REST_MS = 1000;
/** Each holds the memory in use at its time. */
const SNAPSHOTS_MAX = 16;

interface SandboxParts {
  readonly host: EngineHost;
  readonly request: CreateRequest;
  /** null: one of its own. */
  readonly board: Board | null;
}

/** What it begins with; nothing of it is held once it runs. */
interface Beginning {
  /** What `save` gave, when it goes on from there. */
  readonly saved?: Uint8Array | null;
  /** One of its snapshots, which never left this memory, and stays. */
  readonly isSnapshot?: boolean;
  /** A board for it alone that was made before. */
  readonly emptyBoard?: Board | undefined;
}

export class SandboxTarget {
  readonly board: Board | null;
  readonly denials = new DenialLog();
  readonly #parts: SandboxParts;
  readonly #memoryBytes: number;
  #running: Running | null = null;
  #sockets: PolicySockets | null = null;
  /** What `setNetPolicy` has said last. */
  #policy: NetPolicy | null = null;
  /** Why nothing runs. */
  #why: StratosError = new StratosError("closed", "the sandbox was closed", {});
  /** How it was when its life ended, and what of. */
  #checkpoint: { readonly state: Uint8Array; readonly image: CheckpointHead["image"] | null } | null = null;
  #endLife: (() => void) | null = null;
  /** It has ended while nothing ran. */
  #isLifeOver = false;
  #isGone = false;
  /** Null: its programs have no display. */
  #openDisplay: OpenDisplay | null = null;
  /** Whose it is, as the machine's files had them when it began. */
  #displayUser: GuestUser | null = null;
  readonly #snapshots = new Map<string, Uint8Array>();
  readonly #listeners = new Set<EventStream<SandboxEvent>>();
  #isClosed!: () => void;
  readonly #closed = new Promise<null>((resolve) => {
    this.#isClosed = () => resolve(null);
  });

  private constructor(parts: SandboxParts) {
    this.#parts = parts;
    this.board = parts.board;
    this.#memoryBytes = parts.request.memoryBytes ?? (parts.board === null ? MEMORY_BYTES : MEMORY_BYTES_ON_BOARD);
  }

  /** @throws StratosError, SessionError, StateError; then nothing stays open */
  static async open(parts: SandboxParts, beginning: Beginning, work: Work): Promise<SandboxTarget> {
    const target = new SandboxTarget(parts);
    target.#running = await target.#start(beginning, work);
    target.setLife(parts.request.timeoutMs ?? null);
    return target;
  }

  /**
   * Another one that goes on from here, with the same rules for connections, which are its own from then on, and the
   * same moments to go back to; its life begins anew.
   *
   * @throws StateError; StratosError
   */
  fork(fork: Pick<Operations["fork"], "identity" | "keepsPrograms">): SandboxTarget {
    const original = this.#running;
    if (original === null) throw this.#why;
    const target = new SandboxTarget(this.#parts);
    const onEvent = (event: SandboxEvent): void => target.#hear(event);
    target.#policy = this.#policy;
    target.#sockets = this.#sockets?.fork(target.#netRules()!, target.#tellDenied) ?? null;
    target.#openDisplay = this.#openDisplay;
    target.#displayUser = this.#displayUser;
    const keepsServices = this.#openDisplay !== null;
    const { machine, image } = original.machine.fork({ ...fork, keepsServices, sockets: target.#sockets, onEvent });
    for (const [label, bytes] of this.#snapshots) target.#snapshots.set(label, bytes);
    try {
      const display = target.#displayOf(machine, true);
      machine.session.endServices();
      target.#running = { machine, image: original.image, display, letGo: () => image.close() };
    } catch (error) {
      closeAll([machine, image]);
      throw error;
    }
    target.setLife(this.#parts.request.timeoutMs ?? null);
    return target;
  }

  /** @param board  where it is to run; null: on one of its own */
  #check(board: Board | null): void {
    checkMachineOptions({
      ...this.#parts.request,
      memoryBytes: this.#memoryBytes,
      freeBytes: board?.freeBytes,
    });
  }

  async #start({ saved: bytes = null, isSnapshot = false, emptyBoard }: Beginning, work: Work): Promise<Running> {
    const { host, request } = this.#parts;
    const head = bytes !== null || request.checkpoint === undefined ? null : readCheckpoint(host, request.checkpoint);
    const state = head?.state ?? bytes;
    // What was saved goes on alone.
    const board = state === null ? this.#parts.board : null;
    this.#check(board);
    if (request.display !== undefined) this.#openDisplay = await displaysOf(host);
    const drop = (): void => (isSnapshot ? undefined : release(state!));
    const saved = state === null ? null : { ...readSaved(state), isVerified: isSnapshot || head !== null, letGo: drop };
    const memoryBytes = this.#memoryBytes;
    const folders = host.hostFolders(request.mounts ?? []);
    const authority = saved?.authority ?? (await this.#createAuthority());
    const trusted = authority === null ? null : { authority, roots: () => host.tls?.trusted() ?? "" };
    const sockets = this.#openNetwork(authority);
    const opened: { close(): void }[] = [];
    const letGo = (): void => closeAll(opened.splice(0));
    try {
      const cloneBytes = Math.floor((request.limits?.diskBytes ?? memoryBytes) / PAGE) * PAGE;
      const use: CloneUse = { cloneBytes, changes: saved?.changes ?? null };
      const wanted = head === null ? request : { ...request, image: request.image ?? head.image.name };
      // Changes over another image could not be mounted.
      if (head !== null) await checkContent(host, wanted, head, work);
      const image = await host.openImage(wanted, use, work);
      opened.push(image);
      const volumes: MountedVolume[] = [];
      for (const { guest, ...place } of request.volumes ?? []) {
        const root = await host.openVolume(place);
        volumes.push({ guest, volume: root.volume });
        opened.push(durable(root, guest));
      }
      work.check();
      // The board may have given its memory to another meanwhile.
      this.#check(board);
      const onEvent = (event: SandboxEvent): void => this.#hear(event);
      const codeArchive = request.codeCache === false ? undefined : host.codeArchive?.(request.home);
      const ports = { ...host.ports, codeArchive };
      const machine = new SandboxMachine({
        ...request,
        board,
        emptyBoard,
        memoryBytes,
        ports,
        image,
        sockets,
        folders,
        volumes,
        trusted,
        saved,
        onEvent,
      });
      try {
        const display = this.#displayOf(machine, saved !== null);
        if (host.keepsServices !== true) machine.session.endServices();
        host.machineMade?.(machine.session, machine);
        return { machine, image, display, letGo };
      } catch (error) {
        machine.close();
        throw error;
      }
    } catch (error) {
      letGo();
      throw sockets === null ? wantingNetwork(error) : error;
    }
  }

  /** @param goesOn  its user may have been removed since: then it is root's. @throws SessionError */
  #displayOf(machine: SandboxMachine, goesOn: boolean): MachineDisplay | null {
    const { display: request } = this.#parts.request;
    if (this.#openDisplay === null || request === undefined) return null;
    const user = this.#displayUser ?? machine.userOf(request.user, goesOn ? "0" : undefined);
    this.#displayUser = user;
    const display = this.#openDisplay(machine.session, user);
    machine.display = { environment: display.environment, uid: user.uid };
    return display;
  }

  /** null: nobody's TLS ends here. */
  async #createAuthority(): Promise<Authority | null> {
    const { host, request } = this.#parts;
    const { secrets = {}, ca } = request.net ?? {};
    if (ca !== undefined && host.tls === undefined)
      throw new StratosError("option", "net.ca: this host ends no TLS", { option: "net.ca" });
    return host.tls === undefined || Object.keys(secrets).length === 0
      ? null
      : host.tls.createAuthority(AUTHORITY_SUBJECT);
  }

  #openNetwork(authority: Authority | null): SocketProvider | null {
    const { host, request } = this.#parts;
    const { network, ports = [] } = request;
    const rules = this.#netRules();
    if (rules === null) return network === "host" ? host.openNetwork(ports) : null;
    const ca = [request.net?.ca ?? []].flat();
    const tls = authority === null ? null : (host.tls?.openGateway(authority, ca) ?? null);
    const parts = { ...rules, tls, known: this.#sockets };
    this.#sockets = new PolicySockets(host.openNetwork(ports), parts, this.#tellDenied);
    return this.#sockets;
  }

  #netRules(): (NetOptions & { readonly policy: NetPolicy; readonly loop: EventLoop }) | null {
    const { host, request } = this.#parts;
    const { loop } = host.ports;
    if (request.net === undefined) return null;
    return { ...request.net, policy: this.#policy ?? request.net.policy ?? "deny", loop };
  }

  /** In the midst of a call of the process, unless the rules have changed. */
  readonly #tellDenied = (denied: DeniedPlace): void => {
    const atMs = this.#parts.host.clock.realtimeMs();
    const running = this.#running;
    const data = { ...denied, atMs, process: running === null ? null : callingProcess(running.machine.kernel) };
    this.denials.add(data);
    this.#hear({ name: "denied", data });
  };

  /** @throws StratosError of kind option; then the rules are as before */
  setNetPolicy(policy: NetPolicy): void {
    if (this.#running === null) throw this.#why;
    if (this.#sockets === null)
      throw new StratosError("option", "net: the sandbox was made without it; `net: {}` denies all until later", {
        option: "net",
      });
    this.#sockets.update(policy);
    this.#policy = policy;
  }

  #hear(event: SandboxEvent): void {
    for (const listener of this.#listeners) listener.push(event);
    if (event.name !== "limit" || event.data.which !== "cpu") return;
    const { which } = event.data;
    this.#why = new LimitError(`the sandbox has reached its limit: ${which}`, { which, partial: null });
    // In the midst of the machine's turn.
    this.#parts.host.ports.loop.callSoon(() => this.#end());
  }

  /** @throws StratosError: why there is none */
  get machine(): SandboxMachine {
    if (this.#running === null) throw this.#why;
    return this.#running.machine;
  }

  get files(): MachineFiles {
    return this.machine.files;
  }

  /** For an image or a volume: what was changed is durable afterwards. */
  sync(): void {}

  /** Whose bytes they are from then on. @throws StateError; StratosError */
  async save(): Promise<Uint8Array> {
    if (this.#checkpoint !== null) return this.#checkpoint.state.slice();
    await this.machine.rehearseSave(this.#breathe);
    if (this.#isUnsettled) await this.#settle();
    return this.#saveBeside(this.machine);
  }

  /** What it shows is in the midst of something, which a machine that goes on would not have. */
  get #isUnsettled(): boolean {
    const { machine, display = null } = this.#running ?? {};
    // Who stands still does not come to its end.
    return display !== null && !display.isAtRest && !machine!.isPaused;
  }

  /**
   * Before it is forked: that is over, or has lasted for too long, and what need not be copied is gone.
   *
   * @returns null: nothing is to be waited for
   */
  settle(): Promise<void> | null {
    const forgetting = this.#running?.machine.forgetNames(this.#breathe) ?? null;
    if (forgetting !== null) return forgetting.then(() => this.#settle());
    return this.#isUnsettled ? this.#settle() : null;
  }

  async #settle(): Promise<void> {
    const { loop } = this.#parts.host.ports;
    const endMs = loop.nowMs() + REST_MS;
    while (this.#isUnsettled && loop.nowMs() < endMs) await this.#breathe();
  }

  readonly #breathe = (): Promise<void> => new Promise((resolve) => this.#parts.host.ports.loop.callSoon(resolve));

  #saveBeside(machine: SandboxMachine): Promise<Uint8Array> {
    const { host } = this.#parts;
    return machine.saveBeside(this.#breathe, host.savedBytes?.bind(host));
  }

  /** @returns bytes of the file. @throws StateError; StratosError */
  async checkpoint(path: string, about: unknown): Promise<number> {
    const { host } = this.#parts;
    const files = checkpointsOf(host);
    const image = this.#checkpoint === null ? headImageOf(this.#running) : this.#checkpoint.image;
    if (image === null && (this.#running !== null || this.#checkpoint !== null))
      throw new StateError("unsavable", "nobody knows the content of the sandbox's image");
    const savedMs = host.clock.realtimeMs();
    const state = await this.save();
    const head = { image: image!, savedMs, about };
    return files.write(path, encodeCheckpoint(head, state, files.codec));
  }

  /** @throws StratosError of kind option or snapshot; StateError */
  async takeSnapshot(label: string): Promise<void> {
    const fail = (why: string): StratosError => new StratosError("option", `label: ${why}`, { option: "label" });
    if (!/^[\w.-]{1,64}$/.test(label)) throw fail("1 to 64 letters, digits, dots, dashes are expected");
    if (!this.#snapshots.has(label) && this.#snapshots.size >= SNAPSHOTS_MAX)
      throw fail(`there are ${SNAPSHOTS_MAX} snapshots already: drop one`);
    await this.machine.rehearseSave(this.#breathe);
    if (this.#isUnsettled) await this.#settle();
    const { machine } = this;
    machine.keepPoint(pointOf(label));
    const bytes = await this.#saveBeside(machine);
    if (this.#running?.machine !== machine) throw this.#why;
    this.#snapshots.set(label, bytes);
  }

  /** Programs that run end for those who wait for them; the ones of the snapshot go on. */
  async returnTo(label: string, work: Work): Promise<void> {
    const bytes = this.#snapshotOf(label);
    if (this.#running === null) throw this.#why;
    this.#why = new StratosError("closed", "the sandbox was rolled back", {});
    this.#end();
    try {
      this.#running = await this.#start({ saved: bytes, isSnapshot: true }, work);
    } catch (error) {
      if (!this.#isGone)
        this.#why = new StratosError("closed", `the sandbox could not be rolled back: ${String(error)}`, {});
      throw error;
    }
    // Meanwhile it may have been closed, or its time have come.
    if (this.#isGone) this.#end();
    else if (this.#isLifeOver) this.#lifeEnds();
    if (this.#running === null) throw this.#why;
  }

  dropSnapshot(label: string): void {
    this.#snapshotOf(label);
    this.#snapshots.delete(label);
  }

  #snapshotOf(label: string): Uint8Array {
    const bytes = this.#snapshots.get(label);
    if (bytes === undefined) throw noSnapshot(label);
    return bytes;
  }

  /** @param label  null: the image. @throws StratosError of kind snapshot or file */
  differences(label: string | null): FileDifference[] {
    const changes = this.machine.differences(label === null ? null : pointOf(label));
    if (changes === null) throw noSnapshot(label ?? "");
    return changes;
  }

  /** The sandbox ends after so long, from now on; null: never. */
  setLife(timeoutMs: number | null): void {
    checkMachineOptions({ memoryBytes: this.#memoryBytes, timeoutMs });
    this.#endLife?.();
    this.#isLifeOver = false;
    this.#endLife =
      timeoutMs === null ? null : this.#parts.host.ports.loop.callLater(timeoutMs, () => this.#lifeEnds());
  }

  #lifeEnds(): void {
    const running = this.#running;
    this.#isLifeOver = running === null;
    if (running === null) return;
    if (this.#parts.request.onTimeout !== "stop") {
      try {
        this.#checkpoint = { state: running.machine.save(), image: headImageOf(running) };
      } catch {
        // What cannot be saved is stopped.
      }
    }
    const which = "lifetime";
    this.#why = new LimitError("the sandbox has reached the end of its life", { which, partial: null });
    this.#hear({ name: "limit", data: { which, pid: null } });
    this.#end();
  }

  /** Tells what happens, whichever machine it is, until the sandbox is closed. */
  listen(send: (event: SandboxEvent) => void): GoingCall {
    const stream = new EventStream<SandboxEvent>(send, (count) => ({ name: "lost", data: { count } }));
    this.#listeners.add(stream);
    return eventCall(stream, this.#closed, () => this.#listeners.delete(stream));
  }

  /** Tells what was denied and what is, whichever machine it is, until the sandbox is closed. */
  followDenials(send: (denial: Denial | LostDenials) => void): GoingCall {
    return this.denials.follow(send, this.#closed);
  }

  /** Tells what happens to files of the present machine. @returns a negated errno: no such file */
  watch(
    place: { readonly path: string; readonly isRecursive: boolean },
    send: (event: FileEvent) => void,
  ): GoingCall | number {
    const { machine } = this;
    const { kernel, files, stopped } = machine;
    const stream = new EventStream<FileEvent>(send, () => ({ kind: "lost", path: place.path }));
    const tell = (event: FileEvent): void => stream.push(event);
    const watch = FileWatch.open({ kernel, files, loop: this.#parts.host.ports.loop }, place, tell);
    if (typeof watch === "number") return watch;
    const forget = machine.addOnlooker(watch);
    return eventCall(stream, stopped, () => {
      forget();
      if (!kernel.isStopped) watch.close();
    });
  }

  /**
   * Shows the display of the present machine.
   *
   * @param tell  a message for the viewer: 1 of bytes, 2 of text. @param onRead  of the viewer's bytes
   * @throws StratosError of kind option: it has none
   */
  show(
    mayAct: boolean,
    tell: (stream: 1 | 2, message: Uint8Array) => void,
    onRead: (count: number) => void,
  ): GoingCall {
    const { machine } = this;
    const { display } = this.#running!;
    if (display === null)
      throw new StratosError("option", "display: the sandbox was made without one", { option: "display" });
    let end!: () => void;
    const over = new Promise<null>((resolve) => {
      end = () => resolve(null);
    });
    const send = (message: string | Uint8Array): void =>
      typeof message === "string" ? tell(2, utf8Of(message)) : tell(1, message);
    const watching = display.connect({ send, close: end }, mayAct);
    const decoder = new TextDecoder();
    const push = (bytes: Uint8Array): void => {
      onRead(bytes.length);
      // While it is paused all would wait, and come at once.
      watching.take(decoder.decode(bytes), !machine.isPaused);
    };
    const ended = Promise.race([over, machine.stopped]).finally(() => watching.leave());
    return { ended, input: { push, end }, outputs: [], kill: end };
  }

  /** Whoever waits in the machine hears `#why`. */
  #end(): void {
    const running = this.#running;
    if (running === null) return;
    this.#running = null;
    const { machine, display, letGo } = running;
    machine.stop(this.#why);
    closeAll([...(display === null ? [] : [display]), machine, { close: letGo }]);
  }

  close(): void {
    this.#isGone = true;
    this.#why = new StratosError("closed", "the sandbox was closed", {});
    this.#endLife?.();
    this.#snapshots.clear();
    this.#isClosed();
    this.#end();
  }
}

/** Gives memory back at once: a collection may come much later. */
function release({ buffer, byteLength }: Uint8Array): void {
  const isWhole = byteLength > RELEASED_LEAST && buffer.byteLength - byteLength < RELEASED_LEAST;
  if (isWhole && buffer instanceof ArrayBuffer) buffer.transfer?.(0);
}

interface Running {
  readonly machine: SandboxMachine;
  /** Null: its programs have none. */
  readonly display: MachineDisplay | null;
  /** What it is a clone of. */
  readonly image: OpenedImage;
  letGo(): void;
}

/** @throws StratosError of kind option */
async function displaysOf(host: EngineHost): Promise<OpenDisplay> {
  if (host.displays !== undefined) return host.displays();
  throw new StratosError("option", "display: this engine has none", { option: "display" });
}

/** What a machine lacks that had sockets of the host, in words of the options that give them. */
function wantingNetwork(error: unknown): unknown {
  if (!(error instanceof StateError && error.message.includes("it needs sockets, "))) return error;
  const why = "what was saved had a network, and goes on with one alone: `network`, or `net`, which may deny all";
  return new StateError(error.kind, why, error.holders);
}

/** null: nobody knows its content. */
function headImageOf(running: Running | null): CheckpointHead["image"] | null {
  const content = running?.image.content?.();
  return content === undefined ? null : { name: running!.image.info.name, content };
}

function pointOf(label: string): string {
  return `label ${label}`;
}

function noSnapshot(label: string): StratosError<"snapshot"> {
  return new StratosError("snapshot", `${label}: there is no such snapshot`, { label });
}

function checkpointsOf({ checkpoints }: EngineHost): CheckpointFiles {
  if (checkpoints !== undefined) return checkpoints;
  throw new StratosError("option", "checkpoint: a page has no files for them", { option: "checkpoint" });
}

function readCheckpoint(host: EngineHost, path: string): CheckpointHead & { readonly state: Uint8Array } {
  const { codec, read } = checkpointsOf(host);
  const file = read(path);
  return ofCheckpoint(path, () => ({ ...readCheckpointHead(file), state: decodeCheckpoint(file, codec) }));
}

/** @throws StateError when the image is not the one that the machine ran */
async function checkContent(
  host: EngineHost,
  wanted: OpenImageRequest,
  head: CheckpointHead,
  work: Work,
): Promise<void> {
  const image = await host.openImage(wanted, "read", work);
  try {
    checkImage(head, image);
  } finally {
    image.close();
  }
}

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
