import {
  EBUSY,
  EINVAL,
  ELOOP,
  ENODEV,
  ENOENT,
  ENOSPC,
  ENOTDIR,
  EPERM,
  MNT_DETACH,
  MNT_EXPIRE,
  MNT_FORCE,
  MS_BIND,
  MS_MOVE,
  MS_NOATIME,
  MS_NODEV,
  MS_NODIRATIME,
  MS_NOEXEC,
  MS_NOSUID,
  CAP_SYS_ADMIN,
  EAGAIN,
  MS_NOSYMFOLLOW,
  MS_PRIVATE,
  MS_RDONLY,
  MS_REC,
  MS_RELATIME,
  MS_REMOUNT,
  MS_SHARED,
  MS_SILENT,
  MS_SLAVE,
  MS_STRICTATIME,
  MS_UNBINDABLE,
  UMOUNT_NOFOLLOW,
  isErrno,
} from "@stratos/abi";
import { stateClass } from "@stratos/base";
import type { NamespaceOrigin } from "../security/namespace.ts";
import { INITIAL_USER_NAMESPACE, initialOrigin, type UserNamespace } from "../security/user-namespace.ts";
import {
  createMount,
  copyMount,
  detachMount,
  perMountFlags,
  PER_MOUNT_FLAGS,
  releaseDevice,
  restrictMount,
  rootEntry,
} from "./mount-lifetime.ts";
import {
  detachEverywhere,
  hasRoomForCopies,
  isBusyElsewhere,
  propagateMounts,
  receiversOf,
} from "./mount-propagation.ts";
import { inheritPropagation, type Propagation, setPropagation } from "./peer-group.ts";
import { isCapable } from "../security/credentials.ts";
import { type Dentry, isBelow } from "./dentry.ts";
import { lookupChild, pinChild } from "./dentry-cache.ts";
import type { FileSystem, FileSystemType } from "./file-system.ts";
import type { FsContext } from "./fs-context.ts";
import { MountNamespace } from "./mount-namespace.ts";
import type { Mount } from "./mount.ts";
import { NamespaceInode } from "./namespace-file.ts";
import { Path } from "./path.ts";
import { syncInode } from "./write-back.ts";
import type { Caller, VfsKernel } from "./vfs-kernel.ts";

/** What says how access times are kept. */
const ACCESS_TIME_FLAGS = MS_NOATIME | MS_NODIRATIME | MS_RELATIME;

/** Mounts the first file system: "/". */
export function mountRoot(
  kernel: VfsKernel,
  fileSystem: FileSystem,
  source = "root",
  flags = MS_RELATIME,
): MountNamespace {
  const mount = createMount(kernel, fileSystem, rootEntry(kernel, fileSystem), null, null, flags, source);
  kernel.mounts = new MountNamespace(mount, initialOrigin("mnt"));
  kernel.vfs.mounts.change(kernel.mounts.owner, 1);
  return kernel.mounts;
}

/** The place that boot and process 1 start from. */
export function rootPath(kernel: VfsKernel): Path {
  return namespaceRoot(kernel.mounts);
}

/** What is mounted over the root of a namespace. */
export function namespaceRoot(namespace: MountNamespace): Path {
  return topAt(namespace, new Path(namespace.root, namespace.root.root));
}

/**
 * What is mounted last over a place. A way that ends in "." or at the root stays below what was mounted there since,
 * and mounts are made and taken away on top (fs/namei.c, handle_lookup_down; fs/namespace.c, do_lock_mount).
 */
function topAt(namespace: MountNamespace, path: Path): Path {
  for (
    let over = namespace.mountedAt(path.mount, path.dentry);
    over !== null;
    over = namespace.mountedAt(path.mount, path.dentry)
  )
    path = new Path(over, over.root);
  return path;
}

/** For boot: mounts at an absolute path of real directories, which are made (0755) when absent. */
export function mountAt(
  kernel: VfsKernel,
  name: string,
  fileSystem: FileSystem,
  options: { source?: string; flags?: number } = {},
): Mount | number {
  const place = directoryAt(kernel, name);
  if (isErrno(place)) return place;
  return attach(
    kernel,
    kernel.mounts,
    place,
    fileSystem,
    rootEntry(kernel, fileSystem),
    options.flags ?? MS_RELATIME,
    options.source ?? fileSystem.type,
  );
}

