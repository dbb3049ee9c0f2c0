/** `stratos pkg alpm …`: systems of ALPM packages (Arch Linux and its kin) in an image or a root folder. */
import { Command, Option } from "commander";
import { collect } from "../option-values.ts";
import type {
  AlpmChangeOptions,
  AlpmInstalledOptions,
  AlpmInstallOptions,
  AlpmListOptions,
  AlpmRemoveOptions,
  AlpmRepositoryOptions,
  AlpmRootOptions,
  AlpmUpgradeOptions,
} from "./alpm-options.ts";
import type { AlpmBuildOptions, AurOptions } from "./alpm-build-command.ts";
import { imageOption } from "./row-options.ts";

type Finish = (status: number) => void;

export function alpmCommand(finish: Finish): Command {
  const alpm = new Command("alpm")
    .summary("keep a system of ALPM packages (Arch Linux)")
    .description(
      "Keeps a system of ALPM packages (Arch Linux and its kin) in an image or a root folder, with pacman's " +
        "databases and configuration. Transactions happen whole or not at all, and can be taken back.",
    )
    .usage("COMMAND");
  for (const command of [...changeCommands(finish), ...queryCommands(finish), ...buildCommands(finish)])
    alpm.addCommand(command);
  return alpm;
}

function changeCommands(finish: Finish): Command[] {
  const change = async (): Promise<typeof import("./alpm-change-command.ts")> => import("./alpm-change-command.ts");
  const install = inRoot(new Command("install"))
    .summary("install packages, with what they need")
    .description(
      "Installs packages, with what they need: names, REPOSITORY/NAME, conditions such as 'lib>=2', groups, and files.",
    )
    .argument("[name...]", "packages or groups")
    .option("--file <file>", "a package file to install (repeatable); FILE.sig beside it is its signature", collect)
    .option("--from-aur <name>", "a package of the AUR, which is built first (repeatable)", collect)
    .option("--as-deps", "mark them as dependencies")
    .option("--needed", "leave what is there in this version already")
    .option("--update", "fetch the repositories' lists first; done anyway when they are missing")
    .option("--overwrite <pattern>", "files that may be overwritten although they are in the way (repeatable)", collect)
    .action(async (names: string[], options: AlpmInstallOptions) =>
      finish(await (await change()).installAlpm(names, options)),
    );
  const remove = inRoot(new Command("remove"))
    .summary("remove packages")
    .description(
      "Removes packages. Configuration files that were changed are kept as .pacsave, unless --purge is given.",
    )
    .argument("<name...>", "installed packages or groups")
    .option("--cascade", "also what depends on them")
    .option("--recursive", "also dependencies that nothing needs any more")
    .option("--purge", "also changed configuration files")
    .action(async (names: string[], options: AlpmRemoveOptions) =>
      finish(await (await change()).removeAlpm(names, options)),
    );
  const upgrade = inRoot(new Command("upgrade"))
    .summary("bring all packages up to date")
    .description("Fetches the repositories' lists and brings all packages up to date.")
    .option("--downgrade", "also to older versions, where repositories have those")
    .option("--from-aur", "also what no repository offers and the AUR has newer, which is built first")
    .option("--overwrite <pattern>", "files that may be overwritten although they are in the way (repeatable)", collect)
    .action(async (options: AlpmUpgradeOptions) => finish(await (await change()).upgradeAlpm(options)));
  for (const command of [install, remove, upgrade]) {
    command
      .addOption(
        new Option("--with <tool>", "who does it: Stratos itself, or paru where that is installed")
          .choices(["stratos", "paru"])
          .default("stratos"),
      )
      .option("--no-scriptlets", "do not run the packages' scriptlets")
      .option("--plan", "print what would be done, and stop")
      .option("-y, --yes", "ask nothing; take the standard answer to each question")
      .option("--json", "print JSON; asks nothing");
  }
  return [install, remove, upgrade];
}

