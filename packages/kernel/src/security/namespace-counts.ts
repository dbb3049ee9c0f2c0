import { stateClass } from "@stratos/base";
import { INITIAL_USER_NAMESPACE, type UserNamespace } from "./user-namespace.ts";
import { NAMESPACE_KINDS, type NamespaceKind } from "./namespace.ts";

/** What /proc/sys/user/max_*_namespaces begin with (namespaces(7)). Each namespace is memory of the host. */
export const NAMESPACES_MOST = 1024;

/** What else is counted for each user: instances and watches of inotify(7), listeners and marks of fanotify(7). */
export const WATCH_KINDS = ["inotify_instances", "inotify_watches", "fanotify_groups", "fanotify_marks"] as const;
export type WatchKind = (typeof WATCH_KINDS)[number];
/** A limit of these that is none. */
export const WATCHES_MOST = 0x7fffffff;
type Kind = NamespaceKind | WatchKind;
const KINDS: readonly Kind[] = [...NAMESPACE_KINDS, ...WATCH_KINDS];

type Numbers = Record<Kind, number>;

type WatchNumbers = Readonly<Record<WatchKind, number>>;
/** What inotify(7) and fanotify(7) tell of /proc/sys/fs. */
const WATCHES_START: WatchNumbers = {
  inotify_instances: 128,
  inotify_watches: 65536,
  fanotify_groups: 128,
  fanotify_marks: 65536,
};
const WATCHES_ANY = eachWatch(WATCHES_MOST),
  WATCHES_NONE = eachWatch(0);

/** Limits of a user namespace and how many of each kind each user has made in it, and below. */
interface Counts {
  readonly limits: Numbers;
  /** By uid of the initial namespace. Bound: namespaces. */
  readonly byUser: Map<number, Numbers>;
}

/**
 * How many namespaces there are, and may be (namespaces(7), "The /proc/sys/user directory"), and watches. A new one
 * counts for the user who makes it in his user namespace, and for that one's maker in the one above, up to the initial
 * one.
 */
export class NamespaceCounts {
  /** Bound: user namespaces. */
  #counts = new Map<UserNamespace, Counts>([[INITIAL_USER_NAMESPACE, startCounts(WATCHES_START)]]);

  /** Counts one more; false (ENOSPC): a limit on the way up is reached, and nothing is counted. */
  charge(namespace: UserNamespace, uid: number, kind: Kind): boolean {
    for (let at: UserNamespace | null = namespace, user = uid; at !== null; user = at.creatorUid, at = at.parent) {
      const { limits, byUser } = this.#counts.get(at)!;
      if ((byUser.get(user)?.[kind] ?? 0) >= limits[kind]) return false;
    }
    this.#add(namespace, uid, kind, 1);
    return true;
  }

  discharge(namespace: UserNamespace, uid: number, kind: Kind): void {
    this.#add(namespace, uid, kind, -1);
  }

  #add(namespace: UserNamespace, uid: number, kind: Kind, change: number): void {
    for (let at: UserNamespace | null = namespace, user = uid; at !== null; user = at.creatorUid, at = at.parent) {
      // A watch may outlive the namespace of its maker: its file was handed on.
      const byUser = this.#counts.get(at)?.byUser;
      if (byUser === undefined) continue;
      const numbers = byUser.get(user) ?? startNumbers(0, WATCHES_NONE);
      numbers[kind] += change;
      if (KINDS.some((each) => numbers[each] > 0)) byUser.set(user, numbers);
      else byUser.delete(user);
    }
  }

  begin(namespace: UserNamespace): void {
    this.#counts.set(namespace, startCounts());
  }

  end(namespace: UserNamespace): void {
    this.#counts.delete(namespace);
  }

  limit(namespace: UserNamespace, kind: Kind): number {
    return this.#counts.get(namespace)!.limits[kind];
  }

  setLimit(namespace: UserNamespace, kind: Kind, value: number): void {
    this.#counts.get(namespace)!.limits[kind] = value;
  }

  static {
    stateClass("NamespaceCounts", this, {
      save: (it) => ({ counts: it.#counts }),
      load: (it, from) => ({ counts: it.#counts } = from),
    });
  }
}

/** Below the initial one only the limits above it hold, until somebody sets its own. */
function startCounts(watches = WATCHES_ANY): Counts {
  return { limits: startNumbers(NAMESPACES_MOST, watches), byUser: new Map() };
}

function startNumbers(value: number, watches: WatchNumbers): Numbers {
  return {
    cgroup: value,
    ipc: value,
    mnt: value,
    net: value,
    pid: value,
    time: value,
    user: value,
    uts: value,
    ...watches,
  };
}

function eachWatch(value: number): WatchNumbers {
  return { inotify_instances: value, inotify_watches: value, fanotify_groups: value, fanotify_marks: value };
}
