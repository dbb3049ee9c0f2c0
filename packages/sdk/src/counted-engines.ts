import { StratosError } from "./api.ts";
import type { EngineClient } from "./engine-client.ts";
import type { EngineSource } from "./sandbox.ts";

/** Engines of one kind: each for one user, and one that is shared for as long as somebody uses it. */
export class CountedEngines implements EngineSource {
  readonly #start: () => EngineClient;
  #shared: { engine: EngineClient; users: number } | null = null;

  constructor(start: () => EngineClient) {
    this.#start = start;
  }

  acquire(isolation: "process" | "shared"): { engine: EngineClient; release(): void } {
    if (isolation === "process") {
      const engine = this.#start();
      return { engine, release: once(() => engine.close()) };
    }
    if (isolation !== "shared")
      throw new StratosError("option", 'isolation: "process" or "shared" is expected', { option: "isolation" });
    if (this.#shared === null || this.#shared.engine.isGone) this.#shared = { engine: this.#start(), users: 0 };
    const shared = this.#shared;
    shared.users++;
    return {
      engine: shared.engine,
      release: once(() => {
        if (--shared.users > 0) return;
        shared.engine.close();
        if (this.#shared === shared) this.#shared = null;
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
