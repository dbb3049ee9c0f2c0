import { EFAULT, EINVAL } from "@stratos/abi";
import { setBlocked } from "../signal/send-signal.ts";
import { SignalSet } from "../signal/signal-set.ts";
import type { MaskedCaller } from "./event-kernel.ts";

/** Bytes of sigset_t in the kernel's ABI. */
export const SIGSET_SIZE = 8;

/**
 * Puts the mask at `address` in place for one wait (ppoll, pselect6, epoll_pwait); `task.savedMask` keeps the old one,
 * so that a handler which ends the wait runs under the temporary mask and returns to the old one. Does nothing for a
 * null pointer.
 *
 * @returns 0, −EINVAL for a wrong size, −EFAULT
 */
export function enterTemporaryMask(task: MaskedCaller, address: number, size: number): number {
  if (address === 0) return 0;
  if (size !== SIGSET_SIZE) return -EINVAL;
  const low = task.space.loadU32(address);
  const high = task.space.loadU32(address + 4);
  if (low < 0 || high < 0) return -EFAULT;
  const mask = new SignalSet(low, high);
  mask.deleteUnblockable();
  task.savedMask = task.blocked;
  setBlocked(task, mask);
  return 0;
}

/** Ends a wait that no handler ended. Signals that its mask held back come now. */
export function leaveTemporaryMask(task: MaskedCaller): void {
  if (task.savedMask === null) return;
  setBlocked(task, task.savedMask);
  task.savedMask = null;
  task.hasWork = true;
}
