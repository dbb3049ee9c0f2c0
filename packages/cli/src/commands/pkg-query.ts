/**
 * `stratos pkg list`, `show`, `search`, `depends`, `why`, `download`: questions about packages, of an image or of a
 * mirror.
 */
import { join } from "node:path";
import { Command, Option } from "commander";
import { byteStringToUtf8, printable } from "@stratos/base";
import { readConfig, stratosHome } from "@stratos/host-node";
import { replaceFile } from "@stratos/host-node/files";
import { type ProgressDisplay } from "../progress-display.ts";
import { findMirror, type NodePackagePorts } from "@stratos/tools-node/packages";
import {
  debFileName,
  formatDependency,
  globOf,
  InstalledState,
  installedDependents,
  isOfRelease,
  loadRepository,
  lockOf,
  packageFile,
  PackageIndex,
  readVerified,
  relationsOf,
  searchPackages,
  sentenceOf,
  trixieKeyrings,
  unpackOrder,
  upgradableOf,
  whyInstalled,
  type BinaryPackage,
} from "@stratos/pkg";
import {
  loadImageIndex,
  openImageSystem,
  openRootSystem,
  type SourceOptions,
  downloadChange,
  recoverForReader,
} from "@stratos/systems/packages";
import { DEFAULT_SUITE, GUEST_ARCHITECTURE } from "@stratos/images/defaults";
import { defaultImage, ImageStore } from "@stratos/images";
import { jsonOption, type Finish, from } from "./row-options.ts";
import { withImage } from "./pkg-system.ts";
import { CommandError } from "../command-error.ts";
import { formatTable } from "../text-table.ts";
import { showProgress, withPackagePorts } from "../operation-progress.ts";

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
      finish(await listPackagesCommand(patterns, options)),
    ),
    looking(
      new Command("show")
        .description("Shows all fields of packages: of the installed version, else of the one that would be installed.")
        .summary("show packages in full")
        .argument("<package...>", "names")
        .option("-a, --all-versions", "all versions that there are"),
    ).action(async (names: string[], options: QueryOptions & { allVersions?: true }) =>
      finish(await showCommand(names, options)),
    ),
    looking(
      new Command("search")
        .description("Searches names and descriptions for words; all of them must be found. Status 1 when nothing is.")
        .summary("search packages")
        .argument("<word...>", "words")
        .option("--names-only", "search in names only"),
    ).action(async (words: string[], options: QueryOptions & { namesOnly?: true }) =>
      finish(await searchCommand(words, options)),
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
      finish(await dependsCommand(name, options)),
    ),
    looking(
      new Command("why")
        .description("Tells why a package is installed: who was asked for, and how that leads to it.")
        .summary("tell why a package is installed")
        .argument("<package>", "name"),
    ).action(async (name: string, options: QueryOptions) => finish(await whyCommand(name, options))),
    looking(
      new Command("download")
        .description("Downloads packages as files, checked against the signed lists. What was half there is resumed.")
        .summary("download packages")
        .argument("<package...>", "NAME, NAME=VERSION, NAME/SUITE or NAME:ARCHITECTURE")
        .option("-o, --output <folder>", "where to", "."),
    ).action(async (names: string[], options: QueryOptions & { output: string }) =>
      finish(await downloadCommand(names, options)),
    ),
    from(
      new Command("lock")
        .description(
          "Writes exactly which packages an image has, with their hashes, as JSON. `image build --lock` makes an " +
            "image of these, without lists, and without a net when the packages have been downloaded before.",
        )
        .summary("write which packages an image has")
        .option("-o, --output <file>", "write there rather than to stdout"),
    ).action(async (options: QueryOptions & { output?: string }) => finish(await lockCommand(options))),
  ];
}

interface QueryOptions extends SourceOptions {
  readonly json?: true;
}
interface ListPackagesOptions extends QueryOptions {
  readonly upgradable?: true;
  readonly available?: true;
  readonly manual?: true;
  readonly names?: true;
}

interface Place {
  readonly ports: NodePackagePorts;
  readonly progress: ProgressDisplay;
  readonly index: PackageIndex;
  readonly state: InstalledState;
}

