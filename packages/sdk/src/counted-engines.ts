import type { Isolation } from "./api.ts";
import type { EngineClient } from "./engine-client.ts";
import type { AcquiredEngine, EngineSource } from "./sandbox.ts";

/** Each sandbox's engine, for as long as it is used; and one for all else, for as long as somebody uses it. */
export class CountedEngines implements EngineSource {
  readonly #start: (isolation: Isolation | undefined) => EngineClient;
  readonly #waiting: (isolation: Isolation | undefined) => EngineClient | null;
  readonly #startCommon: () => EngineClient;
  #common: { engine: EngineClient; users: number } | null = null;

  /**
   * @param start  of no place: the usual one. @throws StratosError of kind option: the host has no such place
   * @param waiting  one that waits for its sandbox there; null: none does
   */
  constructor(
    start: (isolation: Isolation | undefined) => EngineClient,
    startCommon = () => start(undefined),
    waiting: (isolation: Isolation | undefined) => EngineClient | null = () => null,
  ) {
    this.#start = start;
    this.#waiting = waiting;
    this.#startCommon = startCommon;
  }

  acquire(isolation?: Isolation): AcquiredEngine {
    const waiting = this.#waiting(isolation);
    if (waiting === null) return acquired(this.#start(isolation));
    return { ...acquired(waiting), another: () => acquired(this.#start(isolation)) };
  }

  common(): { engine: EngineClient; release(): void } {
    if (this.#common === null || this.#common.engine.isGone) this.#common = { engine: this.#startCommon(), users: 0 };
    const common = this.#common;
    common.users++;
    return {
      engine: common.engine,
      release: once(() => {
        if (--common.users > 0) return;
        common.engine.close();
        if (this.#common === common) this.#common = null;
      }),
    };
  }
}

function acquired(engine: EngineClient): AcquiredEngine {
  return { engine, release: once(() => engine.close()) };
}

function once(act: () => void): () => void {
  let isDone = false;
  return () => {
    if (isDone) return;
    isDone = true;
    act();
  };
}
