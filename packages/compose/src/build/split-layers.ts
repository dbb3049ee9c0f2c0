/**
 * A tree as layers of which few change when few packages do, for formats that ship layers apart (OCI). Each source
 * package that brings much has a layer of its own; the others share some, chosen by a hash of their name, so that one
 * more or one less moves nobody else; what no package brings is the last. Limits and sizes are fixed numbers, for the
 * same reason.
 */
import type { FileEntry, FileTree } from "@stratos/formats";
import { fileTreeOf } from "@stratos/formats";
import type { LockedPackage } from "../gather/lock.ts";
import type { TreeLayer } from "../ports.ts";
import { layerPath } from "./layer.ts";
import { PackBlob } from "./manifest.ts";

/** Content of one source package from which on it stands alone. */
const OWN_LAYER_BYTES = 1 << 20;
/** Registries and runtimes take 127 layers; some are left to those who build upon the image. */
const OWN_LAYERS_MAX = 80;
const SHARED_LAYERS = 12;
const REST = "changes";

/**
 * Layers from the bottom up. Each describes the folders above its files, so that it may be unpacked over any other; but
 * the times of folders, which any package that comes or changes may set, are the last one's to say.
 */
export function splitLayers(tree: FileTree, packages: readonly LockedPackage[]): TreeLayer[] {
  const sourceOfPack = new Map(packages.map((one) => [layerPath(one), one.source]));
  const folders = new Map<string, FileEntry>();
  const sourceOf = new Map<string, string>();
  const sizes = new Map<string, number>();
  const others: FileEntry[] = [];
  for (const entry of tree.entries()) {
    if (entry.kind === "directory") {
      folders.set(entry.path, entry);
      continue;
    }
    // A hard link goes where its file does; links and nodes, which cost nothing, stay together.
    const source =
      entry.kind === "hardLink"
        ? (sourceOf.get(entry.target) ?? REST)
        : entry.content instanceof PackBlob
          ? (sourceOfPack.get(entry.content.pack) ?? REST)
          : REST;
    sourceOf.set(entry.path, source);
    sizes.set(source, (sizes.get(source) ?? 0) + (entry.content?.sizeBytes ?? 0));
    others.push(entry);
  }
  let threshold = OWN_LAYER_BYTES;
  while ([...sizes.values()].filter((size) => size >= threshold).length > OWN_LAYERS_MAX) threshold *= 2;
  const nameOf = (source: string): string =>
    source === REST
      ? REST
      : sizes.get(source)! >= threshold
        ? source
        : `shared-${String(bucketOf(source)).padStart(2, "0")}`;
  const groups = new Map<string, FileEntry[]>();
  for (const entry of others) {
    const name = nameOf(sourceOf.get(entry.path)!);
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [entry]);
    else group.push(entry);
  }
  // Empty folders and the root belong to nobody.
  const rest = groups.get(REST) ?? [];
  groups.delete(REST);
  const layers = [...groups]
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([name, entries]) => ({ name, tree: withFolders(entries, folders) }));
  return [...layers, { name: REST, tree: fileTreeOf([...folders.values(), ...rest]) }];
}

function withFolders(entries: readonly FileEntry[], folders: ReadonlyMap<string, FileEntry>): FileTree {
  const needed = new Map<string, FileEntry>();
  for (const { path } of entries) {
    for (let slash = path.lastIndexOf("/"); ; slash = path.lastIndexOf("/", slash - 1)) {
      const folder = path.slice(0, Math.max(slash, 0));
      if (needed.has(folder)) break;
      const entry = folders.get(folder);
      if (entry !== undefined) needed.set(folder, { ...entry, mtime: 0 });
      if (slash <= 0) break;
    }
  }
  return fileTreeOf([...needed.values(), ...entries]);
}

/** FNV-1a, folded. Source: http://www.isthe.com/chongo/tech/comp/fnv/. */
function bucketOf(name: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < name.length; at++) hash = Math.imul(hash ^ name.charCodeAt(at), 0x01000193) >>> 0;
  return hash % SHARED_LAYERS;
}
