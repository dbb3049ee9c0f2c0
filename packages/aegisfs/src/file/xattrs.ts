/**
 * Extended attributes: items keyed by a hash of the name, like directory entries.
 *
 *   value    byte 0: length of the name; byte 1: 0; bytes 2–3: length of the value; the name; the value
 *
 * Name and value together fit into one item (4160 bytes with the head): larger ones are refused with ENOSPC, as ext4
 * does. xattr(7).
 */
import { byteString } from "@stratos/base";
import {
  ACL_DEFAULT_NAME,
  EEXIST,
  EINVAL,
  ENODATA,
  ENOENT,
  ENOSPC,
  ERANGE,
  XATTR_CREATE,
  XATTR_REPLACE,
} from "@stratos/abi";
import { VALUE_SIZE_MAX } from "../format/geometry.ts";
import { KIND_XATTR, keyMiddle } from "../format/key.ts";
import type { FileTree } from "./file-tree.ts";
import { changeInode, expectItems, loadInode, mayHaveItems, stamp } from "./inode.ts";
import { hashName, nameHash } from "./name-hash.ts";

const HEAD_SIZE = 4;

/** Positions the tree on the attribute; false when it is not there. */
function find(subvolume: FileTree, ino: number, name: string): boolean {
  if (!mayHaveItems(subvolume, ino)) return false;
  const tree = subvolume.tree;
  hashName(name, subvolume.volume.superblock.hashSeed);
  const middle = keyMiddle(KIND_XATTR, nameHash.high);
  const low = (nameHash.low << 8) >>> 0;
  for (let more = tree.ceiling(ino, middle, low); more; more = tree.next()) {
    if (tree.key(0) !== ino || tree.key(1) !== middle || tree.key(2) >>> 8 !== low >>> 8) return false;
    if (nameHere(subvolume) === name) return true;
  }
  return false;
}

function nameHere(subvolume: FileTree): string {
  const { bytes, offset } = subvolume.tree;
  return byteString(bytes, offset + HEAD_SIZE, offset + HEAD_SIZE + bytes[offset]!);
}

export function get(subvolume: FileTree, ino: number, name: string): Uint8Array | number {
  if (!find(subvolume, ino, name)) return loadInode(subvolume, ino) < 0 ? -ENOENT : -ENODATA;
  const { bytes, offset } = subvolume.tree;
  const start = offset + HEAD_SIZE + bytes[offset]!;
  return bytes.slice(start, start + (bytes[offset + 2]! | (bytes[offset + 3]! << 8)));
}

export function set(subvolume: FileTree, ino: number, name: string, value: Uint8Array, flags: number): number {
  const tree = subvolume.tree;
  if (name.length === 0 || name.length > 255) return -ERANGE;
  if ((flags & ~(XATTR_CREATE | XATTR_REPLACE)) !== 0) return -EINVAL;
  const size = HEAD_SIZE + name.length + value.length;
  if (size > VALUE_SIZE_MAX) return -ENOSPC;
  if (loadInode(subvolume, ino) < 0) return -ENOENT;
  const present = find(subvolume, ino, name);
  if (name === ACL_DEFAULT_NAME) subvolume.volume.defaultAcls.clear();
  if (present && flags & XATTR_CREATE) return -EEXIST;
  if (!present && flags & XATTR_REPLACE) return -ENODATA;

  hashName(name, subvolume.volume.superblock.hashSeed);
  const middle = keyMiddle(KIND_XATTR, nameHash.high);
  let low = (nameHash.low << 8) >>> 0;
  if (present) low = tree.key(2);
  else for (let collision = 0; tree.find(ino, middle, low); low++) if (++collision === 256) return -ENOSPC;
  expectItems(subvolume, ino);
  const offset = tree.replace(ino, middle, low, size);
  const bytes = tree.bytes;
  bytes[offset] = name.length;
  bytes[offset + 1] = 0;
  bytes[offset + 2] = value.length & 255;
  bytes[offset + 3] = value.length >>> 8;
  for (let index = 0; index < name.length; index++) bytes[offset + HEAD_SIZE + index] = name.charCodeAt(index);
  bytes.set(value, offset + HEAD_SIZE + name.length);
  stamp(subvolume, changeInode(subvolume, ino), false);
  return 0;
}

export function remove(subvolume: FileTree, ino: number, name: string): number {
  const tree = subvolume.tree;
  if (!find(subvolume, ino, name)) return loadInode(subvolume, ino) < 0 ? -ENOENT : -ENODATA;
  tree.remove(tree.key(0), tree.key(1), tree.key(2));
  subvolume.volume.defaultAcls.clear();
  stamp(subvolume, changeInode(subvolume, ino), false);
  return 0;
}

export function list(subvolume: FileTree, ino: number): string[] | number {
  const tree = subvolume.tree;
  if (loadInode(subvolume, ino) < 0) return -ENOENT;
  const names: string[] = [];
  if (!mayHaveItems(subvolume, ino)) return names;
  for (
    let more = tree.ceiling(ino, keyMiddle(KIND_XATTR, 0), 0);
    more && tree.key(0) === ino && tree.key(1) >>> 24 === KIND_XATTR;
    more = tree.next()
  ) {
    names.push(nameHere(subvolume));
  }
  return names;
}
