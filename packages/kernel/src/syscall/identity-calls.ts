import {
  CAP_CHOWN,
  CAP_DAC_OVERRIDE,
  CAP_DAC_READ_SEARCH,
  CAP_FOWNER,
  CAP_FSETID,
  CAP_LINUX_IMMUTABLE,
  CAP_MAC_OVERRIDE,
  CAP_MKNOD,
  CAP_SETGID,
  CAP_SETPCAP,
  CAP_SETUID,
  CapUserData,
  CapUserHeader,
  EFAULT,
  EINVAL,
  EPERM,
  ESRCH,
  SECBIT_KEEP_CAPS,
  SECBIT_NO_SETUID_FIXUP,
  _LINUX_CAPABILITY_VERSION_1,
  _LINUX_CAPABILITY_VERSION_2,
  _LINUX_CAPABILITY_VERSION_3,
} from "@stratos/abi";
import {
  ALL_CAPABILITIES,
  type Credentials,
  hasCapability,
  intersectCapabilities,
  isCapabilitySubset,
  isCapable,
  losesDumpability,
  uniteCapabilities,
} from "../security/credentials.ts";
import type { IdMap } from "../security/id-map.ts";
import type { Task } from "../task/task.ts";
import type { SyscallTable } from "./syscall-table.ts";

/**
 * Users, groups and capabilities: credentials(7), capabilities(7). An id argument of −1 (all ones) means "leave it".
 */
const KEEP = 0xffffffff;

/**
 * Puts new user ids in place and lets capabilities follow (capabilities(7), "Effect of user ID changes on
 * capabilities").
 */
function changeUser(task: Task, uid: number, euid: number, suid: number): number {
  const old = task.credentials;
  const fixes = (old.secureBits & SECBIT_NO_SETUID_FIXUP) === 0;
  const keeps = (old.secureBits & SECBIT_KEEP_CAPS) !== 0;
  let { effective, permitted, ambient } = old;
  const { rootUid } = old.userNamespace;
  const wasRoot = old.uid === rootUid || old.euid === rootUid || old.suid === rootUid;
  const isRoot = uid === rootUid || euid === rootUid || suid === rootUid;
  if (fixes) {
    if (wasRoot && !isRoot) {
      if (!keeps) permitted = effective = 0;
      ambient = 0;
    }
    if (old.euid === rootUid && euid !== rootUid) effective = 0;
    else if (old.euid !== rootUid && euid === rootUid) effective = permitted;
  }
  return commit(task, { ...old, uid, euid, suid, fsuid: euid, effective, permitted, ambient });
}

function commit(task: Task, credentials: Credentials): 0 {
  if (losesDumpability(task.credentials, credentials)) {
    task.group.dumpable = task.kernel.coreSettings.suidDumpable;
    task.parentDeathSignal = 0;
  }
  const { thread } = task.keyrings;
  if (thread !== null) {
    thread.uid = credentials.fsuid;
    thread.gid = credentials.fsgid;
  }
  task.credentials = credentials;
  return 0;
}

function changeGroup(task: Task, gid: number, egid: number, sgid: number): number {
  return commit(task, { ...task.credentials, gid, egid, sgid, fsgid: egid });
}

function isSame(id: number, own: number): boolean {
  return id === KEEP || id === own;
}

function setresuid(task: Task, ruid: number, euid: number, suid: number): number {
  const old = task.credentials;
  const allowed = (id: number): boolean => id === KEEP || id === old.uid || id === old.euid || id === old.suid;
  if (!isCapable(old, CAP_SETUID, old.userNamespace) && !(allowed(ruid) && allowed(euid) && allowed(suid)))
    return -EPERM;
  // The same credentials stay, by which an opened file is known for one's own.
  if (isSame(ruid, old.uid) && isSame(euid, old.euid) && isSame(suid, old.suid) && isSame(euid, old.fsuid)) return 0;
  return changeUser(
    task,
    ruid === KEEP ? old.uid : ruid,
    euid === KEEP ? old.euid : euid,
    suid === KEEP ? old.suid : suid,
  );
}

