/**
 * Engines that wait for the next sandboxes, in each place where sandboxes are apart: most of what a sandbox's start
 * costs is that of its process or worker, and the same for all. One is nobody's until it is taken, then its sandbox's
 * alone; of images it knows nothing before. There is one as a rule. While sandboxes are made faster than engines become
 * ready, as many are begun at a time as there are processors for them.
 */
import { availableParallelism } from "node:os";
import type { Isolation } from "@stratos/sdk/api";
import type { EngineClient, ExpectedSandbox } from "@stratos/sdk/client";

/** The first one is not begun before: many programs make one sandbox, use it for a moment and end. */
const FIRST_AFTER_MS = 250;
/** One that nobody takes ends after so long. */
const KEPT_MS = 300_000;
/** Those beyond the first end when no sandbox was made for so long: each holds some 40 MB. */
const HASTE_MS = 5_000;
/** More that are begun at a time would only take the processors from one another. */
const MOST = Math.min(4, availableParallelism());

interface Spare {
  readonly engine: EngineClient;
  /** Of this process, when the engine began: what it took over from it. */
  readonly surroundings: string;
  readonly endLater: NodeJS.Timeout;
  isReady: boolean;
}

interface Place {
  /** The one that began first comes first. */
  readonly spares: Spare[];
  /** How many there are to be. */
  wanted: number;
  beginLater: NodeJS.Timeout | null;
  hasteOver: NodeJS.Timeout | null;
  /** Sandboxes that were made there. */
  made: number;
}

export class SpareEngines {
  readonly #start: (isolation: Isolation) => EngineClient;
  readonly #most: number;
  readonly #places = new Map<Isolation, Place>();

  /** @param most  that are begun at a time */
  constructor(start: (isolation: Isolation) => EngineClient, most = MOST) {
    this.#start = start;
    this.#most = most;
  }

  /** @returns null: none is there, or none would be as one that begins now */
  take(isolation: Isolation): EngineClient | null {
    const place = this.#places.get(isolation);
    const now = surroundings();
    for (let spare = place?.spares.shift(); spare !== undefined; spare = place!.spares.shift()) {
      clearTimeout(spare.endLater);
      if (!spare.engine.isGone && spare.surroundings === now) {
        if (!spare.isReady) place!.wanted = Math.min(place!.wanted + 1, this.#most);
        return spare.engine;
      }
      spare.engine.close();
    }
    return null;
  }

  /** A sandbox was made there, and another one may be. @param expected  as which it is made ready */
  makeReady(isolation: Isolation, expected: ExpectedSandbox): void {
    // There is no thread of its own to begin.
    if (isolation === "shared") return;
    const place = this.#placeOf(isolation);
    const isFirst = place.made++ === 0;
    if (place.beginLater !== null) clearTimeout(place.beginLater);
    if (place.hasteOver !== null) clearTimeout(place.hasteOver);
    place.hasteOver = place.wanted === 1 ? null : setTimeout(() => calmDown(place), HASTE_MS).unref();
    const begin = (): void => {
      place.beginLater = null;
      this.#fill(isolation, expected, place);
    };
    place.beginLater = isFirst ? setTimeout(begin, FIRST_AFTER_MS).unref() : null;
    if (!isFirst) begin();
  }

  #placeOf(isolation: Isolation): Place {
    let place = this.#places.get(isolation);
    if (place === undefined) {
      place = { spares: [], wanted: 1, beginLater: null, hasteOver: null, made: 0 };
      this.#places.set(isolation, place);
    }
    return place;
  }

  #fill(isolation: Isolation, expected: ExpectedSandbox, place: Place): void {
    for (const spare of [...place.spares]) if (spare.engine.isGone) end(place, spare);
    while (place.spares.length < place.wanted) {
      const engine = this.#begin(isolation);
      // Who asks for one is told.
      if (engine === null) return;
      const spare: Spare = {
        engine,
        surroundings: surroundings(),
        endLater: setTimeout(() => end(place, spare), KEPT_MS).unref(),
        isReady: false,
      };
      place.spares.push(spare);
      engine.call("prepare", expected, { isBackground: true }).answer.then(
        () => (spare.isReady = true),
        // One that fails is found gone.
        () => {},
      );
    }
  }

  #begin(isolation: Isolation): EngineClient | null {
    try {
      return this.#start(isolation);
    } catch {
      return null;
    }
  }
}

function calmDown(place: Place): void {
  place.hasteOver = null;
  place.wanted = 1;
  for (const spare of place.spares.slice(1)) end(place, spare);
}

/** Nobody will take it. */
function end(place: Place, spare: Spare): void {
  clearTimeout(spare.endLater);
  spare.engine.close();
  const at = place.spares.indexOf(spare);
  if (at >= 0) place.spares.splice(at, 1);
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
