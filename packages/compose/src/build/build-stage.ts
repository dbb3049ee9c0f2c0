/**
 * One stage: packages unpacked as dpkg does onto the tree of the stages before, and configured by their own scripts.
 */
import { byteStringOf } from "@stratos/base";
import { comparePaths, readBlob, TarType, type FileTree } from "@stratos/formats";
import {
  activatedTriggers,
  configureScript,
  CONFIGURE_SCRIPT,
  dpkgDatabase,
  forbidServices,
  actsBeforeUnpack,
  architecturesText,
  infoName,
  layAfterPackages,
  layBeforePackages,
  parseConffiles,
  PREINST_FOLDER,
  preinstScript,
  RootTree,
  statusStanza,
  unpackEntries,
  type LayoutSettings,
  type RootMeta,
  type RootWriter,
  type ScriptedPackage,
  type UnpackedPackage,
  type UnpackTools,
} from "@stratos/pkg";
import type { LockedPackage } from "../gather/lock.ts";
import { cleanScriptTraces } from "./clean.ts";
import { describeTree, keepRun, readEarlierRun, repeatRun, STATUS } from "./earlier-run.ts";
import { openControl, openLayer, visitLayer, type Layer } from "./layer.ts";
import { PackBlob } from "./manifest.ts";
import { restoreTimes, settleTimes, showTimes } from "./script-times.ts";
import { answerQuestions } from "./debconf.ts";
import { PATH_FILTER_FILE, pathFilter, pathFilterText } from "./path-filter.ts";
import { answersFor, BUILD_HOSTNAME, sha256Of, slotKey, type BuildPorts, type StageJob } from "./stage-job.ts";
import { memoryBlobs, TreeBuilder } from "./tree-builder.ts";

/**
 * Bytes of packages that are taken apart ahead: bounds the memory that unpacked archives take, and lets many small ones
 * be unpacked at once.
 */
const AHEAD_BYTES = 20 << 20;

interface StageWork {
  readonly key: string;
  readonly packages: readonly LockedPackage[];
  /** of earlier stages, and the tree that those have made */
  readonly before: readonly LockedPackage[];
  readonly base: FileTree | undefined;
}

