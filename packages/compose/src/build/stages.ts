/**
 * From packages to a configured root, stage by stage (`STAGES`). A stage is the tree before it, with its packages unpacked as dpkg does and
 * configured by their own scripts; its key is a hash of all that, so a stage that was made before, by whichever compose, is taken from the
 * store. A changed package makes its own stage and later ones anew, and no earlier one.
 */
import { byteStringOf } from "@stratos/base";
import { readBlob, type FileTree } from "@stratos/formats";
import {
  configureScript, CONFIGURE_SCRIPT, dpkgDatabase, forbidServices, infoName, layAfterPackages, layBeforePackages, parseConffiles, RootTree, statusStanza, unpackEntries,
  type LayoutSettings, type RootMeta, type RootWriter, type UnpackedPackage,
} from "@stratos/pkg";
import type { LockedImage, LockedPackage } from "../gather/lock.ts";
import { STAGES, type StageName } from "../gather/lock.ts";
import type { SharedWork } from "../phase/shared-work.ts";
import type { ComposePorts, ScriptRunner } from "../ports.ts";
import { canonicalJson, type JsonObject } from "../treefile/json.ts";
import { cleanScriptTraces } from "./clean.ts";
import { describeNodes, readEarlierRun, repeatRun, STATUS, writeEarlierRun } from "./earlier-run.ts";
import { openControl, openLayer, visitLayer, type Layer } from "./layer.ts";
import { PackBlob, readTree, writeTree } from "./manifest.ts";
import { memoryBlobs, TreeBuilder } from "./tree-builder.ts";

/** Part of every key: a change of what a stage does makes all anew. */
export const STAGE_CODE = 2;
/** Packages that are taken apart ahead: bounds the memory that unpacked archives take. */
const AHEAD = 6;
/** The name that scripts see; an image's own is set at the end. */
export const BUILD_HOSTNAME = "localhost";

export interface StageJob {
  readonly architecture: string;
  readonly locked: LockedImage;
  readonly runner: ScriptRunner;
  /** of Stratos: what another version has made is made anew */
  readonly version: string;
  readonly epochSeconds: number;
  readonly environment: Readonly<Record<string, string>>;
  readonly hasNetwork: boolean;
  readonly signal: AbortSignal;
  /** between images that are built side by side */
  readonly shared: SharedWork<FileTree>;
  readonly onEvent: (event: StageEvent) => void;
}

export type StageEvent =
  | { readonly kind: "stage"; readonly stage: StageName; readonly packages: number; readonly isKept: boolean }
  | { readonly kind: "unpack"; readonly name: string; readonly done: number; readonly total: number }
  /** the scripts of the stage would do again what they have done before, so they were not run */
  | { readonly kind: "repeated" }
  | { readonly kind: "line"; readonly line: string };

export interface BuiltRoot { readonly key: string; readonly tree: FileTree }

type BuildPorts = Pick<ComposePorts, "packages" | "store">;

/** @throws ScriptError, DebError, RootTreeError, LockError */
export async function buildStages(ports: BuildPorts, job: StageJob): Promise<BuiltRoot> {
  const stages = STAGES.map((stage) => ({ stage, packages: job.locked.packages.filter((one) => one.stage === stage) })).filter(({ packages }) => packages.length > 0);
  const keys: string[] = [];
  for (const { packages } of stages) keys.push(stageKey(ports, job, keys.at(-1) ?? "", packages));
  let from = stages.length;
  let tree: FileTree | undefined;
  while (from > 0 && (tree = await readTree(ports, keys[from - 1]!)) === undefined) from--;
  for (const { stage, packages } of stages.slice(0, from)) job.onEvent({ kind: "stage", stage, packages: packages.length, isKept: true });
  for (let index = from; index < stages.length; index++) {
    const { stage, packages } = stages[index]!;
    const before = stages.slice(0, index).flatMap((one) => one.packages), base: FileTree | undefined = tree;
    tree = await job.shared.do(keys[index]!, async () => {
      // Another image may have made it while we waited.
      const made = await readTree(ports, keys[index]!);
      job.onEvent({ kind: "stage", stage, packages: packages.length, isKept: made !== undefined });
      return made ?? writeTree(ports, keys[index]!, await buildStage(ports, job, { key: keys[index]!, packages, before, base }));
    });
  }
  return { key: keys.at(-1) ?? stageKey(ports, job, "", []), tree: tree ?? emptyTree(ports, job) };
}

