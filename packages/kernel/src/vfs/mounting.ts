import {
  CAP_SYS_ADMIN,
  EAGAIN,
  EBUSY,
  EINVAL,
  ENOENT,
  ENODEV,
  EPERM,
  MNT_DETACH,
  MNT_EXPIRE,
  MNT_FORCE,
  MS_BIND,
  MS_LAZYTIME,
  MS_MANDLOCK,
  MS_MOVE,
  MS_NOATIME,
  MS_NODIRATIME,
  MS_PRIVATE,
  MS_RDONLY,
  MS_REC,
  MS_REMOUNT,
  MS_SHARED,
  MS_SLAVE,
  MS_STRICTATIME,
  MS_SYNCHRONOUS,
  MS_UNBINDABLE,
  UMOUNT_NOFOLLOW,
  isErrno,
} from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { isCapable } from "../security/credentials.ts";
import type { NamespaceOrigin } from "../security/namespace.ts";
import { INITIAL_USER_NAMESPACE, type UserNamespace } from "../security/user-namespace.ts";
import type { Dentry } from "./dentry.ts";
import { mayTake } from "./detached-mount.ts";
import { lookupChild } from "./dentry-cache.ts";
import { SUPER_FLAGS, type FileSystem, type FileSystemType } from "./file-system.ts";
import type { FsContext } from "./fs-context.ts";
import {
  ACCESS_TIME_FLAGS,
  changePropagation,
  isHeldForWriting,
  mayChangeFlags,
  setMountFlags,
} from "./mount-attributes.ts";
import { detachMount, holdFileSystem, perMountFlags, releaseFileSystem, restrictMount } from "./mount-lifetime.ts";
import type { MountNamespace } from "./mount-namespace.ts";
import { takeCommonFlags, type MountOptions } from "./mount-options.ts";
import type { Mount } from "./mount.ts";
import { detachAll, goingWith, isBusyElsewhere } from "./mount-propagation.ts";
import {
  attachMounts,
  copyMounts,
  isGone,
  isMountBelow,
  mayAttach,
  mountHere,
  mountsBelow,
  sizeOfCopies,
  topAt,
} from "./mount-tree.ts";
import { moveMount } from "./move-mount.ts";
import { Path } from "./path.ts";
import { inheritPropagation } from "./peer-group.ts";
import type { Caller, VfsKernel } from "./vfs-kernel.ts";
import { storeInPieces, storeSomeInPieces, syncInode } from "./write-back.ts";
import { UNFINISHED } from "../ground/wait-queue.ts";

/**
 * mount(2) after its strings are read and `place` is looked up. Paths that lead to mounts of another namespace (through
 * a descriptor from before unshare(2)) are refused with −EINVAL, as Linux's check_mnt does.
 *
 * @param source  what was given, for /proc/mounts; `sourcePath` is it looked up for MS_BIND and MS_MOVE
 */
export function mountFileSystem(
  task: Caller,
  place: Path,
  request: { source: string; sourcePath: Path | null; type: string; flags: number; options: MountOptions },
): number {
  const kernel = task.kernel;
  const namespace = task.fs.namespace;
  const { flags } = request;
  const { credentials } = task;
  if (!isCapable(credentials, CAP_SYS_ADMIN, namespace.owner)) return -EPERM;
  if ((flags & MS_REMOUNT) !== 0) return remount(task, place, flags, request.options);
  const target = topAt(place);
  if ((flags & MS_BIND) !== 0) return bind(task, target, request.sourcePath!, flags);
  if ((flags & (MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE)) !== 0)
    return namespace.has(place.mount) ? changePropagation(kernel, namespace, place, flags) : -EINVAL;
  if ((flags & MS_MOVE) !== 0) return moveMount(task, request.sourcePath!, target, false);
  const [name, subtype] = splitType(request.type);
  const type = kernel.vfs.types.get(name);
  if (type === undefined || (subtype !== "" && type.hasSubtypes !== true)) return -ENODEV;
  const common = takeCommonFlags(request.options);
  const options = subtype === "" ? common.others : new Map([...common.others, ["subtype", subtype]]);
  const made = createFileSystem(task, type, { ...request, flags: (flags & ~common.mask) | common.flags, options });
  if (isErrno(made)) return made;
  const whole = holdFileSystem(kernel, made);
  const mount = mountMade(task, target, type, whole, flags, request.source || "none");
  releaseFileSystem(kernel, made);
  return isErrno(mount) ? mount : 0;
}

