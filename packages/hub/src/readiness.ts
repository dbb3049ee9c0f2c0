/**
 * Whether this hub can do what it is asked, for those who choose among hubs (`/readyz`). Of a database server's disk it
 * knows what the last statements met; the folder of artefacts, with which a database of its own shares a disk, it asks.
 */
import { DatabaseError, type Database } from "./database/database.ts";
import { HubError } from "./store/hub-error.ts";

/** What is asked of a hub meanwhile goes to others, so it tries again itself. */
const FULL_MS = 30_000;
/** A database writes its log in pieces as large. */
const ROOM_BYTES_MIN = 16 << 20;

export class Readiness {
  /** Bytes that still go into the folder of artefacts; null: they are elsewhere. */
  room: (() => Promise<number>) | null = null;
  readonly #database: Database;
  readonly #nowMs: () => number;
  #full = "";
  #fullMs = -Infinity;

  constructor(database: Database, nowMs = (): number => performance.now()) {
    this.#database = database;
    this.#nowMs = nowMs;
  }

  /** A request failed. */
  note(error: unknown): void {
    if (error instanceof DatabaseError && error.isDiskFull) this.#full = "the disk of the hub's database is full";
    else if (error instanceof HubError && error.status === 507) this.#full = error.message;
    else return;
    this.#fullMs = this.#nowMs();
  }

  /** @returns why not, in words. @throws DatabaseError when its database is away */
  async fault(): Promise<string | null> {
    await this.#database.query("select 1");
    if (this.#nowMs() - this.#fullMs < FULL_MS) return this.#full;
    return this.room !== null && (await this.room()) < ROOM_BYTES_MIN ? "the disk of the hub's state is full" : null;
  }
}
