/**
 * On which harts a thread may run, and on which it is: sched_setaffinity(2), getcpu(2). The harts of a machine take
 * turns on one thread of the host, so that a thread's hart is a name: it is what programs see and choose, not a place
 * to run faster.
 */
import { CAP_SYS_NICE, EFAULT, EINVAL, EPERM, ESRCH, isErrno } from "@stratos/abi";
import { isCapable } from "../security/credentials.ts";
import { allHarts, readHarts } from "./hart-mask.ts";
import { noteRseq } from "./rseq.ts";
import type { Task } from "./task.ts";

/** Harts on which it may run: what its group has of those that it asked for; none: all that the group has. */
export function allowedHarts({ affinity, controlGroup, kernel }: Task): number {
  const leaves = controlGroup.effectiveHarts(allHarts(kernel.harts));
  return (affinity & leaves) === 0 ? leaves : (affinity & leaves) >>> 0;
}

/** It leaves a hart on which it may not run. */
export function settleHart(task: Task): void {
  const mask = allowedHarts(task);
  if (((mask >>> task.hart) & 1) !== 0) return;
  task.hart = 31 - Math.clz32(mask & -mask);
  if (task.rseqAddress !== 0) noteRseq(task);
}

/** A new thread goes to the hart after its maker's, among those allowed. */
export function placeBeside(child: Task, parent: Task): void {
  child.affinity = parent.affinity;
  const count = parent.kernel.harts;
  const mask = allowedHarts(child);
  child.hart = parent.hart;
  for (let step = 1; step <= count; step++) {
    const hart = (parent.hart + step) % count;
    if (((mask >>> hart) & 1) === 0) continue;
    child.hart = hart;
    return;
  }
}

export function getAffinity(task: Task, target: Task | undefined, size: number, address: number): number {
  if (size < 8 || size % 8 !== 0) return -EINVAL;
  if (target === undefined) return -ESRCH;
  return task.space.storeU64(address, allowedHarts(target)) < 0 ? -EFAULT : 8;
}

/**
 * Harts that the machine hasn't, or its control group, are dropped from the mask; none left is an error. Shorter masks
 * than 8 bytes are filled with zeros.
 */
export function setAffinity(task: Task, target: Task | undefined, size: number, address: number): number {
  const set = readHarts(task.space, address, size);
  if (isErrno(set)) return set;
  if (target === undefined) return -ESRCH;
  const { euid } = task.credentials;
  if (
    euid !== target.credentials.euid &&
    euid !== target.credentials.uid &&
    !isCapable(task.credentials, CAP_SYS_NICE, target.credentials.userNamespace)
  )
    return -EPERM;
  const mask = (set.mask & target.controlGroup.effectiveHarts(allHarts(task.kernel.harts))) >>> 0;
  if (mask === 0) return -EINVAL;
  target.affinity = mask;
  settleHart(target);
  return 0;
}

export function getCpu(task: Task, cpu: number, node: number): number {
  if (cpu !== 0 && task.space.storeU32(cpu, task.hart) < 0) return -EFAULT;
  return node !== 0 && task.space.storeU32(node, 0) < 0 ? -EFAULT : 0;
}
