/**
 * fsck's other half: mends what check names. Each round looks at everything, mends one layer, commits, and looks again:
 *
 *   1. copies: a scrub writes damaged ones anew from good ones
 *   2. bitmaps and owners, from a walk of all trees; while damage hides owners, nothing that is marked as used is taken
 *      for free
 *   3. nodes that are lost are left out of their trees
 *   4. the files of each subvolume (repair-subvolume.ts)
 *
 * What was synced after the last commit stands in the intent log. It is done again when the rest is whole; until then
 * each commit takes it along, so that a repair that is interrupted loses nothing of it.
 *
 * What it cannot mend is never made up. Content without a good copy stays, with its checksums, and reading it says so;
 * where the record of it is lost, too, the file is marked: that reads as an error as well. What lost its name is in
 * lost+found. `losses` names all of it, and `exitOf` is 0 only when nothing was found.
 */
import type { BlockDevice } from "@stratos/host";
import { Failure } from "../failure.ts";
import type { MountError } from "../failure.ts";
import { S_IFDIR, S_IFMT } from "@stratos/abi";
import {
  KIND_AUDIT,
  KIND_DROPPED,
  KIND_EXTENT,
  KIND_GROUP,
  KIND_INLINE,
  KIND_INODE,
  KIND_PROPERTY,
  KIND_REFERENCE,
  KIND_SUBVOLUME,
  keyMiddle,
} from "../format/key.ts";
import { EXTENT_LOST } from "../format/extent-item.ts";
import { GROUP_BLOCKS, NODE_BLOCKS } from "../format/geometry.ts";
import { ROOT_INO } from "../format/inode-item.ts";
import { FEATURE_LOST } from "../format/superblock.ts";
import { POINTER_AT_BLOCK } from "../format/node-layout.ts";
import { droppedRoots } from "../space/dropped-trees.ts";
import { pruneTree, type Key, type LostNode, type Replacement } from "../device/relocation.ts";
import { ScratchDevice } from "../device/scratch-device.ts";
import { readLog } from "../log/read-log.ts";
import { pinContent, salvageLog } from "../log/replay.ts";
import { Scrub } from "../scrub/scrub.ts";
import type { Damage } from "../scrub/scrub.ts";
import { mount } from "../mount/mount.ts";
import type { MountOptions } from "../volume/mount-options.ts";
import type { Volume } from "../volume/volume.ts";
import { Subvolume } from "../volume/subvolume.ts";
import { checkVolume } from "./check.ts";
import type { Problem } from "./problem.ts";
import { OwnerPass, UNOWNED } from "./owner-pass.ts";
import { damagedContent, lossOf, markedContent, readableMode, withPaths, type Loss } from "./losses.ts";
import { NodeSearch, type MissingOwners } from "./node-search.ts";
import { repairSubvolume } from "./repair-subvolume.ts";

export interface RepairResult {
  /** What was found at first. */
  found: Problem[];
  /** What was done, in words. */
  fixed: Problem[];
  /** What check still says. */
  left: Problem[];
  /** Blocks of files that are lost. */
  lost: Damage[];
  /** All that could not be brought back, by files; what earlier repairs lost is left out. */
  losses: Loss[];
}

/**
 * Exit status for a repair, as of fsck(8): 0 nothing was wrong, 1 all of it was mended, 4 something is lost or left.
 */
export function exitOf({ found, fixed, left, lost, losses }: RepairResult): number {
  if (left.length > 0 || lost.length > 0 || losses.length > 0) return 4;
  return found.length > 0 || fixed.length > 0 ? 1 : 0;
}

/** What a repair knows from one round to the next. */
interface Course {
  readonly result: RepairResult;
  /** Files whose first block may have been lost with their inline content, by subvolume. */
  readonly suspects: Map<number, Set<number>>;
  /**
   * Where nodes were left out above a leaf, or not all below one were found: keys in front of which something may be
   * missing (null: the tree's end), by subvolume.
   */
  readonly gaps: Map<number, (Key | null)[]>;
  /** Content that was marked as lost before. */
  readonly known: Set<string>;
  /** Inodes that each subvolume says it has. */
  readonly inodes: Map<number, number>;
  /** What is lost where only some of the nodes below a lost one were found, if inodes or blocks are missing then. */
  readonly partial: Map<number, Loss[]>;
  /** Blocks of nodes that are lost, and known to be. */
  readonly lostBlocks: Set<number>;
}

