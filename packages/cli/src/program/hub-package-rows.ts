/** Rows of `stratos hub`: builds, what they leave, and the repositories that it goes into. */
import { Option, type Command } from "commander";
import type { BuildTaskOptions, PackageOptions } from "../commands/hub-package-commands.ts";
import type { HubOptions } from "../hub/hub-login.ts";
import { jsonOption, type Finish } from "./fs-rows.ts";
import { noun, parseCount, repeatable, row } from "./hub-options.ts";

const commands = () => import("../commands/hub-package-commands.ts");
interface Common extends HubOptions {
  readonly json?: true;
}

export function hubPackageCommands(finish: Finish): Command[] {
  return [buildCommand(finish), packageCommand(finish), repositoryCommand(finish), artefactCommand(finish)];
}

function buildCommand(finish: Finish): Command {
  return row(
    "build",
    "have source packages built",
    "Has source packages built, and prints the numbers of the tasks. Their packages go into the repository of the " +
      "channel, where later builds find them; a build that wants one which is not there yet waits for it.",
  )
    .argument("<source...>", "NAME, NAME=VERSION, a git URL, or a .dsc, which is uploaded with its files")
    .option("--channel <name>", "channel (default: default)")
    .option("--arch <arch>", "architecture that is built for (default: the worker's)")
    .option("--suite <name>", "where build dependencies come from (default: the worker's)")
    .addOption(repeatable("--profile <name>", "build profiles"))
    .addOption(
      new Option("--seed <n>", "inside Stratos, where all that could differ comes of this").argParser(parseCount(0)),
    )
    .addOption(
      new Option("-p, --priority <n>", "larger is sooner (default: 0)").argParser(parseCount(-1_000_000, 1_000_000)),
    )
    .option("-w, --watch", "wait until all have ended; status 1 when one did not complete")
    .addOption(jsonOption())
    .action(async (sources: string[], options: BuildTaskOptions) =>
      finish(await (await commands()).buildSources(sources, options)),
    );
}

function packageCommand(finish: Finish): Command {
  const packages = noun("package", "list, promote and withdraw packages of channels");
  packages.addCommand(
    row("ls", "list packages", "Lists packages of channels, as they came.")
      .option("--channel <name>", "of this channel")
      .option("--source <name>", "made of this source package")
      .addOption(jsonOption())
      .action(async (options: PackageOptions) => finish(await (await commands()).listPackages(options))),
  );
  packages.addCommand(
    row(
      "promote",
      "bring packages into another channel",
      "Brings the packages of sources from one channel into another, whose lists are signed anew.",
    )
      .argument("<source...>", "NAME (what came last) or NAME=VERSION")
      .requiredOption("--from <channel>", "where they are")
      .requiredOption("--to <channel>", "where they come to be, too")
      .addOption(jsonOption())
      .action(async (sources: string[], options: Common & { from: string; to: string }) =>
        finish(await (await commands()).promotePackages(sources, options)),
      ),
  );
  packages.addCommand(
    row("withdraw", "take packages out of a channel", "Takes the packages of sources out of a channel.")
      .argument("<source...>", "NAME or NAME=VERSION")
      .requiredOption("--channel <name>", "where they are")
      .addOption(jsonOption())
      .action(async (sources: string[], options: Common & { channel: string }) =>
        finish(await (await commands()).withdrawPackages(sources, options)),
      ),
  );
  return packages;
}

function repositoryCommand(finish: Finish): Command {
  const repository = noun("repository", "use the repositories of channels");
  repository.addCommand(
    row("show", "print a channel's lines of sources.list", "Prints the lines that apt reads a channel's packages by.")
      .argument("[channel]", "its name", "default")
      .addOption(jsonOption())
      .action(async (channel: string, options: Common) =>
        finish(await (await commands()).showRepository(channel, options)),
      ),
  );
  repository.addCommand(
    row(
      "key",
      "print the public key of the repositories",
      "Prints the key that signs the repositories, armored: for signed-by=, for keyring: of a treefile.",
    ).action(async (options: HubOptions) => finish(await (await commands()).showRepositoryKey(options))),
  );
  return repository;
}

function artefactCommand(finish: Finish): Command {
  const artefact = noun("artefact", "list and fetch what tasks leave");
  const parse = parseCount(1);
  artefact.addCommand(
    row("ls", "list a task's artefacts", "Lists a task's artefacts.")
      .argument("<task>", "its number", parse)
      .addOption(jsonOption())
      .action(async (task: number, options: Common) => finish(await (await commands()).listArtefacts(task, options))),
  );
  artefact.addCommand(
    row(
      "get",
      "fetch a task's artefacts",
      "Fetches artefacts of a task into a folder, proves their digests, and prints their paths.",
    )
      .argument("<task>", "its number", parse)
      .argument("[name...]", "which (default: all)")
      .option("-o, --output <folder>", "where they go", ".")
      .action(async (task: number, names: string[], options: HubOptions & { output: string }) =>
        finish(await (await commands()).fetchArtefacts(task, names, options)),
      ),
  );
  return artefact;
}
