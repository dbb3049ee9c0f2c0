import { stateClass } from "@stratos/base";
import type { NamespaceCounts, WatchKind } from "../security/namespace-counts.ts";
import type { UserNamespace } from "../security/user-namespace.ts";

/** Watches and events of all users together: memory of the host. */
const WATCHES_MOST = 1 << 19,
  EVENTS_MOST = 1 << 20;

/** Who has instances and watches. */
export interface WatchOwner {
  readonly userNamespace: UserNamespace;
  readonly uid: number;
}

/** How much of inotify, or of fanotify, each user may have (inotify(7), fanotify(7), "/proc interfaces"). */
export class WatchLimits {
  /** max_queued_events, for instances that are made from now on. */
  maximumEvents = 16384;
  /** Events that wait. */
  events = 0;
  #watches = 0;
  #counts: NamespaceCounts;
  readonly instances: WatchKind;
  readonly watches: WatchKind;

  constructor(counts: NamespaceCounts, instances: WatchKind, watches: WatchKind) {
    this.#counts = counts;
    this.instances = instances;
    this.watches = watches;
  }

  /** One instance more of the user. @returns false when there are enough (EMFILE) */
  addInstance({ userNamespace, uid }: WatchOwner): boolean {
    return this.#counts.charge(userNamespace, uid, this.instances);
  }

  removeInstance({ userNamespace, uid }: WatchOwner): void {
    this.#counts.discharge(userNamespace, uid, this.instances);
  }

  /** One watch more. @returns false when there are enough (ENOSPC) */
  addWatch({ userNamespace, uid }: WatchOwner, isUnlimited = false): boolean {
    if (this.#watches >= WATCHES_MOST) return false;
    if (!isUnlimited && !this.#counts.charge(userNamespace, uid, this.watches)) return false;
    this.#watches++;
    return true;
  }

  removeWatch({ userNamespace, uid }: WatchOwner, isUnlimited = false): void {
    if (!isUnlimited) this.#counts.discharge(userNamespace, uid, this.watches);
    this.#watches--;
  }

  /** No instance may queue more: what happens is lost, with an event that says so. */
  get isFull(): boolean {
    return this.events >= EVENTS_MOST;
  }

  static {
    stateClass("WatchLimits", this, {
      save: (it) => ({ watches: it.#watches, counts: it.#counts }),
      load: (it, from) => ({ watches: it.#watches, counts: it.#counts } = from),
    });
  }
}
