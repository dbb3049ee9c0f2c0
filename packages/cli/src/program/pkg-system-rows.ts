/** Rows of `stratos pkg` that change the packages of an image, or of a folder that holds a root. */
import { Command, InvalidArgumentError, Option } from "commander";
import { DEFAULT_IMAGE } from "@stratos/images/defaults";
import type { SourceOptions } from "@stratos/systems/packages";
import { parseImageName, parseImageState } from "../option-values.ts";
import type { ChangeOptions } from "../commands/pkg-system-commands.ts";
import { dryRunOption, jsonOption, type Finish } from "./fs-rows.ts";

const commands = () => import("../commands/pkg-system-commands.ts");

export function systemCommands(finish: Finish): Command[] {
  const install = changing(
    new Command("install")
      .description(
        "Installs packages into an image or a folder's system (--root), or newer versions of those that are " +
          "there: what they need comes along, and what they conflict with goes. Both are the old one or the new " +
          "one, whatever happens, and the change can be taken back. A request is NAME, NAME=VERSION, NAME/SUITE, " +
          "NAME:ARCHITECTURE, a pattern such as 'python3.13*', TASK^ for all packages of a task, NAME- to remove, " +
          "NAME+ to install (also with `pkg remove`), or the path of a .deb file, ./x.deb. Nothing is asked: " +
          "--dry-run shows the plan first. The options -y, -s and --no-install-recommends mean what they mean to apt.",
      )
      .summary("install packages")
      .argument("<package...>", "what to install"),
  )
    .option("--no-recommends", "leave away what packages recommend")
    .addOption(aptsNoRecommends())
    .action(async (names: string[], options: ChangeOptions) =>
      finish(await (await commands()).installCommand(names, options)),
    );
  const remove = changing(
    new Command("remove")
      .description(
        "Removes packages from an image, with those that depend on them. Configuration files stay, unless " +
          "--purge is given.",
      )
      .summary("remove packages")
      .argument("<package...>", "what to remove"),
  )
    .option("--purge", "remove configuration files too")
    .option("--autoremove", "remove what is needed no more, too")
    .option("--allow-remove-essential", "also packages that the system cannot work without")
    .action(async (names: string[], options: ChangeOptions) =>
      finish(await (await commands()).removeCommand(names, options)),
    );
  const purge = changing(
    new Command("purge")
      .description("Removes packages with their configuration files, also of those that are removed already.")
      .summary("remove packages and their configuration")
      .argument("<package...>", "what to remove"),
  )
    .option("--autoremove", "remove what is needed no more, too")
    .option("--allow-remove-essential", "also packages that the system cannot work without")
    .action(async (names: string[], options: ChangeOptions) =>
      finish(await (await commands()).purgeCommand(names, options)),
    );
  const autoremove = changing(
    new Command("autoremove")
      .description("Removes packages that came because others needed them and that nobody needs any more.")
      .summary("remove what is needed no more"),
  )
    .option("--purge", "remove configuration files too")
    .action(async (options: ChangeOptions) => finish(await (await commands()).autoremoveCommand(options)));
  const upgrade = changing(
    new Command("upgrade")
      .description(
        "Brings packages to the newest versions of the lists that `pkg update` fetched: without names all of " +
          "them, as far as nothing need be added or removed.",
      )
      .summary("upgrade packages")
      .argument("[package...]", "only these"),
  )
    .option("--full", "also when packages must be added or removed")
    .option("--no-recommends", "leave away what packages newly recommend")
    .addOption(aptsNoRecommends())
    .action(async (names: string[], options: ChangeOptions) =>
      finish(await (await commands()).upgradeCommand(names, options)),
    );
  const update = systemFrom(
    new Command("update")
      .description(
        "Fetches the lists of an image's sources anew, and checks who signed them. Other commands use the lists " +
          "of last time, as long as these are valid.",
      )
      .summary("fetch the lists of packages"),
  )
    .addOption(jsonOption())
    .action(async (options: SourceOptions & { json?: true }) =>
      finish(await (await commands()).updateCommand(options)),
    );
  const hold = new Command("hold")
    .description("Keeps packages in the version they have: no upgrade changes them, and nothing removes them.")
    .summary("keep packages as they are")
    .argument("<package...>", "installed packages")
    .addOption(imageOption())
    .addOption(rootOption())
    .action(async (names: string[], options: SourceOptions) =>
      finish(await (await commands()).holdCommand(names, true, options)),
    );
  const unhold = new Command("unhold")
    .description("Lets packages change again that were held.")
    .summary("let held packages change")
    .argument("<package...>", "held packages")
    .addOption(imageOption())
    .addOption(rootOption())
    .action(async (names: string[], options: SourceOptions) =>
      finish(await (await commands()).holdCommand(names, false, options)),
    );
  const history = new Command("history")
    .description(
      "Lists the changes of an image's packages, or of a folder's. The states before and after each change of an " +
        "image can be looked at under the names that stand there: `stratos run -i debian@3-before`, `pkg list -i " +
        "debian@3`.",
    )
    .summary("list changes")
    .addOption(imageOption())
    .addOption(rootOption())
    .addOption(jsonOption())
    .action(async (options: SourceOptions & { json?: true }) =>
      finish(await (await commands()).historyCommand(options)),
    );
  const rollback = new Command("rollback")
    .description("Takes a change back, and all that came after it: the image is what it was before, every file of it.")
    .summary("take changes back")
    .addArgument(
      new Command()
        .createArgument("[change]", "its number in the history (default: the last one)")
        .argParser(parseChange),
    )
    .addOption(imageOption())
    .addOption(rootOption())
    .addOption(new Option("--save <name>", "keep what there is now as an image of this name").argParser(parseImageName))
    .addOption(jsonOption())
    .action(async (id: number | undefined, options: SourceOptions & { save?: string; json?: true }) =>
      finish(await (await commands()).rollbackCommand(id, options)),
    );
  const clean = new Command("clean")
    .description("Removes downloaded packages, which are fetched again when they are needed. Lists stay.")
    .summary("remove downloaded packages")
    .addOption(jsonOption())
    .action(async (options: { json?: true }) => finish(await (await commands()).cleanCommand(options)));
  return [install, remove, purge, autoremove, upgrade, update, hold, unhold, history, rollback, clean];
}

