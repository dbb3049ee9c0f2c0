/** `stratos pkg install` and the like: changes of the packages in an image, or in a folder that holds a root. */
import { existsSync, lstatSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { Command, InvalidArgumentError, Option } from "commander";
import { counted } from "@stratos/base";
import {
  type SourceOptions,
  loadImageIndex,
  openImageSystem,
  openRootSystem,
  type ImageSystem,
  type OpenSystem,
  addFiles,
  changeImage,
  editImage,
  replaceFile,
  rollBackImage,
  downloadChange,
  changeRoot,
  holdInRoot,
  recoverRoot,
  rollBackRoot,
  rootHistory,
  type RootTransaction,
  type RunnerChoice,
} from "@stratos/systems/packages";
import { stratosHome } from "@stratos/host-node";
import { type ProgressDisplay } from "../progress-display.ts";
import type { NodePackagePorts } from "@stratos/tools-node/packages";
import {
  markHeld,
  planChange,
  upgradableOf,
  type ChangeRequest,
  type PackageIndex,
  type PlannedChange,
} from "@stratos/pkg";
import { readVolumeFile } from "@stratos/session";
import { defaultImage, ImageStore, type ImageTransaction, stateNames } from "@stratos/images";
import { formatSize } from "@stratos/operation";
import { parseImageName } from "../option-values.ts";
import { dryRunOption, jsonOption, type Finish, imageOption, from } from "./row-options.ts";
import { CommandError, UsageError } from "../command-error.ts";
import { FailedRemovals } from "../failed-removals.ts";
import { formatTable } from "../text-table.ts";
import { changeJson, changeText, isEmptyChange } from "./change-text.ts";
import { showProgress, withPackagePorts } from "../operation-progress.ts";
import { stopOnSignal, undoOnSignal } from "../undo-on-signal.ts";

export function systemCommands(finish: Finish): Command[] {
  const install = changing(
    new Command("install")
      .description(
        "Installs packages into an image or a folder's system (--root), or newer versions of those that are " +
          "there: what they need comes along, and what they conflict with goes. Both are the old one or the new " +
          "one, whatever happens, and the change can be taken back. A request is NAME, NAME=VERSION, NAME/SUITE, " +
          "NAME:ARCHITECTURE, a pattern such as 'python3.13*', TASK^ for all packages of a task, NAME- to remove, " +
          "NAME+ to install (also with `pkg remove`), or the path of a .deb file, ./x.deb. Nothing is asked: " +
          "--dry-run shows the plan first. -y, -s and --no-install-recommends mean what they mean to apt. " +
          "What the system's apt.conf says of recommended packages, releases, automatic removal and dpkg's options " +
          "counts; what of it has no effect here is told.",
      )
      .summary("install packages")
      .argument("<package...>", "what to install"),
  )
    .option("--recommends", "take what packages recommend (default: as the system's apt.conf says, else yes)")
    .option("--no-recommends", "leave away what packages recommend")
    .addOption(aptsRecommends())
    .addOption(aptsNoRecommends())
    .action(async (names: string[], options: ChangeOptions) => finish(await installCommand(names, options)));
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
    .action(async (names: string[], options: ChangeOptions) => finish(await removeCommand(names, options)));
  const purge = changing(
    new Command("purge")
      .description("Removes packages with their configuration files, also of those that are removed already.")
      .summary("remove packages and their configuration")
      .argument("<package...>", "what to remove"),
  )
    .option("--autoremove", "remove what is needed no more, too")
    .option("--allow-remove-essential", "also packages that the system cannot work without")
    .action(async (names: string[], options: ChangeOptions) => finish(await purgeCommand(names, options)));
  const autoremove = changing(
    new Command("autoremove")
      .description("Removes packages that came because others needed them and that nobody needs any more.")
      .summary("remove what is needed no more"),
  )
    .option("--purge", "remove configuration files too")
    .action(async (options: ChangeOptions) => finish(await autoremoveCommand(options)));
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
    .option("--recommends", "take what packages newly recommend (default: as the system's apt.conf says, else yes)")
    .option("--no-recommends", "leave away what packages newly recommend")
    .addOption(aptsRecommends())
    .addOption(aptsNoRecommends())
    .action(async (names: string[], options: ChangeOptions) => finish(await upgradeCommand(names, options)));
  const update = systemFrom(
    new Command("update")
      .description(
        "Fetches the lists of an image's sources anew, and checks who signed them. Other commands use the lists " +
          "of last time, as long as these are valid.",
      )
      .summary("fetch the lists of packages"),
  )
    .addOption(jsonOption())
    .action(async (options: SourceOptions & { json?: true }) => finish(await updateCommand(options)));
  const hold = new Command("hold")
    .description("Keeps packages in the version they have: no upgrade changes them, and nothing removes them.")
    .summary("keep packages as they are")
    .argument("<package...>", "installed packages")
    .addOption(imageOption())
    .addOption(rootOption())
    .action(async (names: string[], options: SourceOptions) => finish(await holdCommand(names, true, options)));
  const unhold = new Command("unhold")
    .description("Lets packages change again that were held.")
    .summary("let held packages change")
    .argument("<package...>", "held packages")
    .addOption(imageOption())
    .addOption(rootOption())
    .action(async (names: string[], options: SourceOptions) => finish(await holdCommand(names, false, options)));
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
    .action(async (options: SourceOptions & { json?: true }) => finish(await historyCommand(options)));
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
      finish(await rollbackCommand(id, options)),
    );
  const clean = new Command("clean")
    .description("Removes downloaded packages, which are fetched again when they are needed. Lists stay.")
    .summary("remove downloaded packages")
    .addOption(jsonOption())
    .action(async (options: { json?: true }) => finish(await cleanCommand(options)));
  return [install, remove, purge, autoremove, upgrade, update, hold, unhold, history, rollback, clean];
}

