/**
 * Checks an invariant; stays on in production. A failure is a defect of ours, never a guest's error.
 *
 * @param message  what must hold, in words
 */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(`invariant broken: ${message}`);
}
