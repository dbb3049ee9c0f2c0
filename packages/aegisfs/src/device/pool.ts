/**
 * Devices that join and leave a volume while it is mounted. What was decided is durable when a function returns; the
 * number of a device is its place in the table and stays.
 */
import type { BlockDevice } from "@stratos/host";
import { E2BIG, EEXIST, EINVAL, EIO, ENODEV, ENOSPC } from "@stratos/abi";
import { BLOCK_SIZE } from "../format/geometry.ts";
import { CLASS_FAST, COPIES_MAX, DEVICE_SPARE, DEVICES_MAX } from "../format/pool-table.ts";
import type { PoolTable, Segment } from "../format/pool-table.ts";
import { SUPERBLOCK_SLOTS } from "../format/superblock.ts";
import { DeviceSlot } from "../store/block-store.ts";
import type { Volume } from "../volume/volume.ts";
import { assignSegments, largestGap, newDevice, SEGMENT_MIN } from "./assign.ts";
import { CopyJob } from "./copy-job.ts";
import { beginGrowing, evacuate, useLayout } from "./resize.ts";
import type { ResizeOptions } from "./resize.ts";

export interface AddOptions {
  /** CLASS_FAST or CLASS_SLOW. */
  class?: number;
  /** It stays unused until `setCopies` or `moveToSpare` needs it. */
  spare?: boolean;
}

/**
 * Takes a device into the volume; what it held is lost. Returns its number; −EINVAL when it is too small, −E2BIG when
 * there are 16, −EIO, −EEXIST when it is one of the volume's already.
 */
export function addDevice(volume: Volume, device: BlockDevice, options: AddOptions = {}): number {
  const { store, superblock } = volume;
  const blocks = Math.min(Math.floor(device.size / BLOCK_SIZE), 0xfffffff0);
  if (store.topStart > 0 || blocks < SEGMENT_MIN || device.readOnly) return -EINVAL;
  if (store.devices.some((slot) => slot.device === device)) return -EEXIST;
  const begun = beginGrowing(volume);
  if (begun < 0) return begun;
  const table = tableOf(volume);
  const index = freeSlot(table);
  if (index < 0) return index;
  if (!erase(device)) return -EIO;
  joinTable(volume, index, device, blocks, options.class ?? CLASS_FAST);
  const segments = copyOf(store.layout.segments);
  if (options.spare === true) table.devices[index]!.flags |= DEVICE_SPARE;
  else assignSegments({ devices: table.devices, segments }, superblock.copies, 0);
  const failed = useLayout(volume, segments);
  return failed < 0 ? failed : index;
}

/** The volume's table; one device without a table gets it with the next commit. */
function tableOf(volume: Volume): PoolTable {
  const { store, superblock } = volume;
  if (superblock.table !== null) return superblock.table;
  const table: PoolTable = { devices: [], segments: copyOf(store.layout.segments) };
  superblock.table = table;
  const entry = newDevice(superblock, superblock.blocks, CLASS_FAST);
  Object.assign(entry.errors, store.devices[0]!.entry.errors);
  table.devices.push(entry);
  store.devices[0] = new DeviceSlot(store.devices[0]!.device, entry);
  return table;
}

function freeSlot(table: PoolTable): number {
  const free = table.devices.findIndex(({ blocks }) => blocks === 0);
  if (free >= 0) return free;
  return table.devices.length < DEVICES_MAX ? table.devices.length : -E2BIG;
}

function joinTable(volume: Volume, index: number, device: BlockDevice, blocks: number, deviceClass: number): void {
  const { store, superblock } = volume;
  const entry = newDevice(superblock, blocks, deviceClass);
  entry.generation = superblock.generation;
  superblock.table!.devices[index] = entry;
  store.devices[index] = new DeviceSlot(device, entry, true);
}

function erase(device: BlockDevice): boolean {
  const zeros = new Uint8Array(BLOCK_SIZE);
  return (
    SUPERBLOCK_SLOTS.flat().every((slot) => device.write(slot * BLOCK_SIZE, zeros, 0, BLOCK_SIZE) >= 0) &&
    device.flush() >= 0
  );
}

