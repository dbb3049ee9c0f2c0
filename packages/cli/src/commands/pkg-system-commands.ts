/** `stratos pkg install` and the like: changes of the packages in an image. */
import { readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { homeFolder, stratosHome, type ProgressDisplay } from "@stratos/host-node";
import type { NodePackagePorts } from "@stratos/host-node/packages";
import { markHeld, planChange, type ChangeRequest, type InstalledState, type PackageIndex, type PlannedChange } from "@stratos/pkg";
import { CommandError } from "../command-error.ts";
import { ImageStore, type ImageTransaction } from "../image/image-store.ts";
import { readVolumeFile } from "../image/volume-file.ts";
import { formatSize } from "../option-values.ts";
import { formatTable } from "../text-table.ts";
import { defaultImage } from "../session/open-image.ts";
import { changeJson, changeText, isEmptyChange } from "../packages/change-text.ts";
import { loadImageIndex, openImageSystem, type ImageSystem, type SourceOptions } from "../packages/image-system.ts";
import { addFiles } from "../packages/package-files.ts";
import { changeImage, downloadChange, editImage, replaceFile, rollBackImage } from "../packages/image-transaction.ts";
import { showProgress, withPackagePorts } from "../packages/package-task.ts";

export interface ChangeOptions extends SourceOptions {
  readonly to?: string;
  readonly recommends?: boolean;
  readonly purge?: true;
  readonly autoremove?: true;
  readonly full?: true;
  readonly allowRemoveEssential?: true;
  readonly dryRun?: true;
  readonly downloadOnly?: true;
  readonly json?: true;
}

export const installCommand = (names: readonly string[], options: ChangeOptions): Promise<number> => change(["install", ...names], { install: names }, options);
export const removeCommand = (names: readonly string[], options: ChangeOptions): Promise<number> => change(["remove", ...names], { remove: names }, options);
export const purgeCommand = (names: readonly string[], options: ChangeOptions): Promise<number> => change(["purge", ...names], { remove: names, purge: true }, options);
export const autoremoveCommand = (options: ChangeOptions): Promise<number> => change(["autoremove"], { autoremove: true }, options);

export function upgradeCommand(names: readonly string[], options: ChangeOptions): Promise<number> {
  // By name: those alone, and what they need newer.
  if (names.length > 0) return change(["upgrade", ...names], { install: names, keepsMarks: true }, options, names);
  return change(["upgrade", ...(options.full === true ? ["--full"] : [])], { upgrade: options.full === true ? "full" : "safe" }, options);
}

/** @param mustBeThere  names that have to be installed already */
function change(words: readonly string[], request: ChangeRequest, options: ChangeOptions, mustBeThere: readonly string[] = []): Promise<number> {
  return withImage(options, "kept", async ({ ports, image, index, progress }) => {
    const missing = mustBeThere.filter((name) => image.system.state.get(name) === undefined);
    if (missing.length > 0) throw new CommandError(missing.join(" "), "not installed, so there is nothing to upgrade; `stratos pkg install` installs");
    const install = request.install === undefined ? undefined : await addFiles(request.install, index, image.system.architecture, ports);
    const planned = planChange(index, image.system.state, {
      ...request, ...(install === undefined ? {} : { install }), recommends: options.recommends !== false,
      ...(options.purge === true ? { purge: true } : {}), ...(options.autoremove === true ? { autoremove: true } : {}), ...(options.allowRemoveEssential === true ? { allowRemoveEssential: true } : {}),
    });
    progress.clear();
    if (options.dryRun === true) return tell(planned, undefined, options);
    if (options.downloadOnly === true) {
      await downloadChange(ports, planned.install.map((one) => one.package), progress);
      progress.clear();
      return tell(planned, undefined, options);
    }
    if (isEmptyChange(planned)) return tell(planned, undefined, options);
    const transaction = await changeImage(ports, image, index, planned, { command: ["pkg", ...words].join(" "), to: options.to }, progress);
    progress.clear();
    return tell(planned, transaction, options);
  });
}

function tell(planned: PlannedChange, transaction: ImageTransaction | undefined, options: ChangeOptions): number {
  if (options.json === true) process.stdout.write(`${JSON.stringify({ ...(changeJson(planned) as object), ...(transaction === undefined ? {} : { transaction }) }, null, 2)}\n`);
  else {
    if (isEmptyChange(planned)) process.stdout.write("Nothing to do.\n");
    else process.stdout.write(changeText(planned));
    if (isEmptyChange(planned) && planned.keptBack.length > 0) process.stdout.write(`Kept back: ${planned.keptBack.map(({ package: one }) => one.name).join(" ")}\n`);
    if (transaction !== undefined) process.stdout.write(`Done: change ${transaction.id}; \`stratos pkg rollback ${transaction.id}\` takes it back.\n`);
  }
  return 0;
}

export function holdCommand(names: readonly string[], isHeld: boolean, options: SourceOptions & { readonly to?: string }): Promise<number> {
  return withPackagePorts(options.image ?? "pkg", async (ports) => {
    const image = openImageSystem(options, ports);
    try {
      const missing = names.filter((name) => image.system.state.get(name) === undefined);
      if (missing.length > 0) throw new CommandError(missing.join(" "), "not installed");
      if (names.every((name) => image.system.state.get(name)!.isHeld === isHeld)) return 0;
      await editImage(image, { command: `pkg ${isHeld ? "hold" : "unhold"} ${names.join(" ")}`, to: options.to }, (opened) => {
        const status = ports.latin1(readVolumeFile(opened.volume.root, "var/lib/dpkg/status") ?? new Uint8Array(0));
        replaceFile(opened, image.name, "var/lib/dpkg/status", markHeld(status, new Set(names), isHeld, image.system.architecture));
      });
      return 0;
    } finally {
      image.close();
    }
  });
}

export function updateCommand(options: SourceOptions & { readonly json?: true }): Promise<number> {
  return withImage(options, "fresh", async ({ image, index, progress }) => {
    const upgradable = upgradableOf(image.system.state, index);
    progress.clear();
    if (options.json === true) process.stdout.write(`${JSON.stringify({ upgradable }, null, 2)}\n`);
    else process.stdout.write(upgradable.length === 0 ? "All packages are up to date.\n" : `${upgradable.length} packages can be upgraded; \`stratos pkg list --upgradable\` lists them.\n`);
    return 0;
  });
}

export function upgradableOf(state: InstalledState, index: PackageIndex): { name: string; version: string; candidate: string; isHeld: boolean }[] {
  const found = [];
  for (const { package: one, isHeld } of state.entries()) {
    const candidate = index.candidate(one.name);
    if (candidate !== undefined && candidate !== one && candidate.version !== one.version) found.push({ name: one.name, version: one.version, candidate: candidate.version, isHeld });
  }
  return found;
}

export function historyCommand(options: SourceOptions & { readonly json?: true }): Promise<number> {
  const name = options.image ?? defaultImage(stratosHome());
  const history = new ImageStore(stratosHome()).require(name).description.history ?? [];
  if (options.json === true) process.stdout.write(`${JSON.stringify(history, null, 2)}\n`);
  else {
    process.stdout.write(formatTable(["CHANGE", "AT", "COMMAND", "INSTALLED", "CHANGED", "REMOVED", ""], history.map((one) => [
      String(one.id), one.at.slice(0, 19).replace("T", " "), one.command, String(one.installed.length), String(one.upgraded.length), String(one.removed.length), one.isUndone === true ? "taken back" : "",
    ])));
  }
  return Promise.resolve(0);
}

export function rollbackCommand(id: number | undefined, options: SourceOptions & { readonly save?: string; readonly json?: true }): Promise<number> {
  const name = options.image ?? defaultImage(stratosHome());
  const target = rollBackImage(name, id, options.save);
  if (options.json === true) process.stdout.write(`${JSON.stringify({ image: name, before: target }, null, 2)}\n`);
  else process.stdout.write(`${name} is as it was before change ${target.id} (${target.command}).\n`);
  return Promise.resolve(0);
}

export function cleanCommand(options: { readonly json?: true }): Promise<number> {
  const folder = join(homeFolder(stratosHome(), "downloads"), "debs");
  let bytes = 0;
  for (const name of readdirSync(homeFolder(stratosHome(), "downloads")).includes("debs") ? readdirSync(folder, { recursive: true, encoding: "utf8" }) : []) {
    const stats = statSync(join(folder, name), { throwIfNoEntry: false });
    if (stats?.isFile() === true) bytes += stats.size;
  }
  rmSync(folder, { recursive: true, force: true });
  process.stdout.write(options.json === true ? `${JSON.stringify({ removedBytes: bytes })}\n` : `${formatSize(bytes)} removed\n`);
  return Promise.resolve(0);
}

export interface ImageTask { readonly ports: NodePackagePorts; readonly image: ImageSystem; readonly index: PackageIndex; readonly progress: ProgressDisplay }

/** Opens an image with what its sources offer. */
export function withImage<T>(options: SourceOptions, lists: "fresh" | "kept", work: (task: ImageTask) => Promise<T>): Promise<T> {
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
