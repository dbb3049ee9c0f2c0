/** A mount's beginning and end, and that of its file system, which ends with the last of its mounts. */
import {
  MS_NOATIME,
  MS_NODEV,
  MS_NODIRATIME,
  MS_NOEXEC,
  MS_NOSUID,
  MS_NOSYMFOLLOW,
  MS_RDONLY,
  MS_RELATIME,
  MS_STRICTATIME,
} from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { WRITE_PORTION } from "../frames/page-cache.ts";
import type { UserNamespace } from "../security/user-namespace.ts";
import { Dentry } from "./dentry.ts";
import { dropAllDentries } from "./dentry-cache.ts";
import type { FileSystem } from "./file-system.ts";
import { endMarks } from "./fanotify-mark.ts";
import { notifyUnmount } from "./file-events.ts";
import { Mount } from "./mount.ts";
import { setPropagation } from "./peer-group.ts";
import { beginWriteBack, continueWriteBack, syncFileSystem } from "./write-back.ts";
import type { VfsKernel } from "./vfs-kernel.ts";

export const PER_MOUNT_FLAGS =
  MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME | MS_NODIRATIME | MS_RELATIME | MS_NOSYMFOLLOW;

export function rootEntry(kernel: VfsKernel, fileSystem: FileSystem): Dentry {
  let root = kernel.vfs.roots.get(fileSystem);
  if (root === undefined) {
    root = { dentry: new Dentry("/", null, fileSystem.root), mounts: 0, lingering: 0 };
    fileSystem.root.cachedNames++;
    kernel.vfs.roots.set(fileSystem, root);
  }
  return root.dentry;
}

/** Keeps a file system that is mounted nowhere, or by somebody who mounts it no more. @returns its root entry */
export function holdFileSystem(kernel: VfsKernel, fileSystem: FileSystem): Dentry {
  const entry = rootEntry(kernel, fileSystem);
  kernel.vfs.roots.get(fileSystem)!.lingering++;
  return entry;
}

export function releaseFileSystem(kernel: VfsKernel, fileSystem: FileSystem): void {
  kernel.vfs.roots.get(fileSystem)!.lingering--;
  finish(kernel, fileSystem);
}

/** @param flags  of the mount itself, as `perMountFlags` gives them */
export function createMount(
  kernel: VfsKernel,
  fileSystem: FileSystem,
  root: Dentry,
  parent: Mount | null,
  point: Dentry | null,
  flags: number,
  source: string,
): Mount {
  kernel.vfs.roots.get(fileSystem)!.mounts++;
  root.retain();
  return new Mount(kernel.vfs.allocateMountId(), fileSystem, root, parent, point, flags, source);
}

/** Access times are relative unless something else is asked for; MS_STRICTATIME is the strongest (mount(2)). */
export function perMountFlags(flags: number): number {
  const kept = flags & PER_MOUNT_FLAGS & ~MS_RELATIME;
  if ((flags & MS_STRICTATIME) !== 0) return kept & ~MS_NOATIME;
  return kept | ((flags & MS_NOATIME) === 0 ? MS_RELATIME : 0);
}

/** Another mount of the same, which is nowhere yet. */
export function copyMount(kernel: VfsKernel, mount: Mount, parent: Mount, point: Dentry): Mount {
  point.retain();
  const { fileSystem, root, flags, source } = mount;
  const copy = createMount(kernel, fileSystem, root, parent, point, flags, source);
  copy.isLocked = mount.isLocked;
  copy.takeRules(mount);
  return copy;
}

/** In another user namespace it becomes no less restricted than it is. */
export function restrictMount(mount: Mount): void {
  mount.lockedFlags |= mount.flags & PER_MOUNT_FLAGS & ~MS_NOSYMFOLLOW;
  mount.areTimesLocked = true;
}

/** Takes a mount out of its namespace; in use it lingers until it is no more. */
export function detachMount(kernel: VfsKernel, mount: Mount): void {
  const { parent } = mount;
  const namespace = mount.namespace!;
  namespace.remove(mount);
  setPropagation(kernel.vfs.peerGroups, mount, "private");
  // Who may still be in what it is on does not see what it covers (fs/namespace.c, disconnect_mount).
  if (mount.isLocked && parent !== null && (parent.namespace !== null || parent.lingers !== null))
    hold(parent, mount, namespace.owner);
  else disconnect(kernel, mount, namespace.owner);
  const root = kernel.vfs.roots.get(mount.fileSystem);
  if (root === undefined) return;
  root.mounts--;
  if (mount.users > 0) {
    root.lingering++;
    mount.lingers = new LingeringMount(kernel, mount);
  } else {
    endMarks(mount.fanotify);
    letGoOfHeld(kernel, mount);
  }
  finish(kernel, mount.fileSystem);
  if (parent !== null && parent.users === 0) parent.lingers?.unused();
}

