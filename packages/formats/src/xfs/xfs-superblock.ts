/**
 * The head of each allocation group (superblock, free space, inodes, free list), the trees that hang from it, and the
 * log of a volume that was let go of in order. Source: Linux fs/xfs/libxfs/xfs_format.h and xfs_log_format.h.
 */
import { byteStringOf } from "@stratos/base";
import { viewOf, writeU64 } from "../disk/disk.ts";
import { likePieces, SEAL, sealBlock, sealCrc } from "./xfs-blocks.ts";
import {
  blockNumber,
  BLOCK_SIZE,
  CHILDREN_PER_NODE,
  CHUNK_BLOCKS,
  CHUNK_INODES,
  CHUNKS_PER_LEAF,
  FREE_LIST_BLOCKS,
  GROUP,
  INODE_SIZE,
  INODES_PER_BLOCK,
  inodeNumber,
  type Geometry,
  type Group,
} from "./xfs-geometry.ts";

export interface VolumeFacts {
  readonly geometry: Geometry;
  readonly uuid: Uint8Array;
  /** a byte string of at most 12 */
  readonly label: string;
  readonly inodesUsed: number;
  readonly freeBlocks: number;
}

/** What a group has left: [start, end) in its own blocks, in order, none of them empty. */
export type FreeSpace = readonly (readonly [number, number])[];

const NONE = 0xffffffff;
const TREE_HEADER = 56;
const MAGIC = {
  superblock: 0x58465342, // XFSB
  space: 0x58414746, // XAGF
  inodes: 0x58414749, // XAGI
  freeList: 0x5841464c, // XAFL
  freeByPlace: 0x41423342, // AB3B
  freeBySize: 0x41423343, // AB3C
  inodeTree: 0x49414233, // IAB3
  freeInodeTree: 0x46494233, // FIB3
  sharedTree: 0x52334643, // R3FC
  logRecord: 0xfeedbabe,
} as const;
/** Version 5 with aligned inodes, versions 2 of directories and log, large sectors, and more in `features2`. */
const VERSION = 0xbca5;
/** Lazy counters, attributes of version 2, 32 bits of project, checksums. */
const FEATURES2 = 0x18a;
/** Tree of free inodes, shared blocks, counted trees of inodes. */
const RO_COMPAT = 0xd;
/** Types in folders, sparse chunks of inodes, times beyond 2038. */
const INCOMPAT = 0xb;

/** Share of the disk that inodes may take, by its size, as mkfs.xfs has it. */
function inodePercent(bytes: number): number {
  return bytes < 2 ** 40 ? 25 : bytes < 50 * 2 ** 40 ? 5 : 1;
}

function superblock({ geometry, uuid, label, inodesUsed, freeBlocks }: VolumeFacts): Uint8Array {
  const bytes = new Uint8Array(BLOCK_SIZE),
    view = viewOf(bytes);
  const { blocks, groupBlocks, groupBlocksLog, groups, logGroup, chunks } = geometry;
  view.setUint32(0, MAGIC.superblock);
  view.setUint32(4, BLOCK_SIZE);
  writeU64(view, 8, blocks, false);
  bytes.set(uuid, 32);
  writeU64(view, 48, blockNumber(geometry, logGroup.index, logGroup.log!.start), false);
  for (const [index, at] of [56, 64, 72].entries()) writeU64(view, at, inodeNumber(geometry, index), false);
  view.setUint32(80, 1);
  view.setUint32(84, groupBlocks);
  view.setUint32(88, groups.length);
  view.setUint32(96, logGroup.log!.count);
  view.setUint16(100, VERSION);
  view.setUint16(102, BLOCK_SIZE);
  view.setUint16(104, INODE_SIZE);
  view.setUint16(106, INODES_PER_BLOCK);
  bytes.set(byteStringOf(label), 108);
  bytes.set([12, 12, 9, 3, groupBlocksLog, 0, 0, inodePercent(blocks * BLOCK_SIZE)], 120);
  writeU64(view, 128, chunks * CHUNK_INODES, false);
  writeU64(view, 136, chunks * CHUNK_INODES - inodesUsed, false);
  writeU64(view, 144, freeBlocks, false);
  view.setUint32(180, CHUNK_BLOCKS);
  bytes[193] = 12;
  view.setUint16(194, BLOCK_SIZE);
  view.setUint32(196, BLOCK_SIZE);
  view.setUint32(200, FEATURES2);
  view.setUint32(204, FEATURES2);
  view.setUint32(212, RO_COMPAT);
  view.setUint32(216, INCOMPAT);
  view.setUint32(228, CHUNK_BLOCKS / 2);
  return sealCrc(bytes, 224);
}