/** @throws ScriptError, DebError, RootTreeError, LockError */
export async function buildStage(ports: BuildPorts, job: StageJob, work: StageWork): Promise<FileTree> {
  const fromMemory = memoryBlobs(sha256Of(ports));
  const { packages, before, base } = work;
  const settings: LayoutSettings = {
    hostname: BUILD_HOSTNAME,
    mirror: job.locked.mirror.startsWith("file:") ? undefined : job.locked.mirror,
    suite: job.locked.suite,
    components: job.locked.components,
    mtime: job.epochSeconds,
  };
  const layers: Layer[] = [];
  await inOrder(
    packages,
    (one) => openLayer(ports, one),
    (layer, index) => {
      job.signal.throwIfAborted();
      job.onEvent({ kind: "unpack", name: layer.package.name, done: index, total: packages.length });
      layers.push(layer);
    },
  );
  const builder = new TreeBuilder(fromMemory, base);
  const present = new Map<string, ScriptedPackage>();
  for (const one of before) {
    const { name, architecture } = one,
      scripted = { name, architecture, archive: await openControl(ports, one) };
    present.set(infoName(scripted), scripted);
  }
  // Of the first stage there is no shell yet: all is unpacked first, as debootstrap and mmdebstrap do.
  if (base !== undefined && present.has("dpkg"))
    await runPreinsts(ports, job, work, { builder, layers, present: [...present.values()], settings });

  const root = openRoot(builder, settings, base !== undefined);
  const divert = diversionsOf(ports, builder);
  const isLeftOut = job.filters === undefined ? undefined : pathFilter(job.filters);
  const installed = installedBefore(ports, present, builder, root, { divert, isLeftOut });
  const installedEarlier = [...installed.values()];
  const pathCounts = new Map(installedEarlier.map((one) => [one, one.paths.size]));
  if (base === undefined) layBeforePackages(root, settings, packages, job.architecture);
  const added: UnpackedPackage[] = [];
  for (const layer of layers) {
    const unpacked = unpackLayer(ports, layer, builder, root, installed, {
      divert,
      areDiversionsToCome: base === undefined,
      ...(isLeftOut === undefined ? {} : { isLeftOut }),
    });
    installed.set(infoName(unpacked), unpacked);
    added.push(unpacked);
  }
  builder.makeBlob = fromMemory;
  if (base === undefined) {
    layAfterPackages(root, settings);
    // base-files' script makes it, where a machine has not mounted its own /run; so it is there for all.
    root.directory(root.place("run/lock"), { uid: 0, gid: 0, mode: 0o1777, mtime: settings.mtime });
  }

  const put = putter(root, settings);
  if (base === undefined)
    for (const file of dpkgDatabase(added, job.architecture).filter(({ path }) => path !== `${STATUS}-old`))
      put(file.path, file.mode, file.content, file.mtime);
  else
    growDatabase(ports, builder, { added, earlier: installedEarlier, pathCounts, architecture: job.architecture }, put);

  if (base === undefined && job.filters !== undefined && builder.nodes.has("etc/dpkg/dpkg.cfg.d"))
    put(PATH_FILTER_FILE, 0o644, byteStringOf(pathFilterText(job.filters)));
  const answers = answersFor(job, packages);
  if (answers !== undefined)
    for (const { path, mode, text } of answerQuestions(answers, (one) =>
      builder.nodes.has(one) ? readText(ports, builder, one) : undefined,
    ))
      put(path, mode, byteStringOf(text));

  // A set without a shell or dpkg, as for the smallest containers, stays as unpacked.
  const canConfigure = installed.has("dpkg") && root.ownerOf(root.place("bin/sh")) !== undefined;
  if (!canConfigure) {
    if (base === undefined) builder.remove("usr/sbin/policy-rc.d");
    return builder.build({ ofFolders: settings.mtime });
  }
  if (base !== undefined) forbidServices(root, settings);
  put(CONFIGURE_SCRIPT, 0o755, byteStringOf(configureScript(added, { hasRunPreinsts: base !== undefined })));
  await runScript(ports, job, {
    key: work.key,
    slot: slotKey(ports, job, packages, before),
    script: CONFIGURE_SCRIPT,
    builder,
  });
  cleanScriptTraces(builder);
  return builder.build({ ofFolders: settings.mtime });
}

/** Runs what packages do before they are unpacked, where one does anything: dpkg-divert(1) is for that moment. */
async function runPreinsts(
  ports: BuildPorts,
  job: StageJob,
  work: StageWork,
  state: {
    builder: TreeBuilder;
    layers: readonly Layer[];
    present: readonly ScriptedPackage[];
    settings: LayoutSettings;
  },
): Promise<void> {
  const { builder, layers, present, settings } = state;
  const packages = layers.map(({ package: { name, architecture }, archive }): ScriptedPackage => ({
    name,
    architecture,
    archive,
  }));
  if (!packages.some(actsBeforeUnpack) || !builder.nodes.has("usr/bin/sh")) return;
  const root = openRoot(builder, settings, true),
    put = putter(root, settings);
  forbidServices(root, settings);
  packages.forEach((one, index) => {
    if (actsBeforeUnpack(one))
      for (const file of one.archive.controlFiles)
        put(`${PREINST_FOLDER}/${index}/${file.name}`, file.mode, file.content);
  });
  const script = `${PREINST_FOLDER}/run`;
  put(script, 0o755, byteStringOf(preinstScript(packages, present)));
  await runScript(ports, job, {
    key: `${work.key}-preinst`,
    slot: `${slotKey(ports, job, work.packages, work.before)}-preinst`,
    script,
    builder,
  });
  for (const path of [PREINST_FOLDER, "var/lib/dpkg/tmp.ci"]) builder.removeAll(path);
  cleanScriptTraces(builder);
}