const ROUNDS_MAX = 6;
/** Kinds of items that a volume tree may hold. */
const VOLUME_KINDS: readonly number[] = [
  KIND_SUBVOLUME,
  KIND_GROUP,
  KIND_REFERENCE,
  KIND_DROPPED,
  KIND_PROPERTY,
  KIND_AUDIT,
];

/**
 * Repairs the volume on these devices; nobody may have it mounted. With `dryRun` all of it happens in memory (as much
 * as would be written), and the result tells what would be done and what would be lost.
 */
export function repair(
  device: BlockDevice | readonly BlockDevice[],
  options: MountOptions & { dryRun?: boolean } = {},
): RepairResult | MountError {
  const devices = "read" in device ? [device] : device;
  const targets = options.dryRun === true ? devices.map((each) => new ScratchDevice(each)) : devices;
  const newest = mount(targets, { ...options, asFound: true });
  if (typeof newest === "string") return newest;
  if (newest.readOnly) return "device-error";
  const result: RepairResult = { found: [], fixed: [], left: [], lost: [], losses: [] };
  const volume = withReadableRoot(newest, targets, options, result);
  if (volume === null) {
    const what =
      "the root of the volume's tree is lost, and so is that of the commit before: nothing else names what is in it";
    result.left.push({ what, subvolume: -1, ino: -1, block: newest.tree.root[POINTER_AT_BLOCK]! });
    return result;
  }
  const known = readable(() => markedContent(volume)) ?? [];
  const course: Course = {
    result,
    suspects: new Map(),
    gaps: new Map(),
    known: new Set(known.map(nameOfMark)),
    inodes: new Map(),
    partial: new Map(),
    lostBlocks: new Set(),
  };
  for (const { id, inodes } of readable(() =>
    volume
      .subvolumeIds()
      .map((id) => volume.subvolume(id))
      .filter((subvolume) => subvolume !== null),
  ) ?? [])
    course.inodes.set(id, inodes);
  try {
    takeLog(volume, result);
    // What is written from here on is newer than the state that was given up.
    volume.superblock.generation = newest.superblock.generation;
    if (!repairAll(volume, course, true)) return "device-error";
    if (result.left.length === 0 && volume.log.carried.length > 0) {
      doLogAgain(volume, result);
      if (volume.commit() < 0 || !repairAll(volume, course, false)) return "device-error";
    }
    if (result.left.length > 0) {
      tellLosses(volume, course);
      return result;
    }
    // Everything can be walked now.
    const scrub = new Scrub(volume);
    const { errors } = volume.store.devices[0]!.entry;
    const repairedBefore = errors.repairedBlocks;
    while (scrub.step(1 << 16) === 1);
    if (errors.repairedBlocks > repairedBefore || scrub.cursor.repaired > 0)
      result.fixed.push({
        what: `wrote ${scrub.cursor.repaired} damaged blocks anew from good copies`,
        subvolume: -1,
        ino: -1,
        block: -1,
      });
    result.lost = scrub.damage;
    tellLosses(volume, course);
    return result;
  } catch (thrown) {
    if (!(thrown instanceof Failure)) throw thrown;
    result.left.push({ what: `repair stopped: ${thrown.kind}`, subvolume: -1, ino: -1, block: thrown.block });
    return result;
  }
}

/**
 * The volume with a root of its tree that can be read: from its second copy, which is then written to its place; else
 * the state of the commit before, all of which is on the device until the next commit, and is verified like any. Null
 * where there is neither: nothing else names the subvolumes, and what nothing vouches for is not taken for content.
 */
