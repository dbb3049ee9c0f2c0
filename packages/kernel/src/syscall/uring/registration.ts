/** What operations of io_uring_register(2) are given. Source: Linux 6.12 io_uring/register.c, rsrc.c. */
import { EFAULT, EINVAL, isErrno } from "@stratos/abi";
import { IORING_RSRC_REGISTER_SPARSE, IoUringRsrcRegister, IoUringRsrcUpdate2 } from "@stratos/abi/io-uring";
import { getU64, viewOf } from "../../ground/words.ts";
import type { Task } from "../../task/task.ts";
import type { RingFile } from "./ring-file.ts";

/** Reads a structure: its view, or −EFAULT. */
export function load(task: Task, address: number, size: number): DataView | number {
  const bytes = new Uint8Array(size);
  return task.space.copyIn(address, bytes, 0, size) < 0 ? -EFAULT : viewOf(bytes);
}

export function isZero(view: DataView, from: number, to = view.byteLength): boolean {
  for (let at = from; at < to; at++) if (view.getUint8(at) !== 0) return false;
  return true;
}

export interface Registration {
  readonly task: Task;
  readonly ring: RingFile;
  readonly argument: number;
  readonly count: number;
}

export type Register = (registration: Registration) => number;

export interface Table {
  readonly nr: number;
  readonly flags: number;
  readonly data: number;
  readonly tags: number;
}

/** `struct io_uring_rsrc_register`, whose size is the call's count. */
export function loadTable({ task, argument, count }: Registration): Table | number {
  const view = count === IoUringRsrcRegister.size ? load(task, argument, count) : -EINVAL;
  if (isErrno(view)) return view;
  const at = IoUringRsrcRegister.offset;
  const table = {
    nr: view.getUint32(at.nr, true),
    flags: view.getUint32(at.flags, true),
    data: getU64(view, at.data),
    tags: getU64(view, at.tags),
  };
  if (!isZero(view, at.resv2, at.resv2 + 8) || table.nr === 0) return -EINVAL;
  if ((table.flags & ~IORING_RSRC_REGISTER_SPARSE) !== 0) return -EINVAL;
  return (table.flags & IORING_RSRC_REGISTER_SPARSE) !== 0 && table.data !== 0 ? -EINVAL : table;
}

/** @returns the tag's words; −EFAULT */
export function loadTag(task: Task, tags: number, index: number): { low: number; high: number } | number {
  if (tags === 0) return { low: 0, high: 0 };
  const low = task.space.loadU32(tags + index * 8);
  const high = task.space.loadU32(tags + index * 8 + 4);
  return low < 0 || high < 0 ? -EFAULT : { low, high };
}

export interface Update {
  readonly at: number;
  readonly data: number;
  readonly tags: number;
  readonly nr: number;
}

/** `struct io_uring_rsrc_update2`, whose size is the call's count. */
export function loadUpdate({ task, argument, count }: Registration): Update | number {
  const view = count === IoUringRsrcUpdate2.size ? load(task, argument, count) : -EINVAL;
  if (isErrno(view)) return view;
  const { offset, resv, data, tags, nr, resv2 } = IoUringRsrcUpdate2.offset;
  const update = {
    at: view.getUint32(offset, true),
    data: getU64(view, data),
    tags: getU64(view, tags),
    nr: view.getUint32(nr, true),
  };
  if (view.getUint32(resv, true) !== 0 || view.getUint32(resv2, true) !== 0 || update.nr === 0) return -EINVAL;
  return update;
}
