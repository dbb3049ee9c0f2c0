/**
 * Where a file's blocks lie: records of 16 bytes in the inode, or below a B+ tree whose root is there. Source: Linux
 * fs/xfs/libxfs/xfs_format.h (`xfs_bmbt_rec`, `xfs_bmdr_block`).
 */
import { viewOf, writeU64 } from "../disk/disk.ts";
import { likePieces } from "./xfs-blocks.ts";
import { BLOCK_SIZE } from "./xfs-geometry.ts";

export interface Extent {
  /** in blocks from the file's beginning */
  readonly logical: number;
  /** as extents name blocks */
  readonly physical: number;
  readonly count: number;
}

/** A record has 21 bits for it. */
export const EXTENT_BLOCKS_MAX = 2 ** 21 - 1;
const RECORD = 16;
const HEADER = 72;
const PER_BLOCK = Math.floor((BLOCK_SIZE - HEADER) / RECORD);
const MAGIC = 0x424d4133; // "BMA3"
const NONE = 0xffffffff;

interface Mapping {
  readonly isTree: boolean;
  /** what the inode holds */
  readonly fork: Uint8Array;
  /** blocks of the tree below the root */
  readonly blocks: number;
}

/** Blocks that the tree of so many extents takes beside them. */
export function extentTreeBlocks(extents: number, forkBytes: number): number {
  if (extents * RECORD <= forkBytes) return 0;
  let blocks = 0,
    level = extents;
  do blocks += level = Math.ceil(level / PER_BLOCK);
  while (level > rootEntries(forkBytes));
  return blocks;
}

/**
 * @param forkBytes  room in the inode
 * @param allocate  gives the next block
 * @param put  writes a block of the tree, which it seals
 */
export function mapExtents(
  extents: readonly Extent[],
  forkBytes: number,
  allocate: () => number,
  put: (block: number, bytes: Uint8Array) => void,
): Mapping {
  const fork = new Uint8Array(forkBytes);
  if (extents.length * RECORD <= forkBytes) {
    extents.forEach((extent, index) => record(fork, index * RECORD, extent));
    return { isTree: false, fork, blocks: 0 };
  }
  let blocks = 0,
    height = 0,
    level: { readonly logical: number; readonly physical: number }[] = [...extents];
  do {
    const pieces = likePieces(level, PER_BLOCK);
    const places = pieces.map(() => allocate());
    blocks += places.length;
    pieces.forEach((piece, index) => {
      const bytes = new Uint8Array(BLOCK_SIZE),
        view = viewOf(bytes);
      view.setUint32(0, MAGIC);
      view.setUint16(4, height);
      view.setUint16(6, piece.length);
      neighbour(view, 8, places[index - 1]);
      neighbour(view, 16, places[index + 1]);
      piece.forEach((one, position) => {
        if (height === 0) record(bytes, HEADER + position * RECORD, one as Extent);
        else {
          writeU64(view, HEADER + position * 8, one.logical, false);
          writeU64(view, HEADER + PER_BLOCK * 8 + position * 8, one.physical, false);
        }
      });
      put(places[index]!, bytes);
    });
    level = pieces.map((piece, index) => ({ logical: piece[0]!.logical, physical: places[index]! }));
    height++;
  } while (level.length > rootEntries(forkBytes));
  const view = viewOf(fork);
  view.setUint16(0, height);
  view.setUint16(2, level.length);
  level.forEach(({ logical, physical }, index) => {
    writeU64(view, 4 + index * 8, logical, false);
    writeU64(view, 4 + rootEntries(forkBytes) * 8 + index * 8, physical, false);
  });
  return { isTree: true, fork, blocks };
}

function rootEntries(forkBytes: number): number {
  return Math.floor((forkBytes - 4) / 16);
}

function neighbour(view: DataView, at: number, block: number | undefined): void {
  if (block !== undefined) return writeU64(view, at, block, false);
  view.setUint32(at, NONE);
  view.setUint32(at + 4, NONE);
}

/** Bits from the top: unwritten 1, logical 54, physical 52, count 21. */
function record(bytes: Uint8Array, at: number, { logical, physical, count }: Extent): void {
  const view = viewOf(bytes);
  view.setUint32(at, Math.floor(logical / 2 ** 23));
  view.setUint32(at + 4, (logical % 2 ** 23) * 2 ** 9 + Math.floor(physical / 2 ** 43));
  view.setUint32(at + 8, Math.floor(physical / 2 ** 11) % 2 ** 32);
  view.setUint32(at + 12, (physical % 2 ** 11) * 2 ** 21 + count);
}
