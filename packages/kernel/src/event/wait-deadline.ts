import { EFAULT, EINVAL, Timespec, isErrno } from "@stratos/abi";
import type { UserMemory } from "../ground/user-memory.ts";

/** Nanoseconds below this are exact; longer waits (104 days) never end. */
const FOREVER_NS = 2 ** 53;

/** Reads a `struct timespec` as a duration in nanoseconds: −EFAULT, or −EINVAL when negative or not normalised. */
export function loadDuration(space: UserMemory, address: number): number {
  const time = loadTimespec(space, address);
  if (isErrno(time)) return time;
  const duration = time.seconds * 1e9 + time.nanoseconds;
  return duration >= FOREVER_NS ? Infinity : duration;
}

/** Reads a `struct timespec`: −EFAULT, or −EINVAL when negative or not normalised. */
export function loadTimespec(space: UserMemory, address: number): { seconds: number; nanoseconds: number } | number {
  const seconds = space.loadU64(address + Timespec.offset.tv_sec);
  const nanoseconds = space.loadU64(address + Timespec.offset.tv_nsec);
  if (seconds < 0 || nanoseconds < 0) return -EFAULT;
  // The largest number of seconds is 2^63 as a double: its sign is in the upper word.
  const isNegative = seconds >= 2 ** 63 && space.loadU32(address + Timespec.offset.tv_sec + 4) >= 0x80000000;
  return isNegative || nanoseconds >= 1e9 ? -EINVAL : { seconds, nanoseconds };
}

/** Writes back what is left of a duration; Linux ignores a fault here (the timespec may be read-only). */
export function storeRemaining(space: UserMemory, address: number, deadlineNs: number, nowNs: number): number {
  if (deadlineNs === Infinity) return 0;
  const left = Math.max(0, deadlineNs - nowNs);
  const seconds = Math.floor(left / 1e9);
  const failed = space.storeU64(address + Timespec.offset.tv_sec, seconds);
  return failed < 0 ? failed : space.storeU64(address + Timespec.offset.tv_nsec, left - seconds * 1e9);
}