export function imageOption(): Option {
  return new Option("-i, --image <name>", `image (default: ${DEFAULT_IMAGE}, or "image" in config.json)`).argParser(
    parseImageState,
  );
}

/** Options of what reads lists of packages. */
export function from(command: Command): Command {
  return command
    .addOption(imageOption())
    .option("--mirror <url>", "mirror of Debian to ask instead of the image's (default: $STRATOS_MIRROR)")
    .option(
      "--snapshot <time>",
      "sources as they were then, such as 20260101T000000Z (where: the archive's own word, $STRATOS_SNAPSHOTS, " +
        'or "snapshots" in config.json)',
    );
}

/** A folder of the host that holds a system, instead of an image. */
function rootOption(): Option {
  return new Option(
    "--root <folder>",
    "a folder that holds a Debian system, instead of an image (changed in place by root where its programs run; else " +
      "on a copy, which costs its size)",
  );
}

function systemFrom(command: Command): Command {
  return from(command).addOption(rootOption());
}

function changing(command: Command): Command {
  return systemFrom(command)
    .addOption(
      new Option(
        "--runner <runner>",
        "what runs dpkg and the packages' scripts for a folder: the host's processor in namespaces of its own, " +
          "or Stratos, for riscv64 (default: natively what the host can)",
      ).choices(["auto", "native", "stratos"]),
    )
    .option("-t, --target <release>", "prefer versions of this release")
    .addOption(
      new Option("--to <name>", "make the result an image of its own, and leave this one as it is").argParser(
        parseImageName,
      ),
    )
    .addOption(dryRunOption())
    .addOption(new Option("-s, --simulate", "as for apt: --dry-run").implies({ dryRun: true }).hideHelp())
    .addOption(new Option("-y, --yes", "as for apt; nothing is asked anyway").hideHelp())
    .option("--download-only", "fetch the packages, and change nothing")
    .addOption(jsonOption());
}

/** As for apt. */
function aptsNoRecommends(): Option {
  return new Option("--no-install-recommends", "as for apt: --no-recommends").implies({ recommends: false }).hideHelp();
}

function parseChange(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError("expected the number of a change");
  return Number(text);
}
