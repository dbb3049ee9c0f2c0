import type { Isolation } from "./api.ts";
import type { EngineClient } from "./engine-client.ts";
import type { EngineSource } from "./sandbox.ts";

/** Each sandbox's engine, for as long as it is used; and one for all else, for as long as somebody uses it. */
export class CountedEngines implements EngineSource {
  readonly #start: (isolation: Isolation | undefined) => EngineClient;
  readonly #startCommon: () => EngineClient;
  #common: { engine: EngineClient; users: number } | null = null;

  /** @param start  absent: what is usual. @throws StratosError of kind option: the host has no such place */
  constructor(start: (isolation: Isolation | undefined) => EngineClient, startCommon = () => start(undefined)) {
    this.#start = start;
    this.#startCommon = startCommon;
  }

  acquire(isolation?: Isolation): { engine: EngineClient; release(): void } {
    const engine = this.#start(isolation);
    return { engine, release: once(() => engine.close()) };
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

function once(act: () => void): () => void {
  let isDone = false;
  return () => {
    if (isDone) return;
    isDone = true;
    act();
  };
}
