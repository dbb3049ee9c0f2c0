/**
 * The process of an engine, for as long as one of the machines in it is there: a system's own, and those that are forks
 * of it.
 */
import type { EngineClient } from "@stratos/sdk/client";
import { type ForkIdentity, LimitError } from "@stratos/sdk/api";
import type { CreateRequest } from "@stratos/sdk/wire";

/** How long an engine may take to end a machine. */
const CLOSE_MS = 5000;

type CallOptions = Parameters<EngineClient["call"]>[2];

/** A machine that is there, in its process. */
export interface OpenedMachine {
  readonly process: MachineProcess;
  readonly target: number;
}

export class MachineProcess {
  readonly engine: EngineClient;
  readonly #release: () => void;
  #machines = 0;

  /** @param release  lets the engine end */
  constructor({ engine, release }: { readonly engine: EngineClient; release(): void }) {
    this.engine = engine;
    this.#release = release;
  }

  /** The first machine. @throws StratosError, StateError; then the process ends */
  async create(request: CreateRequest, options: CallOptions): Promise<OpenedMachine> {
    const [machine] = await this.#opening(1, async () => {
      const { value } = await this.engine.call("create", request, options).answer;
      return [value as number];
    });
    return machine!;
  }

  /**
   * Machines that go on from where another one of it stands.
   *
   * @param pids  programs that wait in each of them for `attach` at their first output
   * @throws StratosError, StateError
   */
  fork(
    target: number,
    { count, identity, pids }: { readonly count: number; readonly identity: ForkIdentity; readonly pids: number[] },
    options: CallOptions,
  ): Promise<OpenedMachine[]> {
    return this.#opening(count, async () => {
      const request = { target, count, identity, keepsPrograms: pids };
      return (await this.engine.call("fork", request, options).answer).value as number[];
    });
  }

  /** From the beginning on they keep the process up. */
  async #opening(count: number, open: () => Promise<number[]>): Promise<OpenedMachine[]> {
    this.#machines += count;
    try {
      return (await open()).map((target) => ({ process: this, target }));
    } catch (error) {
      this.#leave(count, false);
      throw error;
    }
  }

  /** Ends a machine, and with the last one the process; one that does not answer by then is killed. */
  async close(target: number): Promise<void> {
    let hangs = false;
    try {
      await this.engine.call("close", { target }, { timeoutMs: CLOSE_MS }).answer;
    } catch (error) {
      // Of any other kind: it is gone already.
      hangs = error instanceof LimitError;
    }
    this.#leave(1, hangs);
  }

  #leave(count: number, hangs: boolean): void {
    this.#machines -= count;
    if (this.#machines > 0) return;
    if (hangs) this.#kill();
    this.#release();
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
