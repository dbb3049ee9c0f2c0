/**
 * Folders, in the form that their names need: within the inode, one block with names and hashes, blocks of names with
 * one leaf of hashes, or with a tree of them and a list of the room in each block. Source: XFS Algorithms & Data
 * Structures, "Directories"; Linux fs/xfs/libxfs/xfs_da_format.h.
 *
 *     blocks of the file   0 …       8,388,608 …              16,777,216 …
 *                          names     leaf, or tree of leaves  room in each block of names
 */
import { byteStringOf } from "@stratos/base";
import { viewOf, writeU64 } from "../disk/disk.ts";
import type { FileKind } from "../tree/file-tree.ts";
import { nameHash, SEAL } from "./xfs-blocks.ts";
import { BLOCK_SIZE } from "./xfs-geometry.ts";
import { HASHED_HEADER, hashTree, type HashLeaf } from "./xfs-hash-tree.ts";

interface FolderEntry {
  readonly name: string;
  readonly ino: number;
  readonly kind: Exclude<FileKind, "hardLink">;
}

interface FolderBlock {
  /** in blocks from the folder's beginning */
  readonly logical: number;
  readonly bytes: Uint8Array;
  readonly seal: (typeof SEAL)["directory" | "hashed"];
}

interface FolderForm {
  /** bytes, as the inode tells them */
  readonly size: number;
  /** all of it where it fits in the inode */
  readonly local: Uint8Array | null;
  readonly blocks: readonly FolderBlock[];
}

const TYPES: Readonly<Record<FolderEntry["kind"], number>> = {
  file: 1,
  directory: 2,
  character: 3,
  block: 4,
  fifo: 5,
  symlink: 7,
};
const MAGIC = { block: 0x58444233, data: 0x58444433, free: 0x58444633 } as const; // XDB3 XDD3 XDF3
const LEAF_MAGIC = { alone: 0x3df1, ofTree: 0x3dff } as const;
const HEADER = 64;
const DOTS = 32;
const HASHES_AT = 0x80_0000;
const ROOM_AT = 0x100_0000;
const LEAF_ENTRIES = (BLOCK_SIZE - HASHED_HEADER) / 8;
const ROOMS_PER_BLOCK = (BLOCK_SIZE - HEADER) / 2;

/** @param room  bytes in the inode */
export function folderForm(
  { ino, parent }: { readonly ino: number; readonly parent: number },
  entries: readonly FolderEntry[],
  room: number,
): FolderForm {
  const size = localSize(parent, entries);
  if (size <= room) return { size, local: localFolder(parent, entries, size), blocks: [] };
  const all = [dot(".", ino), dot("..", parent), ...entries];
  const bytes = all.reduce((sum, { name }) => sum + entryBytes(name), 0);
  if (HEADER + bytes + all.length * 8 + 8 <= BLOCK_SIZE) return oneBlock(all);
  return manyBlocks(all);
}

/** Blocks that a folder of so many names takes at most. */
export function folderBlocks(names: number, nameBytes: number): number {
  // What does not fit at a block's end costs less than the largest entry.
  const data = Math.ceil((nameBytes + names * 19 + DOTS) / (BLOCK_SIZE - HEADER - 272));
  const leaves = Math.ceil((names + 2) / LEAF_ENTRIES);
  return names === 0 ? 0 : data + leaves + Math.ceil(leaves / 500) + 1 + Math.ceil(data / ROOMS_PER_BLOCK);
}

function dot(name: string, ino: number): FolderEntry {
  return { name, ino, kind: "directory" };
}

/** Number, length, name, type, and where it begins; a multiple of 8. */
function entryBytes(name: string): number {
  return Math.ceil((8 + 1 + name.length + 1 + 2) / 8) * 8;
}

function isLong(ino: number): boolean {
  return ino > 0xffffffff;
}

function localSize(parent: number, entries: readonly FolderEntry[]): number {
  const bytes = isLong(parent) || entries.some(({ ino }) => isLong(ino)) ? 8 : 4;
  return entries.reduce((sum, { name }) => sum + 4 + name.length + bytes, 2 + bytes);
}

function localFolder(parent: number, entries: readonly FolderEntry[], size: number): Uint8Array {
  const bytes = new Uint8Array(size),
    view = viewOf(bytes);
  const longs = [parent, ...entries.map(({ ino }) => ino)].filter(isLong).length;
  const number = (at: number, ino: number): number => {
    if (longs > 0) writeU64(view, at, ino, false);
    else view.setUint32(at, ino);
    return at + (longs > 0 ? 8 : 4);
  };
  bytes[0] = entries.length;
  bytes[1] = longs;
  let at = number(2, parent),
    // Where it would lie in a block, so that readers of the folder find their way when it becomes one.
    place = HEADER + DOTS;
  for (const { name, ino, kind } of entries) {
    bytes[at] = name.length;
    view.setUint16(at + 1, place);
    bytes.set(byteStringOf(name), at + 3);
    bytes[at + 3 + name.length] = TYPES[kind];
    at = number(at + 4 + name.length, ino);
    place += entryBytes(name);
  }
  return bytes;
}

interface Hashed {
  readonly hash: number;
  /** in units of 8 bytes from the folder's beginning */
  readonly address: number;
}

