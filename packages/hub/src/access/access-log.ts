/**
 * Each decision about a request, in the chain of events. They are written together, a moment later; refusals are never
 * dropped.
 */
import type { Database } from "../database/database.ts";
import { writeEvents } from "../store/events.ts";
import { HubError } from "../store/hub-error.ts";
import { mayDo, type Principal } from "./access.ts";
import type { Circumstances, Policies } from "./policies.ts";

/** The request that is decided about. */
interface Asked {
  readonly method: string;
  readonly path: string;
  readonly from: string;
}

type Task = Circumstances["task"];

interface Decision extends Asked {
  readonly actor: string;
  readonly isAllowed: boolean;
  readonly permission: string;
  /** Of a policy. */
  readonly why?: string;
}

const DELAY_MS = 200;
const BATCH = 500;
/** So many wait at most; a request beyond waits for them. */
const PENDING_MAX = 5_000;

export class AccessLog {
  readonly #database: Database;
  readonly #policies: Policies;
  readonly #warn: (message: string) => void;
  #pending: Decision[] = [];
  #timer: NodeJS.Timeout | null = null;
  #writing: Promise<void> = Promise.resolve();

  constructor(database: Database, policies: Policies, warn: (message: string) => void) {
    this.#database = database;
    this.#policies = policies;
    this.#warn = warn;
  }

  /**
   * Before a request is decided about: what policies say is known, and there is room for the decisions. Not within a
   * request's transaction, for whose end a database of one connection would wait.
   */
  async prepare(): Promise<void> {
    await this.#policies.refresh();
    if (this.#pending.length >= PENDING_MAX) await this.flush();
  }

  add(decision: Decision): void {
    this.#pending.push(decision);
    this.#timer ??= setTimeout(() => void this.flush(), DELAY_MS);
  }

  /** What {@link demand} would say; nothing is written down. After {@link prepare}. */
  wouldPermit(principal: Principal, permission: string, about: Circumstances): boolean {
    return mayDo(principal, permission) && this.#policies.refusal(principal.name, permission, about) === null;
  }

  /** After {@link prepare}; asks the database nothing. @param task  that it is about @throws HubError 403 */
  async demand(principal: Principal, permission: string, { method, path, from }: Asked, task?: Task): Promise<void> {
    const isGranted = mayDo(principal, permission);
    const about = { from, ...(task === undefined ? {} : { task }) };
    const unmet = isGranted ? this.#policies.refusal(principal.name, permission, about) : null;
    const isAllowed = isGranted && unmet === null;
    this.add({
      ...{ actor: principal.name, isAllowed, permission, method, path, from },
      ...(unmet === null ? {} : { why: unmet }),
    });
    if (!isGranted)
      throw new HubError(403, "forbidden", `${principal.name} may not: it takes the permission ${permission}`);
    if (unmet !== null) throw new HubError(403, "policy", `${principal.name} may not now: ${unmet}`);
  }

  flush(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#writing = this.#writing.then(() => this.#write());
    return this.#writing;
  }

  close(): Promise<void> {
    return this.flush();
  }

  async #write(): Promise<void> {
    while (this.#pending.length > 0) {
      const batch = this.#pending.slice(0, BATCH);
      try {
        await writeEvents(
          this.#database,
          batch.map(({ actor, isAllowed, ...detail }) => ({ actor, what: isAllowed ? "ALLOWED" : "REFUSED", detail })),
        );
        this.#pending = this.#pending.slice(batch.length);
      } catch (error) {
        // Kept for later; when the database stays away, the oldest that were allowed go first.
        this.#warn(`audit: ${(error as Error).message}`);
        if (this.#pending.length > PENDING_MAX)
          this.#pending = this.#pending.filter(({ isAllowed }, index) => !isAllowed || index > PENDING_MAX / 2);
        return;
      }
    }
  }
}
