/** `stratos compose …`: images from a treefile. */
import { Command, InvalidArgumentError, Option } from "commander";
import type { ComposeExportOptions, ComposeJsonOptions } from "../commands/compose-options.ts";

/** @param finish  receives the exit status of the command that ran */
export function composeCommand(finish: (status: number) => void): Command {
  const compose = new Command("compose")
    .summary("make images from a treefile")
    .description("Makes images from a treefile: one file in YAML or TOML says what they consist of and in which formats they are written.")
    .usage("COMMAND");

  const validate = new Command("validate")
    .summary("check treefiles")
    .description("Checks treefiles, with all that they include. Problems are told with file, line, column and key.")
    .argument("<file...>", "treefiles, .yaml or .toml")
    .option("--json", "print JSON")
    .action(async (files: string[], options: ComposeJsonOptions) => finish(await (await import("../commands/compose-validate-command.ts")).validateTreefiles(files, options)));

  const schema = new Command("schema")
    .summary("print the JSON Schema of treefiles")
    .description("Prints the JSON Schema of treefiles, for editors and other programs.")
    .action(async () => finish(await (await import("../commands/compose-schema-command.ts")).printTreefileSchema()));

  const exporting = selecting(new Command("export"))
    .summary("print what a treefile says when all is merged")
    .description("Prints what a treefile says when all is merged: each image's layers as a treefile of its own, or with --all the whole file without its includes. What is printed reads back equal.")
    .argument("<file>", "treefile")
    .option("--all", "the whole file, with its variants")
    .addOption(new Option("--format <format>", "how to print it").choices(["yaml", "json"]).default("yaml"))
    .option("-o, --output <folder>", "write a file for each image there rather than to stdout")
    .action(async (file: string, options: ComposeExportOptions) => finish(await (await import("../commands/compose-export-command.ts")).exportTreefile(file, options)));

  for (const command of [validate, schema, exporting]) compose.addCommand(command);
  return compose;
}

/** Options that choose images. */
function selecting(command: Command): Command {
  return command
    .addOption(new Option("--variant <patterns>", "only variants that match, separated by commas").argParser(parsePatterns))
    .addOption(new Option("--arch <patterns>", "only architectures that match, separated by commas").argParser(parsePatterns));
}

function parsePatterns(text: string): readonly string[] {
  const patterns = text.split(",").filter((one) => one !== "");
  if (patterns.length === 0) throw new InvalidArgumentError("expected names or patterns");
  return patterns;
}
