/** unshare(2), setns(2) and ioctl_ns(2): a task changes its namespaces, or asks about one. */
import {
  CAP_SYS_ADMIN,
  CAP_SYS_CHROOT,
  CLONE_FILES,
  CLONE_FS,
  CLONE_NEWCGROUP,
  CLONE_NEWIPC,
  CLONE_NEWNET,
  CLONE_NEWNS,
  CLONE_NEWPID,
  CLONE_NEWTIME,
  CLONE_NEWUSER,
  CLONE_NEWUTS,
  CLONE_SIGHAND,
  CLONE_SYSVSEM,
  CLONE_THREAD,
  CLONE_VM,
  EBADF,
  EINVAL,
  ENOTTY,
  EPERM,
  ESRCH,
  EUSERS,
  NS_GET_ID,
  NS_GET_MNTNS_ID,
  NS_GET_NSTYPE,
  NS_GET_OWNER_UID,
  NS_GET_PARENT,
  NS_GET_PID_FROM_PIDNS,
  NS_GET_PID_IN_PIDNS,
  NS_GET_TGID_FROM_PIDNS,
  NS_GET_TGID_IN_PIDNS,
  NS_GET_USERNS,
  isErrno,
} from "@stratos/abi";
import { IpcState } from "../ipc/ipc-state.ts";
import { type Credentials, isCapable } from "../security/credentials.ts";
import type { Namespace, NamespaceKind } from "../security/namespace.ts";
import { UserNamespace } from "../security/user-namespace.ts";
import { PidNamespace } from "../signal/pid-namespace.ts";
import { Network } from "../socket/network.ts";
import { MountNamespace } from "../vfs/mount-namespace.ts";
import { namespaceRoot } from "../vfs/boot-mounts.ts";
import { unshareMounts } from "../vfs/mounting.ts";
import { NamespaceInode } from "../vfs/namespace-file.ts";
import type { OpenFile } from "../vfs/open-file.ts";
import type { Caller } from "../vfs/vfs-kernel.ts";
import { CgroupNamespace } from "./cgroup-namespace.ts";
import { CLONE_NEW_ALL, inUserNamespace, makeNamespaces, mayMakeNamespaces } from "./clone-namespaces.ts";
import { namespaceOf, openNamespace } from "./namespace-of.ts";
import { Namespaces, type NamespaceSet } from "./namespaces.ts";
import { processOfPidfd } from "./pidfd.ts";
import { mayInspect } from "./task-access.ts";
import type { Task } from "./task.ts";
import { TimeNamespace } from "./time-namespace.ts";
import { UtsNamespace } from "./uts-namespace.ts";

const UNSHARABLE = CLONE_NEW_ALL | CLONE_THREAD | CLONE_FS | CLONE_SIGHAND | CLONE_VM | CLONE_FILES | CLONE_SYSVSEM;

/** unshare(2): 0; −EINVAL; −EPERM; −ENOSPC; −EMFILE … */
export function unshare(task: Task, wanted: number): number {
  if ((wanted & ~UNSHARABLE) !== 0) return -EINVAL;
  let flags = wanted;
  if ((flags & CLONE_NEWUSER) !== 0) flags |= CLONE_THREAD | CLONE_FS;
  if ((flags & CLONE_VM) !== 0) flags |= CLONE_SIGHAND;
  if ((flags & CLONE_SIGHAND) !== 0) flags |= CLONE_THREAD;
  if ((flags & CLONE_NEWNS) !== 0) flags |= CLONE_FS;
  if ((flags & CLONE_NEWIPC) !== 0) flags |= CLONE_SYSVSEM;
  const { group } = task;
  if ((flags & CLONE_THREAD) !== 0 && group.tasks.length > 1) return -EINVAL;
  if ((flags & CLONE_SIGHAND) !== 0 && group.actions.users > 1) return -EINVAL;
  if ((flags & CLONE_VM) !== 0 && task.space.users > 1) return -EINVAL;
  const refused = mayMakeNamespaces(task, flags);
  if (refused < 0) return refused;
  const files = (flags & CLONE_FILES) !== 0 && task.files.users > 1 ? task.files.copyForTask() : null;
  if (isErrno(files)) return files;
  const made = makeNamespaces(task, flags);
  if (isErrno(made)) {
    files?.closeAll(task);
    return made;
  }
  if (files !== null) {
    task.files.users--;
    task.files = files;
  }
  if ((flags & CLONE_FS) !== 0 && task.fs.users > 1) {
    const copy = task.fs.copy();
    task.fs.release();
    task.fs = copy;
  }
  if (made.mounts !== null) unshareMounts(task, task.fs, made.mounts);
  // In the IPC namespace that it leaves.
  if ((flags & CLONE_SYSVSEM) !== 0) {
    task.ipc.semaphores.leaveUndo(task);
    task.semaphoreUndo = { users: 1, isMade: false, identity: 0 };
  }
  take(task, made.credentials, made.namespaces);
  return 0;
}

