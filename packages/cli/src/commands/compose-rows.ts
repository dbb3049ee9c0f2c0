/** `stratos compose …`: images from a treefile. */
import { Command, InvalidArgumentError, Option } from "commander";
import { collect, parseTimeout } from "../option-values.ts";
import { composeMachineCommands } from "./compose-machine-rows.ts";
import type {
  ComposeCleanOptions,
  ComposeDiffOptions,
  ComposeExportOptions,
  ComposePlanOptions,
  ComposeRebuildOptions,
  ComposeRunOptions,
  ComposeValidateOptions,
} from "./compose-options.ts";

/** @param finish  receives the exit status of the command that ran */
export function composeCommand(finish: (status: number) => void): Command {
  const compose = new Command("compose")
    .summary("make images from a treefile")
    .description(
      "Makes images from a treefile: one file in YAML or TOML says what they consist of and in which formats " +
        "they are written.",
    )
    .usage("COMMAND");

  const validate = new Command("validate")
    .summary("check treefiles")
    .description(
      "Checks treefiles, with all that they include. Problems are told with file, line, column and key; a file " +
        "that is right is told with its images.",
    )
    .argument("<file...>", "treefiles, .yaml or .toml")
    .addOption(unknownKeysOption())
    .option("--json", "print JSON")
    .action(async (files: string[], options: ComposeValidateOptions) =>
      finish(await (await import("./compose-validate-command.ts")).validateTreefiles(files, options)),
    );

  const schema = new Command("schema")
    .summary("print the JSON Schema of treefiles")
    .description("Prints the JSON Schema of treefiles, for editors and other programs.")
    .action(async () => finish(await (await import("./compose-schema-command.ts")).printTreefileSchema()));

  const exporting = selecting(new Command("export"))
    .summary("print what a treefile says when all is merged")
    .description(
      "Prints what a treefile says when all is merged: each image's layers as a treefile of its own, or with " +
        "--all the whole file without its includes. What is printed reads back equal.",
    )
    .argument("<file>", "treefile")
    .option("--all", "the whole file, with its variants")
    .addOption(
      new Option("--format <format>", "how to print it; mock: the build root's configuration for mock(1)")
        .choices(["yaml", "json", "mock"])
        .default("yaml"),
    )
    .option("-o, --output <folder>", "write a file for each image there rather than to stdout")
    .action(async (file: string, options: ComposeExportOptions) =>
      finish(await (await import("./compose-export-command.ts")).exportTreefile(file, options)),
    );

  const plan = planning(selecting(new Command("plan")))
    .summary("show what a compose would do")
    .description("Shows what a compose would do: its phases in order, and the packages of each image. Nothing is made.")
    .argument("<file>", "treefile")
    .action(async (file: string, options: ComposePlanOptions) =>
      finish(await (await import("./compose-plan-command.ts")).planCompose(file, options)),
    );

  const run = planning(selecting(new Command("run")))
    .summary("make the images")
    .description(
      "Makes the images that a treefile describes. What was made before from the same things is kept, so an " +
        "interrupted compose goes on where it was; the same lock file gives the same bytes.",
    )
    .argument("<file>", "treefile")
    .option("-o, --output <folder>", "where what is made goes", "compose")
    .addOption(
      new Option("-j, --jobs <number>", "phases side by side (default: as many as processors)").argParser(parseJobs),
    )
    .addOption(new Option("--sequential", "one phase after another").conflicts("jobs"))
    .addOption(
      new Option("--timeout <time>", "for phases that the treefile gives no time: seconds, or 5m, 1h").argParser(
        parseTimeout,
      ),
    )
    .addOption(new Option("--runner <runner>", "where maintainer scripts run").choices(["auto", "stratos", "native"]))
    .addOption(
      new Option(
        "--plugin <file>",
        "a module that is asked about each image (`stratos hub plugin new` makes one; repeatable)",
      ).argParser(collect),
    )
    .option("--allow-host-hooks", "run the programs of this host that the treefile names in host-hooks")
    .option("-v, --verbose", "also show what scripts print")
    .addHelpText(
      "after",
      "\nThe folder gets the outputs, composeinfo.json, a bill of materials (SPDX) and the provenance of each " +
        "image, and SHA256SUMS.",
    )
    .action(async (file: string, options: ComposeRunOptions) =>
      finish(await (await import("./compose-run-command.ts")).runComposeCommand(file, options)),
    );

  const diff = selecting(new Command("diff"))
    .summary("show what two composes differ in")
    .description(
      "Shows what two composes differ in: packages, configuration, artefacts, and with --files each file. With " +
        "one treefile: what choosing packages anew would change in its lock file. The status is 0 when nothing " +
        "differs, else 1.",
    )
    .argument("<before>", "folder of a compose, or a treefile")
    .argument("[after]", "folder of another compose")
    .option("--files", "also compare files, of trees that are still in the store")
    .option("--mirror <url>", "Debian mirror, for a treefile")
    .option("--lock <file>", "lock file of the treefile (default: beside it, .lock.json)")
    .option("--json", "print JSON")
    .action(async (before: string, after: string | undefined, options: ComposeDiffOptions) =>
      finish(await (await import("./compose-diff-command.ts")).diffComposeCommand(before, after, options)),
    );

  const rebuild = new Command("rebuild")
    .summary("make a compose again, and compare")
    .description(
      "Makes again what a provenance describes, from the packages and the treefile that it holds, and compares " +
        "the digests. The status is 1 when one differs.",
    )
    .argument("<provenance...>", "provenance files, or folders of composes")
    .option("-o, --output <folder>", "where what is made goes", "rebuild")
    .option("--sources <folder>", "where files that the treefile names are (default: the current folder)")
    .option("--mirror <url>", "Debian mirror to try first")
    .addOption(
      new Option("--runner <runner>", "where maintainer scripts run (default: as the provenance says)").choices([
        "auto",
        "stratos",
        "native",
      ]),
    )
    .option("-v, --verbose", "also show what scripts print")
    .option("--json", "print JSON")
    .action(async (files: string[], options: ComposeRebuildOptions) =>
      finish(await (await import("./compose-rebuild-command.ts")).rebuildComposes(files, options)),
    );

  const clean = new Command("clean")
    .summary("free what composes have kept")
    .description(
      "Removes packages taken apart, roots and results that composes have kept. Images, outputs and downloads " +
        "stay; the next compose makes again what it needs. Not while a compose runs.",
    )
    .addOption(new Option("--older-than <days>", "only what was made before").argParser(parseDays))
    .option("-n, --dry-run", "say what would go, and keep it")
    .option("--json", "print JSON")
    .action(async (options: ComposeCleanOptions) =>
      finish(await (await import("./compose-clean-command.ts")).cleanComposeStore(options)),
    );

  compose.enablePositionalOptions();
  for (const command of [
    validate,
    plan,
    run,
    ...composeMachineCommands(finish),
    diff,
    rebuild,
    exporting,
    schema,
    clean,
  ])
    compose.addCommand(command);
  return compose;
}