function listPackagesCommand(patterns: readonly string[], options: ListPackagesOptions): Promise<number> {
  // Only what is offered can be told without a system.
  if (options.root === undefined && options.available !== true)
    new ImageStore(stratosHome()).require(options.image ?? defaultImage(stratosHome()));
  return withPlace(options, async ({ index, state, progress }) => {
    const fits = patterns.length === 0 ? (): boolean => true : anyOf(patterns);
    const rows: {
      name: string;
      version: string;
      architecture?: string;
      candidate?: string;
      isAutomatic?: boolean;
      isHeld?: boolean;
      state?: string;
    }[] = [];
    if (options.upgradable === true) rows.push(...upgradableOf(state, index).filter(({ name }) => fits(name)));
    else if (options.available === true) {
      for (const name of index.names()) {
        const one = fits(name) ? index.candidate(name) : undefined;
        if (one !== undefined) rows.push({ name, version: one.version, architecture: one.architecture });
      }
    } else {
      for (const entry of state.entries()) {
        const { package: one } = entry;
        if (fits(one.name) && !(options.manual === true && entry.isAutomatic))
          rows.push({
            name: one.name,
            version: one.version,
            architecture: one.architecture,
            isAutomatic: entry.isAutomatic,
            isHeld: entry.isHeld,
            state: entry.state,
          });
      }
    }
    rows.sort((left, right) => (left.name < right.name ? -1 : left.name > right.name ? 1 : 0));
    progress.clear();
    if (options.json === true) process.stdout.write(`${JSON.stringify(rows, null, 2)}\n`);
    else if (options.names === true) process.stdout.write(printable(rows.map(({ name }) => `${name}\n`).join("")));
    else if (options.upgradable === true)
      process.stdout.write(
        formatTable(
          ["PACKAGE", "VERSION", "CANDIDATE", ""],
          rows.map((row) => [row.name, row.version, row.candidate ?? "", row.isHeld === true ? "held" : ""]),
        ),
      );
    else
      process.stdout.write(
        formatTable(
          ["PACKAGE", "VERSION", "ARCHITECTURE", ""],
          rows.map((row) => [
            row.name,
            row.version,
            row.architecture ?? "",
            [
              row.isAutomatic === true ? "automatic" : "",
              row.isHeld === true ? "held" : "",
              row.state === undefined || row.state === "installed" ? "" : row.state,
            ]
              .filter((word) => word !== "")
              .join(", "),
          ]),
        ),
      );
    return 0;
  });
}

function anyOf(patterns: readonly string[]): (name: string) => boolean {
  const tests = patterns.map(globOf);
  return (name) => tests.some((test) => test(name));
}

function showCommand(
  names: readonly string[],
  options: QueryOptions & { readonly allVersions?: true },
): Promise<number> {
  return withPlace(options, async ({ index, state, progress }) => {
    const shown = names.flatMap((name) => {
      const found = options.allVersions === true ? versionsNamed(index, name) : [packageNamed(index, state, name)];
      if (found.length === 0) throw unknown(name, index);
      return found;
    });
    progress.clear();
    const fieldsOf = (one: BinaryPackage): [string, string][] =>
      [...one.stanza].filter(([name]) => name !== "Status").map(([name, value]) => [name, byteStringToUtf8(value)]);
    if (options.json === true)
      process.stdout.write(
        `${JSON.stringify(
          shown.map((one) => ({
            ...Object.fromEntries(fieldsOf(one)),
            origin: one.origin.name,
            installed: state.sameAs(one)?.package.version ?? null,
          })),
          null,
          2,
        )}\n`,
      );
    else {
      process.stdout.write(
        printable(
          shown
            .map((one) => {
              const installed = state.sameAs(one)?.package;
              return `${fieldsOf(one)
                .map(([name, value]) => (value.startsWith("\n") ? `${name}:${value}\n` : `${name}: ${value}\n`))
                .join("")}Origin-List: ${one.origin.name}\nInstalled: \
${installed === undefined ? "no" : installed === one ? "yes" : installed.version}\n`;
            })
            .join("\n"),
        ),
      );
    }
    return 0;
  });
}

function searchCommand(
  words: readonly string[],
  options: QueryOptions & { readonly namesOnly?: true },
): Promise<number> {
  return withPlace(options, async ({ index, state, progress }) => {
    const hits = searchPackages(index, state, words, options.namesOnly === true).map((hit) => ({
      ...hit,
      summary: byteStringToUtf8(hit.summary),
    }));
    progress.clear();
    if (options.json === true) process.stdout.write(`${JSON.stringify(hits, null, 2)}\n`);
    else
      process.stdout.write(
        printable(
          hits
            .map((hit) => `${hit.name} ${hit.version}${hit.isInstalled ? " (installed)" : ""}\n  ${hit.summary}\n`)
            .join(""),
        ),
      );
    return hits.length === 0 ? 1 : 0;
  });
}

