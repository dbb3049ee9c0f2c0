/** AegisFS as the root of a disk, for Stratos itself: `stratos image import` takes such a disk. */
import { format, mount, MOUNT_ERROR_WORDS } from "@stratos/aegisfs";
import { utf8ToByteString } from "@stratos/base";
import { FormatError, uuidBytes, type FileTree } from "@stratos/formats";
import type { RootFileSystem, RootShare } from "@stratos/outputs";
import { writeTreeEntry } from "@stratos/pkg";
import { DiskDevice } from "../disk/aegis-files.ts";
import { VolumeWriter } from "../volume-writer.ts";

const MIB = 1 << 20;
/** For the tables of the volume, its log, and what a tree's records take. */
const OVERHEAD = 16 * MIB;
const ENTRY_BYTES = 512;

export const aegisRoot: RootFileSystem = {
  isReadOnly: false,
  mountOptions: "defaults",
  checkPass: 0,
  sizeFor(shares) {
    let bytes = OVERHEAD;
    for (const { content } of treeOf(shares).entries())
      bytes += ENTRY_BYTES + Math.ceil((content?.sizeBytes ?? 0) / 4096) * 4096;
    return bytes;
  },
  write(disk, shares, { uuid, label, time }) {
    const device = new DiskDevice(disk, false),
      seconds = Math.floor(time);
    // The seed is no secret; the UUID gives one that is the same each time.
    const hashSeed = new DataView(uuidBytes(uuid).buffer).getUint32(0, true);
    const failure = format(device, { uuid: uuidBytes(uuid), hashSeed, label: utf8ToByteString(label), seconds });
    if (failure !== 0) throw new FormatError(`the AegisFS volume cannot be made: ${MOUNT_ERROR_WORDS[failure]}`);
    const volume = mount(device, { seconds });
    if (typeof volume === "string")
      throw new FormatError(`the AegisFS volume cannot be made: ${MOUNT_ERROR_WORDS[volume]}`);
    volume.setTime(seconds, 0);
    const writer = new VolumeWriter(volume.root);
    for (const entry of treeOf(shares).entries()) writeTreeEntry(writer, entry);
    writer.finish();
  },
};

function treeOf(shares: readonly RootShare[]): FileTree {
  if (shares.length !== 1) throw new FormatError("AegisFS has one tree on a disk");
  return shares[0]!.tree;
}
