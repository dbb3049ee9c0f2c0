/** `run --display` and `--screenshot`: what their options say, and what is told of them. */
import { checkOutputFile, openRunDisplay } from "@stratos/console/display";
import type { RunSurroundings } from "@stratos/images/run";
import { UsageError } from "../command-error.ts";
import { EXIT_STRATOS_FAILED, EXIT_SUCCESS } from "../exit-status.ts";
import type { RunOptions } from "./run-options.ts";

/** Before the machine is made. @throws UsageError, OperationError */
export function checkDisplay({ display, screenshot, record, seed, schedule }: RunOptions): void {
  const asked = screenshot === undefined ? "--display" : "--screenshot";
  for (const [name, value] of Object.entries({ record, seed, schedule }))
    if (value !== undefined)
      throw new UsageError(`--${name}`, `when frames are shown is not repeatable; leave ${asked} away`);
  if (screenshot === undefined) return;
  if (display === true) throw new UsageError("--display", "a screenshot is of a display that nobody sees");
  checkOutputFile(screenshot);
}

export function displayOf({ screenshot, sound }: RunOptions): NonNullable<RunSurroundings["display"]> {
  return async (session, user) => {
    const display = await openRunDisplay(session, user, {
      screenshot,
      isHeard: sound === undefined,
      onAddress: (url) => void process.stderr.write(`stratos: its windows are shown at ${url}\n`),
      tell: (problem) => void process.stderr.write(`stratos: display: ${problem}\n`),
    });
    const finish = (status: number): number => {
      const isPictured = display.finish();
      if (isPictured !== false) return isPictured === null ? status : EXIT_SUCCESS;
      process.stderr.write(`stratos: ${screenshot}: not written: the program has shown nothing\n`);
      return EXIT_STRATOS_FAILED;
    };
    return { ...display, finish };
  };
}
