/** What a mount says of itself, and how it changes: its flags (mount_setattr(2)) and its propagation. */
import {
  CAP_SYS_ADMIN,
  EBUSY,
  EINVAL,
  EPERM,
  MS_NOATIME,
  MS_NODEV,
  MS_NODIRATIME,
  MS_NOEXEC,
  MS_NOSUID,
  MS_NOSYMFOLLOW,
  MS_PRIVATE,
  MS_RDONLY,
  MS_REC,
  MS_RELATIME,
  MS_SHARED,
  MS_SILENT,
  MS_SLAVE,
  MS_UNBINDABLE,
} from "@stratos/abi";
import { isCapable } from "../security/credentials.ts";
import type { IdMap } from "../security/id-map.ts";
import { MountIdMap } from "../security/mount-id-map.ts";
import { UserNamespace } from "../security/user-namespace.ts";
import { PER_MOUNT_FLAGS } from "./mount-lifetime.ts";
import type { MountNamespace } from "./mount-namespace.ts";
import { mountsBelow } from "./mount-tree.ts";
import type { Mount } from "./mount.ts";
import { type Propagation, setPropagation } from "./peer-group.ts";
import type { Path } from "./path.ts";
import type { Caller, VfsKernel } from "./vfs-kernel.ts";

/** What says how access times are kept. */
export const ACCESS_TIME_FLAGS = MS_NOATIME | MS_NODIRATIME | MS_RELATIME;

const PROPAGATIONS: ReadonlyMap<number, Propagation> = new Map([
  [MS_SHARED, "shared"],
  [MS_SLAVE, "slave"],
  [MS_PRIVATE, "private"],
  [MS_UNBINDABLE, "unbindable"],
]);

/** One of MS_SHARED, MS_SLAVE, MS_PRIVATE, MS_UNBINDABLE, with MS_REC for all that is mounted below. */
export function changePropagation(kernel: VfsKernel, namespace: MountNamespace, place: Path, flags: number): number {
  const propagation = PROPAGATIONS.get(flags & ~(MS_REC | MS_SILENT));
  if (propagation === undefined || place.dentry !== place.mount.root) return -EINVAL;
  setPropagation(kernel.vfs.peerGroups, place.mount, propagation);
  const below = (flags & MS_REC) !== 0 ? mountsBelow(kernel, place) : [];
  for (const mount of below) setPropagation(kernel.vfs.peerGroups, mount, propagation);
  namespace.changes.changed();
  return 0;
}

/** What comes from a more privileged namespace gets no less restricted. */
export function mayChangeFlags(mount: Mount, wanted: number): boolean {
  if ((mount.lockedFlags & ~wanted) !== 0) return false;
  return !mount.areTimesLocked || ((mount.flags ^ wanted) & ACCESS_TIME_FLAGS) === 0;
}

/** Would it become read-only while files are open to be written? */
export function isHeldForWriting(mount: Mount, wanted: number): boolean {
  return (wanted & ~mount.flags & MS_RDONLY) !== 0 && mount.writers > 0;
}

export function setMountFlags(mount: Mount, wanted: number): void {
  mount.flags = (mount.flags & ~PER_MOUNT_FLAGS) | wanted;
}

/** What mount_setattr(2) changes, in MS_*; access times go as one. */
export interface MountChange {
  readonly set: number;
  readonly clear: number;
  /** 0: it stays. */
  readonly propagation: number;
  /** Whose numbers the owners of files are shown by (MOUNT_ATTR_IDMAP); "none": their own again; null: as before. */
  readonly owners: UserNamespace | "none" | null;
  /** Nobody has seen the mounts: what shows other owners may show others still. */
  readonly isNew: boolean;
  /** All that is mounted below changes, too. */
  readonly isWhole: boolean;
}

/** All of the change, or nothing. @returns 0, −EINVAL, −EPERM, −EBUSY (fs/namespace.c, do_mount_setattr) */
export function changeAttributes(task: Caller, place: Path, change: MountChange): number {
  const { kernel } = task;
  const { mount } = place;
  const { namespace } = mount;
  if (place.dentry !== mount.root) return -EINVAL;
  const { owners } = change;
  const hasNoNumbers = owners instanceof UserNamespace && [owners.uids, owners.gids].some(isEmpty);
  if (hasNoNumbers || namespace === null) return -EINVAL;
  if (namespace !== task.fs.namespace && !(namespace.isDetached && namespace.root === mount)) return -EINVAL;
  const tree = [mount, ...(change.isWhole ? mountsBelow(kernel, place) : [])];
  const wanted = (each: Mount): number => (each.flags & PER_MOUNT_FLAGS & ~change.clear) | change.set;
  for (const each of tree) {
    if (!mayChangeFlags(each, wanted(each))) return -EPERM;
    const refused = owners === null ? 0 : mayShowOwners(task, each, change);
    if (refused < 0) return refused;
    if (isHeldForWriting(each, wanted(each)) || (owners !== null && each.writers > 0)) return -EBUSY;
  }
  const propagation = PROPAGATIONS.get(change.propagation);
  for (const each of tree) {
    setMountFlags(each, wanted(each));
    if (owners !== null) each.idMap = owners === "none" ? null : new MountIdMap(owners, each.fileSystem.userNamespace);
    if (propagation !== undefined) setPropagation(kernel.vfs.peerGroups, each, propagation);
  }
  namespace.changes.changed();
  return 0;
}

function isEmpty({ extents }: IdMap): boolean {
  return extents?.length === 0;
}

/** fs/namespace.c, can_idmap_mount. @returns 0, −EINVAL, −EPERM */
function mayShowOwners(
  { credentials }: Caller,
  { fileSystem, idMap, namespace }: Mount,
  { owners, isNew }: MountChange,
): number {
  if (owners === fileSystem.userNamespace) return -EINVAL;
  if (!isNew && idMap !== null) return -EPERM;
  if (!fileSystem.allowsIdMaps) return -EINVAL;
  if (!isCapable(credentials, CAP_SYS_ADMIN, fileSystem.userNamespace)) return -EPERM;
  // What stands somewhere was seen with the owners that it shows.
  return namespace!.isDetached ? 0 : -EINVAL;
}

/** Options of a mount as /proc/mounts shows them: `rw,nosuid,relatime`. @param flags  those to show */
export function describeMountFlags({ idMap }: Mount, flags: number): string {
  const words = [(flags & MS_RDONLY) !== 0 ? "ro" : "rw"];
  if ((flags & MS_NOSUID) !== 0) words.push("nosuid");
  if ((flags & MS_NODEV) !== 0) words.push("nodev");
  if ((flags & MS_NOEXEC) !== 0) words.push("noexec");
  if ((flags & MS_NOATIME) !== 0) words.push("noatime");
  if ((flags & MS_NODIRATIME) !== 0) words.push("nodiratime");
  if ((flags & MS_RELATIME) !== 0) words.push("relatime");
  if ((flags & MS_NOSYMFOLLOW) !== 0) words.push("nosymfollow");
  if (idMap !== null) words.push("idmapped");
  return words.join(",");
}