/** Puts retained ones in the place of the task's. */
function take(task: Task, credentials: Credentials, namespaces: Namespaces): void {
  const { credentials: oldCredentials, namespaces: old } = task;
  const { time } = namespaces;
  if (time !== old.time) task.kernel.vdso.changeClocks(task.space, !time.hasOffsets);
  task.credentials = credentials;
  task.namespaces = namespaces;
  // Who made it could do all of it before.
  if (!credentials.userNamespace.isMadeBelow(oldCredentials.userNamespace, oldCredentials.euid))
    task.group.dumpable = task.kernel.coreSettings.suidDumpable;
  old.release();
  oldCredentials.userNamespace.release();
}

/** Flags of setns(2) by kind. */
const FLAG_OF: Readonly<Record<NamespaceKind, number>> = {
  cgroup: CLONE_NEWCGROUP,
  ipc: CLONE_NEWIPC,
  mnt: CLONE_NEWNS,
  net: CLONE_NEWNET,
  pid: CLONE_NEWPID,
  time: CLONE_NEWTIME,
  user: CLONE_NEWUSER,
  uts: CLONE_NEWUTS,
};

/**
 * setns(2): by a file of /proc/PID/ns, where `type` is 0 or what it must be; or by a pidfd, where it is all kinds of
 * that process to enter. 0; −EBADF, −EINVAL, −EPERM, −ESRCH, −EUSERS.
 */
export function setNamespaces(task: Task, fd: number, type: number): number {
  const file = task.files.get(fd);
  if (file === undefined) return -EBADF;
  const wanted = namespacesBehind(task, file, type);
  if (isErrno(wanted)) return wanted;
  const entry: Entry = { task, credentials: task.credentials, set: { ...task.namespaces }, mounts: null };
  for (const namespace of wanted) {
    const failed = enter(entry, namespace);
    if (failed < 0) return failed;
  }
  if (entry.set.ipc !== task.namespaces.ipc) {
    task.ipc.semaphores.leaveUndo(task);
    task.semaphoreUndo = { users: 1, isMade: false, identity: 0 };
  }
  entry.credentials.userNamespace.retain();
  take(task, entry.credentials, new Namespaces(entry.set));
  if (entry.mounts !== null) enterMounts(task, entry.mounts);
  return 0;
}

/** Those to enter, the user namespace first: it is where rights are asked for. */
function namespacesBehind(task: Task, file: OpenFile, type: number): readonly Namespace[] | number {
  if (file.inode instanceof NamespaceInode) {
    const { namespace } = file.inode;
    return type !== 0 && type !== FLAG_OF[namespace.kind] ? -EINVAL : [namespace];
  }
  const process = processOfPidfd(file);
  if (process === null || type === 0 || (type & ~CLONE_NEW_ALL) !== 0) return -EINVAL;
  const target = process.tasks[0];
  if (target === undefined) return -ESRCH;
  if (mayInspect(task, target, "real") < 0) return -EPERM;
  const all: Namespace[] = [];
  for (const kind of ["user", "mnt", "uts", "ipc", "pid", "cgroup", "net", "time"] as const)
    if ((type & FLAG_OF[kind]) !== 0) all.push(namespaceOf(target, kind));
  return all;
}

/** What a task will have when all that it enters let it in. */
interface Entry {
  readonly task: Task;
  credentials: Credentials;
  readonly set: { -readonly [Kind in keyof NamespaceSet]: NamespaceSet[Kind] };
  mounts: MountNamespace | null;
}

