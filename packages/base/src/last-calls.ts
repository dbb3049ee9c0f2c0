/**
 * Modules that keep something of their last call, for speed or as its result: a view of a memory, the place that a walk
 * came to. When a machine has ended that would keep all of it in memory, so who keeps such a thing says how it is let
 * go of.
 */
const ways: (() => void)[] = [];

/** @param forget  lets go of what the module keeps; called between two calls */
export function whenForgotten(forget: () => void): void {
  ways.push(forget);
}

/** Nothing of calls before is kept. */
export function forgetLastCalls(): void {
  for (const forget of ways) forget();
}
