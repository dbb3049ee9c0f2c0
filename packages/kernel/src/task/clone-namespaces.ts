/**
 * New namespaces for clone(2) and unshare(2), and who may have them (namespaces(7), user_namespaces(7)). Read next:
 * task/enter-namespaces.ts, setns(2).
 */
import {
  CAP_SETFCAP,
  CAP_SYS_ADMIN,
  CLONE_NEWCGROUP,
  CLONE_NEWIPC,
  CLONE_NEWNET,
  CLONE_NEWNS,
  CLONE_NEWPID,
  CLONE_NEWTIME,
  CLONE_NEWUSER,
  CLONE_NEWUTS,
  EINVAL,
  ENOSPC,
  EPERM,
  isErrno,
} from "@stratos/abi";
import { IpcState } from "../ipc/ipc-state.ts";
import { ALL_CAPABILITIES, type Credentials, isCapable } from "../security/credentials.ts";
import { INITIAL_NAMESPACE_INO, type NamespaceKind, type NamespaceOrigin } from "../security/namespace.ts";
import { NAMESPACE_LEVELS_MAX, UserNamespace } from "../security/user-namespace.ts";
import type { Kernel } from "./kernel-state.ts";
import { PidNamespace } from "../signal/pid-namespace.ts";
import { Network } from "../socket/network.ts";
import { namespaceRoot } from "../vfs/boot-mounts.ts";
import { canCopyMounts } from "../vfs/mounting.ts";
import { CgroupNamespace } from "./cgroup-namespace.ts";
import { Namespaces, type NamespaceSet } from "./namespaces.ts";
import type { Task } from "./task.ts";
import { TimeNamespace } from "./time-namespace.ts";
import { UtsNamespace } from "./uts-namespace.ts";

/** Those of a `Namespaces` value. */
const CLONE_NEW_SET = CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWTIME;
/** All kinds. */
export const CLONE_NEW_ALL = CLONE_NEW_SET | CLONE_NEWNS | CLONE_NEWUSER;

/** What a task is given for the flags of a clone or unshare. */
interface NewNamespaces {
  /** His, or full ones in a new user namespace. */
  readonly credentials: Credentials;
  /** Retained for their holder. */
  readonly namespaces: Namespaces;
  /** For a mount namespace; null: none was asked for. */
  readonly mounts: NamespaceOrigin | null;
}

/** May the task ask for these? 0; −EPERM. */
export function mayMakeNamespaces(task: Task, flags: number): number {
  const { credentials } = task;
  const needsRight = (flags & CLONE_NEWUSER) === 0 && (flags & CLONE_NEW_ALL) !== 0;
  return needsRight && !isCapable(credentials, CAP_SYS_ADMIN, credentials.userNamespace) ? -EPERM : 0;
}

/**
 * @returns −ENOSPC: /proc/sys/user or the levels say that there are enough, or there is no room for mounts; −EPERM: no
 *   new user namespace in a chroot, or for ids that have no name; −EINVAL: a pid namespace below one that the user
 *   namespace doesn't own
 */
export function makeNamespaces(task: Task, flags: number): NewNamespaces | number {
  const credentials = (flags & CLONE_NEWUSER) !== 0 ? ownUserNamespace(task) : task.credentials;
  if (isErrno(credentials)) return credentials;
  const { userNamespace } = credentials;
  userNamespace.retain();
  const mounts =
    (flags & CLONE_NEWNS) === 0
      ? null
      : canCopyMounts(task, userNamespace)
        ? namespaceOrigin(task, "mnt", userNamespace)
        : -ENOSPC;
  const namespaces = isErrno(mounts) ? mounts : copyNamespaces(task, flags, userNamespace);
  if (!isErrno(mounts) && !isErrno(namespaces)) return { credentials, namespaces, mounts };
  if (mounts !== null && !isErrno(mounts))
    task.kernel.namespaceCounts.discharge(userNamespace, mounts.creatorUid, "mnt");
  userNamespace.release();
  return isErrno(mounts) ? mounts : (namespaces as number);
}

/** Nobody came to live in them. */
export function giveBackNamespaces(kernel: Kernel, { credentials, namespaces, mounts }: NewNamespaces): void {
  const { userNamespace } = credentials;
  namespaces.release();
  if (mounts !== null) kernel.namespaceCounts.discharge(userNamespace, mounts.creatorUid, "mnt");
  userNamespace.release();
}