/** Runs a script of the tree, or does what it did before when it would do the same. */
async function runScript(
  ports: BuildPorts,
  job: StageJob,
  run: { key: string; slot: string; script: string; builder: TreeBuilder },
): Promise<void> {
  const { slot, script, builder } = run;
  const { epochSeconds } = job,
    tree = builder.build(),
    shown = showTimes(tree, epochSeconds);
  const now = {
    builder,
    tree,
    shown,
    described: describeTree(shown),
    status: readText(ports, builder, STATUS),
    epochSeconds,
  };
  const earlier = await readEarlierRun(ports, slot);
  if (earlier !== undefined) {
    const reason = await repeatRun(ports, earlier, now, memoryBlobs(sha256Of(ports)));
    if (reason === undefined) return job.onEvent({ kind: "repeated" });
    job.onEvent({ kind: "line", line: `scripts run again: ${reason}` });
  }
  const changes = settleTimes(
    await job.runner.run({
      tree: shown,
      architecture: job.architecture,
      script,
      hostname: BUILD_HOSTNAME,
      hasNetwork: job.hasNetwork,
      epochSeconds,
      signal: job.signal,
      isObserved: true,
      environment: { ...job.environment, SOURCE_DATE_EPOCH: String(epochSeconds) },
      onLine: (line) => job.onEvent({ kind: "line", line }),
    }),
    epochSeconds,
  );
  const kept =
    changes.observations === undefined ? changes : await keepRun(ports, run, now, changes, changes.observations);
  builder.apply(restoreTimes(kept, tree, epochSeconds));
}

type Put = (path: string, mode: number, content: Uint8Array, mtime?: number) => void;

function putter(root: RootTree, settings: LayoutSettings): Put {
  return (path, mode, content, mtime = settings.mtime) => {
    const place = root.place(path);
    if (root.ownerOf(place) !== undefined) root.remove(place);
    root.file(place, { uid: 0, gid: 0, mode, mtime }, content);
  };
}

