import { Command, InvalidArgumentError, Option } from "commander";
import type { ExtraRepository } from "@stratos/builder";
import { collect, parseSeed, parseTimeout } from "../option-values.ts";
import { parseSize } from "../volume-options.ts";
import type { BuilderBuildOptions } from "./builder-build-command.ts";
import type { ConfigShowOptions } from "./builder-config-command.ts";
import type {
  CachePruneOptions,
  RootRemoveOptions,
  RootScrubOptions,
  RootShellOptions,
} from "./builder-root-commands.ts";
import type { BuilderOptions } from "./builder-terminal.ts";
import type { BuilderReprotestOptions, BuilderVerifyOptions } from "./builder-verify-command.ts";
import { jsonOption, type Finish } from "./row-options.ts";

const SOURCE = "NAME, NAME=VERSION, FILE.dsc, folder or git URL";

export function builderCommand(finish: Finish): Command {
  const builder = new Command("builder")
    .summary("build Debian packages from source in clean roots")
    .description(
      "Builds Debian packages from source in clean roots: layers that are made once, and a clone of them for each " +
        "build. Settings come from /etc/stratos/builder.yaml, ~/.config/stratos/builder.yaml, ./stratos-builder.yaml " +
        "and the command line, of which the later count.",
    )
    .usage("COMMAND");
  for (const command of [
    buildRow(finish),
    whyRow(finish),
    verifyRow(finish),
    reprotestRow(finish),
    rootRows(finish),
    cacheRows(finish),
    configRows(finish),
  ])
    builder.addCommand(command);
  return builder;
}

function buildRow(finish: Finish): Command {
  return withRequest(
    new Command("build")
      .summary("build a source package")
      .description(
        "Builds a source package: a name of the suite (or NAME=VERSION), a .dsc file, a folder with debian/ in it, " +
          "or a git repository (URL, or FOLDER#REFERENCE). What it makes, its log (.build) and provenance.json " +
          "go into a folder.",
      )
      .usage("[OPTIONS] SOURCE")
      .argument("<source>", SOURCE)
      .option("-o, --output <dir>", "where packages go", "."),
  )
    .addOption(
      new Option("--seed <n>", "of the machine's chance, with --in stratos (default: 1): the same each time").argParser(
        parseSeed,
      ),
    )
    .addOption(
      new Option(
        "--bin-nmu <n>",
        "build the same source anew, as version …+bN, with an entry of the changelog that gives the --reason",
      ).argParser(parseCount),
    )
    .option("--reason <text>", "of --bin-nmu: one line")
    .addOption(
      new Option(
        "--bin-nmu-date <seconds>",
        "of that entry, since 1970 (default: now); the same date gives the same bytes",
      ).argParser(parseCountOfSeconds),
    )
    .option("--bin-nmu-of <version>", "fail if the source has another version")
    .option("--maintainer <name>", "of that entry: NAME <ADDRESS> (default: Stratos builder <builder@localhost>)")
    .option("--shell-on-failure", "when the build fails, a shell in its root, as the build's user")
    .addOption(jsonOption())
    .option("-v, --verbose", "show the log as it is written")
    .addHelpText(
      "after",
      "\nOf alternatives in Build-Depends the first that is meant for the architecture and the profiles counts, as " +
        "for sbuild.\nExit status: 0 when packages were built; 1 when not; 128+N when signal N ended it.",
    )
    .action(async (source: string, options: BuilderBuildOptions) =>
      finish(await (await import("./builder-build-command.ts")).buildSource(source, options)),
    );
}

function whyRow(finish: Finish): Command {
  return withRequest(
    new Command("why")
      .summary("tell what brings a package into a build's root")
      .description(
        "Tells which packages a source's build dependencies bring into its root beyond the base, and through which " +
          "others each of them comes. Nothing is built.",
      )
      .usage("[OPTIONS] SOURCE [PACKAGE]")
      .argument("<source>", SOURCE)
      .argument("[package]", "only the chain that leads to this package"),
  )
    .addOption(jsonOption())
    .action(async (source: string, name: string | undefined, options: BuilderOptions) =>
      finish(await (await import("./builder-why-command.ts")).explainRoot(source, name, options)),
    );
}

