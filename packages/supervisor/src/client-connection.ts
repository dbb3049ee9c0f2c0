/** One client of the supervisor: its calls, and what they stream. */
import type { SystemView } from "@stratos/sdk/api";
import { failureOf } from "@stratos/sdk/failure";
import { StratosError } from "@stratos/sdk/client";
import { encodeFrame, type Failure, type Frame, FrameReader, type FromEngine, type ToEngine } from "@stratos/sdk/wire";
import {
  type Addressed,
  type Hello,
  PROTOCOL,
  strangers,
  type SupervisorOperations,
  type TerminalSized,
} from "@stratos/sdk/systems";
import { checkName } from "./check-name.ts";
import { Viewer } from "./audience.ts";
import type { NamedSystem } from "./named-system.ts";
import type { RunningSystem } from "./running-system.ts";
import type { Session, Watched } from "./session.ts";
import type { Supervisor } from "./supervisor.ts";
import type { LogEntry } from "./terminal-history.ts";

type Operation = keyof SupervisorOperations;
/** What comes for a call that is under way. */
type Streamed = Exclude<ToEngine<SupervisorOperations>, { readonly op: Operation }>;

interface Call {
  isCancelled: boolean;
  /** Aborted when nobody waits for its answer any more: it was cancelled, or the client is gone. */
  readonly unwanted: AbortController;
  /** Takes what comes for it; null: nothing does. */
  onMessage: ((message: Streamed, bytes: Uint8Array) => void) | null;
  /** The client is gone. */
  onGone: () => void;
  /** What it streams is for nobody. */
  isLeft: boolean;
  /** What it goes on in; null: nothing that is opened. */
  target: number | null;
}

interface Answered {
  readonly value?: unknown;
  readonly content?: Uint8Array;
}

/** What may be asked of a system's engine, as if it were the client's own; true: not while it is paused. */
const RELAYED: ReadonlyMap<Operation, boolean> = new Map([
  ["run", true],
  ["connect", true],
  ["signal", false],
  ["file", false],
  ["watch", false],
  ["diff", false],
  ["processes", false],
  ["stats", false],
  ["save", false],
  ["net", false],
]);
/** Under way at a time. */
const CALLS_MAX = 1000;

export class ClientConnection {
  readonly #supervisor: Supervisor;
  readonly #version: string;
  readonly #send: (bytes: Uint8Array) => void;
  readonly #end: () => void;
  readonly #reader = new FrameReader(({ head, bytes }) => this.#receive(head as ToEngine<SupervisorOperations>, bytes));
  readonly #calls = new Map<number, Call>();
  readonly #opened = new Map<number, NamedSystem>();
  /** For calls that were answered, the last CALLS_MAX of them: their client may have cancelled before it heard. */
  readonly #made = new Map<number, readonly NamedSystem[]>();
  /** Those of them whose client has said nothing since. */
  #unheard: number[] = [];
  #hasGreeted = false;

  /** @param end  after what was sent, nothing more comes */
  constructor(supervisor: Supervisor, version: string, send: (bytes: Uint8Array) => void, end: () => void) {
    this.#supervisor = supervisor;
    this.#version = version;
    this.#send = send;
    this.#end = end;
  }

  /** @throws RangeError, SyntaxError: the other side does not speak this language */
  receive(bytes: Uint8Array): void {
    this.#unheard = [];
    this.#reader.push(bytes);
  }

  /**
   * The client is gone.
   *
   * @param isBroken  what it was told could not be delivered, or was not read: so the answers since its last word
   */
  close(isBroken = false): void {
    if (isBroken) for (const call of this.#unheard.splice(0)) this.#unmake(call);
    for (const call of this.#calls.values()) {
      call.unwanted.abort();
      call.onGone();
    }
  }

  #tell(message: FromEngine, bytes?: Uint8Array): void {
    this.#send(encodeFrame(message, bytes));
  }