/** @param whole  the root of a file system that was just made */
function mountMade(
  task: Caller,
  target: Path,
  type: FileSystemType,
  whole: Dentry,
  flags: number,
  source: string,
): Mount | number {
  if (showsTooMuch(task, type, flags)) return -EPERM;
  const root = rootFor(task, type, whole);
  if (isErrno(root)) return root;
  if (isGone(target)) return -ENOENT;
  const { namespace } = task.fs;
  if (!namespace.has(target.mount)) return -EINVAL;
  const { fileSystem } = whole.inode!;
  if (isRootOf(target, fileSystem)) return -EBUSY;
  return mountHere(task.kernel, namespace, target, fileSystem, root, flags, source);
}

/** The same file system is on top there already (fs/namespace.c, do_add_mount). */
function isRootOf({ mount, dentry }: Path, fileSystem: FileSystem): boolean {
  return mount.fileSystem === fileSystem && dentry === mount.root;
}

/** "fuse.sshfs": a type, and whose of that type it is. */
function splitType(name: string): readonly [type: string, subtype: string] {
  const dot = name.indexOf(".");
  return dot < 0 ? [name, ""] : [name.slice(0, dot), name.slice(dot + 1)];
}

/**
 * The file system that a mount asks for: a new one, or the one that is there already of what there is but one.
 * @returns −EPERM, −EINVAL (options) …
 */
export function createFileSystem(
  task: Caller,
  type: FileSystemType,
  request: { source: string; flags: number; options: MountOptions },
): FileSystem | number {
  const { kernel } = task;
  const owner = type.userNamespace?.(task) ?? INITIAL_USER_NAMESPACE;
  if (!isCapable(task.credentials, CAP_SYS_ADMIN, owner)) return -EPERM;
  const badOption = checkOptions(kernel, type, request.options);
  if (badOption < 0) return badOption;
  if (!type.isVirtual) return fileSystemOn(task, type, request);
  const fileSystem = type.create(kernel, request.source, request.options);
  if (isErrno(fileSystem) || kernel.vfs.roots.has(fileSystem)) return fileSystem;
  fileSystem.userNamespace = owner;
  fileSystem.readOnly ||= (request.flags & MS_RDONLY) !== 0;
  fileSystem.superFlags = request.flags & SUPER_FLAGS;
  return fileSystem;
}

/** −EINVAL, and the kernel's log says what: of an option that the type doesn't know, or a value that is none. */
function checkOptions(kernel: VfsKernel, type: FileSystemType, options: MountOptions): number {
  const { optionNames } = type;
  for (const [key, value] of options) {
    const isKnown = optionNames?.includes(key) ?? true;
    if (isKnown && (type.checkOption?.(kernel, key, value) ?? 0) === 0) continue;
    const known = `known: ${optionNames?.join(", ") || "none"}`;
    kernel.log(`${type.name}: ${isKnown ? `Bad value for '${key}'` : `Unknown parameter '${key}' (${known})`}`);
    return -EINVAL;
  }
  return 0;
}

/** The entry that a mount shows as its root; −ENOENT: it is gone. @param whole  the file system's own root */
export function rootFor(task: Caller, type: FileSystemType, whole: Dentry): Dentry | number {
  let entry = whole;
  for (const name of type.rootFor?.(task) ?? []) {
    const child = lookupChild(task.kernel, entry, name);
    if (isErrno(child)) return child;
    if (child.inode === null) return -ENOENT;
    entry = child;
  }
  return entry;
}

/** Would a user namespace see more of it by such a mount than it sees now (mount_too_revealing)? */
export function showsTooMuch(task: Caller, type: FileSystemType, flags: number): boolean {
  const { namespace } = task.fs;
  return type.isRevealing === true && namespace.owner.parent !== null && !isShownWhole(namespace, type, flags);
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
  request: { source: string; flags: number; options: MountOptions },
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
  fileSystem.superFlags = request.flags & SUPER_FLAGS;
  kernel.disks.open(device, fileSystem);
  device.mounted = fileSystem;
  fileSystem.mountDevice = device;
  return fileSystem;
}

