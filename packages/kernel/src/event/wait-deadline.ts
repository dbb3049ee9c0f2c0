import { EFAULT, EINVAL, Timespec } from "@stratos/abi";
import type { UserMemory } from "../ground/user-memory.ts";

/** Nanoseconds below this are exact; longer waits (104 days) never end. */
const FOREVER_NS = 2 ** 53;

/** Reads a `struct timespec` as a duration in nanoseconds: −EFAULT, or −EINVAL when negative or not normalised. */
export function loadDuration(space: UserMemory, address: number): number {
  const seconds = space.loadU64(address + Timespec.offset.tv_sec);
  const nanoseconds = space.loadU64(address + Timespec.offset.tv_nsec);
  if (seconds < 0 || nanoseconds < 0) return -EFAULT;
  if (seconds >= 2 ** 63 || nanoseconds >= 1e9) return -EINVAL;
  const duration = seconds * 1e9 + nanoseconds;
  return duration >= FOREVER_NS ? Infinity : duration;
}

/** Writes back what is left of a duration; Linux ignores a fault here (the timespec may be read-only). */
export function storeRemaining(space: UserMemory, address: number, deadlineNs: number, nowNs: number): number {
  if (deadlineNs === Infinity) return 0;
  const left = Math.max(0, deadlineNs - nowNs);
  const seconds = Math.floor(left / 1e9);
  const failed = space.storeU64(address + Timespec.offset.tv_sec, seconds);
  return failed < 0 ? failed : space.storeU64(address + Timespec.offset.tv_nsec, left - seconds * 1e9);
}
