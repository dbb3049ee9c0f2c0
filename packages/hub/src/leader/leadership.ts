/**
 * Which hub leads. An advisory lock on a connection of its own passes to the next hub within milliseconds of the
 * leader's death. A leader that hangs keeps its connection, so it also has to renew a row; when it does not, the others
 * have the server end that connection. What a leader does is safe when two do it (locked rows, unique numbers), so a
 * moment of doubt costs nothing but work.
 */
import type { Database, HeldLock } from "../database/database.ts";
import { ADVISORY_LOCKS } from "../database/advisory-locks.ts";

interface LeadershipOptions {
  /** Names this hub to people. */
  readonly holder: string;
  /** A leader that has not renewed for so long is ended by the others. */
  readonly leaseSeconds: number;
  readonly changed: (isLeader: boolean, term: number) => void;
  readonly warn: (message: string) => void;
}

const RETRY_MS = 500;

export class Leadership {
  readonly #database: Database;
  readonly #options: LeadershipOptions;
  readonly #stop = new AbortController();
  #isLeader = false;
  #term = 0;
  #timer: NodeJS.Timeout | null = null;
  #lock: HeldLock | null = null;
  #campaign: Promise<void> = Promise.resolve();

  constructor(database: Database, options: LeadershipOptions) {
    this.#database = database;
    this.#options = options;
  }

  get isLeader(): boolean {
    return this.#isLeader;
  }

  get term(): number {
    return this.#term;
  }

  start(): void {
    this.#campaign = this.#run();
    this.#timer = setInterval(() => void this.#tick().catch(() => {}), (this.#options.leaseSeconds * 1000) / 5);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#set(false);
    await this.#lock?.release();
    await this.#campaign;
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      try {
        let tellLost = (): void => {};
        const lost = new Promise<void>((resolve) => (tellLost = resolve));
        this.#stop.signal.addEventListener("abort", tellLost, { once: true });
        const lock = await this.#database.holdLock(ADVISORY_LOCKS.leader, tellLost, this.#stop.signal);
        this.#lock = lock;
        const [row] = await this.#database.query<{ term: number }>(
          `
          insert into leader (holder, backend, term, lease_until) values ($1, $2, 1, now() + make_interval(secs => $3))
          on conflict (one) do update set holder = $1, backend = $2, term = leader.term + 1, lease_until = now() + \
make_interval(secs => $3)
          returning term`,
          [this.#options.holder, lock.backend, this.#options.leaseSeconds],
        );
        this.#term = row!.term;
        this.#set(true);
        await lost;
        this.#stop.signal.removeEventListener("abort", tellLost);
      } catch (error) {
        if (!this.#stop.signal.aborted) this.#options.warn(`leadership: ${(error as Error).message}`);
      }
      this.#set(false);
      await this.#lock?.release();
      this.#lock = null;
      if (!this.#stop.signal.aborted) await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }

  /** The leader renews its row; the others watch it. */
  async #tick(): Promise<void> {
    if (this.#isLeader) {
      const rows = await this.#database.query(
        "update leader set lease_until = now() + make_interval(secs => $2) where term = $1 returning term",
        [this.#term, this.#options.leaseSeconds],
      );
      if (rows.length === 0) await this.#lock?.release();
      return;
    }
    if (!this.#database.isShared) return;
    // In a case: conditions that are joined by `and` are evaluated in the order of their costs.
    const rows = await this.#database.query<{ holder: string }>(
      `
      select holder from leader
      where case when lease_until < now() and backend in (
          select pid from pg_locks where locktype = 'advisory' and objid = $1 and granted)
        then pg_terminate_backend(backend) else false end`,
      [ADVISORY_LOCKS.leader],
    );
    for (const { holder } of rows)
      this.#options.warn(`leadership: ${holder} has not renewed its lease, and was deposed`);
  }

  #set(isLeader: boolean): void {
    if (this.#isLeader === isLeader) return;
    this.#isLeader = isLeader;
    this.#options.changed(isLeader, this.#term);
  }
}
