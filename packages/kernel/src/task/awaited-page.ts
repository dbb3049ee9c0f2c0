import { BUS_ADRERR, SIGBUS } from "@stratos/abi";
import { BLOCKED } from "../ground/wait-queue.ts";
import { signalInfo } from "../signal/pending-signals.ts";
import { isToldOfSignal } from "../signal/send-signal.ts";
import { forceSignal } from "./deliver-signals.ts";
import type { Task } from "./task.ts";

/**
 * The task executes an instruction that wants a page which a program is to give (userfaultfd(2)). It sleeps in no call:
 * once it is woken, by a signal as well, it executes the instruction again.
 */
export function awaitPage(task: Task, address: number, isWrite: boolean): void {
  const userfault = task.space.areaAt(address)?.userfault ?? null;
  if (userfault === null) return;
  if (userfault.raisesSignal) {
    const value = { valueLow: address >>> 0, valueHigh: Math.floor(address / 2 ** 32) };
    return forceSignal(task, signalInfo(SIGBUS, BUS_ADRERR, value));
  }
  // A signal that is there already must not be slept over.
  if (isToldOfSignal(task) || task.group.exitStatus !== null) {
    task.hasWork = true;
    return;
  }
  userfault.await(task, address, isWrite);
  task.blockedKind = BLOCKED;
  task.state = "S";
}
