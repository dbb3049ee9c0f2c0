/**
 * Who hears of whose mounts (mount_namespaces(7), "Shared subtrees"; Linux's fs/pnode.c). Members of a peer group tell
 * each other what is mounted on them and taken away; slaves of a group hear of it and tell nobody but those of a group
 * of their own.
 *
 *     peer group 1   members [ a, b ]   slaves [ c, d ]     what comes to a comes to b, c, d and e
 *     peer group 2   members [ d, e ]                       what comes to d comes to e
 */
import { stateClass } from "@stratos/base";
import { type Dentry, isBelow } from "./dentry.ts";
import type { Mount } from "./mount.ts";

export class PeerGroup {
  readonly id: number;
  readonly members: Mount[] = [];
  readonly slaves: Mount[] = [];

  constructor(id: number) {
    this.id = id;
  }

  /** The group that the group's members are slaves of. */
  get master(): PeerGroup | null {
    return this.members.find(({ master }) => master !== null)?.master ?? null;
  }

  static {
    stateClass("PeerGroup", this);
  }
}

/** Those of a machine. Bound: its mounts. */
export class PeerGroups {
  #ids = new Set<number>();
  #lowestFree = 1;

  create(): PeerGroup {
    while (this.#ids.has(this.#lowestFree)) this.#lowestFree++;
    this.#ids.add(this.#lowestFree);
    return new PeerGroup(this.#lowestFree);
  }

  release({ id }: PeerGroup): void {
    this.#ids.delete(id);
    this.#lowestFree = Math.min(this.#lowestFree, id);
  }

  static {
    stateClass("PeerGroups", this, {
      save: (it) => ({ ids: it.#ids, lowestFree: it.#lowestFree }),
      load: (it, from) => ({ ids: it.#ids, lowestFree: it.#lowestFree } = from),
    });
  }
}

export type Propagation = "shared" | "slave" | "private" | "unbindable";

export function setPropagation(groups: PeerGroups, mount: Mount, propagation: Propagation): void {
  mount.isUnbindable = propagation === "unbindable";
  if (propagation === "shared") {
    if (mount.group === null) joinGroup(mount, groups.create());
    return;
  }
  leaveGroup(groups, mount);
  if (propagation !== "slave") enslave(mount, null);
}

export function joinGroup(mount: Mount, group: PeerGroup): void {
  mount.group = group;
  group.members.push(mount);
}

/** @param master  null: it is nobody's slave any more */
export function enslave(mount: Mount, master: PeerGroup | null): void {
  if (mount.master !== null) remove(mount.master.slaves, mount);
  mount.master = master;
  master?.slaves.push(mount);
}

/** A member becomes a slave of those that stay; the last one leaves its slaves to its own master. */
function leaveGroup(groups: PeerGroups, mount: Mount): void {
  const { group } = mount;
  if (group === null) return;
  mount.group = null;
  remove(group.members, mount);
  if (group.members.length > 0) return enslave(mount, group);
  for (const slave of [...group.slaves]) enslave(slave, mount.master);
  groups.release(group);
}

function remove(mounts: Mount[], mount: Mount): void {
  mounts.splice(mounts.indexOf(mount), 1);
}

/** A copy hears what its original hears. @param asSlave  of a shared mount it is to hear and not to tell */
export function inheritPropagation(mount: Mount, copy: Mount, asSlave: boolean): void {
  if (asSlave && mount.group !== null) return enslave(copy, mount.group);
  if (mount.group !== null) joinGroup(copy, mount.group);
  if (mount.master !== null) enslave(copy, mount.master);
}

/** Where else is mounted what is mounted on `mount` at `point`? Masters come before their slaves. */
export function receiversOf(mount: Mount, point: Dentry): Mount[] {
  if (mount.group === null) return [];
  const found: Mount[] = [];
  const groups = new Set([mount.group]);
  const consider = (other: Mount): void => {
    if (other !== mount && isBelow(point, other.root)) found.push(other);
  };
  for (const { members, slaves } of groups) {
    members.forEach(consider);
    for (const slave of slaves) {
      if (slave.group === null) consider(slave);
      else groups.add(slave.group);
    }
  }
  return found;
}
