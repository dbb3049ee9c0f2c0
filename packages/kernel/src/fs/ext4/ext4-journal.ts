/**
 * Plays a journal back: what the kernel that crashed had written there, and not to its place yet. Source: Linux
 * Documentation/filesystems/ext4/journal.rst; fs/jbd2/recovery.c. All numbers are big-endian.
 */
import {
  checksum,
  type Ext4Reader,
  FormatError,
  INCOMPAT,
  JOURNAL_INODE,
  readBytes,
  sealSuperblock,
  SUPERBLOCK_OFFSET,
  viewOf,
} from "@stratos/formats/ext4";

const MAGIC = 0xc03b3998;
const BLOCK = { descriptor: 1, commit: 2, revoke: 5 } as const;
/** Features of a journal. */
const FEATURE = { revoke: 1, bit64: 2, asyncCommit: 4, checksum2: 8, checksum3: 16 } as const;
const TAG = { escaped: 1, sameUuid: 2, last: 8 } as const;
/** Before each block of the journal's own (`journal_header_t`). */
const HEAD = { magic: 0, type: 4, sequence: 8 } as const;
const HEADER = 12;
/** A block's place in a list of copies (`journal_block_tag_t`, `journal_block_tag3_t`). */
const TAG_PLACE = { blockLow: 0, flags3: 4, flags: 6, blockHigh: 8 } as const;
/** s_feature_incompat of the file system's superblock. */
const FEATURES_AT = 0x60;
const UUID_SIZE = 16;
const SUPER = {
  blockSize: 0x0c,
  length: 0x10,
  first: 0x14,
  sequence: 0x18,
  start: 0x1c,
  incompat: 0x28,
  uuid: 0x30,
} as const;
const SUPER_CHECKSUM = 0xfc,
  SUPER_SIZE = 1024;

/** Four times what mke2fs(8) makes by itself. */
const JOURNAL_BLOCKS_MAX = 1 << 20;

interface Journal {
  readonly reader: Ext4Reader;
  /** Of its blocks on the disk. */
  readonly blocks: readonly number[];
  readonly length: number;
  readonly first: number;
  readonly incompat: number;
}

interface Transaction {
  readonly sequence: number;
  /** Of what is copied: block in the journal, and its place. */
  readonly copies: readonly { readonly from: number; readonly to: number; readonly isEscaped: boolean }[];
  readonly revoked: readonly number[];
}

/** @returns how many transactions there were. @throws FormatError, DiskError */
export function replayJournal(reader: Ext4Reader): number {
  const { blockSize } = reader.superblock;
  const journalInode = reader.inode(JOURNAL_INODE);
  const blocks: number[] = [];
  for (const { logical, physical, count } of reader.map(journalInode).extents) {
    if (logical + count > JOURNAL_BLOCKS_MAX) throw new FormatError("its journal is too large");
    for (let index = 0; index < count; index++) blocks[logical + index] = physical + index;
  }
  if (blocks[0] === undefined) throw new FormatError("its journal is damaged");
  const head = readBytes(reader.disk, blocks[0] * blockSize, SUPER_SIZE);
  const view = viewOf(head);
  const type = view.getUint32(HEAD.type);
  if (
    view.getUint32(HEAD.magic) !== MAGIC ||
    (type !== 3 && type !== 4) ||
    view.getUint32(SUPER.blockSize) !== blockSize
  )
    throw new FormatError("its journal is damaged");
  const incompat = type === 4 ? view.getUint32(SUPER.incompat) : 0;
  const known = FEATURE.revoke | FEATURE.bit64 | FEATURE.asyncCommit | FEATURE.checksum2 | FEATURE.checksum3;
  if ((incompat & ~known) !== 0) throw new FormatError("its journal has features that are not known");
  const journal: Journal = {
    reader,
    blocks,
    length: Math.min(view.getUint32(SUPER.length), blocks.length),
    first: view.getUint32(SUPER.first),
    incompat,
  };
  const start = view.getUint32(SUPER.start);
  const found = start === 0 ? [] : transactionsOf(journal, start, view.getUint32(SUPER.sequence));
  playBack(journal, found);
  // Nothing is left in it: the next transaction follows those.
  view.setUint32(SUPER.start, 0);
  view.setUint32(SUPER.sequence, (view.getUint32(SUPER.sequence) + found.length + 1) >>> 0);
  if ((incompat & (FEATURE.checksum2 | FEATURE.checksum3)) !== 0) {
    view.setUint32(SUPER_CHECKSUM, 0);
    view.setUint32(SUPER_CHECKSUM, checksum(0xffffffff, head));
  }
  reader.disk.write(blocks[0] * blockSize, head);
  clearRecovery(reader);
  return found.length;
}

