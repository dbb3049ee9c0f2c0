/** The mount itself: INIT, DESTROY, STATFS, FORGET, and what needs no work. */
import { EPROTO, NAME_MAX } from "@stratos/abi";
import type { Subvolume } from "@stratos/aegisfs";
import { treeOf, type Mount } from "../mount.ts";
import { putPair } from "../wire/attribute-words.ts";
import {
  B,
  D,
  HEADER_SIZE,
  NO_REPLY,
  PAYLOAD_MAX,
  PAYLOAD_PAGES,
  Q_LENGTH,
  Q_NODE,
  Q_NODE_TREE,
  Q_UNIQUE,
} from "../wire/layout.ts";
import {
  FUSE_ASYNC_DIO,
  FUSE_ASYNC_READ,
  FUSE_BIG_WRITES,
  FUSE_CACHE_SYMLINKS,
  FUSE_DO_READDIRPLUS,
  FUSE_DONT_MASK,
  FUSE_EXPLICIT_INVAL_DATA,
  FUSE_EXPORT_SUPPORT,
  FUSE_HANDLE_KILLPRIV_V2,
  FUSE_MAJOR,
  FUSE_MAX_PAGES,
  FUSE_MINOR,
  FUSE_MINOR_MIN,
  FUSE_NO_OPEN_SUPPORT,
  FUSE_NO_OPENDIR_SUPPORT,
  FUSE_PARALLEL_DIROPS,
  FUSE_POSIX_ACL,
  FUSE_SETXATTR_EXT,
  FUSE_WRITEBACK_CACHE,
} from "@stratos/abi/fuse";

/** Requests that the kernel sends in the background, and when it thinks them too many. */
const BACKGROUND_MAX = 1024;
const CONGESTED_AT = 48;

/** fuse_init_in: major, minor, read-ahead, flags. fuse_init_out: 64 bytes. */
export function initialize(mount: Mount): number {
  const { words } = mount.exchange;
  const [major, minor, readAhead, offered] = [words[B]!, words[B + 1]!, words[B + 2]!, words[B + 3]!];
  words.fill(0, D, D + 16);
  words[D] = FUSE_MAJOR;
  // A newer kernel asks again with our version.
  if (major > FUSE_MAJOR) return 64;
  if (major < FUSE_MAJOR || minor < FUSE_MINOR_MIN) return -EPROTO;
  mount.agreement.minor = Math.min(minor, FUSE_MINOR);
  const wanted =
    FUSE_ASYNC_READ |
    FUSE_BIG_WRITES |
    FUSE_DO_READDIRPLUS |
    FUSE_ASYNC_DIO |
    FUSE_NO_OPEN_SUPPORT |
    FUSE_PARALLEL_DIROPS |
    FUSE_MAX_PAGES |
    FUSE_CACHE_SYMLINKS |
    FUSE_NO_OPENDIR_SUPPORT |
    FUSE_EXPLICIT_INVAL_DATA |
    FUSE_HANDLE_KILLPRIV_V2 |
    FUSE_EXPORT_SUPPORT |
    FUSE_DONT_MASK |
    FUSE_SETXATTR_EXT |
    (mount.settings.writebackCache ? FUSE_WRITEBACK_CACHE : 0) |
    (mount.settings.checksPermissions ? FUSE_POSIX_ACL : 0);
  words[D + 1] = mount.agreement.minor;
  words[D + 2] = Math.max(readAhead, PAYLOAD_MAX);
  words[D + 3] = wanted & offered;
  mount.agreement.gathersWrites = (words[D + 3]! & FUSE_WRITEBACK_CACHE) !== 0;
  mount.agreement.setXattrSize = (offered & FUSE_SETXATTR_EXT) !== 0 ? 16 : 8;
  words[D + 4] = BACKGROUND_MAX | (CONGESTED_AT << 16);
  words[D + 5] = PAYLOAD_MAX;
  words[D + 6] = 1; // granularity of times, ns
  words[D + 7] = PAYLOAD_PAGES;
  return 64;
}

/**
 * fuse_kstatfs: blocks, free, available, files, free ones (2 words each), block size, name length, fragment size. What
 * the volume keeps for its own changes is free and not available, as what ext4 keeps for root: df(1) does not call it
 * used.
 */
export function statFileSystem({ exchange, volume }: Pick<Mount, "exchange" | "volume">): number {
  const { words } = exchange;
  const { blocks, freeBlocks, unusedBlocks, inodes } = volume.usage();
  words.fill(0, D, D + 20);
  putPair(words, D, blocks);
  putPair(words, D + 2, unusedBlocks);
  putPair(words, D + 4, freeBlocks);
  // Inodes are limited by space alone: as many more as there are blocks.
  putPair(words, D + 6, inodes + freeBlocks);
  putPair(words, D + 8, freeBlocks);
  words[D + 10] = 4096;
  words[D + 11] = NAME_MAX;
  words[D + 12] = 4096;
  return 80;
}

/** fuse_forget_in: times (2 words). */
export function forget(mount: Mount): number {
  const { words } = mount.exchange;
  forgetNode(mount, words[Q_NODE]!, words[Q_NODE_TREE]!, words[B]!);
  return NO_REPLY;
}

/** fuse_batch_forget_in: count, padding; node and times (2 words each). */
export function batchForget(mount: Mount): number {
  const { words } = mount.exchange;
  const count = Math.min(words[B]!, (words[Q_LENGTH]! - HEADER_SIZE - 8) / 16);
  for (let index = 0, at = B + 2; index < count; index++, at += 4)
    forgetNode(mount, words[at]!, words[at + 1]!, words[at + 2]!);
  return NO_REPLY;
}

function forgetNode(mount: Mount, ino: number, tree: number, times: number): void {
  if (mount.caches.forget(ino, tree, times)) treeOf(mount, tree)?.unpin(ino);
}

export function destroy(mount: Mount): number {
  const result = mount.volume.sync();
  return result < 0 ? result : 0;
}

export function acknowledge(_mount: Mount, _files: Subvolume, _ino: number): number {
  return 0;
}

/** INTERRUPT: a request that was begun is done at once, unless it waits for what the kernel has gathered. */
export function interrupt(mount: Mount): number {
  mount.parked.interrupt();
  return NO_REPLY;
}

/** NOTIFY_REPLY: a mark comes back. */
export function takeMark(mount: Mount): number {
  mount.parked.mark(mount.exchange.words[Q_UNIQUE]!);
  return NO_REPLY;
}
