/** Growing and shrinking devices while the volume is mounted. Sizes are in blocks of 4096 bytes. */
import { EBUSY, EINVAL, ENODEV, ENOSPC } from "@stratos/abi";
import { BLOCK_SIZE } from "../format/geometry.ts";
import { CLASS_FAST } from "../format/pool-table.ts";
import type { Segment } from "../format/pool-table.ts";
import { Layout } from "../store/layout.ts";
import { Room } from "../space/reserve.ts";
import type { Volume } from "../volume/volume.ts";
import { assignSegments, SEGMENT_MIN } from "./assign.ts";
import { countMoves, moverOfRanges, relocate } from "./relocation.ts";

/** So that a shrunken volume can still be worked with. */
const SPARE_BLOCKS = 512;

export interface ResizeOptions {
  /** Only tell whether it can be done. */
  dryRun?: boolean;
  /** Blocks moved so far. */
  progress?: (blocks: number) => void;
}

/**
 * Gives device `index` that many blocks. Growing makes a file longer when it is too short; shrinking moves what lies
 * behind the new end, then cuts it.
 *
 * @returns 0, −ENODEV, −EINVAL (too small), −ENOSPC (what is stored does not fit), or the errno of what failed
 */
export function resizeDevice(volume: Volume, index: number, blocks: number, options: ResizeOptions = {}): number {
  const { store, superblock } = volume;
  const slot = store.devices[index];
  const device = slot?.device ?? null;
  const { table } = superblock;
  if (slot === undefined || device === null || (table !== null && slot.entry.blocks === 0)) return -ENODEV;
  if (blocks < SEGMENT_MIN || blocks + store.topStart > 0xfffffff0) return -EINVAL;
  const now = table === null ? superblock.blocks : slot.entry.blocks;
  if (blocks < now) return shrink(volume, index, blocks, options);
  if (options.dryRun === true) return 0;
  const begun = beginGrowing(volume);
  if (begun < 0) return begun;
  if (device.size < blocks * BLOCK_SIZE) {
    const result = device.resize(blocks * BLOCK_SIZE);
    if (result < 0) return result;
  }
  if (table === null)
    return useLayout(volume, [{ first: store.topStart, blocks, places: [{ device: 0, first: 0 }], class: CLASS_FAST }]);
  slot.entry.blocks = blocks;
  const segments = table.segments.map(copyOf);
  const last = segments[segments.length - 1]!;
  // The last segment simply gets longer where it can: that keeps the table short.
  const place = last.places[0]!;
  if (last.places.length === 1 && place.device === index && place.first + last.blocks === now)
    last.blocks += blocks - now;
  else assignSegments({ devices: table.devices, segments }, superblock.copies, store.topStart);
  return useLayout(volume, segments);
}

function shrink(volume: Volume, index: number, blocks: number, options: ResizeOptions): number {
  const { store, superblock } = volume;
  const segments: Segment[] = [];
  const leaving: { start: number; end: number }[] = [];
  for (const segment of store.layout.segments) {
    let keep = segment.blocks;
    for (const place of segment.places)
      if (place.device === index) keep = Math.min(keep, Math.max(0, blocks - place.first));
    if (keep < SEGMENT_MIN) keep = 0;
    if (keep < segment.blocks) leaving.push({ start: segment.first + keep, end: segment.first + segment.blocks });
    if (keep > 0) segments.push({ ...copyOf(segment), blocks: keep });
  }
  if (segments.length === 0) return -EINVAL;
  const emptied = evacuate(volume, leaving, options);
  if (emptied < 0 || options.dryRun === true) return emptied;
  if (superblock.table !== null) store.devices[index]!.entry.blocks = blocks;
  const committed = useLayout(volume, segments);
  if (committed < 0) return committed;
  // The superblock no longer speaks of it: only now may it go.
  const resized = store.devices[index]!.device!.resize(blocks * BLOCK_SIZE);
  return resized === -EINVAL || resized >= 0 ? 0 : resized;
}

/**
 * Moves everything out of ranges of blocks, durably, and keeps them closed. −ENOSPC when the rest of the volume cannot
 * take it; they are open again then.
 */
export function evacuate(
  volume: Volume,
  ranges: readonly { start: number; end: number }[],
  options: ResizeOptions = {},
): number {
  // A volume that is only read can be asked as well: nothing is pending there.
  const begun = options.dryRun === true && volume.readOnly ? 0 : begin(volume);
  if (begun < 0) return begun;
  const { space } = volume;
  const open = (): void => {
    for (const { start, end } of ranges) space.open(start, end);
    space.committed();
  };
  const mover = moverOfRanges(ranges, options.progress);
  try {
    for (const { start, end } of ranges) space.close(start, end);
    const { nodes, blocks } = countMoves(volume, mover);
    const reserve = volume.quadReserve;
    if (
      space.availableQuads < nodes + reserve ||
      space.availableBlocks < blocks + (nodes + reserve) * 4 + Math.min(SPARE_BLOCKS, blocks)
    ) {
      open();
      return -ENOSPC;
    }
    if (options.dryRun === true) {
      open();
      return 0;
    }
    relocate(volume, mover, nodes);
    const committed = volume.commit();
    if (committed < 0) return committed;
    const left = ranges.reduce((sum, { start, end }) => sum + space.countUsed(start, end), 0);
    // Leaves of the volume tree that hold bitmaps may have moved in the commit itself; nothing else can be left.
    if (left > 0) {
      relocate(volume, mover, countMoves(volume, mover).nodes);
      const again = volume.commit();
      if (again < 0) return again;
      if (ranges.some(({ start, end }) => space.countUsed(start, end) > 0)) {
        open();
        return -EBUSY;
      }
    }
    return 0;
  } catch (thrown) {
    const failed = volume.abort(thrown);
    // Nothing has changed: a block could not be read, or free space is in too many pieces.
    if (volume.failure === null) open();
    return failed;
  } finally {
    volume.end();
  }
}

/**
 * Begins to add space: everything before is durable. It needs none for itself, however full the volume is: when the new
 * layout is written its blocks are there already, in the very commit that makes them the volume's.
 */
export function beginGrowing(volume: Volume): number {
  const committed = volume.commit();
  return committed < 0 ? committed : volume.begin(Room.none);
}

/**
 * Begins to move content: everything before is durable, and nothing of deleted trees, which no mover walks, is left.
 */
export function begin(volume: Volume): number {
  let more = 1;
  while (more > 0) more = volume.reclaim(16);
  if (more < 0) return more;
  const committed = volume.commit();
  if (committed < 0) return committed;
  return volume.begin(Room.grows);
}

/** Takes over segments and makes that durable. */
export function useLayout(volume: Volume, segments: Segment[]): number {
  const { store, space, superblock } = volume;
  try {
    const layout = new Layout(segments);
    space.setLayout(layout);
    store.layout = layout;
    volume.layoutChanged();
    superblock.blocks = layout.end - store.topStart;
    if (superblock.table !== null) superblock.table.segments = segments;
    volume.root.touch();
    return volume.commit();
  } catch (thrown) {
    return volume.abort(thrown);
  } finally {
    volume.end();
  }
}

function copyOf(segment: Segment): Segment {
  return {
    first: segment.first,
    blocks: segment.blocks,
    places: segment.places.map((place) => ({ ...place })),
    class: segment.class,
  };
}
