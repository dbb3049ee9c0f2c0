/**
 * Tiers: content that is used much lies on fast devices, the rest on slow ones. `tierStatus` tells where files lie and
 * how much they are used; `migrate` moves whole files: what is pinned to where it belongs, then the hottest to the fast
 * devices until those are full to four fifths.
 */
import { ENOSPC, S_IFMT, S_IFREG } from "@stratos/abi";
import { EXTENT_AT_BLOCK, EXTENT_AT_LENGTH } from "../format/extent-item.ts";
import { KIND_EXTENT, KIND_INODE } from "../format/key.ts";
import { INODE_AT_HEAT, INODE_AT_HEAT_TIME, INODE_AT_MODE, INODE_AT_PROPERTIES } from "../format/inode-item.ts";
import { NODE_BLOCKS } from "../format/geometry.ts";
import { CLASS_FAST, CLASS_SLOW } from "../format/pool-table.ts";
import { propertiesOr, TIER_FAST, TIER_SLOW, tierOf } from "../format/properties.ts";
import { SUBVOLUME_READ_ONLY } from "../format/subvolume-item.ts";
import { begin } from "../device/resize.ts";
import { countMoves, relocate } from "../device/relocation.ts";
import type { Mover } from "../device/relocation.ts";
import type { Volume } from "../volume/volume.ts";
import { faded } from "../file/heat.ts";

/** How a file lies on the tiers. */
export interface FileTier {
  subvolume: number;
  ino: number;
  /** Mean accesses in a week. */
  heat: number;
  /** TIER_* that holds for it. */
  tier: number;
  fastBlocks: number;
  slowBlocks: number;
}

export interface TierStatus {
  /** Of each class: blocks, and those that are free. */
  fast: { blocks: number; freeBlocks: number };
  slow: { blocks: number; freeBlocks: number };
  /** Files with content on the devices, the hottest first. */
  files: FileTier[];
}

export interface MigrateOptions {
  dryRun?: boolean;
  /** Share of the fast devices that may be filled; default 0.8. */
  fill?: number;
  progress?: (blocks: number) => void;
}

export interface MigrateResult {
  /** Files that move, and blocks of theirs. */
  files: number;
  toFast: number;
  toSlow: number;
  /** Files that stay where they do not belong, since the devices where they do have no room for them. */
  left: number;
}

/** A negated errno when it cannot be read. */
export function tierStatus(volume: Volume): TierStatus | number {
  try {
    volume.settle();
    const status: TierStatus = { fast: { blocks: 0, freeBlocks: 0 }, slow: { blocks: 0, freeBlocks: 0 }, files: [] };
    for (const segment of volume.store.layout.segments) {
      const part = segment.class === CLASS_SLOW ? status.slow : status.fast;
      part.blocks += segment.blocks;
      part.freeBlocks += segment.blocks - volume.space.countUsed(segment.first, segment.first + segment.blocks);
    }
    for (const id of volume.subvolumeIds()) {
      // Snapshots share with what they were taken of, and follow it.
      if ((volume.subvolume(id)!.flags & SUBVOLUME_READ_ONLY) === 0) filesOf(volume, id, status.files);
    }
    status.files.sort((a, b) => b.heat - a.heat || a.subvolume - b.subvolume || a.ino - b.ino);
    return status;
  } catch (thrown) {
    return volume.readFailed(thrown);
  } finally {
    volume.end();
  }
}

function filesOf(volume: Volume, id: number, files: FileTier[]): void {
  const { tree, properties } = volume.subvolume(id)!;
  const defaults = propertiesOr(properties, volume.superblock.properties);
  const slow = classReader(volume);
  let file: FileTier | null = null;
  for (let more = tree.ceiling(0, 0, 0); more; more = tree.nextOfAll()) {
    const kind = tree.key(1) >>> 24;
    const at = tree.offset >>> 2;
    const { words } = tree;
    if (kind === KIND_INODE) {
      file = null;
      if ((words[at + INODE_AT_MODE]! & S_IFMT) !== S_IFREG) continue;
      const ino = tree.key(0);
      const heat =
        faded(words[at + INODE_AT_HEAT]!, words[at + INODE_AT_HEAT_TIME]!, volume.seconds) +
        (volume.heat?.pending(id, ino) ?? 0);
      file = {
        subvolume: id,
        ino,
        heat,
        tier: tierOf(propertiesOr(words[at + INODE_AT_PROPERTIES]!, defaults)),
        fastBlocks: 0,
        slowBlocks: 0,
      };
    } else if (kind === KIND_EXTENT && file !== null && tree.key(0) === file.ino) {
      if (file.fastBlocks + file.slowBlocks === 0) files.push(file);
      const stored = words[at + EXTENT_AT_LENGTH]! >>> 16;
      if (slow(words[at + EXTENT_AT_BLOCK]!)) file.slowBlocks += stored;
      else file.fastBlocks += stored;
    }
  }
}

