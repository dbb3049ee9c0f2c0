/**
 * Mounts that stand nowhere in a tree yet (fsmount(2), open_tree(2) with OPEN_TREE_CLONE). They have a namespace of
 * their own, in which nobody lives, and go with the descriptor that they were made with unless move_mount(2) puts them
 * somewhere.
 */
import { EINVAL, ENOSPC, isErrno } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { detachMount } from "./mount-lifetime.ts";
import { MountNamespace } from "./mount-namespace.ts";
import { copyMounts, sizeOfCopies } from "./mount-tree.ts";
import type { Mount } from "./mount.ts";
import { NamespaceInode } from "./namespace-file.ts";
import { Path } from "./path.ts";
import { PathOnlyFile } from "./path-only-file.ts";
import type { Caller, VfsKernel } from "./vfs-kernel.ts";

/**
 * Gives mounts that stand nowhere a namespace of their own.
 *
 * @param tree  parents first
 * @param madeIn  of which namespace it shows a part; null: of none
 * @returns what holds them
 */
export function detach(
  task: Caller,
  tree: readonly [Mount, ...Mount[]],
  madeIn: MountNamespace | null,
): DetachedMountFile {
  const { kernel } = task;
  const { owner } = task.fs.namespace;
  const [top, ...below] = tree;
  const namespace = new MountNamespace(top, { ino: 0, owner, creatorUid: 0, counts: null });
  namespace.isDetached = true;
  namespace.madeIn = madeIn;
  for (const mount of below) namespace.add(mount);
  kernel.vfs.mounts.change(owner, tree.length);
  return new DetachedMountFile(kernel, new Path(top, top.root));
}

/**
 * Do copies of what stands there belong to a namespace: what is mounted in it, what was copied from it and stands
 * nowhere yet, and namespaces themselves (fs/namespace.c, may_copy_tree)?
 */
export function mayTake(current: MountNamespace, { mount: { namespace }, dentry }: Path): boolean {
  if (namespace === current || dentry.inode instanceof NamespaceInode) return true;
  return namespace !== null && namespace.isDetached && (namespace.madeIn ?? current) === current;
}

/** open_tree(2) with OPEN_TREE_CLONE. @param isWhole  AT_RECURSIVE */
export function copyDetached(task: Caller, source: Path, isWhole: boolean): DetachedMountFile | number {
  const { kernel } = task;
  const current = task.fs.namespace;
  const { namespace } = source.mount;
  if (!mayTake(current, source)) return -EINVAL;
  if (!source.mount.isUnbindable && !kernel.vfs.hasMountRoom(current, sizeOfCopies(kernel, source, isWhole)))
    return -ENOSPC;
  const copies = copyMounts(kernel, source, isWhole);
  return isErrno(copies) ? copies : detach(task, copies, namespace?.isDetached === true ? namespace.madeIn : current);
}

/** A detached tree comes to stand at a place. */
export function moveBetweenNamespaces(
  { vfs }: VfsKernel,
  tree: readonly [Mount, ...Mount[]],
  { mount: parent, dentry }: Path,
): void {
  const [top] = tree;
  const from = top.namespace!,
    to = parent.namespace!;
  for (const mount of [...tree].reverse()) from.remove(mount);
  dentry.retain();
  top.parent = parent;
  top.mountPoint = dentry;
  for (const mount of tree) to.add(mount);
  vfs.mounts.change(from.owner, -tree.length);
  vfs.mounts.change(to.owner, tree.length);
}

export class DetachedMountFile extends PathOnlyFile {
  readonly kernel: VfsKernel;

  constructor(kernel: VfsKernel, path: Path) {
    super(0, path);
    this.kernel = kernel;
  }

  protected override dispose(): void {
    const { mount } = this.path!;
    const { namespace } = mount;
    if (namespace === null || !namespace.isDetached || namespace.root !== mount) return;
    for (const each of [...namespace.mounts].reverse()) detachMount(this.kernel, each);
  }

  static {
    stateClass("DetachedMountFile", this);
  }
}
