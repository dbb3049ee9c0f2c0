/** What two composes, or two locks, differ in: packages, configuration, artefacts, files. */
import type { FileEntry, FileTree } from "@stratos/formats";
import { comparePaths } from "@stratos/formats";
import { diffPackages, type LockedPackage, type PackageDifference } from "../gather/lock.ts";
import { canonicalJson, isList, isObject, type Json, type JsonObject } from "../treefile/json.ts";
import { formatKeyPath, type KeyPath } from "../treefile/positions.ts";

/** One image of a compose, as its provenance tells it. */
export interface ComposedImage {
  readonly packages: readonly Pick<LockedPackage, "name" | "version">[];
  readonly config: JsonObject;
  /** output's path → digest */
  readonly artifacts: Readonly<Record<string, string>>;
}

export interface ValueDifference {
  readonly key: string;
  readonly before: Json | undefined;
  readonly after: Json | undefined;
}
export interface FileDifference {
  readonly path: string;
  readonly change: "added" | "removed" | "changed";
  readonly what: readonly string[];
}

export interface ImageDifference {
  readonly image: string;
  readonly packages: readonly PackageDifference[];
  readonly config: readonly ValueDifference[];
  readonly artifacts: readonly ValueDifference[];
}

/** Images that differ; one that only one side has differs in all it has. */
export function diffComposes(
  before: ReadonlyMap<string, ComposedImage>,
  after: ReadonlyMap<string, ComposedImage>,
): ImageDifference[] {
  const nothing: ComposedImage = { packages: [], config: {}, artifacts: {} };
  return [...new Set([...before.keys(), ...after.keys()])]
    .sort()
    .map((image) => {
      const old = before.get(image) ?? nothing,
        now = after.get(image) ?? nothing;
      return {
        image,
        packages: diffPackages(old.packages, now.packages),
        config: diffValues(old.config, now.config),
        artifacts: diffValues(old.artifacts, now.artifacts),
      };
    })
    .filter(({ packages, config, artifacts }) => packages.length + config.length + artifacts.length > 0);
}

/** Keys at which two values differ, as deep as both are maps. */
export function diffValues(before: Json | undefined, after: Json | undefined, path: KeyPath = []): ValueDifference[] {
  if (isObject(before) && isObject(after))
    return [...new Set([...Object.keys(before), ...Object.keys(after)])]
      .sort()
      .flatMap((key) => diffValues(before[key], after[key], [...path, key]));
  if (isList(before) && isList(after)) {
    // Lists of words are sets in all but name.
    const gone = before.filter((one) => !after.some((other) => canonicalJson(other) === canonicalJson(one))),
      fresh = after.filter((one) => !before.some((other) => canonicalJson(other) === canonicalJson(one)));
    return gone.length + fresh.length === 0 && before.length === after.length
      ? []
      : [{ key: formatKeyPath(path), before: gone, after: fresh }];
  }
  const isSame =
    before === undefined || after === undefined ? before === after : canonicalJson(before) === canonicalJson(after);
  return isSame ? [] : [{ key: formatKeyPath(path), before, after }];
}

/** Files that two trees differ in. */
export function diffTrees(before: FileTree, after: FileTree): FileDifference[] {
  const old = new Map([...before.entries()].map((entry) => [entry.path, entry]));
  const differences: FileDifference[] = [];
  for (const entry of after.entries()) {
    const other = old.get(entry.path);
    old.delete(entry.path);
    if (other === undefined) differences.push({ path: entry.path, change: "added", what: [entry.kind] });
    else {
      const what = differingFields(other, entry);
      if (what.length > 0) differences.push({ path: entry.path, change: "changed", what });
    }
  }
  for (const entry of old.values()) differences.push({ path: entry.path, change: "removed", what: [entry.kind] });
  return differences.sort((left, right) => comparePaths(left.path, right.path));
}

function differingFields(before: FileEntry, after: FileEntry): string[] {
  const fields: string[] = [];
  const compare = (name: string, left: unknown, right: unknown): void => {
    if (left !== right) fields.push(name);
  };
  compare("kind", before.kind, after.kind);
  compare("content", before.content?.digest, after.content?.digest);
  compare("target", before.target, after.target);
  compare("mode", before.mode, after.mode);
  compare("owner", `${before.uid}:${before.gid}`, `${after.uid}:${after.gid}`);
  compare("time", before.mtime, after.mtime);
  compare("device", `${before.deviceMajor}:${before.deviceMinor}`, `${after.deviceMajor}:${after.deviceMinor}`);
  compare("attributes", JSON.stringify([...before.xattrs].sort()), JSON.stringify([...after.xattrs].sort()));
  return fields;
}
