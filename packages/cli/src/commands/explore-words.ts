/** What `stratos explore` has found, in words and as JSON. */
import { byteString, byteStringToUtf8, counted, printable } from "@stratos/base";
import { disturbedCall } from "@stratos/images/explore";
import { type AppliedDisturbance, type PowerCutKind, powerCutKind } from "@stratos/session/faults";
import type { AttemptOutcome, CheckedCut, Explored } from "@stratos/session";
import type { ThreadDifference } from "@stratos/trace";

/** Disturbances that are told one by one. */
const TOLD_MOST = 30;

/** Lines of a check that are told, of each stream. */
const CHECK_LINES_MOST = 10;

/** What was done to a task, and where. @param cut  what was found after a power cut */
function disturbanceWords(disturbance: AppliedDisturbance, cut: CheckedCut | null): string {
  const { kind, amount, at, n } = disturbance;
  if (at === "instruction") return `${taskWords(disturbance)} is held for ${timeWords(amount)} at its instruction ${n}`;
  const call = `${callWords(disturbance)} by ${taskWords(disturbance)}, its call ${n},`;
  switch (kind) {
    case "hold":
      return `${call} is followed by a hold of ${timeWords(amount)}`;
    case "short":
      return `${call} ${shortWords(disturbance)}`;
    case "eintr":
      return `${call} is interrupted (EINTR)`;
    case "full":
      return `${call} fails with ENOSPC, and so does each write after it`;
    case "clock":
      return `${call} is followed by a step of the clock, ${stepWords(amount)}`;
    case "loss":
      return `${call} sends a datagram that is lost`;
    case "double":
      return `${call} sends a datagram that arrives twice`;
    case "delay":
      return `${call} sends what arrives ${timeWords(amount)} late`;
    case "partition":
      return `${call} finds the network between its two ends cut for ${timeWords(amount)}`;
    case "reset":
      return `${call} finds the connection reset by the network`;
    case "power":
      return `${call} is the last before the power fails: ${LEFT[powerCutKind(amount)](cut)}`;
    default:
      return `${call} fails with ${kind.toUpperCase()}`;
  }
}

/** @param ns  negative: back */
function stepWords(ns: number): string {
  return `${timeWords(Math.abs(ns))} ${ns < 0 ? "back" : "ahead"}`;
}

/** What a power cut has left of the files. */
const LEFT: Readonly<Record<PowerCutKind, (cut: CheckedCut | null) => string>> = {
  flushed: () => "what was not synced is lost",
  written: () => "all has been written",
  names: (cut) =>
    cut === null || cut.lost.length === 0
      ? "all has been written"
      : `names have been written, what was added to ${cut.lost.map((path) => printable(path)).join(", ")} has not`,
};

/** Calls that name a file, whose first argument is no descriptor of it. */
const WITH_PATH = /^(open|newfstat|statx|faccess|mkdir|unlink|rename|readlink|fchmodat|fchownat|mknod|utimens|execve)/;
const WITH_COUNT = /^(p?(read|write)(v|64|v2)?|sendto|recvfrom)$/;

/** As strace -y shows it: `write(3</tmp/file>, …, 4096)`, `newfstatat("/tmp/file", …)`. */
function callWords(disturbance: AppliedDisturbance): string {
  const name = disturbedCall(disturbance);
  const { a0, a2, subject } = disturbance;
  if (subject === null) return `${name}(…)`;
  const file = printable(byteStringToUtf8(subject));
  if (WITH_PATH.test(name)) return `${name}(${JSON.stringify(file)}, …)`;
  return `${name}(${a0 | 0}<${file}>${WITH_COUNT.test(name) ? `, …, ${a2}` : ""})`;
}

function shortWords(disturbance: AppliedDisturbance): string {
  const { amount, a2 } = disturbance;
  const name = disturbedCall(disturbance);
  const verb = /read|recv/.test(name) ? "gets at most" : "takes";
  return name.endsWith("v") ? `${verb} the first ${amount} of ${a2} buffers` : `${verb} ${counted(amount, "byte")}`;
}

function taskWords({ program, pid, tid }: AppliedDisturbance): string {
  const name = printable(byteStringToUtf8(program));
  return `${name} (pid ${pid}${tid === pid ? "" : `, thread ${tid}`})`;
}

function timeWords(ns: number): string {
  const [divisor, unit] =
    ns < 1e6
      ? [1e3, "µs"]
      : ns < 1e9
        ? [1e6, "ms"]
        : ns < 120e9
          ? [1e9, "s"]
          : ns < 7200e9
            ? [60e9, "min"]
            : [3600e9, "h"];
  return `${Number((ns / divisor).toPrecision(3))} ${unit}`;
}

