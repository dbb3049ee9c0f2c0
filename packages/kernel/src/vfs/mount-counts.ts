import { stateClass } from "@stratos/base";
import type { UserNamespace } from "../security/user-namespace.ts";

/** What fs.mount-max (proc_sys_fs(5)) may be set to: mounts of a namespace; also those of a user in user namespaces. */
export const MOUNTS_MAX = 10_000;
/** Mounts of all namespaces together: memory of the host. */
const ALL_MOUNTS_MAX = 50_000;
/** Those of user namespaces leave room for what the machine's root mounts. */
const USER_MOUNTS_MAX = ALL_MOUNTS_MAX - MOUNTS_MAX;

/**
 * How many mounts there are, and may be. What is mounted in a user namespace, or below it, counts for the user who made
 * the outermost one, so that nobody uses up the machine's mounts by namespaces of his own.
 */
export class MountCounts {
  all = 0;
  /** Bound: users who have mounts in user namespaces. */
  #byUser = new Map<number, number>();
  #ofUsers = 0;

  /** Is there room for `more` in a mount namespace of that owner? Else ENOSPC (mount(2)). */
  hasRoom(owner: UserNamespace, more: number): boolean {
    if (this.all + more > ALL_MOUNTS_MAX) return false;
    const user = answersFor(owner);
    return user === null || (this.of(user) + more <= MOUNTS_MAX && this.#ofUsers + more <= USER_MOUNTS_MAX);
  }

  /** Mounts that count for the user. */
  of(user: number): number {
    return this.#byUser.get(user) ?? 0;
  }

  /** @param change  mounts that came, or went when it is negative */
  change(owner: UserNamespace, change: number): void {
    this.all += change;
    const user = answersFor(owner);
    if (user === null) return;
    this.#ofUsers += change;
    const count = this.of(user) + change;
    if (count > 0) this.#byUser.set(user, count);
    else this.#byUser.delete(user);
  }

  static {
    stateClass("MountCounts", this, {
      save: (it) => ({ byUser: it.#byUser, ofUsers: it.#ofUsers }),
      load: (it, from) => ({ byUser: it.#byUser, ofUsers: it.#ofUsers } = from),
    });
  }
}

/** Who made the outermost user namespace that it is in; null: it is the initial one. */
function answersFor(owner: UserNamespace): number | null {
  let user: number | null = null;
  for (let at = owner; at.parent !== null; at = at.parent) user = at.creatorUid;
  return user;
}