function enter(entry: Entry, namespace: Namespace): number {
  const { task, credentials, set } = entry;
  if (namespace instanceof UserNamespace) {
    if (namespace === credentials.userNamespace || task.group.tasks.length > 1 || task.fs.users > 1) return -EINVAL;
    if (!isCapable(credentials, CAP_SYS_ADMIN, namespace)) return -EPERM;
    entry.credentials = inUserNamespace(credentials, namespace);
    return 0;
  }
  // What the task may as long as nothing is entered, also where it will be (kernel/nsproxy.c, validate_nsset).
  const may = (capability: number, where: UserNamespace): boolean => isCapable(task.credentials, capability, where);
  const { userNamespace } = credentials;
  if (!may(CAP_SYS_ADMIN, namespace.owner) || !may(CAP_SYS_ADMIN, userNamespace)) return -EPERM;
  if (namespace instanceof MountNamespace) {
    if (!may(CAP_SYS_CHROOT, userNamespace)) return -EPERM;
    if (task.fs.users > 1) return -EINVAL;
    entry.mounts = namespace;
  } else if (namespace instanceof PidNamespace) {
    if (!namespace.isWithin(task.group.pidNamespace)) return -EINVAL;
    set.pidForChildren = namespace;
  } else if (namespace instanceof TimeNamespace) {
    if (task.group.tasks.length > 1) return -EUSERS;
    namespace.isFrozen = true;
    set.time = set.timeForChildren = namespace;
  } else if (namespace instanceof UtsNamespace) set.uts = namespace;
  else if (namespace instanceof IpcState) set.ipc = namespace;
  else if (namespace instanceof Network) set.net = namespace;
  else if (namespace instanceof CgroupNamespace) set.cgroup = namespace;
  return 0;
}

/** Root and working directory are the namespace's root. */
function enterMounts(task: Task, namespace: MountNamespace): void {
  const { fs } = task;
  const before = fs.namespace;
  fs.namespace = namespace.retain();
  const root = namespaceRoot(namespace);
  fs.setRoot(root);
  fs.setCwd(root);
  before.release();
}

/** ioctl_ns(2): a descriptor, a CLONE_NEW flag, or 0; −EINVAL, −EPERM (it is not below the caller's), −ENOTTY. */
export function namespaceRequest(caller: Caller, namespace: Namespace, command: number, argument: number): number {
  const task = caller as Task;
  switch (command) {
    case NS_GET_USERNS:
      return openUserNamespace(task, namespace instanceof UserNamespace ? namespace.parent : namespace.owner);
    case NS_GET_PARENT: {
      if (namespace instanceof UserNamespace) return openUserNamespace(task, namespace.parent);
      if (!(namespace instanceof PidNamespace)) return -EINVAL;
      const { parent } = namespace;
      return parent === null || !parent.isWithin(task.group.pidNamespace) ? -EPERM : openNamespace(task, parent);
    }
    case NS_GET_NSTYPE:
      return FLAG_OF[namespace.kind];
    case NS_GET_OWNER_UID: {
      if (!(namespace instanceof UserNamespace)) return -EINVAL;
      return task.space.storeU32(argument, task.credentials.userNamespace.uids.shown(namespace.creatorUid));
    }
    case NS_GET_MNTNS_ID:
      return namespace.kind === "mnt" ? task.space.storeU64(argument, namespace.ino) : -EINVAL;
    case NS_GET_ID:
      return task.space.storeU64(argument, namespace.ino);
    case NS_GET_PID_FROM_PIDNS:
    case NS_GET_TGID_FROM_PIDNS:
      return translatePid(task, namespace, argument, command === NS_GET_TGID_FROM_PIDNS, true);
    case NS_GET_PID_IN_PIDNS:
    case NS_GET_TGID_IN_PIDNS:
      return translatePid(task, namespace, argument, command === NS_GET_TGID_IN_PIDNS, false);
    default:
      return -ENOTTY;
  }
}

/** @param isTheirs  the number is of `namespace`, and the answer one of the caller's; else the other way round */
function translatePid(task: Task, namespace: Namespace, pid: number, ofProcess: boolean, isTheirs: boolean): number {
  if (!(namespace instanceof PidNamespace)) return -EINVAL;
  const own = task.group.pidNamespace;
  const [from, to] = isTheirs ? [namespace, own] : [own, namespace];
  const found = task.kernel.tasks.tasks.get(from.rootIdOf(pid | 0));
  if (found === undefined) return -ESRCH;
  const id = to.idOf(ofProcess ? found.group.leader.pid : found.pid);
  return id > 0 ? id : -ESRCH;
}

function openUserNamespace(task: Task, namespace: UserNamespace | null): number {
  if (namespace === null || !namespace.isWithin(task.credentials.userNamespace)) return -EPERM;
  return openNamespace(task, namespace);
}
