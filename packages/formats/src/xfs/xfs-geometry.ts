/**
 * How an XFS volume is divided, before a byte is written: four allocation groups as mkfs.xfs makes them, or groups of
 * 1 TiB on large disks, each with the same head, and one with the log.
 *
 *     block 0–3      4–8                  9–12        16 …                        …          …        … end
 *     SB AGF AGI     roots of the trees   free list   chunks of 64 inodes,        log (one   files    kept free
 *     AGFL           of the group         (AGFL)      their tree below its root   group)
 *
 * Sectors are 4 KiB, so that a volume works on disks with either size of sector. Source: XFS Algorithms & Data
 * Structures (3rd edition), "Allocation Groups"; xfsprogs mkfs/xfs_mkfs.c (defaults).
 */
import { FormatError } from "../format-error.ts";

export const BLOCK_SIZE = 4096;
export const INODE_SIZE = 512;
export const INODES_PER_BLOCK = BLOCK_SIZE / INODE_SIZE;
export const CHUNK_INODES = 64;
export const CHUNK_BLOCKS = CHUNK_INODES / INODES_PER_BLOCK;
/** mkfs.xfs makes no smaller ones: log and groups would be too small to work well. */
export const XFS_SIZE_MIN = 300 * 2 ** 20;

/** Blocks of each group, from its beginning. */
export const GROUP = {
  freeByPlace: 4,
  freeBySize: 5,
  inodes: 6,
  freeInodes: 7,
  shared: 8,
  freeList: 9,
  headEnd: 13,
} as const;
export const FREE_LIST_BLOCKS = GROUP.headEnd - GROUP.freeList;
/** Records of inode chunks in a leaf, and leaves in a node, of a group's tree. */
export const CHUNKS_PER_LEAF = Math.floor((BLOCK_SIZE - 56) / 16);
export const CHILDREN_PER_NODE = Math.floor((BLOCK_SIZE - 56) / 8);

const FIRST_CHUNK = Math.ceil(GROUP.headEnd / CHUNK_BLOCKS) * CHUNK_BLOCKS;
const GROUP_BLOCKS_MAX = 2 ** 28;
const GROUPS = 4;
const LOG_BLOCKS_MIN = 16384;
const LOG_BLOCKS_MAX = 521_728;
/** What Linux sets aside in each group (trees of shared blocks and of free inodes) is 1.3 %. */
const KEPT_SHARE = 1 / 64;
const KEPT_BLOCKS = 64;

export interface Group {
  readonly index: number;
  readonly blocks: number;
  readonly chunks: number;
  readonly firstChunk: number;
  /** blocks of the tree of inodes, but for its root */
  readonly inodeTree: { readonly start: number; readonly count: number };
  readonly log: { readonly start: number; readonly count: number } | null;
  /** what files may take: [start, end) */
  readonly files: { readonly start: number; readonly end: number };
}

export interface Geometry {
  readonly blocks: number;
  readonly groupBlocks: number;
  readonly groupBlocksLog: number;
  readonly groups: readonly Group[];
  readonly logGroup: Group;
  readonly chunks: number;
  /** for files and folders, in all groups */
  readonly fileBlocks: number;
}

/**
 * @param size  bytes of the disk
 * @param inodes  how many are in use
 * @throws FormatError when there is no room for them
 */
export function xfsGeometry(size: number, inodes: number): Geometry {
  if (size < XFS_SIZE_MIN) throw new FormatError(`XFS takes 300 MiB at least, and there are ${size} bytes`);
  const all = Math.floor(size / BLOCK_SIZE);
  const groupBlocks = all >= GROUPS * GROUP_BLOCKS_MAX ? GROUP_BLOCKS_MAX : Math.ceil(all / GROUPS);
  // A last group of a few blocks could not even hold its head.
  const blocks = all % groupBlocks < 64 ? all - (all % groupBlocks) : all;
  const count = Math.ceil(blocks / groupBlocks),
    logIndex = count >> 1;
  const logBlocks = Math.min(Math.max(LOG_BLOCKS_MIN, Math.floor(blocks / 2048)), LOG_BLOCKS_MAX);
  const chunks = Math.ceil(inodes / CHUNK_INODES);
  const groups: Group[] = [];
  let left = chunks;
  for (let index = 0; index < count; index++) {
    const own = Math.min(groupBlocks, blocks - index * groupBlocks),
      end = own - Math.ceil(own * KEPT_SHARE) - KEPT_BLOCKS,
      log = index === logIndex ? logBlocks : 0;
    let here = Math.max(0, Math.min(left, Math.floor((end - log - FIRST_CHUNK) / CHUNK_BLOCKS)));
    while (here > 0 && FIRST_CHUNK + here * CHUNK_BLOCKS + inodeTreeBlocks(here) + log > end) here--;
    left -= here;
    const treeStart = here === 0 ? GROUP.headEnd : FIRST_CHUNK + here * CHUNK_BLOCKS,
      treeCount = inodeTreeBlocks(here);
    const start = treeStart + treeCount + log;
    if (start > end) throw new FormatError(`there is no room for the log: XFS needs a larger disk than ${size} bytes`);
    groups.push({
      index,
      blocks: own,
      chunks: here,
      firstChunk: FIRST_CHUNK,
      inodeTree: { start: treeStart, count: treeCount },
      log: log === 0 ? null : { start: treeStart + treeCount, count: log },
      files: { start, end },
    });
  }
  if (left > 0) throw new FormatError(`there is no room for ${inodes} files on a disk of ${size} bytes`);
  return {
    blocks,
    groupBlocks,
    groupBlocksLog: Math.ceil(Math.log2(groupBlocks)),
    groups,
    logGroup: groups[logIndex]!,
    chunks,
    fileBlocks: groups.reduce((sum, { files }) => sum + files.end - files.start, 0),
  };
}

/** Blocks of a tree of `chunks` records below its root. */
export function inodeTreeBlocks(chunks: number): number {
  let blocks = 0;
  for (let level = Math.ceil(chunks / CHUNKS_PER_LEAF); level > 1; level = Math.ceil(level / CHILDREN_PER_NODE))
    blocks += level;
  return blocks;
}

/** Number of the inode at a position, counted from the root's (which is 0). */
export function inodeNumber(geometry: Geometry, position: number): number {
  let chunk = Math.floor(position / CHUNK_INODES);
  const group = geometry.groups.find(({ chunks }) => chunk < chunks || ((chunk -= chunks), false));
  if (group === undefined) throw new FormatError(`there is no inode ${position}`);
  const block = group.firstChunk + chunk * CHUNK_BLOCKS;
  return blockNumber(geometry, group.index, block) * INODES_PER_BLOCK + (position % CHUNK_INODES);
}

/** A block as extents name it: the group stands in the bits above its blocks. */
export function blockNumber({ groupBlocksLog }: Geometry, group: number, block: number): number {
  return group * 2 ** groupBlocksLog + block;
}

/** Bytes from the disk's beginning. */
export function blockAddress({ groupBlocks, groupBlocksLog }: Geometry, block: number): number {
  const group = Math.floor(block / 2 ** groupBlocksLog);
  return (group * groupBlocks + (block % 2 ** groupBlocksLog)) * BLOCK_SIZE;
}