/** The tree as the rules of unpacking see it. What is there already is known to it, and not written again. */
function openRoot(builder: TreeBuilder, settings: LayoutSettings, isBegun: boolean): RootTree {
  if (!isBegun) return new RootTree(builder, settings.mtime);
  let isOpen = false;
  const gate = new Proxy<RootWriter>(builder, {
    get(target, name) {
      const method = Reflect.get(target, name) as (...args: unknown[]) => unknown;
      return isOpen ? method.bind(target) : () => {};
    },
  });
  const root = new RootTree(gate, settings.mtime);
  // A folder comes before what is in it.
  for (const path of [...builder.nodes.keys()].sort(comparePaths)) {
    const { kind, target } = builder.nodes.get(path)!;
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

type Divert = (path: string, name: string) => string;

/**
 * Where files of packages go whose paths others have diverted. Source: dpkg lib/dpkg/db-fsys-divert.c: three lines for
 * each, path, place, package (`:` for the administrator).
 */
function diversionsOf(ports: BuildPorts, builder: TreeBuilder): Divert {
  const diversions = new Map<string, { place: string; by: string }>();
  const lines = readText(ports, builder, "var/lib/dpkg/diversions").split("\n");
  for (let at = 0; at + 2 < lines.length; at += 3)
    diversions.set(lines[at]!.slice(1), { place: lines[at + 1]!.slice(1), by: lines[at + 2]! });
  return (path, name) => {
    const found = diversions.get(path);
    return found === undefined || found.by === name ? path : found.place;
  };
}

/** What is known of the packages of earlier stages: from their archives, and from dpkg's lists of their files. */
function installedBefore(
  ports: BuildPorts,
  present: ReadonlyMap<string, ScriptedPackage>,
  builder: TreeBuilder,
  root: RootTree,
  { divert, isLeftOut }: { divert: Divert; isLeftOut: ReturnType<typeof pathFilter> },
): Map<string, UnpackedPackage> {
  const installed = new Map<string, UnpackedPackage>();
  for (const [key, { name, architecture, archive }] of present) {
    const unpacked: UnpackedPackage = {
      name,
      architecture,
      archive,
      paths: new Set(),
      conffiles: parseConffiles(archive.controlFiles, ports.packages.latin1),
      md5sums: undefined,
      setAside: new Map(),
    };
    for (const path of readText(ports, builder, `var/lib/dpkg/info/${infoName(unpacked)}.list`).split("\n")) {
      if (path === "") continue;
      unpacked.paths.add(path);
      // What is listed and was left out is nobody's; to look for its place would make the folders above it.
      if (path !== "/." && isLeftOut?.({ path, type: TarType.file }) !== true)
        root.claim(root.place(divert(path.slice(1), name)), key);
    }
    installed.set(key, unpacked);
  }
  return installed;
}

/**
 * dpkg's database with packages added: what it says of those that are there stays, since their scripts and dpkg have
 * worked on it.
 */
function growDatabase(
  ports: BuildPorts,
  builder: TreeBuilder,
  sets: {
    added: readonly UnpackedPackage[];
    earlier: readonly UnpackedPackage[];
    pathCounts: ReadonlyMap<UnpackedPackage, number>;
    architecture: string;
  },
  put: (path: string, mode: number, content: Uint8Array, mtime?: number) => void,
): void {
  const { added, earlier, pathCounts, architecture } = sets;
  for (const file of dpkgDatabase(added, architecture))
    if (/\/info\/.+\./.test(file.path)) put(file.path, file.mode, file.content, file.mtime);
  for (const file of dpkgDatabase([...earlier, ...added], architecture))
    if (file.path.startsWith("var/lib/dpkg/triggers/") && !file.path.endsWith("/Unincorp"))
      put(file.path, file.mode, file.content, file.mtime);
  // What a script has added stays.
  if (added.some((one) => one.architecture !== architecture && one.architecture !== "all"))
    put("var/lib/dpkg/arch", 0o644, byteStringOf(architecturesText([...earlier, ...added], architecture)));
  put("var/lib/dpkg/triggers/Unincorp", 0o644, byteStringOf(activatedTriggers(earlier, added)));
  for (const one of earlier) {
    if (one.paths.size !== pathCounts.get(one))
      put(
        `var/lib/dpkg/info/${infoName(one)}.list`,
        0o644,
        byteStringOf([...one.paths].map((path) => `${path}\n`).join("")),
      );
  }
  const status = byteStringOf(
    readText(ports, builder, "var/lib/dpkg/status") + added.map((one) => `${statusStanza(one)}\n`).join(""),
  );
  put("var/lib/dpkg/status", 0o644, status);
}

function readText(ports: BuildPorts, builder: TreeBuilder, path: string): string {
  const content = builder.nodes.get(path)?.content;
  return content === null || content === undefined ? "" : ports.packages.latin1(readBlob(content));
}

/** Files are places in the layer's data archive. */
function unpackLayer(
  ports: BuildPorts,
  layer: Layer,
  builder: TreeBuilder,
  root: RootTree,
  installed: ReadonlyMap<string, UnpackedPackage>,
  rules: Pick<UnpackTools, "divert" | "isLeftOut" | "areDiversionsToCome">,
): UnpackedPackage {
  const { controlFiles } = layer.archive;
  const conffiles = parseConffiles(controlFiles, ports.packages.latin1),
    bringsHashes = controlFiles.some(({ name }) => name === "md5sums");
  const places = new Map<Uint8Array, PackBlob>();
  builder.makeBlob = (content) => places.get(content)!;
  return unpackEntries(
    root,
    layer.archive,
    visitLayer(
      ports,
      layer,
      (path) => !bringsHashes || conffiles.has(path.replace(/^\.\//, "/")),
      (content, [, , , , , , , offset, sizeBytes, digest]) => {
        places.set(content, new PackBlob(ports.store, { pack: layer.pack, offset, sizeBytes, digest }));
      },
    ),
    installed,
    {
      hasher: ports.packages.hasher.bind(ports.packages),
      latin1: ports.packages.latin1.bind(ports.packages),
      ...rules,
    },
  );
}

/** `use` in order, while `open` works ahead. */
async function inOrder<T extends { readonly sizeBytes: number }, O>(
  items: readonly T[],
  open: (item: T) => Promise<O>,
  use: (opened: O, index: number) => void,
): Promise<void> {
  const opened: (Promise<O> | undefined)[] = [];
  let aheadBytes = 0;
  const openMore = (): void => {
    for (
      let item = items[opened.length];
      item !== undefined && (aheadBytes === 0 || aheadBytes + item.sizeBytes <= AHEAD_BYTES);
      item = items[opened.length]
    ) {
      const promise = open(item);
      // Whoever waits for it later gets the failure; until then it is no unhandled one.
      promise.catch(() => {});
      opened.push(promise);
      aheadBytes += item.sizeBytes;
    }
  };
  for (const [index, item] of items.entries()) {
    openMore();
    const one = await opened[index]!;
    opened[index] = undefined;
    aheadBytes -= item.sizeBytes;
    use(one, index);
  }
}
