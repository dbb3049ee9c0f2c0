/** Whether an attempt fails, compared with the undisturbed run, and how. */
import { byteStringToUtf8, byteString, printable } from "@stratos/base";
import { EXIT_SIGNAL_BASE } from "../exit-status.ts";
import type { AttemptOutcome, CheckedCut } from "./attempt.ts";
import type { StreamOutput } from "./captured-output.ts";

export interface FailureRules {
  /** Statuses that are good; null: that of the undisturbed run. */
  readonly expect: readonly number[] | null;
  /** What is compared beside. */
  readonly compare: "status" | "output";
}

export interface Failure {
  /** Two failures with one of these are the same one. */
  readonly key: string;
  readonly text: string;
}

/** What a program may well report as its failure. */
const REPORTED: ReadonlySet<string> = new Set(["enospc", "full", "eio", "enomem", "loss", "reset", "partition"]);

/** @returns null: it does not fail */
export function failureOf(good: AttemptOutcome, outcome: AttemptOutcome, rules: FailureRules): Failure | null {
  const { status, killedBecause, cut } = outcome;
  if (cut !== null) return checkFailureOf(cut, "after the power has failed");
  if (killedBecause !== null) return { key: killedBecause, text: KILLED[killedBecause] };
  const { expect } = rules;
  if (expect !== null && !expect.includes(status))
    return { key: `status ${status}`, text: `status ${status}, expected ${expect.join(" or ")}` };
  if (expect === null && status !== good.status && !isReport(outcome))
    return { key: `status ${status}`, text: `status ${status} instead of ${good.status}` };
  if (rules.compare !== "output" || status !== good.status) return null;
  const stream = outputDifference(good, outcome);
  return stream === null ? null : { key: "output", text: `the status is the same, but ${stream}` };
}

/** @param when  in words. @returns null: the check has found all in order */
export function checkFailureOf({ status, killedBecause }: CheckedCut, when: string): Failure | null {
  if (killedBecause !== null)
    return { key: `check: ${killedBecause}`, text: `the check, ${when}: ${KILLED[killedBecause]}` };
  return status === 0 ? null : { key: `check: status ${status}`, text: `the check ends with status ${status} ${when}` };
}

const KILLED: Readonly<Record<NonNullable<AttemptOutcome["killedBecause"]>, string>> = {
  "waits for ever": "it waits for ever: all its tasks sleep, and nothing will wake one",
  "runs on": "it does not end: it has run far longer than undisturbed",
  "prints on": "it does not end to print",
  "timed out": "it has not ended within --timeout",
};

/** A full disk or no memory may be the program's reason to fail; a signal is no way to say so. */
function isReport({ status, applied }: AttemptOutcome): boolean {
  return status > 0 && status < EXIT_SIGNAL_BASE && applied.some(({ kind }) => REPORTED.has(kind));
}

/** Where the outputs differ first, in words; null: nowhere. */
export function outputDifference(good: AttemptOutcome, outcome: AttemptOutcome): string | null {
  for (const name of ["stdout", "stderr"] as const) {
    const [one, other] = [good[name], outcome[name]];
    if (one.checksum !== other.checksum || one.bytes !== other.bytes)
      return `${WORDS[name]} differs: ${lineDifference(one, other)}`;
  }
  return null;
}

const WORDS = { stdout: "standard output", stderr: "standard error" } as const;
/** Characters of a line that are shown. */
const SHOWN = 120;

function lineDifference(good: StreamOutput, other: StreamOutput): string {
  const [ours, theirs] = [linesOf(good), linesOf(other)];
  const most = Math.min(ours.length, theirs.length);
  for (let index = 0; index < most; index++)
    if (ours[index] !== theirs[index])
      return `line ${index + 1} is ${shown(theirs[index]!)} instead of ${shown(ours[index]!)}`;
  if (ours.length !== theirs.length)
    return theirs.length < ours.length
      ? `it ends after line ${most} instead of going on with ${shown(ours[most]!)}`
      : `it goes on after line ${most} with ${shown(theirs[most]!)}`;
  return `${other.bytes} bytes instead of ${good.bytes}, after the first ${good.kept.length}`;
}

/** Without the nothing that stands behind the last newline. */
function linesOf({ kept }: StreamOutput): string[] {
  const lines = byteString(kept).split("\n");
  if (lines.at(-1) === "") lines.pop();
  return lines;
}

function shown(line: string): string {
  const text = printable(byteStringToUtf8(line));
  return JSON.stringify(text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text);
}
