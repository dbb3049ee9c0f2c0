/** Ends with `signal` at the latest. */
export function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, milliseconds);
    signal.addEventListener("abort", end);
  });
}

/** Of setTimeout; what is later would be at once. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/** @returns what keeps it from happening */
export function after(milliseconds: number, work: () => void): () => void {
  const endMs = performance.now() + milliseconds;
  let timer: NodeJS.Timeout;
  const wait = (): void => {
    const leftMs = endMs - performance.now();
    timer = setTimeout(leftMs > TIMER_MS_MAX ? wait : work, Math.min(Math.max(leftMs, 0), TIMER_MS_MAX));
  };
  wait();
  return () => clearTimeout(timer);
}
