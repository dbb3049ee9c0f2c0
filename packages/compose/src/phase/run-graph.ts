/**
 * Runs the steps of a graph, as many side by side as the pool is wide. What a step does depends on its inputs alone, so
 * the width changes when things happen and never what comes out.
 *
 *     waiting ─▶ running ─▶ done | failed (an error, or its time was over)
 *        └────▶ skipped (left out, or what it needs was)  · canceled (what it needs has failed, or the compose was
 *        stopped)
 */
import { orderNodes, type GraphNode } from "./graph.ts";

export type StepStatus = "done" | "failed" | "skipped" | "canceled";

export interface Step extends GraphNode {
  /** why it is left out; undefined: it is not */
  readonly skipReason?: string | undefined;
  /** what becomes of steps that need this one when it is left out; `pass` lets them run */
  readonly onSkip?: "skip" | "fail" | "pass";
  /** runs whatever became of those it waits for */
  readonly isFinal?: boolean;
  readonly timeoutSeconds?: number | undefined;
  /** @param signal  ends the work: all that it holds on the host is given back before the promise settles */
  run(signal: AbortSignal): Promise<void>;
}

export interface StepResult {
  readonly id: string;
  readonly status: StepStatus;
  readonly reason: string;
  readonly milliseconds: number;
}

export type StepEvent = { readonly kind: "start"; readonly id: string } | ({ readonly kind: "end" } & StepResult);

export interface PoolOptions {
  /** steps side by side; 1 is sequential */
  readonly width: number;
  readonly onEvent: (event: StepEvent) => void;
  /** calls `action` after `milliseconds`, unless the function that it returns has been called */
  readonly after: (milliseconds: number, action: () => void) => () => void;
  readonly nowMs: () => number;
  /** stops everything */
  readonly signal?: AbortSignal | undefined;
}

/** A step that does not end when it is told to is waited for no longer than this. */
const GRACE_MS = 15_000;

/** @throws GraphError  before anything has run */
export async function runGraph(steps: readonly Step[], options: PoolOptions): Promise<StepResult[]> {
  const ordered = orderNodes(steps);
  const results = new Map<string, StepResult>();
  const running = new Map<string, Promise<void>>();
  const waiting = new Set(ordered);
  const finish = (id: string, status: StepStatus, reason: string, milliseconds: number): void => {
    const result = { id, status, reason, milliseconds };
    results.set(id, result);
    options.onEvent({ kind: "end", ...result });
  };
  const settle = (step: Step): boolean => {
    const needed = step.after.map((id) => results.get(id));
    if (needed.some((one) => one === undefined)) return false;
    waiting.delete(step);
    const verdict = step.isFinal === true ? undefined : verdictOf(step, needed as StepResult[], steps, options.signal);
    if (verdict !== undefined) finish(step.id, verdict.status, verdict.reason, 0);
    else {
      options.onEvent({ kind: "start", id: step.id });
      const startMs = options.nowMs();
      running.set(
        step.id,
        runStep(step, options).then((failure) => {
          running.delete(step.id);
          finish(
            step.id,
            failure === undefined ? "done" : options.signal?.aborted === true ? "canceled" : "failed",
            failure ?? "",
            options.nowMs() - startMs,
          );
        }),
      );
    }
    return true;
  };
  for (;;) {
    let hasMoved = true;
    while (hasMoved) {
      hasMoved = false;
      for (const step of ordered) {
        if (waiting.has(step) && (running.size < options.width || step.skipReason !== undefined))
          hasMoved = settle(step) || hasMoved;
      }
    }
    if (running.size === 0) break;
    await Promise.race(running.values());
  }
  return ordered.map(({ id }) => results.get(id)!);
}

/** Why a step whose turn it is does not run, or undefined. */
function verdictOf(
  step: Step,
  needed: readonly StepResult[],
  steps: readonly Step[],
  signal: AbortSignal | undefined,
): { status: StepStatus; reason: string } | undefined {
  if (signal?.aborted === true) return { status: "canceled", reason: "the compose was stopped" };
  const failed = needed.find(({ status }) => status === "failed" || status === "canceled");
  if (failed !== undefined) return { status: "canceled", reason: `${failed.id} has not succeeded` };
  if (step.skipReason !== undefined) return { status: "skipped", reason: step.skipReason };
  for (const one of needed) {
    if (one.status !== "skipped") continue;
    const policy = steps.find(({ id }) => id === one.id)?.onSkip ?? "skip";
    if (policy === "fail") return { status: "failed", reason: `${one.id} was left out, and this needs it` };
    if (policy === "skip") return { status: "skipped", reason: `${one.id} was left out` };
  }
  return undefined;
}

/** @returns why it has failed, or undefined */
async function runStep(step: Step, options: PoolOptions): Promise<string | undefined> {
  const controller = new AbortController();
  const stop = (reason: string): void => controller.abort(new Error(reason));
  const onStopped = (): void => stop("the compose was stopped");
  options.signal?.addEventListener("abort", onStopped, { once: true });
  const cancels: (() => void)[] = [];
  const gaveUp = new Promise<never>((_, reject) => {
    controller.signal.addEventListener(
      "abort",
      () => {
        cancels.push(options.after(GRACE_MS, () => reject(controller.signal.reason)));
      },
      { once: true },
    );
  });
  gaveUp.catch(() => {});
  const seconds = step.timeoutSeconds;
  let overtime: string | undefined;
  if (seconds !== undefined)
    cancels.push(options.after(seconds * 1000, () => stop((overtime = `its time of ${seconds} s is over`))));
  try {
    await Promise.race([step.run(controller.signal), gaveUp]);
    // One that has come to its end while the compose was being stopped is done: what it makes is there.
    return overtime;
  } catch (error) {
    return reasonOf(controller.signal.aborted ? controller.signal.reason : error);
  } finally {
    options.signal?.removeEventListener("abort", onStopped);
    for (const cancel of cancels) cancel();
  }
}

/** Of a host's refusal, which tells its place by itself, the words: not `ENOSPC: no space left on device, write`. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { path } = error as { path?: unknown },
    words = /^E[A-Z0-9]+: ([^,]+), [a-z]/.exec(error.message)?.[1];
  return words === undefined ? error.message : typeof path === "string" ? `${path}: ${words}` : words;
}