/** Is a block on slow devices? Blocks of a base count as fast: they stay. */
function classReader(volume: Volume): (block: number) => boolean {
  const { layout } = volume.store;
  return (block) => layout.segmentAt(block)?.class === CLASS_SLOW;
}

/** Moves files between the tiers. A negated errno: −ENOSPC … */
export function migrate(volume: Volume, options: MigrateOptions = {}): MigrateResult | number {
  const status = tierStatus(volume);
  if (typeof status === "number") return status;
  const wanted = assign(status, options.fill ?? 0.8);
  const result: MigrateResult = { files: 0, toFast: 0, toSlow: 0, left: 0 };
  // Content takes new room before the old is free, and so do the nodes that name it.
  const reserve = volume.quadReserve * NODE_BLOCKS;
  const available = volume.space.availableBlocks - reserve;
  const choose = (files: readonly FileTier[], target: number, free: number): [Set<number>, number] => {
    const names = new Set<number>();
    let room = Math.min(free, available);
    let blocks = 0;
    for (const file of files) {
      const name = nameOf(file.subvolume, file.ino);
      const moving = target === CLASS_FAST ? file.slowBlocks : file.fastBlocks;
      if (moving === 0 || wanted.get(name) !== target) continue;
      if (moving + NODE_BLOCKS > room) {
        result.left++;
        continue;
      }
      room -= moving + NODE_BLOCKS;
      blocks += moving;
      result.files++;
      names.add(name);
    }
    return [names, blocks];
  };
  // What leaves the fast devices makes the room for what comes to them. The coldest leave first.
  const pinnedFirst = (files: readonly FileTier[], tier: number): FileTier[] => [
    ...files.filter((file) => file.tier === tier),
    ...files.filter((file) => file.tier !== tier),
  ];
  const { files, fast, slow } = status;
  const [leaving, toSlow] = choose(pinnedFirst(files.toReversed(), TIER_SLOW), CLASS_SLOW, slow.freeBlocks);
  const [coming, toFast] = choose(pinnedFirst(files, TIER_FAST), CLASS_FAST, fast.freeBlocks - reserve + toSlow);
  result.toFast = toFast;
  result.toSlow = toSlow;
  if (options.dryRun === true) return result;
  for (const [names, target] of [
    [leaving, CLASS_SLOW],
    [coming, CLASS_FAST],
  ] as const) {
    const failed = names.size === 0 ? 0 : moveTo(volume, names, target, options.progress);
    if (failed < 0) return failed;
  }
  return result;
}

/** Moves what of those files is not on devices of the class to there, durably. */
function moveTo(
  volume: Volume,
  names: ReadonlySet<number>,
  target: number,
  progress: MigrateOptions["progress"],
): number {
  const begun = begin(volume);
  if (begun < 0) return begun;
  try {
    const slow = classReader(volume);
    const { space } = volume;
    const mover: Mover = {
      movesNode: () => false,
      movesData: (block, subvolume, ino) =>
        names.has(nameOf(subvolume, ino)) && slow(block) !== (target === CLASS_SLOW),
      beforeData: () => space.choose(target === CLASS_SLOW ? TIER_SLOW : TIER_FAST),
      ...(progress === undefined ? {} : { progress }),
    };
    const { nodes, blocks } = countMoves(volume, mover);
    // What moves takes new room before the old is free.
    if (space.availableBlocks < blocks + (nodes + volume.quadReserve) * 4) return -ENOSPC;
    relocate(volume, mover, nodes);
    return volume.commit();
  } catch (thrown) {
    return volume.abort(thrown);
  } finally {
    volume.end();
  }
}

function nameOf(subvolume: number, ino: number): number {
  return subvolume * 0x100000000 + ino;
}

/** The class that each file should be on. */
function assign(status: TierStatus, fill: number): Map<number, number> {
  const wanted = new Map<number, number>();
  // What is on the fast devices besides files' content (metadata, snapshots) stays.
  const movable = status.files.reduce((sum, file) => sum + file.fastBlocks, 0);
  let room = Math.floor(status.fast.blocks * fill) - (status.fast.blocks - status.fast.freeBlocks - movable);
  const place = (file: FileTier, deviceClass: number): void => {
    wanted.set(nameOf(file.subvolume, file.ino), deviceClass);
    if (deviceClass === CLASS_FAST) room -= file.fastBlocks + file.slowBlocks;
  };
  for (const file of status.files) if (file.tier === TIER_FAST) place(file, CLASS_FAST);
  for (const file of status.files) if (file.tier === TIER_SLOW) place(file, CLASS_SLOW);
  for (const file of status.files) {
    if (file.tier === TIER_FAST || file.tier === TIER_SLOW) continue;
    const blocks = file.fastBlocks + file.slowBlocks;
    // What was never used stays where it is, while there is room.
    const stays = file.heat === 0 && file.slowBlocks > file.fastBlocks;
    place(file, !stays && blocks <= room ? CLASS_FAST : CLASS_SLOW);
  }
  return wanted;
}