function setresgid(task: Task, rgid: number, egid: number, sgid: number): number {
  const old = task.credentials;
  const allowed = (id: number): boolean => id === KEEP || id === old.gid || id === old.egid || id === old.sgid;
  if (!isCapable(old, CAP_SETGID, old.userNamespace) && !(allowed(rgid) && allowed(egid) && allowed(sgid)))
    return -EPERM;
  // The same credentials stay, by which an opened file is known for one's own.
  if (isSame(rgid, old.gid) && isSame(egid, old.egid) && isSame(sgid, old.sgid) && isSame(egid, old.fsgid)) return 0;
  return changeGroup(
    task,
    rgid === KEEP ? old.gid : rgid,
    egid === KEEP ? old.egid : egid,
    sgid === KEEP ? old.sgid : sgid,
  );
}

function setreuid(task: Task, ruid: number, euid: number): number {
  const old = task.credentials;
  if (!isCapable(old, CAP_SETUID, old.userNamespace)) {
    if (ruid !== KEEP && ruid !== old.uid && ruid !== old.euid) return -EPERM;
    if (euid !== KEEP && euid !== old.uid && euid !== old.euid && euid !== old.suid) return -EPERM;
  }
  const newEuid = euid === KEEP ? old.euid : euid;
  const changesSaved = ruid !== KEEP || (euid !== KEEP && euid !== old.uid);
  return changeUser(task, ruid === KEEP ? old.uid : ruid, newEuid, changesSaved ? newEuid : old.suid);
}

function setregid(task: Task, rgid: number, egid: number): number {
  const old = task.credentials;
  if (!isCapable(old, CAP_SETGID, old.userNamespace)) {
    if (rgid !== KEEP && rgid !== old.gid && rgid !== old.egid) return -EPERM;
    if (egid !== KEEP && egid !== old.gid && egid !== old.egid && egid !== old.sgid) return -EPERM;
  }
  const newEgid = egid === KEEP ? old.egid : egid;
  const changesSaved = rgid !== KEEP || (egid !== KEEP && egid !== old.gid);
  return changeGroup(task, rgid === KEEP ? old.gid : rgid, newEgid, changesSaved ? newEgid : old.sgid);
}

function setuid(task: Task, uid: number): number {
  const old = task.credentials;
  if (isCapable(old, CAP_SETUID, old.userNamespace)) return changeUser(task, uid, uid, uid);
  return uid === old.uid || uid === old.suid ? changeUser(task, old.uid, uid, old.suid) : -EPERM;
}

function setgid(task: Task, gid: number): number {
  const old = task.credentials;
  if (isCapable(old, CAP_SETGID, old.userNamespace)) return changeGroup(task, gid, gid, gid);
  return gid === old.gid || gid === old.sgid ? changeGroup(task, old.gid, gid, old.sgid) : -EPERM;
}

function getgroups(task: Task, size: number, address: number): number {
  const { groups, userNamespace } = task.credentials;
  const { gids } = userNamespace;
  size |= 0;
  if (size < 0) return -EINVAL;
  if (size === 0) return groups.length;
  if (size < groups.length) return -EINVAL;
  for (let index = 0; index < groups.length; index++)
    if (task.space.storeU32(address + index * 4, gids.shown(groups[index]!)) < 0) return -EFAULT;
  return groups.length;
}

function setgroups(task: Task, size: number, address: number): number {
  const { userNamespace } = task.credentials;
  if (!userNamespace.allowsSetgroups || !isCapable(task.credentials, CAP_SETGID, userNamespace)) return -EPERM;
  // Before there is a gid_map nobody has groups (user_namespaces(7)).
  if (userNamespace.gids.extents?.length === 0) return -EPERM;
  if (size < 0 || size > 65536) return -EINVAL;
  const given = new Uint32Array(size);
  // An array of one's own is aligned, and this machine's order of bytes is the guest's.
  if (task.space.copyIn(address, new Uint8Array(given.buffer), 0, given.byteLength) < 0) return -EFAULT;
  task.kernel.work.charge(size >> 10);
  for (let index = 0; index < size; index++) {
    const own = userNamespace.gids.toKernel(given[index]!);
    if (own < 0 || given[index] === KEEP) return -EINVAL;
    given[index] = own;
  }
  // Linux keeps them in order, and getgroups(2) shows that (groups_sort). 65,536 of them take milliseconds at most so.
  const groups = Array.from(given.sort());
  task.credentials = { ...task.credentials, groups };
  return 0;
}

function storeThree(task: Task, addresses: [number, number, number], values: [number, number, number]): number {
  for (let index = 0; index < 3; index++)
    if (task.space.storeU32(addresses[index]!, values[index]!) < 0) return -EFAULT;
  return 0;
}