function verifyRow(finish: Finish): Command {
  return withRequest(
    new Command("verify")
      .summary("build again what a .buildinfo file names, and compare")
      .description(
        "Builds again what a .buildinfo file names, with exactly the packages that were installed then, and compares " +
          "each package byte for byte. A difference is named by member, file and offset where the files " +
          "themselves are at hand (beside the .buildinfo, or --against).",
      )
      .usage("[OPTIONS] FILE.buildinfo")
      .argument("<file>", ".buildinfo file")
      .option("--source <source>", "where the source is (default: the suite's index)")
      .option("--against <dir>", "where the packages are that it names (default: beside it)")
      .option("-o, --output <dir>", "keep what was built there"),
  )
    .addOption(jsonOption())
    .option("-v, --verbose", "show the log as it is written")
    .action(async (file: string, options: BuilderVerifyOptions) =>
      finish(await (await import("./builder-verify-command.ts")).verifyBuild(file, options)),
    );
}

function reprotestRow(finish: Finish): Command {
  return withRequest(
    new Command("reprotest")
      .summary("build twice in different surroundings, and compare")
      .description(
        "Builds a source twice, the second time with another path, time, order of folders, kernel, host name, user " +
          "and so on, and compares each package byte for byte.",
      )
      .usage("[OPTIONS] SOURCE")
      .argument("<source>", SOURCE)
      .addOption(
        new Option(
          "--vary <names>",
          `only these, separated by commas: ${[...VARIATION_NAMES].join(", ")} (default: all that can be varied here)`,
        ).argParser(parseVariations),
      )
      .option("--auto-build", "when they differ, find by further builds which variations cause it"),
  )
    .addOption(jsonOption())
    .option("-v, --verbose", "show the log as it is written")
    .action(async (source: string, options: BuilderReprotestOptions) =>
      finish(await (await import("./builder-verify-command.ts")).reprotest(source, options)),
    );
}

function rootRows(finish: Finish): Command {
  const root = new Command("root")
    .summary("layers that roots are cloned from")
    .description("Lists, makes, updates, enters, removes and checks the layers that roots are cloned from.")
    .usage("COMMAND");
  const commands = (): Promise<typeof import("./builder-root-commands.ts")> => import("./builder-root-commands.ts");
  root.addCommand(
    new Command("ls")
      .summary("list the layers")
      .description("Lists the layers, the one that was used last first.")
      .addOption(jsonOption())
      .action(async (options: { json?: true }) => finish(await (await commands()).listRoots(options))),
  );
  root.addCommand(
    withRequest(
      new Command("make")
        .summary("make a base, or a source's layers")
        .description(
          "Makes the base of a suite and architecture, or what a source's builds stand on, so that the first " +
            "build need not.",
        )
        .usage("[OPTIONS] [SOURCE]")
        .argument("[source]", SOURCE),
    ).action(async (source: string | undefined, options: BuilderOptions) =>
      finish(await (await commands()).makeRoot(source, options)),
    ),
  );
  root.addCommand(
    withRequest(
      new Command("update")
        .summary("make bases anew where the archive has changed")
        .description(
          "Makes the base of each suite and architecture that there is one of from the present lists, and " +
            "removes bases, with what stands on them, that are superseded.",
        ),
    ).action(async (options: BuilderOptions) => finish(await (await commands()).updateRoots(options))),
  );
  root.addCommand(
    withRequest(
      new Command("shell")
        .summary("a shell in a fresh clone")
        .description(
          "Runs a shell in a fresh clone of a base, or of the root that a source is built in. What it changes is " +
            "gone afterwards.",
        )
        .usage("[OPTIONS] [SOURCE]")
        .argument("[source]", SOURCE),
    )
      .option("--user", "as the build's user rather than root")
      .option("--network", "with the host's network")
      .action(async (source: string | undefined, options: RootShellOptions) =>
        finish(await (await commands()).shellInRoot(source, options)),
      ),
  );
  root.addCommand(
    new Command("rm")
      .summary("remove layers")
      .description(
        "Removes layers by their keys (the beginning is enough where it is no other's). Layers that builds stand on " +
          "now are kept.",
      )
      .usage("[OPTIONS] [KEY…]")
      .argument("[key...]", "layers")
      .option("--all", "all of them")
      .addOption(jsonOption())
      .action(async (keys: string[], options: RootRemoveOptions) =>
        finish(await (await commands()).removeRoots(keys, options)),
      ),
  );
  root.addCommand(
    new Command("scrub")
      .summary("check layers against what was written")
      .description(
        "Reads each file of each layer, and compares it with what was written: content, owner, mode, time. Status 1 " +
          "when something is not as it was.",
      )
      .usage("[OPTIONS] [KEY…]")
      .argument("[key...]", "layers (default: all)")
      .option("--repair", "remove damaged layers, so that the next build makes them anew")
      .addOption(jsonOption())
      .action(async (keys: string[], options: RootScrubOptions) =>
        finish(await (await commands()).scrubRoots(keys, options)),
      ),
  );
  return root;
}

