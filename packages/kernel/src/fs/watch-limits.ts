import { stateClass } from "@stratos/base";

/** Watches and events of all users together: memory of the host. */
const WATCHES_MOST = 1 << 19,
  EVENTS_MOST = 1 << 20;

/** How much of inotify, or of fanotify, each user may have (inotify(7), fanotify(7), "/proc interfaces"). */
export class WatchLimits {
  /** max_queued_events, for instances that are made from now on. */
  maximumEvents = 16384;
  /** max_user_instances and max_user_watches; max_user_groups and max_user_marks. */
  maximumInstances = 128;
  maximumWatches = 65536;
  /** Events that wait. */
  events = 0;
  #watches = 0;
  #usersBy = new Map<number, { instances: number; watches: number }>();

  /** One instance more of the user. @returns false when there are enough (EMFILE) */
  addInstance(uid: number): boolean {
    const use = this.#usersBy.get(uid) ?? { instances: 0, watches: 0 };
    if (use.instances >= this.maximumInstances) return false;
    use.instances++;
    this.#usersBy.set(uid, use);
    return true;
  }

  removeInstance(uid: number): void {
    const use = this.#usersBy.get(uid)!;
    if (--use.instances === 0) this.#usersBy.delete(uid);
  }

  /** One watch more of a user who has an instance. @returns false when there are enough (ENOSPC) */
  addWatch(uid: number, isUnlimited = false): boolean {
    const use = this.#usersBy.get(uid)!;
    if ((use.watches >= this.maximumWatches && !isUnlimited) || this.#watches >= WATCHES_MOST) return false;
    use.watches++;
    this.#watches++;
    return true;
  }

  removeWatch(uid: number): void {
    this.#usersBy.get(uid)!.watches--;
    this.#watches--;
  }

  /** No instance may queue more: what happens is lost, with an event that says so. */
  get isFull(): boolean {
    return this.events >= EVENTS_MOST;
  }

  static {
    stateClass("WatchLimits", this, {
      save: (it) => ({ watches: it.#watches, usersBy: it.#usersBy }),
      load: (it, from) => ({ watches: it.#watches, usersBy: it.#usersBy } = from),
    });
  }
}
