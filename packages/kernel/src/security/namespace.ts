import { stateClass } from "@stratos/base";
import type { NamespaceCounts } from "./namespace-counts.ts";
import type { UserNamespace } from "./user-namespace.ts";

/** The kinds of namespaces(7), in the order in which /proc/PID/ns lists them. */
export const NAMESPACE_KINDS = ["cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"] as const;
export type NamespaceKind = (typeof NAMESPACE_KINDS)[number];

/** Numbers of the initial namespaces. Source: Linux include/linux/proc_ns.h; net and mnt have none fixed there. */
export const INITIAL_NAMESPACE_INO: Readonly<Record<NamespaceKind, number>> = {
  cgroup: 0xeffffffb,
  ipc: 0xefffffff,
  mnt: 0xf0000000,
  net: 0xeffffff9,
  pid: 0xeffffffc,
  time: 0xeffffffa,
  user: 0xeffffffd,
  uts: 0xeffffffe,
};

/** What a namespace is made with. */
export interface NamespaceOrigin {
  readonly ino: number;
  /** In which its rights count: who has a capability there has it over the namespace. */
  readonly owner: UserNamespace;
  /** Who made it, in ids of the initial namespace. */
  readonly creatorUid: number;
  /** Where it counts until nobody holds it any more; null: it stays (the initial ones). */
  readonly counts: NamespaceCounts | null;
}

/**
 * What a group of tasks sees of one kind of global thing (namespaces(7)). It lives while something holds it: tasks,
 * open files of /proc/PID/ns and mounts of them, namespaces below it.
 */
export abstract class Namespace {
  abstract readonly kind: NamespaceKind;
  /** For /proc/PID/ns. */
  readonly ino: number;
  readonly owner: UserNamespace;
  readonly creatorUid: number;
  users = 0;
  #counts: NamespaceCounts | null;

  constructor(origin: NamespaceOrigin) {
    this.ino = origin.ino;
    this.owner = origin.owner;
    this.creatorUid = origin.creatorUid;
    this.#counts = origin.counts;
    if (this.#counts !== null) this.owner.retain();
  }

  /** NS_GET_PARENT; null: it has none. */
  get parentNamespace(): Namespace | null {
    return null;
  }

  retain(): this {
    this.users++;
    return this;
  }

  release(): void {
    if (--this.users > 0 || this.#counts === null) return;
    this.dispose();
    this.#counts.discharge(this.owner, this.creatorUid, this.kind);
    this.owner.release();
  }

  /** Lets go of what it holds. */
  protected dispose(): void {}

  static {
    stateClass("Namespace", this, {
      save: (it) => ({ counts: it.#counts }),
      load: (it, from) => ({ counts: it.#counts } = from),
    });
  }
}