function withReadableRoot(
  volume: Volume,
  devices: readonly BlockDevice[],
  options: MountOptions,
  result: RepairResult,
): Volume | null {
  const { cache, superblock, tree } = volume;
  const block = tree.root[POINTER_AT_BLOCK]!;
  const nowhere = { subvolume: -1, ino: -1 };
  const isReadable = (one: Volume): boolean => readable(() => one.cache.load(one.tree.root, 0)) !== null;
  if (isReadable(volume)) {
    if (cache.rootCopyUses > 0)
      result.fixed.push({ what: "wrote the root of the volume's tree anew from its second copy", ...nowhere, block });
    return volume;
  }
  const before = mount(devices, { ...options, asFound: true, olderThan: superblock.generation });
  if (typeof before === "string" || !isReadable(before)) return null;
  const what = `went back to commit ${before.superblock.generation}: the root of the volume's tree is lost`;
  result.found.push({ what: "tree node is damaged", ...nowhere, block });
  result.fixed.push({ what, ...nowhere, block });
  result.losses.push(
    lossOf("subvolume", `${what}, and with it what was done between that commit and number ${superblock.generation}`),
  );
  return before;
}

function nameOfMark({ subvolume, ino, from, to }: Loss): string {
  return `${subvolume} ${ino} ${from} ${to}`;
}

/**
 * Adds what is marked as lost and was not before, and what is damaged, and gives all of it the paths that it has now.
 */
function tellLosses(volume: Volume, { result, known }: Course): void {
  const marked = readable(() => markedContent(volume)) ?? [];
  const damaged = readable(() => damagedContent(volume, result.lost)) ?? [];
  const losses = [...result.losses, ...marked.filter((loss) => !known.has(nameOfMark(loss))), ...damaged];
  result.losses = readable(() => withPaths(volume, losses)) ?? losses;
}

/** Looks and mends until there is nothing left, or no round helps. Returns false when the device fails. */
function repairAll(volume: Volume, course: Course, first: boolean): boolean {
  const { result } = course;
  for (let round = 0; round < ROUNDS_MAX; round++) {
    result.left = checkVolume(volume);
    if (first && round === 0) result.found.push(...result.left);
    if (result.left.length === 0) break;
    repairOnce(volume, course);
    if (volume.commit() < 0) return false;
  }
  return true;
}

/** Reads the log before anything is written, and keeps its place and what it maps from being used. */
function takeLog(volume: Volume, result: RepairResult): void {
  if (volume.superblock.logBlocks === 0) return;
  const log = readable(() => readLog(volume));
  volume.log.carried = log?.batches ?? [];
  if (log === null)
    result.fixed.push({
      what: "gave up the intent log, which makes no sense",
      subvolume: -1,
      ino: -1,
      block: volume.superblock.logStart,
    });
  if (log === null)
    result.losses.push(
      lossOf("synced", "the intent log makes no sense: what was synced after the last commit is lost"),
    );
  else if (log.lost > 0) {
    result.fixed.push({
      what: `gave up ${log.lost} batches of the intent log, which cannot be read`,
      subvolume: -1,
      ino: -1,
      block: volume.superblock.logStart,
    });
    result.losses.push(
      lossOf(
        "synced",
        `${log.lost} of the last ${log.batches.length + log.lost} batches of the intent log cannot be read: what ` +
          "was synced with them is lost",
      ),
    );
  }
  keepLog(volume);
}

function keepLog(volume: Volume): void {
  const { space, log, superblock } = volume;
  if (log.carried.length === 0) return;
  space.pin(superblock.logStart, superblock.logBlocks);
  pinContent(volume, log.carried);
}

function doLogAgain(volume: Volume, result: RepairResult): void {
  const { done, failed } = salvageLog(volume, volume.log.carried);
  volume.log.carried = [];
  const nowhere = { subvolume: -1, ino: -1, block: -1 };
  if (done > 0) result.fixed.push({ what: `did ${done} operations of the intent log again`, ...nowhere });
  if (failed > 0) {
    result.fixed.push({
      what: `left out ${failed} operations of the intent log, which make no sense on what is left`,
      ...nowhere,
    });
    result.losses.push(
      lossOf("synced", `${failed} operations that were synced could not be done again on what is left`),
    );
  }
}

