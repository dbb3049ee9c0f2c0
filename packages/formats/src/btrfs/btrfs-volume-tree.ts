/**
 * The tree of one btrfs volume: inodes, names, attributes and where content lies. Source: Linux
 * include/uapi/linux/btrfs_tree.h.
 */
import { FormatError } from "../format-error.ts";
import { readBlob, type FileEntry } from "../tree/file-tree.ts";
import type { TreeNode } from "../tree/tree-nodes.ts";
import type { BtrfsData } from "./btrfs-data.ts";
import {
  directoryItem,
  inlineExtent,
  inodeItem,
  inodeRef,
  Item,
  LAST,
  nameHash,
  regularExtent,
  ROOT_INODE,
  xattrItem,
  type TreeItem,
} from "./btrfs-layout.ts";
import { ITEM_MAX } from "./btrfs-tree.ts";

/** Content up to this stands in the tree itself, as Linux does by default. */
export const INLINE_MAX = 2048;
const LINK_MAX = 4095;
/** Index numbers 0 and 1 belong to `.` and `..`. */
const FIRST_INDEX = 2;
const XATTR_PREFIXES = [
  "user.",
  "trusted.",
  "security.",
  "system.posix_acl_access",
  "system.posix_acl_default",
  "btrfs.",
] as const;

/** A volume that has a name in this one's root folder. */
interface MountedVolume {
  readonly id: number;
  readonly name: string;
}

/** Number that the name of a volume has in the root folder. */
export function volumeIndex(root: TreeNode, position: number): number {
  return FIRST_INDEX + root.children.length + position;
}

function inodeNumber(node: TreeNode): number {
  return ROOT_INODE + node.index;
}

/** Records in order; content is stored on the way. @throws FormatError */
export function volumeItems(
  nodes: readonly TreeNode[],
  id: number,
  mounted: readonly MountedVolume[],
  data: BtrfsData,
): TreeItem[] {
  const items: TreeItem[] = [];
  for (const node of nodes) {
    const { entry } = node,
      ino = inodeNumber(node);
    const put = (type: number, offset: number, bytes: Uint8Array): void => {
      if (bytes.length > ITEM_MAX)
        throw new FormatError(`${entry.path}: has more names or attributes than btrfs holds in one record`);
      items.push({ key: { objectid: ino, type, offset }, data: bytes });
    };
    const isFolder = entry.kind === "directory";
    const subvolumes = node.index === 0 ? mounted : [];
    const content = contentItems(entry, { volume: id, ino }, data);
    const nameBytes = [...node.children, ...subvolumes].reduce((sum, { name }) => sum + 2 * name.length, 0);
    put(
      Item.inode,
      0,
      inodeItem(entry, {
        size: isFolder ? nameBytes : content.size,
        bytes: content.bytes,
        links: isFolder ? 1 : node.names.length,
      }),
    );
    if (node.index === 0) put(Item.inodeRef, ino, inodeRef(0, ".."));
    else for (const [folder, bytes] of nameRefs(node)) put(Item.inodeRef, folder, bytes);
    for (const [hash, bytes] of byHash(
      [...entry.xattrs].map(([name, value]) => ({ name, bytes: xattrItem(checkXattr(entry, name), value) })),
    ))
      put(Item.xattr, hash, bytes);
    if (isFolder) {
      const names = [
        ...node.children.map(({ name, node: child }) => ({
          name,
          bytes: directoryItem(
            name,
            { objectid: inodeNumber(child), type: Item.inode, offset: 0 },
            child.entry.kind as "file",
          ),
        })),
        ...subvolumes.map(({ name, id: volume }) => ({
          name,
          bytes: directoryItem(name, { objectid: volume, type: Item.root, offset: LAST }, "directory"),
        })),
      ];
      for (const [hash, bytes] of byHash(names)) put(Item.directory, hash, bytes);
      names.forEach(({ bytes }, position) => put(Item.directoryIndex, FIRST_INDEX + position, bytes));
    }
    for (const { offset, bytes } of content.records) put(Item.extentData, offset, bytes);
  }
  return items;
}

/** Names in one folder share a record; records are in the order of folders. */
function nameRefs(node: TreeNode): [number, Uint8Array][] {
  const folders = new Map<number, Uint8Array>();
  for (const { folder, name } of node.names) {
    const index = FIRST_INDEX + folder.children.findIndex((child) => child.name === name);
    const ref = inodeRef(index, name),
      before = folders.get(inodeNumber(folder));
    const bytes = new Uint8Array((before?.length ?? 0) + ref.length);
    if (before !== undefined) bytes.set(before);
    bytes.set(ref, before?.length ?? 0);
    folders.set(inodeNumber(folder), bytes);
  }
  return [...folders].sort(([left], [right]) => left - right);
}

/** Records by the hash of their names; names whose hashes are the same share one. */
function byHash(records: readonly { name: string; bytes: Uint8Array }[]): [number, Uint8Array][] {
  const found = new Map<number, Uint8Array>();
  for (const { name, bytes } of records) {
    const hash = nameHash(name),
      before = found.get(hash);
    if (before === undefined) {
      found.set(hash, bytes);
      continue;
    }
    const both = new Uint8Array(before.length + bytes.length);
    both.set(before);
    both.set(bytes, before.length);
    found.set(hash, both);
  }
  return [...found].sort(([left], [right]) => left - right);
}

function checkXattr(entry: FileEntry, name: string): string {
  if (!XATTR_PREFIXES.some((prefix) => (prefix.endsWith(".") ? name.startsWith(prefix) : name === prefix)))
    throw new FormatError(`${entry.path}: btrfs has no form for the attribute ${name}`);
  return name;
}

interface Content {
  readonly size: number;
  readonly bytes: number;
  readonly records: readonly { offset: number; bytes: Uint8Array }[];
}

function contentItems(entry: FileEntry, user: { volume: number; ino: number }, data: BtrfsData): Content {
  if (entry.kind === "symlink") {
    if (entry.target.length > LINK_MAX)
      throw new FormatError(`${entry.path}: a link's target has at most ${LINK_MAX} bytes`);
    return inline(Uint8Array.from(entry.target, (character) => character.charCodeAt(0)));
  }
  if (entry.content === null || entry.content.sizeBytes === 0) return { size: 0, bytes: 0, records: [] };
  if (entry.content.sizeBytes <= INLINE_MAX) return inline(readBlob(entry.content));
  const extents = data.store(entry.content, entry.path, user);
  return {
    size: entry.content.sizeBytes,
    bytes: extents.reduce((sum, { bytes }) => sum + bytes, 0),
    records: extents.map(({ offset, bytes, extent, compression }) => ({
      offset,
      bytes: regularExtent({ place: extent.place, diskBytes: extent.size, bytes, compression }),
    })),
  };
}

function inline(bytes: Uint8Array): Content {
  return { size: bytes.length, bytes: bytes.length, records: [{ offset: 0, bytes: inlineExtent(bytes) }] };
}
