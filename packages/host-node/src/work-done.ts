/**
 * Which kinds of work this thread has done, for whoever keeps its compiled code: each runs functions that the others
 * leave uncompiled. The bundle's entry (cli's bundle-main.ts) is a program apart from the one that does it.
 */
const KEY = Symbol.for("stratos.workDone");

/** @param kinds  which may become more. Bound: a few dozen */
export function tellWork(kinds: ReadonlySet<string>): void {
  (globalThis as Record<symbol, unknown>)[KEY] = kinds;
}

export function workDone(): ReadonlySet<string> {
  return ((globalThis as Record<symbol, unknown>)[KEY] as ReadonlySet<string> | undefined) ?? new Set();
}
