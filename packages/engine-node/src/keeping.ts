/**
 * What a thread of the library's machines says of its compiled code (cli's bundle-main.ts) to the one that began it, in
 * a word of memory that both have.
 */

/** Before it says anything: nothing that it would keep. */
export const KEEPING = { wants: 1, done: 2 } as const;

/** Of this thread; nothing where nobody asks. */
export function tellKeeping(state: (typeof KEEPING)[keyof typeof KEEPING]): void {
  const { workerData } = process.getBuiltinModule("node:worker_threads");
  const { keeping } = (workerData ?? {}) as { readonly keeping?: Int32Array };
  if (keeping === undefined) return;
  Atomics.store(keeping, 0, state);
  Atomics.notify(keeping, 0);
}