/** Options that choose images. */
function selecting(command: Command): Command {
  return command
    .addOption(
      new Option("--variant <patterns>", "only variants that match, separated by commas").argParser(parsePatterns),
    )
    .addOption(
      new Option("--arch <patterns>", "only architectures that match, separated by commas").argParser(parsePatterns),
    )
    .addOption(unknownKeysOption());
}

function unknownKeysOption(): Option {
  return new Option("--unknown-keys <treatment>", "keys that treefiles do not have: an error, or told and left out")
    .choices(["refuse", "warn"])
    .default("refuse");
}

/** Options of what looks at an archive. */
function planning(command: Command): Command {
  return command
    .option(
      "--mirror <url>",
      "Debian mirror (default: the treefile's, $STRATOS_MIRROR, \"mirror\" in config.json, or the host's apt sources)",
    )
    .option("--lock <file>", "lock file (default: beside the treefile, .lock.json)")
    .option("--hub <url>", "hub that builds `sources` and whose packages images may take (for sources: $STRATOS_HUB)")
    .option("--channel <name>", "channel of the hub (default: default)")
    .option("--token-file <file>", "a file with the hub's key (default: what `hub login` kept)")
    .option("--locked", "take exactly what the lock file says")
    .option("--update", "choose packages anew, whatever the lock file says")
    .addOption(
      new Option(
        "--skip-phase <pattern>",
        "leave phases out: init, gather, build, ostree, output, cleanup, or a pattern over whole names (repeatable)",
      )
        .argParser((text: string, previous: readonly string[]) => [...previous, text])
        .default([], "none"),
    )
    .option("--json", "print JSON");
}

function parseDays(text: string): number {
  if (!/^\d+(\.\d+)?$/.test(text)) throw new InvalidArgumentError("expected a number of days");
  return Number(text);
}

function parseJobs(text: string): number {
  if (!/^[1-9]\d{0,2}$/.test(text)) throw new InvalidArgumentError("expected a number from 1 to 999");
  return Number(text);
}

function parsePatterns(text: string): readonly string[] {
  const patterns = text.split(",").filter((one) => one !== "");
  if (patterns.length === 0) throw new InvalidArgumentError("expected names or patterns");
  return patterns;
}
