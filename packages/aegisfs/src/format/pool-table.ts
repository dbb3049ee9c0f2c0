/**
 * Where a volume's blocks are (FORMAT.md §2.1): its devices, and the segments of the block space with the places of
 * their copies. A volume of one device and one copy has no table: its only segment is the device.
 *
 *   device, 16 words     0–3 UUID, 4 blocks, 5 class, 6 flags, 7–8 generation when it was last written, 9–13 error
 *   counters
 *   segment, 8 words     0 first block, 1 blocks, 2 copies, 3 devices of the copies (8 bits each), 4–6 first block of
 *   each on its device,
 *                        7 class
 */
import { GROUP_BLOCKS } from "./geometry.ts";

export const DEVICES_MAX = 16;
export const SEGMENTS_MAX = 64;
export const COPIES_MAX = 3;

const DEVICE_WORDS = 16;
const SEGMENT_WORDS = 8;

/** Kinds of devices: what must be quick is kept on the fast ones. */
export const CLASS_FAST = 0;
export const CLASS_SLOW = 1;

/** It was not there, or failed, when the volume was last written: what it holds may be old. */
export const DEVICE_STALE = 1;
/** It waits to take a copy, or another device's place: space that is only to be had is taken from others. */
export const DEVICE_SPARE = 2;

/** What went wrong on a device since its counters were last reset. */
export class ErrorCounters {
  /** Reads and writes that the device refused. */
  readErrors = 0;
  writeErrors = 0;
  /** Blocks that did not match their checksums. */
  corruptBlocks = 0;
  /** Blocks that were written anew from another copy. */
  repairedBlocks = 0;
  /** Blocks of which no good copy was found. */
  lostBlocks = 0;
}

export class DeviceEntry {
  readonly uuid: Uint32Array = new Uint32Array(4);
  /** 0: the slot is free. */
  blocks = 0;
  class: number = CLASS_FAST;
  flags = 0;
  generation = 0;
  errors: ErrorCounters = new ErrorCounters();
}

export interface Place {
  device: number;
  first: number;
}

export interface Segment {
  /** First block of the volume; a multiple of 8192 above the volume's first. */
  first: number;
  blocks: number;
  places: Place[];
  /** CLASS_SLOW when one of its devices is slow. */
  class: number;
}

export interface PoolTable {
  devices: DeviceEntry[];
  segments: Segment[];
}

export function encodePoolTable(table: PoolTable, words: Uint32Array, at: number): void {
  table.devices.forEach((device, index) => {
    const to = at + index * DEVICE_WORDS;
    words.set(device.uuid, to);
    words[to + 4] = device.blocks;
    words[to + 5] = device.class;
    words[to + 6] = device.flags;
    words[to + 7] = device.generation >>> 0;
    words[to + 8] = Math.floor(device.generation / 0x100000000);
    encodeErrors(device.errors, words, to + 9);
  });
  table.segments.forEach((segment, index) => {
    const to = at + DEVICES_MAX * DEVICE_WORDS + index * SEGMENT_WORDS;
    words[to] = segment.first;
    words[to + 1] = segment.blocks;
    words[to + 2] = segment.places.length;
    words[to + 7] = segment.class;
    segment.places.forEach((place, copy) => {
      words[to + 3]! |= place.device << (copy * 8);
      words[to + 4 + copy] = place.first;
    });
  });
}

export function encodeErrors(errors: ErrorCounters, words: Uint32Array, at: number): void {
  words.set(
    [errors.readErrors, errors.writeErrors, errors.corruptBlocks, errors.repairedBlocks, errors.lostBlocks],
    at,
  );
}

export function decodeErrors(errors: ErrorCounters, words: Uint32Array, at: number): void {
  errors.readErrors = words[at]!;
  errors.writeErrors = words[at + 1]!;
  errors.corruptBlocks = words[at + 2]!;
  errors.repairedBlocks = words[at + 3]!;
  errors.lostBlocks = words[at + 4]!;
}

/** The table in `words[at …)`; null when it makes no sense: forged, or of a writer with a defect. */
export function decodePoolTable(
  words: Uint32Array,
  at: number,
  deviceCount: number,
  segmentCount: number,
  firstBlock: number,
): PoolTable | null {
  if (deviceCount > DEVICES_MAX || segmentCount > SEGMENTS_MAX || segmentCount === 0) return null;
  const devices: DeviceEntry[] = [];
  for (let index = 0; index < deviceCount; index++) {
    const from = at + index * DEVICE_WORDS;
    const device = new DeviceEntry();
    device.uuid.set(words.subarray(from, from + 4));
    device.blocks = words[from + 4]!;
    device.class = words[from + 5]!;
    device.flags = words[from + 6]!;
    device.generation = words[from + 7]! + words[from + 8]! * 0x100000000;
    decodeErrors(device.errors, words, from + 9);
    if (device.class > CLASS_SLOW) return null;
    devices.push(device);
  }
  const segments: Segment[] = [];
  let next = firstBlock;
  for (let index = 0; index < segmentCount; index++) {
    const from = at + DEVICES_MAX * DEVICE_WORDS + index * SEGMENT_WORDS;
    const segment: Segment = { first: words[from]!, blocks: words[from + 1]!, places: [], class: words[from + 7]! };
    const copies = words[from + 2]!;
    if (
      segment.first < next ||
      segment.first % GROUP_BLOCKS !== 0 ||
      segment.blocks === 0 ||
      copies === 0 ||
      copies > COPIES_MAX ||
      segment.class > CLASS_SLOW
    )
      return null;
    for (let copy = 0; copy < copies; copy++) {
      const place = { device: (words[from + 3]! >>> (copy * 8)) & 255, first: words[from + 4 + copy]! };
      const device = devices[place.device];
      if (device === undefined || place.first + segment.blocks > device.blocks) return null;
      segment.places.push(place);
    }
    next = segment.first + segment.blocks;
    if (next > 0xffffffff) return null;
    segments.push(segment);
  }
  return overlap(segments) ? null : { devices, segments };
}

/** Do two places share blocks of a device? */
function overlap(segments: readonly Segment[]): boolean {
  const places = segments.flatMap(({ blocks, places: all }) =>
    all.map(({ device, first }) => ({ device, first, end: first + blocks })),
  );
  places.sort((a, b) => a.device - b.device || a.first - b.first);
  return places.some(
    (place, index) => index > 0 && places[index - 1]!.device === place.device && places[index - 1]!.end > place.first,
  );
}