function cacheRows(finish: Finish): Command {
  const cache = new Command("cache")
    .summary("what builds keep")
    .description("Shows and prunes what builds keep for the next.")
    .usage("COMMAND");
  const commands = (): Promise<typeof import("./builder-root-commands.ts")> => import("./builder-root-commands.ts");
  cache.addCommand(
    new Command("ls")
      .summary("show what is kept, and how large it is")
      .description("Shows what is kept: layers, compilations, what composes share with builds, and downloads.")
      .addOption(jsonOption())
      .action(async (options: { json?: true }) => finish(await (await commands()).listCaches(options))),
  );
  cache.addCommand(
    new Command("prune")
      .summary("remove what has not been used")
      .description(
        "Removes layers that have not been used for some days, and what killed builds left. Compilations of " +
          "ccache are bounded by ccache itself.",
      )
      .addOption(new Option("--older-than <days>", "not used for so many days (default: 30)").argParser(parseDays))
      .option("-n, --dry-run", "tell only")
      .addOption(jsonOption())
      .action(async (options: CachePruneOptions) => finish(await (await commands()).pruneCaches(options))),
  );
  return cache;
}

function configRows(finish: Finish): Command {
  const config = new Command("config")
    .summary("the builder's settings")
    .description("Shows the builder's settings.")
    .usage("COMMAND");
  config.addCommand(
    withRequest(
      new Command("show")
        .summary("show the settings that count")
        .description("Shows the settings that count, and with --origin where each is from."),
    )
      .option("--origin", "where each value is from")
      .addOption(jsonOption())
      .action(async (options: ConfigShowOptions) =>
        finish(await (await import("./builder-config-command.ts")).showConfig(options)),
      ),
  );
  return config;
}