function repairOnce(volume: Volume, course: Course): void {
  const { space, references, tree } = volume;
  const { result } = course;
  const note = (what: string, subvolume: number, ino: number, block: number): void => {
    result.fixed.push({ what, subvolume, ino, block });
  };
  // Before they are made anew: who should be there, besides those that are found.
  const shared = recordedOwners(volume);
  // Without records nothing is searched in a tree that may be broken.
  references.records = 0;
  volume.cache.load(tree.root, 0); // without its root there is nothing to repair
  const before = new OwnerPass(volume, false);
  before.walkTree(tree.root, -1);
  const volumeTreeDamaged = before.damagedNodes > 0;
  const ids = readableIds(volume);
  for (const pointer of ids.roots) before.walkTree(pointer.root, pointer.id);
  for (const pointer of ids.dropped) before.walkTree(pointer, 0);
  const damaged = before.damagedNodes > 0;
  for (const { block } of before.damaged)
    for (let index = 0; index < NODE_BLOCKS; index++) course.lostBlocks.add(block + index);
  // A leaf of attributes alone is counted nowhere, but its blocks are in use, and nobody's.
  const hasUnowned = result.left.some(({ what, block }) => what === UNOWNED && !course.lostBlocks.has(block));
  space.rebuild((group) => before.ownersIn(group), damaged);
  keepLog(volume);
  const missing = (block: number): MissingOwners => {
    const owners = before.ownersIn(Math.floor(block / GROUP_BLOCKS))?.[block % GROUP_BLOCKS] ?? 0;
    const known = (shared.get(block) ?? (space.isAllocated(block) ? 1 : 0)) - owners;
    return { known, possible: volumeTreeDamaged ? Math.max(known, 1 - owners) : known };
  };
  const search = new NodeSearch(volume, missing, before.damaged);
  if (volumeTreeDamaged) {
    const pruned = pruneTree(volume, tree.root, -1, (node) => {
      const children = node.level > 0 ? search.childrenOf(node, true) : [];
      note(
        children.length > 0
          ? `found ${children.length} nodes of the volume's tree that a lost one named`
          : "left a lost node out of the volume's tree",
        -1,
        -1,
        node.block,
      );
      result.losses.push(
        lossOf(
          "subvolume",
          `a node of the volume's tree is lost (block ${node.block}): snapshots and settings may be gone`,
        ),
      );
      return { children, items: [] };
    });
    if (pruned !== null) tree.root.set(pruned);
  }
  dropUnknown(volume, note);
  if (ids.dropped.length > 0 && damaged) {
    removeKind(volume, KIND_DROPPED);
    note("forgot deleted subvolumes that were still being freed", -1, -1, -1);
  }
  references.rebuild(before.sharedRuns());
  restoreSubvolumes(volume, result, note);
  const tellPartial = (id: number): void => {
    result.losses.push(...(course.partial.get(id) ?? []));
    course.partial.delete(id);
  };
  for (const id of volume.subvolumeIds()) {
    const subvolume = volume.subvolume(id);
    if (subvolume === null) continue;
    const pruned = pruneTree(volume, subvolume.tree.root, id, (node) =>
      replaceLost(subvolume, node, search, course, note),
    );
    if (pruned !== null) subvolume.tree.root.set(pruned);
    else if (!damaged) {
      repairSubvolume(subvolume, {
        fixed: (what, ino) => note(what, id, ino, -1),
        lost: (what, ino, detail, path) =>
          void result.losses.push(
            lossOf(what, detail, { subvolume: id, subvolumeName: subvolume.name, ino, path: path ?? null }),
          ),
        missing: () => tellPartial(id),
        suspects: withInlineLost(subvolume, course.gaps.get(id) ?? [], course.suspects.get(id)),
        inodes: course.inodes.get(id) ?? subvolume.inodes,
      });
      if (hasUnowned) tellPartial(id);
      course.suspects.delete(id);
      course.gaps.delete(id);
      course.partial.delete(id);
      course.inodes.set(id, subvolume.inodes);
    }
  }
  tree.edit(0, keyMiddle(KIND_SUBVOLUME, 0), volume.superblock.defaultSubvolume);
}

/**
 * What takes the place of a lost node of a subvolume: the nodes that it named, as far as they are found; instead of a
 * leaf, what marks its files.
 */
