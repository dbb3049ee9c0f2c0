/**
 * Claims that wait until there is something: a host asks, and is answered when a task that it may take is there, when
 * one of its runs shall end, or when its patience is over. A notification wakes as many hosts as there are new tasks,
 * in turn, so that a thousand idle hosts do not all ask for one task.
 */
import type { ClaimAnswer } from "@stratos/hub-api";
import type { Database } from "./database/database.ts";
import { canceledRunsOf } from "./store/change-tasks.ts";
import { claimRuns } from "./store/claim-runs.ts";
import { hearHost } from "./store/hosts.ts";
import { HubError } from "./store/hub-error.ts";
import { releaseUnknown } from "./store/move-runs.ts";
import { QueueHeads, type QueuePlace } from "./store/queue-heads.ts";

interface ClaimPoll {
  readonly host: string;
  readonly session: string;
  readonly slots: number;
  readonly waitMs: number;
  readonly start: boolean;
  /** Runs that the worker has. */
  readonly holding: readonly number[];
  /** Whether who asked may have anything by now: keys and certificates are revoked while a claim waits. */
  mayStill(): Promise<boolean>;
}

interface Waiter {
  readonly host: string;
  /** It only waits for runs that shall end. */
  readonly isFull: boolean;
  readonly channels: ReadonlySet<string>;
  readonly arches: ReadonlySet<string>;
  /** It asked again since, and again. */
  isOver: boolean;
  wake: () => void;
}

/** Notifications can be lost with a connection; so long after one at most, a host looks by itself. */
const LOOK_MS = 5_000;
/** Who has proved who it is, is believed for so long: as other hubs' requests (access.ts). */
const PROVED_MS = 2_000;
const WAITERS_MAX = 10_000;
/** Of one host, whose connections may break off unnoticed: of more the first is answered, so that others have room. */
const HOST_WAITERS_MAX = 4;

export class ClaimPolls {
  readonly #database: Database;
  readonly #leaseSeconds: number;
  readonly #heads = new QueueHeads();
  /** In the order in which they are woken. */
  readonly #waiters = new Set<Waiter>();
  readonly #ofHosts = new Map<string, Set<Waiter>>();
  #isClosed = false;

  constructor(database: Database, leaseSeconds: number) {
    this.#database = database;
    this.#leaseSeconds = leaseSeconds;
  }

  get waiting(): number {
    return this.#waiters.size;
  }

  /** @throws HubError 404 and 409 for a host that is not registered, or was registered again; 503 when too many wait */
  async claim(poll: ClaimPoll, signal: AbortSignal): Promise<ClaimAnswer> {
    if (this.#waiters.size >= WAITERS_MAX)
      throw new HubError(503, "busy", "too many hosts wait at this hub", { headers: { "Retry-After": "5" } });
    const { host, session } = poll;
    const served = await hearHost(this.#database, host, session);
    // Who has gone may have asked again meanwhile, and begun what this request's list does not name.
    if (served !== null && !signal.aborted) await releaseUnknown(this.#database, host, poll.holding);
    const waiter: Waiter = {
      host,
      isFull: poll.slots === 0,
      channels: new Set(served?.channels),
      arches: new Set(served?.arches),
      isOver: false,
      wake: () => {},
    };
    const ofHost = this.#ofHosts.get(host) ?? new Set();
    this.#ofHosts.set(host, ofHost.add(waiter));
    if (ofHost.size > HOST_WAITERS_MAX) {
      const [first] = ofHost;
      ofHost.delete(first!);
      first!.isOver = true;
      first!.wake();
    }
    const arrivedMs = performance.now();
    const deadlineMs = arrivedMs + poll.waitMs;
    try {
      for (;;) {
        // It counts as waiting before it looks: what comes in between wakes it.
        let isWoken = false;
        waiter.wake = () => void (isWoken = true);
        this.#waiters.add(waiter);
        const heldMs = performance.now() - arrivedMs;
        const isGone = signal.aborted || waiter.isOver;
        const runs = isGone
          ? []
          : await claimRuns(this.#database, {
              host,
              session,
              slots: poll.slots,
              leaseSeconds: this.#leaseSeconds,
              start: poll.start,
              heads: this.#heads,
            });
        const cancel = await canceledRunsOf(this.#database, host);
        // Asked when there is something to give, not at each look: a thousand idle hosts share a key's row.
        if (runs.length > 0 && performance.now() - arrivedMs > PROVED_MS && !(await poll.mayStill())) {
          await releaseUnknown(this.#database, host, poll.holding);
          // Its next request is told why.
          return { runs: [], cancel: [], leaseSeconds: this.#leaseSeconds, heldMs };
        }
        const leftMs = deadlineMs - performance.now();
        if (runs.length > 0 || cancel.length > 0 || leftMs <= 0 || isGone || this.#isClosed)
          return { runs, cancel, leaseSeconds: this.#leaseSeconds, heldMs };
        if (!isWoken) await sleepUntilWoken(waiter, Math.min(leftMs, LOOK_MS), signal);
      }
    } finally {
      this.#waiters.delete(waiter);
      ofHost.delete(waiter);
      if (ofHost.size === 0) this.#ofHosts.delete(host);
    }
  }

  /** So many tasks of an architecture are new in a channel. @param place  of the first of them; null: anywhere */
  cameIn(channel: string, arch: string, count: number, place: QueuePlace | null = null): void {
    this.#heads.cameIn(channel, arch, place);
    let left = count;
    for (const waiter of this.#waiters) {
      if (left === 0) return;
      if (waiter.isFull || !waiter.channels.has(channel) || (arch !== "any" && !waiter.arches.has(arch))) continue;
      this.#waiters.delete(waiter);
      waiter.wake();
      left--;
    }
  }

  wakeHost(host: string): void {
    for (const waiter of this.#waiters) if (waiter.host === host) waiter.wake();
  }

  /** Anything may have come in. */
  wakeAll(): void {
    this.#heads.forget();
    for (const waiter of this.#waiters) waiter.wake();
  }

  close(): void {
    this.#isClosed = true;
    this.wakeAll();
  }
}

function sleepUntilWoken(waiter: Waiter, milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, milliseconds);
    signal.addEventListener("abort", end, { once: true });
    waiter.wake = end;
  });
}