/**
 * For boot: mounts one file, `name` in the root of `fileSystem`, over a file at an absolute path, which is made (empty)
 * when absent.
 *
 * @returns the mount, or −ENOTDIR (a directory is there, or a part of the path is none), −ENOENT (`name` is not there)
 *   …
 */
export function mountFileAt(
  kernel: VfsKernel,
  place: string,
  fileSystem: FileSystem,
  name: string,
  options: { source?: string; flags?: number } = {},
): Mount | number {
  const file = lookupChild(kernel, rootEntry(kernel, fileSystem), name);
  if (isErrno(file)) return file;
  if (file.inode === null) return -ENOENT;
  const slash = place.lastIndexOf("/");
  const folder = directoryAt(kernel, place.slice(0, slash));
  if (isErrno(folder)) return folder;
  const point = lookupChild(kernel, folder.dentry, place.slice(slash + 1));
  if (isErrno(point)) return point;
  if (point.inode === null) {
    const made = folder.dentry.inode!.create(point.name, {
      mode: 0o100644,
      uid: 0,
      gid: 0,
      rdev: 0,
      now: kernel.vfs.now(),
    });
    if (isErrno(made)) return made;
    point.inode = made;
    if (folder.dentry.children?.get(point.name) === point) made.cachedNames++;
  }
  return attach(
    kernel,
    kernel.mounts,
    new Path(folder.mount, point),
    fileSystem,
    file,
    options.flags ?? MS_RELATIME,
    options.source ?? fileSystem.type,
  );
}

/** For boot: the directory of an absolute path; missing ones are made. */
export function directoryAt(kernel: VfsKernel, name: string): Path | number {
  let place = rootPath(kernel);
  for (const part of name.split("/")) {
    if (part === "") continue;
    const child = lookupChild(kernel, place.dentry, part);
    if (isErrno(child)) return child;
    if (child.inode === null) {
      const made = place.dentry.inode!.mkdir(part, { mode: 0o040755, uid: 0, gid: 0, rdev: 0, now: kernel.vfs.now() });
      if (isErrno(made)) return made;
      child.inode = made;
      if (place.dentry.children?.get(part) === child) made.cachedNames++;
    }
    if (!child.inode.isDirectory) return -ENOTDIR;
    place = new Path(place.mount, child);
    for (
      let over = kernel.mounts.mountedAt(place.mount, place.dentry);
      over !== null;
      over = kernel.mounts.mountedAt(place.mount, place.dentry)
    )
      place = new Path(over, over.root);
  }
  return place;
}

function attach(
  kernel: VfsKernel,
  namespace: MountNamespace,
  place: Path,
  fileSystem: FileSystem,
  root: Dentry,
  flags: number,
  source: string,
): Mount | number {
  if (!kernel.vfs.hasMountRoom(namespace, 1)) return -ENOSPC;
  if (place.dentry.isDetached || !place.dentry.inode!.isMountable) return -ENOENT;
  if (root.inode!.isDirectory !== place.dentry.inode!.isDirectory) return -ENOTDIR;
  pinChild(kernel, place.dentry);
  place.dentry.retain();
  const receivers = receiversOf(place.mount, place.dentry);
  if (!hasRoomForCopies(kernel, receivers, 1)) return -ENOSPC;
  const mount = createMount(kernel, fileSystem, root, place.mount, place.dentry, flags, source);
  addMount(kernel, namespace, mount);
  propagateMounts(kernel, [mount], receivers);
  return mount;
}

function addMount(kernel: VfsKernel, namespace: MountNamespace, mount: Mount): void {
  namespace.add(mount);
  kernel.vfs.mounts.change(namespace.owner, 1);
}

/**
 * mount(2) after its strings are read and `place` is looked up. Paths that lead to mounts of another namespace (through
 * a descriptor from before unshare(2)) are refused with −EINVAL, as Linux's check_mnt does.
 *
 * @param source  what was given, for /proc/mounts; `sourcePath` is it looked up for MS_BIND and MS_MOVE
 */
