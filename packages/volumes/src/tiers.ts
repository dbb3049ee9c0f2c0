/** Where files lie on a volume's fast and slow devices, and how much they are used. */
import { tierStatus } from "@stratos/aegisfs";
import { tierName } from "./content-properties.ts";
import { joinPath, toText } from "./file-tree.ts";
import type { ListedTiers } from "./listed.ts";
import type { OpenedVolume } from "./open-volume.ts";
import { expectValue } from "./volume-error.ts";
import { VolumeTree } from "./volume-tree.ts";

const BLOCK_SIZE = 4096;

/**
 * @param filesMax  so many of the hottest files
 * @throws OperationError
 */
export function listTiers({ volume, path }: OpenedVolume, filesMax: number): ListedTiers {
  const { fast, slow, files } = expectValue(path, tierStatus(volume));
  const listed = files.slice(0, filesMax);
  const inodes = listed.filter((file) => file.subvolume === volume.root.id).map((file) => file.ino);
  const names = pathsOf(new VolumeTree(volume.root, path), new Set(inodes));
  const part = (one: { blocks: number; freeBlocks: number }): ListedTiers["fast"] => ({
    sizeBytes: one.blocks * BLOCK_SIZE,
    freeBytes: one.freeBlocks * BLOCK_SIZE,
  });
  return {
    fast: part(fast),
    slow: part(slow),
    files: listed.map((file) => ({
      path: names.get(file.ino) ?? null,
      subvolume: file.subvolume,
      inode: file.ino,
      heat: Math.round(file.heat * 10) / 10,
      tier: tierName(file.tier),
      fastBytes: file.fastBlocks * BLOCK_SIZE,
      slowBytes: file.slowBlocks * BLOCK_SIZE,
    })),
  };
}

/** Paths of some inodes: the first name of each. */
function pathsOf(tree: VolumeTree, wanted: ReadonlySet<number>): Map<number, string> {
  const found = new Map<number, string>();
  const visit = (folder: string): void => {
    for (const name of tree.names(folder)) {
      if (found.size === wanted.size) return;
      const path = joinPath(folder, name);
      const ino = tree.find(path, false);
      if (wanted.has(ino) && !found.has(ino)) found.set(ino, toText(path));
      if (tree.facts(path)?.kind === "directory") visit(path);
    }
  };
  visit("/");
  return found;
}
