/**
 * Who hears of whose mounts (mount_namespaces(7), "Shared subtrees"; Linux's fs/pnode.c). Members of a peer group tell
 * each other what is mounted on them and taken away; slaves of a group hear of it and tell nobody but those of a group
 * of their own.
 *
 *     peer group 1   members [ a, b ]   slaves [ c, d ]     what comes to a comes to b, c, d and e
 *     peer group 2   members [ d, e ]                       what comes to d comes to e
 */
import { stateClass } from "@stratos/base";

/** A mount, as far as it is told of others' mounts. */
interface Peer<M extends Peer<M>> {
  group: PeerGroup<M> | null;
  master: PeerGroup<M> | null;
  isUnbindable: boolean;
}

export class PeerGroup<M extends Peer<M>> {
  readonly id: number;
  readonly members: M[] = [];
  readonly slaves: M[] = [];

  constructor(id: number) {
    this.id = id;
  }

  /** The group that the group's members are slaves of. */
  get master(): PeerGroup<M> | null {
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

  create<M extends Peer<M>>(): PeerGroup<M> {
    while (this.#ids.has(this.#lowestFree)) this.#lowestFree++;
    this.#ids.add(this.#lowestFree);
    return new PeerGroup<M>(this.#lowestFree);
  }

  release({ id }: { readonly id: number }): void {
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

export function setPropagation<M extends Peer<M>>(groups: PeerGroups, mount: M, propagation: Propagation): void {
  if (propagation !== "slave") mount.isUnbindable = propagation === "unbindable";
  if (propagation === "shared") {
    if (mount.group === null) joinGroup(mount, groups.create());
    return;
  }
  leaveGroup(groups, mount);
  if (propagation !== "slave") enslave(mount, null);
}

export function joinGroup<M extends Peer<M>>(mount: M, group: PeerGroup<M>): void {
  mount.group = group;
  group.members.push(mount);
}

/** @param master  null: it is nobody's slave any more */
export function enslave<M extends Peer<M>>(mount: M, master: PeerGroup<M> | null): void {
  if (mount.master !== null) remove(mount.master.slaves, mount);
  mount.master = master;
  master?.slaves.push(mount);
}

/** A member becomes a slave of those that stay; the last one leaves its slaves to its own master. */
function leaveGroup<M extends Peer<M>>(groups: PeerGroups, mount: M): void {
  const { group } = mount;
  if (group === null) return;
  mount.group = null;
  remove(group.members, mount);
  if (group.members.length > 0) return enslave(mount, group);
  for (const slave of [...group.slaves]) enslave(slave, mount.master);
  groups.release(group);
}

function remove<M>(mounts: M[], mount: M): void {
  mounts.splice(mounts.indexOf(mount), 1);
}

/** A copy hears what its original hears. @param asSlave  of a shared mount it is to hear and not to tell */
export function inheritPropagation<M extends Peer<M>>(mount: M, copy: M, asSlave: boolean): void {
  if (asSlave && mount.group !== null) return enslave(copy, mount.group);
  if (mount.group !== null) joinGroup(copy, mount.group);
  if (mount.master !== null) enslave(copy, mount.master);
}