function replaceLost(
  subvolume: Subvolume,
  node: LostNode,
  search: NodeSearch,
  { result, suspects, gaps, partial }: Course,
  note: (what: string, subvolume: number, ino: number, block: number) => void,
): Replacement {
  const { id, name } = subvolume;
  const { low, high, level, block } = node;
  if (level > 0) {
    const children = search.childrenOf(node, false);
    const own = gaps.get(id) ?? [];
    gaps.set(id, own);
    for (const { key } of children) own.push(key);
    own.push(high);
    note(
      children.length > 0 ? `found ${children.length} nodes that a lost one named` : "left a lost node out of its tree",
      id,
      -1,
      block,
    );
    // How many there were stood in it alone: the count of inodes tells in the end whether something is missing.
    const range = lossOf(
      "metadata",
      `a node above others is lost (block ${block}), and not all of those were found`,
      rangeOf(subvolume, node),
    );
    if (children.length === 0) result.losses.push(range);
    else partial.set(id, [...(partial.get(id) ?? []), range]);
    return { children, items: [] };
  }
  note("left a lost node out of its tree", id, low[0], block);
  result.losses.push(
    lossOf("metadata", `a part of the tree is lost (block ${block})`, {
      ...rangeOf(subvolume, node),
      subvolumeName: name,
    }),
  );
  const first = readableMode(subvolume, low[0]);
  const atInline = compareKeys([low[0], keyMiddle(KIND_INLINE, 0), 0], low) >= 0;
  if (
    first === null ||
    !atInline ||
    (first.mode & S_IFMT) === S_IFDIR ||
    first.size === 0 ||
    low[1] >>> 24 < KIND_INODE
  )
    return { children: [], items: [] };
  const mark: Key = [low[0], keyMiddle(KIND_EXTENT, 0), 0];
  if (high === null || compareKeys(mark, high) < 0) {
    subvolume.volume.superblock.features |= FEATURE_LOST;
    const words = new Uint32Array([0, 1, EXTENT_LOST, 0]);
    return { children: [], items: [{ key: mark, bytes: new Uint8Array(words.buffer) }] };
  }
  let own = suspects.get(id);
  if (own === undefined) suspects.set(id, (own = new Set()));
  own.add(low[0]);
  return { children: [], items: [] };
}

/**
 * Files whose inode is the last that there is in front of a gap that their inline content may have been in: it is
 * counted nowhere, and a file that only lacks it reads as zeros.
 */
function withInlineLost(
  { tree }: Subvolume,
  gaps: readonly (Key | null)[],
  suspects: ReadonlySet<number> = new Set(),
): ReadonlySet<number> {
  const all = new Set(suspects);
  for (const end of gaps) {
    if (!tree.floor(...(end === null ? LAST_KEY : before(end)))) continue;
    const ino = tree.key(0);
    const inline: Key = [ino, keyMiddle(KIND_INLINE, 0), 0];
    const isInGap =
      compareKeys([ino, tree.key(1), tree.key(2)], inline) < 0 && (end === null || compareKeys(inline, end) < 0);
    if (isInGap && tree.find(ino, keyMiddle(KIND_INODE, 0), 0)) all.add(ino);
  }
  return all;
}

const LAST_KEY: Key = [0xffffffff, 0xffffffff, 0xffffffff];

function before([k0, k1, k2]: Key): Key {
  if (k2 > 0) return [k0, k1, k2 - 1];
  if (k1 > 0) return [k0, k1 - 1, 0xffffffff];
  return [Math.max(0, k0 - 1), 0xffffffff, 0xffffffff];
}

function rangeOf(subvolume: Subvolume, { low, high }: LostNode): Partial<Loss> {
  const lastIno =
    high === null ? Math.max(low[0], subvolume.nextIno - 1) : high[1] === 0 && high[2] === 0 ? high[0] - 1 : high[0];
  return { subvolume: subvolume.id, subvolumeName: subvolume.name, ino: Math.max(ROOT_INO, low[0]), lastIno };
}

function compareKeys(a: Key, b: Key): number {
  return a[0] - b[0] || a[1] - b[1] || a[2] - b[2];
}

