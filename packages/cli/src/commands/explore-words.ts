/** What `stratos explore` has found, in words and as JSON. */
import { SYSCALL_NAMES } from "@stratos/abi";
import { byteStringToUtf8, printable } from "@stratos/base";
import type { AppliedDisturbance } from "@stratos/kernel/faults";
import type { AttemptOutcome, Explored } from "@stratos/session";

/** Disturbances that are told one by one. */
const TOLD_MOST = 30;

/** What was done to a task, and where. */
function disturbanceWords(disturbance: AppliedDisturbance): string {
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
    default:
      return `${call} fails with ${kind.toUpperCase()}`;
  }
}

function nameOf({ call }: AppliedDisturbance): string {
  return SYSCALL_NAMES[call] ?? `syscall ${call}`;
}

/** Calls that name a file, whose first argument is no descriptor of it. */
const WITH_PATH = /^(open|newfstat|statx|faccess|mkdir|unlink|rename|readlink|fchmodat|fchownat|mknod|utimens|execve)/;
const WITH_COUNT = /^(p?(read|write)(v|64|v2)?|sendto|recvfrom)$/;

/** As strace -y shows it: `write(3</tmp/file>, …, 4096)`, `newfstatat("/tmp/file", …)`. */
function callWords(disturbance: AppliedDisturbance): string {
  const name = nameOf(disturbance);
  const { a0, a2, subject } = disturbance;
  if (subject === null) return `${name}(…)`;
  const file = printable(byteStringToUtf8(subject));
  if (WITH_PATH.test(name)) return `${name}(${JSON.stringify(file)}, …)`;
  return `${name}(${a0 | 0}<${file}>${WITH_COUNT.test(name) ? `, …, ${a2}` : ""})`;
}

function shortWords(disturbance: AppliedDisturbance): string {
  const { amount, a2 } = disturbance;
  const name = nameOf(disturbance);
  const verb = /read|recv/.test(name) ? "gets at most" : "takes";
  return name.endsWith("v") ? `${verb} the first ${amount} of ${a2} buffers` : `${verb} ${countWords(amount, "byte")}`;
}

function taskWords({ program, pid, tid }: AppliedDisturbance): string {
  const name = printable(byteStringToUtf8(program));
  return `${name} (pid ${pid}${tid === pid ? "" : `, thread ${tid}`})`;
}

function timeWords(ns: number): string {
  const [divisor, unit] = ns < 1e6 ? [1e3, "µs"] : ns < 1e9 ? [1e6, "ms"] : [1e9, "s"];
  return `${Number((ns / divisor).toPrecision(3))} ${unit}`;
}

function countWords(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** @param again  the command that finds it once more. @param file  where it was recorded */
export function exploredLines(
  { undisturbed, attempts, found }: Explored,
  { again, file }: { readonly again: string; readonly file: string | undefined },
): string[] {
  const bytes = undisturbed.stdout.bytes + undisturbed.stderr.bytes;
  const size = `${countWords(undisturbed.instructions, "instruction")}, ${countWords(bytes, "byte")} of output`;
  const first = `undisturbed: status ${undisturbed.status}, ${size}`;
  if (found === null) return [first, `${countWords(attempts, "attempt")}: none failed`];
  const { attempt, failure, met, left, isLeast, narrowRuns, output } = found;
  if (attempt === 0) return [first, `it fails undisturbed: ${failure.text}`];
  const of = `of ${countWords(met, "disturbance")}, in ${countWords(narrowRuns, "run")}`;
  return [
    first,
    `attempt ${attempt} fails: ${failure.text}`,
    isLeast ? `what makes it fail (${of}, each is needed):` : `what still makes it fail (${of}; --narrow allows more):`,
    ...left.slice(0, TOLD_MOST).map((each) => `  ${disturbanceWords(each)}`),
    ...(left.length === 0 ? ["  nothing"] : []),
    ...(left.length > TOLD_MOST ? [`  and ${left.length - TOLD_MOST} more (--json names them)`] : []),
    ...(output === null || failure.key === "output" ? [] : [`with that, ${output}`]),
    `again: ${again}`,
    ...(file === undefined ? [] : [`replay: stratos replay ${file}`]),
  ];
}

export function exploredJson({ undisturbed, attempts, found }: Explored, file: string | undefined): object {
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
              call: each.at === "call" ? nameOf(each) : null,
              subject: each.subject === null ? null : printable(byteStringToUtf8(each.subject)),
              text: disturbanceWords(each),
            })),
            recording: file ?? null,
          },
  };
}

function outcomeJson({ status, killedBecause, instructions, ns, stdout, stderr }: AttemptOutcome): object {
  return {
    status,
    killedBecause,
    instructions,
    ns,
    stdout: { bytes: stdout.bytes, sha256: stdout.digest },
    stderr: { bytes: stderr.bytes, sha256: stderr.digest },
  };
}
