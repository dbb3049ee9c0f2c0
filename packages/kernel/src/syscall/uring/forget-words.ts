import type { FutexWaiter, MmKernel } from "../../mm/mm-kernel.ts";
import { forget } from "../../task/futex.ts";

/** It waits for no word any more. */
export function forgetWords(waiter: FutexWaiter & { readonly kernel: Pick<MmKernel, "futexes"> }): void {
  const state = waiter.syscallState;
  if (state?.kind === "futex") forget(waiter, state.key);
  else if (state?.kind === "futexes") for (const key of state.keys) forget(waiter, key);
}
