/**
 * fsck's other half: mends what check names. Each round looks at everything, mends one layer, commits, and looks again:
 *
 *   1. copies: a scrub writes damaged ones anew from good ones
 *   2. bitmaps and owners, from a walk of all trees; while damage hides owners, nothing that is marked as used is taken for free
 *   3. nodes that are lost are left out of their trees
 *   4. the files of each subvolume (repair-subvolume.ts)
 *
 * What was synced after the last commit stands in the intent log. It is done again when the rest is whole; until then each commit takes it along, so
 * that a repair that is interrupted loses nothing of it.
 *
 * What it cannot mend is content of files without a good copy: that stays, with its checksums, and reading it says so.
 */
import type { BlockDevice } from "@stratos/host";
import { Failure } from "../failure.ts";
import type { MountError } from "../failure.ts";
import { KIND_AUDIT, KIND_DROPPED, KIND_GROUP, KIND_PROPERTY, KIND_REFERENCE, KIND_SUBVOLUME, keyMiddle } from "../format/key.ts";
import { NODE_BLOCKS } from "../format/geometry.ts";
import { POINTER_AT_BLOCK } from "../format/node-layout.ts";
import { droppedRoots } from "../snapshot/dropped-trees.ts";
import { pruneTree } from "../device/relocation.ts";
import { readLog } from "../log/read-log.ts";
import { pinContent, salvageLog } from "../log/replay.ts";
import { Scrub } from "../scrub/scrub.ts";
import type { Damage } from "../scrub/scrub.ts";
import { mount } from "../volume/mount.ts";
import type { MountOptions } from "../volume/mount-options.ts";
import type { Volume } from "../volume/volume.ts";
import { Subvolume } from "../volume/subvolume.ts";
import { checkVolume } from "./check.ts";
import type { Problem } from "./check.ts";
import { OwnerPass } from "./owner-pass.ts";
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
}

const ROUNDS_MAX = 6;
/** Kinds of items that a volume tree may hold. */
const VOLUME_KINDS: readonly number[] = [KIND_SUBVOLUME, KIND_GROUP, KIND_REFERENCE, KIND_DROPPED, KIND_PROPERTY, KIND_AUDIT];

/** Repairs the volume on these devices; nobody may have it mounted. With `dryRun` it only tells what it finds. */
export function repair(device: BlockDevice | readonly BlockDevice[], options: MountOptions & { dryRun?: boolean } = {}): RepairResult | MountError {
  const volume = mount(device, { ...options, asFound: true, readOnly: options.dryRun === true });
  if (typeof volume === "string") return volume;
  if (volume.readOnly && options.dryRun !== true) return "device-error";
  const result: RepairResult = { found: [], fixed: [], left: [], lost: [] };
  try {
    if (options.dryRun === true) {
      result.found = result.left = checkVolume(volume);
      return result;
    }
    takeLog(volume, result);
    if (!repairAll(volume, result, true)) return "device-error";
    if (result.left.length > 0) return result;
    if (volume.log.carried.length > 0) {
      doLogAgain(volume, result);
      if (volume.commit() < 0 || !repairAll(volume, result, false)) return "device-error";
      if (result.left.length > 0) return result;
    }
    // Everything can be walked now.
    const scrub = new Scrub(volume);
    const { errors } = volume.store.devices[0]!.entry;
    const repairedBefore = errors.repairedBlocks;
    while (scrub.step(1 << 16) === 1);
    if (errors.repairedBlocks > repairedBefore || scrub.cursor.repaired > 0) result.fixed.push({ what: `wrote ${scrub.cursor.repaired} damaged blocks anew from good copies`, subvolume: -1, ino: -1, block: -1 });
    result.lost = scrub.damage;
    return result;
  } catch (thrown) {
    if (!(thrown instanceof Failure)) throw thrown;
    result.left.push({ what: `repair stopped: ${thrown.kind}`, subvolume: -1, ino: -1, block: thrown.block });
    return result;
  }
}