export function mountFileSystem(
  task: Caller,
  place: Path,
  request: { source: string; sourcePath: Path | null; type: string; flags: number; options: string },
): number {
  const kernel = task.kernel;
  const namespace = task.fs.namespace;
  const { flags } = request;
  const { credentials } = task;
  if (!isCapable(credentials, CAP_SYS_ADMIN, namespace.owner)) return -EPERM;
  if (!namespace.has(place.mount)) return -EINVAL;
  if ((flags & MS_REMOUNT) !== 0) {
    const { userNamespace } = place.mount.fileSystem;
    if ((flags & MS_BIND) === 0 && !isCapable(credentials, CAP_SYS_ADMIN, userNamespace)) return -EPERM;
    namespace.changes.changed();
    return remount(place, flags, request.options);
  }
  const target = topAt(namespace, place);
  if ((flags & MS_BIND) !== 0) return bind(task, target, request.sourcePath!, flags);
  if ((flags & (MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE)) !== 0)
    return changePropagation(kernel, namespace, place, flags);
  if ((flags & MS_MOVE) !== 0) return move(kernel, namespace, request.sourcePath!, target);
  const type = kernel.vfs.types.get(request.type);
  if (type === undefined) return -ENODEV;
  const owner = type.userNamespace?.(task) ?? INITIAL_USER_NAMESPACE;
  if (!isCapable(credentials, CAP_SYS_ADMIN, owner)) return -EPERM;
  if (type.isRevealing === true && namespace.owner.parent !== null && !isShownWhole(namespace, type, flags))
    return -EPERM;
  const fileSystem = type.isVirtual
    ? type.create(kernel, request.source, request.options)
    : fileSystemOn(task, type, request);
  if (isErrno(fileSystem)) return fileSystem;
  const hadRoot = kernel.vfs.roots.has(fileSystem);
  if (!hadRoot) fileSystem.userNamespace = owner;
  const mount = attach(
    kernel,
    namespace,
    target,
    fileSystem,
    rootEntry(kernel, fileSystem),
    flags,
    request.source || "none",
  );
  if (isErrno(mount)) {
    if (!hadRoot) {
      kernel.vfs.roots.delete(fileSystem);
      releaseDevice(kernel, fileSystem);
    }
    return mount;
  }
  return 0;
}

/** Is one mounted here with no more restrictions than `flags`, and with nothing locked over its files? */
function isShownWhole(namespace: MountNamespace, type: FileSystemType, flags: number): boolean {
  return namespace.mounts.some(
    (mount) =>
      mount.fileSystem.type === type.name &&
      mount.root.parent === null &&
      (mount.lockedFlags & ~flags & (MS_RDONLY | MS_NOATIME | MS_NODIRATIME)) === 0 &&
      !namespace.mounts.some((over) => over.parent === mount && over.isLocked && !isEmptyDirectory(over.mountPoint!)),
  );
}

function isEmptyDirectory({ inode }: Dentry): boolean {
  let isEmpty = inode !== null && inode.isDirectory;
  if (isEmpty)
    inode!.list(0, () => {
      isEmpty = false;
      return false;
    });
  return isEmpty;
}

/** The file system on a device: the one that is mounted already, or another. */
function fileSystemOn(
  task: Caller,
  type: FileSystemType,
  request: { source: string; flags: number; options: string },
): FileSystem | number {
  const { kernel } = task;
  const readOnly = (request.flags & MS_RDONLY) !== 0;
  const device = kernel.disks.mountSource(task, request.source, readOnly);
  if (isErrno(device)) return device;
  if (device.mounted !== null) return device.mounted.type === type.name ? device.mounted : -EBUSY;
  const failed = syncInode(kernel, device, false);
  if (failed < 0) return failed;
  const fileSystem = type.create(kernel, request.source, request.options, { device, readOnly });
  if (isErrno(fileSystem)) return fileSystem;
  fileSystem.readOnly ||= readOnly;
  kernel.disks.open(device, fileSystem);
  device.mounted = fileSystem;
  fileSystem.mountDevice = device;
  return fileSystem;
}