function hold(parent: Mount, mount: Mount, owner: UserNamespace): void {
  parent.held ??= { owner, byPoint: new Map() };
  parent.held.byPoint.set(mount.mountPoint!, mount);
  mount.mountPoint!.mountCount++;
  mount.users++;
}

/** Who still is in it finds no way out, and what it was on is not its name any more (fs/namespace.c, umount_tree). */
function disconnect(kernel: VfsKernel, mount: Mount, owner: UserNamespace): void {
  kernel.vfs.mounts.change(owner, -1);
  mount.mountPoint?.release();
  mount.root.release();
  mount.parent = null;
  mount.mountPoint = null;
}

/** What went with a mount that is used no more goes, too, and what went with that. Work: one step for each four. */
function letGoOfHeld(kernel: VfsKernel, mount: Mount): void {
  if (mount.held === null) return;
  const ended = [mount];
  for (const each of ended) {
    const { held } = each;
    each.held = null;
    if (held === null) continue;
    kernel.work.charge(held.byPoint.size >> 2);
    for (const [point, child] of held.byPoint) {
      point.mountCount--;
      disconnect(kernel, child, held.owner);
      if (--child.users > 0 || child.lingers === null) continue;
      child.lingers = null;
      endMarks(child.fanotify);
      ended.push(child);
    }
  }
  for (const { fileSystem } of ended.slice(1)) releaseFileSystem(kernel, fileSystem);
}

/** A mount that was taken away and still is in use. */
class LingeringMount {
  readonly kernel: VfsKernel;
  readonly mount: Mount;

  constructor(kernel: VfsKernel, mount: Mount) {
    this.kernel = kernel;
    this.mount = mount;
  }

  unused(): void {
    this.mount.lingers = null;
    endMarks(this.mount.fanotify);
    letGoOfHeld(this.kernel, this.mount);
    releaseFileSystem(this.kernel, this.mount.fileSystem);
  }

  static {
    stateClass("LingeringMount", this);
  }
}

/** Pages and inodes that a file system stores as it ends; one that has more ends later. */
const STORED_AT_END = 2 * WRITE_PORTION;

/** A file system that is mounted nowhere, and of which nobody uses anything, ends. */
function finish(kernel: VfsKernel, fileSystem: FileSystem): void {
  if (isUsed(kernel, fileSystem)) return;
  if (hasMuchToStore(kernel, fileSystem)) kernel.vfs.ending.add(fileSystem);
  else end(kernel, fileSystem);
}

function isUsed({ vfs }: VfsKernel, fileSystem: FileSystem): boolean {
  const root = vfs.roots.get(fileSystem);
  return root === undefined || root.mounts > 0 || root.lingering > 0;
}

function hasMuchToStore({ vfs }: VfsKernel, fileSystem: FileSystem): boolean {
  let count = 0;
  for (const inode of vfs.dirty) {
    if (inode.fileSystem !== fileSystem) continue;
    count += 1 + (inode.pages?.dirtyCount ?? 0);
    if (count > STORED_AT_END) return true;
  }
  return false;
}

/**
 * One piece of what a file system has to store that ends: its last user may have been a process that ended, which has
 * no call that could go on. @returns whether there was anything to do
 */
export function continueEnding(kernel: VfsKernel): boolean {
  const { vfs } = kernel;
  const [fileSystem] = vfs.ending;
  if (fileSystem === undefined) return false;
  let isStored = false;
  if (!isUsed(kernel, fileSystem)) {
    const begun = vfs.endingReached ?? beginWriteBack(kernel);
    const reached = continueWriteBack(kernel, begun, (inode) => inode.fileSystem === fileSystem, kernel.work.piece());
    vfs.endingReached = reached;
    if (reached.inodes > 0) return true;
    isStored = true;
  }
  vfs.endingReached = null;
  vfs.ending.delete(fileSystem);
  if (isStored) end(kernel, fileSystem);
  return true;
}

function end(kernel: VfsKernel, fileSystem: FileSystem): void {
  const root = kernel.vfs.roots.get(fileSystem)!;
  notifyUnmount(kernel, fileSystem);
  syncFileSystem(kernel, fileSystem);
  dropAllDentries(kernel, root.dentry);
  kernel.vfs.roots.delete(fileSystem);
  fileSystem.shutdown();
  releaseDevice(kernel, fileSystem);
}

function releaseDevice(kernel: VfsKernel, fileSystem: FileSystem): void {
  const device = fileSystem.mountDevice;
  if (device === null) return;
  fileSystem.mountDevice = null;
  device.mounted = null;
  kernel.disks.close(device, fileSystem);
}
