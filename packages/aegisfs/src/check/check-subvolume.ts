/**
 * Reads a subvolume as files: every item belongs to an inode, names and counts agree, all directories hang together.
 */
import { DT_DIR, S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } from "@stratos/abi";
import { byteString } from "@stratos/base";
import { nameAt } from "../file/directory.ts";
import { getPair } from "../file/inode.ts";
import { hashName, nameHash } from "../file/name-hash.ts";
import { FILE_BLOCKS_MAX, FILE_SIZE_MAX, INLINE_SIZE_MAX } from "../format/geometry.ts";
import {
  KIND_ENTRY,
  KIND_EXTENT,
  KIND_INLINE,
  KIND_INODE,
  KIND_ORPHAN,
  KIND_QUOTA,
  KIND_XATTR,
} from "../format/key.ts";
import { INODE_AT_GID, INODE_AT_PROJECT, INODE_AT_UID, ROOT_INO } from "../format/inode-item.ts";
import type { Subvolume } from "../volume/subvolume.ts";
import { InodeFacts } from "./inode-facts.ts";

type Report = (what: string, subvolume: number, ino: number, block: number) => void;

class Seen extends InodeFacts {
  names = 0;
  subdirectories = 0;
  listed = 0;
  namedIn = 0;
  entryTypes = 0;
  owners: readonly number[] = [];
}

export function checkSubvolume(subvolume: Subvolume, report: Report): void {
  const { tree, id } = subvolume;
  const seed = subvolume.volume.superblock.hashSeed;
  const inodes = new Map<number, Seen>();
  const seen = (ino: number): Seen => {
    let inode = inodes.get(ino);
    if (inode === undefined) inodes.set(ino, (inode = new Seen()));
    return inode;
  };
  /** Blocks and inodes that the quotas count, by kind and owner; null: they are off. */
  let usage: Map<string, readonly [number, number]> | null = null;
  const problem = (what: string, ino: number): void => report(what, id, ino, tree.leaf.block);

  for (let more = tree.ceiling(0, 0, 0); more; more = tree.nextOfAll()) {
    const ino = tree.key(0);
    const kind = tree.key(1) >>> 24;
    const high = tree.key(1) & 0xffffff;
    const low = tree.key(2);
    const { words, bytes, offset, length } = tree;
    const at = offset >>> 2;
    if (kind === KIND_QUOTA) {
      if (high === QUOTA_HEADER) usage = usage ?? new Map();
      else (usage ??= new Map()).set(`${high}:${low}`, [getPair(words, at), getPair(words, at + 2)]);
      continue;
    }
    const inode = seen(kind === KIND_ORPHAN ? low : ino);
    if (kind === KIND_INODE) {
      inode.takeInode(words, at);
      inode.owners = [words[at + INODE_AT_UID]!, words[at + INODE_AT_GID]!, words[at + INODE_AT_PROJECT]!];
    } else if (kind === KIND_ENTRY) {
      const name = nameAt(bytes, offset);
      hashName(name, seed);
      if (nameHash.high !== high || nameHash.low !== low >>> 8) problem("entry is not where its name hashes to", ino);
      const target = seen(words[at]!);
      target.names++;
      target.namedIn = ino;
      target.entryTypes |= 1 << bytes[offset + 4]!;
      inode.listed++;
      if (bytes[offset + 4] === DT_DIR) inode.subdirectories++;
    } else if (kind === KIND_INLINE) {
      inode.inlineSize = length;
    } else if (kind === KIND_EXTENT) {
      const start = high * 0x100000000 + low;
      if (start < inode.extentEnd) problem("extents overlap", ino);
      if (start === 0 && inode.inlineSize >= 0) problem("block 0 is inline and has an extent", ino);
      inode.takeExtent(start, words, at);
      if (inode.extentEnd > FILE_BLOCKS_MAX) problem("extent is behind the end of the largest file", ino);
    } else if (kind === KIND_XATTR) {
      hashName(byteString(bytes, offset + 4, offset + 4 + bytes[offset]!), seed);
      if (nameHash.high !== high || nameHash.low !== low >>> 8)
        problem("attribute is not where its name hashes to", ino);
    } else if (kind === KIND_ORPHAN) {
      inode.orphan = true;
    } else problem(`item of unknown kind ${kind}`, ino);
  }

  let count = 0;
  for (const [ino, inode] of inodes) {
    if (inode.mode < 0) {
      report("items or names without an inode", id, ino, -1);
      continue;
    }
    count++;
    const isDirectory = (inode.mode & S_IFMT) === S_IFDIR;
    if (ino >= subvolume.nextIno) report("inode number was never given out", id, ino, -1);
    if (inode.blocks !== inode.extentBlocks)
      report(`holds ${inode.extentBlocks} blocks, says ${inode.blocks}`, id, ino, -1);
    if (inode.names > 0 && inode.entryTypes !== 1 << ((inode.mode & S_IFMT) >>> 12))
      report("an entry shows another type", id, ino, -1);
    if (inode.orphan !== (inode.nlink === 0)) report("orphan list and link count disagree", id, ino, -1);
    if (isDirectory) checkDirectory(ino, inode, inodes, report, id);
    else if (inode.nlink !== inode.names) report(`has ${inode.names} names, says ${inode.nlink}`, id, ino, -1);
    if (!isDirectory && inode.listed > 0) report("entries in what is no directory", id, ino, -1);
    if (inode.size > FILE_SIZE_MAX) report("is larger than any file can be", id, ino, -1);
    const mayInline = (inode.mode & S_IFMT) === S_IFREG ? INLINE_SIZE_MAX : 4095;
    if (inode.inlineSize > mayInline || inode.inlineSize > inode.size)
      report("inline content is longer than the file", id, ino, -1);
    if ((inode.mode & S_IFMT) === S_IFLNK && inode.inlineSize !== inode.size && !inode.hasLost)
      report("symbolic link without its target", id, ino, -1);
  }
  if (count !== subvolume.inodes) report(`${count} inodes, the subvolume says ${subvolume.inodes}`, id, -1, -1);
  if (usage !== null) compareUsage(inodes, usage, report, id);
  if (!inodes.has(ROOT_INO)) report("no root directory", id, ROOT_INO, -1);
}

