/**
 * The hubs of a simulation as their database sees them: each a pool of connections, which stays from round to round
 * unless it is killed: a new one costs the server a process, its caches, and a plan for each statement.
 */
import { Socket } from "node:net";
import { openDatabase } from "../database/open-database.ts";
import type { Database } from "../database/database.ts";
import { openMigrated } from "./test-database.ts";

const HUBS = 3;
/** Fewer than ask at once: some wait for one. */
const POOL_SIZE = 2;
const BASE_POOL_SIZE = 2;
const OPEN_TRIES_MAX = 20;

interface Hub {
  readonly database: Database;
  readonly sockets: Set<Socket>;
  /** What is told to whom it answers no more. */
  readonly asking: Set<(error: Error) => void>;
  /** Nobody has come in its place yet. */
  isDead: boolean;
}

/** Nobody answers: it was killed. */
export class HubKilled extends Error {}

export class SimulatedHubs {
  /** Whose statements nobody kills on purpose: it looks, and lets time pass. */
  readonly base: Database;
  readonly #place: string;
  readonly #hubs: Hub[];
  #isClosed = false;

  private constructor(place: string, base: Database, hubs: Hub[]) {
    this.#place = place;
    this.base = base;
    this.#hubs = hubs;
  }

  /** @param place  of a server's database, or `memory`: one connection inside this process, where the hubs are one */
  static async open(place: string): Promise<SimulatedHubs> {
    const base = await openMigrated(place, { poolSize: BASE_POOL_SIZE });
    const hubs: Hub[] = [];
    for (let index = 0; index < HUBS; index++)
      hubs.push(
        base.isShared ? await openHub(place) : { database: base, sockets: new Set(), asking: new Set(), isDead: false },
      );
    return new SimulatedHubs(place, base, hubs);
  }

  get count(): number {
    return this.#hubs.length;
  }

  /** @throws HubKilled as soon as it is; what `work` did meanwhile comes to nothing, as in a process that is no more */
  ask<T>(index: number, work: (at: Database) => Promise<T>): Promise<T> {
    const { database, asking, isDead } = this.#hubs[index]!;
    return new Promise((resolve, reject) => {
      if (isDead) return reject(new HubKilled(`hub ${index} is dead`));
      asking.add(reject);
      void work(database)
        .then(resolve, reject)
        .finally(() => asking.delete(reject));
    });
  }

  /**
   * One dies, and another comes in its place: its sockets close in the middle of what is under way, which the server
   * goes on with until it looks at them, so that a statement may hold whose answer nobody had.
   */
  async kill(index: number): Promise<void> {
    const old = this.#hubs[index]!;
    old.isDead = true;
    for (const socket of old.sockets) socket.destroy();
    for (const tell of old.asking) tell(new HubKilled(`hub ${index} was killed`));
    void old.database.close().catch(() => {});
    const next = await this.#replacement();
    // Somebody else has replaced it meanwhile.
    if (this.#hubs[index] !== old || this.#isClosed) await next.database.close();
    else this.#hubs[index] = next;
  }

  /** Its first connection may be one of those that are killed. */
  async #replacement(): Promise<Hub> {
    for (let tries = 1; ; tries++)
      try {
        return await openHub(this.#place);
      } catch (error) {
        if (tries === OPEN_TRIES_MAX) throw new Error("a hub can't come back", { cause: error });
      }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const each of new Set([...this.#hubs.map(({ database }) => database), this.base]))
      await each.close().catch(() => {});
  }
}

async function openHub(place: string): Promise<Hub> {
  const sockets = new Set<Socket>();
  const socket = (): Socket => {
    const made = new Socket();
    sockets.add(made);
    return made.once("close", () => sockets.delete(made));
  };
  return {
    database: await openDatabase(place, { poolSize: POOL_SIZE, socket }),
    sockets,
    asking: new Set(),
    isDead: false,
  };
}
