/**
 * Layers of roots, each known by what it is made of:
 *
 *     clone         of one build, written in, dropped
 *     deps(base, packages)      what configuring the build dependencies added, changed and removed
 *     base(suite, architecture, packages)
 *
 * The roots themselves are made as composes make theirs (`buildStages`), so packages that are taken apart and stages
 * that are configured are used again by either; a layer is the difference of two of them.
 */
import { byteStringOf } from "@stratos/base";
import {
  buildStages,
  canonicalJson,
  fetchPackages,
  SharedWork,
  type LockedImage,
  type LockedPackage,
} from "@stratos/compose";
import { fileTreeOf, type FileEntry, type FileTree } from "@stratos/formats";
import type { OnBuildEvent } from "../build-request.ts";
import { InfrastructureError, type BuilderPorts, type LayerContent, type LayerInfo } from "../ports.ts";
import type { RootPlan } from "./plan-root.ts";

/** Part of every key: a change of how layers are made makes all anew. */
const LAYER_CODE = 1;
/** Of maintainer scripts. */
/**
 * Build dependencies are configured as sbuild has it (ResolverBase.pm): what ucf(1) has put into place once stays,
 * whatever comes later. Parsers of XML::SAX are such a file, and what is built with them differs.
 */
const CONFFILES = "--force-confold";
const ENVIRONMENT = { DEBIAN_FRONTEND: "noninteractive", DPKG_CONFFILES: CONFFILES };

type LayerPorts = Pick<BuilderPorts, "packages" | "store" | "runner" | "archive" | "carrier" | "version" | "signal">;

export interface RootLayers {
  /** the lowest first */
  readonly keys: readonly string[];
  /** how many were there already */
  readonly kept: number;
}

/** Makes what is not there. @throws InfrastructureError, and what `buildStages` and `fetchPackages` throw */
export async function makeLayers(
  ports: LayerPorts,
  plan: RootPlan,
  architecture: string,
  onEvent: OnBuildEvent,
): Promise<RootLayers> {
  const obstacle = ports.carrier.obstacle(architecture);
  if (obstacle !== undefined) throw new InfrastructureError(obstacle);
  const all = layersOf(ports, plan, architecture),
    { isLayered } = ports.carrier,
    layers = isLayered ? all : all.slice(-1);
  const trees = new Map<LockedImage, FileTree>();
  const treeOf = async (locked: LockedImage): Promise<FileTree> => {
    let tree = trees.get(locked);
    if (tree === undefined) trees.set(locked, (tree = await makeTree(ports, locked, architecture, onEvent)));
    return tree;
  };
  let kept = 0;
  for (const { info, locked, below } of layers) {
    if (await ports.carrier.has(info.key)) {
      kept++;
      continue;
    }
    onEvent({
      kind: "note",
      message:
        `making the ${LAYER_WORDS[info.kind]} of ${info.suite} ${info.architecture}: ${info.packages.length} ` +
        "packages",
    });
    const tree = await treeOf(locked);
    await ports.carrier.write(
      info,
      below === undefined || !isLayered ? { tree, removed: [] } : layerBetween(await treeOf(below), tree),
    );
  }
  return { keys: layers.map(({ info }) => info.key), kept };
}

const LAYER_WORDS: Readonly<Record<LayerInfo["kind"], string>> = {
  base: "base",
  deps: "layer of build dependencies",
  whole: "root",
};

/** What a plan's root consists of, the lowest first. */
export function layersOf(
  ports: Pick<BuilderPorts, "packages" | "version">,
  plan: RootPlan,
  architecture: string,
): { readonly info: LayerInfo; readonly locked: LockedImage; readonly below: LockedImage | undefined }[] {
  const { base, root } = plan;
  const own = (
    kind: LayerInfo["kind"],
    locked: LockedImage,
    packages: readonly LockedPackage[],
    below: string,
  ): LayerInfo => ({
    key: keyOf(ports, locked, packages, below, architecture),
    kind,
    suite: locked.suite,
    architecture,
    packages: packages.map(({ name, version }) => `${name}=${version}`),
  });
  if (base === undefined) return [{ info: own("whole", root, root.packages, ""), locked: root, below: undefined }];
  const lowest = own("base", base, base.packages, "");
  const added = root.packages.slice(base.packages.length);
  return [
    { info: lowest, locked: base, below: undefined },
    ...(added.length === 0 ? [] : [{ info: own("deps", root, added, lowest.key), locked: root, below: base }]),
  ];
}

