/** `stratos hub build|package|repository|artefact`. */
import { basename, join } from "node:path";
import { Option, type Command } from "commander";
import type {
  ArtefactView,
  HubClient,
  PackageView,
  RepositoriesView,
  SourceBuild,
  SourceHistory,
  TaskDetails,
  TaskSubmission,
  TaskView,
} from "@stratos/hub-api";
import { makeFolders } from "@stratos/host-node/home";
import { downloadArtefact, uploadArtefacts } from "@stratos/hub/worker";
import { hubRebuildCommand } from "./hub-rebuild.ts";
import { type HubOptions, hubUrl, withHub } from "../hub/hub-client.ts";
import { jsonOption, type Finish } from "./row-options.ts";
import { noun, parseCount, repeatable, row } from "./hub-options.ts";
import { CommandError, hostReason, UsageError } from "../command-error.ts";
import { listOf, printItems, printJson, type Listing } from "../hub/hub-listing.ts";
import { given } from "./hub-task.ts";
import { waitForTasks } from "../hub/wait-for-tasks.ts";

interface Common extends HubOptions {
  readonly json?: true;
}

export function hubPackageCommands(finish: Finish): Command[] {
  return [
    buildCommand(finish),
    hubRebuildCommand(finish),
    packageCommand(finish),
    repositoryCommand(finish),
    artefactCommand(finish),
  ];
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
    .option("--host <arch>", "a cross build for this architecture, on a worker of --arch")
    .option("--suite <name>", "where build dependencies come from (default: the worker's)")
    .addOption(repeatable("--profile <name>", "build profiles"))
    .option("--autopkgtest", "run the sources' own tests of what was built; what fails them is not published")
    .addOption(
      new Option(
        "--bin-nmu <n>",
        "the same source anew, as version …+bN; its --reason goes into the changelog",
      ).argParser(parseCount(1, 9_999)),
    )
    .option("--reason <text>", "of --bin-nmu: one line")
    .addOption(
      new Option("--seed <n>", "inside Stratos, where all that could differ comes of this").argParser(parseCount(0)),
    )
    .addOption(
      new Option("-p, --priority <n>", "larger is sooner (default: 0)").argParser(parseCount(-1_000_000, 1_000_000)),
    )
    .option(
      "-w, --watch",
      "wait until all have ended, and their packages are in the channel; status 1 when one did not complete",
    )
    .addOption(jsonOption())
    .action(async (sources: string[], options: BuildTaskOptions) => finish(await buildSources(sources, options)));
}

function packageCommand(finish: Finish): Command {
  const packages = noun("package", "list, promote and withdraw packages of channels");
  packages.addCommand(
    row("ls", "list packages", "Lists packages of channels, as they came.")
      .option("--channel <name>", "of this channel")
      .option("--source <name>", "made of this source package")
      .addOption(jsonOption())
      .action(async (options: PackageOptions) => finish(await listPackages(options))),
  );
  packages.addCommand(
    row(
      "history",
      "list the builds of a source package",
      "Lists the newest builds of a source package, and whether they are reproducible: whether what was built more " +
        "than once, of one version and architecture, has the same bytes.",
    )
      .argument("<source>", "its name")
      .addOption(jsonOption())
      .action(async (source: string, options: Listing) => finish(await showHistory(source, options))),
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
        finish(await promotePackages(sources, options)),
      ),
  );
  packages.addCommand(
    row("withdraw", "take packages out of a channel", "Takes the packages of sources out of a channel.")
      .argument("<source...>", "NAME or NAME=VERSION")
      .requiredOption("--channel <name>", "where they are")
      .addOption(jsonOption())
      .action(async (sources: string[], options: Common & { channel: string }) =>
        finish(await withdrawPackages(sources, options)),
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
      .action(async (channel: string, options: Common) => finish(await showRepository(channel, options))),
  );
  repository.addCommand(
    row(
      "key",
      "print the public key of the repositories",
      "Prints the key that signs the repositories, armored: for signed-by=, for keyring: of a treefile.",
    ).action(async (options: HubOptions) => finish(await showRepositoryKey(options))),
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
      .action(async (task: number, options: Common) => finish(await listArtefacts(task, options))),
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
        finish(await fetchArtefacts(task, names, options)),
      ),
  );
  return artefact;
}

