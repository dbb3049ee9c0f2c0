/**
 * Builds a root filesystem from a plan: download, unpack in order, write dpkg's database. What is left is to run
 * {@link RootSummary.commands} in the guest, which configures the packages.
 *
 * Downloads run side by side; then packages are unpacked one after another, since their order means something, while
 * the next ones are being decompressed on other threads.
 */
import { utf8Of } from "@stratos/base";
import { DebError, openDeb, requireIdentity, type DebArchive } from "../deb-archive.ts";
import type { BinaryPackage } from "../package-index.ts";
import { packageFile } from "../repository.ts";
import { download, inParallel, readVerified } from "../../download.ts";
import type { OnProgress, PackagePorts } from "../../ports.ts";
import { layAfterPackages, layBeforePackages, metaOf, type LayoutSettings } from "./base-layout.ts";
import { CONFIGURE_SCRIPT, configureScript } from "./configure-script.ts";
import { dpkgDatabase, infoName, type UnpackedPackage } from "./dpkg-database.ts";
import type { PreparedPlan } from "./plan.ts";
import { RootTree } from "../../root/root-tree.ts";
import type { RootWriter } from "../../root/root-writer.ts";
import { unpackPackage, type UnpackTools } from "./unpack-package.ts";

const DOWNLOADS_AT_ONCE = 6;
/** Packages that are decompressed ahead: bounds the memory that unpacked archives take. */
const AHEAD = 4;

export interface RootOptions {
  hostname?: string;
  /** the mirror that apt uses inside; the plan's, when it is one that the guest can reach too */
  guestMirror?: string | undefined;
}

export interface RootSummary {
  /** what to run in the guest, in order, as root, in `/` with a plain environment */
  commands: string[][];
  /** package names in the order in which they were unpacked */
  order: string[];
  files: number;
}

/**
 * @param writer  an empty root
 * @throws FetchError, IntegrityError, DebError, RootTreeError
 */
export async function buildRoot(
  ports: PackagePorts,
  prepared: PreparedPlan,
  writer: RootWriter,
  onProgress: OnProgress,
  options: RootOptions = {},
): Promise<RootSummary> {
  const { plan, binaries } = prepared;
  await downloadAll(ports, binaries, onProgress);
  const guestMirror =
    "guestMirror" in options ? options.guestMirror : plan.mirror.startsWith("file:") ? undefined : plan.mirror;
  const settings: LayoutSettings = {
    hostname: options.hostname ?? "stratos",
    mirror: guestMirror,
    suite: plan.suite,
    components: plan.components,
    mtime: plan.dateSeconds,
  };
  const tree = new RootTree(writer, settings.mtime);
  layBeforePackages(tree, settings, binaries, plan.architecture);
  const unpacked = await unpackAll(ports, binaries, tree, onProgress);
  layAfterPackages(tree, settings);

  const put = (path: string, mode: number, content: Uint8Array, mtime: number | undefined): void =>
    tree.file(tree.place(path), { ...metaOf(settings, mode), ...(mtime === undefined ? {} : { mtime }) }, content);
  for (const file of dpkgDatabase(unpacked, plan.architecture)) put(file.path, file.mode, file.content, file.mtime);
  const automatic = plan.packages.filter((one) => one.isAutomatic);
  const states = automatic
    .map(
      (one) =>
        `Package: ${one.name}\nArchitecture: ${one.architecture === "all" ? plan.architecture : one.architecture}` +
        "\nAuto-Installed: 1\n\n",
    )
    .join("");
  if (binaries.some((one) => one.name === "apt")) put("var/lib/apt/extended_states", 0o644, utf8Of(states), undefined);
  put(CONFIGURE_SCRIPT, 0o755, utf8Of(configureScript(unpacked)), undefined);
  writer.finish();
  let files = 0;
  for (const one of unpacked) files += one.paths.size;
  return { commands: [["/bin/sh", `/${CONFIGURE_SCRIPT}`]], order: unpacked.map((one) => one.name), files };
}

async function downloadAll(
  ports: PackagePorts,
  binaries: readonly BinaryPackage[],
  onProgress: OnProgress,
): Promise<void> {
  const files = binaries.map((one) => ({ one, file: packageFile(one) }));
  const totalBytes = files.reduce((sum, { file }) => sum + file.sizeBytes, 0);
  let doneBytes = 0,
    doneFiles = 0;
  const report = (name: string): void =>
    onProgress({ phase: "download", name, doneBytes, totalBytes, doneFiles, totalFiles: files.length });
  await inParallel(files, DOWNLOADS_AT_ONCE, async ({ one, file }) => {
    await download(ports, file, (count) => {
      doneBytes += count;
      report(one.name);
    });
    doneFiles++;
    report(one.name);
  });
}

async function unpackAll(
  ports: PackagePorts,
  binaries: readonly BinaryPackage[],
  tree: RootTree,
  onProgress: OnProgress,
): Promise<UnpackedPackage[]> {
  const installed = new Map<string, UnpackedPackage>();
  const tools: UnpackTools = {
    hasher: (algorithm) => ports.hasher(algorithm),
    latin1: (bytes) => ports.latin1(bytes),
    areDiversionsToCome: true,
  };
  const opened: Promise<DebArchive>[] = [];
  const openNext = (): void => {
    const one = binaries[opened.length];
    if (one === undefined) return;
    const archive = openPackage(ports, one);
    // Whoever waits for it later gets the failure; until then it is no unhandled one.
    archive.catch(() => {});
    opened.push(archive);
  };
  for (let ahead = 0; ahead < AHEAD; ahead++) openNext();
  for (let index = 0; index < binaries.length; index++) {
    const one = binaries[index]!;
    onProgress({ phase: "unpack", name: one.name, doneFiles: index, totalFiles: binaries.length });
    const archive = await opened[index]!;
    // Its memory is free when it has been unpacked.
    opened[index] = Promise.reject(new Error("unpacked already"));
    opened[index]!.catch(() => {});
    openNext();
    const unpacked = await unpackPackage(tree, archive, installed, tools);
    installed.set(infoName(unpacked), unpacked);
  }
  onProgress({ phase: "unpack", name: "", doneFiles: binaries.length, totalFiles: binaries.length });
  return [...installed.values()];
}

async function openPackage(ports: PackagePorts, one: BinaryPackage): Promise<DebArchive> {
  const bytes = await readVerified(ports, packageFile(one));
  if (bytes === undefined) throw new DebError(`${one}: was in the store and is not there any more`);
  const archive = await openDeb(bytes, String(one), ports);
  requireIdentity(archive.control, one);
  return archive;
}
