import type { Clock } from "@stratos/host";

/** The time of the page's computer. */
export const browserClock: Clock = {
  monotonicNs: () => Math.floor(performance.now() * 1e6),
  realtimeMs: () => performance.timeOrigin + performance.now(),
};
