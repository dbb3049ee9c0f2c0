import {
  blockMapReach,
  EXTENT_BLOCKS_MAX,
  extentTreeBlocks,
  readBlockMap,
  readExtents,
  UNWRITTEN_BLOCKS_MAX,
  writeBlockMap,
  writeExtents,
  type Disk,
  type Extent,
} from "@stratos/formats/ext4";

/** Blocks of a file, and of the tree that says where they lie; in memory from the first look until it is forgotten. */
export interface Ext4Content {
  /** In ascending order, none over another. */
  runs: Extent[];
  treeBlocks: number[];
  /** The inode on the disk has other runs. */
  isChanged: boolean;
}

/** How trees of a file system are read and written. */
export interface TreeShape {
  readonly disk: Disk;
  readonly blockSize: number;
  readonly blockCount: number;
}

/** @param size  in bytes, of a file with a block map. @throws FormatError */
export function readContent(area: Uint8Array, hasExtents: boolean, size: number, shape: TreeShape): Ext4Content {
  const { disk, blockSize, blockCount } = shape;
  const { extents, treeBlocks } = hasExtents
    ? readExtents(area, disk, blockSize, blockCount, true)
    : readBlockMap(area, size, disk, blockSize, blockCount);
  return { runs: [...extents], treeBlocks: [...treeBlocks], isChanged: false };
}

/**
 * The tree anew, over the blocks of the old one as far as they reach. @param allocate  gives another
 * @param free  takes what is left of the old ones
 * @returns the block area
 */
export function writeContent(
  content: Ext4Content,
  hasExtents: boolean,
  seed: number,
  { disk, blockSize }: TreeShape,
  allocate: () => number,
  free: (block: number) => void,
): Uint8Array {
  const old = content.treeBlocks.reverse();
  content.treeBlocks = [];
  const take = (): number => {
    const block = old.pop() ?? allocate();
    content.treeBlocks.push(block);
    return block;
  };
  const write = (block: number, bytes: Uint8Array): void => disk.write(block * blockSize, bytes);
  try {
    const area = hasExtents
      ? writeExtents(content.runs, blockSize, seed, take, write)
      : writeBlockMap(content.runs, blockSize, take, write);
    for (const block of old.splice(0)) free(block);
    content.isChanged = false;
    return area;
  } finally {
    // After an error the old ones are still the tree's.
    content.treeBlocks.push(...old);
  }
}

/** Blocks that the tree of so many runs has at most. */
export function treeBlocksFor(runs: readonly Extent[], hasExtents: boolean, blockSize: number): number {
  if (hasExtents) return extentTreeBlocks(runs.length, blockSize);
  const perBlock = blockSize / 4;
  let blocks = 0;
  for (const { count } of runs) blocks += Math.ceil(count / perBlock) + 3;
  return blocks;
}

/** The most blocks that a file can have. */
export function blocksMost(hasExtents: boolean, blockSize: number): number {
  return hasExtents ? 2 ** 32 - 1 : Math.min(blockMapReach(blockSize), 2 ** 32);
}

/** Index of the run that holds the block, or of the first one behind it. */
export function runAt(runs: readonly Extent[], logical: number): number {
  let low = 0,
    high = runs.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const run = runs[middle]!;
    if (run.logical + run.count <= logical) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Has the block no place? */
export function isHole(runs: readonly Extent[], logical: number): boolean {
  const run = runs[runAt(runs, logical)];
  return run === undefined || run.logical > logical;
}

/** Puts a run into a hole, and joins it with its neighbours where it goes on from them. */
export function addRun(content: Ext4Content, run: Extent): void {
  const { runs } = content;
  content.isChanged = true;
  const at = runAt(runs, run.logical);
  runs.splice(at, 0, run);
  joinAt(runs, at);
  joinAt(runs, at - 1);
}

function joinAt(runs: Extent[], at: number): void {
  const first = runs[at],
    second = runs[at + 1];
  if (first === undefined || second === undefined) return;
  const most = first.isUnwritten === true ? UNWRITTEN_BLOCKS_MAX : EXTENT_BLOCKS_MAX;
  if (
    first.logical + first.count !== second.logical ||
    first.physical + first.count !== second.physical ||
    first.isUnwritten !== second.isUnwritten ||
    first.count + second.count > most
  )
    return;
  runs.splice(at, 2, { ...first, count: first.count + second.count });
}

/** A run's part from block `from` to before `to`. */
function part(run: Extent, from: number, to: number): Extent {
  return { ...run, logical: from, physical: run.physical + from - run.logical, count: to - from };
}

/**
 * Takes the blocks from `first` to before `last` out of the file. @param each  is told of what was there, in ascending
 * order
 */
export function removeRuns(content: Ext4Content, first: number, last: number, each: (run: Extent) => void): void {
  if (last <= first) return;
  const { runs } = content;
  const from = runAt(runs, first);
  let to = from;
  const rest: Extent[] = [];
  for (; to < runs.length && runs[to]!.logical < last; to++) {
    const run = runs[to]!;
    const end = run.logical + run.count;
    if (run.logical < first) rest.push(part(run, run.logical, first));
    each(part(run, Math.max(first, run.logical), Math.min(last, end)));
    if (end > last) rest.push(part(run, last, end));
  }
  if (to === from) return;
  content.isChanged = true;
  runs.splice(from, to - from, ...rest);
}

/** The block counts as written from now on. */
export function markWritten(content: Ext4Content, first: number, last: number): void {
  const found: Extent[] = [];
  removeRuns(content, first, last, (run) => found.push(run));
  for (const { logical, physical, count } of found) addRun(content, { logical, physical, count });
}

/** Runs from `first` on go `by` blocks on (or back). */
export function shiftRuns(content: Ext4Content, first: number, by: number): void {
  const { runs } = content;
  const split: Extent[] = [];
  for (const run of runs) {
    const end = run.logical + run.count;
    if (end <= first) split.push(run);
    else if (run.logical >= first) split.push({ ...run, logical: run.logical + by });
    else {
      split.push(part(run, run.logical, first));
      const tail = part(run, first, end);
      split.push({ ...tail, logical: tail.logical + by });
    }
  }
  content.runs = split;
  content.isChanged = true;
}