const QUOTA_HEADER = 255;

function compareUsage(
  inodes: Map<number, Seen>,
  usage: Map<string, readonly [number, number]>,
  report: Report,
  id: number,
): void {
  const owned = new Map<string, [number, number]>();
  for (const { mode, owners, blocks } of inodes.values()) {
    if (mode < 0) continue;
    for (const [kind, owner] of owners.entries()) {
      const sum = owned.get(`${kind}:${owner}`) ?? [0, 0];
      owned.set(`${kind}:${owner}`, [sum[0] + blocks, sum[1] + 1]);
    }
  }
  for (const key of new Set([...owned.keys(), ...usage.keys()])) {
    const real = owned.get(key) ?? [0, 0];
    const counted = usage.get(key) ?? [0, 0];
    if (real[0] !== counted[0] || real[1] !== counted[1])
      report(
        `quota ${key} counts ${counted[0]} blocks and ${counted[1]} inodes, there are ${real[0]} and ${real[1]}`,
        id,
        -1,
        -1,
      );
  }
}

function checkDirectory(ino: number, inode: Seen, inodes: Map<number, Seen>, report: Report, id: number): void {
  if (inode.entries !== inode.listed) report(`has ${inode.listed} entries, says ${inode.entries}`, id, ino, -1);
  if (inode.nlink === 0) {
    if (inode.names !== 0 || inode.listed !== 0) report("removed directory has names or entries", id, ino, -1);
    return;
  }
  if (inode.nlink !== 2 + inode.subdirectories)
    report(`has ${inode.subdirectories} subdirectories, says ${inode.nlink} links`, id, ino, -1);
  if (ino === ROOT_INO) {
    if (inode.names !== 0) report("the root directory has a name", id, ino, -1);
    return;
  }
  if (inode.names !== 1) report(`directory has ${inode.names} names`, id, ino, -1);
  else if (inode.namedIn !== inode.parent) report("directory is not named in its parent", id, ino, -1);
  // Each directory has one parent: a walk upwards that does not end at the root goes in a circle.
  let steps = 0;
  for (let at = ino; at !== ROOT_INO; at = inodes.get(at)?.parent ?? 0) {
    if (at === 0 || ++steps > inodes.size) {
      report("directory does not hang from the root", id, ino, -1);
      return;
    }
  }
}
