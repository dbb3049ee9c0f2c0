/** `stratos cache`: translations that runs have left for later ones, or that are made ahead of them. */
import { Command, Option } from "commander";
import { stratosHome } from "@stratos/host-node";
import { keptTranslations, openTranslations } from "@stratos/images/translations";
import { ImageStore } from "@stratos/images";
import { CommandError } from "../command-error.ts";
import { FailedRemovals } from "../failed-removals.ts";
import type { Finish } from "../command-files.ts";
import { withProgress } from "../operation-progress.ts";
import { formatSize } from "@stratos/operation";
import { parseImageName } from "../option-values.ts";
import { parseSize } from "../volume-options.ts";
import { formatTable } from "../text-table.ts";
import { warmImage } from "../warm-image.ts";

export function cacheCommand(finish: Finish): Command {
  const cache = new Command("cache")
    .summary("list, make and remove translations that are kept for runs")
    .description(
      "Runs keep what they translate to machine code, for later runs of the same programs. What is kept is this " +
        "user's alone, and is made anew when it is missing, damaged or of another version.",
    )
    .usage("COMMAND");
  const list = new Command("ls")
    .description("Lists what is kept, what was used last first.")
    .summary("list what is kept")
    .addOption(new Option("--json", "print JSON"))
    .action((options: { readonly json?: true }) => finish(listKept(options)));
  const prune = new Command("prune")
    .description("Removes what is kept: all of it, or what has not been used for longest.")
    .summary("remove what is kept")
    .addOption(
      new Option("--to <size>", "remove only until no more than this is left, the longest unused first").argParser(
        parseSize,
      ),
    )
    .action((options: { readonly to?: number }) => finish(pruneKept(options)));
  const warm = new Command("warm")
    .description(
      "Translates what common programs of an image execute, and commands of yours, for later runs: two minutes at " +
        "most. `image build`, `import` and `pull` do so in the background.",
    )
    .summary("translate common programs of an image ahead")
    .argument("<image>", "image", parseImageName)
    .addOption(
      new Option("--command <line>", "translate what this line executes, too (for `sh -c`; repeatable)")
        .argParser((line: string, lines: readonly string[]) => [...lines, line])
        .default([], "none"),
    )
    .action(async (image: string, { command }: { readonly command: readonly string[] }) =>
      finish(await makeKept(image, command)),
    );
  for (const command of [list, warm, prune]) cache.addCommand(command);
  return cache;
}

async function makeKept(image: string, lines: readonly string[]): Promise<number> {
  new ImageStore(stratosHome()).require(image);
  if (keptTranslations(stratosHome()) === undefined)
    throw new CommandError("cache warm", "STRATOS_NO_CACHE is set: nothing is kept");
  await withProgress((progress) => warmImage({ image, lines }, progress));
  return 0;
}

function listKept({ json }: { readonly json?: true }): number {
  const files = openTranslations(stratosHome()).list();
  if (json === true) {
    const rows = files.map(({ name, bytes, usedMs }) => ({
      name,
      sizeBytes: bytes,
      usedAt: new Date(usedMs).toISOString(),
    }));
    process.stdout.write(`${JSON.stringify(rows, null, 2)}\n`);
    return 0;
  }
  const rows = files.map(({ name, bytes, usedMs }) => [
    name,
    formatSize(bytes),
    new Date(usedMs).toISOString().slice(0, 16).replace("T", " "),
  ]);
  process.stdout.write(formatTable(["NAME", "SIZE", "USED"], rows));
  return 0;
}

function pruneKept({ to = 0 }: { readonly to?: number }): number {
  const failed = new FailedRemovals();
  const removed = openTranslations(stratosHome()).prune(to, failed.tell);
  const bytes = removed.reduce((sum, file) => sum + file.bytes, 0);
  process.stdout.write(`${removed.length} removed, ${formatSize(bytes)}\n`);
  return failed.end();
}