function keyOf(
  ports: Pick<BuilderPorts, "packages" | "version">,
  { suite, dateSeconds }: LockedImage,
  packages: readonly LockedPackage[],
  below: string,
  architecture: string,
): string {
  const hasher = ports.packages.hasher("sha256");
  hasher.update(
    byteStringOf(
      canonicalJson({
        code: LAYER_CODE,
        version: ports.version,
        suite,
        date: dateSeconds,
        architecture,
        below,
        ...(below === "" ? {} : { conffiles: CONFFILES }),
        packages: packages.map(({ name, sha256, stage, round }) => [name, sha256, stage, round ?? 0]),
      }),
    ),
  );
  return hasher.hex().slice(0, 32);
}

async function makeTree(
  ports: LayerPorts,
  locked: LockedImage,
  architecture: string,
  onEvent: OnBuildEvent,
): Promise<FileTree> {
  const { signal } = ports;
  await fetchPackages({ packages: ports.packages, readSource: async () => undefined }, locked, locked.mirror, {
    signal,
    onProgress(progress) {
      if (progress.phase === "download")
        onEvent({
          kind: "progress",
          what: "Downloading packages",
          done: progress.doneBytes,
          total: progress.totalBytes,
          unit: "bytes",
        });
    },
  });
  const { tree } = await buildStages(ports, {
    architecture,
    locked,
    runner: ports.runner(architecture),
    version: ports.version,
    epochSeconds: locked.dateSeconds,
    environment: ENVIRONMENT,
    hasNetwork: false,
    signal,
    shared: new SharedWork(),
    onEvent(event) {
      if (event.kind === "unpack")
        onEvent({ kind: "progress", what: "Unpacking packages", done: event.done, total: event.total });
      if (event.kind === "stage" && !event.isKept)
        onEvent({ kind: "note", message: `configuring ${event.packages} packages (${event.stage})` });
    },
  });
  return tree;
}

/** What a root has beyond another, as the upper one of two layers. */
export function layerBetween(lower: FileTree, upper: FileTree): LayerContent {
  const before = new Map([...lower.entries()].map((entry) => [entry.path, entry]));
  const after = new Map([...upper.entries()].map((entry) => [entry.path, entry]));
  const chosen = new Set<string>();
  const choose = (path: string): void => {
    // A folder above is there with its own attributes, since the upper layer's count.
    for (let at = path; !chosen.has(at); at = at.slice(0, Math.max(0, at.lastIndexOf("/")))) {
      chosen.add(at);
      if (at === "") break;
    }
  };
  const names = new Map<string, string[]>();
  for (const entry of after.values()) {
    if (entry.kind === "hardLink") names.set(entry.target, [...(names.get(entry.target) ?? []), entry.path]);
    if (!isSame(before.get(entry.path), entry)) choose(entry.path);
  }
  // Names of one file are of one layer.
  for (const [target, others] of names)
    if ([target, ...others].some((path) => chosen.has(path))) for (const path of [target, ...others]) choose(path);
  const removed: string[] = [];
  for (const path of before.keys()) {
    if (after.has(path)) continue;
    const parent = path.slice(0, Math.max(0, path.lastIndexOf("/")));
    if (after.get(parent)?.kind !== "directory") continue;
    removed.push(path);
    choose(parent);
  }
  return { tree: fileTreeOf([...chosen].map((path) => after.get(path)!)), removed };
}

function isSame(before: FileEntry | undefined, after: FileEntry): boolean {
  return (
    before !== undefined &&
    before.kind === after.kind &&
    before.mode === after.mode &&
    before.uid === after.uid &&
    before.gid === after.gid &&
    before.mtime === after.mtime &&
    before.target === after.target &&
    before.deviceMajor === after.deviceMajor &&
    before.deviceMinor === after.deviceMinor &&
    before.content?.digest === after.content?.digest &&
    JSON.stringify([...before.xattrs].sort()) === JSON.stringify([...after.xattrs].sort())
  );
}
