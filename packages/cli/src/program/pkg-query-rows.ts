/** Rows of `stratos pkg` that only look. */
import { Command, Option } from "commander";
import type { ListPackagesOptions, QueryOptions } from "../commands/pkg-query-commands.ts";
import { jsonOption, type Finish } from "./fs-rows.ts";
import { from } from "./pkg-system-rows.ts";

const commands = () => import("../commands/pkg-query-commands.ts");

export function queryCommands(finish: Finish): Command[] {
  const looking = (command: Command): Command =>
    from(command)
      .addOption(
        new Option("--root <folder>", "a system in this folder of the host instead of an image").conflicts("image"),
      )
      .addOption(jsonOption());
  return [
    looking(
      new Command("list")
        .alias("ls")
        .description("Lists the packages of an image, or what its sources offer.")
        .summary("list packages")
        .argument("[pattern...]", "names, with * and ?")
        .option("--upgradable", "those of which a newer version is offered")
        .option("--available", "all that the sources offer")
        .option("--manual", "only those that were asked for")
        .option("--names", "print names only"),
    ).action(async (patterns: string[], options: ListPackagesOptions) =>
      finish(await (await commands()).listPackagesCommand(patterns, options)),
    ),
    looking(
      new Command("show")
        .description("Shows all fields of packages: of the installed version, else of the one that would be installed.")
        .summary("show packages in full")
        .argument("<package...>", "names")
        .option("-a, --all-versions", "all versions that there are"),
    ).action(async (names: string[], options: QueryOptions & { allVersions?: true }) =>
      finish(await (await commands()).showCommand(names, options)),
    ),
    looking(
      new Command("search")
        .description("Searches names and descriptions for words; all of them must be found. Status 1 when nothing is.")
        .summary("search packages")
        .argument("<word...>", "words")
        .option("--names-only", "search in names only"),
    ).action(async (words: string[], options: QueryOptions & { namesOnly?: true }) =>
      finish(await (await commands()).searchCommand(words, options)),
    ),
    looking(
      new Command("depends")
        .description(
          "Shows what a package depends on, recommends, suggests and conflicts with, and which installed package " +
            "fulfils it.",
        )
        .summary("show a package's relations")
        .argument("<package>", "name")
        .option("-r, --reverse", "show which installed packages need it instead"),
    ).action(async (name: string, options: QueryOptions & { reverse?: true }) =>
      finish(await (await commands()).dependsCommand(name, options)),
    ),
    looking(
      new Command("why")
        .description("Tells why a package is installed: who was asked for, and how that leads to it.")
        .summary("tell why a package is installed")
        .argument("<package>", "name"),
    ).action(async (name: string, options: QueryOptions) => finish(await (await commands()).whyCommand(name, options))),
    looking(
      new Command("download")
        .description("Downloads packages as files, checked against the signed lists. What was half there is resumed.")
        .summary("download packages")
        .argument("<package...>", "NAME, NAME=VERSION, NAME/SUITE or NAME:ARCHITECTURE")
        .option("-o, --output <folder>", "where to", "."),
    ).action(async (names: string[], options: QueryOptions & { output: string }) =>
      finish(await (await commands()).downloadCommand(names, options)),
    ),
    from(
      new Command("lock")
        .description(
          "Writes exactly which packages an image has, with their hashes, as JSON. `image build --lock` makes an " +
            "image of these, without lists, and without a net when the packages have been downloaded before.",
        )
        .summary("write which packages an image has")
        .option("-o, --output <file>", "write there rather than to stdout"),
    ).action(async (options: QueryOptions & { output?: string }) =>
      finish(await (await commands()).lockCommand(options)),
    ),
  ];
}
