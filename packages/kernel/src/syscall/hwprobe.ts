/**
 * riscv_hwprobe(2). All harts are alike: a question about some is one about all, and those that suit are all or none.
 */
import { EFAULT, EINVAL, RISCV_HWPROBE_WHICH_CPUS, RiscvHwprobe, isErrno } from "@stratos/abi";
import { stateOf } from "../ground/call-state.ts";
import { walkInPieces } from "../ground/call-work.ts";
import { BITMASK_KEYS, PROBED_VALUES } from "../mm/vdso/hwprobe.ts";
import { allHarts, readHarts, storeHarts } from "../task/hart-mask.ts";
import type { Task } from "../task/task.ts";

const { key: KEY, value: VALUE } = RiscvHwprobe.offset;

/**
 * Fills in the pairs' values; or, with RISCV_HWPROBE_WHICH_CPUS, drops the harts from the set which have others.
 *
 * @param pairs  `count` of RiscvHwprobe @param harts  a set of `setSize` bytes; both 0: all harts
 * @returns 0; −EFAULT; −EINVAL flags, or a set without a hart of this machine
 */
export function hwprobe(
  task: Task,
  pairs: number,
  count: number,
  setSize: number,
  harts: number,
  flags: number,
): number {
  const asksWhich = (flags & RISCV_HWPROBE_WHICH_CPUS) !== 0;
  if ((flags & ~RISCV_HWPROBE_WHICH_CPUS) !== 0) return -EINVAL;
  if (asksWhich && (setSize === 0 || harts === 0)) return -EINVAL;
  if (setSize === 0 && harts === 0) return tellAll(task, pairs, count);
  const online = allHarts(task.kernel.harts);
  const set = readHarts(task.space, harts, setSize);
  if (isErrno(set)) return set;
  const chosen = (set.mask & online) >>> 0;
  if (!asksWhich) return chosen === 0 ? -EINVAL : tellAll(task, pairs, count);

  // An empty set asks about all harts, but is an answer when the call goes on (call-work.ts).
  const isBegun = stateOf(task, "range") !== null;
  if (!isBegun && storeHarts(task.space, harts, setSize, set.isEmpty ? online : chosen) < 0) return -EFAULT;
  return walkInPieces(task, 0, count, (index) => {
    const suits = compare(task, pairs + index * RiscvHwprobe.size);
    if (suits < 0) return suits;
    return suits === 0 && storeHarts(task.space, harts, setSize, 0) < 0 ? -EFAULT : index + 1;
  });
}

function tellAll(task: Task, pairs: number, count: number): number {
  return walkInPieces(task, 0, count, (index) => tell(task, pairs + index * RiscvHwprobe.size, index));
}

/** Answers one pair; a key that is not known becomes −1. */
function tell(task: Task, at: number, index: number): number {
  task.kernel.work.charge(1);
  const key = task.space.loadU64(at + KEY);
  if (key < 0) return -EFAULT;
  const value = valueOf(key);
  if (value === undefined && task.space.storeU64(at + KEY, -1) < 0) return -EFAULT;
  return task.space.storeU64(at + VALUE, value ?? 0) < 0 ? -EFAULT : index + 1;
}

/** @returns 1: the harts have what the pair says; 0; −EFAULT */
function compare(task: Task, at: number): number {
  task.kernel.work.charge(1);
  const { space } = task;
  const key = space.loadU64(at + KEY),
    low = space.loadU32(at + VALUE),
    high = space.loadU32(at + VALUE + 4);
  if (key < 0 || low < 0 || high < 0) return -EFAULT;
  const value = valueOf(key);
  if (value === undefined) return space.storeU64(at + KEY, -1) < 0 || space.storeU64(at + VALUE, 0) < 0 ? -EFAULT : 0;
  const ownLow = value >>> 0,
    ownHigh = Math.floor(value / 2 ** 32);
  const isSame = BITMASK_KEYS.has(key)
    ? (low & ~ownLow) === 0 && (high & ~ownHigh) === 0
    : low === ownLow && high === ownHigh;
  return isSame ? 1 : 0;
}

/** A caller's number beyond 2^32 would be looked up as a name, by its digits. */
function valueOf(key: number): number | undefined {
  return key < PROBED_VALUES.length ? PROBED_VALUES[key] : undefined;
}
