/**
 * Subvolumes come and go: snapshots, new ones, deletion, rollback; each takes constant time besides the commit of what
 * is pending. Sharing is in tree/tree.ts and space/references.ts; what becomes of a tree that nobody uses, in
 * space/dropped-trees.ts.
 */
import { EBUSY, EEXIST, EINVAL, ENOENT } from "@stratos/abi";
import { Operation } from "../file/operation.ts";
import { SUBVOLUME_READ_ONLY } from "../format/subvolume-item.ts";
import { droppedRoots, reclaimStep } from "../space/dropped-trees.ts";
import { Room, stepUnits } from "../space/reserve.ts";
import { Subvolume } from "./subvolume.ts";
import type { Volume } from "./volume.ts";

/** So that a subvolume's item fits a leaf with room to spare. */
const LABEL_LENGTH_MAX = 1000;

/**
 * A new subvolume with the present content of `source`, in constant time besides the commit of what is pending.
 *
 * @returns its number; −EEXIST when the name is taken, −EINVAL for a bad one, −EBUSY of a transfer that was not
 *   finished
 */
export function takeSnapshot(
  volume: Volume,
  source: Subvolume,
  name: string,
  options: { readOnly: boolean; label?: string; flags?: number },
): number {
  const label = options.label ?? "";
  if (name.length === 0 || name.length > 255 || name.includes("/") || label.length > LABEL_LENGTH_MAX) return -EINVAL;
  if (source.isIncomplete) return -EBUSY;
  const failed = volume.begin(Room.grows);
  if (failed < 0) return failed;
  const committed = volume.commit(); // from here on the tree's nodes are clean: sharing the root shares all
  if (committed < 0) return committed;
  volume.beginAnew();
  try {
    if (subvolumeNamed(volume, name) !== null) return -EEXIST;
    const snapshot = volume.fork(
      source,
      name,
      (options.readOnly ? SUBVOLUME_READ_ONLY : 0) | (options.flags ?? 0),
      label,
    );
    const { id } = snapshot;
    // The live files go on from their last snapshot; what is taken of a snapshot goes on from that.
    const isLive = source.id === volume.superblock.defaultSubvolume;
    snapshot.base = isLive ? source.base : source.id;
    snapshot.store();
    if (isLive) source.base = id;
    source.store();
    volume.observer?.changed(source.id, Operation.snapshot, id, source.id, name, id, "", 0, 0);
    const result = volume.commit();
    return result < 0 ? result : id;
  } catch (thrown) {
    return volume.abort(thrown);
  }
}

/** A new subvolume with an empty root directory. @returns its number; −EEXIST, −EINVAL as for `snapshot` */
export function createSubvolume(volume: Volume, name: string, flags: number): number {
  if (name.length === 0 || name.length > 255 || name.includes("/")) return -EINVAL;
  const failed = volume.begin(Room.grows);
  if (failed < 0) return failed;
  try {
    if (subvolumeNamed(volume, name) !== null) return -EEXIST;
    const id = volume.superblock.nextSubvolume++;
    volume.adopt(Subvolume.createEmpty(volume, id, name, flags));
    const result = volume.commit();
    return result < 0 ? result : id;
  } catch (thrown) {
    return volume.abort(thrown);
  } finally {
    volume.end();
  }
}

/**
 * Deletes a subvolume that is not the default one, in constant time: its space comes back through `reclaim`. −ENOENT,
 * −EINVAL.
 */
export function deleteSubvolume(volume: Volume, id: number): number {
  if (id === volume.superblock.defaultSubvolume) return -EINVAL;
  const failed = volume.begin(Room.frees);
  if (failed < 0) return failed;
  try {
    const subvolume = volume.subvolume(id);
    if (subvolume === null) return -ENOENT;
    const committed = volume.commit();
    if (committed < 0) return committed;
    for (const other of volume.subvolumeIds()) {
      const heir = volume.subvolume(other);
      if (heir === null || heir.base !== id) continue;
      heir.base = subvolume.base;
      heir.store();
    }
    volume.drop(subvolume);
    volume.observer?.changed(id, Operation.deleteSubvolume, 0, id, subvolume.name, 0, "", 0, 0);
    return volume.commit();
  } catch (thrown) {
    return volume.abort(thrown);
  }
}

/**
 * The default subvolume gets the content of another one, atomically and in constant time; what it had is dropped, its
 * space comes back through `reclaim`. −ENOENT, −EINVAL, −EBUSY of a transfer that was not finished.
 */
export function rollBack(volume: Volume, id: number): number {
  const failed = volume.begin(Room.frees);
  if (failed < 0) return failed;
  try {
    const source = volume.subvolume(id);
    if (source === null) return -ENOENT;
    const live = volume.root;
    if (source === live) return -EINVAL;
    if (source.isIncomplete) return -EBUSY;
    const committed = volume.commit();
    if (committed < 0) return committed;
    live.base = id;
    volume.replaceContent(live, source);
    volume.observer?.changed(live.id, Operation.rollback, 0, live.id, live.name, id, source.name, 0, 0);
    return volume.commit();
  } catch (thrown) {
    return volume.abort(thrown);
  }
}

/**
 * Frees a part of what deleted subvolumes and rollbacks left: up to `steps` times 8192 nodes and extents. Whoever has a
 * volume open for long calls it when there is nothing else to do; when space runs short, it happens by itself.
 *
 * @returns 1 while there is more to free, 0 when there is not, or a negated errno
 */
export function reclaim(volume: Volume, steps: number): number {
  for (let step = 0; step < steps; step++) {
    const failed = volume.begin(Room.frees);
    if (failed < 0) return failed;
    try {
      if (!reclaimStep(volume, stepUnits(volume))) return volume.root.retryOrphans();
    } catch (thrown) {
      return volume.abort(thrown);
    } finally {
      volume.end();
    }
  }
  try {
    return droppedRoots(volume).length > 0 ? 1 : 0;
  } catch (thrown) {
    return volume.readFailed(thrown);
  }
}

/** The subvolume of that name; null when there is none. Throws Failure. */
export function subvolumeNamed(volume: Volume, name: string): Subvolume | null {
  for (const id of volume.subvolumeIds()) {
    const subvolume = volume.subvolume(id);
    if (subvolume !== null && subvolume.name === name) return subvolume;
  }
  return null;
}