/** Blocks of a group by their numbers: its four headers, and its trees. */
export function groupBlocks(facts: VolumeFacts, group: Group, free: FreeSpace): Map<number, Uint8Array> {
  const blocks = new Map<number, Uint8Array>();
  blocks.set(0, superblock(facts));
  blocks.set(1, spaceHeader(facts, group, free));
  blocks.set(2, inodeHeader(facts, group));
  blocks.set(3, freeListHeader(facts, group));
  const seal = (block: number, bytes: Uint8Array): void => {
    const address = (group.index * facts.geometry.groupBlocks + block) * BLOCK_SIZE;
    blocks.set(block, sealBlock(bytes, SEAL.groupTree, { address, uuid: facts.uuid, owner: group.index }));
  };
  const bySize = [...free].sort((a, b) => a[1] - a[0] - (b[1] - b[0]) || a[0] - b[0]);
  seal(GROUP.freeByPlace, freeTree(MAGIC.freeByPlace, free));
  seal(GROUP.freeBySize, freeTree(MAGIC.freeBySize, bySize));
  for (const [block, bytes] of inodeTree(facts, group)) seal(block, bytes);
  seal(GROUP.freeInodes, freeInodeTree(facts, group));
  seal(GROUP.shared, treeBlock(MAGIC.sharedTree, 0, 0));
  return blocks;
}

function treeBlock(magic: number, level: number, records: number): Uint8Array {
  const bytes = new Uint8Array(BLOCK_SIZE),
    view = viewOf(bytes);
  view.setUint32(0, magic);
  view.setUint16(4, level);
  view.setUint16(6, records);
  view.setUint32(8, NONE);
  view.setUint32(12, NONE);
  return bytes;
}

/** A writer of one pass leaves a handful of gaps, which one block holds. */
function freeTree(magic: number, free: FreeSpace): Uint8Array {
  const bytes = treeBlock(magic, 0, free.length),
    view = viewOf(bytes);
  free.forEach(([start, end], index) => {
    view.setUint32(TREE_HEADER + index * 8, start);
    view.setUint32(TREE_HEADER + index * 8 + 4, end - start);
  });
  return bytes;
}

/** How many inodes of a chunk are free: all are used in order, so only the last chunk has any. */
function freeInChunk({ geometry, inodesUsed }: VolumeFacts, group: Group, chunk: number): number {
  const before = geometry.groups.slice(0, group.index).reduce((sum, { chunks }) => sum + chunks, 0);
  return Math.max(0, (before + chunk + 1) * CHUNK_INODES - inodesUsed);
}

function chunkRecord(view: DataView, at: number, group: Group, chunk: number, free: number): void {
  view.setUint32(at, (group.firstChunk + chunk * CHUNK_BLOCKS) * INODES_PER_BLOCK);
  view.setUint8(at + 6, CHUNK_INODES);
  view.setUint8(at + 7, free);
  view.setBigUint64(at + 8, BigInt.asUintN(64, -1n << BigInt(CHUNK_INODES - free)));
}

function inodeTree(facts: VolumeFacts, group: Group): (readonly [number, Uint8Array])[] {
  const { chunks, inodeTree: place } = group;
  const all = likePieces([...new Array<number>(chunks).keys()], CHUNKS_PER_LEAF);
  let level = (all.length === 0 ? [[]] : all).map((own) => {
    const bytes = treeBlock(MAGIC.inodeTree, 0, own.length),
      view = viewOf(bytes);
    own.forEach((chunk, index) =>
      chunkRecord(view, TREE_HEADER + index * 16, group, chunk, freeInChunk(facts, group, chunk)),
    );
    return { key: (group.firstChunk + (own[0] ?? 0) * CHUNK_BLOCKS) * INODES_PER_BLOCK, block: 0, bytes };
  });
  const blocks: (readonly [number, Uint8Array])[] = [];
  let next = place.start;
  for (let height = 1; level.length > 1; height++) {
    for (const one of level) one.block = next++;
    level.forEach(({ block, bytes }, index) => {
      viewOf(bytes).setUint32(8, level[index - 1]?.block ?? NONE);
      viewOf(bytes).setUint32(12, level[index + 1]?.block ?? NONE);
      blocks.push([block, bytes]);
    });
    level = likePieces(level, CHILDREN_PER_NODE).map((children) => {
      const bytes = treeBlock(MAGIC.inodeTree, height, children.length),
        view = viewOf(bytes);
      children.forEach(({ key, block }, index) => {
        view.setUint32(TREE_HEADER + index * 4, key);
        view.setUint32(TREE_HEADER + CHILDREN_PER_NODE * 4 + index * 4, block);
      });
      return { key: children[0]!.key, block: 0, bytes };
    });
  }
  return [...blocks, [GROUP.inodes, level[0]!.bytes]];
}

