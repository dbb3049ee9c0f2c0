/** Rows of `stratos pkg deb`, `pkg repo` and `pkg key`: packages as files, and repositories of one's own. */
import { Command, InvalidArgumentError, Option } from "commander";
import type { DebBuildOptions, DebJsonOptions } from "./pkg-deb-commands.ts";
import type { RepoInitOptions, RepoKeyOptions, RepoServeOptions } from "./pkg-repo-commands.ts";
import { collect, parseListen } from "../option-values.ts";
import { jsonOption, type Finish } from "./row-options.ts";

const debs = () => import("./pkg-deb-commands.ts");
const repositories = () => import("./pkg-repo-commands.ts");

export function debCommand(finish: Finish): Command {
  const deb = new Command("deb")
    .summary("build, read, check and sign .deb files")
    .description("Builds, reads, checks and signs Debian packages (.deb files).")
    .usage("COMMAND");
  deb.addCommand(
    new Command("build")
      .description(
        "Builds a package from a folder: DEBIAN/control, scripts and lists in DEBIAN/, and the tree beside it. " +
          "Everything belongs to root. The same folder gives the same bytes; times are not later than " +
          "SOURCE_DATE_EPOCH.",
      )
      .summary("build a package from a folder")
      .argument("<folder>", "folder that holds DEBIAN/")
      .argument("[output]", "file or folder to write to (default: beside the folder, with the package's usual name)")
      .addOption(
        new Option("-Z, --compression <kind>", "of the package's parts")
          .choices(["zstd", "gzip", "none"])
          .default("zstd"),
      )
      .addOption(jsonOption())
      .action(async (folder: string, output: string | undefined, options: DebBuildOptions) =>
        finish(await (await debs()).buildDebCommand(folder, output, options)),
      ),
  );
  deb.addCommand(
    new Command("info")
      .description("Prints a package's control fields, and names its scripts and lists.")
      .summary("print a package's fields")
      .argument("<file>", "package")
      .addOption(jsonOption())
      .action(async (file: string, options: DebJsonOptions) =>
        finish(await (await debs()).debInfoCommand(file, options)),
      ),
  );
  deb.addCommand(
    new Command("contents")
      .description("Lists the files in a package.")
      .summary("list a package's files")
      .argument("<file>", "package")
      .addOption(jsonOption())
      .action(async (file: string, options: DebJsonOptions) =>
        finish(await (await debs()).debContentsCommand(file, options)),
      ),
  );
  deb.addCommand(
    new Command("extract")
      .description("Extracts a package's files into a folder. Nothing is run.")
      .summary("extract a package's files")
      .argument("<file>", "package")
      .argument("<folder>", "where to; it is made when it is not there")
      .option("--control", "the control part too, as DEBIAN/")
      .action(async (file: string, folder: string, options: { control?: true }) =>
        finish(await (await debs()).debExtractCommand(file, folder, options)),
      ),
  );
  deb.addCommand(
    new Command("verify")
      .description(
        "Checks packages: their form, control fields, hashes of files, configuration files and paths. Status 1 " +
          "when something is wrong.",
      )
      .summary("check packages")
      .argument("<file...>", "packages")
      .addOption(
        new Option("--keyring <file>", "demand a signature in the package by a key of this file (repeatable)")
          .argParser(collect)
          .default([], "none"),
      )
      .addOption(jsonOption())
      .action(async (files: string[], options: DebJsonOptions & { keyring: readonly string[] }) =>
        finish(await (await debs()).debVerifyCommand(files, options)),
      ),
  );
  deb.addCommand(
    new Command("sign")
      .description(
        "Signs a package, for who gets it alone: apt trusts the repository's signature instead. As debsigs does it.",
      )
      .summary("sign a package")
      .argument("<file>", "package")
      .requiredOption("-k, --key <key>", "name of a key made by `pkg key create`, or path of an armored private key")
      .option("-o, --output <file>", "write there rather than in place")
      .action(async (file: string, options: { key: string; output?: string }) =>
        finish(await (await debs()).debSignCommand(file, options)),
      ),
  );
  return deb;
}