interface BuildTaskOptions extends Listing {
  readonly channel?: string;
  readonly arch?: string;
  readonly suite?: string;
  readonly autopkgtest?: true;
  readonly host?: string;
  readonly profile: readonly string[];
  readonly seed?: number;
  readonly priority?: number;
  readonly watch?: true;
  readonly binNmu?: number;
  readonly reason?: string;
}

function buildSources(sources: readonly string[], options: BuildTaskOptions): Promise<number> {
  const { binNmu: number, reason } = options;
  if ((number === undefined) !== (reason === undefined))
    throw new UsageError("--bin-nmu", "goes with a --reason, and a --reason with it");
  const binNmu = number === undefined ? undefined : { number, reason, date: Math.floor(Date.now() / 1000) };
  return withHub(options, async (client) => {
    const tasks: TaskView[] = [];
    for (const source of sources) {
      // What reads a .dsc is large, and no other command here needs it.
      const uploads = source.endsWith(".dsc")
        ? (await import("@stratos/systems/hub")).readSourcePackage(source).files
        : [];
      const files = (await uploadArtefacts(client, uploads, new AbortController().signal)).map(({ name, digest }) => ({
        name,
        digest,
      }));
      const submission: TaskSubmission = {
        kind: "build",
        label: `build ${basename(source)}`.slice(0, 200).toWellFormed(),
        payload: {
          source: files.length === 0 ? source : basename(source),
          ...given("suite", options.suite),
          ...given("seed", options.seed),
          ...given("binNmu", binNmu),
          ...given("autopkgtest", options.autopkgtest),
          ...given("host", options.host),
          ...(options.profile.length === 0 ? {} : { profiles: options.profile }),
          ...(files.length === 0 ? {} : { files }),
        },
        ...given("channel", options.channel),
        ...given("arch", options.arch),
        ...given("priority", options.priority),
        ...(files.length === 0 ? {} : { inputs: files }),
      };
      const task = await client.call<TaskView>("POST", "/tasks", submission);
      tasks.push(task);
      if (options.json !== true) process.stdout.write(`${task.id}\n`);
    }
    if (options.json === true) printJson(tasks);
    if (options.watch !== true) return 0;
    const ids = tasks.map(({ id }) => id);
    return waitForTasks(client, ids);
  });
}

interface PackageOptions extends Listing {
  readonly channel?: string;
  readonly source?: string;
}

const PACKAGE_COLUMNS = {
  CHANNEL: ({ channel }: PackageView) => channel,
  SOURCE: ({ source }: PackageView) => source,
  PACKAGE: ({ name }: PackageView) => name,
  VERSION: ({ version }: PackageView) => version,
  ARCH: ({ arch }: PackageView) => arch,
  TASK: ({ task }: PackageView) => (task === null ? "-" : String(task)),
  ADDED: ({ added }: PackageView) => added,
  BY: ({ actor }: PackageView) => actor,
};

function listPackages(options: PackageOptions): Promise<number> {
  const query = new URLSearchParams({ ...given("channel", options.channel), ...given("source", options.source) });
  return listOf(`/packages?${query}`, options, PACKAGE_COLUMNS);
}

const BUILD_COLUMNS = {
  TASK: ({ task }: SourceBuild) => String(task),
  SOURCE: ({ source }: SourceBuild) => source,
  SUITE: ({ suite }: SourceBuild) => suite ?? "-",
  ARCH: ({ arch }: SourceBuild) => arch,
  CHANNEL: ({ channel }: SourceBuild) => channel,
  STATE: ({ state, failureClass }: SourceBuild) => (failureClass === null ? state : `${state} (${failureClass})`),
  HOST: ({ host }: SourceBuild) => host ?? "-",
  PACKAGES: ({ packages }: SourceBuild) => String(packages),
  BESIDE: ({ beside }: SourceBuild) =>
    beside === null ? "-" : beside.differ.length === 0 ? `as ${beside.task}` : `not as ${beside.task}`,
  CREATED: ({ created }: SourceBuild) => created,
};

