import type { CpuClock } from "@stratos/host";

/** The time of the page's computer. Browsers tell nobody how much of a processor a thread has used. */
export const browserClock: CpuClock = {
  monotonicNs: () => Math.floor(performance.now() * 1e6),
  cpuNs: () => browserClock.monotonicNs(),
  realtimeMs() {
    // It follows the computer's clock when that is set, or slept, as `performance` does not.
    const fine = performance.timeOrigin + performance.now();
    const coarse = Date.now();
    return Math.abs(fine - coarse) < 2 ? fine : coarse;
  },
};
