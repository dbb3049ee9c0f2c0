/**
 * Why a run failed, from its log's end and what its worker said: of which kind, in which stage, the line that says so,
 * and a signature that runs with the same cause share.
 */
import type { FailureClass, FailureCause } from "@stratos/hub-api";
import { CAUSE_RULES, GIVEN_UP, HINT, SOUNDS_HARMLESS, SOUNDS_LIKE_ONE } from "./cause-rules.ts";
import { lastPart, type LogPart } from "./log-lines.ts";
import { maskLine, signatureOf } from "./mask-line.ts";

export interface FailedRun {
  readonly failureClass: FailureClass | null;
  readonly message: string;
  readonly lines: readonly string[];
}

/** By a rule of the operator's own. */
export interface OwnCause {
  readonly cause: string;
  readonly line: string;
  /** What stands for the line among causes. */
  readonly says?: string;
}

export interface FoundCause {
  readonly id: string;
  readonly cause: string;
  /** Empty: it has none. */
  readonly stage: string;
  /** What runs of this cause have in common. */
  readonly text: string;
  /** As it stands in the log. */
  readonly line: string;
  /** Where the line says that it is; empty: it does not. */
  readonly file: string;
}

const LINE_KEPT_MAX = 500;
/** The builder's message begins with the stage. */
const MESSAGE = /^([A-Z][A-Za-z-]{1,20}) failed: (.*)$/s;

export function failedPart({ message, lines }: Pick<FailedRun, "message" | "lines">): LogPart {
  const part = lastPart(lines);
  return { lines: part.lines, stage: MESSAGE.exec(message)?.[1] ?? part.stage };
}

export function findCause(run: FailedRun, own: OwnCause | null = null): FoundCause {
  const { stage, lines } = failedPart(run);
  const words = MESSAGE.exec(run.message)?.[2] ?? run.message;
  const made = (cause: string, line: string, file = "", says?: string): FoundCause => {
    const shown = line.trim().slice(0, LINE_KEPT_MAX).toWellFormed();
    const text = says ?? maskLine(shown);
    return { id: signatureOf(cause, stage, text), cause, stage, text, line: shown, file: fileIn(file) };
  };
  if (own !== null) return made(own.cause, own.line, "", own.says);
  const byClass = classCause(run.failureClass, words);
  // The worker knows: no line of the log says it better.
  if (byClass !== null && byClass !== "killed") return made(byClass, words);
  const hints = lines.filter((line) => HINT.test(line));
  const end = hints.findIndex((line) => GIVEN_UP.test(line));
  for (const window of end < 0 ? [hints] : [hints.slice(0, end + 1), hints])
    for (const { cause, test, except } of CAUSE_RULES)
      for (const line of window) {
        const match = test.exec(line);
        if (match === null || except?.test(line) === true) continue;
        const place = match.groups?.["file"] ?? placeAfter(lines, line);
        return made(cause, line, place);
      }
  if (byClass !== null) return made(byClass, words);
  const sounding = hints.findLast(
    (line) => SOUNDS_LIKE_ONE.test(line) && !SOUNDS_HARMLESS.test(line) && !GIVEN_UP.test(line),
  );
  const last = sounding ?? lines.findLast((line) => line !== "" && !GIVEN_UP.test(line));
  return made("other", last ?? (words === "" ? "it said nothing" : words));
}

/** What the end of a run says by itself; null: one has to look. */
function classCause(failureClass: FailureClass | null, words: string): FailureCause | null {
  if (failureClass === "dependency-wait") return "dependency";
  if (failureClass === "timeout") return "timeout";
  if (failureClass === "infrastructure") return /disk .* is full|ENOSPC/.test(words) ? "disk" : "infrastructure";
  if (failureClass !== "killed") return null;
  if (/ of memory$/.test(words)) return "memory";
  return /to the disk$|^\S* ?the disk of |wrote a file of more than/.test(words) ? "disk" : "killed";
}

/** rustc says it on one of the next lines: ` --> src/main.rs:1:2`. */
function placeAfter(lines: readonly string[], line: string): string {
  const at = lines.indexOf(line);
  const next = lines.slice(at + 1, at + 4).map((one) => /^ *--> ([^\s:]+):\d+:\d+$/.exec(one)?.[1]);
  return next.find((one) => one !== undefined) ?? "";
}

function fileIn(file: string): string {
  return file
    .replace(/^\/build\/[^/]{1,200}\//, "")
    .slice(0, 200)
    .toWellFormed();
}