function remount(place: Path, flags: number, options: string): number {
  if (place.dentry !== place.mount.root) return -EINVAL;
  const mount = place.mount;
  const asked = flags & (ACCESS_TIME_FLAGS | MS_STRICTATIME);
  const wanted =
    asked === 0
      ? (perMountFlags(flags) & ~ACCESS_TIME_FLAGS) | (mount.flags & ACCESS_TIME_FLAGS)
      : perMountFlags(flags);
  if ((mount.lockedFlags & ~wanted) !== 0) return -EPERM;
  if (mount.areTimesLocked && ((mount.flags ^ wanted) & ACCESS_TIME_FLAGS) !== 0) return -EPERM;
  // With MS_BIND only the mount's own flags change.
  const failed = (flags & MS_BIND) !== 0 ? 0 : mount.fileSystem.reconfigure(options);
  if (failed < 0) return failed;
  mount.flags = (mount.flags & ~PER_MOUNT_FLAGS) | wanted;
  return 0;
}

function bind(task: Caller, place: Path, source: Path, flags: number): number {
  const kernel = task.kernel;
  const namespace = task.fs.namespace;
  const isNamespace = source.dentry.inode instanceof NamespaceInode;
  if (!isNamespace && !namespace.has(source.mount)) return -EINVAL;
  if (source.mount.isUnbindable) return -EINVAL;
  const inSource = mountsBelow(kernel, namespace, source);
  const below = (flags & MS_REC) !== 0 ? inSource.filter((child) => !isBelowUnbindable(child, source.mount)) : [];
  // What is covered there would be seen (Linux fs/namespace.c, has_locked_children).
  if ((flags & MS_REC) === 0 && inSource.some((child) => child.isLocked)) return -EINVAL;
  if (!kernel.vfs.hasMountRoom(namespace, 1 + below.length)) return -ENOSPC;
  if (place.dentry.isDetached || !place.dentry.inode!.isMountable) return -ENOENT;
  if (source.dentry.inode!.isDirectory !== place.dentry.inode!.isDirectory) return -ENOTDIR;
  const receivers = receiversOf(place.mount, place.dentry);
  if (!hasRoomForCopies(kernel, receivers, 1 + below.length)) return -ENOSPC;
  pinChild(kernel, place.dentry);
  place.dentry.retain();
  const { fileSystem, flags: sourceFlags, source: shownAs } = source.mount;
  const mount = createMount(kernel, fileSystem, source.dentry, place.mount, place.dentry, sourceFlags, shownAs);
  mount.takeLocks(source.mount);
  inheritPropagation(source.mount, mount, false);
  // rbind: what is mounted below the source appears below the copy.
  const copies = new Map([[source.mount, mount]]);
  for (const child of below) {
    const copy = copyMount(kernel, child, copies.get(child.parent!)!, child.mountPoint!);
    inheritPropagation(child, copy, false);
    copies.set(child, copy);
  }
  for (const copy of copies.values()) addMount(kernel, namespace, copy);
  propagateMounts(kernel, [...copies.values()], receivers);
  return 0;
}

function isBelowUnbindable(mount: Mount, top: Mount): boolean {
  for (let at = mount; at !== top; at = at.parent!) if (at.isUnbindable) return true;
  return false;
}

const PROPAGATIONS: ReadonlyMap<number, Propagation> = new Map([
  [MS_SHARED, "shared"],
  [MS_SLAVE, "slave"],
  [MS_PRIVATE, "private"],
  [MS_UNBINDABLE, "unbindable"],
]);

/** One of MS_SHARED, MS_SLAVE, MS_PRIVATE, MS_UNBINDABLE, with MS_REC for all that is mounted below. */
function changePropagation(kernel: VfsKernel, namespace: MountNamespace, place: Path, flags: number): number {
  const propagation = PROPAGATIONS.get(flags & ~(MS_REC | MS_SILENT));
  if (propagation === undefined || place.dentry !== place.mount.root) return -EINVAL;
  setPropagation(kernel.vfs.peerGroups, place.mount, propagation);
  const below = (flags & MS_REC) !== 0 ? mountsBelow(kernel, namespace, place) : [];
  for (const mount of below) setPropagation(kernel.vfs.peerGroups, mount, propagation);
  namespace.changes.changed();
  return 0;
}

/** What is mounted below a place, parents first. */
function mountsBelow(kernel: VfsKernel, namespace: MountNamespace, source: Path): Mount[] {
  kernel.work.charge(namespace.mounts.length >> 2);
  const children = namespace.childrenByParent();
  const below = (children.get(source.mount) ?? []).filter((child) => isBelow(child.mountPoint!, source.dentry));
  for (let at = 0; at < below.length; at++) below.push(...(children.get(below[at]!) ?? []));
  return below;
}