function oneBlock(all: readonly FolderEntry[]): FolderForm {
  const bytes = new Uint8Array(BLOCK_SIZE),
    view = viewOf(bytes);
  const hashes: Hashed[] = [];
  let at = HEADER;
  for (const entry of all) {
    hashes.push({ hash: nameHash(entry.name), address: at / 8 });
    at = putEntry(bytes, at, entry);
  }
  const tail = BLOCK_SIZE - 8,
    leaf = tail - hashes.length * 8;
  putRoom(bytes, at, leaf, MAGIC.block);
  putHashes(view, leaf, hashes.sort(byHash));
  view.setUint32(tail, hashes.length);
  return { size: BLOCK_SIZE, local: null, blocks: [{ logical: 0, bytes, seal: SEAL.directory }] };
}

function manyBlocks(all: readonly FolderEntry[]): FolderForm {
  const names: Uint8Array[] = [],
    rooms: number[] = [],
    hashes: Hashed[] = [];
  let at = BLOCK_SIZE;
  const finish = (): void => {
    if (names.length === 0) return;
    putRoom(names.at(-1)!, at, BLOCK_SIZE, MAGIC.data);
    rooms.push(BLOCK_SIZE - at);
  };
  for (const entry of all) {
    if (at + entryBytes(entry.name) > BLOCK_SIZE) {
      finish();
      names.push(new Uint8Array(BLOCK_SIZE));
      at = HEADER;
    }
    hashes.push({ hash: nameHash(entry.name), address: ((names.length - 1) * BLOCK_SIZE + at) / 8 });
    at = putEntry(names.at(-1)!, at, entry);
  }
  finish();
  hashes.sort(byHash);
  const blocks: FolderBlock[] = names.map((bytes, logical) => ({ logical, bytes, seal: SEAL.directory }));
  const size = names.length * BLOCK_SIZE;
  if (HASHED_HEADER + hashes.length * 8 + rooms.length * 2 + 4 <= BLOCK_SIZE) {
    const { bytes } = hashLeaf(hashes, LEAF_MAGIC.alone),
      view = viewOf(bytes);
    view.setUint32(BLOCK_SIZE - 4, rooms.length);
    rooms.forEach((room, index) => view.setUint16(BLOCK_SIZE - 4 - (rooms.length - index) * 2, room));
    return { size, local: null, blocks: [...blocks, { logical: HASHES_AT, bytes, seal: SEAL.hashed }] };
  }
  const leaves: HashLeaf[] = [];
  for (let first = 0; first < hashes.length; first += LEAF_ENTRIES)
    leaves.push(hashLeaf(hashes.slice(first, first + LEAF_ENTRIES), LEAF_MAGIC.ofTree));
  hashTree(leaves, HASHES_AT).forEach((bytes, index) =>
    blocks.push({ logical: HASHES_AT + index, bytes, seal: SEAL.hashed }),
  );
  for (let first = 0; first < rooms.length; first += ROOMS_PER_BLOCK) {
    const own = rooms.slice(first, first + ROOMS_PER_BLOCK),
      bytes = new Uint8Array(BLOCK_SIZE),
      view = viewOf(bytes);
    view.setUint32(0, MAGIC.free);
    view.setUint32(48, first);
    view.setUint32(52, own.length);
    view.setUint32(56, own.length);
    own.forEach((room, index) => view.setUint16(HEADER + index * 2, room));
    blocks.push({ logical: ROOM_AT + first / ROOMS_PER_BLOCK, bytes, seal: SEAL.directory });
  }
  return { size, local: null, blocks };
}

function byHash(a: Hashed, b: Hashed): number {
  return a.hash - b.hash || a.address - b.address;
}

/** @returns where the next one begins */
function putEntry(bytes: Uint8Array, at: number, { name, ino, kind }: FolderEntry): number {
  const view = viewOf(bytes),
    length = entryBytes(name);
  writeU64(view, at, ino, false);
  bytes[at + 8] = name.length;
  bytes.set(byteStringOf(name), at + 9);
  bytes[at + 9 + name.length] = TYPES[kind];
  view.setUint16(at + length - 2, at);
  return at + length;
}

/** What is left of a block, which its head tells, too. */
function putRoom(bytes: Uint8Array, start: number, end: number, magic: number): void {
  const view = viewOf(bytes);
  view.setUint32(0, magic);
  if (start === end) return;
  view.setUint16(start, 0xffff);
  view.setUint16(start + 2, end - start);
  view.setUint16(end - 2, start);
  view.setUint16(48, start);
  view.setUint16(50, end - start);
}

function hashLeaf(hashes: readonly Hashed[], magic: number): HashLeaf {
  const bytes = new Uint8Array(BLOCK_SIZE),
    view = viewOf(bytes);
  view.setUint16(8, magic);
  view.setUint16(56, hashes.length);
  putHashes(view, HASHED_HEADER, hashes);
  return { bytes, lastHash: hashes.at(-1)!.hash };
}

function putHashes(view: DataView, at: number, hashes: readonly Hashed[]): void {
  hashes.forEach(({ hash, address }, index) => {
    view.setUint32(at + index * 8, hash);
    view.setUint32(at + index * 8 + 4, address);
  });
}