function remount(task: Caller, place: Path, flags: number, options: MountOptions): number {
  const mount = place.mount;
  if (!task.fs.namespace.has(mount) || place.dentry !== mount.root) return -EINVAL;
  const asked = flags & (ACCESS_TIME_FLAGS | MS_STRICTATIME);
  const wanted =
    asked === 0
      ? (perMountFlags(flags) & ~ACCESS_TIME_FLAGS) | (mount.flags & ACCESS_TIME_FLAGS)
      : perMountFlags(flags);
  if (!mayChangeFlags(mount, wanted)) return -EPERM;
  const common = takeCommonFlags(options);
  const change = { flags: (flags & ~common.mask) | common.flags, mask: REMOUNT_FLAGS | common.mask };
  // With MS_BIND only the mount's own flags change.
  const failed =
    (flags & MS_BIND) !== 0
      ? isHeldForWriting(mount, wanted)
        ? -EBUSY
        : 0
      : reconfigure(task, mount.fileSystem, change, common.others);
  if (failed < 0) return failed;
  setMountFlags(mount, wanted);
  task.fs.namespace.changes.changed();
  return 0;
}

/** What MS_REMOUNT sets or takes away: all but MS_DIRSYNC (include/uapi/linux/mount.h, MS_RMT_MASK). */
const REMOUNT_FLAGS = MS_RDONLY | MS_SYNCHRONOUS | MS_MANDLOCK | MS_LAZYTIME;

/** MS_RDONLY and SUPER_FLAGS as they shall be, where `mask` has them; the others stay. */
interface SuperChange {
  readonly flags: number;
  readonly mask: number;
}

/** Changes a file system for all of its mounts: 0, UNFINISHED, or why not, and then nothing has changed. */
export function reconfigure(
  task: Caller,
  fileSystem: FileSystem,
  { flags, mask }: SuperChange,
  options: MountOptions,
): number {
  const type = task.kernel.vfs.types.get(fileSystem.type);
  const badOption = type === undefined || type.ignoresChanges === true ? 0 : checkOptions(task.kernel, type, options);
  if (badOption < 0) return badOption;
  if (!isCapable(task.credentials, CAP_SYS_ADMIN, fileSystem.userNamespace)) return -EPERM;
  const readOnly = (mask & MS_RDONLY) !== 0 ? (flags & MS_RDONLY) !== 0 : fileSystem.readOnly;
  if (readOnly && storeInPieces(task, fileSystem) === UNFINISHED) return UNFINISHED;
  const before = fileSystem.readOnly;
  const refused = fileSystem.setReadOnly(readOnly);
  if (refused < 0) return refused;
  const failed = fileSystem.reconfigure(options);
  if (failed < 0) fileSystem.readOnly = before;
  else fileSystem.superFlags = (fileSystem.superFlags & ~mask) | (flags & mask & SUPER_FLAGS);
  return failed;
}

function bind(task: Caller, place: Path, source: Path, flags: number): number {
  const { kernel } = task;
  const { namespace } = task.fs;
  if (isGone(place)) return -ENOENT;
  if (!namespace.has(place.mount) || !mayTake(namespace, source)) return -EINVAL;
  const isWhole = (flags & MS_REC) !== 0;
  const size = sizeOfCopies(kernel, source, isWhole);
  const refused = mayAttach(kernel, namespace, place, source.dentry.inode!.isDirectory, size);
  if (refused < 0) return source.mount.isUnbindable ? -EINVAL : refused;
  const copies = copyMounts(kernel, source, isWhole);
  if (isErrno(copies)) return copies;
  attachMounts(kernel, namespace, place, copies);
  return 0;
}

/**
 * umount2(2): what is on top at `covered` must be the root of a mount.
 * @returns 0, −EINVAL (no mount point, or the root of all), −EBUSY (something in it is in use; MNT_DETACH takes it away
 *   all the same), −EPERM
 */
