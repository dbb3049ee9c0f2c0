/** statmount(2), listmount(2): what /proc/self/mountinfo tells, of one mount, in numbers. */
import {
  CAP_SYS_ADMIN,
  E2BIG,
  EFAULT,
  EINVAL,
  ENOENT,
  EOVERFLOW,
  EPERM,
  LISTMOUNT_REVERSE,
  MNT_ID_REQ_SIZE_VER0,
  MOUNT_ATTR_NOATIME,
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NODIRATIME,
  MOUNT_ATTR_NOEXEC,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_NOSYMFOLLOW,
  MOUNT_ATTR_RDONLY,
  MOUNT_ATTR_STRICTATIME,
  MS_DIRSYNC,
  MS_LAZYTIME,
  MS_NOATIME,
  MS_NODEV,
  MS_NODIRATIME,
  MS_NOEXEC,
  MS_NOSUID,
  MS_NOSYMFOLLOW,
  MS_PRIVATE,
  MS_RDONLY,
  MS_RELATIME,
  MS_SHARED,
  MS_SLAVE,
  MS_SYNCHRONOUS,
  MS_UNBINDABLE,
  MntIdReq,
  PAGE_SIZE,
  STATMOUNT_FS_SUBTYPE,
  STATMOUNT_FS_TYPE,
  STATMOUNT_MNT_BASIC,
  STATMOUNT_MNT_GIDMAP,
  STATMOUNT_MNT_NS_ID,
  STATMOUNT_MNT_OPTS,
  STATMOUNT_MNT_POINT,
  STATMOUNT_MNT_ROOT,
  STATMOUNT_MNT_UIDMAP,
  STATMOUNT_OPT_ARRAY,
  STATMOUNT_OPT_SEC_ARRAY,
  STATMOUNT_PROPAGATE_FROM,
  STATMOUNT_SB_BASIC,
  STATMOUNT_SB_SOURCE,
  STATMOUNT_SUPPORTED_MASK,
  Statmount,
  isErrno,
} from "@stratos/abi";
import { byteStringOf } from "@stratos/base";
import { copyExtensible } from "../ground/extensible-structure.ts";
import { get64, put64 } from "../ground/words.ts";
import { isCapable } from "../security/credentials.ts";
import type { IdMap } from "../security/id-map.ts";
import type { Task } from "../task/task.ts";
import { majorOf, minorOf } from "../vfs/device-registry.ts";
import type { FileSystem } from "../vfs/file-system.ts";
import type { MountNamespace } from "../vfs/mount-namespace.ts";
import { heardFrom, placeOf, rootWithin, UNIQUE_MOUNT_IDS, uniqueIdOf } from "../vfs/mount-names.ts";
import type { Mount } from "../vfs/mount.ts";
import { Path } from "../vfs/path.ts";

/** LSMT_ROOT: all that can be reached from the caller's root. A 64-bit −1 is given as −1. */
const ROOT_OF_ALL = -1;
/** What one listmount(2) is asked for at most (fs/namespace.c). */
const LIST_MAX = 1_000_000;
const SUPPORTED =
  STATMOUNT_SB_BASIC |
  STATMOUNT_MNT_BASIC |
  STATMOUNT_PROPAGATE_FROM |
  STATMOUNT_MNT_ROOT |
  STATMOUNT_MNT_POINT |
  STATMOUNT_FS_TYPE |
  STATMOUNT_MNT_NS_ID |
  STATMOUNT_MNT_OPTS |
  STATMOUNT_FS_SUBTYPE |
  STATMOUNT_SB_SOURCE |
  STATMOUNT_OPT_ARRAY |
  STATMOUNT_OPT_SEC_ARRAY |
  STATMOUNT_SUPPORTED_MASK |
  STATMOUNT_MNT_UIDMAP |
  STATMOUNT_MNT_GIDMAP;

/** `struct mnt_id_req`, and the namespace that it is about. */
interface Request {
  readonly id: number;
  readonly param: number;
  readonly namespace: MountNamespace;
}

function loadRequest(task: Task, address: number): Request | number {
  const { u8, view } = task.kernel.scratch;
  let failed = task.space.copyIn(address, u8, 0, 4);
  if (failed < 0) return failed;
  const size = view.getUint32(MntIdReq.offset.size, true);
  if (size > PAGE_SIZE) return -E2BIG;
  if (size < MNT_ID_REQ_SIZE_VER0) return -EINVAL;
  failed = copyExtensible(task.space, address, u8, size, MntIdReq.size);
  if (failed < 0) return failed;
  const id = get64(view, MntIdReq.offset.mnt_id),
    param = get64(view, MntIdReq.offset.param),
    wanted = get64(view, MntIdReq.offset.mnt_ns_id);
  if (view.getUint32(MntIdReq.offset.spare, true) !== 0) return -EINVAL;
  if (id !== ROOT_OF_ALL && id >= 0 && id <= UNIQUE_MOUNT_IDS) return -EINVAL;
  const namespace = namespaceBy(task, wanted);
  return isErrno(namespace) ? namespace : { id, param, namespace };
}

