/** `stratos image warm-start`: a machine beside an image, from which runs of its program start. */
import { Command, Option } from "commander";
import { printable, utf8ToByteString } from "@stratos/base";
import { splitWords } from "@stratos/base/split-words";
import { stratosHome } from "@stratos/host-node";
import { makeWarmStart, removeWarmStart } from "@stratos/images/warm-start";
import { formatSize, OperationError } from "@stratos/operation";
import { SessionError } from "@stratos/session";
import { CommandError, UsageError } from "../command-error.ts";
import { withProgress } from "../operation-progress.ts";
import { parseImageName, parseMemory } from "../option-values.ts";
import { rawArguments } from "../session/raw-arguments.ts";
import { memoryOf } from "../session/machine-options.ts";
import { jsonOption, type Finish } from "./row-options.ts";

interface WarmStartOptions {
  readonly memory?: number;
  readonly remove?: true;
  readonly json?: true;
}

export function imageWarmStartCommand(finish: Finish): Command {
  return new Command("warm-start")
    .description(
      "Runs CMD in the image until it waits, saves that machine beside the image, and lets every `stratos run` of " +
        "the same program start from there. `python3 -c 'import json'` waits once the imports are done; any other " +
        "program waits by reading descriptor 3.",
    )
    .summary("let runs of a program start where it has imported what it needs")
    .usage("[OPTIONS] NAME [--] CMD [ARG…]")
    .argument("<name>", "the image", parseImageName)
    .argument("[cmd]", "program, looked up in the image's PATH")
    .argument("[arg...]", "its arguments")
    .passThroughOptions()
    .addOption(
      new Option("--memory <size>", "memory of the machines that start from it (default: as `run`'s)").argParser(
        parseMemory,
      ),
    )
    .addOption(new Option("--remove", "remove what the image has: runs start cold again").conflicts(["memory", "json"]))
    .addOption(jsonOption())
    .addHelpText("after", "\nAn image has one warm start; a new one takes its place. `run --stats` says what was used.")
    .action(async (name: string, command: string | undefined, args: string[], options: WarmStartOptions) =>
      finish(await warmStartImage(name, command === undefined ? [] : [command, ...args], options)),
    );
}

async function warmStartImage(name: string, command: readonly string[], options: WarmStartOptions): Promise<number> {
  if (options.remove === true) {
    if (command.length > 0) throw new UsageError("--remove", "takes no program");
    if (!removeWarmStart(name, stratosHome())) throw new CommandError(name, "the image has no warm start");
    return 0;
  }
  if (command[0] !== "--" && command[0]?.startsWith("-") === true)
    throw new UsageError(command[0], "options stand before the image's name");
  const argv = rawArguments(command[0] === "--" ? command.slice(1) : command);
  if (argv.length === 0) throw new UsageError("warm-start", "a program is missing: python3 -c 'import json'");
  await makeImageWarm(name, argv, options);
  return 0;
}

/** @param argv  byte strings */
export async function makeImageWarm(
  image: string,
  argv: readonly string[],
  options: Omit<WarmStartOptions, "remove"> & { readonly limitMs?: number } = {},
): Promise<void> {
  const home = stratosHome();
  const made = await withProgress((progress) => {
    progress.update("Running until the program waits", 0, 0);
    const limit = options.limitMs === undefined ? {} : { limitMs: options.limitMs };
    return makeWarmStart({ image, home, argv, memoryBytes: memoryOf(options, home), ...limit });
  });
  const [coldMs, warmMs] = [Math.round(made.coldMs), Math.round(made.warmMs)];
  if (options.json === true)
    process.stdout.write(`${JSON.stringify({ name: image, sizeBytes: made.sizeBytes, coldMs, warmMs }, null, 2)}\n`);
  else if (process.stderr.isTTY)
    process.stderr.write(
      `Runs of ${argv[0]} in ${image} start warm: ${warmMs} ms of processor time rather than ${coldMs}, ` +
        `${formatSize(made.sizeBytes)}.\n`,
    );
}

/** How long a program of `image build --warm` has for it. */
const MAYBE_MS = 120_000;

/** Of the first line whose program comes to wait. @throws OperationError  no matter of the program */
export async function makeImageWarmIfItWaits(image: string, lines: readonly string[]): Promise<void> {
  const reasons: string[] = [];
  for (const line of lines) {
    const words = splitWords(line) ?? [];
    if (words.length === 0) continue;
    try {
      await makeImageWarm(image, words.map(utf8ToByteString), { limitMs: MAYBE_MS });
      return;
    } catch (error) {
      // A program that is not there, or ends by itself: translated it is all the same.
      const isOfProgram =
        error instanceof SessionError || (error instanceof OperationError && error.kind === "command");
      if (!isOfProgram) throw error;
      reasons.push((error as Error).message);
    }
  }
  for (const reason of reasons) process.stderr.write(`stratos: no warm start: ${printable(reason)}\n`);
}
