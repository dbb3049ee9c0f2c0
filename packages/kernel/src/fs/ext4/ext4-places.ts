import { stateClass } from "@stratos/base";
import {
  BLOCK_AREA,
  EXTENT_BLOCKS_MAX,
  FormatError,
  INODE_FLAG,
  inodeSeed,
  UNWRITTEN_BLOCKS_MAX,
  type Extent,
} from "@stratos/formats/ext4";
import {
  addRun,
  type Ext4Content,
  readContent,
  removeRuns,
  runAt,
  treeBlocksFor,
  writeContent,
} from "./ext4-content.ts";
import { areaOf, attributeBlockOf, flagsOf, generationOf, hasExtents } from "./ext4-record.ts";
import type { Ext4Owner } from "./ext4-volume.ts";

/**
 * Which blocks hold a file's content. Read at the first look; what changes is ahead of the disk until `putTree`, so
 * that a tree never leads to blocks that were not written.
 */
export class Ext4Places {
  #inode: Ext4Owner;
  #content: Ext4Content | null = null;
  /** Blocks that are promised to the tree of `#content`. */
  #promised = 0;

  constructor(inode: Ext4Owner) {
    this.#inode = inode;
  }

  get isChanged(): boolean {
    return this.#content?.isChanged === true;
  }

  /** The inode's area holds no blocks. */
  forget(): void {
    this.#content = null;
  }

  /** @throws FormatError, DiskError */
  read(): Ext4Content {
    const { bytes, size, fileSystem } = this.#inode;
    if ((flagsOf(bytes) & INODE_FLAG.inlineData) !== 0) throw new FormatError("content in the inode");
    return (this.#content ??= readContent(areaOf(bytes), hasExtents(bytes), size, fileSystem.shape));
  }

  /** Writes the tree of a content that has changed. @throws FullError, DiskError */
  putTree(): void {
    const content = this.#content;
    if (content === null || !content.isChanged) return;
    const { fileSystem, bytes, ino } = this.#inode;
    const { checksumSeed } = fileSystem.superblock;
    // A block map has no words for blocks that were taken and not written.
    if (!hasExtents(bytes))
      for (const { logical, count } of content.runs.filter(({ isUnwritten }) => isUnwritten === true))
        this.release(logical, logical + count);
    fileSystem.promised -= this.#promised;
    this.#promised = 0;
    const area = writeContent(
      content,
      hasExtents(bytes),
      inodeSeed(checksumSeed, ino, generationOf(bytes)),
      fileSystem.shape,
      () => fileSystem.allocator.allocate(1, content.runs[0]?.physical)[0]!.physical,
      (block) => fileSystem.allocator.free(block, 1),
    );
    bytes.set(area, BLOCK_AREA);
    this.count();
  }

  /** Counts the sectors that it takes. */
  count(): void {
    const content = this.#content;
    if (content === null) return;
    let blocks = content.treeBlocks.length + (attributeBlockOf(this.#inode.bytes) === 0 ? 0 : 1);
    for (const { count } of content.runs) blocks += count;
    this.#inode.blocks = (blocks * this.#inode.blockSize) / 512;
  }

  /**
   * Takes blocks for the holes from block `first` to before `last`.
   *
   * @param isUnwritten  they read as zeros until they are written
   * @returns the block that it got to before there was no room
   */
  fill(first: number, last: number, isUnwritten: boolean): number {
    const content = this.read();
    const { fileSystem, bytes, ino, blockSize } = this.#inode;
    const { allocator } = fileSystem;
    let at = first;
    while (at < last) {
      const index = runAt(content.runs, at);
      const next = content.runs[index];
      if (next !== undefined && next.logical <= at) {
        at = Math.min(last, next.logical + next.count);
        continue;
      }
      const before = content.runs[index - 1];
      const wanted = Math.min(last, next?.logical ?? last) - at;
      const room = Math.min(wanted, fileSystem.roomForData());
      if (room <= 0) break;
      const goal = before === undefined ? fileSystem.goalOf(ino) : before.physical + before.count;
      const most = isUnwritten ? UNWRITTEN_BLOCKS_MAX : EXTENT_BLOCKS_MAX;
      for (const { logical, physical, count } of allocator.allocate(room, goal))
        for (let done = 0; done < count; done += most) {
          const run: Extent = {
            logical: at + logical + done,
            physical: physical + done,
            count: Math.min(most, count - done),
          };
          addRun(content, isUnwritten ? { ...run, isUnwritten } : run);
        }
      at += room;
      if (room < wanted) break;
    }
    if (content.isChanged) {
      const needed = treeBlocksFor(content.runs, hasExtents(bytes), blockSize) - content.treeBlocks.length;
      fileSystem.promised += Math.max(0, needed) - this.#promised;
      this.#promised = Math.max(0, needed);
      this.count();
    }
    return at;
  }

  /** Gives back the blocks from `first` to before `last`. */
  release(first: number, last: number): void {
    const { allocator } = this.#inode.fileSystem;
    removeRuns(this.read(), first, last, ({ physical, count }) => allocator.free(physical, count));
    this.count();
  }

  /** Gives back all. The tree stays one, though without runs: e2fsck looks at inodes that are free, too. */
  clear(): void {
    this.release(0, Infinity);
    this.read().isChanged = true;
    this.putTree();
    this.#content = null;
  }

  /** Nothing of it will be written any more. */
  giveUpPromise(): void {
    this.#inode.fileSystem.promised -= this.#promised;
    this.#promised = 0;
  }

  static {
    stateClass("Ext4Places", this, {
      save: (it) => ({ inode: it.#inode, content: it.#content, promised: it.#promised }),
      load: (it, from) => ({ inode: it.#inode, content: it.#content, promised: it.#promised } = from),
    });
  }
}
