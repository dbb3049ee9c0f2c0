/**
 * Memory policy on a machine with one node (numa(7)): what is asked for is checked and remembered, and there is nothing
 * to move.
 */
import {
  CAP_SYS_NICE,
  EFAULT,
  EINVAL,
  ENODEV,
  ENOENT,
  EPERM,
  ESRCH,
  MPOL_DEFAULT,
  MPOL_F_ADDR,
  MPOL_F_MEMS_ALLOWED,
  MPOL_F_NODE,
  MPOL_F_NUMA_BALANCING,
  MPOL_F_RELATIVE_NODES,
  MPOL_F_STATIC_NODES,
  MPOL_INTERLEAVE,
  MPOL_LOCAL,
  MPOL_MAX,
  MPOL_MF_MOVE,
  MPOL_MF_MOVE_ALL,
  MPOL_MF_STRICT,
  MPOL_PREFERRED,
  MPOL_WEIGHTED_INTERLEAVE,
  PAGE_SIZE,
  isErrno,
} from "@stratos/abi";
import { mayInspect } from "../task/task-access.ts";
import { walkInPieces } from "../ground/call-work.ts";
import { type MemoryPolicy, policyOf, withPolicy } from "../mm/memory-policy.ts";
import { mergeAround } from "../mm/mprotect.ts";
import { isCapable } from "../security/credentials.ts";
import type { Task } from "../task/task.ts";

/** Bits of a node mask that are looked at: a page of them (get_nodes in Linux's mm/mempolicy.c). */
const MASK_BITS_MAX = PAGE_SIZE * 8;

/** Reads a node mask: 1 node 0 is in it, 0 it is empty; −EFAULT; −EINVAL for a node that isn't there. */
function loadNodes(task: Task, address: number, bits: number): number {
  // The count is of bits, one more than are used.
  const count = bits - 1;
  if (address === 0 || count === 0) return 0;
  if (count < 0 || count > MASK_BITS_MAX) return -EINVAL;
  let hasNode = 0;
  for (let at = 0; at * 32 < count; at++) {
    const word = task.space.loadU32(address + at * 4);
    if (word < 0) return -EFAULT;
    const used = count - at * 32 >= 32 ? word : word & (2 ** (count - at * 32) - 1);
    if (at === 0) hasNode = used & 1;
    if ((at === 0 ? used & ~1 : used) !== 0) return -EINVAL;
  }
  return hasNode;
}

/** A policy's mode and nodes: −EFAULT, −EINVAL. */
function checkPolicy(task: Task, mode: number, address: number, bits: number): MemoryPolicy | number {
  const flags = mode & (MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES | MPOL_F_NUMA_BALANCING);
  const kind = mode & ~flags;
  if (
    kind < 0 ||
    kind >= MPOL_MAX ||
    (flags & (MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES)) === (MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES)
  )
    return -EINVAL;
  const nodes = loadNodes(task, address, bits);
  if (nodes < 0) return nodes;
  if (kind === MPOL_DEFAULT || kind === MPOL_LOCAL ? nodes !== 0 : nodes === 0 && kind !== MPOL_PREFERRED)
    return -EINVAL;
  // Preferring no node is preferring the nearest.
  return { mode: (kind === MPOL_PREFERRED && nodes === 0 ? MPOL_LOCAL : kind) | flags, hasNode: nodes !== 0 };
}

/** set_mempolicy(2): 0; −EFAULT, −EINVAL. */
export function setPolicy(task: Task, mode: number, address: number, bits: number): number {
  const policy = checkPolicy(task, mode | 0, address, bits);
  if (isErrno(policy)) return policy;
  task.memoryPolicy = policy;
  return 0;
}

/** mbind(2): 0; −EFAULT for a hole in the range, −EINVAL, −EPERM. */
export function bind(
  task: Task,
  address: number,
  length: number,
  mode: number,
  mask: number,
  bits: number,
  flags: number,
): number {
  if (address % PAGE_SIZE !== 0 || length < 0 || (flags & ~(MPOL_MF_STRICT | MPOL_MF_MOVE | MPOL_MF_MOVE_ALL)) !== 0)
    return -EINVAL;
  if ((flags & MPOL_MF_MOVE_ALL) !== 0 && !isCapable(task.credentials, CAP_SYS_NICE)) return -EPERM;
  const policy = checkPolicy(task, mode | 0, mask, bits);
  if (isErrno(policy)) return policy;
  const end = address + Math.ceil(length / PAGE_SIZE) * PAGE_SIZE;
  const { space } = task;
  if (!space.isCovered(address, end)) return -EFAULT;
  if (address === end) return 0;
  space.splitAt(address);
  space.splitAt(end);
  for (let at = address; at < end;) {
    const area = space.areaAt(at)!;
    area.flags = withPolicy(area.flags, policy);
    at = area.end;
  }
  mergeAround(space, address, end);
  return 0;
}