/**
 * Takes a device out: its content moves to the others, and it becomes no part of any volume. −ENODEV, −ENOSPC when the
 * others cannot take it, −EINVAL for the last one.
 */
export function removeDevice(volume: Volume, index: number, options: ResizeOptions = {}): number {
  const { store, superblock } = volume;
  const { table } = superblock;
  const slot = store.devices[index];
  if (slot === undefined || (table !== null && slot.entry.blocks === 0)) return -ENODEV;
  const leaving = store.layout.segments.filter(({ places }) => places.some((place) => place.device === index));
  const staying = copyOf(store.layout.segments.filter((segment) => !leaving.includes(segment)));
  if (table === null || staying.length === 0) return -EINVAL;
  const emptied = evacuate(
    volume,
    leaving.map(({ first, blocks }) => ({ start: first, end: first + blocks })),
    options,
  );
  if (emptied < 0 || options.dryRun === true) return emptied;
  const { device } = slot;
  slot.entry.blocks = 0;
  slot.device = null;
  // What the partners of its mirrors have to spare is used anew.
  assignSegments({ devices: table.devices, segments: staying }, superblock.copies, 0);
  const failed = useLayout(volume, staying);
  if (failed < 0) return failed;
  if (device !== null) erase(device);
  return 0;
}

/**
 * Begins to put `device` in the place of device `index`, which may be missing as long as its content has copies. The
 * job copies in steps, the volume is used meanwhile; its `finish` makes the change. −ENODEV, −EINVAL (too small),
 * −E2BIG, −EIO.
 */
export function replaceDevice(volume: Volume, index: number, device: BlockDevice): CopyJob | number {
  const { store } = volume;
  const old = store.devices[index];
  if (old === undefined || store.topStart > 0) return -ENODEV;
  const begun = beginGrowing(volume);
  if (begun < 0) return begun;
  const table = tableOf(volume);
  const { entry } = store.devices[index]!;
  if (entry.blocks === 0) return -ENODEV;
  if (Math.floor(device.size / BLOCK_SIZE) < entry.blocks || device.readOnly) return -EINVAL;
  const target = freeSlot(table);
  if (target < 0) return target;
  if (!erase(device)) return -EIO;
  joinTable(volume, target, device, 0, entry.class);
  return moveDevice(volume, index, target, entry.blocks);
}

/**
 * `replaceDevice` with a device of the volume that holds nothing, where one of the same class is large enough: −ENOSPC.
 */
export function moveToSpare(volume: Volume, index: number): CopyJob | number {
  const { store, superblock } = volume;
  const old = store.devices[index];
  if (old === undefined || superblock.table === null || old.entry.blocks === 0) return -ENODEV;
  const target = spareFor(volume, index);
  if (target < 0) return -ENOSPC;
  const begun = beginGrowing(volume);
  return begun < 0 ? begun : moveDevice(volume, index, target, store.devices[target]!.entry.blocks);
}

/** A device that can take all that `index` holds, just where it lies there; −1: there is none. */
export function spareFor({ store }: Volume, index: number): number {
  const { segments } = store.layout;
  const held = (device: number): number =>
    Math.max(
      0,
      ...segments.flatMap(({ blocks, places }) =>
        places.filter((place) => place.device === device).map(({ first }) => first + blocks),
      ),
    );
  return store.devices.findIndex(
    ({ device, entry }, other) =>
      device !== null &&
      other !== index &&
      held(other) === 0 &&
      entry.class === store.devices[index]!.entry.class &&
      entry.blocks >= Math.max(1, held(index)),
  );
}

/** The job after which device `target`, of so many blocks, holds what `index` does, which has left the volume. */
function moveDevice(volume: Volume, index: number, target: number, blocks: number): CopyJob {
  const { store } = volume;
  const { entry } = store.devices[index]!;
  const additions = store.layout.segments.flatMap((segment) =>
    segment.places
      .filter((place) => place.device === index)
      .map((place) => ({ segment: segment.first, place: { device: target, first: place.first }, instead: index })),
  );
  return new CopyJob(volume, additions, () => {
    const taking = store.devices[target]!.entry;
    taking.blocks = blocks;
    taking.flags &= ~DEVICE_SPARE;
    const left = store.devices[index]!;
    const leftDevice = left.device;
    left.device = null;
    entry.blocks = 0;
    return () => {
      if (leftDevice !== null) erase(leftDevice);
    };
  });
}

