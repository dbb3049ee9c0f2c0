/**
 * The life of a task. A simulation checks each step against it (testing/simulate-hub.ts).
 *
 *     BLOCKED → FREE → ASSIGNED → RUNNING → COMPLETED
 *        │        │ ↖______│_________│ ↘ FAILED
 *        └────────┴────────┴─────────┴→ CANCELED
 *
 * ASSIGNED and RUNNING go back to FREE when the lease ends, when the worker gives the task back, and when a failure is
 * of a class that is tried again. FAILED and CANCELED go back to FREE when somebody asks for it (`retry`).
 */
export const TASK_STATES = ["BLOCKED", "FREE", "ASSIGNED", "RUNNING", "COMPLETED", "FAILED", "CANCELED"] as const;
type TaskState = (typeof TASK_STATES)[number];

export function isOpen(state: TaskState): boolean {
  return state !== "COMPLETED" && state !== "FAILED" && state !== "CANCELED";
}

/** Why an attempt failed, and how often the hub tries again by itself, each time after a longer pause. */
export const FAILURE_CLASSES = {
  /** The host, its disk, the network, the hub's own connection. */
  infrastructure: { retriesMax: 5, pauseSeconds: 5 },
  /** A package that the build needs is not there yet. */
  "dependency-wait": { retriesMax: 50, pauseSeconds: 60 },
  /** What was built is wrong: the same again would fail the same. */
  build: { retriesMax: 0, pauseSeconds: 0 },
  timeout: { retriesMax: 0, pauseSeconds: 0 },
  /** Out of memory, or by a signal. */
  killed: { retriesMax: 1, pauseSeconds: 30 },
} as const;

/** No pause is longer. */
export const RETRY_PAUSE_SECONDS_MAX = 3_600;