function stageKey(ports: BuildPorts, job: StageJob, previous: string, packages: readonly LockedPackage[]): string {
  return hashText(ports, canonicalJson({ ...circumstances(job), previous, packages: packages.map((one) => [one.name, one.sha256]) }));
}

/** The same for stages of the same packages in other versions. */
function slotKey(ports: BuildPorts, job: StageJob, packages: readonly LockedPackage[], before: readonly LockedPackage[]): string {
  return hashText(ports, canonicalJson({ ...circumstances(job), packages: packages.map(({ name }) => name), before: before.map(({ name }) => name) }));
}

/** What scripts may see besides the tree, and what lays it out. */
function circumstances(job: StageJob): JsonObject {
  const { mirror, suite, components } = job.locked;
  return {
    code: STAGE_CODE, version: job.version, architecture: job.architecture, runner: job.runner.id, epoch: job.epochSeconds, environment: job.environment, network: job.hasNetwork, mirror, suite, components: [...components],
  };
}

export function hashText(ports: Pick<ComposePorts, "packages">, text: string): string {
  const hasher = ports.packages.hasher("sha256");
  hasher.update(byteStringOf(text));
  return hasher.hex();
}

export function sha256Of(ports: Pick<ComposePorts, "packages">): (bytes: Uint8Array) => string {
  return (bytes) => {
    const hasher = ports.packages.hasher("sha256");
    hasher.update(bytes);
    return hasher.hex();
  };
}

function emptyTree(ports: BuildPorts, job: StageJob): FileTree {
  const builder = new TreeBuilder(memoryBlobs(sha256Of(ports)));
  builder.directory("", { uid: 0, gid: 0, mode: 0o755, mtime: job.epochSeconds });
  return builder.build();
}

interface StageWork {
  readonly key: string;
  readonly packages: readonly LockedPackage[];
  /** of earlier stages, and the tree that those have made */
  readonly before: readonly LockedPackage[];
  readonly base: FileTree | undefined;
}

