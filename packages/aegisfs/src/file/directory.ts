/**
 * Directory entries: items keyed by a hash of the name (FORMAT.md §5), so that a lookup is one descent in a directory
 * of any size, and a listing goes in the order of the hashes, which makes its cursors stable.
 *
 *   key      directory, KIND_ENTRY << 24 | hash high 20 bits, hash low 24 bits << 8 | collision number
 *   value    word 0: inode; byte 4: type (DT_*); byte 5: length of the name; then the name
 *
 * The hash is seeded for each volume: names that collide cannot be prepared. If 256 names collide all the same, the
 * next one is refused with ENOSPC.
 */
import { ENOSPC, ENOTDIR, ENOENT, S_IFDIR, S_IFMT } from "@stratos/abi";
import { shortByteString, whenForgotten } from "@stratos/base";
import { KIND_ENTRY, keyMiddle } from "../format/key.ts";
import { INODE_AT_ENTRIES, INODE_AT_MODE, INODE_AT_NLINK } from "../format/inode-item.ts";
import type { FileTree } from "./file-tree.ts";
import type { EntryTable } from "../cache/entry-table.ts";
import { ENTRY_COLLIDES, ENTRY_STORED } from "../cache/entry-table.ts";
import { indexInListing, type Listing } from "../cache/listings.ts";
import { Failure } from "../failure.ts";
import { changeInode, expectItems, loadInode, mayHaveItems, stamp } from "./inode.ts";
import { hashName, nameHash } from "./name-hash.ts";

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
/** Names of one hash that a directory may have. */
const COLLISIONS_MAX = 256;

/** Place of the entry that `findEntry` found last, in the entry table; also of a name that is not there. */
let foundAt = -1;
let foundIn: EntryTable | null = null;
whenForgotten(() => void (foundIn = null));

/** Inode number of a name, or 0 when there is none. */
export function findEntry(subvolume: FileTree, directory: number, name: string): number {
  const { entries, superblock } = subvolume.volume;
  // One operation asks for a name a few times over.
  if (
    foundIn === entries &&
    entries.names[foundAt] === name &&
    entries.parents[foundAt] === directory &&
    entries.subvolumes[foundAt] === subvolume.cacheId
  ) {
    return entries.inos[foundAt]!;
  }
  hashName(name, superblock.hashSeed);
  let at = entries.find(subvolume.cacheId, directory, nameHash.high, nameHash.low, name);
  if (at < 0) at = readEntry(subvolume, directory, name);
  foundAt = at;
  foundIn = entries;
  return entries.inos[at]!;
}

/** Takes into memory what the tree says of the name that was hashed last. */
function readEntry(subvolume: FileTree, directory: number, name: string): number {
  const { entries } = subvolume.volume;
  const high = nameHash.high;
  const low = nameHash.low;
  if (!mayHaveItems(subvolume, directory)) return entries.add(subvolume.cacheId, directory, high, low, name, 0, 0, 0);
  const found = findStored(subvolume, directory, high, low, name);
  const collides = metOther ? ENTRY_COLLIDES : 0;
  if (!found) return entries.add(subvolume.cacheId, directory, high, low, name, 0, 0, collides);
  const { words, bytes, offset } = subvolume.tree;
  return entries.add(
    subvolume.cacheId,
    directory,
    high,
    low,
    name,
    words[offset >>> 2]!,
    bytes[offset + 4]!,
    ENTRY_STORED | collides,
  );
}

/** `findStored` met another name of the same hash. */
let metOther = false;

/** Positions the tree on the entry of a name; false when it has none. */
function findStored(subvolume: FileTree, directory: number, high: number, low: number, name: string): boolean {
  const { tree } = subvolume;
  const middle = keyMiddle(KIND_ENTRY, high);
  metOther = false;
  if (!tree.ceiling(directory, middle, (low << 8) >>> 0)) return false;
  while (tree.key(0) === directory && tree.key(1) === middle && tree.key(2) >>> 8 === low) {
    if (hasName(tree.bytes, tree.offset, name)) return true;
    metOther = true;
    if (!tree.next()) return false;
  }
  return false;
}

/** The type (DT_*) in the entry that `findEntry` found. */
export function entryType(subvolume: FileTree): number {
  return subvolume.volume.entries.types[foundAt]!;
}

