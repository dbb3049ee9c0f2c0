/** `stratos hub rebuild`. */
import { Option, type Command } from "commander";
import type { RebuildRequest, RebuildView } from "@stratos/hub-api";
import { printJson, type Listing } from "../hub/hub-listing.ts";
import { withHub } from "../hub/hub-client.ts";
import { formatTable } from "../text-table.ts";
import { UsageError } from "../command-error.ts";
import { parseCount, repeatable, row } from "./hub-options.ts";
import { given } from "./hub-task.ts";
import { waitForTasks } from "../hub/wait-for-tasks.ts";
import { jsonOption, type Finish } from "./row-options.ts";

interface RebuildOptions extends Listing {
  readonly channel: string;
  readonly reverseDepends: readonly string[];
  readonly recursive?: true;
  readonly reason?: string;
  readonly binNmu?: number;
  readonly arch: readonly string[];
  readonly priority?: number;
  readonly plan?: true;
  readonly watch?: true;
}

export function hubRebuildCommand(finish: Finish): Command {
  return row(
    "rebuild",
    "build sources of a channel anew",
    "Builds sources of a channel anew as binNMUs: the same source, packages of version …+bN. Those that need each " +
      "other come in waves; one starts when the packages that it needs are in the channel.",
  )
    .argument("[source...]", "names of sources, as the channel has them")
    .addOption(
      repeatable("--reverse-depends <package>", "what builds on this binary package; src:NAME: on any of that source"),
    )
    .option("--recursive", "also what builds on what is built anew, and so on")
    .option("--channel <name>", "channel", "default")
    .option("--reason <text>", "why, in one line of the changelog (default: the package of --reverse-depends)")
    .addOption(
      new Option("--bin-nmu <n>", "N of +bN (default: for each source the next that is free)").argParser(
        parseCount(1, 9_999),
      ),
    )
    .addOption(repeatable("--arch <arch>", "only for this architecture"))
    .addOption(
      new Option("-p, --priority <n>", "larger is sooner (default: 0)").argParser(parseCount(-1_000_000, 1_000_000)),
    )
    .option("--plan", "only show what would be built, in which order, and what is left out")
    .option(
      "-w, --watch",
      "wait until all have ended, and their packages are in the channel; status 1 when one did not complete",
    )
    .addOption(jsonOption())
    .action(async (sources: string[], options: RebuildOptions) => finish(await rebuild(sources, options)));
}

function rebuild(sources: readonly string[], options: RebuildOptions): Promise<number> {
  const { reverseDepends, arch, plan } = options;
  if (sources.length + reverseDepends.length === 0)
    throw new UsageError("rebuild", "a source, or --reverse-depends PACKAGE, is missing");
  if (options.reason === undefined && reverseDepends.length === 0)
    throw new UsageError("--reason", "is missing: the changelog tells why");
  const request: RebuildRequest = {
    reason: options.reason ?? `Rebuild against ${reverseDepends.map((name) => name.replace("src:", "")).join(", ")}.`,
    ...(sources.length === 0 ? {} : { sources }),
    ...(reverseDepends.length === 0 ? {} : { reverseDepends }),
    ...(arch.length === 0 ? {} : { arches: arch }),
    ...given("recursive", options.recursive),
    ...given("number", options.binNmu),
    ...given("priority", options.priority),
  };
  return withHub(options, async (client) => {
    const path = `/channels/${encodeURIComponent(options.channel)}/rebuild${plan === true ? "/plan" : ""}`;
    const view = await client.call<RebuildView>("POST", path, request);
    if (options.json === true) printJson(view);
    else printRebuild(view);
    if (options.watch !== true) return 0;
    const ids = view.items.flatMap(({ task }) => (task === null ? [] : [task]));
    return waitForTasks(client, ids);
  });
}

function printRebuild({ items, leftOut, workflow, channel }: RebuildView): void {
  if (items.length > 0)
    process.stdout.write(
      formatTable(
        ["WAVE", "SOURCE", "VERSION", "ARCH", "TASK", "BECAUSE OF"],
        items.map(({ wave, source, version, number, arch, task, because, circle, known }) => [
          String(wave),
          source,
          `${version}+b${number}`,
          arch,
          task === null ? "-" : String(task),
          [
            because.join(", ") || "-",
            ...(circle.length === 0 ? [] : [`in a circle with ${circle.join(", ")}`]),
            ...(known === "buildinfo" ? ["known only from what was installed"] : []),
          ].join("; "),
        ]),
      ),
    );
  else process.stdout.write(`nothing in channel ${channel} is to be built anew\n`);
  for (const { source, version, why } of leftOut)
    process.stderr.write(`stratos: left out: ${source} ${version}: ${why}\n`);
  if (workflow !== null) process.stderr.write(`workflow ${workflow}\n`);
}
