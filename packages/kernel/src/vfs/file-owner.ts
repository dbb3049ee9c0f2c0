import { EINVAL, ESRCH, F_OWNER_PGRP, F_OWNER_PID, F_OWNER_TID } from "@stratos/abi";
import type { OpenFile } from "./open-file.ts";
import type { Caller } from "./vfs-kernel.ts";

/**
 * Names who gets the signals of a file, on behalf of the caller. A number that anything has is taken, be it of the kind
 * that is asked for or not (find_vpid in Linux's fs/fcntl.c).
 *
 * @param type  F_OWNER_TID, F_OWNER_PID or F_OWNER_PGRP
 * @param id  in the caller's numbers; 0: nobody
 * @returns 0; −ESRCH nothing has that number
 */
export function setFileOwner(task: Caller, file: OpenFile, type: number, id: number): number {
  const owner = task.group.pidNamespace.rootIdOf(id);
  if (id !== 0 && !task.kernel.tasks.isUsed(owner)) return -ESRCH;
  file.owner = id === 0 ? 0 : owner;
  file.ownerType = type;
  file.ownerCredentials = task.credentials;
  file.ownerNamedBy = task.group.pid;
  return 0;
}

/**
 * The same by one number, as F_SETOWN and SIOCSPGRP have it: a process, or a group as a negative one.
 *
 * @returns 0; −EINVAL its group would have no number; −ESRCH
 */
export function setProcessOwner(task: Caller, file: OpenFile, owner: number): number {
  if (owner === -(2 ** 31)) return -EINVAL;
  return setFileOwner(task, file, owner < 0 ? F_OWNER_PGRP : F_OWNER_PID, Math.abs(owner));
}

/** Whoever has one already keeps it (leases, dnotify). */
export function setFirstOwner(task: Caller, file: OpenFile): void {
  if (file.owner === 0) setFileOwner(task, file, F_OWNER_PID, task.group.pidNamespace.idOf(task.pid));
}

/** The same as F_GETOWN and SIOCGPGRP tell it: a group as a negative number. */
export function processOwnerSeenBy(task: Caller, file: OpenFile): number {
  const id = fileOwnerSeenBy(task, file);
  return file.ownerType === F_OWNER_PGRP ? -id : id;
}

/**
 * Who gets them, in the caller's numbers; 0: nobody, nobody that he sees, or a number that names no process, group or
 * thread now, as was asked for.
 */
export function fileOwnerSeenBy(task: Caller, { owner, ownerType }: OpenFile): number {
  const { tasks } = task.kernel;
  const named = ownerType === F_OWNER_PGRP ? tasks.groups : ownerType === F_OWNER_TID ? tasks.tasks : tasks.processes;
  return named.has(owner) ? task.group.pidNamespace.idOf(owner) : 0;
}
