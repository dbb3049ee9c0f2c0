/** Longest delay of `callLater`, in milliseconds: about 24 days. */
export const DELAY_MS_MAX = 2 ** 31 - 1;

/**
 * The host's event loop, in whose turns everything of a machine happens that its programs do not do themselves. Nothing
 * is ever called from within a call of ours.
 */
export interface EventLoop {
  /** Calls once, after events of the host that have come meanwhile. */
  callSoon(callback: () => void): void;
  /**
   * Calls once, `delayMs` from now or a little later, after events of the host that have come by now.
   *
   * @param delayMs  milliseconds with a fraction, 0 … DELAY_MS_MAX. A host whose timers can't do less than one may call
   *   too early then
   * @returns a function that takes it back
   */
  callLater(delayMs: number, callback: () => void): () => void;
  /**
   * Keeps the process alive though nothing of it waits for anything that the host knows of; hosts that live as long as
   * their window does do nothing.
   *
   * @returns a function that lets go
   */
  hold(): () => void;
  /** Milliseconds with a fraction since an arbitrary start, never going back. */
  nowMs(): number;
}
