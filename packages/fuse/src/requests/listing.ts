/**
 * READDIR and READDIRPLUS. Offsets: 0 begins, 1 is after ".", 2 after "..", and 2 + the engine's cursor further on; the engine's cursors
 * stay valid while entries come and go. Whose attributes READDIRPLUS gives: listing-habits.ts.
 */
import { DT_DIR } from "@stratos/abi";
import { ROOT_INO } from "@stratos/aegisfs";
import type { Subvolume } from "@stratos/aegisfs";
import type { FuseServer } from "../server.ts";
import { getUnsigned, putEntry, putPair, VALID_SECONDS } from "../wire/attribute-words.ts";
import { B, D, DIRENT_SIZE, ENTRY_SIZE, PAYLOAD_MAX, Q_NODE_TREE, Q_PID } from "../wire/layout.ts";
import { touchAccessTime } from "./content.ts";
import { markRolledBack } from "./names.ts";

export function listFolder(server: FuseServer, files: Subvolume, ino: number): number {
  return list(server, files, ino, false);
}

export function listFolderPlus(server: FuseServer, files: Subvolume, ino: number): number {
  return list(server, files, ino, true);
}

/** fuse_read_in: fh (2), offset (2), size. */
function list(server: FuseServer, files: Subvolume, directory: number, plus: boolean): number {
  const { words, attributes, entry } = server;
  const tree = words[Q_NODE_TREE]!;
  const sizeMax = Math.min(words[B + 4]!, PAYLOAD_MAX);
  let offset = getUnsigned(words, B + 2);
  const found = files.stat(directory, attributes);
  if (found < 0) return found;
  if (plus) server.habits.list(words[Q_PID]!, directory, tree, offset === 0);
  const parent = directory === ROOT_INO ? ROOT_INO : attributes.parent;
  let size = 0;
  for (; offset < 2; offset++) {
    const next = putDirent(server, size, sizeMax, offset === 0 ? directory : parent, tree, offset + 1, offset === 0 ? "." : "..", DT_DIR, plus);
    if (next < 0) return size;
    size = next;
  }
  for (;;) {
    const result = files.readDirectory(directory, offset - 2, entry);
    if (result < 0) return size > 0 ? size : result;
    if (result === 0) break;
    offset = entry.nextCursor + 2;
    const next = putDirent(server, size, sizeMax, entry.ino, tree, offset, entry.name, entry.type, plus);
    if (next < 0) break;
    // A folder's attributes are wanted by who goes into it; node 0 says that there are none here.
    if (plus && (entry.type === DT_DIR || server.habits.gives()) && files.stat(entry.ino, attributes) === 0) {
      if (tree === 0 && server.rolledBack.size > 0) markRolledBack(server, attributes);
      putEntry(words, D + size / 4, attributes, tree, VALID_SECONDS);
      server.counts.add(entry.ino, tree);
    }
    size = next;
  }
  if (server.folderAccessTimes && server.freshAccess[directory & 4095] !== directory) touchAccessTime(server, files, directory);
  return size;
}

/** Puts an entry behind the `size` bytes of the listing; with `plus` an empty fuse_entry_out before it. @returns the new size, −1 when it does not fit */
export function putDirent(
  server: FuseServer, size: number, sizeMax: number, ino: number, tree: number, nextOffset: number, name: string, type: number, plus: boolean,
): number {
  const { words, bytes } = server;
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
