/**
 * B-trees of btrfs, made in one go from records that are sorted already: leaves are filled one after another, then the
 * nodes above them. How many blocks that takes follows from the sizes of the records alone, so room is set aside before
 * the records' content is known. Source: Linux fs/btrfs/ctree.h; include/uapi/linux/btrfs_tree.h,
 * `struct btrfs_header`.
 */
import { viewOf, writeU64 } from "../disk/disk.ts";
import { FormatError } from "../format-error.ts";
import { uuidBytes } from "../gpt/guid.ts";
import { compareKeys, GENERATION, NODE_SIZE, putKey, putU64, seal, type Key, type TreeItem } from "./btrfs-layout.ts";

const HEADER_SIZE = 101;
const LEAF_ITEM_SIZE = 25;
const NODE_POINTER_SIZE = 33;
const LEAF_ROOM = NODE_SIZE - HEADER_SIZE;
const NODE_POINTERS = Math.floor(LEAF_ROOM / NODE_POINTER_SIZE);
/** Bytes of the largest record. */
export const ITEM_MAX = LEAF_ROOM - LEAF_ITEM_SIZE;
/** Written; references are of the newer kind. */
const FLAG_WRITTEN = 1,
  BACKREF_REVISION = 1;

export interface TreeBlock {
  readonly place: number;
  readonly level: number;
  readonly owner: number;
}

/** How many blocks each level has, leaves first. @param sizes  bytes of each record, in order */
export function treeLevels(sizes: readonly number[]): number[] {
  const levels = [leafEnds(sizes).length];
  while (levels.at(-1)! > 1) levels.push(Math.ceil(levels.at(-1)! / NODE_POINTERS));
  return levels;
}

/** Where the records of each leaf end. */
function leafEnds(sizes: readonly number[]): number[] {
  const ends: number[] = [];
  let fill = 0;
  sizes.forEach((size, index) => {
    if (size > ITEM_MAX) throw new FormatError(`a record of ${size} bytes is larger than a block of btrfs`);
    if (fill + size + LEAF_ITEM_SIZE > LEAF_ROOM) {
      ends.push(index);
      fill = 0;
    }
    fill += size + LEAF_ITEM_SIZE;
  });
  ends.push(sizes.length);
  return ends;
}

interface TreePlace {
  readonly owner: number;
  /** room for all of its blocks, as {@link treeLevels} counts them */
  readonly places: readonly number[];
  readonly uuid: string;
  readonly chunkTreeUuid: string;
}

/** Blocks of a tree in the order of their places: leaves, then each level above. The last one is the root. */
export function planBlocks(sizes: readonly number[], owner: number, places: readonly number[]): TreeBlock[] {
  const blocks: TreeBlock[] = [];
  treeLevels(sizes).forEach((count, level) => {
    for (let index = 0; index < count; index++) blocks.push({ place: places[blocks.length]!, level, owner });
  });
  return blocks;
}

/** Writes a tree. @throws RangeError when its records are not sorted */
export function writeTree(
  items: readonly TreeItem[],
  at: TreePlace,
  write: (place: number, block: Uint8Array) => void,
): void {
  for (let index = 1; index < items.length; index++)
    if (compareKeys(items[index - 1]!.key, items[index]!.key) >= 0)
      throw new RangeError(`records of tree ${at.owner} are not sorted`);
  const ends = leafEnds(items.map(({ data }) => data.length));
  let next = 0,
    from = 0;
  let below: { key: Key; place: number }[] = [];
  for (const end of ends) {
    const place = at.places[next++]!,
      { bytes, view } = emptyBlock(at, place, { count: end - from, level: 0 });
    let dataEnd = NODE_SIZE;
    for (let index = from; index < end; index++) {
      const { key, data } = items[index]!,
        slot = HEADER_SIZE + (index - from) * LEAF_ITEM_SIZE;
      dataEnd -= data.length;
      putKey(view, slot, key);
      view.setUint32(slot + 17, dataEnd - HEADER_SIZE, true);
      view.setUint32(slot + 21, data.length, true);
      bytes.set(data, dataEnd);
    }
    seal(bytes);
    write(place, bytes);
    if (end > from) below.push({ key: items[from]!.key, place });
    from = end;
  }
  for (let level = 1; below.length > 1; level++) {
    const above: { key: Key; place: number }[] = [];
    for (let first = 0; first < below.length; first += NODE_POINTERS) {
      const own = below.slice(first, first + NODE_POINTERS);
      const place = at.places[next++]!,
        { bytes, view } = emptyBlock(at, place, { count: own.length, level });
      own.forEach((pointer, index) => {
        const slot = HEADER_SIZE + index * NODE_POINTER_SIZE;
        putKey(view, slot, pointer.key);
        writeU64(view, slot + 17, pointer.place);
        writeU64(view, slot + 25, GENERATION);
      });
      seal(bytes);
      write(place, bytes);
      above.push({ key: own[0]!.key, place });
    }
    below = above;
  }
}

function emptyBlock(
  at: TreePlace,
  place: number,
  own: { count: number; level: number },
): { bytes: Uint8Array; view: DataView } {
  const bytes = new Uint8Array(NODE_SIZE),
    view = viewOf(bytes);
  bytes.set(uuidBytes(at.uuid), 32);
  writeU64(view, 48, place);
  bytes[56] = FLAG_WRITTEN;
  bytes[63] = BACKREF_REVISION;
  bytes.set(uuidBytes(at.chunkTreeUuid), 64);
  writeU64(view, 80, GENERATION);
  putU64(view, 88, at.owner);
  view.setUint32(96, own.count, true);
  bytes[100] = own.level;
  return { bytes, view };
}
