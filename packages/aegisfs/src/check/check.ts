/**
 * fsck: proves every checksum and invariant of a volume without changing it, and says what it finds.
 *
 * Two passes. The first (owner-pass.ts) walks the nodes of all trees as owners of blocks: checksums, order of keys, who
 * owns what, and compares with the bitmaps and the records of shared blocks. The second (check-subvolume.ts) reads each
 * subvolume as files.
 */
import type { BlockDevice } from "@stratos/host";
import { Failure } from "../failure.ts";
import type { MountError } from "../failure.ts";
import { damagedContent, readLog } from "../log/read-log.ts";
import { mount, mountOverlay, unreadDevices } from "../mount/mount.ts";
import type { Volume } from "../volume/volume.ts";
import { POINTER_AT_BLOCK } from "../format/node-layout.ts";
import { droppedRoots } from "../space/dropped-trees.ts";
import { checkSubvolume } from "./check-subvolume.ts";
import { OwnerPass } from "./owner-pass.ts";
import type { Problem } from "./problem.ts";

export interface CheckOptions {
  /** Read and verify file data too, not the trees alone. */
  data?: boolean;
  /** The bases of an overlay, from the bottom up. */
  bases?: readonly BlockDevice[];
}

/** Checks what is on the device; an empty list is a clean bill. At most 1000 problems are told. */
export function check(
  device: BlockDevice | readonly BlockDevice[],
  options: CheckOptions = {},
): Problem[] | MountError {
  const bases = options.bases ?? [];
  const devices = "read" in device ? [device] : device;
  const volume =
    bases.length === 0
      ? mount(devices, { readOnly: true, degraded: true, asFound: true })
      : mountOverlay(bases, devices[0]!, { readOnly: true, asFound: true });
  if (typeof volume === "string") return volume;
  const problems = checkVolume(volume, options);
  if (bases.length > 0) return problems;
  // They are counted on for copies, and a mount without `degraded` refuses them.
  return [...lackingDevices(volume, devices), ...problems];
}

function lackingDevices({ store }: Volume, devices: readonly BlockDevice[]): Problem[] {
  const unread = unreadDevices(devices);
  const missing = store.devices.flatMap(({ device, entry }, index) =>
    device === null && entry.blocks > 0 ? [index] : [],
  );
  const words = unread.map(
    (at) => `device ${at + 1} of those named has no superblock that can be read, and nothing on it was checked`,
  );
  // They are those that have none, where there are as many.
  if (missing.length !== unread.length)
    for (const index of missing)
      words.push(
        store.layout.segments.some(({ places }) => places.some((place) => place.device === index))
          ? `device ${index} is missing: what it holds was not checked, and has a copy less until it is back or` +
              " another takes its place (`stratos fs device replace`)"
          : `device ${index} is missing, which holds nothing: \`stratos fs device remove\` takes it out of the volume`,
      );
  return words.map((what) => ({ what, subvolume: -1, ino: -1, block: -1 }));
}

/** What was synced after the last commit stands in the intent log alone. Throws Failure. */
function checkLog(volume: Volume, report: OwnerPass["report"]): void {
  const { logBlocks, logStart } = volume.superblock;
  if (logBlocks === 0) return;
  const { batches, lost } = readLog(volume);
  if (lost > 0)
    report(
      `${lost} of ${batches.length + lost} batches of the intent log cannot be read: what was synced last is lost`,
      -1,
      -1,
      logStart,
    );
  for (const { ino, subvolume, block } of damagedContent(volume, batches))
    report("data block in the intent log is damaged", subvolume, ino, block);
}

/** The same for a volume in memory that has nothing pending. */
export function checkVolume(volume: Volume, options: CheckOptions = {}): Problem[] {
  const pass = new OwnerPass(volume, options.data === true);
  try {
    pass.walkTree(volume.tree.root, -1);
    // Where it could be, it was written anew at once.
    if (volume.readOnly && volume.cache.rootCopyUses > 0)
      pass.report(
        "the root of the volume's tree is damaged; its second copy is good",
        -1,
        -1,
        volume.tree.root[POINTER_AT_BLOCK]!,
      );
    for (const id of volume.subvolumeIds()) {
      const subvolume = volume.subvolume(id);
      if (subvolume === null) continue;
      pass.walkTree(subvolume.tree.root, id);
      if (pass.problems.length === 0 && !subvolume.isIncomplete) checkSubvolume(subvolume, pass.report);
    }
    if (volume.subvolume(volume.superblock.defaultSubvolume) === null)
      pass.report("the default subvolume is missing", volume.superblock.defaultSubvolume, -1, -1);
    for (const pointer of droppedRoots(volume)) pass.walkTree(pointer, 0);
    // What damaged trees own is not known: comparing the rest would only repeat the damage in other words.
    if (pass.problems.length === 0) pass.compareSpace();
    if (!volume.log.isOpen) checkLog(volume, pass.report);
  } catch (thrown) {
    if (!(thrown instanceof Failure)) throw thrown;
    pass.report(`${thrown.kind} while reading`, -1, -1, thrown.block);
  }
  return pass.problems;
}