async function buildStage(ports: BuildPorts, job: StageJob, work: StageWork): Promise<FileTree> {
  const sha256 = sha256Of(ports);
  const fromMemory = memoryBlobs(sha256);
  const { packages, before, base, key } = work;
  const builder = new TreeBuilder(fromMemory, base);
  const settings: LayoutSettings = {
    hostname: BUILD_HOSTNAME, mirror: job.locked.mirror.startsWith("file:") ? undefined : job.locked.mirror, suite: job.locked.suite, components: job.locked.components, mtime: job.epochSeconds,
  };
  const root = openRoot(builder, settings, base);
  const installed = await installedBefore(ports, before, builder, root);
  const installedEarlier = [...installed.values()];
  const pathCounts = new Map(installedEarlier.map((one) => [one, one.paths.size]));
  if (base === undefined) layBeforePackages(root, settings);
  await inOrder(packages, (one) => openLayer(ports, one), (layer, index) => {
    job.signal.throwIfAborted();
    job.onEvent({ kind: "unpack", name: layer.package.name, done: index, total: packages.length });
    installed.set(layer.package.name, unpackLayer(ports, layer, builder, root, installed));
  });
  builder.makeBlob = fromMemory;
  const added = packages.map((one) => installed.get(one.name)!);
  if (base === undefined) {
    layAfterPackages(root, settings);
    // base-files' script makes it, where a machine has not mounted its own /run; so it is there for all.
    root.directory(root.place("run/lock"), { uid: 0, gid: 0, mode: 0o1777, mtime: settings.mtime });
  }

  const put = (path: string, mode: number, content: Uint8Array, mtime = settings.mtime): void => {
    const place = root.place(path);
    if (root.ownerOf(place) !== undefined) root.remove(place);
    root.file(place, { uid: 0, gid: 0, mode, mtime }, content);
  };
  if (base === undefined) for (const file of dpkgDatabase(added, job.architecture)) put(file.path, file.mode, file.content, file.mtime);
  else growDatabase(ports, builder, { added, earlier: installedEarlier, pathCounts, architecture: job.architecture }, put);

  // A set without a shell or dpkg, as for the smallest containers, stays as unpacked.
  const canConfigure = installed.has("dpkg") && root.ownerOf(root.place("bin/sh")) !== undefined;
  if (!canConfigure) {
    if (base === undefined) builder.remove("usr/sbin/policy-rc.d");
    return builder.build(settings.mtime);
  }
  if (base !== undefined) forbidServices(root, settings);
  put(CONFIGURE_SCRIPT, 0o755, byteStringOf(configureScript(added)));
  const slot = slotKey(ports, job, packages, before), described = describeNodes(builder), status = readText(ports, builder, STATUS);
  const earlier = await readEarlierRun(ports, slot);
  if (earlier !== undefined) {
    const repeated = await repeatRun(ports, earlier, { builder, described, status }, fromMemory);
    if ("builder" in repeated) {
      await writeEarlierRun(ports, slot, { ...earlier, key, status, before: [...described] });
      cleanScriptTraces(repeated.builder);
      job.onEvent({ kind: "repeated" });
      return repeated.builder.build(settings.mtime);
    }
    job.onEvent({ kind: "line", line: `scripts run again: ${repeated.reason}` });
  }
  const changes = await job.runner.run({
    tree: builder.build(), architecture: job.architecture, script: CONFIGURE_SCRIPT, hostname: BUILD_HOSTNAME, hasNetwork: job.hasNetwork, epochSeconds: settings.mtime, signal: job.signal, isObserved: true,
    environment: { ...job.environment, SOURCE_DATE_EPOCH: String(settings.mtime) }, onLine: (line) => job.onEvent({ kind: "line", line }),
  });
  builder.apply(changes);
  cleanScriptTraces(builder);
  const { observations } = changes;
  if (observations !== undefined) await writeEarlierRun(ports, slot, { format: 1, key, observations, changed: changes.changed.map(({ path }) => path), status, before: [...described] });
  return builder.build(settings.mtime);
}

/** The tree as the rules of unpacking see it. What is there already is known to it, and not written again. */
function openRoot(builder: TreeBuilder, settings: LayoutSettings, base: FileTree | undefined): RootTree {
  if (base === undefined) return new RootTree(builder, settings.mtime);
  let isOpen = false;
  const gate = new Proxy<RootWriter>(builder, {
    get(target, name) {
      const method = Reflect.get(target, name) as (...args: unknown[]) => unknown;
      return isOpen ? method.bind(target) : () => {};
    },
  });
  const root = new RootTree(gate, settings.mtime);
  for (const { path, kind, target } of base.entries()) {
    if (path === "") continue;
    if (kind === "directory") root.directory(path, NO_META);
    else if (kind === "symlink") root.symlink(path, NO_META, target);
    else root.file(path, NO_META, NO_CONTENT);
  }
  isOpen = true;
  return root;
}

const NO_META: RootMeta = { uid: 0, gid: 0, mode: 0, mtime: 0 };
const NO_CONTENT = new Uint8Array(0);

