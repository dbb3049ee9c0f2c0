import { stateClass } from "@stratos/base";

/** A range of ids of a namespace and what it is in the initial one. */
export interface IdExtent {
  readonly first: number;
  readonly kernelFirst: number;
  readonly count: number;
}

/** Extents that a map may have (user_namespaces(7)). */
export const ID_EXTENTS_MAX = 340;
/** What an id that a namespace has none for is shown as (/proc/sys/kernel/overflowuid). */
const OVERFLOW_ID = 65534;

/**
 * uid_map or gid_map of a user namespace (user_namespaces(7)). Everything in the kernel is an id of the initial
 * namespace; a map stands where ids come from a program or go to one. Bound: ID_EXTENTS_MAX.
 */
export class IdMap {
  /** Null: every id is itself (the initial namespace). Empty: not written yet. */
  readonly extents: readonly IdExtent[] | null;

  constructor(extents: readonly IdExtent[] | null) {
    this.extents = extents;
  }

  /** The id that a program means by `id`; −1: none. */
  toKernel(id: number): number {
    if (this.extents === null) return id;
    for (const { first, kernelFirst, count } of this.extents)
      if (id >= first && id < first + count) return kernelFirst + (id - first);
    return -1;
  }

  /** What programs call it; −1: they have no name for it. */
  fromKernel(id: number): number {
    if (this.extents === null) return id;
    for (const { first, kernelFirst, count } of this.extents)
      if (id >= kernelFirst && id < kernelFirst + count) return first + (id - kernelFirst);
    return -1;
  }

  /** The same, or the overflow id. @param id  −1: of nobody, as a mount shows it (mount-id-map.ts) */
  shown(id: number): number {
    const own = this.fromKernel(id);
    return own < 0 ? OVERFLOW_ID : own;
  }

  /** Where the range `[first, first + count)` begins in the initial namespace, when one extent covers it; else −1. */
  rangeToKernel(first: number, count: number): number {
    if (this.extents === null) return first;
    for (const extent of this.extents)
      if (first >= extent.first && first + count <= extent.first + extent.count)
        return extent.kernelFirst + (first - extent.first);
    return -1;
  }

  /** What programs call the first of `[first, first + count)`, when one extent covers it; else −1. */
  rangeFromKernel(first: number, count: number): number {
    if (this.extents === null) return first;
    for (const extent of this.extents)
      if (first >= extent.kernelFirst && first + count <= extent.kernelFirst + extent.count)
        return extent.first + (first - extent.kernelFirst);
    return -1;
  }

  static {
    stateClass("IdMap", this);
  }
}
