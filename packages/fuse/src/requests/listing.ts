/**
 * READDIR and READDIRPLUS. Offsets: 0 begins, 1 is after ".", 2 after "..", and 2 + the engine's cursor further on; the
 * engine's cursors stay valid while entries come and go. Whose attributes READDIRPLUS gives: listing-habits.ts.
 */
import { DT_DIR } from "@stratos/abi";
import { indexInListing, ROOT_INO } from "@stratos/aegisfs";
import type { Listing, Subvolume } from "@stratos/aegisfs";
import type { Exchange } from "../exchange.ts";
import type { Mount } from "../mount.ts";
import { getUnsigned, putEntry, putPair, VALID_SECONDS } from "../wire/attribute-words.ts";
import { B, D, DIRENT_SIZE, ENTRY_SIZE, PAYLOAD_MAX, Q_NODE_TREE, Q_PID } from "../wire/layout.ts";
import { touchAccessTime } from "./content.ts";

export function listFolder(mount: Mount, files: Subvolume, ino: number): number {
  return list(mount, files, ino, false);
}

export function listFolderPlus(mount: Mount, files: Subvolume, ino: number): number {
  return list(mount, files, ino, true);
}

/** fuse_read_in: fh (2), offset (2), size. */
function list(mount: Mount, files: Subvolume, directory: number, plus: boolean): number {
  const { words, attributes } = mount.exchange;
  const tree = words[Q_NODE_TREE]!;
  const sizeMax = Math.min(words[B + 4]!, PAYLOAD_MAX);
  let offset = getUnsigned(words, B + 2);
  const found = files.stat(directory, attributes);
  if (found < 0) return found;
  if (plus) mount.caches.habits.list(words[Q_PID]!, directory, tree, offset === 0);
  const parent = directory === ROOT_INO ? ROOT_INO : attributes.parent;
  let size = 0;
  for (; offset < 2; offset++) {
    const next = putDirent(
      mount.exchange,
      size,
      sizeMax,
      offset === 0 ? directory : parent,
      tree,
      offset + 1,
      offset === 0 ? "." : "..",
      DT_DIR,
      plus,
    );
    if (next < 0) return size;
    size = next;
  }
  const listing = files.listing(directory, offset - 2);
  const result =
    listing === null || listing.names.length === 0
      ? putOneByOne(mount, files, directory, offset, size, sizeMax, plus)
      : putListing(mount, files, listing, offset, size, sizeMax, plus);
  if (result < 0 && size === 0) return result;
  if (mount.settings.folderAccessTimes && !mount.caches.hasFreshAccess(directory))
    touchAccessTime(mount, files, directory);
  return result < 0 ? size : result;
}

/**
 * Puts entries of a listing that is in memory behind the `size` bytes that are put, as many as there is room
 * for. @param offset  that of the entry before. @returns the new size
 */
function putListing(
  mount: Mount,
  files: Subvolume,
  listing: Listing,
  offset: number,
  size: number,
  sizeMax: number,
  plus: boolean,
): number {
  const { names, inos, types, cursors } = listing;
  const tree = mount.exchange.words[Q_NODE_TREE]!;
  for (let index = indexInListing(listing, offset - 2); index < names.length; index++) {
    const next = putDirent(
      mount.exchange,
      size,
      sizeMax,
      inos[index]!,
      tree,
      cursors[index]! + 3,
      names[index]!,
      types[index]!,
      plus,
    );
    if (next < 0) break;
    if (plus) putEntryOf(mount, files, size, tree, inos[index]!, types[index]!);
    size = next;
  }
  return size;
}

/** The same of a folder of very many. @returns the new size, or the error that came first */
function putOneByOne(
  mount: Mount,
  files: Subvolume,
  directory: number,
  offset: number,
  size: number,
  sizeMax: number,
  plus: boolean,
): number {
  const { entry } = mount.exchange;
  const tree = mount.exchange.words[Q_NODE_TREE]!;
  for (let cursor = offset - 2; ; cursor = entry.nextCursor) {
    const result = files.readDirectory(directory, cursor, entry);
    if (result <= 0) return result < 0 && size === 0 ? result : size;
    const next = putDirent(
      mount.exchange,
      size,
      sizeMax,
      entry.ino,
      tree,
      entry.nextCursor + 2,
      entry.name,
      entry.type,
      plus,
    );
    if (next < 0) return size;
    if (plus) putEntryOf(mount, files, size, tree, entry.ino, entry.type);
    size = next;
  }
}

/** The attributes of an entry. Those of folders are wanted by who goes into them; the kernel takes node 0 for none. */
function putEntryOf(mount: Mount, files: Subvolume, size: number, tree: number, ino: number, type: number): void {
  const { caches, exchange } = mount;
  const { attributes, words } = exchange;
  if ((type !== DT_DIR && !caches.habits.gives()) || files.stat(ino, attributes) !== 0) return;
  caches.markRolledBack(attributes, tree);
  putEntry(words, D + size / 4, attributes, tree, VALID_SECONDS);
  caches.counts.add(ino, tree);
}

/**
 * Puts an entry behind the `size` bytes of the listing; with `plus` an empty fuse_entry_out before it. @returns the new
 * size, −1 when it does not fit
 */
export function putDirent(
  { words, bytes }: Exchange,
  size: number,
  sizeMax: number,
  ino: number,
  tree: number,
  nextOffset: number,
  name: string,
  type: number,
  plus: boolean,
): number {
  const head = size + (plus ? ENTRY_SIZE : 0);
  const end = (head + DIRENT_SIZE + name.length + 7) & ~7;
  if (end > sizeMax) return -1;
  if (plus) words.fill(0, D + size / 4, D + head / 4);
  // The last words hold the padding, which must not tell what was here before.
  words[D + end / 4 - 1] = 0;
  words[D + end / 4 - 2] = 0;
  const at = D + head / 4;
  words[at] = ino;
  words[at + 1] = tree;
  putPair(words, at + 2, nextOffset);
  words[at + 4] = name.length;
  words[at + 5] = type;
  const start = at * 4 + DIRENT_SIZE;
  for (let index = 0; index < name.length; index++) bytes[start + index] = name.charCodeAt(index);
  return end;
}
