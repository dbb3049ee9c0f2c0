/**
 * Makes one tree like another, touching only what differs: what `txn run` does with files that a command has changed
 * outside of the volume.
 */
import { TreeCopier } from "./copy-tree.ts";
import { joinPath, type FileFacts } from "./file-tree.ts";
import type { HostTree } from "./host-tree.ts";
import { removeTree } from "./remove-tree.ts";
import type { VolumeTree } from "./volume-tree.ts";

/** How files were when they were copied out, by path. */
export type TreeRecord = ReadonlyMap<string, string>;

/**
 * What tells whether a file is still the same: its content cannot change without its times (ctime cannot be set back).
 */
export function recordTree(tree: HostTree, path: string, ctimeOf: (path: string) => string): TreeRecord {
  const record = new Map<string, string>();
  const visit = (at: string): void => {
    const facts = tree.facts(at)!;
    record.set(at, signature(facts, ctimeOf(at)));
    if (facts.kind === "directory") for (const name of tree.names(at)) visit(joinPath(at, name));
  };
  visit(path);
  return record;
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
  let changed = 0;
  const visit = (from: string, to: string): void => {
    const names = source.names(from);
    const present = new Set(names);
    for (const name of target.names(to)) {
      if (present.has(name)) continue;
      removeTree(target, joinPath(to, name), { isRecursive: true, isDryRun: false });
      changed++;
    }
    for (const name of names) {
      const path = joinPath(from, name);
      const place = joinPath(to, name);
      const facts = source.facts(path)!;
      const existing = target.facts(place);
      const isSame = record.get(path) === signature(facts, ctimeOf(path));
      if (facts.kind === "directory" && existing?.kind === "directory") {
        visit(path, place);
        if (isSame) continue;
        target.setFacts(place, facts, new Map(), true);
      } else {
        if (isSame && existing !== null) continue;
        if (existing !== null && (existing.kind === "directory" || facts.kind === "directory"))
          removeTree(target, place, { isRecursive: true, isDryRun: false });
        copier.copy(path, place);
      }
      changed++;
    }
  };
  visit(folder, "/");
  return changed;
}