function queryCommands(finish: Finish): Command[] {
  const query = async (): Promise<typeof import("./alpm-query-command.ts")> => import("./alpm-query-command.ts");
  const update = inRoot(new Command("update"))
    .summary("fetch the repositories' lists")
    .description("Fetches the repositories' lists of packages, and checks their signatures as SigLevel says.")
    .action(async (options: AlpmRootOptions) => finish(await (await query()).updateAlpm(options)));
  const list = inRoot(new Command("list"))
    .summary("list installed packages")
    .description("Lists installed packages, and where a newer version is known.")
    .option("--explicit", "only those that were asked for")
    .option("--foreign", "only those that no repository offers")
    .addOption(json())
    .action(async (options: AlpmInstalledOptions) => finish(await (await query()).listAlpm(options)));
  const search = inRoot(new Command("search"))
    .summary("search the repositories' lists")
    .description("Searches names, descriptions, groups and provisions of the repositories' lists for all of the words.")
    .argument("<word...>", "words")
    .addOption(json())
    .action(async (words: string[], options: AlpmListOptions) =>
      finish(await (await query()).searchAlpm(words, options)),
    );
  const show = inRoot(new Command("show"))
    .summary("show packages in detail")
    .description("Shows packages in detail: the installed one, else what repositories offer.")
    .argument("<name...>", "packages")
    .addOption(json())
    .action(async (names: string[], options: AlpmListOptions) =>
      finish(await (await query()).showAlpm(names, options)),
    );
  const verify = inRoot(new Command("verify"))
    .summary("compare files with what their packages brought")
    .description(
      "Compares the files of installed packages with what the packages brought: kind, owner, mode, size, " +
        "content. Exit status 1 when something was altered.",
    )
    .argument("[name...]", "packages; none: all")
    .addOption(json())
    .action(async (names: string[], options: AlpmListOptions) =>
      finish(await (await query()).verifyAlpm(names, options)),
    );
  const history = inRoot(new Command("history"))
    .summary("list transactions that can be taken back")
    .description("Lists the last transactions, which can be taken back.")
    .addOption(json())
    .action(async (options: AlpmListOptions) => finish(await (await query()).alpmHistory(options)));
  const rollback = inRoot(new Command("rollback"))
    .summary("take back transactions")
    .description(
      "Takes back the last transaction or, given the number of one, all from that one on: files and database are " +
        "as before it. Scriptlets are not run.",
    )
    .argument("[id]", "number of a transaction, see history")
    .action(async (id: string | undefined, options: AlpmChangeOptions) =>
      finish(await (await query()).rollbackAlpm(id, options)),
    );
  const why = inRoot(new Command("why"))
    .summary("tell why packages are installed")
    .description("Tells why packages are installed: they were asked for, or who needs them.")
    .argument("<name...>", "installed packages")
    .addOption(json())
    .action(async (names: string[], options: AlpmListOptions) => finish(await (await query()).whyAlpm(names, options)));
  const depends = inRoot(new Command("depends"))
    .summary("list what packages depend on")
    .description("Lists what packages depend on, and what fulfils it here; with --reverse what depends on them.")
    .argument("<name...>", "packages")
    .option("--reverse", "what depends on them")
    .addOption(json())
    .action(async (names: string[], options: AlpmListOptions & { readonly reverse?: true }) =>
      finish(await (await query()).dependsAlpm(names, options)),
    );
  const repo = new Command("repo")
    .summary("make the database of a folder of packages")
    .description(
      "Makes NAME.db and NAME.files of the newest versions of the packages in a folder, which pacman and Stratos " +
        "then take as a repository.",
    )
    .argument("<name>", "the repository's name")
    .argument("<folder>", "folder with *.pkg.tar.zst")
    .addOption(json())
    .action(async (name: string, folder: string, options: AlpmRepositoryOptions) =>
      finish(await (await import("./alpm-repository-command.ts")).indexAlpmRepository(name, folder, options)),
    );
  return [update, list, search, show, why, depends, verify, history, rollback, repo];
}

function buildCommands(finish: Finish): Command[] {
  const handlers = async (): Promise<typeof import("./alpm-build-command.ts")> => import("./alpm-build-command.ts");
  const aurOption = (): Option => new Option("--aur <url>", "another AUR (default: $STRATOS_AUR, or the AUR itself)");
  const build = inRoot(new Command("build"))
    .summary("build packages from recipes")
    .description(
      "Builds packages from folders with a PKGBUILD, or from the AUR with all that they need from there, each in " +
        "a clean root of its own. The root's configuration says where the rest comes from; the root itself is not " +
        "changed.",
    )
    .argument("<recipe...>", "folders; with --from-aur names of packages")
    .option("--from-aur", "the names are packages of the AUR")
    .option("-o, --output <folder>", "where the packages go", ".")
    .option("--plan", "with --from-aur: print what would be built, and stop")
    .option("--no-check", "do not run the recipes' checks")
    .option("--skip-pgp", "accept signed sources for whose keys no certificate is here")
    .option("--verbose", "show what building prints")
    .addOption(aurOption())
    .addOption(json())
    .action(async (names: string[], options: AlpmBuildOptions) =>
      finish(await (await handlers()).buildAlpm(names, options)),
    );
  const srcinfo = new Command("srcinfo")
    .summary("print the .SRCINFO of a recipe")
    .description("Prints the .SRCINFO of a folder's PKGBUILD, without running it.")
    .argument("<folder>", "folder with a PKGBUILD")
    .action(async (folder: string) => finish(await (await handlers()).printSourceInfo(folder)));
  const aur = new Command("aur")
    .summary("look into the AUR")
    .description("Looks into the Arch User Repository.")
    .usage("COMMAND");
  const search = new Command("search")
    .summary("search the AUR")
    .description("Searches the AUR, the most popular first.")
    .argument("<word>", "what to look for")
    .addOption(
      new Option("--by <field>", "where to look")
        .choices(["name", "name-desc", "provides", "depends", "makedepends", "maintainer", "keywords"])
        .default("name-desc"),
    )
    .addOption(aurOption())
    .addOption(json())
    .action(async (word: string, options: AurOptions) => finish(await (await handlers()).searchAur(word, options)));
  const show = new Command("show")
    .summary("show packages of the AUR in detail")
    .description("Shows packages of the AUR in detail.")
    .argument("<name...>", "packages")
    .addOption(aurOption())
    .addOption(json())
    .action(async (names: string[], options: AurOptions) => finish(await (await handlers()).showAur(names, options)));
  const fetch = new Command("fetch")
    .summary("fetch recipes, to look at them")
    .description("Fetches the recipes of packages by git into folders, to look at them before they are built.")
    .argument("<name...>", "packages")
    .option("-o, --output <folder>", "folder to put them in", ".")
    .addOption(aurOption())
    .action(async (names: string[], options: AurOptions) => finish(await (await handlers()).fetchAur(names, options)));
  for (const command of [search, show, fetch]) aur.addCommand(command);
  return [build, srcinfo, aur];
}

/** Options that every command on a system has. */
function inRoot(command: Command): Command {
  return command
    .addOption(imageOption().conflicts("root"))
    .option("--root <folder>", "a root folder rather than an image; / is this computer's own")
    .option("--config <file>", "pacman.conf (default: etc/pacman.conf in the root)")
    .option("--keyring <file>", "OpenPGP certificates to trust besides the root's keyrings (repeatable)", collect);
}

function json(): Option {
  return new Option("--json", "print JSON");
}
