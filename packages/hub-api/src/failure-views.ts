/** Why runs fail. */

/** Of the hub's own rules; an operator's may have further words. */
export const FAILURE_CAUSES = [
  "dependency",
  "compiler",
  "test",
  "memory",
  "disk",
  "network",
  "timeout",
  "configure",
  "patch",
  "packaging",
  "infrastructure",
  "killed",
  "other",
] as const;
export type FailureCause = (typeof FAILURE_CAUSES)[number];

/** Runs that failed for one reason. */
export interface FailureView {
  /** The same in each hub. */
  readonly id: string;
  readonly cause: string;
  /** `Build`; empty: of a task without stages. */
  readonly stage: string;
  /** The line that says why, without what differs from run to run. */
  readonly text: string;
  readonly runs: number;
  readonly tasks: number;
  /** Within the span that was asked for. */
  readonly firstSeen: string;
  readonly lastSeen: string;
  /** It was never seen before that span. */
  readonly isNew: boolean;
  /** Those with the most runs, ten at most. */
  readonly packages: readonly { readonly name: string; readonly runs: number }[];
  readonly packageCount: number;
  /** The last run. */
  readonly example: { readonly task: number; readonly run: number; readonly line: string; readonly file: string };
}

export interface FailureReport {
  readonly since: string;
  readonly until: string;
  /** All that failed in the span, whatever the limit. */
  readonly runs: number;
  readonly tasks: number;
  readonly causes: number;
  /** Those with the most tasks come first. */
  readonly items: readonly FailureView[];
  readonly next: null;
}

/** One run of a failure. */
export interface FailedRunView {
  readonly run: number;
  readonly task: number;
  readonly at: string;
  readonly package: string;
  readonly suite: string;
  readonly arch: string;
  readonly channel: string;
  readonly line: string;
  readonly file: string;
}

/** A rule of the operator's own. */
export interface FailureRuleView {
  readonly number: number;
  readonly cause: string;
  readonly match: string;
  readonly stage: string | null;
  readonly says: string | null;
  /** Runs that it told the cause of, since the hub's start. */
  readonly runs: number;
  /** Why it is not used any more; null: it is. */
  readonly off: string | null;
}