  #receive(message: ToEngine<SupervisorOperations>, bytes: Uint8Array): void {
    if ("op" in message) {
      void this.#answer(message.call, message.op, message.request, bytes);
      return;
    }
    const call = this.#calls.get(message.call);
    if (call === undefined) {
      if ("cancel" in message) this.#unmake(message.call);
      return;
    }
    if ("cancel" in message) {
      call.isCancelled = true;
      call.unwanted.abort();
    }
    call.onMessage?.(message, bytes);
  }

  async #answer(number: number, op: Operation, request: unknown, bytes: Uint8Array): Promise<void> {
    const unwanted = new AbortController();
    const call: Call = { isCancelled: false, unwanted, onMessage: null, onGone: () => {}, isLeft: false, target: null };
    this.#calls.set(number, call);
    try {
      if (this.#calls.size > CALLS_MAX)
        throw new StratosError("option", `more than ${CALLS_MAX} calls are under way`, { option: "call" });
      const { value, content } = await this.#do(number, call, op, request as never, bytes);
      this.#remember(number, madeBy(op, value));
      this.#tell({ call: number, answer: value ?? null }, content);
    } catch (error) {
      const cancelled: Failure = { kind: null, message: "cancelled", data: {} };
      const isClosed = call.target !== null && !this.#opened.has(call.target);
      const reason = isClosed ? new StratosError("closed", "the sandbox was closed", {}) : error;
      this.#tell({ call: number, failure: call.isCancelled ? cancelled : failureOf(reason) });
    } finally {
      this.#calls.delete(number);
    }
    if (op === "hello" && !this.#hasGreeted) this.#end();
  }

  #remember(number: number, names: readonly string[]): void {
    if (names.length === 0) return;
    this.#made.set(number, this.#supervisor.present(names));
    this.#unheard.push(number);
    if (this.#made.size > CALLS_MAX) this.#made.delete(this.#made.keys().next().value!);
  }

  /** The client gave up before the answer reached it: nobody will name what that says. */
  #unmake(number: number): void {
    const systems = this.#made.get(number) ?? [];
    this.#made.delete(number);
    for (const system of systems)
      system
        .remove(true)
        .catch((error: Error) => console.error(`${system.name}: could not be removed: ${error.message}`));
  }

  async #do(
    number: number,
    call: Call,
    op: Operation,
    request: SupervisorOperations[Operation],
    bytes: Uint8Array,
  ): Promise<Answered> {
    if (op === "hello") return { value: this.#greet(request as Hello) };
    if (!this.#hasGreeted) throw new StratosError("option", "hello is expected first", { option: "hello" });
    if (RELAYED.has(op)) return this.#relay(number, call, op as "run", request as SupervisorOperations["run"], bytes);
    switch (op) {
      case "events":
        return this.#hear(number, call, request as SupervisorOperations["events"]);
      case "denials":
        return this.#tellDenials(number, call, request as SupervisorOperations["denials"]);
      case "pause": {
        const { target, isPaused } = request as SupervisorOperations["pause"];
        await this.#system(target).setPaused(isPaused);
        return {};
      }
      case "snapshot":
        await this.#snapshot(request as SupervisorOperations["snapshot"]);
        return {};
      case "ping":
        return {};
      case "life":
        throw new StratosError("option", "setTimeout: a named system ends when it is stopped", { option: "timeoutMs" });
      case "close":
        this.#closeTarget((request as SupervisorOperations["close"]).target);
        return {};
      case "leave-program": {
        const left = this.#calls.get((request as SupervisorOperations["leave-program"]).call);
        if (left !== undefined) left.isLeft = true;
        return {};
      }
      case "open-session": {
        const opening = request as SupervisorOperations["open-session"];
        return { value: (await this.#addressed(opening).openSession(opening, bytes)).view() };
      }
      case "follow-system":
        return { value: await this.#follow(number, call, request as SupervisorOperations["follow-system"]) };
      case "show-display":
        return this.#showDisplay(number, call, request as SupervisorOperations["show-display"]);
      case "log-of-system":
        return { value: await this.#showLog(number, call, request as SupervisorOperations["log-of-system"]) };
      default:
        return { value: await this.#manage(number, call, op, request) };
    }
  }

  /** What was begun in it ends: the connection may be there for forks, which go on. */
  #closeTarget(target: number): void {
    this.#opened.delete(target);
    for (const call of this.#calls.values()) if (call.target === target) call.onGone();
  }

  #greet(client: Hello): Hello {
    const own: Hello = { protocol: PROTOCOL, version: this.#version };
    if (client.protocol !== PROTOCOL)
      throw new StratosError("engine", strangers(client, own), { exitCode: null, signal: null, log: "" });
    this.#hasGreeted = true;
    return own;
  }

  async #manage(number: number, call: Call, op: Operation, request: SupervisorOperations[Operation]): Promise<unknown> {
    const supervisor = this.#supervisor;
    const { signal: unwanted } = call.unwanted;
    const of = <Name extends Operation>(_: Name): SupervisorOperations[Name] => request as SupervisorOperations[Name];
    switch (op) {
      case "systems":
        return supervisor.views();
      case "start-system":
        return supervisor.start(of(op), unwanted, (progress) => this.#tell({ call: number, progress }));
      case "restart-system":
        return supervisor.restart(of(op));
      case "open-system": {
        const system = supervisor.find(of(op).name);
        await system.begun();
        this.#opened.set(number, system);
        return number;
      }
      case "stop-system": {
        const { signal, graceMs } = of(op);
        return this.#addressed(of(op)).stop(signal, graceMs);
      }
      case "kill-system": {
        const { session, signal } = of(op);
        return watchedOf(this.#addressed(of(op)), session).signal(signal);
      }
      case "sessions":
        return this.#addressed(of(op)).sessions.all();
      case "remove-system":
        return supervisor.find(of(op).name).remove(of(op).isForced);
      case "pause-system":
      case "unpause-system":
        return supervisor.find(of(op).name).setPaused(op === "pause-system");
      case "rename-system":
        return supervisor.rename(of(op).name, of(op).to);
      case "wait-for-system":
        return (await supervisor.find(of(op).name).ended()).exitCode;
      case "snapshot-system":
        return supervisor.find(of(op).name).snapshot(checkName("label", of(op).label));
      case "remove-snapshot":
        return supervisor.find(of(op).name).removeSnapshot(of(op).label);
      case "rollback-system":
        return supervisor.find(of(op).name).rollback(of(op).label);
      case "checkpoint-system":
        return this.#addressed(of(op)).checkpoint(of(op).path);
      case "resume-system":
        return supervisor.resume(of(op), unwanted);
      case "fork-system": {
        const { count, identity, prefix } = of(op);
        return supervisor.fork(this.#addressed(of(op)), { count, identity, prefix }, unwanted);
      }
      default:
        throw new StratosError("option", `Stratos ${this.#version} has no operation ${op}`, { option: "op" });
    }
  }

  /** @throws StratosError of kind closed or no-system */
  #addressed(request: Addressed): NamedSystem {
    return "target" in request ? this.#system(request.target) : this.#supervisor.find(request.name);
  }

  /** @throws StratosError of kind closed */
  #system(target: number): NamedSystem {
    const system = this.#opened.get(target);
    if (system === undefined) throw new StratosError("closed", "it was not opened", {});
    return system;
  }

  async #relay(
    number: number,
    call: Call,
    op: "run",
    request: SupervisorOperations["run"],
    bytes: Uint8Array,
  ): Promise<Answered> {
    const { engine, target } = this.#system(request.target).use(RELAYED.get(op) === true ? "programs" : "files");
    call.target = request.target;
    const relayed = engine.call(
      op,
      { ...request, target },
      {
        bytes,
        onStarted: (pid) => this.#tell({ call: number, started: pid }),
        onRead: (count) => this.#tell({ call: number, read: count }),
        // Its client says that it has heard, to the engine.
        onEvent: (event) => this.#tell({ call: number, event }),
        onOutput: (stream, output) => {
          if (call.isLeft) engine.send({ call: relayed.call, taken: output.length, stream });
          else this.#tell({ call: number, output: stream }, output);
        },
      },
    );
    call.onMessage = (message, more) => engine.send({ ...message, call: relayed.call }, more);
    // A program that was started from a terminal ends with it, as over ssh(1).
    call.onGone = () => {
      if (!call.isLeft) engine.send({ call: relayed.call, cancel: true });
    };
    const { value, bytes: content } = await relayed.answer;
    return { value, content };
  }

  /** Of one that has ended, too. */
  async #tellDenials(number: number, call: Call, request: SupervisorOperations["denials"]): Promise<Answered> {
    const system = this.#system(request.target);
    if (!request.isFollowed) return { value: system.denials.last };
    const over = system.ended().catch(() => null);
    const { ended, kill, outputs } = system.denials.follow((event) => this.#tell({ call: number, event }), over);
    call.target = request.target;
    call.onGone = kill;
    call.onMessage = (message) => {
      if ("cancel" in message) kill();
      else if ("taken" in message) outputs[0]!.taken(message.taken);
    };
    await ended;
    return {};
  }

  /** Tells what happens in whichever machine the system has, until it has ended. */
  async #hear(number: number, call: Call, request: SupervisorOperations["events"]): Promise<Answered> {
    const system = this.#system(request.target);
    call.target = request.target;
    let cancel = (): void => {};
    const begin = ({ engine, target }: RunningSystem): void => {
      cancel();
      const going = engine.call(
        "events",
        { target },
        { isBackground: true, onEvent: (event) => this.#tell({ call: number, event }) },
      );
      // Another machine may come; the end of the system is heard below.
      going.answer.catch(() => {});
      cancel = () => engine.send({ call: going.call, cancel: true });
      // That an event was heard.
      call.onMessage = (message) => {
        if ("cancel" in message) leave(new Error("cancelled"));
        else engine.send({ ...message, call: going.call });
      };
    };
    let leave!: (error: Error) => void;
    const left = new Promise<never>((_, reject) => {
      leave = reject;
    });
    left.catch(() => {});
    call.onGone = () => leave(new Error("gone"));
    begin(system.use("files"));
    const stop = system.onMachine(begin);
    try {
      await Promise.race([system.ended(), left]);
      return {};
    } finally {
      stop();
      cancel();
    }
  }

  /** Shows the display of whichever machine the system has, until it has ended. */
  async #showDisplay(
    number: number,
    call: Call,
    { name, mayAct }: SupervisorOperations["show-display"],
  ): Promise<Answered> {
    const system = this.#supervisor.find(name);
    await system.begun();
    system.requireDisplay();
    const { promise: left, reject: leave } = Promise.withResolvers<never>();
    left.catch(() => {});
    const { promise: closed, resolve: close } = Promise.withResolvers<null>();
    let cancel = (): void => {};
    const begin = ({ engine, target }: RunningSystem): void => {
      cancel();
      let isCurrent = true;
      const shown = engine.call(
        "display",
        { target, mayAct },
        {
          isBackground: true,
          onOutput: (stream, bytes) => {
            if (isCurrent) this.#tell({ call: number, output: stream }, bytes);
          },
          onRead: (count) => this.#tell({ call: number, read: count }),
        },
      );
      cancel = () => {
        isCurrent = false;
        engine.send({ call: shown.call, cancel: true });
      };
      call.onMessage = (message, bytes) => {
        if ("cancel" in message) leave(new Error("cancelled"));
        else if ("input" in message) engine.send({ call: shown.call, input: message.input }, bytes);
      };
      // Too many look at it; or the machine has ended: another may come, and the end of the system is heard below.
      shown.answer.then(
        () => isCurrent && close(null),
        () => {},
      );
    };
    call.onGone = () => leave(new Error("gone"));
    begin(system.use("files"));
    this.#tell({ call: number, started: 0 });
    const stop = system.onMachine(begin);
    try {
      await Promise.race([system.ended(), closed, left]);
      return {};
    } finally {
      stop();
      cancel();
    }
  }

  /** As a sandbox has them: what had the label is replaced. */
  async #snapshot({ target, label, action }: SupervisorOperations["snapshot"]): Promise<void> {
    const system = this.#system(target);
    checkName("label", label);
    if (action === "take") return system.snapshot(label, true);
    if (!system.view().snapshots.includes(label))
      throw new StratosError("snapshot", `${label}: there is no such snapshot`, { label });
    await (action === "return" ? system.rollback(label) : system.removeSnapshot(label));
  }

  async #follow(number: number, call: Call, request: SupervisorOperations["follow-system"]): Promise<unknown> {
    const system = this.#addressed(request);
    if ("target" in request) call.target = request.target;
    system.use("files");
    const watched = watchedOf(system, request.session);
    const watching = this.#watch(number, call, watched, (message, bytes) => {
      if ("size" in message) watched.resize(watching.viewer, message.size);
      else if (!("input" in message)) return;
      else if (message.input === "bytes") watched.type(watching.viewer, bytes);
      else if (request.endsInput) watched.endInput();
    });
    if (request.historyBytes > 0) showHistory(watched.history(request.historyBytes), watching.viewer);
    this.#tell({ call: number, started: watched.pid });
    if (request.tty !== undefined) watched.resize(watching.viewer, request.tty);
    return watching.until(watched.ended());
  }

  async #showLog(number: number, call: Call, request: SupervisorOperations["log-of-system"]): Promise<unknown> {
    const system = this.#supervisor.find(request.name);
    const watching = this.#watch(number, call, system, () => {});
    showHistory(system.history(), watching.viewer);
    this.#tell({ call: number, started: 0 });
    const isOver = !request.isFollowed || !system.isAlive;
    // Of one that is lost, too, all has been shown by then.
    const ended = system.ended().catch(() => null);
    await watching.until(isOver ? Promise.resolve(null) : ended);
    return null;
  }

  /** The call sees what a program writes, until it is over, cancelled, or the client is gone. */
  #watch(
    number: number,
    call: Call,
    watched: Watched,
    onMessage: (message: Streamed, bytes: Uint8Array) => void,
  ): { readonly viewer: Viewer; until<T>(over: Promise<T>): Promise<T> } {
    let leave!: (error: Error) => void;
    const left = new Promise<never>((_, reject) => {
      leave = reject;
    });
    left.catch(() => {});
    const viewer = new Viewer(
      (stream, bytes) => this.#tell({ call: number, output: stream }, bytes),
      (count) => this.#tell({ call: number, read: count }),
      () => leave(new StratosError("closed", `${watched.name}: detached, because its output was not read`, {})),
      (size, isOwn) => this.#tell({ call: number, event: { size, isOwn } satisfies TerminalSized }),
    );
    watched.watch(viewer);
    call.onMessage = (message, bytes) => {
      if ("cancel" in message) leave(new Error("cancelled"));
      else if ("taken" in message) viewer.taken(message.taken);
      else onMessage(message, bytes);
    };
    call.onGone = () => leave(new Error("gone"));
    return {
      viewer,
      until: (over) => Promise.race([over, left]).finally(() => watched.leave(viewer)),
    };
  }
}

/** Names of the systems that are new. */
function madeBy(op: Operation, value: unknown): readonly string[] {
  if (op === "start-system" || op === "resume-system") return [(value as SystemView).name];
  return op === "fork-system" ? (value as readonly SystemView[]).map(({ name }) => name) : [];
}

function watchedOf(system: NamedSystem, session: string | undefined): NamedSystem | Session {
  return session === undefined ? system : system.sessions.find(session);
}

function showHistory(frames: readonly Frame[], viewer: Viewer): void {
  for (const { head, bytes } of frames as readonly (Frame & { readonly head: LogEntry })[])
    if ("size" in head) viewer.resized(head.size, false);
    else viewer.show(head.stream, bytes);
}