/** get_mempolicy(2): 0; −EFAULT, −EINVAL. */
export function getPolicy(
  task: Task,
  modeAddress: number,
  maskAddress: number,
  bits: number,
  address: number,
  flags: number,
): number {
  const { space } = task;
  if ((flags & ~(MPOL_F_NODE | MPOL_F_ADDR | MPOL_F_MEMS_ALLOWED)) !== 0 || (maskAddress !== 0 && bits < 1))
    return -EINVAL;
  let { mode, hasNode } = task.memoryPolicy;
  if ((flags & MPOL_F_MEMS_ALLOWED) !== 0) {
    if ((flags & (MPOL_F_NODE | MPOL_F_ADDR)) !== 0) return -EINVAL;
    mode = MPOL_DEFAULT;
    hasNode = true;
  } else if ((flags & MPOL_F_ADDR) !== 0) {
    const area = space.areaAt(address);
    if (area === undefined) return -EFAULT;
    ({ mode, hasNode } = policyOf(area.flags));
    if ((flags & MPOL_F_NODE) !== 0) mode = 0;
  } else if (address !== 0) return -EINVAL;
  else if ((flags & MPOL_F_NODE) !== 0) {
    // The next node to take one in turn from is the one that there is (mm/mempolicy.c, do_get_mempolicy).
    const kind = mode & ~(MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES | MPOL_F_NUMA_BALANCING);
    if (kind !== MPOL_INTERLEAVE && kind !== MPOL_WEIGHTED_INTERLEAVE) return -EINVAL;
    mode = 0;
  }
  if (modeAddress !== 0 && space.storeU32(modeAddress, mode) < 0) return -EFAULT;
  if (maskAddress === 0) return 0;
  const bytes = Math.ceil((bits - 1) / 64) * 8;
  if (bytes > MASK_BITS_MAX / 8) return -EINVAL;
  if (space.clear(maskAddress, bytes) < 0) return -EFAULT;
  return bytes === 0 ? 0 : space.storeU32(maskAddress, hasNode ? 1 : 0);
}

function targetOf(task: Task, pid: number): Task | number {
  const target = (pid | 0) === 0 ? task : task.kernel.tasks.taskIn(task.group.pidNamespace, pid | 0);
  if (target === undefined) return -ESRCH;
  return mayInspect(task, target, "real") < 0 ? -EPERM : target;
}

/** migrate_pages(2): how many could not be moved: 0; −EFAULT, −EINVAL, −EPERM, −ESRCH. */
export function migratePages(task: Task, pid: number, bits: number, from: number, to: number): number {
  for (const mask of [from, to]) {
    const nodes = loadNodes(task, mask, bits);
    if (nodes < 0) return nodes;
  }
  const target = targetOf(task, pid);
  if (isErrno(target)) return target;
  // Nowhere to go.
  return loadNodes(task, to, bits) === 0 ? -EINVAL : 0;
}

/** move_pages(2): 0, with each page's node or error in `status`; −EFAULT, −EINVAL, −ENODEV, −EPERM, −ESRCH. */
export function movePages(
  task: Task,
  pid: number,
  count: number,
  pages: number,
  nodes: number,
  status: number,
  flags: number,
): number {
  if ((flags & ~(MPOL_MF_MOVE | MPOL_MF_MOVE_ALL)) !== 0) return -EINVAL;
  if ((flags & MPOL_MF_MOVE_ALL) !== 0 && !isCapable(task.credentials, CAP_SYS_NICE)) return -EPERM;
  const target = targetOf(task, pid);
  if (isErrno(target)) return target;
  return walkInPieces(task, 0, count, (index) => {
    task.kernel.work.charge(1);
    const page = task.space.loadU64(pages + index * 8);
    if (page < 0) return -EFAULT;
    if (nodes !== 0) {
      const node = task.space.loadU32(nodes + index * 4);
      if (node < 0) return -EFAULT;
      if (node !== 0) return -ENODEV;
    }
    const place =
      target.space.areaAt(page) === undefined
        ? -EFAULT
        : target.space.table.get(page - (page % PAGE_SIZE)) === 0
          ? -ENOENT
          : 0;
    return task.space.storeU32(status + index * 4, place >>> 0) < 0 ? -EFAULT : index + 1;
  });
}