function isMountBelow(mount: Mount, above: Mount): boolean {
  for (let at: Mount | null = mount; at !== null; at = at.parent) if (at === above) return true;
  return false;
}

function move(kernel: VfsKernel, namespace: MountNamespace, source: Path, place: Path): number {
  const mount = source.mount;
  if (!namespace.has(mount) || source.dentry !== mount.root || mount.parent === null || mount.isLocked) return -EINVAL;
  // Those who heard of it where it was would have to hear that it is gone.
  if (mount.parent.group !== null) return -EINVAL;
  if (mount.root.inode!.isDirectory !== place.dentry.inode!.isDirectory) return -ENOTDIR;
  const tree = [mount, ...mountsBelow(kernel, namespace, source)];
  const receivers = receiversOf(place.mount, place.dentry);
  if (place.mount.group !== null && tree.some(({ isUnbindable }) => isUnbindable)) return -EINVAL;
  if (isMountBelow(place.mount, mount)) return -ELOOP;
  if (!hasRoomForCopies(kernel, receivers, tree.length)) return -ENOSPC;
  namespace.move(mount, place.mount, place.dentry);
  propagateMounts(kernel, tree, receivers);
  return 0;
}

/**
 * umount2(2): what is on top at `covered` must be the root of a mount.
 * @returns 0, −EINVAL (no mount point, or the root), −EBUSY (something in it is in use; MNT_DETACH takes it away all
 *   the same), −EPERM
 */
export function unmount(task: Caller, covered: Path, flags: number): number {
  if (!isCapable(task.credentials, CAP_SYS_ADMIN, task.fs.namespace.owner)) return -EPERM;
  if ((flags & ~(MNT_FORCE | MNT_DETACH | MNT_EXPIRE | UMOUNT_NOFOLLOW)) !== 0) return -EINVAL;
  if ((flags & MNT_EXPIRE) !== 0 && (flags & (MNT_FORCE | MNT_DETACH)) !== 0) return -EINVAL;
  const namespace = task.fs.namespace;
  const place = topAt(namespace, covered);
  const mount = place.mount;
  if (
    place.dentry !== mount.root ||
    !namespace.has(mount) ||
    mount.parent === null ||
    mount.isLocked ||
    mount === task.fs.root.mount
  )
    return -EINVAL;
  if ((flags & MNT_DETACH) !== 0) {
    const tree = [mount, ...mountsBelow(task.kernel, namespace, place)];
    for (const below of tree.reverse()) if (below.namespace !== null) detachEverywhere(task.kernel, below);
    return 0;
  }
  if (mount.users > 0 || isBusyElsewhere(task.kernel, mount)) return -EBUSY;
  if ((flags & MNT_EXPIRE) !== 0 && !mount.isExpiring) {
    mount.isExpiring = true;
    return -EAGAIN;
  }
  detachEverywhere(task.kernel, mount);
  return 0;
}

/**
 * pivot_root(2): `newRoot` becomes the root of the namespace, the old one is moved to `putOld`.
 * @returns 0, −EBUSY, −EINVAL, −ENOTDIR, −EPERM
 */
export function pivotRoot(task: Caller, newRoot: Path, putOld: Path): number {
  if (!isCapable(task.credentials, CAP_SYS_ADMIN, task.fs.namespace.owner)) return -EPERM;
  const namespace = task.fs.namespace;
  const oldRoot = task.fs.root;
  const mount = newRoot.mount;
  if (![oldRoot, newRoot, putOld].every((path) => namespace.has(path.mount))) return -EINVAL;
  if (mount === oldRoot.mount || putOld.mount === oldRoot.mount) return -EBUSY;
  if (newRoot.dentry !== mount.root || oldRoot.dentry !== oldRoot.mount.root || mount.parent === null) return -EINVAL;
  if (!isMountBelow(putOld.mount, mount) || mount.isLocked) return -EINVAL;
  // They would hear of it, and lose their root (pivot_root(2), EINVAL).
  if ([mount.parent, putOld.mount, oldRoot.mount.parent].some((each) => (each?.group ?? null) !== null)) return -EINVAL;
  const old = oldRoot.mount;
  mount.isLocked = old.isLocked;
  old.isLocked = false;
  namespace.remove(mount);
  mount.mountPoint!.release();
  const parent = old.parent,
    point = old.mountPoint;
  if (parent !== null) namespace.remove(old);
  mount.parent = parent;
  mount.mountPoint = point;
  if (parent !== null) namespace.add(mount);
  else namespace.replaceRoot(mount);
  old.parent = putOld.mount;
  old.mountPoint = putOld.dentry;
  putOld.dentry.retain();
  namespace.add(old);
  // Whoever stood at the old root stands at the new one.
  for (const other of task.kernel.tasks.tasks.values()) {
    if (other.fs.namespace !== namespace) continue;
    if (other.fs.root.equals(oldRoot) && other.fs !== task.fs) other.fs.setRoot(newRoot);
    if (other.fs.cwd.equals(oldRoot)) other.fs.setCwd(newRoot);
  }
  task.fs.setRoot(newRoot);
  return 0;
}

