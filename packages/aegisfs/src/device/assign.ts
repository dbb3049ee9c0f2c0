/**
 * Makes segments of what devices have to spare. Copies of one segment lie on different devices, unless the volume has a
 * single device.
 */
import { GROUP_BLOCKS, NODE_BLOCKS } from "../format/geometry.ts";
import { DEVICE_SPARE, DeviceEntry, SEGMENTS_MAX } from "../format/pool-table.ts";
import type { Superblock } from "../format/superblock.ts";
import type { Place, PoolTable, Segment } from "../format/pool-table.ts";

/** A segment is not worth having below so many blocks. */
export const SEGMENT_MIN = 1024;
/** Mirrored space comes in about so many segments, so that devices of different sizes can be paired. */
const SEGMENTS_AIMED = 24;
const BLOCK_END = 0xfffffff0;

interface Gap {
  device: number;
  first: number;
  blocks: number;
}

/**
 * Adds segments of `copies` copies to the table until no device but spares has room for more.
 *
 * @param allowed  may a device be used?
 */
export function assignSegments(
  table: PoolTable,
  copies: number,
  firstBlock: number,
  allowed: (entry: DeviceEntry) => boolean = () => true,
): void {
  const { devices, segments } = table;
  const usable = devices.filter((entry) => entry.blocks > 0 && (entry.flags & DEVICE_SPARE) === 0);
  const present = usable.length;
  const total = usable.reduce((sum, { blocks }) => sum + blocks, 0);
  const chunk = Math.max(1, Math.ceil(total / copies / SEGMENTS_AIMED / GROUP_BLOCKS)) * GROUP_BLOCKS;
  while (segments.length < SEGMENTS_MAX) {
    const gaps = devices.flatMap((entry, device) =>
      usable.includes(entry) && allowed(entry) ? largestGap(table, device) : [],
    );
    gaps.sort((a, b) => b.blocks - a.blocks);
    const last = segments[segments.length - 1];
    const first = last === undefined ? firstBlock : Math.ceil((last.first + last.blocks) / GROUP_BLOCKS) * GROUP_BLOCKS;
    let places: Place[];
    let blocks: number;
    if (present === 1 && copies > 1) {
      const gap = gaps[0];
      if (gap === undefined) return;
      blocks = Math.floor(gap.blocks / copies / NODE_BLOCKS) * NODE_BLOCKS;
      places = Array.from({ length: copies }, (_, copy) => ({ device: gap.device, first: gap.first + copy * blocks }));
    } else {
      // Copies on devices of one class, as long as there are such; a slow copy makes a slow segment.
      const alike = gaps.filter(({ device }) => devices[device]!.class === devices[gaps[0]!.device]!.class);
      const chosen = (alike.length >= copies ? alike : gaps).slice(0, copies);
      if (chosen.length < copies) return;
      blocks = chosen[copies - 1]!.blocks;
      if (copies > 1 && gaps.length > copies) blocks = Math.min(blocks, chunk);
      places = chosen.map(({ device, first: at }) => ({ device, first: at }));
    }
    blocks = Math.min(blocks, BLOCK_END - first);
    if (blocks < SEGMENT_MIN) return;
    segments.push({ first, blocks, places, class: Math.max(...places.map(({ device }) => devices[device]!.class)) });
  }
}

/** A table entry for a device that joins the volume: its UUID is one that the volume gives to no other. */
export function newDevice(superblock: Superblock, blocks: number, deviceClass: number): DeviceEntry {
  const entry = new DeviceEntry();
  const number = superblock.table!.devices.length;
  entry.uuid.set([
    superblock.uuid[0]! ^ superblock.uuid[2]!,
    superblock.uuid[1]! ^ superblock.uuid[3]!,
    superblock.generation,
    number + 1,
  ]);
  entry.blocks = blocks;
  entry.class = deviceClass;
  return entry;
}

/** The largest unused run of a device; none when it is full. */
export function largestGap(table: PoolTable, device: number, from = 0): Gap[] {
  let best: Gap | null = null;
  let at = from;
  for (const place of [...placesOn(table.segments, device), { first: table.devices[device]!.blocks, blocks: 0 }]) {
    const blocks = place.first - at;
    if (blocks >= SEGMENT_MIN && (best === null || blocks > best.blocks)) best = { device, first: at, blocks };
    at = Math.max(at, place.first + place.blocks);
  }
  return best === null ? [] : [best];
}

/** What segments use of a device, in its order. */
function placesOn(segments: readonly Segment[], device: number): { first: number; blocks: number }[] {
  const used = segments.flatMap(({ places, blocks }) =>
    places.filter((place) => place.device === device).map(({ first }) => ({ first, blocks })),
  );
  return used.sort((a, b) => a.first - b.first);
}