/** @param again  the command that finds it once more. @param file  where it was recorded */
export function exploredLines(
  { undisturbed, attempts, found }: Explored,
  {
    again,
    file,
    difference,
  }: { readonly again: string; readonly file: string | undefined; readonly difference: ThreadDifference | null },
): string[] {
  const bytes = undisturbed.stdout.bytes + undisturbed.stderr.bytes;
  const size = `${counted(undisturbed.instructions, "instruction")}, ${counted(bytes, "byte")} of output`;
  const first = `undisturbed: status ${undisturbed.status}, ${size}`;
  if (found === null) return [first, `${counted(attempts, "attempt")}: none failed`];
  const { attempt, failure, met, left, isLeast, narrowRuns, output } = found;
  if (attempt === 0)
    return [
      first,
      `it fails undisturbed: ${failure.text}`,
      ...(found.outcome.cut === null ? [] : checkLines(found.outcome.cut)),
    ];
  const of = `of ${counted(met, "disturbance")}, in ${counted(narrowRuns, "run")}`;
  return [
    first,
    `attempt ${attempt} fails: ${failure.text}`,
    isLeast ? `what makes it fail (${of}, each is needed):` : `what still makes it fail (${of}; --narrow allows more):`,
    ...left.slice(0, TOLD_MOST).map((each) => `  ${disturbanceWords(each, found.outcome.cut)}`),
    ...(left.length === 0 ? ["  nothing"] : []),
    ...(left.length > TOLD_MOST ? [`  and ${left.length - TOLD_MOST} more (--json names them)`] : []),
    ...(found.outcome.cut === null ? [] : checkLines(found.outcome.cut)),
    ...(difference === null ? [] : differenceLines(difference)),
    ...(output === null || failure.key === "output" ? [] : [`with that, ${output}`]),
    `again: ${again}`,
    ...(file === undefined ? [] : [`replay: stratos replay ${file}`]),
  ];
}

/** What the check has said. */
function checkLines({ stdout, stderr }: CheckedCut): string[] {
  const lines = [stdout, stderr].flatMap(({ kept }) => {
    const text = byteString(kept).split("\n");
    if (text.at(-1) === "") text.pop();
    const rest = text.length - CHECK_LINES_MOST;
    return [...text.slice(0, CHECK_LINES_MOST), ...(rest > 0 ? [`… and ${counted(rest, "line")} more`] : [])];
  });
  return lines.length === 0
    ? []
    : ["the check says:", ...lines.map((line) => `  ${printable(byteStringToUtf8(line))}`)];
}

function differenceLines({ tid, first, second }: ThreadDifference): string[] {
  const line = (text: string): string => printable(byteStringToUtf8(text));
  return [
    `what came of it first: [${tid}] ${line(second)}`,
    `  undisturbed:         [${tid}] ${first === null ? "nothing more" : line(first)}`,
  ];
}

export function exploredJson(
  { undisturbed, attempts, found }: Explored,
  file: string | undefined,
  difference: ThreadDifference | null,
): object {
  return {
    undisturbed: outcomeJson(undisturbed),
    attempts,
    found:
      found === null
        ? null
        : {
            attempt: found.attempt,
            failure: found.failure.text,
            outcome: outcomeJson(found.outcome),
            output: found.output,
            met: found.met,
            narrowRuns: found.narrowRuns,
            isLeast: found.isLeast,
            disturbances: found.left.map((each) => ({
              ...each,
              program: printable(byteStringToUtf8(each.program)),
              call: each.at === "call" ? disturbedCall(each) : null,
              subject: each.subject === null ? null : printable(byteStringToUtf8(each.subject)),
              text: disturbanceWords(each, found.outcome.cut),
            })),
            difference:
              difference === null
                ? null
                : {
                    tid: difference.tid,
                    undisturbed: difference.first === null ? null : byteStringToUtf8(difference.first),
                    failing: byteStringToUtf8(difference.second),
                  },
            recording: file ?? null,
            check: found.outcome.cut === null ? null : checkJson(found.outcome.cut),
          },
  };
}

function checkJson({ status, killedBecause, stdout, stderr, lost }: CheckedCut): object {
  const text = (kept: Uint8Array): string => byteStringToUtf8(byteString(kept));
  return { status, killedBecause, stdout: text(stdout.kept), stderr: text(stderr.kept), lost };
}

function outcomeJson({ status, killedBecause, instructions, ns, stdout, stderr }: AttemptOutcome): object {
  return {
    status,
    killedBecause,
    instructions,
    ns,
    stdout: { bytes: stdout.bytes, crc32c: stdout.checksum },
    stderr: { bytes: stderr.bytes, crc32c: stderr.checksum },
  };
}
