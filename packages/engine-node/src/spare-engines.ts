/**
 * One engine that waits for the next sandbox, for each place where sandboxes are apart: most of what a sandbox's start
 * costs is that of its process or worker, and the same for all. It is nobody's until it is taken, then its sandbox's
 * alone; of images it knows nothing before.
 */
import type { Isolation } from "@stratos/sdk/api";
import type { EngineClient, ExpectedSandbox } from "@stratos/sdk/client";

/** The first one is not begun before: many programs make one sandbox, use it for a moment and end. */
const FIRST_AFTER_MS = 250;
/** One that nobody takes ends after so long. */
const KEPT_MS = 300_000;

interface Spare {
  readonly engine: EngineClient;
  /** Of this process, when the engine began: what it took over from it. */
  readonly surroundings: string;
  readonly endLater: NodeJS.Timeout;
}

interface Place {
  spare: Spare | null;
  beginLater: NodeJS.Timeout | null;
  /** Sandboxes that were made there. */
  made: number;
}

export class SpareEngines {
  readonly #start: (isolation: Isolation) => EngineClient;
  readonly #places = new Map<Isolation, Place>();

  constructor(start: (isolation: Isolation) => EngineClient) {
    this.#start = start;
  }

  /** @returns null: none is there, or it would not be as one that begins now */
  take(isolation: Isolation): EngineClient | null {
    const spare = this.#places.get(isolation)?.spare ?? null;
    if (spare === null) return null;
    this.#places.get(isolation)!.spare = null;
    clearTimeout(spare.endLater);
    if (!spare.engine.isGone && spare.surroundings === surroundings()) return spare.engine;
    spare.engine.close();
    return null;
  }

  /** A sandbox was made there, and another one may be. @param expected  as which it is made ready */
  makeReady(isolation: Isolation, expected: ExpectedSandbox): void {
    // There is no thread of its own to begin.
    if (isolation === "shared") return;
    let place = this.#places.get(isolation);
    if (place === undefined) this.#places.set(isolation, (place = { spare: null, beginLater: null, made: 0 }));
    const isFirst = place.made++ === 0;
    if (place.spare?.engine.isGone === false) return;
    if (place.beginLater !== null) clearTimeout(place.beginLater);
    const begin = (): void => {
      place.beginLater = null;
      place.spare = this.#begin(isolation, expected, place);
    };
    place.beginLater = isFirst ? setTimeout(begin, FIRST_AFTER_MS).unref() : null;
    if (!isFirst) begin();
  }

  #begin(isolation: Isolation, expected: ExpectedSandbox, place: Place): Spare | null {
    let engine: EngineClient;
    try {
      engine = this.#start(isolation);
    } catch {
      // Who asks for one is told.
      return null;
    }
    // One that fails is found gone.
    engine.call("prepare", expected, { isBackground: true }).answer.catch(() => {});
    const end = (): void => {
      engine.close();
      if (place.spare?.engine === engine) place.spare = null;
    };
    return { engine, surroundings: surroundings(), endLater: setTimeout(end, KEPT_MS).unref() };
  }
}

/** What an engine takes over when it begins, and this process may change: none that has more rights is handed out. */
function surroundings(): string {
  const who = [process.getuid?.(), process.geteuid?.(), process.getgid?.(), process.getegid?.(), process.getgroups?.()];
  return JSON.stringify([currentFolder(), process.env, who]);
}

function currentFolder(): string | null {
  try {
    return process.cwd();
  } catch {
    return null;
  }
}