/** The caller's for 0; others' for who may change them. */
function namespaceBy(task: Task, id: number): MountNamespace | number {
  const own = task.fs.namespace;
  if (id === 0 || id === own.ino) return own;
  for (const { fs } of task.kernel.tasks.tasks.values()) {
    const { namespace } = fs;
    if (namespace.ino === id) return isCapable(task.credentials, CAP_SYS_ADMIN, namespace.owner) ? namespace : -EPERM;
  }
  return -ENOENT;
}

function mountBy({ namespace, id }: Request): Mount | undefined {
  return namespace.mounts.find((mount) => uniqueIdOf(mount) === id);
}

/** Whoever may change the mounts sees also those that he can't reach. */
function mayLookAt(task: Task, { namespace }: Request, mount: Mount): boolean {
  return placeOf(mount, task.fs.root) !== null || isCapable(task.credentials, CAP_SYS_ADMIN, namespace.owner);
}

export function statmount(task: Task, requestAddress: number, buffer: number, size: number, flags: number): number {
  if (flags !== 0) return -EINVAL;
  const request = loadRequest(task, requestAddress);
  if (isErrno(request)) return request;
  if (request.id === ROOT_OF_ALL) return -ENOENT;
  const mount = mountBy(request);
  if (mount === undefined) return -ENOENT;
  if (!mayLookAt(task, request, mount)) return -EPERM;
  const report = { bytes: new Uint8Array(Statmount.size), strings: "" };
  fillReport(report, mount, task, request);
  const strings = byteStringOf(report.strings);
  if (strings.length > 0 && size < Statmount.size + strings.length) return -EOVERFLOW;
  const length = Math.min(size, Statmount.size);
  new DataView(report.bytes.buffer).setUint32(Statmount.offset.size, length + strings.length, true);
  const stored = task.space.copyOut(buffer + Statmount.size, strings, 0, strings.length);
  return stored < 0 ? stored : task.space.copyOut(buffer, report.bytes, 0, length);
}

/** `struct statmount`, and the strings behind it, which are told by where they begin. */
interface Report {
  readonly bytes: Uint8Array;
  /** The first is empty: what has no string leads there. */
  strings: string;
}

function fillReport(report: Report, mount: Mount, task: Task, { param: wanted, namespace }: Request): void {
  const { root } = task.fs;
  const reader = task.credentials.userNamespace;
  const { fileSystem } = mount;
  const { offset } = Statmount;
  const view = new DataView(report.bytes.buffer);
  const options = fileSystem.options.split(",").filter((option) => option !== "");
  // There are neither subtypes nor options of security modules.
  let given = wanted & SUPPORTED & ~(STATMOUNT_FS_SUBTYPE | STATMOUNT_OPT_SEC_ARRAY);
  if (options.length === 0) given &= ~(STATMOUNT_MNT_OPTS | STATMOUNT_OPT_ARRAY);
  if (mount.idMap === null) given &= ~(STATMOUNT_MNT_UIDMAP | STATMOUNT_MNT_GIDMAP);
  const text = (what: number, field: number, value: string): void => {
    if ((given & what) === 0) return;
    if (report.strings === "") report.strings = "\0";
    view.setUint32(field, report.strings.length, true);
    report.strings += `${value}\0`;
  };
  if ((given & STATMOUNT_SB_BASIC) !== 0) fillFileSystem(view, fileSystem);
  if ((given & STATMOUNT_MNT_BASIC) !== 0) fillMount(view, mount);
  if ((given & STATMOUNT_PROPAGATE_FROM) !== 0) put64(view, offset.propagate_from, heardFrom(mount)?.id ?? 0);
  if ((given & STATMOUNT_MNT_NS_ID) !== 0) put64(view, offset.mnt_ns_id, namespace.ino);
  if ((given & STATMOUNT_SUPPORTED_MASK) !== 0) put64(view, offset.supported_mask, SUPPORTED);
  if ((given & STATMOUNT_OPT_ARRAY) !== 0) view.setUint32(offset.opt_num, options.length, true);
  text(STATMOUNT_FS_TYPE, offset.fs_type, fileSystem.type);
  text(STATMOUNT_MNT_ROOT, offset.mnt_root, rootWithin(mount));
  text(STATMOUNT_MNT_POINT, offset.mnt_point, placeOf(mount, root) ?? "(unreachable)");
  text(STATMOUNT_MNT_OPTS, offset.mnt_opts, options.join(","));
  text(STATMOUNT_OPT_ARRAY, offset.opt_array, options.join("\0"));
  text(STATMOUNT_SB_SOURCE, offset.sb_source, mount.source);
  // Told even when the caller has a name for none of the numbers (statmount_mnt_uidmap).
  const map = (what: number, fields: { count: number; at: number }, lines: readonly string[]): void => {
    if ((given & what) === 0) return;
    view.setUint32(fields.count, lines.length, true);
    if (lines.length > 0) text(what, fields.at, lines.map((line) => `${line}\0`).join(""));
  };
  const { uids, gids } = reader;
  const uidFields = { count: offset.mnt_uidmap_num, at: offset.mnt_uidmap },
    gidFields = { count: offset.mnt_gidmap_num, at: offset.mnt_gidmap };
  if (mount.idMap !== null) {
    map(STATMOUNT_MNT_UIDMAP, uidFields, mapLines(mount.idMap.uids, uids));
    map(STATMOUNT_MNT_GIDMAP, gidFields, mapLines(mount.idMap.gids, gids));
  }
  put64(view, offset.mask, given);
}

