/** Mounts that come to stand elsewhere, and into others' peer groups: MS_MOVE of mount(2), and move_mount(2). */
import { CAP_SYS_ADMIN, EINVAL, ELOOP, ENOENT, ENOSPC, EPERM } from "@stratos/abi";
import { isCapable } from "../security/credentials.ts";
import { isBelow } from "./dentry.ts";
import { pinChild } from "./dentry-cache.ts";
import { moveBetweenNamespaces } from "./detached-mount.ts";
import { hasRoomForCopies, propagateMounts, receiversOf } from "./mount-propagation.ts";
import { isGone, isMountBelow, mountsBelow, topAt } from "./mount-tree.ts";
import type { Mount } from "./mount.ts";
import { enslave, joinGroup } from "./peer-group.ts";
import { Path } from "./path.ts";
import type { Caller } from "./vfs-kernel.ts";

/**
 * Moves a mount with all that is on it (fs/namespace.c, do_move_mount).
 *
 * @param isBeneath  not over what is mounted at the place, but under it (MOVE_MOUNT_BENEATH)
 * @returns 0, −EINVAL, −ELOOP (into itself), −ENOENT (the place is gone), −ENOSPC
 */
export function moveMount(task: Caller, source: Path, place: Path, isBeneath: boolean): number {
  const { kernel } = task;
  const current = task.fs.namespace;
  const { mount } = source;
  if (source.dentry !== mount.root) return -EINVAL;
  if (mount.root.inode!.isDirectory !== place.dentry.inode!.isDirectory) return -EINVAL;
  const top = topAt(place);
  if (isBeneath && (top.dentry !== top.mount.root || top.mount.parent === null)) return -EINVAL;
  const target = isBeneath ? new Path(top.mount.parent!, top.mount.mountPoint!) : top;
  if (isGone(target)) return -ENOENT;
  const from = mount.namespace,
    to = target.mount.namespace;
  if (to === null) return -EINVAL;
  if (current.has(mount)) {
    // Those who heard of it where it was would have to hear that it is gone. The first root goes into itself (below).
    if (mount.isLocked || (mount.parent?.group ?? null) !== null || to !== current) return -EINVAL;
  } else {
    if (from === null || !from.isDetached || from.root !== mount || from === to) return -EINVAL;
    if (to !== current && !(to.isDetached && (to.madeIn === null || to.madeIn === current))) return -EINVAL;
  }
  if (isBeneath && !mayGoBeneath(task, mount, top.mount)) return -EINVAL;
  const tree: readonly [Mount, ...Mount[]] = [mount, ...mountsBelow(kernel, source)];
  if (target.mount.group !== null && tree.some(({ isUnbindable }) => isUnbindable)) return -EINVAL;
  if (isMountBelow(target.mount, mount)) return -ELOOP;
  const receivers = receiversOf(target.mount, target.dentry);
  if (!hasRoomForCopies(kernel, receivers, tree.length)) return -ENOSPC;
  if (from !== to && !kernel.vfs.hasMountRoom(to, tree.length)) return -ENOSPC;
  pinChild(kernel, target.dentry);
  if (from === to) to.move(mount, target.mount, target.dentry);
  else moveBetweenNamespaces(kernel, tree, target);
  if (isBeneath) to.move(top.mount, mount, mount.root);
  propagateMounts(kernel, tree, receivers);
  return 0;
}

/** As fs/namespace.c, can_move_mount_beneath: nothing is covered by a copy of what comes beneath it. */
function mayGoBeneath(task: Caller, mount: Mount, over: Mount): boolean {
  const { parent, mountPoint } = over;
  if (over.isLocked || over === task.fs.root.mount || isMountBelow(mount, over)) return false;
  if (mount.namespace!.mountedAt(mount, mount.root) !== null) return false;
  const wouldCover = (other: Mount): boolean =>
    other.root === mountPoint && receiversOf(parent!, mountPoint!).includes(other);
  return !wouldCover(over) && !(task.fs.namespace.has(mount) && wouldCover(mount));
}

/** MOVE_MOUNT_SET_GROUP: a private mount hears and tells what another of the same file system does. */
export function shareWith(task: Caller, from: Path, to: Path): number {
  for (const { mount } of [from, to]) {
    if (mount.namespace === null) return -EINVAL;
    if (!isCapable(task.credentials, CAP_SYS_ADMIN, mount.namespace.owner)) return -EPERM;
  }
  const model = from.mount,
    mount = to.mount;
  if (from.dentry !== model.root || to.dentry !== mount.root || model.fileSystem !== mount.fileSystem) return -EINVAL;
  if (!isBelow(mount.root, model.root)) return -EINVAL;
  // What is covered there would be seen.
  const covered = new Path(model, mount.root);
  if (mountsBelow(task.kernel, covered).some(({ isLocked }) => isLocked)) return -EINVAL;
  if (mount.group !== null || mount.master !== null || (model.group === null && model.master === null)) return -EINVAL;
  if (model.master !== null) enslave(mount, model.master);
  if (model.group !== null) joinGroup(mount, model.group);
  mount.namespace!.changes.changed();
  return 0;
}
