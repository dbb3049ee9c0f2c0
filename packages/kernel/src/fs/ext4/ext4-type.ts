/** ext2, ext3 and ext4 among the types of file systems; what one is made of pages load when one is mounted. */
import type { FileSystemType } from "../../vfs/file-system.ts";
import type { FsKernel } from "../fs-kernel.ts";
import { mountExt4 } from "./ext4-mount.ts";

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

function typeOf(name: string): FileSystemType {
  return {
    name,
    isVirtual: false,
    optionNames: OPTION_NAMES,
    create: (kernel: FsKernel, _source, options, on) => mountExt4(kernel, name, options, on),
  };
}

export const ext4Types: readonly FileSystemType[] = ["ext3", "ext2", "ext4"].map(typeOf);
