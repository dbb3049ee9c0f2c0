/**
 * A further program of a system, on a terminal of its own or with streams: it outlives who has begun it and who watches
 * it, and goes on in what its machine is saved and forked to.
 */
import type { EngineClient } from "@stratos/sdk/client";
import type { ProgramEnd, SessionView, TerminalSize } from "@stratos/sdk/api";
import type { Frame } from "@stratos/sdk/wire";
import type { SupervisorOperations } from "@stratos/sdk/systems";
import { Audience, type Viewer } from "./audience.ts";
import { type Beginning, GoingProgram } from "./going-program.ts";
import { costOf, lastOfHistory, type LogEntry, sizeFrame } from "./terminal-history.ts";

/** Of what it has shown so much is kept; up to twice that before the older half is given up. */
const KEPT_COST = 1 << 20;
/** Of one that has ended. */
const KEPT_AT_END = 1 << 18;
/** Of its command, for those who look at lists. */
const COMMAND_LENGTH_MAX = 4096;

/** What can be watched, and typed into: a session, or a system's own program. */
export interface Watched {
  readonly name: string;
  /** The program's number. */
  readonly pid: number;
  watch(viewer: Viewer): void;
  leave(viewer: Viewer): void;
  type(viewer: Viewer, bytes: Uint8Array): void;
  endInput(): void;
  resize(viewer: Viewer, size: TerminalSize): void;
  /** What it has shown, the last that costs so much, as far as that is kept, and with what sizes of its terminal. */
  history(costMax: number): readonly Frame[];
  ended(): Promise<ProgramEnd>;
}

/** What a saved system keeps of one that runs in it. */
export interface SavedSession {
  readonly name: string;
  readonly pid: number;
  readonly command: readonly string[];
  readonly hasInput: boolean;
  /** Null: it has none. */
  readonly tty: TerminalSize | null;
  readonly startedMs: number;
}

/** Beside what is saved, what only a live system knows: what it has shown. */
export interface ForkedSession extends SavedSession {
  readonly history?: readonly Frame[];
}

export class Session implements Watched {
  readonly #about: Omit<SavedSession, "pid" | "tty">;
  readonly #program: GoingProgram;
  readonly #audience = new Audience();
  #tty: TerminalSize | null;
  #pid = 0;
  #kept: Frame[];
  #cost = 0;
  #end: { readonly atMs: number; readonly how: ProgramEnd } | null = null;

  /** @param name  in its system */
  static begin(
    name: string,
    { engine, target }: { readonly engine: EngineClient; readonly target: number },
    request: SupervisorOperations["open-session"],
    typed: Uint8Array,
  ): Session {
    const { command, env, cwd, user, timeoutMs, hasInput, tty = null } = request;
    const about = { name, command: shortened(command), hasInput, tty, startedMs: Date.now() };
    const run = { command, env, cwd, user, timeoutMs, hasInput, tty: tty ?? undefined };
    return new Session({ engine, target }, { op: "run", request: run }, about, typed);
  }

  /** One that waits in a machine that goes on from another. */
  static goOn(place: { readonly engine: EngineClient; readonly target: number }, saved: ForkedSession): Session {
    const session = new Session(place, { op: "attach", request: { pid: saved.pid } }, saved);
    session.#pid = saved.pid;
    for (const frame of saved.history ?? []) session.#keep(frame);
    return session;
  }

  private constructor(
    { engine, target }: { readonly engine: EngineClient; readonly target: number },
    beginning: Beginning,
    { name, command, hasInput, tty, startedMs }: Omit<SavedSession, "pid">,
    typed?: Uint8Array,
  ) {
    this.#about = { name, command, hasInput, startedMs };
    this.#tty = tty;
    this.#kept = tty === null ? [] : [sizeFrame(tty)];
    this.#program = new GoingProgram(
      engine,
      target,
      beginning,
      {
        onRead: (count) => this.#audience.read(count),
        onOutput: (stream, bytes, dealtWith) => {
          this.#keep({ head: { stream, atMs: Date.now() } satisfies LogEntry, bytes: bytes.slice() });
          this.#audience.show(stream, bytes, dealtWith);
        },
      },
      typed,
    );
    this.#program.started.then(
      (pid) => void (this.#pid = pid),
      () => {},
    );
    this.#program.ended.then(
      (how) => {
        this.#end = { atMs: Date.now(), how };
        this.#kept = lastOfHistory(this.#kept, KEPT_AT_END, this.hasTerminal);
      },
      () => {},
    );
  }

  get name(): string {
    return this.#about.name;
  }

  get pid(): number {
    return this.#pid;
  }

  get hasTerminal(): boolean {
    return this.#tty !== null;
  }

  get hasEnded(): boolean {
    return this.#end !== null;
  }

  view(): SessionView {
    const { name, command, startedMs } = this.#about;
    const { atMs = null, how = null } = this.#end ?? {};
    return { name, command, pid: this.#pid, hasTerminal: this.hasTerminal, startedMs, endedMs: atMs, end: how };
  }

  /** Of one that runs. */
  save(): SavedSession {
    return { ...this.#about, pid: this.#pid, tty: this.#tty };
  }

  /** The program's number. @throws StratosError: it cannot be started, or has ended before it was gone on with */
  get started(): Promise<number> {
    return this.#program.started;
  }

  #keep(frame: Frame): void {
    this.#kept.push(frame);
    this.#cost += costOf([frame]);
    if (this.#cost <= 2 * KEPT_COST) return;
    this.#kept = lastOfHistory(this.#kept, KEPT_COST, this.hasTerminal);
    this.#cost = costOf(this.#kept);
  }

  watch(viewer: Viewer): void {
    this.#audience.add(viewer);
  }

  leave(viewer: Viewer): void {
    this.#audience.remove(viewer);
  }

  type(viewer: Viewer, bytes: Uint8Array): void {
    if (!this.#about.hasInput || this.hasEnded) return viewer.read(bytes.length);
    this.#audience.typed(viewer, bytes.length);
    this.#program.type(bytes);
  }

  endInput(): void {
    if (this.#about.hasInput) this.#program.endInput();
  }

  resize(viewer: Viewer, size: TerminalSize): void {
    if (!this.hasTerminal || this.hasEnded) return;
    this.#tty = size;
    this.#keep(sizeFrame(size));
    this.#program.resize(size);
    this.#audience.resize(viewer, size);
  }

  history(costMax = Infinity): readonly Frame[] {
    return lastOfHistory(this.#kept, costMax, this.hasTerminal);
  }

  ended(): Promise<ProgramEnd> {
    return this.#program.ended;
  }

  async signal(name: string): Promise<void> {
    // Its number may be another's by then.
    if (this.hasEnded) return;
    const { engine, target, started } = this.#program;
    await engine.call("signal", { target, pid: await started, name }).answer;
  }
}

function shortened(command: string | readonly string[]): readonly string[] {
  const words: string[] = [];
  let left = COMMAND_LENGTH_MAX;
  for (const word of typeof command === "string" ? ["/bin/sh", "-c", command] : command) {
    words.push(word.length > left ? `${word.slice(0, left)}…` : word);
    left -= word.length;
    if (left <= 0) break;
  }
  return words;
}