/** Adds an entry whose name is not there; −ENOSPC when 256 others collide with it. Changes nothing else. */
export function insertEntry(subvolume: FileTree, directory: number, name: string, ino: number, type: number): number {
  const { volume } = subvolume;
  const { entries } = volume;
  findEntry(subvolume, directory, name);
  const at = foundAt;
  if ((entries.flags[at]! & ENTRY_COLLIDES) !== 0 || entries.hasSibling(at)) {
    // Rare: its place is taken at once, so that there is one.
    volume.settleEntries();
    if (freeCollision(subvolume, directory, keyMiddle(KIND_ENTRY, entries.highs[at]!), entries.lows[at]!) < 0)
      return -ENOSPC;
    entries.change(at, ino, type);
    volume.cache.changes++;
    settleEntry(subvolume, at);
    volume.listings.forget(subvolume.cacheId, directory);
    return 0;
  }
  volume.cache.changes++;
  entries.change(at, ino, type);
  volume.listings.forget(subvolume.cacheId, directory);
  return 0;
}

/** Removes the entry; it must be there. Changes nothing else. */
export function removeEntry(subvolume: FileTree, directory: number, name: string): void {
  redirectEntry(subvolume, directory, name, 0, 0);
}

/** Makes the entry, which must be there, name another inode. */
export function redirectEntry(subvolume: FileTree, directory: number, name: string, ino: number, type: number): void {
  const { volume } = subvolume;
  if (findEntry(subvolume, directory, name) === 0) return;
  volume.cache.changes++;
  volume.entries.change(foundAt, ino, type);
  volume.listings.forget(subvolume.cacheId, directory);
}

/** Lowest collision number that no name of that hash has, −1 when all are taken. */
function freeCollision({ tree }: FileTree, directory: number, middle: number, low: number): number {
  for (let collision = 0; collision < COLLISIONS_MAX; collision++)
    if (!tree.find(directory, middle, ((low << 8) | collision) >>> 0)) return collision;
  return -1;
}

/** Makes the tree have what the entry table has of one name. Throws Failure. */
export function settleEntry(subvolume: FileTree, at: number): void {
  const { tree, volume } = subvolume;
  const { entries } = volume;
  const directory = entries.parents[at]!;
  const high = entries.highs[at]!;
  const low = entries.lows[at]!;
  const name = entries.names[at]!;
  const ino = entries.inos[at]!;
  const middle = keyMiddle(KIND_ENTRY, high);
  if ((entries.flags[at]! & ENTRY_STORED) !== 0) {
    // It was there when it was read: that it is gone is damage which nobody reported yet.
    if (!findStored(subvolume, directory, high, low, name)) throw new Failure("corrupt-node", tree.root[0]!);
    if (ino === 0) {
      tree.remove(directory, middle, tree.key(2));
      entries.flags[at]! &= ~ENTRY_STORED;
    } else {
      tree.edit(directory, middle, tree.key(2));
      tree.words[tree.offset >>> 2] = ino;
      tree.bytes[tree.offset + 4] = entries.types[at]!;
    }
  } else {
    expectItems(subvolume, directory);
    const collision = freeCollision(subvolume, directory, middle, low);
    if (collision < 0) throw new Failure("corrupt-node", tree.root[0]!);
    const offset = tree.insert(directory, middle, ((low << 8) | collision) >>> 0, ENTRY_AT_NAME + name.length);
    const bytes = tree.bytes;
    tree.words[offset >>> 2] = ino;
    bytes[offset + 4] = entries.types[at]!;
    bytes[offset + 5] = name.length;
    for (let index = 0; index < name.length; index++) bytes[offset + ENTRY_AT_NAME + index] = name.charCodeAt(index);
    entries.flags[at]! |= ENTRY_STORED;
  }
  entries.markClean(at);
}

/** Counts entries and subdirectories that came or went, and stamps the directory. */
export function changeDirectory(subvolume: FileTree, directory: number, entries: number, subdirectories: number): void {
  const at = changeInode(subvolume, directory);
  const words = subvolume.volume.inodes.words;
  words[at + INODE_AT_ENTRIES]! += entries;
  words[at + INODE_AT_NLINK]! += subdirectories;
  stamp(subvolume, at, true);
}

