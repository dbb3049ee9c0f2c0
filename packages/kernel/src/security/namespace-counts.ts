import { stateClass } from "@stratos/base";
import { INITIAL_USER_NAMESPACE, type UserNamespace } from "./user-namespace.ts";
import { NAMESPACE_KINDS, type NamespaceKind } from "./namespace.ts";

/** What /proc/sys/user/max_*_namespaces begin with (namespaces(7)). Each namespace is memory of the host. */
export const NAMESPACES_MOST = 1024;

type Numbers = Record<NamespaceKind, number>;

/** Limits of a user namespace and how many namespaces each user has made in it, and below. */
interface Counts {
  readonly limits: Numbers;
  /** By uid of the initial namespace. Bound: namespaces. */
  readonly byUser: Map<number, Numbers>;
}

/**
 * How many namespaces there are, and may be (namespaces(7), "The /proc/sys/user directory"). A new one counts for the
 * user who makes it in his user namespace, and for that one's maker in the one above, up to the initial one.
 */
export class NamespaceCounts {
  /** Bound: user namespaces. */
  #counts = new Map<UserNamespace, Counts>([[INITIAL_USER_NAMESPACE, startCounts()]]);

  /** Counts one more; false (ENOSPC): a limit on the way up is reached, and nothing is counted. */
  charge(namespace: UserNamespace, uid: number, kind: NamespaceKind): boolean {
    for (let at: UserNamespace | null = namespace, user = uid; at !== null; user = at.creatorUid, at = at.parent) {
      const { limits, byUser } = this.#counts.get(at)!;
      if ((byUser.get(user)?.[kind] ?? 0) >= limits[kind]) return false;
    }
    this.#add(namespace, uid, kind, 1);
    return true;
  }

  discharge(namespace: UserNamespace, uid: number, kind: NamespaceKind): void {
    this.#add(namespace, uid, kind, -1);
  }

  #add(namespace: UserNamespace, uid: number, kind: NamespaceKind, change: number): void {
    for (let at: UserNamespace | null = namespace, user = uid; at !== null; user = at.creatorUid, at = at.parent) {
      const { byUser } = this.#counts.get(at)!;
      const numbers = byUser.get(user) ?? startNumbers(0);
      numbers[kind] += change;
      if (NAMESPACE_KINDS.some((each) => numbers[each] > 0)) byUser.set(user, numbers);
      else byUser.delete(user);
    }
  }

  begin(namespace: UserNamespace): void {
    this.#counts.set(namespace, startCounts());
  }

  end(namespace: UserNamespace): void {
    this.#counts.delete(namespace);
  }

  limit(namespace: UserNamespace, kind: NamespaceKind): number {
    return this.#counts.get(namespace)!.limits[kind];
  }

  setLimit(namespace: UserNamespace, kind: NamespaceKind, value: number): void {
    this.#counts.get(namespace)!.limits[kind] = value;
  }

  static {
    stateClass("NamespaceCounts", this, {
      save: (it) => ({ counts: it.#counts }),
      load: (it, from) => ({ counts: it.#counts } = from),
    });
  }
}

function startCounts(): Counts {
  return { limits: startNumbers(NAMESPACES_MOST), byUser: new Map() };
}

function startNumbers(value: number): Numbers {
  return { cgroup: value, ipc: value, mnt: value, net: value, pid: value, time: value, user: value, uts: value };
}
