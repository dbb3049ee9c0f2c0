/**
 * The volume's own block space as segments, in order. Each begins at a multiple of a group, so that a group lies in one
 * segment; block numbers between segments stand for nothing. What a base of an overlay owns is not part of it.
 */
import { GROUP_BLOCKS, NODE_BLOCKS } from "../format/geometry.ts";
import { CLASS_FAST } from "../format/pool-table.ts";
import type { Segment } from "../format/pool-table.ts";
import { SUPERBLOCK_SLOTS } from "../format/superblock.ts";

export class Layout {
  readonly segments: readonly Segment[];

  constructor(segments: readonly Segment[]) {
    this.segments = segments;
  }

  /** All of one device. */
  static ofDevice(first: number, blocks: number): Layout {
    return new Layout([{ first, blocks, places: [{ device: 0, first: 0 }], class: CLASS_FAST }]);
  }

  get first(): number {
    return this.segments[0]!.first;
  }

  /** Behind the last block. */
  get end(): number {
    const last = this.segments[this.segments.length - 1]!;
    return last.first + last.blocks;
  }

  /** Blocks that there are, holes between segments left out. */
  get blocks(): number {
    return this.segments.reduce((sum, { blocks }) => sum + blocks, 0);
  }

  /** The segment that holds a block. */
  segmentAt(block: number): Segment | undefined {
    return this.segments.find(({ first, blocks }) => block >= first && block < first + blocks);
  }

  /** Blocks of a group that belong to the volume: the first so many. */
  usable(group: number): number {
    const segment = this.segmentAt(group * GROUP_BLOCKS);
    return segment === undefined ? 0 : Math.min(GROUP_BLOCKS, segment.first + segment.blocks - group * GROUP_BLOCKS);
  }

  /** Blocks in a segment at whose place on some device a superblock is. */
  static reserved({ first, blocks, places }: Segment): number[] {
    const found = new Set<number>();
    for (const place of places) {
      for (const slot of SUPERBLOCK_SLOTS.flat())
        if (slot >= place.first && slot < place.first + blocks) found.add(first + slot - place.first);
    }
    return [...found];
  }

  /** The same for one group, as bits of it. */
  reservedBits(group: number): number[] {
    const segment = this.segmentAt(group * GROUP_BLOCKS);
    if (segment === undefined) return [];
    return Layout.reserved(segment)
      .map((block) => block - group * GROUP_BLOCKS)
      .filter((bit) => bit >= 0 && bit < GROUP_BLOCKS);
  }

  /** Free blocks and quads when nothing is stored yet. */
  countEmpty(): { freeBlocks: number; freeQuads: number } {
    let freeBlocks = 0;
    let freeQuads = 0;
    for (const segment of this.segments) {
      const reserved = Layout.reserved(segment);
      const quads = new Set(
        reserved
          .map((block) => Math.floor(block / NODE_BLOCKS))
          .filter((quad) => (quad + 1) * NODE_BLOCKS <= segment.first + segment.blocks),
      );
      freeBlocks += segment.blocks - reserved.length;
      freeQuads += Math.floor(segment.blocks / NODE_BLOCKS) - quads.size;
    }
    return { freeBlocks, freeQuads };
  }
}

/** Numbers of the groups in which a layout has blocks. */
export function groupsOf(layout: Layout): number[] {
  const groups: number[] = [];
  for (const { first, blocks } of layout.segments)
    for (let index = first / GROUP_BLOCKS; index * GROUP_BLOCKS < first + blocks; index++) groups.push(index);
  return groups;
}
