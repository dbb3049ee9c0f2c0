/** What a worker runs tasks with: one executor for each kind of task. */
import type { ClaimedRun, FailureClass } from "@stratos/hub-api";

/** Why a run shall stop. LOST: it is, or is about to be, somebody else's, so nothing is to be told any more. */
export type StopReason = "CANCELED" | "LOST" | "TIMEOUT" | "WORKER_ENDS";

export interface Execution {
  readonly run: ClaimedRun;
  /** The run's own, empty folder; gone when it has ended. */
  readonly folder: string;
  /** Aborts with a StopReason: the run has to be over, its processes gone, within `graceMs`. */
  readonly signal: AbortSignal;
  readonly graceMs: number;
  /** Appends to the log. Settles when there is room for more. */
  log(bytes: Uint8Array): Promise<void>;
}

export interface ExecutionResult {
  readonly failure?: { readonly class: FailureClass; readonly message: string };
  readonly result?: unknown;
  /** Files that the worker uploads. */
  readonly artefacts?: readonly {
    readonly name: string;
    readonly path: string;
    readonly role: string;
    readonly media: string;
  }[];
}

export interface Executor {
  readonly kind: string;
  /** A throw is a failure of infrastructure. */
  execute(execution: Execution): Promise<ExecutionResult>;
}