/** 0 when `ino` is a directory that still has a name (or is the root); −ENOENT, −ENOTDIR. */
export function checkDirectory(subvolume: FileTree, ino: number): number {
  const at = loadInode(subvolume, ino);
  if (at < 0) return -ENOENT;
  const words = subvolume.volume.inodes.words;
  if ((words[at + INODE_AT_MODE]! & S_IFMT) !== S_IFDIR) return -ENOTDIR;
  return words[at + INODE_AT_NLINK] === 0 ? -ENOENT : 0;
}

/** Directories up to this size are listed from memory once they were listed from the beginning. */
const LISTING_MAX = 16384;

/**
 * All entries of a directory, when they are not too many; undefined for a larger one, and for one that has changed
 * since it was listed from the beginning: `readDirectory` goes through those, or a directory that is emptied while it
 * is listed would be listed anew for each part.
 */
export function shortListing(subvolume: FileTree, directory: number, cursor: number): Listing | undefined {
  return (
    subvolume.volume.listings.get(subvolume.cacheId, directory) ??
    (cursor === 0 ? listIfShort(subvolume, directory) : undefined)
  );
}

export function readDirectory(subvolume: FileTree, directory: number, cursor: number, entry: DirectoryEntry): number {
  const { tree, volume } = subvolume;
  const known = shortListing(subvolume, directory, cursor);
  if (known !== undefined) return entryOfListing(known, cursor, entry) ? 1 : checkListed(subvolume, directory);
  volume.settleEntries();
  const high = Math.floor(cursor / 0x100000000);
  if (high >= 1 << 20 || !tree.ceiling(directory, keyMiddle(KIND_ENTRY, high), cursor >>> 0))
    return checkListed(subvolume, directory);
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

function listIfShort(subvolume: FileTree, directory: number): Listing | undefined {
  const at = loadInode(subvolume, directory);
  if (at < 0 || subvolume.volume.inodes.words[at + INODE_AT_ENTRIES]! > LISTING_MAX) return undefined;
  return list(subvolume, directory);
}

/** The first entry at or after `cursor`; false at the end. */
function entryOfListing(listing: Listing, cursor: number, entry: DirectoryEntry): boolean {
  const low = indexInListing(listing, cursor);
  const { names, inos, types, cursors } = listing;
  if (low === cursors.length) return false;
  entry.name = names[low]!;
  entry.ino = inos[low]!;
  entry.type = types[low]!;
  entry.nextCursor = cursors[low]! + 1;
  return true;
}

/** All entries of a directory; kept in memory when they are not too many. */
export function list(subvolume: FileTree, directory: number): Listing {
  const { tree, volume } = subvolume;
  const known = volume.listings.get(subvolume.cacheId, directory);
  if (known !== undefined) return known;
  volume.settleEntries();
  const names: string[] = [];
  const inos: number[] = [];
  const types: number[] = [];
  const cursors: number[] = [];
  const listing: Listing = { names, inos, types, cursors, texts: null };
  for (
    let more = tree.ceiling(directory, keyMiddle(KIND_ENTRY, 0), 0);
    more && tree.key(0) === directory;
    more = tree.next()
  ) {
    const middle = tree.key(1);
    // A hash has 20 bits here: beyond them, where only a forger puts a key, cursors would not be exact.
    if (middle >>> 24 !== KIND_ENTRY || (middle & 0xffffff) >= 1 << 20) break;
    const { bytes, offset } = tree;
    names.push(nameAt(bytes, offset));
    inos.push(tree.words[offset >>> 2]!);
    types.push(bytes[offset + 4]!);
    cursors.push((middle & 0xffffff) * 0x100000000 + tree.key(2));
  }
  if (names.length <= LISTING_MAX) volume.listings.put(subvolume.cacheId, directory, listing);
  return listing;
}

/** The end of a listing: 0, or why there was none. */
function checkListed(subvolume: FileTree, directory: number): number {
  const checked = checkDirectory(subvolume, directory);
  return checked === -ENOENT && loadInode(subvolume, directory) >= 0 ? 0 : checked;
}

export function nameAt(bytes: Uint8Array, offset: number): string {
  const start = offset + ENTRY_AT_NAME;
  return shortByteString(bytes, start, start + bytes[offset + 5]!);
}

function hasName(bytes: Uint8Array, offset: number, name: string): boolean {
  const length = name.length;
  if (bytes[offset + 5] !== length) return false;
  for (let index = 0; index < length; index++)
    if (bytes[offset + ENTRY_AT_NAME + index] !== name.charCodeAt(index)) return false;
  return true;
}
