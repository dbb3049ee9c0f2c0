/** `stratos explore`: a program under many schedules and faults, and what is told of that (images, run/). */
import { accessSync, constants } from "node:fs";
import { dirname } from "node:path";
import { isatty } from "node:tty";
import { stratosHome } from "@stratos/host-node";
import { replaceFile } from "@stratos/host-node/files";
import { type ProgressDisplay } from "../progress-display.ts";
import { defaultImage } from "@stratos/images";
import { exploreRuns } from "@stratos/images/explore";
import type { FaultKind } from "@stratos/session/faults";
import { type Explored, type ExploreProgress, isEndless } from "@stratos/session";
import { CommandError, hostReason, UsageError } from "../command-error.ts";
import { EXIT_FAILURE, EXIT_SUCCESS } from "../exit-status.ts";
import { withProgress } from "../operation-progress.ts";
import { ensureImage, memoryOf } from "../session/machine-options.ts";
import type { RunOptions } from "../session/run-options.ts";
import { rawArguments } from "../session/raw-arguments.ts";
import { exploredJson, exploredLines } from "./explore-words.ts";

export interface ExploreCommandOptions extends RunOptions {
  readonly seed: number;
  readonly attempts: number;
  readonly from: number;
  readonly faults: readonly FaultKind[];
  readonly schedules: boolean;
  /** Milliseconds. */
  readonly timeout: number;
  readonly expect?: readonly number[];
  readonly compare: "status" | "output";
  readonly narrow: number;
  readonly powerCut?: string;
  readonly json?: true;
}

/** Most of standard input, which each run gets. */
const INPUT_MAX = 64 << 20;

export async function runExplore(words: readonly string[], options: ExploreCommandOptions): Promise<number> {
  const argv = rawArguments(words);
  checkOptions(options);
  const explored = await withProgress(async (progress) => {
    const home = stratosHome();
    const image = options.image ?? defaultImage(home);
    const memoryBytes = memoryOf(options, home);
    await ensureImage(image);
    const isRecorded = options.record !== undefined;
    const input = (): Promise<Uint8Array> => readInput(options.timeout);
    return exploreRuns({ ...options, home, image, argv, memoryBytes, isRecorded, input }, (event) =>
      showProgress(progress, event, options),
    );
  });
  if (isEndless(explored.undisturbed)) throw endless(explored, options);
  const { found, difference, recording } = explored;
  const file = found === null ? undefined : options.record;
  if (file !== undefined) writeRecording(file, recording);
  const told =
    options.json === true
      ? [JSON.stringify(exploredJson(explored, file, difference), null, 2)]
      : exploredLines(explored, { again: commandAgain(words, options, found?.attempt ?? 1), file, difference });
  process.stdout.write(told.map((line) => `${line}\n`).join(""));
  return found === null ? EXIT_SUCCESS : EXIT_FAILURE;
}

/** @throws UsageError, CommandError */
function checkOptions({ volume, faults, schedules, record, powerCut }: ExploreCommandOptions): void {
  for (const { host, guest, isReadOnly } of volume)
    if (!isReadOnly)
      throw new UsageError(
        "-v",
        `what a run writes to ${host} the next ones would find there: use ${host}:${guest}:ro, or put it into an image`,
      );
  if (faults.length === 0 && !schedules && powerCut === undefined)
    throw new UsageError("--faults", "none and --no-schedules leave nothing to do");
  if (powerCut?.trim() === "")
    throw new UsageError("--power-cut", "needs a command that looks at what is left: --power-cut 'test -s /data/file'");
  if (record === undefined) return;
  try {
    accessSync(dirname(record), constants.W_OK);
  } catch (error) {
    throw new CommandError(record, hostReason(error), { cause: error });
  }
}

/** Standard input to its end; nothing of a terminal. */
async function readInput(timeoutMs: number): Promise<Uint8Array> {
  if (isatty(0)) return new Uint8Array(0);
  const pieces: Buffer[] = [];
  let bytes = 0;
  const { stdin } = process;
  // Whoever started us may have left a pipe open that nobody writes to.
  const timer = setTimeout(
    () => void stdin.destroy(new CommandError("standard input", "has not ended; for none, add: < /dev/null")),
    timeoutMs,
  );
  try {
    for await (const piece of stdin as AsyncIterable<Buffer>) {
      pieces.push(piece);
      bytes += piece.length;
      if (bytes > INPUT_MAX) throw new CommandError("standard input", `is more than ${INPUT_MAX >> 20} MiB`);
    }
  } catch (error) {
    throw error instanceof CommandError ? error : new CommandError("standard input", hostReason(error));
  } finally {
    clearTimeout(timer);
  }
  return Buffer.concat(pieces);
}

function endless({ undisturbed }: Explored, { timeout }: ExploreCommandOptions): CommandError {
  return undisturbed.killedBecause === "prints on"
    ? new CommandError("the undisturbed run", "prints without end")
    : new CommandError("the undisturbed run", `has not ended within ${timeout / 1000} s; --timeout allows more`);
}

/** @throws CommandError */
function writeRecording(file: string, lines: readonly Uint8Array[]): void {
  try {
    replaceFile(file, Buffer.concat(lines));
  } catch (error) {
    throw new CommandError(file, hostReason(error), { cause: error });
  }
}

/** Our own words once more, with the one attempt that matters. */
function commandAgain(words: readonly string[], { attempts, from }: ExploreCommandOptions, attempt: number): string {
  const own = process.argv.slice(process.argv.indexOf("explore"));
  const before = own.slice(1, own.length - words.length).filter((word) => word !== "--");
  const drop = (list: string[], option: string, value: number): string[] => {
    const at = list.lastIndexOf(option);
    const joined = list.filter((word) => word !== `${option}=${value}`);
    return at < 0 || list[at + 1] !== String(value) ? joined : [...list.slice(0, at), ...list.slice(at + 2)];
  };
  const kept = drop(drop(before, "--attempts", attempts), "--from", from);
  const again = ["stratos", "explore", "--from", String(attempt), "--attempts", "1", ...kept, "--", ...words];
  return again.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`)).join(" ");
}

function showProgress(
  progress: ProgressDisplay,
  event: ExploreProgress,
  { attempts, from }: ExploreCommandOptions,
): void {
  switch (event.kind) {
    case "undisturbed":
      return;
    case "attempt":
      return progress.update("Attempts", event.attempt - from, attempts);
    case "found":
      return progress.update("Narrowing", 0, 0, "items", `attempt ${event.attempt}: ${event.failure.text}`);
    case "narrowing":
      return progress.update("Narrowing", 0, 0, "items", `to ${event.left}`);
  }
}