/** As /proc/PID/uid_map, but for ranges that the reader has no name for (fs/mnt_idmapping.c, statmount_mnt_idmap). */
function mapLines(map: IdMap, reader: IdMap): string[] {
  const lines: string[] = [];
  for (const { first, kernelFirst, count } of map.extents ?? []) {
    const lower = reader.rangeFromKernel(kernelFirst, count);
    if (lower >= 0) lines.push(`${first} ${lower} ${count}`);
  }
  return lines;
}

function fillFileSystem(view: DataView, fileSystem: FileSystem): void {
  const { device, readOnly, superFlags } = fileSystem;
  const { offset } = Statmount;
  view.setUint32(offset.sb_dev_major, majorOf(device), true);
  view.setUint32(offset.sb_dev_minor, minorOf(device), true);
  put64(view, offset.sb_magic, fileSystem.usage().magic);
  // Not MS_MANDLOCK (fs/namespace.c, statmount_sb_basic).
  const flags = (readOnly ? MS_RDONLY : 0) | (superFlags & (MS_SYNCHRONOUS | MS_DIRSYNC | MS_LAZYTIME));
  view.setUint32(offset.sb_flags, flags, true);
}

function fillMount(view: DataView, mount: Mount): void {
  const { offset } = Statmount;
  const parent = mount.parent ?? mount;
  put64(view, offset.mnt_id, uniqueIdOf(mount));
  put64(view, offset.mnt_parent_id, uniqueIdOf(parent));
  view.setUint32(offset.mnt_id_old, mount.id, true);
  view.setUint32(offset.mnt_parent_id_old, parent.id, true);
  put64(view, offset.mnt_attr, attributesOf(mount.flags));
  put64(view, offset.mnt_propagation, propagationOf(mount));
  put64(view, offset.mnt_peer_group, mount.group?.id ?? 0);
  put64(view, offset.mnt_master, mount.master?.id ?? 0);
}

const ATTRIBUTES: readonly (readonly [flag: number, attribute: number])[] = [
  [MS_RDONLY, MOUNT_ATTR_RDONLY],
  [MS_NOSUID, MOUNT_ATTR_NOSUID],
  [MS_NODEV, MOUNT_ATTR_NODEV],
  [MS_NOEXEC, MOUNT_ATTR_NOEXEC],
  [MS_NODIRATIME, MOUNT_ATTR_NODIRATIME],
  [MS_NOSYMFOLLOW, MOUNT_ATTR_NOSYMFOLLOW],
  [MS_NOATIME, MOUNT_ATTR_NOATIME],
];

function attributesOf(flags: number): number {
  const isStrict = (flags & (MS_NOATIME | MS_RELATIME)) === 0;
  return ATTRIBUTES.reduce(
    (all, [flag, attribute]) => ((flags & flag) !== 0 ? all | attribute : all),
    isStrict ? MOUNT_ATTR_STRICTATIME : 0,
  );
}

function propagationOf({ group, master, isUnbindable }: Mount): number {
  const shared = group === null ? 0 : MS_SHARED;
  if (master !== null) return shared | MS_SLAVE | (isUnbindable ? MS_UNBINDABLE : 0);
  return shared !== 0 ? shared : isUnbindable ? MS_UNBINDABLE : MS_PRIVATE;
}

/** The mounts below one, by their numbers. @param most  how many fit in the caller's list */
export function listmount(task: Task, requestAddress: number, list: number, most: number, flags: number): number {
  if ((flags & ~LISTMOUNT_REVERSE) !== 0) return -EINVAL;
  if (most < 0 || most > LIST_MAX) return -EOVERFLOW;
  const request = loadRequest(task, requestAddress);
  if (isErrno(request)) return request;
  const { param: last, namespace } = request;
  if (last !== 0 && last <= UNIQUE_MOUNT_IDS) return -EINVAL;
  const { root } = task.fs;
  const above = request.id === ROOT_OF_ALL ? null : mountBy(request);
  if (above === undefined) return -ENOENT;
  if (above !== null && !mayLookAt(task, request, above)) return -EPERM;
  const from = above === null ? (namespace.has(root.mount) ? root : null) : new Path(above, above.root);
  const isReverse = (flags & LISTMOUNT_REVERSE) !== 0;
  task.kernel.work.charge(namespace.mounts.length >> 2);
  const found = namespace.mounts
    .filter((mount) => mount !== above && (from === null || placeOf(mount, from) !== null))
    .map(uniqueIdOf)
    .filter((id) => last === 0 || (isReverse ? id < last : id > last))
    .sort((one, other) => (isReverse ? other - one : one - other))
    .slice(0, most);
  for (const [at, id] of found.entries()) if (task.space.storeU64(list + 8 * at, id) < 0) return -EFAULT;
  return found.length;
}