function dependsCommand(name: string, options: QueryOptions & { readonly reverse?: true }): Promise<number> {
  return withPlace(options, async ({ index, state, progress }) => {
    const one = packageNamed(index, state, name);
    progress.clear();
    if (options.reverse === true) {
      const links = installedDependents(index, state, one);
      if (options.json === true)
        process.stdout.write(
          `${JSON.stringify(
            links.map((link) => ({
              name: link.owner.name,
              version: link.owner.version,
              field: link.field,
              dependency: formatDependency(link.dependency),
            })),
            null,
            2,
          )}\n`,
        );
      else process.stdout.write(printable(links.map((link) => `${sentenceOf(link)}\n`).join("")));
      return 0;
    }
    const relations = relationsOf(
      index,
      one,
      ["Pre-Depends", "Depends", "Recommends", "Suggests", "Conflicts", "Breaks", "Replaces"],
      state.architecture,
    );
    const installedOf = (candidates: readonly BinaryPackage[]): string | undefined =>
      candidates.find((candidate) => state.has(candidate))?.name;
    if (options.json === true)
      process.stdout.write(
        `${JSON.stringify(
          relations.map(({ field, dependency, candidates }) => ({
            field,
            dependency: formatDependency(dependency),
            candidates: candidates.map(String),
            installed: installedOf(candidates) ?? null,
          })),
          null,
          2,
        )}\n`,
      );
    else
      process.stdout.write(
        formatTable(
          ["FIELD", "RELATION", "INSTALLED"],
          relations.map(({ field, dependency, candidates }) => [
            field,
            formatDependency(dependency),
            installedOf(candidates) ?? "-",
          ]),
        ),
      );
    return 0;
  });
}

function whyCommand(name: string, options: QueryOptions): Promise<number> {
  return withPlace(options, async ({ index, state, progress }) => {
    const entry = state.get(name);
    if (entry === undefined)
      throw new CommandError(name, "not installed; `stratos pkg install --dry-run` says what would need it");
    const chain = whyInstalled(index, state, entry.package);
    progress.clear();
    const first = chain?.[0]?.owner ?? entry.package;
    const root = state.sameAs(first);
    const reason =
      chain === undefined
        ? "nothing needs it; `stratos pkg autoremove` removes it"
        : `${first.name} ${root?.isEssential === true ? "is essential" : "was asked for"}`;
    if (options.json === true)
      process.stdout.write(
        JSON.stringify(
          {
            name,
            version: entry.package.version,
            isAutomatic: entry.isAutomatic,
            isEssential: entry.isEssential,
            reason,
            chain: chain?.map(sentenceOf) ?? null,
          },
          null,
          2,
        ) + "\n",
      );
    else process.stdout.write(printable(`${[reason, ...(chain?.map(sentenceOf) ?? [])].join("\n")}\n`));
    return 0;
  });
}

function downloadCommand(
  names: readonly string[],
  options: QueryOptions & { readonly output: string },
): Promise<number> {
  return withPlace(options, async ({ ports, index, progress }) => {
    const wanted = names.map((text) => {
      // As `pkg install` has it.
      const [, name = text, architecture, version, release] =
        /^([^:=/]+)(?::([^=/]+))?(?:=(.+)|\/(.+))?$/.exec(text) ?? [];
      const offered = index.versions(name).filter((one) => one.origin.baseUrl !== "");
      const one = offered.find(
        (each) =>
          (architecture === undefined || each.architecture === architecture) &&
          (version === undefined || each.version === version) &&
          (release === undefined || index.originsOf(each).some((origin) => isOfRelease(origin, release))),
      );
      if (one !== undefined) return one;
      throw offered.length === 0
        ? unknown(name, index)
        : new CommandError(
            text,
            "there is only " +
              `${offered.map((each) => `${each.version} for ${each.architecture} of ${each.origin.name}`).join(", ")}`,
          );
    });
    await downloadChange(ports, wanted, progress);
    progress.clear();
    const paths: string[] = [];
    for (const one of wanted) {
      const bytes = await readVerified(ports, packageFile(one));
      if (bytes === undefined) throw new CommandError(one.name, "was downloaded and is not there any more");
      const path = join(options.output, debFileName(one.stanza));
      replaceFile(path, bytes);
      paths.push(path);
    }
    process.stdout.write(
      options.json === true ? `${JSON.stringify(paths, null, 2)}\n` : paths.map((path) => `${path}\n`).join(""),
    );
    return 0;
  });
}

