/** Tells those who watch that something has happened: one look at the database for all of them. */
import type { Database } from "./database/database.ts";
import { HubError } from "./store/hub-error.ts";

const LOOK_MS = 300;
const WATCHERS_MAX = 1_000;
/** Of one principal: nobody takes the streams of all. */
const OWN_WATCHERS_MAX = 250;

export class Feed {
  readonly #database: Database;
  readonly #watchers = new Set<() => void>();
  readonly #counts = new Map<string, number>();
  #timer: NodeJS.Timeout | null = null;
  #last = "";
  #isClosed = false;

  constructor(database: Database) {
    this.#database = database;
  }

  get watchers(): number {
    return this.#watchers.size;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  start(): void {
    this.#timer = setInterval(() => void this.#look().catch(() => {}), LOOK_MS);
  }

  /** Something happened here. */
  nudge(): void {
    for (const watcher of this.#watchers) watcher();
  }

  /**
   * @param who  watches, a principal
   * @returns a function that waits for the next change, or for `milliseconds`. @throws HubError 429, 503
   */
  watch(who: string): { next(milliseconds: number): Promise<void>; close(): void } {
    if (this.#watchers.size >= WATCHERS_MAX)
      throw new HubError(503, "busy", "too many watch this hub", { headers: { "Retry-After": "10" } });
    const own = this.#counts.get(who) ?? 0;
    if (own >= OWN_WATCHERS_MAX)
      throw new HubError(429, "too-many-streams", `${who} has ${own} streams of this hub open; close some`, {
        headers: { "Retry-After": "10" },
      });
    this.#counts.set(who, own + 1);
    let hasChanged = false;
    let wake: (() => void) | null = null;
    const watcher = (): void => {
      hasChanged = true;
      wake?.();
    };
    this.#watchers.add(watcher);
    return {
      next: async (milliseconds) => {
        if (!hasChanged && !this.#isClosed) {
          await new Promise<void>((resolve) => {
            const timer = setTimeout(resolve, milliseconds);
            wake = () => {
              clearTimeout(timer);
              resolve();
            };
          });
        }
        wake = null;
        hasChanged = false;
      },
      close: () => {
        if (!this.#watchers.delete(watcher)) return;
        const left = this.#counts.get(who)! - 1;
        if (left === 0) this.#counts.delete(who);
        else this.#counts.set(who, left);
      },
    };
  }

  close(): void {
    this.#isClosed = true;
    if (this.#timer !== null) clearInterval(this.#timer);
    this.nudge();
  }

  async #look(): Promise<void> {
    if (this.#watchers.size === 0) return;
    const [row] = await this.#database.query<{ mark: string }>(`
      select coalesce((select tx || '-' || id from event order by tx desc, id desc limit 1), '') || ' ' || (select \
coalesce(sum(log_bytes), 0) from run where state in ('ASSIGNED','RUNNING'))::text
        || ' ' || pg_snapshot_xmin(pg_current_snapshot())::text as mark`);
    if (row!.mark === this.#last) return;
    this.#last = row!.mark;
    this.nudge();
  }
}
