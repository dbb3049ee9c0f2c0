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

/** Takes mounts away. @param going  as `goingWith` tells them */
export function detachAll(kernel: VfsKernel, going: readonly Mount[]): void {
  for (const each of going) {
    // What merely covers it comes to stand in its place.
    const cover = coverOf(each);
    if (cover !== null) each.namespace!.move(cover, each.parent!, each.mountPoint!);
    detachMount(kernel, each);
  }
}

/** Is one of those in use that would be taken away with the mount? */
export function isBusyElsewhere(going: readonly Mount[], mount: Mount): boolean {
  return going.some((each) => each !== mount && each.users > each.children);
}

/**
 * The mounts of a tree, and those of their receivers at the same places but for what has mounts of its own that stay;
 * children come before their parents. What stands on members of one group at one place is asked for once, so that the
 * time grows with the mounts alone, however many are each other's peers.
 */
export function goingWith(kernel: VfsKernel, tree: readonly Mount[]): Mount[] {
  const going = new Set(tree);
  const found: FoundChildren = new Map();
  const asked = new Map<PeerGroup<Mount>, Set<Dentry>>();
  const copies = new Set<Mount>();
  for (const { parent, mountPoint } of tree) {
    if (parent === null || mountPoint === null || parent.group === null) continue;
    let points = asked.get(parent.group);
    if (points === undefined) asked.set(parent.group, (points = new Set()));
    if (points.has(mountPoint)) continue;
    points.add(mountPoint);
    const receivers = receiversOf(parent, mountPoint);
    kernel.work.charge(receivers.length);
    for (const receiver of receivers) {
      const copy = childrenOf(kernel, receiver, found).findLast((child) => child.mountPoint === mountPoint);
      if (copy !== undefined && !copy.isLocked && !going.has(copy)) copies.add(copy);
    }
  }
  const depths = new Map<Mount, number>();
  for (const copy of deepestFirst([...copies], depths))
    if (mayGo(copy, childrenOf(kernel, copy, found), going)) going.add(copy);
  return deepestFirst([...going], depths);
}

/** Children of mounts by namespace: each namespace's are found when the first of them is asked for. */
type FoundChildren = Map<MountNamespace, ReadonlyMap<Mount, Mount[]>>;

/** Mounts that stand on a mount, the latest last. */
function childrenOf({ work }: VfsKernel, mount: Mount, found: FoundChildren): readonly Mount[] {
  if (mount.children === 0) return [];
  const namespace = mount.namespace!;
  let children = found.get(namespace);
  if (children === undefined) {
    work.charge(namespace.mounts.length >> 2);
    found.set(namespace, (children = namespace.childrenByParent()));
  }
  return children.get(mount) ?? [];
}

/** @param depths  those that are known, to which more are added */
function deepestFirst(mounts: Mount[], depths: Map<Mount, number>): Mount[] {
  for (const mount of mounts) {
    const way: Mount[] = [];
    let at: Mount | null = mount;
    for (; at !== null && !depths.has(at); at = at.parent) way.push(at);
    let depth = at === null ? 0 : depths.get(at)! + 1;
    for (const each of way.reverse()) depths.set(each, depth++);
  }
  return mounts.sort((one, other) => depths.get(other)! - depths.get(one)!);
}

function mayGo(copy: Mount, children: readonly Mount[], going: ReadonlySet<Mount>): boolean {
  const staying = children.filter((child) => !going.has(child));
  return staying.length === 0 || (staying.length === 1 && staying[0] === coverOf(copy));
}

/** What is mounted over the root of a mount. */
function coverOf(mount: Mount): Mount | null {
  return mount.namespace!.mountedAt(mount, mount.root);
}