/** A folder of the host that holds a system, instead of an image. */
function rootOption(): Option {
  return new Option(
    "--root <folder>",
    "a folder that holds a Debian system, instead of an image (changed in place by root where its programs run; else " +
      "on a copy, which costs its size: no overlay that others may mount keeps owners and tells what was removed)",
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
function aptsRecommends(): Option {
  return new Option("--install-recommends", "as for apt: --recommends").implies({ recommends: true }).hideHelp();
}

/** As for apt. */
function aptsNoRecommends(): Option {
  return new Option("--no-install-recommends", "as for apt: --no-recommends").implies({ recommends: false }).hideHelp();
}

function parseChange(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError("expected the number of a change");
  return Number(text);
}

interface ChangeOptions extends SourceOptions {
  readonly to?: string;
  readonly recommends?: boolean;
  readonly purge?: true;
  readonly autoremove?: true;
  readonly full?: true;
  readonly allowRemoveEssential?: true;
  readonly dryRun?: true;
  readonly downloadOnly?: true;
  readonly runner?: RunnerChoice;
  readonly json?: true;
}

const installCommand = (names: readonly string[], options: ChangeOptions): Promise<number> =>
  change(["install", ...names], { install: names }, options);
const removeCommand = (names: readonly string[], options: ChangeOptions): Promise<number> =>
  change(["remove", ...names], { remove: names }, options);
const purgeCommand = (names: readonly string[], options: ChangeOptions): Promise<number> =>
  change(["purge", ...names], { remove: names, purge: true }, options);
const autoremoveCommand = (options: ChangeOptions): Promise<number> =>
  change(["autoremove"], { autoremove: true }, options);

function upgradeCommand(names: readonly string[], options: ChangeOptions): Promise<number> {
  // By name: those alone, and what they need newer.
  if (names.length > 0) return change(["upgrade", ...names], { install: names, keepsMarks: true }, options, names);
  return change(
    ["upgrade", ...(options.full === true ? ["--full"] : [])],
    { upgrade: options.full === true ? "full" : "safe" },
    options,
  );
}

/** @param mustBeThere  names that have to be installed already */
async function change(
  words: readonly string[],
  request: ChangeRequest,
  options: ChangeOptions,
  mustBeThere: readonly string[] = [],
): Promise<number> {
  const plan = async ({
    ports,
    system,
    index,
    progress,
  }: SystemTask): Promise<{ planned: PlannedChange; isOnlyTold: boolean }> => {
    const { state, architecture, settings } = system.system;
    const missing = mustBeThere.filter((name) => state.get(name) === undefined);
    if (missing.length > 0)
      throw new CommandError(
        missing.join(" "),
        "not installed, so there is nothing to upgrade; `stratos pkg install` installs",
      );
    const install =
      request.install === undefined ? undefined : await addFiles(request.install, index, architecture, ports);
    const planned = planChange(index, state, {
      ...request,
      ...(install === undefined ? {} : { install }),
      recommends: options.recommends ?? settings.installsRecommends,
      ...(options.purge === true || settings.purges ? { purge: true } : {}),
      ...(options.autoremove === true || settings.autoremoves ? { autoremove: true } : {}),
      unneeded: settings.unneeded,
      ...(options.allowRemoveEssential === true ? { allowRemoveEssential: true } : {}),
    });
    progress.clear();
    // What will be done is seen before it is done, and stays in view when it fails.
    if (options.json !== true) process.stdout.write(planText(planned));
    if (options.dryRun !== true && options.downloadOnly === true) {
      await downloadChange(
        ports,
        planned.install.map((one) => one.package),
        progress,
      );
      progress.clear();
    }
    return { planned, isOnlyTold: options.dryRun === true || options.downloadOnly === true || isEmptyChange(planned) };
  };
  const command = ["pkg", ...words].join(" ");
  const { root } = options;
  if (root !== undefined) {
    checkRootOptions(options);
    return withRootSystem(root, options, "kept", async (task) => {
      const { planned, isOnlyTold } = await plan(task);
      const transaction = isOnlyTold
        ? undefined
        : await changeRoot(
            { ...task, root, runner: options.runner ?? "auto", stopper: stopOnSignal(root, "the folder is as it was") },
            planned,
            command,
          );
      task.progress.clear();
      return tell(planned, transaction, options);
    });
  }
  if (options.runner !== undefined)
    throw new UsageError("--runner", "is for folders (--root); packages of an image are changed inside Stratos");
  return withImage(options, "kept", async (task) => {
    const { planned, isOnlyTold } = await plan({ ...task, system: task.image });
    const transaction = isOnlyTold
      ? undefined
      : await changeImage(
          task.ports,
          task.image,
          task.index,
          planned,
          { command, to: options.to, guard: undoOnSignal },
          task.progress,
        );
    task.progress.clear();
    return tell(planned, transaction, options);
  });
}

/** A folder is no image: what is said of images makes no sense with it. */
function checkRootOptions(options: { readonly image?: string; readonly to?: string; readonly save?: string }): void {
  for (const name of ["image", "to", "save"] as const)
    if (options[name] !== undefined) throw new UsageError(`--${name}`, "is for images, and does not go with --root");
}

/** The options by which a further command works on the same. */
export function placeWords({
  root,
  image,
  to,
}: {
  readonly root?: string;
  readonly image?: string;
  readonly to?: string;
}): string {
  if (root !== undefined) return ` --root ${root}`;
  const changed = to ?? image;
  return changed === undefined ? "" : ` -i ${changed}`;
}

function tell(
  planned: PlannedChange,
  transaction: ImageTransaction | RootTransaction | undefined,
  options: ChangeOptions,
): number {
  if (options.json === true)
    process.stdout.write(
      JSON.stringify(
        { ...(changeJson(planned) as object), ...(transaction === undefined ? {} : { transaction }) },
        null,
        2,
      ) + "\n",
    );
  else if (transaction !== undefined) {
    const told = new Set(planned.remove.map(({ package: one }) => String(one)));
    const gone = transaction.removed.filter((one) => !told.has(one));
    if (gone.length > 0) process.stdout.write(`Gone, since others brought all of its files: ${gone.join(", ")}\n`);
    process.stdout.write(
      `Done: change ${transaction.id}; \`stratos pkg rollback ${transaction.id}` +
        `${placeWords(options)}\` takes it back.\n`,
    );
  }
  return 0;
}

function planText(planned: PlannedChange): string {
  if (!isEmptyChange(planned)) return changeText(planned);
  return (
    "Nothing to do.\n" +
    `${
      planned.keptBack.length === 0
        ? ""
        : `Kept back: ${planned.keptBack.map(({ package: one }) => one.name).join(" ")}\n`
    }`
  );
}

function holdCommand(
  names: readonly string[],
  isHeld: boolean,
  options: SourceOptions & { readonly to?: string },
): Promise<number> {
  const { root } = options;
  /** @returns whether there is anything to do */
  const check = ({ state }: OpenSystem["system"]): boolean => {
    const missing = names.filter((name) => state.get(name) === undefined);
    if (missing.length > 0) throw new CommandError(missing.join(" "), "not installed");
    return names.some((name) => state.get(name)!.isHeld !== isHeld);
  };
  return withPackagePorts(root ?? options.image ?? "pkg", async (ports) => {
    if (root !== undefined) {
      checkRootOptions(options);
      await recoverRoot(root);
      const { system } = openRootSystem(root, options, ports);
      if (check(system)) await holdInRoot(root, ports, names, isHeld, system.architecture);
      return 0;
    }
    const image = openImageSystem(options, ports);
    try {
      if (!check(image.system)) return 0;
      await editImage(
        image,
        { command: `pkg ${isHeld ? "hold" : "unhold"} ${names.join(" ")}`, to: options.to, guard: undoOnSignal },
        (opened) => {
          const status = ports.latin1(readVolumeFile(opened.volume.root, "var/lib/dpkg/status") ?? new Uint8Array(0));
          replaceFile(
            opened,
            image.name,
            "var/lib/dpkg/status",
            markHeld(status, new Set(names), isHeld, image.system.architecture),
          );
        },
      );
      return 0;
    } finally {
      image.close();
    }
  });
}

function updateCommand(options: SourceOptions & { readonly json?: true }): Promise<number> {
  const show = ({ state }: OpenSystem["system"], index: PackageIndex, progress: ProgressDisplay): number => {
    const upgradable = upgradableOf(state, index);
    progress.clear();
    if (options.json === true) process.stdout.write(`${JSON.stringify({ upgradable }, null, 2)}\n`);
    else
      process.stdout.write(
        upgradable.length === 0
          ? "All packages are up to date.\n"
          : `${counted(upgradable.length, "package")} can be upgraded; \`stratos pkg list --upgradable\` lists them.\n`,
      );
    return 0;
  };
  const { root } = options;
  if (root !== undefined) {
    checkRootOptions(options);
    return withRootSystem(root, options, "fresh", async ({ system, index, progress }) =>
      show(system.system, index, progress),
    );
  }
  return withImage(options, "fresh", async ({ image, index, progress }) => show(image.system, index, progress));
}

async function historyCommand(options: SourceOptions & { readonly json?: true }): Promise<number> {
  let history: readonly ((RootTransaction | ImageTransaction) & {
    readonly states?: { readonly before: string; readonly after: string } | null;
  })[];
  if (options.root !== undefined) {
    checkRootOptions(options);
    await recoverRoot(options.root);
    history = rootHistory(options.root);
  } else {
    const image = options.image ?? defaultImage(stratosHome());
    history = (new ImageStore(stratosHome()).require(image).description.history ?? []).map((one) => ({
      ...one,
      states: stateNames(image, one),
    }));
  }
  if (options.json === true) process.stdout.write(`${JSON.stringify(history, null, 2)}\n`);
  else {
    process.stdout.write(
      formatTable(
        ["CHANGE", "AT", "COMMAND", "INSTALLED", "CHANGED", "REMOVED", options.root === undefined ? "STATES" : ""],
        history.map((one) => [
          String(one.id),
          one.at.slice(0, 19).replace("T", " "),
          one.command,
          String(one.installed.length),
          String(one.upgraded.length),
          String(one.removed.length),
          one.states === undefined
            ? ""
            : one.states === null
              ? "taken back"
              : `${one.states.before} ${one.states.after}`,
        ]),
      ),
    );
  }
  return 0;
}

async function rollbackCommand(
  id: number | undefined,
  options: SourceOptions & { readonly save?: string; readonly json?: true },
): Promise<number> {
  const { root } = options;
  if (root !== undefined) checkRootOptions(options);
  const name = root ?? options.image ?? defaultImage(stratosHome());
  const target = root !== undefined ? await rollBackRoot(root, id) : rollBackImage(name, id, options.save);
  if (options.json === true)
    process.stdout.write(
      `${JSON.stringify({ ...(root === undefined ? { image: name } : { root: name }), before: target }, null, 2)}\n`,
    );
  else process.stdout.write(`${name} is as it was before change ${target.id} (${target.command}).\n`);
  return 0;
}

function cleanCommand(options: { readonly json?: true }): Promise<number> {
  const folder = join(stratosHome(), "downloads", "debs");
  const failed = new FailedRemovals();
  let bytes = 0;
  for (const name of existsSync(folder) ? readdirSync(folder, { recursive: true, encoding: "utf8" }) : []) {
    const path = join(folder, name);
    const stats = lstatSync(path, { throwIfNoEntry: false });
    if (stats === undefined || stats.isDirectory()) continue;
    try {
      rmSync(path, { force: true });
      bytes += stats.size;
    } catch (error) {
      failed.tell(path, error);
    }
  }
  // Only empty folders are left.
  if (!failed.any) rmSync(folder, { recursive: true, force: true });
  process.stdout.write(
    options.json === true ? `${JSON.stringify({ removedBytes: bytes })}\n` : `${formatSize(bytes)} removed\n`,
  );
  return Promise.resolve(failed.end());
}

export interface ImageTask {
  readonly ports: NodePackagePorts;
  readonly image: ImageSystem;
  readonly index: PackageIndex;
  readonly progress: ProgressDisplay;
}

/** Opens an image with what its sources offer. */
export function withImage<T>(
  options: SourceOptions,
  lists: "fresh" | "kept",
  work: (task: ImageTask) => Promise<T>,
): Promise<T> {
  return withPackagePorts(options.image ?? defaultImage(stratosHome()), async (ports, progress) => {
    const image = openImageSystem(options, ports);
    try {
      const index = await loadImageIndex(ports, image, lists, options, (event) => showProgress(progress, event));
      return await work({ ports, image, index, progress });
    } finally {
      image.close();
    }
  });
}

/** Any system with what its sources offer. */
interface SystemTask {
  readonly ports: NodePackagePorts;
  readonly system: OpenSystem;
  readonly index: PackageIndex;
  readonly progress: ProgressDisplay;
}

/** Opens the system in a folder, in which an interrupted change is finished first. */
function withRootSystem<T>(
  root: string,
  options: SourceOptions,
  lists: "fresh" | "kept",
  work: (task: SystemTask) => Promise<T>,
): Promise<T> {
  return withPackagePorts(root, async (ports, progress) => {
    await recoverRoot(root);
    const system = openRootSystem(root, options, ports);
    const index = await loadImageIndex(ports, system, lists, options, (event) => showProgress(progress, event));
    return work({ ports, system, index, progress });
  });
}