export function unmount(task: Caller, covered: Path, flags: number): number {
  if (!isCapable(task.credentials, CAP_SYS_ADMIN, task.fs.namespace.owner)) return -EPERM;
  if ((flags & ~(MNT_FORCE | MNT_DETACH | MNT_EXPIRE | UMOUNT_NOFOLLOW)) !== 0) return -EINVAL;
  if ((flags & MNT_EXPIRE) !== 0 && (flags & (MNT_FORCE | MNT_DETACH)) !== 0) return -EINVAL;
  const namespace = task.fs.namespace;
  const place = topAt(covered);
  const mount = place.mount;
  if (place.dentry !== mount.root || !namespace.has(mount) || mount.isLocked) return -EINVAL;
  if (mount === task.fs.root.mount && (flags & MNT_EXPIRE) !== 0) return -EINVAL;
  if (mount === task.fs.root.mount && (flags & MNT_DETACH) === 0) {
    // The caller's root becomes read-only instead (fs/namespace.c, do_umount_root).
    const { fileSystem } = mount;
    if (!isCapable(task.credentials, CAP_SYS_ADMIN, fileSystem.userNamespace)) return -EPERM;
    return storeInPieces(task, fileSystem) === UNFINISHED ? UNFINISHED : fileSystem.setReadOnly(true);
  }
  if (mount.parent === null) return -EINVAL;
  const tree = (flags & MNT_DETACH) !== 0 ? [mount, ...mountsBelow(task.kernel, place)] : [mount];
  const going = goingWith(task.kernel, tree);
  // What ends with it stores the rest at once.
  if (storeEnding(task, going) === UNFINISHED) return UNFINISHED;
  if ((flags & MNT_FORCE) !== 0) mount.fileSystem.forceUnmount();
  if ((flags & MNT_DETACH) === 0) {
    if (mount.users > 0 || isBusyElsewhere(going, mount)) return -EBUSY;
    if ((flags & MNT_EXPIRE) !== 0 && !mount.isExpiring) {
      mount.isExpiring = true;
      return -EAGAIN;
    }
  }
  detachAll(task.kernel, going);
  return 0;
}

/** Stores, in pieces, what file systems have whose last mounts are among those that go. */
function storeEnding(task: Caller, going: readonly Mount[]): number {
  const { kernel } = task;
  const counts = new Map<FileSystem, number>();
  for (const { fileSystem } of going) counts.set(fileSystem, (counts.get(fileSystem) ?? 0) + 1);
  for (const [fileSystem, count] of counts)
    if (kernel.vfs.roots.get(fileSystem)?.mounts !== count) counts.delete(fileSystem);
  kernel.work.charge(kernel.vfs.dirty.size >> 4);
  for (const { fileSystem } of kernel.vfs.dirty)
    if (counts.has(fileSystem)) return storeSomeInPieces(task, (each) => counts.has(each));
  return 0;
}

/**
 * pivot_root(2): `newRoot` becomes the root of the namespace, the old one is moved to what is on top at `given`.
 * @returns 0, −EBUSY, −EINVAL, −ENOENT, −ENOTDIR, −EPERM (fs/namespace.c, path_pivot_root)
 */
export function pivotRoot(task: Caller, newRoot: Path, given: Path): number {
  if (!isCapable(task.credentials, CAP_SYS_ADMIN, task.fs.namespace.owner)) return -EPERM;
  const namespace = task.fs.namespace;
  const oldRoot = task.fs.root;
  const mount = newRoot.mount;
  const putOld = topAt(given);
  if (isGone(putOld)) return -ENOENT;
  // They would hear of it, and lose their root (pivot_root(2), EINVAL).
  if ([mount.parent, putOld.mount, oldRoot.mount.parent].some((each) => (each?.group ?? null) !== null)) return -EINVAL;
  if (!namespace.has(oldRoot.mount) || !namespace.has(mount) || mount.isLocked) return -EINVAL;
  if (newRoot.dentry.isUnlinked) return -ENOENT;
  if (mount === oldRoot.mount || putOld.mount === oldRoot.mount) return -EBUSY;
  if (newRoot.dentry !== mount.root || oldRoot.dentry !== oldRoot.mount.root || mount.parent === null) return -EINVAL;
  if (!isMountBelow(putOld.mount, mount) || !isMountBelow(mount, oldRoot.mount)) return -EINVAL;
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
 * In another user namespace nothing is uncovered (nor what Linux has below the root), nothing less restricted, and
 * access times are kept as they were (mount_namespaces(7)).
 */
function lockMounts(namespace: MountNamespace): void {
  for (const mount of namespace.mounts) {
    mount.isLocked = true;
    restrictMount(mount);
  }
}
