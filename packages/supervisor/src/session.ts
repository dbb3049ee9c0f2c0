/** A further program of a system on a terminal of its own: it outlives who watches it, and ends with its machine. */
import type { EngineClient } from "@stratos/sdk/client";
import type { ProgramEnd, SessionView, TerminalSize } from "@stratos/sdk/api";
import type { Frame } from "@stratos/sdk/wire";
import type { SupervisorOperations } from "@stratos/sdk/systems";
import { Audience, type Viewer } from "./audience.ts";
import { GoingProgram } from "./going-program.ts";
import { costOf, lastOfHistory, type LogEntry, sizeFrame } from "./terminal-history.ts";

/** Of what it has shown so much is kept; up to twice that before the older half is given up. */
const KEPT_COST = 1 << 20;

/** What can be watched, and typed into: a session, or a system's own program. */
export interface Watched {
  readonly name: string;
  watch(viewer: Viewer): void;
  leave(viewer: Viewer): void;
  type(viewer: Viewer, bytes: Uint8Array): void;
  endInput(): void;
  resize(viewer: Viewer, size: TerminalSize): void;
  /** What it has shown, as far as that is kept, and with what sizes of its terminal. */
  history(): readonly Frame[];
  ended(): Promise<ProgramEnd>;
}

export class Session implements Watched {
  readonly #view: SessionView;
  readonly #program: GoingProgram;
  readonly #audience = new Audience();
  #kept: Frame[];
  #cost = 0;

  /** @param name  in its system */
  constructor(
    name: string,
    engine: EngineClient,
    target: number,
    { command, env, cwd, user, tty }: SupervisorOperations["open-session"],
  ) {
    this.#view = { name, command, startedMs: Date.now() };
    this.#kept = [sizeFrame(tty)];
    const request = { command, env, cwd, user, tty, hasInput: true };
    this.#program = new GoingProgram(
      engine,
      target,
      { op: "run", request },
      {
        onRead: (count) => this.#audience.read(count),
        onOutput: (stream, bytes, dealtWith) => {
          this.#keep({ head: { stream, atMs: Date.now() } satisfies LogEntry, bytes: bytes.slice() });
          this.#audience.show(stream, bytes, dealtWith);
        },
      },
    );
  }

  get name(): string {
    return this.#view.name;
  }

  view(): SessionView {
    return this.#view;
  }

  /** The program's number. @throws StratosError: it cannot be started */
  get started(): Promise<number> {
    return this.#program.started;
  }

  #keep(frame: Frame): void {
    this.#kept.push(frame);
    this.#cost += costOf([frame]);
    if (this.#cost <= 2 * KEPT_COST) return;
    this.#kept = lastOfHistory(this.#kept, KEPT_COST);
    this.#cost = costOf(this.#kept);
  }

  watch(viewer: Viewer): void {
    this.#audience.add(viewer);
  }

  leave(viewer: Viewer): void {
    this.#audience.remove(viewer);
  }

  type(viewer: Viewer, bytes: Uint8Array): void {
    this.#audience.typed(viewer, bytes.length);
    this.#program.type(bytes);
  }

  endInput(): void {
    this.#program.endInput();
  }

  resize(viewer: Viewer, size: TerminalSize): void {
    this.#keep(sizeFrame(size));
    this.#program.resize(size);
    this.#audience.resize(viewer, size);
  }

  history(): readonly Frame[] {
    return this.#kept;
  }

  ended(): Promise<ProgramEnd> {
    return this.#program.ended;
  }

  async signal(name: string): Promise<void> {
    const { engine, target, started } = this.#program;
    await engine.call("signal", { target, pid: await started, name }).answer;
  }
}