/** Words of `cap_user_data_t`; sets a wrong version right, as capget(2) has it. */
function capabilityWords(task: Task, header: number): number {
  const version = task.space.loadU32(header);
  if (version < 0) return -EFAULT;
  if (version === _LINUX_CAPABILITY_VERSION_1) return 1;
  if (version === _LINUX_CAPABILITY_VERSION_2 || version === _LINUX_CAPABILITY_VERSION_3) return 2;
  return task.space.storeU32(header, _LINUX_CAPABILITY_VERSION_3) < 0 ? -EFAULT : -EINVAL;
}

const CAPABILITY_SETS: readonly number[] = [
  CapUserData.offset.effective,
  CapUserData.offset.permitted,
  CapUserData.offset.inheritable,
];

function capget(task: Task, header: number, data: number): number {
  const words = capabilityWords(task, header);
  if (words < 0) return data === 0 && words === -EINVAL ? 0 : words;
  if (data === 0) return 0;
  const pid = task.space.loadU32(header + CapUserHeader.offset.pid);
  if (pid < 0) return -EFAULT;
  if ((pid | 0) < 0) return -EINVAL;
  const target = pid === 0 ? task : task.kernel.tasks.taskIn(task.group.pidNamespace, pid);
  if (target === undefined) return -ESRCH;
  const { effective, permitted, inheritable } = target.credentials;
  for (let word = 0; word < words; word++) {
    const part = (set: number): number => (word === 0 ? set % 0x100000000 : Math.floor(set / 0x100000000));
    const at = data + word * CapUserData.size;
    const addresses = CAPABILITY_SETS.map((offset) => at + offset) as [number, number, number];
    if (storeThree(task, addresses, [part(effective), part(permitted), part(inheritable)]) < 0) return -EFAULT;
  }
  return 0;
}

function capset(task: Task, header: number, data: number): number {
  const words = capabilityWords(task, header);
  if (words < 0) return words;
  const pid = task.space.loadU32(header + CapUserHeader.offset.pid);
  if (pid < 0) return -EFAULT;
  if (pid !== 0 && pid !== task.ownTid) return -EPERM;
  const sets = [0, 0, 0];
  for (let word = 0; word < words; word++) {
    for (let set = 0; set < 3; set++) {
      const value = task.space.loadU32(data + word * CapUserData.size + CAPABILITY_SETS[set]!);
      if (value < 0) return -EFAULT;
      sets[set]! += word === 0 ? value : (value & 0x1ff) * 0x100000000;
    }
  }
  const [effective, permitted, inheritable] = sets as [number, number, number];
  const old = task.credentials;
  if (!isCapabilitySubset(permitted, old.permitted) || !isCapabilitySubset(effective, permitted)) return -EPERM;
  if (
    !isCapable(old, CAP_SETPCAP, old.userNamespace) &&
    !isCapabilitySubset(inheritable, uniteCapabilities(old.inheritable, old.permitted))
  )
    return -EPERM;
  if (!isCapabilitySubset(inheritable, uniteCapabilities(old.inheritable, old.bounding))) return -EPERM;
  // Ambient capabilities are permitted and inheritable ones (capabilities(7), "Ambient").
  const ambient = intersectCapabilities(old.ambient, intersectCapabilities(permitted, inheritable));
  return commit(task, {
    ...old,
    effective: clip(effective),
    permitted: clip(permitted),
    inheritable: clip(inheritable),
    ambient,
  });
}

const clip = (set: number): number => set % (ALL_CAPABILITIES + 1);

function filesystemId(
  task: Task,
  key: "fsuid" | "fsgid",
  id: number,
  capability: number,
  own: readonly number[],
): number {
  const old: Credentials = task.credentials;
  if (id === KEEP || (!isCapable(old, capability, old.userNamespace) && !own.includes(id))) return old[key];
  let { effective } = old;
  // Rights over files go and come with root's identity for files (capabilities(7)).
  const { rootUid } = old.userNamespace;
  const follows = key === "fsuid" && (old.secureBits & SECBIT_NO_SETUID_FIXUP) === 0;
  if (follows && old.fsuid === rootUid && id !== rootUid)
    for (const member of FILE_CAPABILITIES) if (hasCapability(effective, member)) effective -= 2 ** member;
  if (follows && old.fsuid !== rootUid && id === rootUid)
    for (const member of FILE_CAPABILITIES)
      if (!hasCapability(effective, member) && hasCapability(old.permitted, member)) effective += 2 ** member;
  commit(task, { ...old, [key]: id, effective });
  return old[key];
}

