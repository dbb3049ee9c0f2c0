/** Time outside. Seconds and nanoseconds are apart because nanoseconds since 1970 exceed 2^53. */
export interface Clock {
  /** Nanoseconds since an arbitrary start, never going back; below 2^53 (104 days). */
  monotonicNs(): number;
  /** Milliseconds since 1970-01-01T00:00:00Z, with a fraction. */
  realtimeMs(): number;
}

/** A clock that also knows the work of the thread that asks. */
export interface CpuClock extends Clock {
  /** Nanoseconds of processor time that the thread has used; where the host doesn't tell, as `monotonicNs`. */
  cpuNs(): number;
}