/** Is there room for a copy of the task's mounts? @param owner  of the namespace that it will be */
export function canCopyMounts(task: Caller, owner: UserNamespace): boolean {
  const { vfs } = task.kernel;
  const { length } = task.fs.namespace.mounts;
  return length <= vfs.maximumMounts && vfs.mounts.hasRoom(owner, length);
}

/** unshare(CLONE_NEWNS), clone(CLONE_NEWNS): gives a file system context that nobody shares a namespace of its own. */
export function unshareMounts(task: Caller, fs: FsContext, origin: NamespaceOrigin): void {
  const { namespace, pairs } = fs.namespace.copy(() => task.kernel.vfs.allocateMountId(), origin);
  const before = fs.namespace;
  const isLess = namespace.owner !== before.owner;
  if (isLess) lockMounts(namespace);
  // Who has less rights hears of mounts, and tells of none (mount_namespaces(7)).
  for (const [mount, copy] of pairs) inheritPropagation(mount, copy, isLess);
  // A mount costs about as much as a fault.
  task.kernel.work.charge(2 * pairs.size);
  task.kernel.vfs.mounts.change(namespace.owner, pairs.size);
  for (const mount of pairs.values()) {
    task.kernel.vfs.roots.get(mount.fileSystem)!.mounts++;
    mount.mountPoint?.retain();
  }
  const translate = (path: Path): Path => new Path(pairs.get(path.mount) ?? path.mount, path.dentry);
  fs.namespace = namespace.retain();
  fs.setRoot(translate(fs.root));
  fs.setCwd(translate(fs.cwd));
  before.release();
  namespace.holder = new NamespaceMounts(task.kernel, namespace);
}

/** The mounts of a namespace that goes with its last user. */
class NamespaceMounts {
  readonly kernel: VfsKernel;
  readonly namespace: MountNamespace;

  constructor(kernel: VfsKernel, namespace: MountNamespace) {
    this.kernel = kernel;
    this.namespace = namespace;
  }

  unused(): void {
    for (const mount of [...this.namespace.mounts].reverse()) detachMount(this.kernel, mount);
  }

  static {
    stateClass("NamespaceMounts", this);
  }
}

/**
 * In another user namespace nothing is uncovered, nothing less restricted, and access times are kept as they were
 * (mount_namespaces(7)).
 */
function lockMounts(namespace: MountNamespace): void {
  for (const mount of namespace.mounts) {
    mount.isLocked = mount !== namespace.root;
    restrictMount(mount);
  }
}

/** Options of a mount as /proc/mounts shows them: `rw,nosuid,relatime`. */
export function describeMountFlags(flags: number): string {
  const words = [(flags & MS_RDONLY) !== 0 ? "ro" : "rw"];
  if ((flags & MS_NOSUID) !== 0) words.push("nosuid");
  if ((flags & MS_NODEV) !== 0) words.push("nodev");
  if ((flags & MS_NOEXEC) !== 0) words.push("noexec");
  if ((flags & MS_NOATIME) !== 0) words.push("noatime");
  if ((flags & MS_NODIRATIME) !== 0) words.push("nodiratime");
  if ((flags & MS_RELATIME) !== 0) words.push("relatime");
  if ((flags & MS_NOSYMFOLLOW) !== 0) words.push("nosymfollow");
  return words.join(",");
}