/** The superblock as the journal left it, without the mark. */
function clearRecovery({ disk, superblock, hasChecksums }: Ext4Reader): void {
  const raw = readBytes(disk, SUPERBLOCK_OFFSET, superblock.raw.length);
  const view = viewOf(raw);
  view.setUint32(FEATURES_AT, view.getUint32(FEATURES_AT, true) & ~INCOMPAT.recover, true);
  if (hasChecksums) sealSuperblock(raw);
  disk.write(SUPERBLOCK_OFFSET, raw);
}

function readJournalBlock({ reader, blocks }: Journal, index: number): Uint8Array {
  const block = blocks[index];
  const { blockSize, blockCount } = reader.superblock;
  if (block === undefined || block >= blockCount) throw new FormatError("its journal is damaged");
  return readBytes(reader.disk, block * blockSize, blockSize);
}

/** Those that were committed, in order: from `start` on, while numbers go on. */
function transactionsOf(journal: Journal, start: number, sequence: number): Transaction[] {
  const { first, length } = journal;
  if (first < 1 || first >= length || start < first || start >= length) throw new FormatError("its journal is damaged");
  const next = (index: number): number => (index + 1 >= length ? first : index + 1);
  const all: Transaction[] = [];
  let copies: { from: number; to: number; isEscaped: boolean }[] = [],
    revoked: number[] = [];
  // No block is looked at twice.
  for (let at = start, left = length; left > 0; left--) {
    const bytes = readJournalBlock(journal, at);
    const view = viewOf(bytes);
    if (view.getUint32(HEAD.magic) !== MAGIC || view.getUint32(HEAD.sequence) !== sequence) break;
    at = next(at);
    switch (view.getUint32(HEAD.type)) {
      case BLOCK.descriptor:
        for (const { block, flags } of tagsOf(bytes, journal.incompat)) {
          copies.push({ from: at, to: block, isEscaped: (flags & TAG.escaped) !== 0 });
          at = next(at);
          left--;
        }
        break;
      case BLOCK.revoke:
        revoked.push(...revokedBy(bytes, journal.incompat));
        break;
      case BLOCK.commit:
        all.push({ sequence, copies, revoked });
        copies = [];
        revoked = [];
        sequence = (sequence + 1) >>> 0;
        break;
      default:
        return all;
    }
  }
  return all;
}

function tagsOf(bytes: Uint8Array, incompat: number): { block: number; flags: number }[] {
  const view = viewOf(bytes);
  const is64 = (incompat & FEATURE.bit64) !== 0,
    has3 = (incompat & FEATURE.checksum3) !== 0,
    has2 = (incompat & FEATURE.checksum2) !== 0;
  const size = has3 ? 16 : (is64 ? 12 : 8) + (has2 ? 2 : 0);
  const end = bytes.length - (has2 || has3 ? 4 : 0);
  const tags: { block: number; flags: number }[] = [];
  for (let at = HEADER; at + size <= end;) {
    const flags = has3 ? view.getUint32(at + TAG_PLACE.flags3) : view.getUint16(at + TAG_PLACE.flags);
    const high = is64 ? view.getUint32(at + TAG_PLACE.blockHigh) : 0;
    tags.push({ block: view.getUint32(at + TAG_PLACE.blockLow) + high * 2 ** 32, flags });
    at += size + ((flags & TAG.sameUuid) !== 0 ? 0 : UUID_SIZE);
    if ((flags & TAG.last) !== 0) break;
  }
  return tags;
}

function revokedBy(bytes: Uint8Array, incompat: number): number[] {
  const view = viewOf(bytes);
  const is64 = (incompat & FEATURE.bit64) !== 0;
  const end = Math.min(view.getUint32(HEADER), bytes.length);
  const blocks: number[] = [];
  for (let at = HEADER + 4; at + (is64 ? 8 : 4) <= end; at += is64 ? 8 : 4)
    blocks.push(is64 ? view.getUint32(at) * 2 ** 32 + view.getUint32(at + 4) : view.getUint32(at));
  return blocks;
}

/** A block that was revoked later, or in the same transaction, is another file's by now. */
function playBack(journal: Journal, transactions: readonly Transaction[]): void {
  const { disk, superblock } = journal.reader;
  const revokedAt = new Map<number, number>();
  transactions.forEach(({ revoked }, order) => {
    for (const block of revoked) revokedAt.set(block, order);
  });
  transactions.forEach(({ copies }, order) => {
    for (const { from, to, isEscaped } of copies) {
      if ((revokedAt.get(to) ?? -1) >= order) continue;
      if (to >= superblock.blockCount) throw new FormatError("its journal is damaged");
      const bytes = readJournalBlock(journal, from);
      if (isEscaped) viewOf(bytes).setUint32(0, MAGIC);
      disk.write(to * superblock.blockSize, bytes);
    }
  });
}
