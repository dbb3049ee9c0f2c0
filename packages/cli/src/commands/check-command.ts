/** `stratos check`: one program twice, and what happened first that was not the same (images, run/check-runs.ts). */
import { printable } from "@stratos/base";
import { type CheckedRuns, checkRuns } from "@stratos/images/check";
import type { Difference, TracedEvent } from "@stratos/trace";
import { EXIT_FAILURE, EXIT_SUCCESS } from "../exit-status.ts";
import { rawArguments } from "../session/raw-arguments.ts";
import type { RunOptions } from "../session/run-options.ts";
import { ownSurroundings, tellEnd } from "../session/run-program.ts";
import { runRequest } from "../session/run-request.ts";

export interface CheckOptions extends RunOptions {
  readonly seed: number;
  /** Where the first run's trace is kept. */
  readonly save?: string;
}

export async function checkCommand(command: readonly string[], options: CheckOptions): Promise<number> {
  const argv = rawArguments(command);
  const request = await runRequest(() => ({ program: argv[0]!, argv }), options);
  const checked = await checkRuns(request, ownSurroundings(), options.save);
  tellEnd(checked.end, request.memoryBytes);
  const { difference } = checked;
  const told = difference === null ? sameText(checked) : differenceText(difference);
  process.stderr.write(told.map((line) => `stratos: ${line}\n`).join(""));
  return difference === null ? EXIT_SUCCESS : EXIT_FAILURE;
}

function sameText({ end, instructions, events }: CheckedRuns): string[] {
  return [`check: the same twice: status ${end.status}, ${instructions} instructions, ${events} events`];
}

function differenceText({ event, first, second, before }: Difference): string[] {
  const what =
    first === null || second === null || first.text !== second.text
      ? "is another one"
      : first.position === second.position
        ? "finds other values in registers"
        : "comes at another instruction";
  const line = (name: string, traced: TracedEvent | null): string =>
    `check: ${name} ${traced === null ? "nothing more" : `${printable(traced.text)} (instruction ${traced.position})`}`;
  return [
    `check: the runs are not the same: event ${event} ${what}`,
    line("first: ", first),
    line("second:", second),
    ...(before === null ? [] : [line("before:", before)]),
  ];
}