/** Writes which packages an image has, so that `image build --lock` makes one of exactly these. */
function lockCommand(options: SourceOptions & { readonly output?: string }): Promise<number> {
  return withImage(options, "kept", async ({ image, index, progress }) => {
    const { state, architecture, sources } = image.system;
    const packages = state.entries().map((entry) => entry.package);
    const lost = packages.filter((one) => one.origin.release === undefined);
    if (lost.length > 0)
      throw new CommandError(
        image.name,
        `the image's sources no longer offer ${lost.slice(0, 8).map(String).join(", ")}` +
          `${lost.length > 8 ? ` and ${lost.length - 8} more` : ""}, so they cannot be locked; \`stratos pkg ` +
          "upgrade` takes versions that they offer",
      );
    const ordered = unpackOrder(packages, index, architecture);
    const release = packages[0]?.origin.release;
    if (release === undefined) throw new CommandError(image.name, "has no packages");
    const main = sources[0]!;
    const lock = lockOf(
      {
        architecture,
        mirror: options.mirror ?? main.uri,
        suite: main.suite,
        codename: release.codename,
        version: release.version,
        dateSeconds: release.dateSeconds ?? 0,
        signers: [...(release.signers ?? [])],
        components: main.components,
      },
      ordered.map((one) => {
        const file = packageFile(one);
        return {
          name: one.name,
          version: one.version,
          architecture: one.architecture,
          sizeBytes: file.sizeBytes,
          sha256: file.sha256,
          url: file.urls[0]!,
          isAutomatic: state.sameAs(one)?.isAutomatic ?? false,
        };
      }),
    );
    progress.clear();
    const text = `${JSON.stringify(lock, null, 1)}\n`;
    if (options.output === undefined) process.stdout.write(text);
    else replaceFile(options.output, text);
    return 0;
  });
}

/** All versions of `name` or `name:architecture`, the preferred first. */
function versionsNamed(index: PackageIndex, name: string): BinaryPackage[] {
  const [own, architecture] = name.split(":");
  return index.versions(own!).filter((one) => architecture === undefined || one.architecture === architecture);
}

/** The installed version, else the candidate. */
function packageNamed(index: PackageIndex, state: InstalledState, name: string): BinaryPackage {
  const one = state.get(name)?.package ?? versionsNamed(index, name)[0];
  if (one === undefined) throw unknown(name, index);
  return one;
}

function unknown(name: string, index: PackageIndex): CommandError {
  const providers = index.providers(name);
  return new CommandError(
    name,
    providers.length === 0
      ? "no such package; `stratos pkg search` finds packages"
      : "no package, but provided by " +
          `${[...new Set(providers.map((provider) => provider.package.name))].slice(0, 8).join(", ")}`,
  );
}

/** An image's packages; where no image is named and there is none, what the mirror has for one. */
function withPlace(options: SourceOptions, work: (place: Place) => Promise<number>): Promise<number> {
  const name = options.image ?? defaultImage(stratosHome());
  return withPackagePorts(options.root ?? options.image ?? "pkg", async (ports, progress) => {
    const onProgress = (event: Parameters<typeof showProgress>[1]): void => showProgress(progress, event);
    if (options.root !== undefined) {
      if (!(await recoverForReader(options.root)))
        progress.note(`${options.root}: whether a change was interrupted is for its owner to see`);
      const opened = openRootSystem(options.root, options, ports);
      return work({
        ports,
        progress,
        index: await loadImageIndex(ports, opened, "kept", options, onProgress),
        state: opened.system.state,
      });
    }
    if (options.image === undefined && new ImageStore(stratosHome()).find(name) === null) {
      const mirror = findMirror({ given: options.mirror, configured: readConfig(stratosHome()).mirror });
      const index = new PackageIndex(GUEST_ARCHITECTURE);
      await loadRepository(
        ports,
        {
          uri: mirror.uri,
          suite: DEFAULT_SUITE,
          components: ["main"],
          architecture: GUEST_ARCHITECTURE,
          keyrings: [...trixieKeyrings(), ...mirror.keyrings],
          lists: "kept",
        },
        index,
        onProgress,
      );
      return work({ ports, progress, index, state: new InstalledState(GUEST_ARCHITECTURE, []) });
    }
    const image = openImageSystem(options, ports);
    try {
      return await work({
        ports,
        progress,
        index: await loadImageIndex(ports, image, "kept", options, onProgress),
        state: image.system.state,
      });
    } finally {
      image.close();
    }
  });
}
