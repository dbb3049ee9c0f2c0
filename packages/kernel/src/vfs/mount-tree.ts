/** Mounts by where they stand: what is on top at a place, what is below it, and copies of a tree. */
import { EINVAL, ENOENT, ENOSPC, ENOTDIR } from "@stratos/abi";
import { type Dentry, isBelow } from "./dentry.ts";
import { pinChild } from "./dentry-cache.ts";
import type { FileSystem } from "./file-system.ts";
import { copyMount, createMount, perMountFlags } from "./mount-lifetime.ts";
import type { MountNamespace } from "./mount-namespace.ts";
import { hasRoomForCopies, propagateMounts, receiversOf } from "./mount-propagation.ts";
import type { Mount } from "./mount.ts";
import { inheritPropagation } from "./peer-group.ts";
import { Path } from "./path.ts";
import type { VfsKernel } from "./vfs-kernel.ts";

/**
 * What is mounted last over a place. A way that ends in "." or at the root stays below what was mounted there since,
 * and mounts are made and taken away on top (fs/namei.c, handle_lookup_down; fs/namespace.c, do_lock_mount).
 */
export function topAt(path: Path): Path {
  for (let over = coverAt(path); over !== null; over = coverAt(path)) path = new Path(over, over.root);
  return path;
}

function coverAt({ mount, dentry }: Path): Mount | null {
  return mount.namespace?.mountedAt(mount, dentry) ?? null;
}

/** What is mounted below a place, parents first, each followed by what is on it (fs/namespace.c, next_mnt). */
export function mountsBelow(kernel: VfsKernel, { mount, dentry }: Path): Mount[] {
  const { namespace } = mount;
  if (namespace === null) return [];
  kernel.work.charge(namespace.mounts.length >> 2);
  return namespace.below(mount, (child) => isBelow(child.mountPoint!, dentry));
}

export function isMountBelow(mount: Mount, above: Mount): boolean {
  for (let at: Mount | null = mount; at !== null; at = at.parent) if (at === above) return true;
  return false;
}

/**
 * Copies of what a place shows, which stand nowhere yet: MS_BIND and open_tree(2).
 *
 * @param isWhole  with what is mounted below
 * @returns parents first; −EINVAL: it can't be bound, or something covered there would be seen
 */
export function copyMounts(kernel: VfsKernel, source: Path, isWhole: boolean): [Mount, ...Mount[]] | number {
  const { mount, dentry } = source;
  const refused = mayCopy(kernel, source, isWhole);
  if (refused < 0) return refused;
  const top = createMount(kernel, mount.fileSystem, dentry, null, null, mount.flags, mount.source);
  top.takeRules(mount);
  inheritPropagation(mount, top, false);
  const copies = new Map([[mount, top]]);
  const tree: [Mount, ...Mount[]] = [top];
  for (const child of isWhole ? mountsBelow(kernel, source) : []) {
    if (isBelowUnbindable(child, mount)) continue;
    const copy = copyMount(kernel, child, copies.get(child.parent!)!, child.mountPoint!);
    inheritPropagation(child, copy, false);
    copies.set(child, copy);
    tree.push(copy);
  }
  return tree;
}

/** −EINVAL: it can't be bound, or something covered there would be seen (fs/namespace.c, has_locked_children). */
export function mayCopy(kernel: VfsKernel, source: Path, isWhole: boolean): number {
  const shows = !isWhole && mountsBelow(kernel, source).some(({ isLocked }) => isLocked);
  return shows || source.mount.isUnbindable ? -EINVAL : 0;
}

/** How many mounts `copyMounts` would make. */
export function sizeOfCopies(kernel: VfsKernel, source: Path, isWhole: boolean): number {
  if (!isWhole) return 1;
  return 1 + mountsBelow(kernel, source).filter((each) => !isBelowUnbindable(each, source.mount)).length;
}

function isBelowUnbindable(mount: Mount, top: Mount): boolean {
  for (let at = mount; at !== top; at = at.parent!) if (at.isUnbindable) return true;
  return false;
}

/** Can nothing be mounted there any more, or ever? */
export function isGone({ mount, dentry }: Path): boolean {
  return mount.namespace === null || dentry.isUnlinked || !dentry.inode!.isMountable;
}

/**
 * May `size` mounts, of which the first has this root, be put there? 0, −ENOENT (it is gone, or nothing is mounted over
 * it), −ENOTDIR (one of both alone is a directory), −ENOSPC.
 */
export function mayAttach(
  kernel: VfsKernel,
  namespace: MountNamespace,
  place: Path,
  isDirectory: boolean,
  size: number,
): number {
  if (!kernel.vfs.hasMountRoom(namespace, size)) return -ENOSPC;
  if (isGone(place)) return -ENOENT;
  if (isDirectory !== place.dentry.inode!.isDirectory) return -ENOTDIR;
  return hasRoomForCopies(kernel, receiversOf(place.mount, place.dentry), size) ? 0 : -ENOSPC;
}

/** Puts mounts that stand nowhere at a place: `mayAttach` was asked. @param tree  parents first */
export function attachMounts(
  kernel: VfsKernel,
  namespace: MountNamespace,
  place: Path,
  tree: readonly [Mount, ...Mount[]],
): void {
  const receivers = receiversOf(place.mount, place.dentry);
  pinChild(kernel, place.dentry);
  place.dentry.retain();
  const [top] = tree;
  top.parent = place.mount;
  top.mountPoint = place.dentry;
  for (const mount of tree) namespace.add(mount);
  kernel.vfs.mounts.change(namespace.owner, tree.length);
  propagateMounts(kernel, tree, receivers);
}

/** Mounts a file system, or what lies below one of its entries. @returns as `mayAttach` */
export function mountHere(
  kernel: VfsKernel,
  namespace: MountNamespace,
  place: Path,
  fileSystem: FileSystem,
  root: Dentry,
  flags: number,
  source: string,
): Mount | number {
  const refused = mayAttach(kernel, namespace, place, root.inode!.isDirectory, 1);
  if (refused < 0) return refused;
  const mount = createMount(kernel, fileSystem, root, null, null, perMountFlags(flags), source);
  attachMounts(kernel, namespace, place, [mount]);
  return mount;
}
