/**
 * Directory entries: items keyed by a hash of the name (FORMAT.md §5), so that a lookup is one descent in a directory of any
 * size, and a listing goes in the order of the hashes, which makes its cursors stable.
 *
 *   key      directory, KIND_ENTRY << 24 | hash high 20 bits, hash low 24 bits << 8 | collision number
 *   value    word 0: inode; byte 4: type (DT_*); byte 5: length of the name; then the name
 *
 * The hash is seeded for each volume: names that collide cannot be prepared. If 256 names collide all the same, the next one
 * is refused with ENOSPC.
 */
import { ENOSPC, ENOTDIR, ENOENT, S_IFDIR, S_IFMT } from "@stratos/abi";
import { KIND_ENTRY, keyMiddle } from "../format/key.ts";
import { INODE_AT_ENTRIES, INODE_AT_MODE, INODE_AT_NLINK } from "../format/inode-item.ts";
import type { Subvolume } from "../volume/subvolume.ts";
import { editInode, findInode, stamp } from "./inode.ts";
import { hashName, nameHashHigh, nameHashLow } from "./name-hash.ts";

/** One entry of a listing; callers keep one and use it again. */
export class DirectoryEntry {
  name = "";
  ino = 0;
  /** DT_*. */
  type = 0;
  /** Where the listing goes on after this entry. */
  nextCursor = 0;
}

const ENTRY_AT_NAME = 6; // bytes

/** Positions the tree on the entry. Returns its inode number, or 0 when there is none. */
export function findEntry(subvolume: Subvolume, directory: number, name: string): number {
  const tree = subvolume.tree;
  hashName(name, subvolume.volume.superblock.hashSeed);
  const middle = keyMiddle(KIND_ENTRY, nameHashHigh);
  const low = (nameHashLow << 8) >>> 0;
  if (!tree.ceiling(directory, middle, low)) return 0;
  while (tree.key(0) === directory && tree.key(1) === middle && tree.key(2) >>> 8 === low >>> 8) {
    const offset = tree.offset;
    if (hasName(tree.bytes, offset, name)) return tree.words[offset >>> 2]!;
    if (!tree.next()) return 0;
  }
  return 0;
}

/** The type (DT_*) in the entry that `findEntry` found. */
export function entryType(subvolume: Subvolume): number {
  return subvolume.tree.bytes[subvolume.tree.offset + 4]!;
}

/** Adds an entry whose name is not there; −ENOSPC when 256 others collide with it. Changes nothing else. */
export function insertEntry(subvolume: Subvolume, directory: number, name: string, ino: number, type: number): number {
  const tree = subvolume.tree;
  hashName(name, subvolume.volume.superblock.hashSeed);
  const middle = keyMiddle(KIND_ENTRY, nameHashHigh);
  const low = (nameHashLow << 8) >>> 0;
  let collision = 0;
  while (tree.find(directory, middle, low + collision)) if (++collision === 256) return -ENOSPC;
  const offset = tree.insert(directory, middle, low + collision, ENTRY_AT_NAME + name.length);
  const bytes = tree.bytes;
  tree.words[offset >>> 2] = ino;
  bytes[offset + 4] = type;
  bytes[offset + 5] = name.length;
  for (let index = 0; index < name.length; index++) bytes[offset + ENTRY_AT_NAME + index] = name.charCodeAt(index);
  return 0;
}

/** Removes the entry; it must be there. Changes nothing else. */
export function removeEntry(subvolume: Subvolume, directory: number, name: string): void {
  const tree = subvolume.tree;
  if (findEntry(subvolume, directory, name) !== 0) tree.remove(tree.key(0), tree.key(1), tree.key(2));
}

/** Makes the entry, which must be there, name another inode. */
export function redirectEntry(subvolume: Subvolume, directory: number, name: string, ino: number, type: number): void {
  const tree = subvolume.tree;
  if (findEntry(subvolume, directory, name) === 0) return;
  tree.edit(tree.key(0), tree.key(1), tree.key(2));
  tree.words[tree.offset >>> 2] = ino;
  tree.bytes[tree.offset + 4] = type;
}

/** Counts entries and subdirectories that came or went, and stamps the directory. */
export function changeDirectory(subvolume: Subvolume, directory: number, entries: number, subdirectories: number): void {
  const at = editInode(subvolume, directory);
  const words = subvolume.tree.words;
  words[at + INODE_AT_ENTRIES]! += entries;
  words[at + INODE_AT_NLINK]! += subdirectories;
  stamp(subvolume, at, true);
}

/** 0 when `ino` is a directory that still has a name (or is the root); −ENOENT, −ENOTDIR. */
export function checkDirectory(subvolume: Subvolume, ino: number): number {
  const at = findInode(subvolume, ino);
  if (at < 0) return -ENOENT;
  const words = subvolume.tree.words;
  if ((words[at + INODE_AT_MODE]! & S_IFMT) !== S_IFDIR) return -ENOTDIR;
  return words[at + INODE_AT_NLINK] === 0 ? -ENOENT : 0;
}

export function readDirectory(subvolume: Subvolume, directory: number, cursor: number, entry: DirectoryEntry): number {
  const tree = subvolume.tree;
  const high = Math.floor(cursor / 0x100000000);
  if (high >= 1 << 20 || !tree.ceiling(directory, keyMiddle(KIND_ENTRY, high), cursor >>> 0)) return checkListed(subvolume, directory);
  const middle = tree.key(1);
  if (tree.key(0) !== directory || middle >>> 24 !== KIND_ENTRY) return checkListed(subvolume, directory);
  const offset = tree.offset;
  const bytes = tree.bytes;
  entry.ino = tree.words[offset >>> 2]!;
  entry.type = bytes[offset + 4]!;
  entry.nextCursor = (middle & 0xffffff) * 0x100000000 + tree.key(2) + 1;
  entry.name = nameAt(bytes, offset);
  return 1;
}

/** The end of a listing: 0, or why there was none. */
function checkListed(subvolume: Subvolume, directory: number): number {
  const checked = checkDirectory(subvolume, directory);
  return checked === -ENOENT && findInode(subvolume, directory) >= 0 ? 0 : checked;
}

export function nameAt(bytes: Uint8Array, offset: number): string {
  const length = bytes[offset + 5]!;
  let name = "";
  for (let index = 0; index < length; index++) name += String.fromCharCode(bytes[offset + ENTRY_AT_NAME + index]!);
  return name;
}

function hasName(bytes: Uint8Array, offset: number, name: string): boolean {
  const length = name.length;
  if (bytes[offset + 5] !== length) return false;
  for (let index = 0; index < length; index++) if (bytes[offset + ENTRY_AT_NAME + index] !== name.charCodeAt(index)) return false;
  return true;
}