/** What a new namespace of the task is made with; −ENOSPC. @param owner  whose rights count in it */
function namespaceOrigin(task: Task, kind: NamespaceKind, owner: UserNamespace): NamespaceOrigin | number {
  const { kernel } = task;
  const creatorUid = task.credentials.euid;
  if (!kernel.namespaceCounts.charge(owner, creatorUid, kind)) return -ENOSPC;
  return {
    ino: INITIAL_NAMESPACE_INO.mnt + kernel.allocateAnonymousIno(),
    owner,
    creatorUid,
    counts: kernel.namespaceCounts,
  };
}

/** All capabilities in a user namespace of its own (user_namespaces(7)). */
function ownUserNamespace(task: Task): Credentials | number {
  const { credentials } = task;
  const { userNamespace: parent, euid, egid } = credentials;
  if (parent.level > NAMESPACE_LEVELS_MAX) return -ENOSPC;
  if (!namespaceRoot(task.fs.namespace).equals(task.fs.root)) return -EPERM;
  if (!parent.hasIds(euid, egid)) return -EPERM;
  const origin = namespaceOrigin(task, "user", parent);
  if (isErrno(origin)) return origin;
  const mayMapRoot = isCapable(credentials, CAP_SETFCAP, parent);
  return inUserNamespace(credentials, new UserNamespace(parent, origin, { uid: euid, gid: egid, mayMapRoot }));
}

/** The same ids, with all capabilities there (Linux kernel/user_namespace.c, set_cred_user_ns). */
export function inUserNamespace(credentials: Credentials, userNamespace: UserNamespace): Credentials {
  return {
    ...credentials,
    userNamespace,
    effective: ALL_CAPABILITIES,
    permitted: ALL_CAPABILITIES,
    inheritable: 0,
    bounding: ALL_CAPABILITIES,
    ambient: 0,
    secureBits: 0,
  };
}

/** The task's, with new ones for the flags. */
function copyNamespaces(task: Task, flags: number, owner: UserNamespace): Namespaces | number {
  const { namespaces } = task;
  if ((flags & CLONE_NEW_SET) === 0) return namespaces.retain();
  const set: { -readonly [Kind in keyof NamespaceSet]: NamespaceSet[Kind] } = {
    uts: namespaces.uts,
    ipc: namespaces.ipc,
    net: namespaces.net,
    pidForChildren: namespaces.pidForChildren,
    cgroup: namespaces.cgroup,
    time: namespaces.time,
    timeForChildren: namespaces.timeForChildren,
  };
  let failed = 0;
  const make = (flag: number, kind: NamespaceKind, create: (origin: NamespaceOrigin) => void): void => {
    if ((flags & flag) === 0 || failed < 0) return;
    const origin = namespaceOrigin(task, kind, owner);
    if (isErrno(origin)) failed = origin;
    else create(origin);
  };
  if ((flags & CLONE_NEWPID) !== 0) failed = mayMakePidNamespace(task, owner);
  make(CLONE_NEWUTS, "uts", (origin) => (set.uts = new UtsNamespace(origin, namespaces.uts)));
  make(CLONE_NEWIPC, "ipc", (origin) => (set.ipc = new IpcState(task.kernel, origin)));
  make(CLONE_NEWPID, "pid", (origin) => (set.pidForChildren = new PidNamespace(namespaces.pidForChildren, origin)));
  make(CLONE_NEWCGROUP, "cgroup", (origin) => (set.cgroup = new CgroupNamespace(origin, task.controlGroup)));
  make(CLONE_NEWNET, "net", (origin) => {
    set.net = new Network(task.kernel, { provider: null, isLoopbackUp: false, origin });
  });
  make(
    CLONE_NEWTIME,
    "time",
    (origin) => (set.timeForChildren = new TimeNamespace(origin, namespaces.timeForChildren)),
  );
  const made = new Namespaces(set);
  if (failed === 0) return made;
  made.release();
  return failed;
}

function mayMakePidNamespace(task: Task, owner: UserNamespace): number {
  const parent = task.namespaces.pidForChildren;
  // Before a child was born in the last one (Linux kernel/pid_namespace.c, copy_pid_ns).
  if (parent !== task.group.pidNamespace || !owner.isWithin(parent.owner)) return -EINVAL;
  return parent.level >= NAMESPACE_LEVELS_MAX ? -ENOSPC : 0;
}

/**
 * Who has a memory of its own, by fork(2) or execve(2), is in the time namespace that was chosen for children
 * (time_namespaces(7)). Takes `namespaces` over and gives back those to hold in their place.
 */
export function inTimeForChildren(namespaces: Namespaces): Namespaces {
  const { time, timeForChildren } = namespaces;
  if (time === timeForChildren) return namespaces;
  timeForChildren.isFrozen = true;
  const own = new Namespaces({ ...namespaces, time: timeForChildren });
  namespaces.release();
  return own;
}
