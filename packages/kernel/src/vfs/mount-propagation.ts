/**
 * What is mounted on a shared mount, or taken away from it, is so on its peers and on their slaves as well
 * (mount_namespaces(7), "Shared subtrees"). Read first: peer-group.ts.
 */
import type { Mount } from "./mount.ts";
import type { MountNamespace } from "./mount-namespace.ts";
import { copyMount, detachMount, restrictMount } from "./mount-lifetime.ts";
import { type Dentry, isBelow } from "./dentry.ts";
import { enslave, inheritPropagation, joinGroup, type PeerGroup, setPropagation } from "./peer-group.ts";
import type { VfsKernel } from "./vfs-kernel.ts";

/**
 * Where else is mounted what is mounted on `mount` at `point`? Masters come before their slaves. What stands nowhere
 * yet tells of it and doesn't hear of it (fs/pnode.c, need_secondary).
 */
export function receiversOf(mount: Mount, point: Dentry): Mount[] {
  if (mount.group === null) return [];
  const found: Mount[] = [];
  const groups = new Set([mount.group]);
  const consider = (other: Mount): void => {
    if (other !== mount && isBelow(point, other.root) && other.namespace?.isDetached === false) found.push(other);
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

/** Has each namespace room for what its receivers get? Else ENOSPC. @param size  mounts that each gets */
export function hasRoomForCopies({ vfs }: VfsKernel, receivers: readonly Mount[], size: number): boolean {
  const more = new Map<MountNamespace, number>();
  for (const { namespace } of receivers) more.set(namespace!, (more.get(namespace!) ?? 0) + size);
  return [...more].every(([namespace, count]) => vfs.hasMountRoom(namespace, count));
}

/**
 * A tree was mounted: it becomes shared where its place is, and the receivers get copies.
 *
 * @param tree  parents first; in their namespace already
 * @param receivers  as `receiversOf` its place told before the tree was made
 */
export function propagateMounts(kernel: VfsKernel, tree: readonly Mount[], receivers: readonly Mount[]): void {
  const [top] = tree;
  const { group } = top!.parent!;
  if (group === null) return;
  kernel.work.charge(receivers.length * tree.length);
  for (const mount of tree) setPropagation(kernel.vfs.peerGroups, mount, "shared");
  // What was mounted on the first member of each group: the others get peers of it, slaves its slaves.
  const firsts = new Map<PeerGroup<Mount>, readonly Mount[]>([[group, tree]]);
  for (const receiver of receivers) {
    const peers = receiver.group === null ? undefined : firsts.get(receiver.group);
    if (peers !== undefined) {
      copyTree(kernel, peers, receiver, (mount, copy) => inheritPropagation(mount, copy, false));
      continue;
    }
    let master = receiver.master ?? receiver.group!.master!;
    while (!firsts.has(master)) master = master.master!;
    const copies = copyTree(kernel, firsts.get(master)!, receiver, (mount, copy) => {
      enslave(copy, mount.group);
      if (receiver.group !== null) joinGroup(copy, kernel.vfs.peerGroups.create());
    });
    if (receiver.group !== null) firsts.set(receiver.group, copies);
  }
}

/** @param relate  says what a copy hears and tells */
function copyTree(
  kernel: VfsKernel,
  tree: readonly Mount[],
  receiver: Mount,
  relate: (mount: Mount, copy: Mount) => void,
): Mount[] {
  const top = tree[0]!;
  const namespace = receiver.namespace!;
  const isElsewhere = namespace.owner !== top.namespace!.owner;
  const copies = new Map<Mount, Mount>([[top.parent!, receiver]]);
  // What stands there already comes to stand on the copy.
  const over = namespace.mountedAt(receiver, top.mountPoint!);
  for (const mount of tree) {
    const copy = copyMount(kernel, mount, copies.get(mount.parent!)!, mount.mountPoint!);
    copies.set(mount, copy);
    relate(mount, copy);
    copy.isLocked = isElsewhere && mount !== top;
    if (isElsewhere) restrictMount(copy);
    namespace.add(copy);
  }
  kernel.vfs.mounts.change(namespace.owner, tree.length);
  const copyOfTop = copies.get(top)!;
  if (over !== null) namespace.move(over, copyOfTop, copyOfTop.root);
  copies.delete(top.parent!);
  return [...copies.values()];
}

/** Takes a mount away, and what came with it to others. */
export function detachEverywhere(kernel: VfsKernel, mount: Mount): void {
  for (const each of goingWith(kernel, mount)) {
    // What merely covers it comes to stand in its place.
    const cover = coverOf(each);
    if (cover !== null) each.namespace!.move(cover, each.parent!, each.mountPoint!);
    detachMount(kernel, each);
  }
}

/** Is one of those in use that would be taken away with it? */
export function isBusyElsewhere(kernel: VfsKernel, mount: Mount): boolean {
  return goingWith(kernel, mount).some((each) => each !== mount && each.users > each.children);
}

/**
 * The mount, and those of its receivers at the same place but for what has mounts of its own that stay; children come
 * before their parents.
 */
export function goingWith(kernel: VfsKernel, mount: Mount): Mount[] {
  const going = new Set([mount]);
  const { parent, mountPoint } = mount;
  const receivers = parent === null || mountPoint === null ? [] : receiversOf(parent, mountPoint);
  kernel.work.charge(receivers.length);
  let waiting = receivers
    .map((receiver) => receiver.namespace!.mountedAt(receiver, mountPoint!))
    .filter((copy) => copy !== null && !copy.isLocked) as Mount[];
  for (let before = Infinity; waiting.length < before;) {
    before = waiting.length;
    waiting = waiting.filter((copy) => {
      if (mayGo(kernel, copy, going)) going.add(copy);
      return !going.has(copy);
    });
  }
  return [...going];
}

function mayGo(kernel: VfsKernel, copy: Mount, going: ReadonlySet<Mount>): boolean {
  if (copy.children === 0) return true;
  const { mounts } = copy.namespace!;
  kernel.work.charge(mounts.length >> 4);
  const staying = mounts.filter(({ parent }) => parent === copy).filter((child) => !going.has(child));
  return staying.length === 0 || (staying.length === 1 && staying[0] === coverOf(copy));
}

/** What is mounted over the root of a mount. */
function coverOf(mount: Mount): Mount | null {
  return mount.namespace!.mountedAt(mount, mount.root);
}
