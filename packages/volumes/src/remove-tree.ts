/** Removing a folder with all that is in it, or telling what would go. */
import { OperationError } from "@stratos/operation";
import { joinPath } from "./file-tree.ts";
import type { VolumeTree } from "./volume-tree.ts";

interface RemoveOptions {
  readonly isRecursive: boolean;
  /** Nothing is removed, everything is told. */
  readonly isDryRun: boolean;
  readonly onPath?: (path: string) => void;
}

/** @returns how many names went */
export function removeTree(tree: VolumeTree, path: string, options: RemoveOptions): number {
  const facts = tree.facts(path);
  if (facts === null) throw new OperationError("volume", tree.shown(path), "no such file or directory");
  let removed = 0;
  if (facts.kind === "directory") {
    if (!options.isRecursive)
      throw new OperationError("volume", tree.shown(path), "is a directory; -r removes it with all that is in it");
    tree.seat(path); // Refuses the root before anything is gone.
    for (const name of tree.names(path)) removed += removeTree(tree, joinPath(path, name), options);
  }
  if (!options.isDryRun) {
    if (facts.kind === "directory") tree.removeDirectory(path);
    else tree.remove(path);
  }
  options.onPath?.(path);
  return removed + 1;
}
