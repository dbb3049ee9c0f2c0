import { EINVAL, EIO, EROFS } from "@stratos/abi";
import { Ext4Reader, FormatError, INCOMPAT } from "@stratos/formats/ext4";
import type { FileSystem, MountedDevice } from "../../vfs/file-system.ts";
import type { MountDevice } from "../../vfs/mount-device.ts";
import type { MountOptions } from "../../vfs/mount-options.ts";
import type { FsKernel } from "../fs-kernel.ts";
import { DamagedDirectory } from "./ext4-directory.ts";
import { DiskError, MountedDisk } from "../mounted-disk.ts";
import { refusal } from "./ext4-features.ts";
import { replayJournal } from "./ext4-journal.ts";
import { Ext4FileSystem } from "./ext4.ts";

/** Pages are as large as blocks at least. */
const BLOCK_SIZE_MAX = 4096;

/**
 * Those that Linux knows (Documentation/admin-guide/ext4.rst). Of these `noload` and `norecovery` are heeded; the
 * others are about the journal and how blocks are chosen, or ask for what is done anyhow.
 */
const OPTION_NAMES = (
  "acl noacl user_xattr nouser_xattr barrier nobarrier journal_checksum journal_async_commit commit data data_err " +
  "errors delalloc nodelalloc discard nodiscard grpid nogrpid bsdgroups sysvgroups resuid resgid sb debug minixdf " +
  "bsddf stripe max_batch_time min_batch_time journal_ioprio auto_da_alloc noauto_da_alloc init_itable " +
  "noinit_itable inode_readahead_blks block_validity noblock_validity dioread_lock dioread_nolock i_version noload " +
  "norecovery abort nombcache prefetch_block_bitmaps max_dir_size_kb oldalloc orlov check nocheck reservation " +
  "noreservation"
).split(" ");

export function ext4OptionNames(): readonly string[] {
  return OPTION_NAMES;
}

/**
 * `mount -t ext4 /dev/loop0 /mnt`. What is wrong with a file system stands in the kernel's log.
 *
 * @param name  ext2, ext3 or ext4
 * @returns −EINVAL (no such file system, or with features that are not known), −EIO, −EROFS
 */
export function mountExt4(
  kernel: FsKernel,
  name: string,
  options: MountOptions,
  on: MountedDevice | undefined,
): FileSystem | number {
  if (on === undefined) return -EINVAL;
  const { device } = on;
  const complain = (why: string): void => kernel.log(`${name}: ${device.name}: ${why}`);
  try {
    return mounted(kernel, name, device, on.readOnly, options.has("noload") || options.has("norecovery"), complain);
  } catch (thrown) {
    if (thrown instanceof DiskError) return -EIO;
    if (!(thrown instanceof FormatError) && !(thrown instanceof DamagedDirectory)) throw thrown;
    complain(thrown.message);
    return -EINVAL;
  }
}

function mounted(
  kernel: FsKernel,
  name: string,
  device: MountDevice,
  readOnly: boolean,
  leavesJournal: boolean,
  complain: (why: string) => void,
): Ext4FileSystem | number {
  let reader = new Ext4Reader(new MountedDisk(device));
  const refuse = (why: string): number => {
    complain(why);
    return -EINVAL;
  };
  if (reader.superblock.blockSize > BLOCK_SIZE_MAX) return refuse(`blocks of ${reader.superblock.blockSize} bytes`);
  const why = refusal(name, reader.superblock, readOnly);
  if (why !== null) return refuse(why);
  if ((reader.superblock.incompat & INCOMPAT.recover) !== 0) {
    if (leavesJournal && !readOnly) return refuse("its journal must be played back before it is written");
    if (device.isReadOnly && !leavesJournal) {
      complain("its journal must be played back, and the device is read-only");
      return -EROFS;
    }
    if (!leavesJournal) {
      const count = replayJournal(reader);
      complain(`recovery complete: ${count} transactions`);
      reader = new Ext4Reader(new MountedDisk(device));
    }
  }
  return Ext4FileSystem.mount(kernel, name, device, reader, readOnly);
}