function showHistory(source: string, options: Listing): Promise<number> {
  return withHub(options, async (client) => {
    const found = await client.call<SourceHistory>("GET", `/sources/${encodeURIComponent(source)}/builds`);
    if (options.json === true) return printJson(found);
    printItems(found.items, options, BUILD_COLUMNS);
    process.stdout.write(`reproducible: ${found.reproducible}\n`);
    for (const { task, beside } of found.items)
      if (beside !== null && beside.differ.length > 0)
        process.stdout.write(`task ${task}, not as ${beside.task}: ${beside.differ.join(", ")}\n`);
  });
}

function promotePackages(
  sources: readonly string[],
  options: Listing & { readonly from: string; readonly to: string },
): Promise<number> {
  return changeChannel(options.to, "promote", { from: options.from, sources }, options);
}

function withdrawPackages(
  sources: readonly string[],
  options: Listing & { readonly channel: string },
): Promise<number> {
  return changeChannel(options.channel, "withdraw", { sources }, options);
}

function changeChannel(channel: string, verb: string, body: object, options: Listing): Promise<number> {
  return withHub(options, async (client) => {
    const path = `/channels/${encodeURIComponent(channel)}/${verb}`;
    const { items } = await client.call<{ items: PackageView[] }>("POST", path, body);
    printItems(items, options, PACKAGE_COLUMNS);
  });
}

function repositoriesOf(client: HubClient, channel: string): Promise<RepositoriesView> {
  return client.call("GET", `/channels/${encodeURIComponent(channel)}/repositories`);
}

function showRepository(channel: string, options: Listing): Promise<number> {
  return withHub(options, async (client) => {
    const { items, fingerprint } = await repositoriesOf(client, channel);
    const places = items.map(({ path, suite, components }) => ({
      uri: `${hubUrl(options)}${path}`,
      suite,
      components,
    }));
    if (options.json === true) return printJson({ repositories: places, fingerprint });
    if (places.length === 0) throw new CommandError(channel, "has no packages yet");
    for (const { uri, suite, components } of places)
      process.stdout.write(`deb [signed-by=KEYRING] ${uri} ${suite} ${components.join(" ")}\n`);
  });
}

function showRepositoryKey(options: HubOptions): Promise<number> {
  return withHub(options, async (client) => {
    process.stdout.write((await repositoriesOf(client, "default")).key);
  });
}

function listArtefacts(task: number, options: Listing): Promise<number> {
  return withHub(options, async (client) => {
    const { artefacts } = await client.call<TaskDetails>("GET", `/tasks/${task}`);
    printItems(artefacts, options, {
      NAME: ({ name }) => name,
      ROLE: ({ role }) => role,
      SIZE: ({ size }) => String(size),
      DIGEST: ({ digest }) => digest,
    });
  });
}

function fetchArtefacts(
  task: number,
  names: readonly string[],
  options: HubOptions & { readonly output: string },
): Promise<number> {
  return withHub(options, async (client) => {
    const { artefacts, state } = await client.call<TaskDetails>("GET", `/tasks/${task}`);
    if (artefacts.length === 0) throw new CommandError(`task ${task}`, `has no artefacts; it is ${state}`);
    const unknown = names.find((name) => !artefacts.some((one) => one.name === name));
    if (unknown !== undefined) throw new CommandError(unknown, `task ${task} has no such artefact`);
    const wanted = artefacts.filter(({ name }) => names.length === 0 || names.includes(name));
    makeFolders(options.output);
    for (const artefact of wanted) process.stdout.write(`${await fetchOne(client, artefact, options.output)}\n`);
  });
}

async function fetchOne(client: HubClient, { name, digest }: ArtefactView, folder: string): Promise<string> {
  // A name is the worker's word, and no path of ours.
  if (!/^[^/\0]+$/.test(name) || name === "." || name === "..") throw new CommandError(name, "is no name of a file");
  const path = join(folder, name);
  try {
    await downloadArtefact(client, digest, path);
    return path;
  } catch (error) {
    throw (error as NodeJS.ErrnoException).syscall === undefined
      ? error
      : new CommandError(path, hostReason(error), { cause: error });
  }
}