/** What a program's argument means in the kernel; KEEP: all ones, or an id that its user namespace has no map for. */
function kernelId(map: IdMap, id: number): number {
  const own = id >>> 0 === KEEP ? -1 : map.toKernel(id >>> 0);
  return own < 0 ? KEEP : own;
}

/** Calls with ids of the kernel for those that are given: −EINVAL when one is not mapped, or the only one is KEEP. */
function withIds(
  task: Task,
  kind: "uids" | "gids",
  change: (...ids: number[]) => number,
  ...given: [number, ...number[]]
): number {
  const map = task.credentials.userNamespace[kind];
  const ids = given.map((id) => kernelId(map, id));
  if (ids.some((id, index) => id === KEEP && (given.length === 1 || given[index]! >>> 0 !== KEEP))) return -EINVAL;
  return change(...ids);
}

/** Linux's CAP_FS_SET. */
const FILE_CAPABILITIES: readonly number[] = [
  CAP_CHOWN,
  CAP_DAC_OVERRIDE,
  CAP_DAC_READ_SEARCH,
  CAP_FOWNER,
  CAP_FSETID,
  CAP_LINUX_IMMUTABLE,
  CAP_MKNOD,
  CAP_MAC_OVERRIDE,
];

export const identityCalls: SyscallTable = {
  getuid: { run: ({ credentials }) => credentials.userNamespace.uids.shown(credentials.uid) },
  geteuid: { run: ({ credentials }) => credentials.userNamespace.uids.shown(credentials.euid) },
  getgid: { run: ({ credentials }) => credentials.userNamespace.gids.shown(credentials.gid) },
  getegid: { run: ({ credentials }) => credentials.userNamespace.gids.shown(credentials.egid) },
  getresuid: {
    run: (task, r, e, s) => {
      const { uid, euid, suid, userNamespace } = task.credentials;
      const { uids } = userNamespace;
      return storeThree(task, [r, e, s], [uids.shown(uid), uids.shown(euid), uids.shown(suid)]);
    },
  },
  getresgid: {
    run: (task, r, e, s) => {
      const { gid, egid, sgid, userNamespace } = task.credentials;
      const { gids } = userNamespace;
      return storeThree(task, [r, e, s], [gids.shown(gid), gids.shown(egid), gids.shown(sgid)]);
    },
  },
  setuid: { run: (task, uid) => withIds(task, "uids", (id) => setuid(task, id), uid) },
  setgid: { run: (task, gid) => withIds(task, "gids", (id) => setgid(task, id), gid) },
  setreuid: { run: (task, r, e) => withIds(task, "uids", (...ids) => setreuid(task, ids[0]!, ids[1]!), r, e) },
  setregid: { run: (task, r, e) => withIds(task, "gids", (...ids) => setregid(task, ids[0]!, ids[1]!), r, e) },
  setresuid: {
    run: (task, r, e, s) => withIds(task, "uids", (...ids) => setresuid(task, ids[0]!, ids[1]!, ids[2]!), r, e, s),
  },
  setresgid: {
    run: (task, r, e, s) => withIds(task, "gids", (...ids) => setresgid(task, ids[0]!, ids[1]!, ids[2]!), r, e, s),
  },
  setfsuid: {
    run: (task, id) => {
      const { uid, euid, suid, fsuid, userNamespace } = task.credentials;
      const wanted = kernelId(userNamespace.uids, id);
      return userNamespace.uids.shown(filesystemId(task, "fsuid", wanted, CAP_SETUID, [uid, euid, suid, fsuid]));
    },
  },
  setfsgid: {
    run: (task, id) => {
      const { gid, egid, sgid, fsgid, userNamespace } = task.credentials;
      const wanted = kernelId(userNamespace.gids, id);
      return userNamespace.gids.shown(filesystemId(task, "fsgid", wanted, CAP_SETGID, [gid, egid, sgid, fsgid]));
    },
  },
  getgroups: { run: getgroups },
  setgroups: { run: (task, size, address) => setgroups(task, size | 0, address) },
  capget: { run: capget },
  capset: { run: capset },
};
