/**
 * The inode that keeps blocks behind the group descriptors free, so that the file system can grow while it is mounted
 * (resize2fs(8)): each new block of descriptors then lies beside the others, in every copy. Source: Linux
 * fs/ext4/resize.c, `verify_reserved_gdb` and `add_new_gdb`.
 *
 *     inode 7 → its double-indirect block → reserved blocks of group 0, each of which lists its own copies in groups 1,
 *     3, 5, 7, 9 …
 */
import { viewOf } from "../disk/disk.ts";
import { BLOCK_AREA_SIZE } from "./ext4-inode.ts";
import { BLOCK_SIZE, type Ext4Geometry } from "./ext4-geometry.ts";
import { hasBackup } from "./ext4-superblock.ts";

const WORDS_PER_BLOCK = BLOCK_SIZE / 4;
/** Words of an inode's block area: twelve blocks, then an indirect one, then the double-indirect one. */
const DIRECT_BLOCKS = 12;
const DOUBLE_INDIRECT = 13;

interface ResizeInode {
  readonly blockArea: Uint8Array;
  readonly size: number;
  /** blocks that it holds, itself included */
  readonly blocks: number;
}

/** @param block  taken for its double-indirect block */
export function writeResizeInode(
  geometry: Ext4Geometry,
  block: number,
  writeBlock: (block: number, bytes: Uint8Array) => void,
): ResizeInode {
  const { reservedDescriptorBlocks: reserved, descriptorBlocks } = geometry;
  const copies: number[] = [];
  for (let group = 1; group < geometry.groupCount; group++)
    if (hasBackup(group)) copies.push(geometry.groupStart(group) + 1 + descriptorBlocks);
  const top = new Uint8Array(BLOCK_SIZE),
    topView = viewOf(top);
  for (let index = 0; index < reserved; index++) {
    const own = 1 + descriptorBlocks + index,
      list = new Uint8Array(BLOCK_SIZE),
      view = viewOf(list);
    copies.forEach((first, at) => view.setUint32(at * 4, first + index, true));
    writeBlock(own, list);
    topView.setUint32(((descriptorBlocks + index) % WORDS_PER_BLOCK) * 4, own, true);
  }
  writeBlock(block, top);
  const blockArea = new Uint8Array(BLOCK_AREA_SIZE);
  viewOf(blockArea).setUint32(DOUBLE_INDIRECT * 4, block, true);
  return {
    blockArea,
    size: (WORDS_PER_BLOCK * WORDS_PER_BLOCK + WORDS_PER_BLOCK + DIRECT_BLOCKS) * BLOCK_SIZE,
    blocks: 1 + reserved * (1 + copies.length),
  };
}
