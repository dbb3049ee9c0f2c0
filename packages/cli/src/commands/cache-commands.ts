/** `stratos cache`: translations that runs have left for later ones. */
import { Command, Option } from "commander";
import { stratosHome } from "@stratos/host-node";
import type { Finish } from "../command-files.ts";
import { formatSize } from "../option-values.ts";
import { fillCodeArchive, openCodeArchive } from "../session/kept-code.ts";
import { parseSize } from "../volume-options.ts";
import { formatTable } from "../text-table.ts";

export function cacheCommand(finish: Finish): Command {
  const cache = new Command("cache")
    .summary("list and remove translations that runs have kept")
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
  const fill = new Command("fill").description("Translates what runs have handed over.").action(() => {
    fillCodeArchive(stratosHome());
    finish(0);
  });
  cache.addCommand(list);
  cache.addCommand(prune);
  cache.addCommand(fill, { hidden: true });
  return cache;
}

function listKept({ json }: { readonly json?: true }): number {
  const files = openCodeArchive(stratosHome()).list();
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
  const removed = openCodeArchive(stratosHome()).prune(to);
  const bytes = removed.reduce((sum, file) => sum + file.bytes, 0);
  process.stdout.write(`${removed.length} removed, ${formatSize(bytes)}\n`);
  return 0;
}