/** What is known of the packages of earlier stages: from their archives, and from dpkg's lists of their files. */
async function installedBefore(ports: BuildPorts, before: readonly LockedPackage[], builder: TreeBuilder, root: RootTree): Promise<Map<string, UnpackedPackage>> {
  const installed = new Map<string, UnpackedPackage>();
  for (const one of before) {
    const archive = await openControl(ports, one);
    const unpacked: UnpackedPackage = { name: one.name, architecture: one.architecture, archive, paths: new Set(), conffiles: parseConffiles(archive.controlFiles, ports.packages.latin1), md5sums: undefined };
    for (const path of readText(ports, builder, `var/lib/dpkg/info/${infoName(unpacked)}.list`).split("\n")) {
      if (path === "") continue;
      unpacked.paths.add(path);
      if (path !== "/.") root.claim(root.place(path.slice(1)), one.name);
    }
    installed.set(one.name, unpacked);
  }
  return installed;
}

/** dpkg's database with packages added: what it says of those that are there stays, since their scripts and dpkg have worked on it. */
function growDatabase(
  ports: BuildPorts, builder: TreeBuilder, sets: { added: readonly UnpackedPackage[]; earlier: readonly UnpackedPackage[]; pathCounts: ReadonlyMap<UnpackedPackage, number>; architecture: string },
  put: (path: string, mode: number, content: Uint8Array, mtime?: number) => void,
): void {
  const { added, earlier, pathCounts, architecture } = sets;
  for (const file of dpkgDatabase(added, architecture)) if (/\/info\/.+\./.test(file.path)) put(file.path, file.mode, file.content, file.mtime);
  for (const file of dpkgDatabase([...earlier, ...added], architecture)) if (file.path.startsWith("var/lib/dpkg/triggers/") && !file.path.endsWith("/Unincorp")) put(file.path, file.mode, file.content, file.mtime);
  for (const one of earlier) {
    if (one.paths.size !== pathCounts.get(one)) put(`var/lib/dpkg/info/${infoName(one)}.list`, 0o644, byteStringOf([...one.paths].map((path) => `${path}\n`).join("")));
  }
  const status = byteStringOf(readText(ports, builder, "var/lib/dpkg/status") + added.map((one) => `${statusStanza(one)}\n`).join(""));
  put("var/lib/dpkg/status", 0o644, status);
}

function readText(ports: BuildPorts, builder: TreeBuilder, path: string): string {
  const content = builder.nodes.get(path)?.content;
  return content === null || content === undefined ? "" : ports.packages.latin1(readBlob(content));
}

/** Files are places in the layer's data archive. */
function unpackLayer(ports: BuildPorts, layer: Layer, builder: TreeBuilder, root: RootTree, installed: ReadonlyMap<string, UnpackedPackage>): UnpackedPackage {
  const { controlFiles } = layer.archive;
  const conffiles = parseConffiles(controlFiles, ports.packages.latin1), bringsHashes = controlFiles.some(({ name }) => name === "md5sums");
  const places = new Map<Uint8Array, PackBlob>();
  builder.makeBlob = (content) => places.get(content)!;
  return unpackEntries(root, layer.archive, visitLayer(ports, layer, (path) => !bringsHashes || conffiles.has(path.replace(/^\.\//, "/")), (content, [, , , , , , , offset, sizeBytes, digest]) => {
    places.set(content, new PackBlob(ports.store, { pack: layer.pack, offset, sizeBytes, digest }));
  }), installed, ports.packages);
}

/** `use` in order, while `open` works ahead. */
async function inOrder<T, O>(items: readonly T[], open: (item: T) => Promise<O>, use: (opened: O, index: number) => void): Promise<void> {
  const opened: (Promise<O> | undefined)[] = [];
  const openNext = (): void => {
    const item = items[opened.length];
    if (item === undefined) return;
    const promise = open(item);
    // Whoever waits for it later gets the failure; until then it is no unhandled one.
    promise.catch(() => {});
    opened.push(promise);
  };
  for (let ahead = 0; ahead < AHEAD; ahead++) openNext();
  for (let index = 0; index < items.length; index++) {
    const one = await opened[index]!;
    opened[index] = undefined;
    openNext();
    use(one, index);
  }
}
