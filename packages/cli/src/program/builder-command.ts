import { Command, InvalidArgumentError, Option } from "commander";
import type { ExtraRepository } from "@stratos/builder";
import { DEFAULT_SUITE } from "../defaults.ts";
import { parseSize } from "../fs/volume-options.ts";
import { jsonOption, type Finish } from "./fs-rows.ts";

export interface BuilderBuildOptions {
  readonly suite: string;
  readonly arch?: string;
  readonly output: string;
  readonly mirror?: string;
  readonly keyring?: readonly string[];
  readonly components?: readonly string[];
  readonly repository?: readonly ExtraRepository[];
  readonly profiles?: readonly string[];
  readonly parts?: "both" | "any" | "all";
  readonly jobs?: number;
  readonly timeout?: number;
  readonly silence?: number;
  readonly memory?: number;
  readonly processes?: number;
  readonly space?: number;
  readonly log?: number;
  readonly in?: "linux";
  readonly json?: true;
  readonly verbose?: true;
}

export function builderCommand(finish: Finish): Command {
  const builder = new Command("builder")
    .summary("build Debian packages from source in clean roots")
    .description(
      "Builds Debian packages from source in clean roots: layers that are made once, and a clone of them for each " +
        "build.",
    )
    .usage("COMMAND");

  const build = new Command("build")
    .summary("build a source package")
    .description(
      "Builds a source package: a name of the suite (or NAME=VERSION), a .dsc file, a folder with debian/ in it, " +
        "or a git repository (URL, or FOLDER#REFERENCE). What it makes, its log (.build) and provenance.json go into " +
        "a folder.",
    )
    .usage("[OPTIONS] SOURCE")
    .argument("<source>", "NAME, NAME=VERSION, FILE.dsc, folder or git URL")
    .option("-o, --output <dir>", "where packages go", ".");
  for (const option of requestOptions()) build.addOption(option);
  build
    .addOption(jsonOption())
    .option("-v, --verbose", "show the log as it is written")
    .addHelpText(
      "after",
      "\nOf alternatives in Build-Depends the first that is meant for the architecture and the profiles counts, as " +
        "for sbuild.",
    )
    .action(async (source: string, options: BuilderBuildOptions) =>
      finish(await (await import("../commands/builder-build-command.ts")).buildSource(source, options)),
    );

  for (const command of [build]) builder.addCommand(command);
  return builder;
}

function requestOptions(): Option[] {
  return [
    new Option("--suite <suite>", "Debian suite to build for").default(DEFAULT_SUITE),
    new Option("--arch <arch>", "architecture to build for (default: the host's)"),
    new Option("--in <carrier>", "where builds run").choices(["linux"]).default("linux"),
    new Option(
      "--mirror <url>",
      'Debian mirror (default: $STRATOS_MIRROR, "mirror" in config.json, ' + "or the host's apt sources)",
    ),
    new Option("--keyring <file>", "OpenPGP keys that are trusted, too (repeatable)").argParser(collect),
    new Option("--components <names>", "of the suite, separated by commas (default: main)").argParser(parseWords),
    new Option(
      "--repository <source>",
      'a repository whose packages may be used, too: "URL SUITE ' + 'COMPONENT…" (repeatable)',
    ).argParser(collectRepository),
    new Option("-P, --profiles <names>", "build profiles, separated by commas: nocheck,nodoc").argParser(parseWords),
    new Option("--parts <which>", "packages of the architecture, those of none, or both").choices([
      "both",
      "any",
      "all",
    ]),
    new Option("-j, --jobs <n>", "jobs that the build may run at once (default: " + "the host's processors)").argParser(
      parseCount,
    ),
    new Option("--timeout <seconds>", "longest build (default: 21600)").argParser(parseCount),
    new Option("--silence <seconds>", "longest time without output (default: 9000)").argParser(parseCount),
    new Option("--memory <size>", "memory of the build (default: 16G)").argParser(parseSize),
    new Option("--processes <n>", "processes of the build (default: 4096)").argParser(parseCount),
    new Option("--space <size>", "disk space of the build (default: 40G)").argParser(parseSize),
    new Option("--log <size>", "longest log (default: 256M)").argParser(parseSize),
  ];
}

function collect(text: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), text];
}

function collectRepository(text: string, before: readonly ExtraRepository[] | undefined): readonly ExtraRepository[] {
  const [uri, suite, ...components] = text.trim().split(/\s+/);
  if (uri === undefined || suite === undefined || !/^(https?|file):\/\//.test(uri))
    throw new InvalidArgumentError('expected "URL SUITE COMPONENT…"');
  return [...(before ?? []), { uri, suite, components: components.length === 0 ? ["main"] : components }];
}

function parseWords(text: string): readonly string[] {
  const words = text.split(",").filter((one) => one !== "");
  if (words.length === 0 || words.some((one) => !/^[a-z0-9][a-z0-9+./-]*$/.test(one)))
    throw new InvalidArgumentError("expected words, separated by commas");
  return words;
}

function parseCount(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError("expected a number above 0");
  return Number(text);
}
