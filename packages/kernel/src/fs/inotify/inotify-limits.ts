import { stateClass } from "@stratos/base";
import type { Credentials } from "../../security/credentials.ts";

/** Watches and events of all users together: memory of the host. */
const WATCHES_MOST = 1 << 19,
  EVENTS_MOST = 1 << 20;

/** How much of inotify each user may have (inotify(7), "/proc interfaces"). */
export class InotifyLimits {
  /** fs.inotify.max_queued_events, for instances that are made from now on. */
  maximumEvents = 16384;
  /** fs.inotify.max_user_instances, and max_user_watches. */
  maximumInstances = 128;
  maximumWatches = 65536;
  /** Events that wait. */
  events = 0;
  #watches = 0;
  #usersBy = new Map<number, { instances: number; watches: number }>();

  /** One instance more of the user. @returns false when there are enough (EMFILE) */
  addInstance({ uid }: Credentials): boolean {
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
  addWatch(uid: number): boolean {
    const use = this.#usersBy.get(uid)!;
    if (use.watches >= this.maximumWatches || this.#watches >= WATCHES_MOST) return false;
    use.watches++;
    this.#watches++;
    return true;
  }

  removeWatch(uid: number): void {
    this.#usersBy.get(uid)!.watches--;
    this.#watches--;
  }

  /** No instance may queue more: what happens is lost, with IN_Q_OVERFLOW. */
  get isFull(): boolean {
    return this.events >= EVENTS_MOST;
  }

  static {
    stateClass("InotifyLimits", this, {
      save: (it) => ({ watches: it.#watches, usersBy: it.#usersBy }),
      load: (it, from) => ({ watches: it.#watches, usersBy: it.#usersBy } = from),
    });
  }
}