export function repoCommand(finish: Finish): Command {
  const repo = new Command("repo")
    .summary("keep, sign and serve a repository")
    .description(
      "Keeps a repository of packages in a folder, signs its lists and serves it, as apt reads it. Its lists hold " +
        "binary packages with their whole descriptions, and which files they have: no sources, no translations.",
    )
    .usage("COMMAND");
  repo.addCommand(
    new Command("init")
      .description("Makes a folder a repository. Packages come with `add`, lists with `sign`.")
      .summary("make a repository")
      .argument("<folder>", "folder; it is made when it is not there")
      .option("--suite <name>", "the suite that clients name", "stable")
      .option("--codename <name>", "its code name (default: as the suite)")
      .addOption(
        new Option("--architectures <names>", "separated by commas")
          .argParser(parseWords)
          .default(["riscv64"], "riscv64"),
      )
      .addOption(
        new Option("--components <names>", "separated by commas").argParser(parseWords).default(["main"], "main"),
      )
      .option("--origin <text>", "who publishes it, for clients' pins", "Stratos")
      .option("--description <text>", "one line about it", "")
      .addOption(
        new Option("--valid-days <n>", "days for which a signed list is believed; 0: for ever")
          .argParser(parseDays)
          .default(0),
      )
      .addOption(jsonOption())
      .action(async (folder: string, options: RepoInitOptions) =>
        finish(await (await repositories()).initRepositoryCommand(folder, options)),
      ),
  );
  repo.addCommand(
    new Command("add")
      .description("Checks packages and puts them into the repository. Clients see them after the next `sign`.")
      .summary("put packages into a repository")
      .argument("<folder>", "repository")
      .argument("<file...>", "packages")
      .option("--component <name>", "where they belong (default: the repository's first)")
      .addOption(jsonOption())
      .action(async (folder: string, files: string[], options: { component?: string; json?: true }) =>
        finish(await (await repositories()).addToRepositoryCommand(folder, files, options)),
      ),
  );
  repo.addCommand(
    new Command("remove")
      .description("Takes a package out of the repository. Clients see that after the next `sign`.")
      .summary("take a package out of a repository")
      .argument("<folder>", "repository")
      .argument("<package>", "its name")
      .option("--version <version>", "only this version")
      .addOption(jsonOption())
      .action(async (folder: string, name: string, options: { version?: string; json?: true }) =>
        finish(await (await repositories()).removeFromRepositoryCommand(folder, name, options)),
      ),
  );
  repo.addCommand(
    new Command("list")
      .alias("ls")
      .description("Lists the packages in a repository.")
      .summary("list a repository's packages")
      .argument("<folder>", "repository")
      .addOption(jsonOption())
      .action(async (folder: string, options: { json?: true }) =>
        finish(await (await repositories()).listRepositoryCommand(folder, options)),
      ),
  );
  repo.addCommand(
    new Command("sign")
      .description(
        "Makes the repository's lists of what is in it and signs them (InRelease, Release.gpg). The public key " +
          "is left as archive-key.gpg. Clients see the old state or the new one, never a mixture.",
      )
      .summary("make and sign a repository's lists")
      .argument("<folder>", "repository")
      .requiredOption("-k, --key <key>", "name of a key made by `pkg key create`, or path of an armored private key")
      .addOption(jsonOption())
      .action(async (folder: string, options: RepoKeyOptions) =>
        finish(await (await repositories()).signRepositoryCommand(folder, options)),
      ),
  );
  repo.addCommand(
    new Command("serve")
      .description("Serves a repository over HTTP until a signal ends it. The first line of output is its URL.")
      .summary("serve a repository over HTTP")
      .argument("<folder>", "repository")
      .addOption(
        new Option("-l, --listen <address>", "HOST:PORT, or PORT; port 0 is any that is free")
          .argParser(parseListen)
          .default({ host: "127.0.0.1", port: 0 }, "127.0.0.1:0"),
      )
      .option("-q, --quiet", "no line for each request")
      .action(async (folder: string, options: RepoServeOptions) =>
        finish(await (await repositories()).serveRepositoryCommand(folder, options)),
      ),
  );
  return repo;
}

export function keyCommand(finish: Finish): Command {
  const key = new Command("key")
    .summary("make keys that sign repositories")
    .description("Makes keys that sign repositories, and prints their public halves. They stand in STRATOS_HOME/keys.")
    .usage("COMMAND");
  key.addCommand(
    new Command("create")
      .description("Makes a key and prints its fingerprint.")
      .summary("make a key")
      .argument("<name>", "its name, for --key")
      .option("--owner <text>", 'for people: "Archive <archive@example.org>" (default: the name)')
      .addOption(jsonOption())
      .action(async (name: string, options: { owner?: string; json?: true }) =>
        finish(await (await repositories()).createKeyCommand(name, options)),
      ),
  );
  key.addCommand(
    new Command("list")
      .alias("ls")
      .description("Lists the keys that are there.")
      .summary("list keys")
      .addOption(jsonOption())
      .action(async (options: { json?: true }) => finish(await (await repositories()).listKeysCommand(options))),
  );
  key.addCommand(
    new Command("export")
      .description("Prints the public half of a key, armored.")
      .summary("print a key's public half")
      .argument("<name>", "the key's name")
      .action(async (name: string) => finish(await (await repositories()).exportKeyCommand(name))),
  );
  return key;
}

function parseWords(text: string): readonly string[] {
  const words = text.split(/[\s,]+/).filter((word) => word !== "");
  if (words.length === 0) throw new InvalidArgumentError("expected names");
  return words;
}

function parseDays(text: string): number {
  if (!/^\d{1,5}$/.test(text)) throw new InvalidArgumentError("expected a number of days");
  return Number(text);
}
