/** How many segments may be in the network: what a loss leaves, and how it grows again. */
export interface CongestionControl {
  /** As TCP_CONGESTION names it. */
  readonly name: string;
  /** A loss was found at `cwnd` segments: what goes on. */
  thresholdAfterLoss(cwnd: number): number;
  /** The window after `acked` segments more have arrived, in congestion avoidance; in segments, with a fraction. */
  avoid(cwnd: number, acked: number, nowNs: number, rttNs: number): number;
  /** What was learnt of the path holds no more (a time-out). */
  forget(): void;
}

/** RFC 6928 §2. */
export const INITIAL_WINDOW = 10;
/** RFC 5681 §3.1. */
export const THRESHOLD_MIN = 2;
/** Segments: what the scoreboard (sent-segments.ts) is bounded by. */
export const WINDOW_MAX = 16384;
