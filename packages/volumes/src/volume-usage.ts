/** Where the space of a volume went, in bytes. */
import {
  addOffsets,
  Attributes,
  measureDropped,
  measureSubvolume,
  type FileOffset,
  type SubvolumeInfo,
} from "@stratos/aegisfs";
import { S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } from "@stratos/abi";
import type { VolumeSpace } from "./listed.ts";
import { toText, joinPath } from "./file-tree.ts";
import type { OpenedVolume } from "./open-volume.ts";
import { uuidText } from "./uuid-text.ts";
import { expectResult, expectValue } from "./volume-error.ts";
import { VolumeTree } from "./volume-tree.ts";

const BLOCK = 4096;

/** As df(1) shows it; takes no time. */
export function volumeSpace({ path, volume }: OpenedVolume): VolumeSpace {
  const { blocks, freeBlocks, unusedBlocks, inodes } = volume.usage();
  return {
    volume: path,
    label: toText(volume.superblock.label),
    sizeBytes: blocks * BLOCK,
    usedBytes: (blocks - unusedBlocks) * BLOCK,
    freeBytes: freeBlocks * BLOCK,
    files: inodes,
    snapshots: expectValue(path, volume.subvolumes()).length - 1,
  };
}

export interface SubvolumeSpace {
  readonly id: number;
  readonly name: string;
  readonly files: number;
  /** All that it refers to. */
  readonly referencedBytes: number;
  /** What deleting it would free. */
  readonly exclusiveBytes: number;
  readonly sharedBytes: number;
  readonly metadataBytes: number;
  readonly dataBytes: number;
}

/** Reads the subvolume's tree. */
export function subvolumeSpace({ path, volume }: OpenedVolume, info: SubvolumeInfo): SubvolumeSpace {
  const usage = expectValue(`${path}@${toText(info.name)}`, measureSubvolume(volume, info.id));
  const referenced = usage.metadataBlocks + usage.dataBlocks;
  const exclusive = usage.ownMetadataBlocks + usage.ownDataBlocks;
  return {
    id: info.id,
    name: toText(info.name),
    files: info.inodes,
    referencedBytes: referenced * BLOCK,
    exclusiveBytes: exclusive * BLOCK,
    sharedBytes: (referenced - exclusive) * BLOCK,
    metadataBytes: usage.metadataBlocks * BLOCK,
    dataBytes: usage.dataBlocks * BLOCK,
  };
}

interface VolumeStatistics extends VolumeSpace {
  readonly uuid: string;
  readonly generation: number;
  readonly treeLevels: number;
  readonly extents: number;
  /** Blocks that several trees share are counted in ranges. */
  readonly sharedRanges: number;
  /** Kept by deleted snapshots until it is freed. */
  readonly droppedBytes: number;
  readonly regularFiles: number;
  readonly directories: number;
  readonly symbolicLinks: number;
  readonly others: number;
  /** Sum of the sizes of files, holes counted. */
  readonly contentBytes: FileOffset;
  readonly largestFile: { readonly path: string; readonly sizeBytes: FileOffset } | null;
  readonly subvolumes: readonly SubvolumeSpace[];
}

/** Walks everything. */
export function volumeStatistics(opened: OpenedVolume): VolumeStatistics {
  const { path, volume } = opened;
  const { superblock } = volume;
  const usage = expectValue(path, measureSubvolume(volume, superblock.defaultSubvolume));
  const counts = { regularFiles: 0, directories: 0, symbolicLinks: 0, others: 0, contentBytes: 0 as FileOffset };
  let largestFile: { path: string; sizeBytes: FileOffset } | null = null;
  const tree = new VolumeTree(volume.root, path);
  const attributes = new Attributes();
  const seen = new Set<number>();
  const folders = ["/"];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    counts.directories++;
    for (const name of tree.names(folder)) {
      const place = joinPath(folder, name);
      const ino = tree.find(place, false);
      expectResult(place, volume.root.stat(ino, attributes));
      const type = attributes.mode & S_IFMT;
      if (type === S_IFDIR) folders.push(place);
      else if (attributes.nlink > 1 && seen.has(ino)) continue;
      else if (type === S_IFREG) {
        counts.regularFiles++;
        counts.contentBytes = addOffsets(counts.contentBytes, attributes.size);
        if (attributes.size > (largestFile?.sizeBytes ?? -1))
          largestFile = { path: toText(place), sizeBytes: attributes.size };
      } else if (type === S_IFLNK) counts.symbolicLinks++;
      else counts.others++;
      if (attributes.nlink > 1 && type !== S_IFDIR) seen.add(ino);
    }
  }
  const subvolumes = expectValue(path, volume.subvolumes()).map((info) => subvolumeSpace(opened, info));
  return {
    ...volumeSpace(opened),
    uuid: uuidText(superblock.uuid),
    generation: superblock.generation,
    treeLevels: usage.depth,
    extents: usage.extents,
    sharedRanges: superblock.references,
    droppedBytes: expectResult(path, measureDropped(volume)) * BLOCK,
    ...counts,
    largestFile,
    subvolumes,
  };
}