/** Owners of nodes with more than one, as their records say; as far as they can be read. */
function recordedOwners(volume: Volume): Map<number, number> {
  const owners = new Map<number, number>();
  const { tree } = volume;
  const middle = keyMiddle(KIND_REFERENCE, 0);
  readable(() => {
    for (
      let more = tree.ceiling(0, middle, 0);
      more && tree.key(0) === 0 && tree.key(1) === middle;
      more = tree.next()
    ) {
      const start = tree.key(2);
      const length = tree.words[tree.offset >>> 2]!;
      for (
        let block = Math.ceil(start / NODE_BLOCKS) * NODE_BLOCKS;
        block < Math.min(start + length, volume.store.layout.end);
        block += NODE_BLOCKS
      )
        owners.set(block, tree.words[(tree.offset >>> 2) + 1]!);
    }
  });
  return owners;
}

interface Roots {
  roots: { id: number; root: Uint32Array }[];
  dropped: Uint32Array[];
}

/** What of the volume tree's lists can be read. */
function readableIds(volume: Volume): Roots {
  const found: Roots = { roots: [], dropped: [] };
  const visited = readable(() => volume.subvolumeIds()) ?? [];
  for (const id of visited) {
    const subvolume = readable(() => volume.subvolume(id));
    if (subvolume !== null && subvolume !== undefined) found.roots.push({ id, root: subvolume.tree.root });
  }
  found.dropped = readable(() => droppedRoots(volume)) ?? [];
  return found;
}

function readable<T>(read: () => T): T | null {
  try {
    return read();
  } catch (thrown) {
    if (!(thrown instanceof Failure)) throw thrown;
    return null;
  }
}

/** Takes items of unknown kinds out of the volume tree. */
function dropUnknown(
  { tree }: Volume,
  note: (what: string, subvolume: number, ino: number, block: number) => void,
): void {
  const bad: [number, number, number][] = [];
  for (let more = tree.ceiling(0, 0, 0); more; more = tree.next()) {
    if (tree.key(0) !== 0 || !VOLUME_KINDS.includes(tree.key(1) >>> 24))
      bad.push([tree.key(0), tree.key(1), tree.key(2)]);
  }
  for (const [k0, k1, k2] of bad) {
    tree.remove(k0, k1, k2);
    note("removed an item that does not belong into the volume's tree", -1, -1, -1);
  }
}

function removeKind({ tree }: Volume, kind: number): void {
  const middle = keyMiddle(kind, 0);
  while (tree.ceiling(0, middle, 0) && tree.key(0) === 0 && tree.key(1) >>> 24 === kind)
    tree.remove(0, tree.key(1), tree.key(2));
}

/** There is a default subvolume, and numbers go on above those in use. */
function restoreSubvolumes(
  volume: Volume,
  result: RepairResult,
  note: (what: string, subvolume: number, ino: number, block: number) => void,
): void {
  const { superblock } = volume;
  const ids = volume.subvolumeIds();
  const highest = Math.max(0, ...ids);
  if (superblock.nextSubvolume <= highest) {
    superblock.nextSubvolume = highest + 1;
    note("corrected the next number of a subvolume", -1, -1, -1);
  }
  if (volume.subvolume(superblock.defaultSubvolume) !== null) return;
  const other = ids.find((id) => volume.subvolume(id)?.readOnly === false);
  result.losses.push(
    lossOf("subvolume", "the files that are mounted by default are lost, or their name is", {
      subvolume: superblock.defaultSubvolume,
    }),
  );
  if (other !== undefined) {
    superblock.defaultSubvolume = other;
    note("made another subvolume the default one", other, -1, -1);
    return;
  }
  // The newest snapshot is the best that there is. Without any nothing is left to go by: better to stop than to leave
  // an empty volume.
  const source = volume.subvolume(highest);
  if (source === null) throw new Failure("corrupt-node", -1);
  const id = superblock.nextSubvolume++;
  volume.references.share(source.tree.root[POINTER_AT_BLOCK]!, NODE_BLOCKS);
  const made = Subvolume.createFrom(volume, source, id, "root", 0);
  volume.adopt(made);
  made.store();
  superblock.defaultSubvolume = id;
  note(`made a new default subvolume of the snapshot "${source.name}": the old one is lost`, id, -1, -1);
}
