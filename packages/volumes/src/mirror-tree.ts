/**
 * Makes one tree like another, touching only what differs: what `txn run` does with files that a command has changed
 * outside of the volume.
 */
import { TreeCopier } from "./copy-tree.ts";
import { joinPath, type FileFacts } from "./file-tree.ts";
import type { HostTree } from "./host-tree.ts";
import { removeTree } from "./remove-tree.ts";
import type { VolumeTree } from "./volume-tree.ts";

/** How files were when they were copied out. */
export interface TreeRecord {
  /** What tells a changed file, by path. */
  readonly signatures: ReadonlyMap<string, string>;
  /** The extended attributes that the host has kept, by path. */
  readonly attributes: ReadonlyMap<string, ReadonlyMap<string, Uint8Array>>;
  /** What the host has not kept: that it is not there says nothing. */
  readonly leftOut: ReadonlySet<string>;
}

/**
 * What tells whether a file is still the same: its content cannot change without its times (ctime cannot be set back).
 */
export function recordTree(
  tree: HostTree,
  path: string,
  { ctimeOf, leftOut }: { readonly ctimeOf: (path: string) => string; readonly leftOut: ReadonlySet<string> },
): TreeRecord {
  const signatures = new Map<string, string>();
  const attributes = new Map<string, ReadonlyMap<string, Uint8Array>>();
  tree.expectAttributes(path, false);
  const visit = (at: string): void => {
    const facts = tree.facts(at)!;
    signatures.set(at, signature(facts, ctimeOf(at)));
    const own = tree.attributes(at);
    if (own.size > 0) attributes.set(at, own);
    if (facts.kind === "directory") for (const name of tree.names(at)) visit(joinPath(at, name));
  };
  visit(path);
  return { signatures, attributes, leftOut };
}

function signature(facts: FileFacts, ctime: string): string {
  // A folder's own times change with what is in it, which is looked at by itself.
  return facts.kind === "directory"
    ? `d ${facts.mode} ${facts.uid} ${facts.gid}`
    : `${facts.kind} ${facts.mode} ${facts.uid} ${facts.gid} ${facts.size} ${facts.identity} ${ctime}`;
}

/** @returns how many paths were brought in or removed */
export function mirrorBack(
  source: HostTree,
  folder: string,
  target: VolumeTree,
  record: TreeRecord,
  ctimeOf: (path: string) => string,
): number {
  const copier = new TreeCopier(source, target, { isRecursive: true, preserves: true });
  source.expectAttributes(folder, false);
  const before = (path: string): ReadonlyMap<string, Uint8Array> => record.attributes.get(path) ?? new Map();
  const removeAttributes = (path: string, place: string): void => {
    const now = source.attributes(path);
    for (const name of before(path).keys()) if (!now.has(name)) target.removeAttribute(place, name);
  };
  let changed = 0;
  const visit = (from: string, to: string): void => {
    const names = source.names(from);
    const present = new Set(names);
    for (const name of target.names(to)) {
      if (present.has(name) || record.leftOut.has(joinPath(from, name))) continue;
      removeTree(target, joinPath(to, name), { isRecursive: true, isDryRun: false });
      changed++;
    }
    for (const name of names) {
      const path = joinPath(from, name);
      const place = joinPath(to, name);
      const facts = source.facts(path)!;
      const existing = target.facts(place);
      const isSame = record.signatures.get(path) === signature(facts, ctimeOf(path));
      if (facts.kind === "directory" && existing?.kind === "directory") {
        visit(path, place);
        if (isSame && areSame(before(path), source.attributes(path))) continue;
        target.setFacts(place, facts, source.attributes(path), true);
      } else {
        if (isSame && existing !== null) continue;
        if (existing !== null && (existing.kind === "directory" || facts.kind === "directory"))
          removeTree(target, place, { isRecursive: true, isDryRun: false });
        copier.copy(path, place);
      }
      removeAttributes(path, place);
      changed++;
    }
  };
  visit(folder, "/");
  return changed;
}

function areSame(one: ReadonlyMap<string, Uint8Array>, other: ReadonlyMap<string, Uint8Array>): boolean {
  if (one.size !== other.size) return false;
  return [...one].every(([name, value]) => {
    const beside = other.get(name);
    return beside !== undefined && Buffer.compare(value, beside) === 0;
  });
}