function withRequest(command: Command): Command {
  for (const option of [
    new Option("--suite <suite>", "Debian suite to build for (default: trixie)"),
    new Option("--arch <arch>", "architecture to build for, and of the root (default: this host's)"),
    new Option(
      "--host <arch>",
      "architecture to build for, where it is not the root's: a cross build (dpkg-buildpackage --host-arch)",
    ),
    new Option("--in <carrier>", "where builds run (default: linux where the host is one)").choices([
      "linux",
      "stratos",
    ]),
    new Option(
      "--resolver <name>",
      "who decides the build dependencies: Stratos' own resolver, or apt of the base (default: stratos)",
    ).choices(["stratos", "apt"]),
    new Option(
      "--mirror <url>",
      'Debian mirror (default: $STRATOS_MIRROR, "mirror" in config.json, or the host\'s apt sources)',
    ),
    new Option("--keyring <file>", "OpenPGP keys that are trusted, too (repeatable)").argParser(collect),
    new Option("--components <names>", "of the suite, separated by commas (default: main)").argParser(parseWords),
    new Option(
      "--repository <source>",
      'a repository whose packages may be used, too: "URL SUITE COMPONENT…" (repeatable)',
    ).argParser(collectRepository),
    new Option("-P, --profiles <names>", "build profiles, separated by commas: nocheck,nodoc").argParser(parseWords),
    new Option("--parts <which>", "packages of the architecture (any), those of none (all), or both (default)").choices(
      ["both", "any", "all"],
    ),
    new Option("-j, --jobs <n>", "jobs that the build may run at once (default: the host's processors)").argParser(
      parseCount,
    ),
    new Option("--timeout <time>", "longest build: seconds, or 90m, 6h (default: 6h)").argParser(parseSeconds),
    new Option("--silence <time>", "longest time without output (default: 150m)").argParser(parseSeconds),
    new Option("--memory <size>", "memory of the build (default: 16G)").argParser(parseSize),
    new Option("--processes <n>", "processes of the build (default: 4096)").argParser(parseCount),
    new Option("--space <size>", "disk space of the build (default: 40G)").argParser(parseSize),
    new Option("--log <size>", "longest log (default: 256M)").argParser(parseSize),
    new Option("--ccache", "look compilations up in a cache that builds share"),
    new Option("--lintian", "run lintian over what was made; errors fail the build's check"),
    new Option("--autopkgtest", "run the source's own tests (debian/tests) of what was made, each in a clean root"),
    new Option(
      "--plugin <file>",
      "a module that is asked before and after each stage (`stratos hub plugin new` makes one; repeatable)",
    ).argParser(collect),
    new Option(
      "--hook <point=command>",
      "a program that is called before or after a stage, with JSON on standard input: post-Build=./check.sh " +
        "(repeatable)",
    ).argParser(collectHook),
  ])
    command.addOption(option);
  return command;
}

function collectHook(text: string, before: BuilderOptions["hook"]): NonNullable<BuilderOptions["hook"]> {
  const match = /^((?:pre|post)-[A-Za-z-]+)=(.+)$/.exec(text);
  if (match === null) throw new InvalidArgumentError("expected pre-STAGE=COMMAND or post-STAGE=COMMAND");
  return [...(before ?? []), { point: match[1]!, command: match[2]!.trim().split(/\s+/) }];
}

function collectRepository(text: string, before: readonly ExtraRepository[] | undefined): readonly ExtraRepository[] {
  const [uri, suite, ...components] = text.trim().split(/\s+/);
  if (uri === undefined || suite === undefined || !/^(https?|file):\/\//.test(uri))
    throw new InvalidArgumentError('expected "URL SUITE COMPONENT…"');
  return [...(before ?? []), { uri, suite, components: components.length === 0 ? ["main"] : components }];
}

function parseWords(text: string): readonly string[] {
  const words = text.split(",").filter((one) => one !== "");
  if (words.length === 0 || words.some((one) => !/^[a-z0-9][a-z0-9+./_-]*$/.test(one)))
    throw new InvalidArgumentError("expected words, separated by commas");
  return words;
}

/** As the builder has them: it is not loaded for the sake of `--help`. */
const VARIATION_NAMES = new Set([
  "environment",
  "build_path",
  "kernel",
  "aslr",
  "num_cpus",
  "time",
  "user_group",
  "fileordering",
  "domain_host",
  "home",
  "locales",
  "exec_path",
  "timezone",
  "umask",
]);

function parseVariations(text: string): readonly string[] {
  const names = parseWords(text),
    unknown = names.find((one) => !VARIATION_NAMES.has(one));
  if (unknown !== undefined) throw new InvalidArgumentError(`there is no variation ${unknown}`);
  return names;
}

function parseSeconds(text: string): number {
  return Math.ceil(parseTimeout(text) / 1000);
}

function parseCount(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError("expected a number above 0");
  return Number(text);
}

function parseCountOfSeconds(text: string): number {
  if (!/^\d{1,11}$/.test(text)) throw new InvalidArgumentError("expected seconds since 1970");
  return Number(text);
}

function parseDays(text: string): number {
  if (!/^\d{1,5}$/.test(text)) throw new InvalidArgumentError("expected a number of days");
  return Number(text);
}