function freeInodeTree(facts: VolumeFacts, group: Group): Uint8Array {
  const last = group.chunks - 1,
    free = last < 0 ? 0 : freeInChunk(facts, group, last);
  const bytes = treeBlock(MAGIC.freeInodeTree, 0, free > 0 ? 1 : 0);
  if (free > 0) chunkRecord(viewOf(bytes), TREE_HEADER, group, last, free);
  return bytes;
}

/** Levels of the tree of inodes, its root among them. */
function inodeTreeLevels(chunks: number): number {
  let levels = 1;
  for (let count = Math.ceil(chunks / CHUNKS_PER_LEAF); count > 1; count = Math.ceil(count / CHILDREN_PER_NODE))
    levels++;
  return levels;
}

function spaceHeader({ uuid }: VolumeFacts, group: Group, free: FreeSpace): Uint8Array {
  const bytes = new Uint8Array(BLOCK_SIZE),
    view = viewOf(bytes);
  const sizes = free.map(([start, end]) => end - start);
  [MAGIC.space, 1, group.index, group.blocks, GROUP.freeByPlace, GROUP.freeBySize, 0, 1, 1, 0].forEach((value, index) =>
    view.setUint32(index * 4, value),
  );
  // The free list is a ring; mkfs.xfs begins it at its second place.
  view.setUint32(40, 1);
  view.setUint32(44, FREE_LIST_BLOCKS);
  view.setUint32(48, FREE_LIST_BLOCKS);
  view.setUint32(
    52,
    sizes.reduce((sum, size) => sum + size, 0),
  );
  view.setUint32(56, Math.max(0, ...sizes));
  bytes.set(uuid, 64);
  view.setUint32(84, 1);
  view.setUint32(88, GROUP.shared);
  view.setUint32(92, 1);
  return sealCrc(bytes, 216);
}

function inodeHeader(facts: VolumeFacts, group: Group): Uint8Array {
  const { uuid } = facts;
  const bytes = new Uint8Array(BLOCK_SIZE),
    view = viewOf(bytes);
  const { chunks, inodeTree: tree } = group,
    last = chunks - 1;
  const fields = [
    MAGIC.inodes,
    1,
    group.index,
    group.blocks,
    chunks * CHUNK_INODES,
    GROUP.inodes,
    inodeTreeLevels(chunks),
    last < 0 ? 0 : freeInChunk(facts, group, last),
    last < 0 ? NONE : (group.firstChunk + last * CHUNK_BLOCKS) * INODES_PER_BLOCK,
  ];
  fields.forEach((value, index) => view.setUint32(index * 4, value));
  bytes.fill(0xff, 36, 296);
  bytes.set(uuid, 296);
  view.setUint32(328, GROUP.freeInodes);
  view.setUint32(332, 1);
  view.setUint32(336, 1 + tree.count);
  view.setUint32(340, 1);
  return sealCrc(bytes, 312);
}

function freeListHeader({ uuid }: VolumeFacts, group: Group): Uint8Array {
  const bytes = new Uint8Array(BLOCK_SIZE),
    view = viewOf(bytes);
  view.setUint32(0, MAGIC.freeList);
  view.setUint32(4, group.index);
  bytes.set(uuid, 8);
  bytes.fill(0xff, 36);
  for (let index = 0; index < FREE_LIST_BLOCKS; index++) view.setUint32(36 + (index + 1) * 4, GROUP.freeList + index);
  return sealCrc(bytes, 32);
}

/**
 * The log's first block, which says that it was let go of in order; all behind it is zero. The first word of each 512
 * bytes is the number of times that the log came round.
 */
export function cleanLog(uuid: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(BLOCK_SIZE),
    view = viewOf(bytes);
  const cycle = 1,
    transaction = 0xb0c0d0d0;
  // magic, cycle, version, bytes behind this header, this and the oldest record (cycle, block), checksum (none), the
  // record before (none), operations, the word that the cycle replaced.
  const fields = [MAGIC.logRecord, cycle, 2, BLOCK_SIZE - 512, cycle, 0, cycle, 0, 0, NONE, 1, transaction];
  fields.forEach((value, index) => view.setUint32(index * 4, value));
  view.setUint32(300, 1);
  bytes.set(uuid, 304);
  view.setUint32(320, 32768);
  for (let sector = 512; sector < BLOCK_SIZE; sector += 512) view.setUint32(sector, cycle);
  view.setUint32(516, 8);
  // From the log itself; "unmount", whose eight bytes hold a magic number of the machine's order.
  bytes.set([0xaa, 0x20], 520);
  view.setUint16(524, 0x556e, true);
  return bytes;
}
