/**
 * One named system, from its start to its removal: what is on disk of it, its machine while it has one, and those who
 * watch its program. What changes it happens one after the other (`#exclusive`).
 *
 * ```
 * starting ── running ⇄ paused
 *     ▲          │ program ends, stop        its process is gone
 *     │          ▼                                  │
 *     └────── exited           with a checkpoint ◄──┴──► lost
 *                              (starting again)
 * ```
 */
import { rmSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { hostReason } from "@stratos/host-node/home";
import type { NodeEngines } from "@stratos/engine-node";
import { type EngineClient, StratosError } from "@stratos/sdk/client";
import { DenialLog, type LostDenials } from "@stratos/sdk/denial-log";
import type {
  Denial,
  ForkIdentity,
  ImageProgress,
  ProgramEnd,
  SystemSpec,
  SystemView,
  TerminalSize,
} from "@stratos/sdk/api";
import type { CreateRequest, Frame } from "@stratos/sdk/wire";
import type { SupervisorOperations } from "@stratos/sdk/systems";
import { Audience, type Viewer } from "./audience.ts";
import { type CheckpointAbout, readCheckpointAbout } from "./checkpoint-about.ts";
import type { Beginning } from "./going-program.ts";
import { MachineProcess, type OpenedMachine } from "./machine-process.ts";
import { forgetLog, OutputLog, readLog } from "./output-log.ts";
import { RunningSystem } from "./running-system.ts";
import type { ForkedSession, Session, Watched } from "./session.ts";
import { missingSecrets, placesOf, requireSecrets, type Secrets } from "./system-secrets.ts";
import { SystemSessions } from "./system-sessions.ts";
import type { SystemFolder, SystemRecord } from "./system-store.ts";
import { surroundingsOf } from "./system-surroundings.ts";
import { lastOfHistory, type LogEntry, sizeFrame } from "./terminal-history.ts";

/** A system that is lost again and again soon after its checkpoint is not begun for ever. */
const RETURNS_MAX = 3;
const RETURNS_MS = 10 * 60_000;
const SNAPSHOTS_MAX = 100;
/** Between two checkpoints it runs so many times as long as the first one took. */
const RUN_TIMES = 4;
/** How long an engine may take to pass a signal on: then it hangs, and is to end all the same. */
const ANSWER_MS = 5000;
/** How long the last checkpoint may take when the supervisor ends. */
const KEEP_MS = 120_000;
/** After a signal that cannot be ignored. */
const KILL_MS = 10_000;
const EXIT_KILLED = 137;

interface SystemListener {
  /** It has a machine no longer, or has one again. */
  onChange(): void;
  /** Nothing is left of it. */
  onRemoved(system: NamedSystem): void;
}

/** What machines run in. */
export type Engines = Pick<NodeEngines, "acquire">;

/** What goes on in a fork of its machine. */
interface ForkedPrograms {
  readonly mainPid: number;
  readonly sessions: readonly ForkedSession[];
}

interface SystemParts {
  readonly engines: Engines;
  readonly home: string;
  readonly name: string;
  readonly folder: SystemFolder;
  readonly record: SystemRecord;
  /** All that it has, or none: then nobody has told them since the supervisor began. */
  readonly secrets: Secrets;
  readonly listener: SystemListener;
}

export class NamedSystem implements Watched {
  readonly #engines: Engines;
  readonly #home: string;
  readonly #folder: SystemFolder;
  readonly #listener: SystemListener;
  readonly #audience = new Audience();
  #name: string;
  #record: SystemRecord;
  /** Nowhere else, and never in a file. */
  #secrets: Secrets;
  #running: RunningSystem | null = null;
  #mainPid = 0;
  #log: OutputLog | null = null;
  #saveTimer: NodeJS.Timeout | null = null;
  /** What the last checkpoint of `checkpointEveryMs` took. */
  #savingMs = 0;
  #returns: number[] = [];
  #isRemoved = false;
  readonly #followers = new Set<(machine: RunningSystem) => void>();
  /** Of all its machines. */
  readonly denials = new DenialLog();
  readonly sessions = new SystemSessions((why) => this.#refuse(why));
  #tail: Promise<unknown> = Promise.resolve();
  readonly #waiting = new Set<{ resolve(end: ProgramEnd): void; reject(error: unknown): void }>();

  constructor({ engines, home, name, folder, record, secrets, listener }: SystemParts) {
    this.#engines = engines;
    this.#home = home;
    this.#name = name;
    this.#folder = folder;
    this.#record = record;
    this.#secrets = secrets;
    this.#listener = listener;
  }

  get name(): string {
    return this.#name;
  }

  get spec(): SystemSpec {
    return this.#record.spec;
  }

  get secrets(): Secrets {
    return this.#secrets;
  }

  /** It does not run, as its secrets are to be told again, and would go on from its checkpoint. */
  get awaitsSecrets(): boolean {
    return this.#record.state === "lost" && (this.#record.missingSecrets ?? []).length > 0;
  }

  /** @throws StratosError of kind option: they are others than it has */
  tellSecrets(secrets: Secrets): void {
    requireSecrets(this.#name, this.spec, secrets);
    this.#secrets = secrets;
    this.#change({ spec: { ...this.spec, ...placesOf(secrets) } });
  }

  /** Number of its program. */
  get pid(): number {
    return this.#mainPid;
  }

  history(costMax = Infinity): readonly Frame[] {
    const { tty } = this.#record.spec;
    const all = [...(tty === null ? [] : [sizeFrame(tty)]), ...readLog(this.#folder.path)];
    return lastOfHistory(all, costMax, tty !== null);
  }

  get isAlive(): boolean {
    return ["starting", "running", "paused"].includes(this.#record.state);
  }

  view(): SystemView {
    const { spec, format: _, ...record } = this.#record;
    return {
      name: this.#name,
      ...spec,
      ...record,
      missingSecrets: record.missingSecrets ?? [],
      snapshots: this.#folder.snapshots(),
      sessions: this.sessions.views(),
      pid: this.#running?.engine.processId ?? null,
    };
  }

  #change(changes: Partial<SystemRecord>): void {
    this.#record = { ...this.#record, ...changes };
    // A full disk must not take the systems with it: what is in memory holds, and the next change is written again.
    this.#attempt("its record could not be written", () => this.#folder.write(this.#record));
    this.#listener.onChange();
  }

  #attempt(what: string, work: () => void): void {
    try {
      work();
    } catch (error) {
      console.error(`${this.#name}: ${what}: ${hostReason(error)}`);
    }
  }

  #exclusive<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#tail.then(work);
    this.#tail = done.catch(() => {});
    return done;
  }

  #refuse(why: string): StratosError {
    return new StratosError("system", `${this.#name}: ${why}`, { system: this.#name });
  }

  /** @throws StratosError of kind system */
  #machine(): RunningSystem {
    if (this.#running !== null) return this.#running;
    throw this.#refuse(this.#record.state === "lost" ? "is lost" : `is not running (${this.#record.state})`);
  }

  /** Resolves once it has a machine: one that is starting is waited for. @throws StratosError of kind system */
  async begun(): Promise<void> {
    if (this.isAlive && this.#running === null) await this.#exclusive(async () => void this.#machine());
  }

  /** To run programs in it, and use its files. @throws StratosError of kind system */
  use(what: "programs" | "files"): RunningSystem {
    if (what === "programs" && this.#record.state === "paused") throw this.#refuse("is paused; unpause it first");
    return this.#machine();
  }

  /** From its image. @throws StratosError of the machine's or program's start; the system is then not there */
  start(onProgress: (progress: ImageProgress) => void, unwanted?: AbortSignal): Promise<void> {
    return this.#exclusive(async () => {
      requireSecrets(this.#name, this.spec, this.#secrets);
      forgetLog(this.#folder.path);
      rmSync(this.#folder.checkpointPath, { force: true });
      const now = Date.now();
      const fresh = { startedMs: now, finishedMs: null, exitCode: null, error: null };
      this.#change({ ...fresh, state: "starting", checkpointMs: null, restoredMs: null, missingSecrets: [] });
      const { spec } = this.#record;
      const { image, harts } = spec;
      const options = { image, harts, ...surroundingsOf(spec, this.#secrets) };
      const { command, env, cwd, user, hasInput, tty } = spec;
      try {
        const machine = await this.#create(
          { ...options, seed: spec.seed ?? undefined, hostname: spec.hostname ?? undefined },
          { onProgress, signal: unwanted },
        );
        await this.#begin(machine, {
          op: "run",
          request: { command, env, cwd, user, hasInput, tty: tty ?? undefined },
        });
      } catch (error) {
        this.#beLost((error as Error).message);
        throw error;
      }
    });
  }

  /** From a checkpoint: of its own, or a file whose head was checked. @throws StratosError, StateError */
  resume(
    path: string,
    options: { readonly unwanted?: AbortSignal; readonly identity?: ForkIdentity } = {},
  ): Promise<void> {
    return this.#exclusive(() => this.#resume(path, options));
  }

  async #resume(
    path: string,
    { unwanted, identity }: { readonly unwanted?: AbortSignal; readonly identity?: ForkIdentity } = {},
  ): Promise<void> {
    requireSecrets(this.#name, this.spec, this.#secrets);
    const { mainPid, sessions = [] } = readCheckpointAbout(path).about;
    const machine = await this.#create(
      {
        checkpoint: path,
        keepsPrograms: [mainPid, ...sessions.map(({ pid }) => pid)],
        identity,
        ...surroundingsOf(this.spec, this.#secrets),
      },
      { signal: unwanted },
    );
    await this.#begin(machine, { op: "attach", request: { pid: mainPid } }, sessions);
  }

  /** With a machine that is there already. */
  takeOn(machine: OpenedMachine, { mainPid, sessions }: ForkedPrograms): Promise<void> {
    return this.#exclusive(() => this.#begin(machine, { op: "attach", request: { pid: mainPid } }, sessions));
  }

  /**
   * Machines that go on from where its own is, beside that one in its process, and the program of each.
   *
   * @throws StratosError of kind system; StateError: something in it cannot be in two machines
   */
  forkMachine(
    options: { readonly count: number; readonly identity: ForkIdentity },
    unwanted: AbortSignal,
  ): Promise<{ readonly machines: OpenedMachine[]; readonly programs: ForkedPrograms }> {
    return this.#exclusive(async () => {
      const { process, target } = this.#machine();
      const mainPid = this.#mainPid;
      const pids = [mainPid, ...this.sessions.save().map(({ pid }) => pid)];
      const machines = await process.fork(target, { ...options, pids }, { signal: unwanted });
      const sessions = this.sessions.fork().filter(({ pid }) => pids.includes(pid));
      return { machines, programs: { mainPid, sessions } };
    });
  }

  /** A machine in a process of its own. */
  #create(
    request: CreateRequest,
    waiting: {
      readonly onProgress?: (progress: ImageProgress) => void;
      /** Nobody waits for it any more. */
      readonly signal?: AbortSignal | undefined;
    },
  ): Promise<OpenedMachine> {
    const process = new MachineProcess(this.#engines.acquire("process"));
    return process.create({ home: this.#home, ...request }, waiting);
  }

  /** A machine takes the place of the one that is there, if any, once its program runs. */
  async #begin(
    { process, target }: OpenedMachine,
    beginning: Beginning,
    sessions: readonly ForkedSession[] = [],
  ): Promise<void> {
    let begun: RunningSystem | null = null;
    try {
      this.#log ??= new OutputLog(this.#folder);
      const before = this.#running;
      const isPaused = this.#record.state === "paused";
      if (isPaused) await process.engine.call("pause", { target, isPaused }).answer;
      this.#hearDenials(process.engine, target);
      begun = new RunningSystem({ process, target }, beginning, {
        // What was typed is the other's until this one takes its place.
        onRead: (count) => {
          if (begun === this.#running) this.#audience.read(count);
        },
        onOutput: (stream, bytes, dealtWith) => {
          this.#keepOutput({ stream, atMs: Date.now() }, bytes);
          this.#audience.show(stream, bytes, dealtWith);
        },
      });
      const running = begun;
      const mainPid = await running.started;
      if (this.#isRemoved) throw this.#refuse("has ended meanwhile, and was removed");
      // The one before may have ended meanwhile, and closed it.
      this.#log ??= new OutputLog(this.#folder);
      this.#audience.begin();
      this.#mainPid = mainPid;
      this.#running = running;
      this.sessions.goOn({ engine: process.engine, target }, sessions);
      for (const tell of this.#followers) tell(running);
      if (before !== null) void before.close();
      this.#change({ state: isPaused ? "paused" : "running", finishedMs: null, exitCode: null, error: null });
      this.#scheduleSave();
      running.ended
        .then(
          (end) => this.#finish(running, end),
          (error: Error) => this.#lose(running, error),
        )
        // One system's trouble must not end the others.
        .catch((error: unknown) => console.error(`${this.#name}: internal error: ${String(error)}`));
    } catch (error) {
      if (this.#running === null) this.#closeLog();
      await process.close(target);
      throw error;
    }
  }

  /** From the beginning of a machine, until it is closed. */
  #hearDenials(engine: EngineClient, target: number): void {
    const { policy, secrets } = this.spec;
    if (policy === undefined && secrets === undefined) return;
    const onEvent = (event: unknown, heard: () => void): void => {
      heard();
      // What was left out on its way was more at once than is kept.
      if (!("lost" in (event as Denial | LostDenials))) this.denials.add(event as Denial);
    };
    engine.call("denials", { target, isFollowed: true }, { isBackground: true, onEvent }).answer.catch(() => {});
  }

  #keepOutput(entry: LogEntry, bytes: Uint8Array): void {
    this.#attempt("output could not be kept", () => this.#log?.append(entry, bytes));
  }

  /** Its program has ended, and with it the system. */
  #finish(running: RunningSystem, end: ProgramEnd): void {
    if (running !== this.#running) return;
    void this.#letGo();
    const { checkpointPath } = this.#folder;
    this.#attempt("its checkpoint could not be removed", () => rmSync(checkpointPath, { force: true }));
    this.#change({ state: "exited", finishedMs: Date.now(), exitCode: end.exitCode, checkpointMs: null });
    for (const { resolve } of this.#waiting) resolve(end);
    this.#waiting.clear();
    if (this.#record.spec.isTransient) this.#attempt("it could not be removed", () => this.#remove());
  }

  async #letGo(): Promise<void> {
    const running = this.#running;
    this.#running = null;
    if (this.#saveTimer !== null) clearTimeout(this.#saveTimer);
    this.#saveTimer = null;
    this.#closeLog();
    await running?.close();
  }

  #closeLog(): void {
    const log = this.#log;
    this.#log = null;
    this.#attempt("its output could not be closed", () => log?.close());
  }

  /** Its process is gone. */
  #lose(running: RunningSystem, error: Error): void {
    if (running !== this.#running) return;
    void this.#letGo();
    this.goBack(error.message);
  }

  /** To its last checkpoint, because it was lost; without one it stays lost. @param why  it was lost */
  goBack(why: string): void {
    const { checkpointMs, state } = this.#record;
    const now = Date.now();
    this.#returns = this.#returns.filter((at) => at > now - RETURNS_MS);
    const isTooOften = this.#returns.length >= RETURNS_MAX;
    if (checkpointMs === null || isTooOften) {
      const words = isTooOften ? `${why} (${RETURNS_MAX} times since its checkpoint)` : why;
      return this.#beLost(words);
    }
    const missing = missingSecrets(this.spec, this.#secrets);
    if (missing.length > 0) {
      this.#beLost(
        `${why}; it goes on when its secrets are told again (start --secret): ${missing.join(", ")}`,
        missing,
      );
      return;
    }
    this.#returns.push(now);
    const wasPaused = state === "paused";
    this.#change({ state: wasPaused ? "paused" : "starting", restoredMs: checkpointMs });
    this.resume(this.#folder.checkpointPath).catch((error: Error) =>
      this.#beLost(`${why}; going back to its checkpoint failed: ${error.message}`),
    );
  }

  /** From its checkpoint, once its secrets were told. @throws StratosError, StateError */
  async goOn(): Promise<void> {
    requireSecrets(this.#name, this.spec, this.#secrets);
    const { checkpointMs } = this.#record;
    this.#change({ state: "starting", restoredMs: checkpointMs, error: null, missingSecrets: [] });
    try {
      await this.resume(this.#folder.checkpointPath);
    } catch (error) {
      this.#beLost(`going back to its checkpoint failed: ${(error as Error).message}`);
      throw error;
    }
  }

  #beLost(error: string, missing: readonly string[] = []): void {
    this.#change({ state: "lost", error, missingSecrets: missing });
    for (const { reject } of this.#waiting) reject(this.#refuse(`is lost: ${error}`));
    this.#waiting.clear();
  }

  /** Resolves when it has ended; one that is lost for good rejects. */
  ended(): Promise<ProgramEnd> {
    const { state, exitCode, error } = this.#record;
    if (state === "exited")
      return Promise.resolve({ exitCode: exitCode ?? 0, signal: null, timedOut: false, limit: null });
    if (state === "lost") return Promise.reject(this.#refuse(`is lost: ${error ?? ""}`));
    return new Promise((resolve, reject) => this.#waiting.add({ resolve, reject }));
  }

  /** @throws StratosError of kind system: it has no display */
  requireDisplay(): void {
    if (this.#record.spec.display !== true) throw this.#refuse("has no display: it was started without --display");
  }

  /** Tells of each machine that takes the place of another. @returns what ends that */
  onMachine(follower: (machine: RunningSystem) => void): () => void {
    this.#followers.add(follower);
    return () => void this.#followers.delete(follower);
  }

  watch(viewer: Viewer): void {
    this.#audience.add(viewer);
  }

  leave(viewer: Viewer): void {
    this.#audience.remove(viewer);
  }

  type(viewer: Viewer, bytes: Uint8Array): void {
    if (this.#running === null || !this.#record.spec.hasInput) return viewer.read(bytes.length);
    this.#audience.typed(viewer, bytes.length);
    this.#running.type(bytes);
  }

  endInput(): void {
    if (this.#record.spec.hasInput) this.#running?.endInput();
  }

  resize(viewer: Viewer, size: TerminalSize): void {
    if (this.#running === null || this.#record.spec.tty === null) return;
    this.#keepOutput({ size, atMs: Date.now() }, new Uint8Array(0));
    this.#running.resize(size);
    this.#audience.resize(viewer, size);
  }

  /** A further program. @param typed  what it reads first. @throws StratosError: it cannot be started */
  openSession(request: SupervisorOperations["open-session"], typed: Uint8Array): Promise<Session> {
    return this.sessions.open(this.use("programs"), request, typed);
  }

  async signal(name: string): Promise<void> {
    const { engine, target } = this.#machine();
    await engine.call("signal", { target, pid: this.#mainPid, name }).answer;
  }

  /** Resolves once it has ended, in whatever way; nothing for one that has. */
  async stop(signal: string, graceMs: number): Promise<void> {
    if (!this.isAlive) return;
    const ended = this.ended().then(
      () => true,
      () => true,
    );
    const within = (ms: number): Promise<boolean> =>
      Promise.race([ended, new Promise<boolean>((resolve) => setTimeout(() => resolve(false), ms).unref())]);
    await Promise.race([this.#ask(signal), within(ANSWER_MS)]);
    if (await within(graceMs)) return;
    this.signal("SIGKILL").catch(() => {});
    if (!(await within(KILL_MS))) this.#end();
  }

  /** To end. @throws StratosError: there is no such signal */
  async #ask(signal: string): Promise<void> {
    if (this.#record.state === "paused") await this.setPaused(false);
    await this.signal(signal);
  }

  /** At once, with all that is in it. */
  #end(): void {
    const running = this.#running;
    if (running !== null)
      this.#finish(running, { exitCode: EXIT_KILLED, signal: "SIGKILL", timedOut: false, limit: null });
  }

  setPaused(isPaused: boolean): Promise<void> {
    return this.#exclusive(async () => {
      const running = this.#machine();
      const { engine, target } = running;
      const state = isPaused ? "paused" : "running";
      if (this.#record.state === state) throw this.#refuse(isPaused ? "is paused already" : "is not paused");
      await engine.call("pause", { target, isPaused }).answer;
      // It may have ended meanwhile.
      if (this.#running === running) this.#change({ state });
    });
  }

  /** @returns bytes of the file */
  checkpoint(path: string): Promise<number> {
    return this.#exclusive(() => this.#checkpoint(path));
  }

  async #checkpoint(path: string): Promise<number> {
    const { engine, target } = this.#machine();
    const [name, spec, mainPid, sessions] = [this.#name, this.spec, this.#mainPid, this.sessions.save()];
    const about: CheckpointAbout = { name, spec, mainPid, sessions };
    return (await engine.call("checkpoint", { target, path, about }).answer).value as number;
  }

  #scheduleSave(): void {
    const { checkpointEveryMs } = this.#record.spec;
    if (checkpointEveryMs === null) return;
    if (this.#saveTimer !== null) clearTimeout(this.#saveTimer);
    // On a busy computer, too, it runs for most of the time.
    const waitMs = Math.max(checkpointEveryMs, RUN_TIMES * this.#savingMs);
    this.#saveTimer = setTimeout(() => {
      this.keep().then(
        () => this.#scheduleSave(),
        () => this.#scheduleSave(),
      );
    }, waitMs).unref();
  }

  /** Makes the checkpoint that it goes back to, if it is to have one. What keeps it from that, its view tells. */
  keep(): Promise<void> {
    return this.#exclusive(async () => {
      if (this.#running === null || this.#record.spec.checkpointEveryMs === null) return;
      const checkpointMs = Date.now();
      try {
        await this.#checkpoint(this.#folder.checkpointPath);
        this.#change({ checkpointMs, error: null });
      } catch (error) {
        this.#change({ error: `no checkpoint could be made: ${(error as Error).message}` });
      }
      this.#savingMs = Date.now() - checkpointMs;
    });
  }

  /** @param mayReplace  one that has the label makes room, once the new one is whole */
  snapshot(label: string, mayReplace = false): Promise<void> {
    return this.#exclusive(async () => {
      const labels = this.#folder.snapshots();
      const isThere = labels.includes(label);
      if (isThere && !mayReplace) throw this.#refuse(`has a snapshot ${label} already`);
      if (!isThere && labels.length >= SNAPSHOTS_MAX) throw this.#refuse(`has ${SNAPSHOTS_MAX} snapshots already`);
      this.#folder.makeSnapshotFolder();
      await this.#checkpoint(this.#folder.snapshotPath(label));
    });
  }

  #requireSnapshot(label: string): string {
    if (!this.#folder.snapshots().includes(label)) throw this.#refuse(`has no snapshot ${label}`);
    return this.#folder.snapshotPath(label);
  }

  removeSnapshot(label: string): Promise<void> {
    return this.#exclusive(async () => rmSync(this.#requireSnapshot(label)));
  }

  /** The system that there is goes on until the other one stands; but only one can listen at the host's ports. */
  rollback(label: string): Promise<void> {
    return this.#exclusive(async () => {
      const path = this.#requireSnapshot(label);
      if (this.#record.spec.network === "none" || this.#running === null) return this.#resume(path);
      readCheckpointAbout(path);
      await this.#letGo();
      try {
        await this.#resume(path);
      } catch (error) {
        this.#beLost(`the rollback to ${label} failed: ${(error as Error).message}`);
        throw error;
      }
    });
  }

  rename(to: string): void {
    this.#folder.rename(to);
    this.#name = to;
  }

  /** @throws StratosError of kind system: it is running, and must not be ended */
  remove(isForced: boolean): Promise<void> {
    // What waits for an answer of its machine waits no longer.
    if (isForced) this.#end();
    return this.#exclusive(async () => {
      if (this.isAlive && !isForced) throw this.#refuse("is running; stop it first, or use --force");
      this.#end();
      this.#remove();
    });
  }

  #remove(): void {
    if (this.#isRemoved) return;
    this.#folder.remove();
    this.#isRemoved = true;
    this.#listener.onRemoved(this);
  }

  /** The supervisor ends: what runs is kept where it is to be, and goes on from there when there is one again. */
  async leaveBehind(): Promise<void> {
    await Promise.race([this.keep(), sleep(KEEP_MS, undefined, { ref: false })]);
    // Its end is the supervisor's, not its own: the record stays as it is.
    await this.#letGo();
  }
}