/** Looks and mends until there is nothing left, or no round helps. Returns false when the device fails. */
function repairAll(volume: Volume, result: RepairResult, first: boolean): boolean {
  for (let round = 0; round < ROUNDS_MAX; round++) {
    result.left = checkVolume(volume);
    if (first && round === 0) result.found = result.left;
    if (result.left.length === 0) break;
    repairOnce(volume, result);
    if (volume.commit() < 0) return false;
  }
  return true;
}

/** Reads the log before anything is written, and keeps its place and what it maps from being used. */
function takeLog(volume: Volume, result: RepairResult): void {
  if (volume.superblock.logBlocks === 0) return;
  const log = readable(() => readLog(volume));
  volume.log.carried = log?.batches ?? [];
  if (log === null) result.fixed.push({ what: "gave up the intent log, which makes no sense", subvolume: -1, ino: -1, block: volume.superblock.logStart });
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
  if (failed > 0) result.fixed.push({ what: `left out ${failed} operations of the intent log, which make no sense on what is left`, ...nowhere });
}

function repairOnce(volume: Volume, result: RepairResult): void {
  const { space, references, tree } = volume;
  const note = (what: string, subvolume: number, ino: number, block: number): void => {
    result.fixed.push({ what, subvolume, ino, block });
  };
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
  space.rebuild((group) => before.ownersIn(group), damaged);
  keepLog(volume);
  if (volumeTreeDamaged) {
    const pruned = pruneTree(volume, tree.root, -1, (block) => note("left a lost node out of the volume's tree", -1, -1, block));
    if (pruned !== null) tree.root.set(pruned);
  }
  dropUnknown(volume, note);
  if (ids.dropped.length > 0 && damaged) {
    removeKind(volume, KIND_DROPPED);
    note("forgot deleted subvolumes that were still being freed", -1, -1, -1);
  }
  references.rebuild(before.sharedRuns());
  restoreSubvolumes(volume, note);
  for (const id of volume.subvolumeIds()) {
    const subvolume = volume.subvolume(id);
    if (subvolume === null) continue;
    const pruned = pruneTree(volume, subvolume.tree.root, id, (block) => note("left a lost node out of its tree", id, -1, block));
    if (pruned !== null) subvolume.tree.root.set(pruned);
    else if (!damaged) repairSubvolume(subvolume, (what, ino) => note(what, id, ino, -1));
  }
  tree.edit(0, keyMiddle(KIND_SUBVOLUME, 0), volume.superblock.defaultSubvolume);
}

interface Roots { roots: { id: number; root: Uint32Array }[]; dropped: Uint32Array[] }

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
function dropUnknown({ tree }: Volume, note: (what: string, subvolume: number, ino: number, block: number) => void): void {
  const bad: [number, number, number][] = [];
  for (let more = tree.ceiling(0, 0, 0); more; more = tree.next()) {
    if (tree.key(0) !== 0 || !VOLUME_KINDS.includes(tree.key(1) >>> 24)) bad.push([tree.key(0), tree.key(1), tree.key(2)]);
  }
  for (const [k0, k1, k2] of bad) {
    tree.remove(k0, k1, k2);
    note("removed an item that does not belong into the volume's tree", -1, -1, -1);
  }
}

function removeKind({ tree }: Volume, kind: number): void {
  const middle = keyMiddle(kind, 0);
  while (tree.ceiling(0, middle, 0) && tree.key(0) === 0 && tree.key(1) >>> 24 === kind) tree.remove(0, tree.key(1), tree.key(2));
}

/** There is a default subvolume, and numbers go on above those in use. */
function restoreSubvolumes(volume: Volume, note: (what: string, subvolume: number, ino: number, block: number) => void): void {
  const { superblock } = volume;
  const ids = volume.subvolumeIds();
  const highest = Math.max(0, ...ids);
  if (superblock.nextSubvolume <= highest) {
    superblock.nextSubvolume = highest + 1;
    note("corrected the next number of a subvolume", -1, -1, -1);
  }
  if (volume.subvolume(superblock.defaultSubvolume) !== null) return;
  const other = ids.find((id) => volume.subvolume(id)?.readOnly === false);
  if (other !== undefined) {
    superblock.defaultSubvolume = other;
    note("made another subvolume the default one", other, -1, -1);
    return;
  }
  // The newest snapshot is the best that there is. Without any nothing is left to go by: better to stop than to leave an empty volume.
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
