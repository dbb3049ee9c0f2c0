import { stateClass, stateConstant } from "@stratos/base";
import { IdMap } from "./id-map.ts";
import { INITIAL_NAMESPACE_INO, Namespace, type NamespaceKind, type NamespaceOrigin } from "./namespace.ts";
import type { NamespaceCounts } from "./namespace-counts.ts";

/** Levels of user namespaces, and of pid namespaces, below the initial one (user_namespaces(7), pid_namespaces(7)). */
export const NAMESPACE_LEVELS_MAX = 32;

/** Whose ids and capabilities count (user_namespaces(7)). The initial one has no parent, and every id is itself. */
export class UserNamespace extends Namespace {
  readonly kind = "user";
  readonly parent: UserNamespace | null;
  readonly level: number;
  /** Of who made it, in ids of the initial namespace; `creatorUid` has all capabilities in it, from its parent. */
  readonly creatorGid: number;
  uids: IdMap;
  gids: IdMap;
  /** Of projects (quotas): no file here has one, but programs set the map up. */
  projects: IdMap;
  /** /proc/PID/setgroups. */
  allowsSetgroups = true;
  /** Did its maker have CAP_SETFCAP in the parent? Else nobody maps its uid 0 from inside. */
  readonly mayMapRoot: boolean;

  #userCounts: NamespaceCounts | null;

  /** @param parent  null: the initial one */
  constructor(
    parent: UserNamespace | null,
    origin: { ino: number; counts: NamespaceCounts | null },
    creator: { uid: number; gid: number; mayMapRoot: boolean },
  ) {
    super({ ...origin, owner: parent!, creatorUid: creator.uid });
    this.#userCounts = origin.counts;
    this.#userCounts?.begin(this);
    this.parent = parent;
    this.level = parent === null ? 0 : parent.level + 1;
    this.creatorGid = creator.gid;
    this.mayMapRoot = creator.mayMapRoot;
    this.uids = this.gids = this.projects = new IdMap(parent === null ? null : []);
    this.allowsSetgroups = parent?.allowsSetgroups ?? true;
  }

  override get parentNamespace(): UserNamespace | null {
    return this.parent;
  }

  override retain(): this {
    return this.parent === null ? this : super.retain();
  }

  override release(): void {
    if (this.parent !== null) super.release();
  }

  protected override dispose(): void {
    this.#userCounts?.end(this);
  }

  /** Is it `other`, or below one that `uid` made in it? */
  isMadeBelow(other: UserNamespace, uid: number): boolean {
    for (let at: UserNamespace | null = this; at !== null; at = at.parent)
      if (at === other || (at.parent === other && at.creatorUid === uid)) return true;
    return false;
  }

  /** The uid of the initial namespace that is 0 here, which programs here know as root; −1: nobody is. */
  get rootUid(): number {
    return this.uids.toKernel(0);
  }

  /** Has it names for both? Who has a capability in it has it over files of such owners alone. */
  hasIds(uid: number, gid: number): boolean {
    return this.uids.fromKernel(uid) >= 0 && this.gids.fromKernel(gid) >= 0;
  }

  /** The first that has names for both, from here upward: whose tracers may read a program that isn't shown. */
  nearestWithIds(uid: number, gid: number): UserNamespace {
    let at: UserNamespace = this;
    while (at.parent !== null && !at.hasIds(uid, gid)) at = at.parent;
    return at;
  }

  /** Is it `other`, or below it? */
  isWithin(other: UserNamespace): boolean {
    for (let at: UserNamespace | null = this; at !== null; at = at.parent) if (at === other) return true;
    return false;
  }

  static {
    stateClass("UserNamespace", this, {
      save: (it) => ({ userCounts: it.#userCounts }),
      load: (it, from) => ({ userCounts: it.#userCounts } = from),
    });
  }
}

/** The one that a machine begins with. It has nothing that changes, so that all machines share it. */
export const INITIAL_USER_NAMESPACE: UserNamespace = stateConstant(
  "INITIAL_USER_NAMESPACE",
  new UserNamespace(null, { ino: INITIAL_NAMESPACE_INO.user, counts: null }, { uid: 0, gid: 0, mayMapRoot: true }),
);

/** What the initial namespace of a kind is made with. */
export function initialOrigin(kind: NamespaceKind): NamespaceOrigin {
  return { ino: INITIAL_NAMESPACE_INO[kind], owner: INITIAL_USER_NAMESPACE, creatorUid: 0, counts: null };
}