/**
 * Changes the number of copies of everything. Fewer: the space of the others, save spares, is used for more. More:
 * needs unused space on other devices (`spare`), of which the smallest bounds the volume when it was one device, or
 * halves the room of a single device. A job that copies, 0 when nothing was to be copied, or −EINVAL, −ENOSPC …
 */
export function setCopies(volume: Volume, copies: number): CopyJob | number {
  const { store, superblock } = volume;
  if (copies < 1 || copies > COPIES_MAX || store.topStart > 0) return -EINVAL;
  const begun = beginGrowing(volume);
  if (begun < 0) return begun;
  const table = tableOf(volume);
  const segments = copyOf(store.layout.segments);
  const single = table.devices.filter(({ blocks }) => blocks > 0).length === 1;
  if (segments.some(({ places }) => places.length > copies)) {
    for (const segment of segments) segment.places.length = Math.min(segment.places.length, copies);
    superblock.copies = copies;
    assignSegments({ devices: table.devices, segments }, copies, 0);
    return useLayout(volume, segments);
  }
  if (segments.length === 1 && segments[0]!.places.length < copies) {
    const failed = makeRoom(volume, segments[0]!, copies, single);
    if (failed < 0) return failed;
  }
  const trial: PoolTable = { devices: table.devices, segments: copyOf(store.layout.segments) };
  const additions: { segment: number; place: { device: number; first: number } }[] = [];
  for (const segment of trial.segments) {
    while (segment.places.length < copies) {
      const used = new Set(segment.places.map(({ device }) => device));
      const gaps = table.devices.flatMap((entry, device) =>
        entry.blocks === 0 || (used.has(device) && !single) ? [] : largestGap(trial, device, SUPERBLOCK_ZONE),
      );
      const gap = gaps.sort((a, b) => b.blocks - a.blocks)[0];
      if (gap === undefined || gap.blocks < segment.blocks) return -ENOSPC;
      const place = { device: gap.device, first: gap.first };
      segment.places.push(place);
      additions.push({ segment: segment.first, place });
    }
  }
  if (additions.length === 0) {
    superblock.copies = copies;
    return useLayout(volume, trial.segments);
  }
  return new CopyJob(volume, additions, () => {
    superblock.copies = copies;
    for (const { place } of additions) table.devices[place.device]!.flags &= ~DEVICE_SPARE;
    return () => {};
  });
}

/**
 * Blocks of existing segments may hold content where a superblock would be on another device: their copies begin behind
 * those.
 */
const SUPERBLOCK_ZONE = 512;

/**
 * Shrinks the only segment, so that its copies fit: behind it on a single device, or on others, of which one as large
 * as this has the zone of superblocks less to give.
 */
function makeRoom(volume: Volume, segment: Segment, copies: number, single: boolean): number {
  const { devices } = tableOf(volume);
  const held = new Set(segment.places.map(({ device }) => device));
  const pool: PoolTable = { devices, segments: [segment] };
  const room = single
    ? Math.floor((devices.find(({ blocks }) => blocks > 0)!.blocks - SUPERBLOCK_ZONE) / copies)
    : devices
        .flatMap(({ blocks }, device) =>
          blocks === 0 || held.has(device) ? [] : largestGap(pool, device, SUPERBLOCK_ZONE).map((gap) => gap.blocks),
        )
        .sort((x, y) => y - x)[copies - segment.places.length - 1];
  const blocks = Math.floor((room ?? 0) / 4) * 4;
  if (blocks < SEGMENT_MIN) return -ENOSPC;
  if (blocks >= segment.blocks) return 0;
  const emptied = evacuate(volume, [{ start: segment.first + blocks, end: segment.first + segment.blocks }]);
  return emptied < 0 ? emptied : useLayout(volume, [{ ...segment, blocks }]);
}

function copyOf(segments: readonly Segment[]): Segment[] {
  return segments.map((segment) => ({ ...segment, places: segment.places.map((place) => ({ ...place })) }));
}
