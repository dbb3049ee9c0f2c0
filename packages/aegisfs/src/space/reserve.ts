/**
 * Who may use the last of the free space. A volume writes everything to new places, deletions too: without a reserve
 * nobody could free anything once it is full. And what frees less than it takes (removing files that a snapshot holds)
 * must not take the space that the way out needs. So operations stand on steps, and each leaves whole what those below
 * need:
 *
 *     grows      files, names, attributes, snapshots: whatever makes more of something          stops first
 *     shrinks    unlink, truncate, holes, modes and times: they take a copy of a node where a snapshot shares it
 *     settings   limits, properties, error counters: a few items, by who owns the volume
 *     frees      deleted snapshots and their reclaiming, rollback: bounded steps, each gives back more than it takes
 *     none       growing, a new device: what it brings is there before it is needed
 *
 * Space for metadata is counted in quads, free aligned runs of four blocks, since that is what a node takes.
 */
import type { VolumeSpace } from "./volume-space.ts";

export const Room = { none: 0, frees: 1, settings: 2, shrinks: 3, grows: 4 } as const;
export type Room = (typeof Room)[keyof typeof Room];

/**
 * Nodes on the way to what any step changes: the volume tree's path, the list of dropped trees, what is left of a tree
 * that is freed in parts.
 */
const PATH_QUADS = 20;
/**
 * Leaves with bitmaps, and with owners of blocks, that a step which frees may have to copy when it is as short as can
 * be: `STEP_UNITS_MIN` of each.
 */
const STEP_UNITS_MIN = 16;
/** Owners that one step of freeing takes away at the most: some 30 ms of a core. */
const STEP_UNITS_MAX = 8192;
/** What settings may take beyond that. */
const SETTINGS_QUADS = 8;
/** Nodes that one operation on files may have to allocate at the worst, bitmaps and owners left out. */
const OPERATION_QUADS = 48;
/** Leaves of owners that it copies at the worst: of a large volume with many snapshots not all. */
const OWNERS_QUADS_MAX = 2048;
/**
 * What files may not take so that they can be removed under a snapshot of all of them: a share of the volume (0.8 per
 * cent), at most 512 MiB. It is what the copies of their nodes come to for files of 100 KiB and more.
 */
const REMOVAL_SHARE = 512;
const REMOVAL_QUADS_MAX = 32768;
/** Owners that a new leaf of them holds at the least, and bitmaps. */
const OWNERS_OF_LEAF = 64;
const BITMAPS_OF_LEAF = 8;

/** Quads that must be free when an operation of that kind begins. */
export function reserveFor(volume: VolumeSpace, room: Room): number {
  if (room === Room.none) return 0;
  const owners = volume.references.records / OWNERS_OF_LEAF;
  const bitmaps = bitmapLeaves(volume);
  const frees = PATH_QUADS + Math.ceil(Math.min(STEP_UNITS_MIN, bitmaps) + Math.min(2 * STEP_UNITS_MIN, owners));
  if (room === Room.frees) return frees;
  if (room === Room.settings) return frees + SETTINGS_QUADS;
  const operation =
    OPERATION_QUADS +
    Math.ceil(Math.min(volume.space.dirtyGroups / BITMAPS_OF_LEAF, bitmaps) + Math.min(OWNERS_QUADS_MAX, owners));
  if (room === Room.grows)
    return (
      frees +
      SETTINGS_QUADS +
      2 * operation +
      Math.min(REMOVAL_QUADS_MAX, Math.floor(volume.store.layout.blocks / REMOVAL_SHARE))
    );
  // Where nothing is shared, what is removed gives back what it takes: the last file goes with half of that.
  return frees + SETTINGS_QUADS + (owners === 0 ? operation >> 1 : operation);
}

/**
 * Owners that one step of freeing may take away with the space that there is: each may lie in another leaf of owners
 * and in another group.
 */
export function stepUnits(volume: VolumeSpace): number {
  const { availableQuads } = volume.space;
  const spare = availableQuads - PATH_QUADS - bitmapLeaves(volume) - volume.references.records / OWNERS_OF_LEAF;
  // With room for all leaves that there are, only the parts count into which records fall.
  if (spare > 0) return Math.min(STEP_UNITS_MAX, Math.floor(STEP_UNITS_MIN + spare * OWNERS_OF_LEAF));
  return Math.min(STEP_UNITS_MAX, Math.max(STEP_UNITS_MIN, (availableQuads - PATH_QUADS) >> 1));
}

function bitmapLeaves({ space }: VolumeSpace): number {
  return Math.floor(space.groups / BITMAPS_OF_LEAF) + 1;
}
