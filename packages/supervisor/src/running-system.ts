/** The machine of a system while it has one: a process of the engine, and the program that it is there for. */
import type { EngineClient } from "@stratos/sdk/client";
import { LimitError } from "@stratos/sdk/api";
import { type Beginning, GoingProgram, type ProgramListener } from "./going-program.ts";

/** How long an engine may take to end a machine. */
const CLOSE_MS = 5000;

interface RunningParts {
  readonly engine: EngineClient;
  readonly target: number;
  /** Lets the engine end. */
  release(): void;
}

export class RunningSystem extends GoingProgram {
  readonly #release: () => void;

  constructor({ engine, target, release }: RunningParts, beginning: Beginning, listener: ProgramListener) {
    super(engine, target, beginning, listener);
    this.#release = release;
  }

  /** Ends the machine, and lets its process end; one that does not answer is killed. */
  async close(): Promise<void> {
    try {
      await this.engine.call("close", { target: this.target }, { timeoutMs: CLOSE_MS }).answer;
    } catch (error) {
      // Of any other kind: it is gone already.
      if (error instanceof LimitError) this.#kill();
    } finally {
      this.#release();
    }
  }

  #kill(): void {
    const { processId } = this.engine;
    try {
      if (processId !== null) process.kill(processId, "SIGKILL");
    } catch {
      // It has ended just now.
    }
  }
}
