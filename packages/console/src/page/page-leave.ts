/**
 * What a page does that may be gone soon: it has the worker keep what runs. A worker is ended with its page, some
 * milliseconds after the page has been told, so the page is told as early as a browser does, and does not go at once.
 */

/** So long a page that is closed or loaded again waits for its worker. */
const PATIENCE_MS = 150;

/** @param keep  resolves when all is kept */
export function keepWhenLeft(keep: () => Promise<unknown>): void {
  let isKeeping = false;
  const leave = (): void => {
    if (isKeeping) return;
    isKeeping = true;
    keep()
      .catch(() => {})
      .finally(() => void (isKeeping = false));
  };
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "hidden") leave();
  });
  // Before the page's successor is even asked for: what runs is mostly kept when it comes.
  addEventListener("beforeunload", leave);
  addEventListener("pagehide", () => {
    // No promise is awaited any more, and a worker has no other way to be waited for without shared memory.
    for (const endMs = performance.now() + PATIENCE_MS; isKeeping && performance.now() < endMs;);
  });
}
