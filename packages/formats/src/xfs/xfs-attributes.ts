/**
 * Extended attributes: within the inode, or in leaves by the hash of their names, with large values in blocks of their
 * own. Source: XFS Algorithms & Data Structures, "Extended Attributes"; Linux fs/xfs/libxfs/xfs_da_format.h and
 * xfs_acl.h (access lists have a form of their own on disk).
 */
import { byteStringOf } from "@stratos/base";
import { viewOf } from "../disk/disk.ts";
import { FormatError } from "../format-error.ts";
import { nameHash, SEAL } from "./xfs-blocks.ts";
import { BLOCK_SIZE } from "./xfs-geometry.ts";
import { hashTree, type HashLeaf } from "./xfs-hash-tree.ts";

interface AttributeBlock {
  /** in blocks from the fork's beginning */
  readonly logical: number;
  readonly bytes: Uint8Array;
  readonly seal: (typeof SEAL)["hashed" | "remote"];
}

interface Attribute {
  readonly name: string;
  readonly value: Uint8Array;
  readonly flags: number;
}

const FLAG = { local: 1, trusted: 2, security: 4 } as const;
const LEAF_MAGIC = 0x3bee;
const VALUE_MAGIC = 0x5841524d; // "XARM"
const LEAF_HEADER = 80;
const VALUE_HEADER = 56;
const VALUE_BYTES = BLOCK_SIZE - VALUE_HEADER;
/** Linux takes no larger ones (XATTR_SIZE_MAX). */
const VALUE_MAX = 65536;
/** An entry of this size or more has its value elsewhere. */
const LOCAL_MAX = (BLOCK_SIZE >> 1) + (BLOCK_SIZE >> 2);

/** What goes into the inode, or undefined when it does not fit in `room` bytes. */
export function localAttributes(xattrs: ReadonlyMap<string, string>, room: number): Uint8Array | undefined {
  const attributes = [...xattrs].map(attributeOf);
  const size = attributes.reduce((sum, { name, value }) => sum + 3 + name.length + value.length, 4);
  if (size > room || attributes.length > 255 || attributes.some(({ value }) => value.length > 255)) return undefined;
  const bytes = new Uint8Array(size),
    view = viewOf(bytes);
  view.setUint16(0, size);
  bytes[2] = attributes.length;
  let at = 4;
  for (const { name, value, flags } of attributes) {
    bytes[at] = name.length;
    bytes[at + 1] = value.length;
    bytes[at + 2] = flags;
    bytes.set(byteStringOf(name), at + 3);
    bytes.set(value, at + 3 + name.length);
    at += 3 + name.length + value.length;
  }
  return bytes;
}

/** Attributes as blocks, not sealed. @throws FormatError for what XFS has no form for */
export function attributeBlocks(xattrs: ReadonlyMap<string, string>): AttributeBlock[] {
  const attributes = [...xattrs]
    .map(attributeOf)
    .map((one) => ({ ...one, hash: nameHash(one.name) }))
    .sort((a, b) => a.hash - b.hash || (a.name < b.name ? -1 : a.name > b.name ? 1 : a.flags - b.flags));
  const groups: (typeof attributes)[] = [];
  let used = BLOCK_SIZE;
  for (const one of attributes) {
    const bytes = 8 + entryBytes(one);
    if (used + bytes > BLOCK_SIZE) {
      groups.push([]);
      used = LEAF_HEADER;
    }
    used += bytes;
    groups.at(-1)!.push(one);
  }
  // Values lie behind the tree, whose size does not depend on where they are.
  const treeBlocks = hashTree(
    groups.map(() => ({ bytes: new Uint8Array(BLOCK_SIZE), lastHash: 0 })),
    0,
  ).length;
  const values: AttributeBlock[] = [];
  const place = (value: Uint8Array): number => {
    const first = treeBlocks + values.length;
    for (let at = 0; at < value.length; at += VALUE_BYTES)
      values.push({ logical: treeBlocks + values.length, bytes: valueBlock(value, at), seal: SEAL.remote });
    return first;
  };
  const leaves = groups.map((group): HashLeaf => ({ bytes: leaf(group, place), lastHash: group.at(-1)!.hash }));
  return [
    ...hashTree(leaves, 0).map((bytes, logical): AttributeBlock => ({ logical, bytes, seal: SEAL.hashed })),
    ...values,
  ];
}

function isRemote({ name, value }: Attribute): boolean {
  return 3 + name.length + value.length > LOCAL_MAX - 4;
}

function entryBytes(one: Attribute): number {
  const { name, value } = one;
  return Math.ceil((isRemote(one) ? 11 + name.length : 3 + name.length + value.length) / 4) * 4;
}

function leaf(
  attributes: readonly (Attribute & { readonly hash: number })[],
  place: (value: Uint8Array) => number,
): Uint8Array {
  const bytes = new Uint8Array(BLOCK_SIZE),
    view = viewOf(bytes);
  view.setUint16(8, LEAF_MAGIC);
  let end = BLOCK_SIZE;
  attributes.forEach((one, index) => {
    const { name, value, flags, hash } = one;
    end -= entryBytes(one);
    const entry = LEAF_HEADER + index * 8;
    view.setUint32(entry, hash);
    view.setUint16(entry + 4, end);
    bytes[entry + 6] = flags | (isRemote(one) ? 0 : FLAG.local);
    if (isRemote(one)) {
      view.setUint32(end, place(value));
      view.setUint32(end + 4, value.length);
      bytes[end + 8] = name.length;
      bytes.set(byteStringOf(name), end + 9);
    } else {
      view.setUint16(end, value.length);
      bytes[end + 2] = name.length;
      bytes.set(byteStringOf(name), end + 3);
      bytes.set(value, end + 3 + name.length);
    }
  });
  const entriesEnd = LEAF_HEADER + attributes.length * 8;
  view.setUint16(56, attributes.length);
  view.setUint16(58, BLOCK_SIZE - end);
  view.setUint16(60, end);
  view.setUint16(64, entriesEnd);
  view.setUint16(66, end - entriesEnd);
  return bytes;
}

function valueBlock(value: Uint8Array, at: number): Uint8Array {
  const piece = value.subarray(at, at + VALUE_BYTES),
    bytes = new Uint8Array(BLOCK_SIZE),
    view = viewOf(bytes);
  view.setUint32(0, VALUE_MAGIC);
  view.setUint32(4, at);
  view.setUint32(8, piece.length);
  bytes.set(piece, VALUE_HEADER);
  return bytes;
}

const ACCESS_LISTS: Readonly<Record<string, string>> = {
  "system.posix_acl_access": "SGI_ACL_FILE",
  "system.posix_acl_default": "SGI_ACL_DEFAULT",
};
const SPACES: readonly (readonly [string, number])[] = [
  ["user.", 0],
  ["trusted.", FLAG.trusted],
  ["security.", FLAG.security],
];

function attributeOf([full, text]: readonly [string, string]): Attribute {
  const value = byteStringOf(text),
    list = ACCESS_LISTS[full];
  if (list !== undefined) return { name: list, value: accessList(value), flags: FLAG.trusted };
  const space = SPACES.find(([prefix]) => full.startsWith(prefix));
  if (space === undefined) throw new FormatError(`XFS has no form for the attribute ${full}`);
  const name = full.slice(space[0].length);
  if (name.length === 0 || name.length > 255) throw new FormatError(`${full}: an attribute's name has 1 to 255 bytes`);
  if (value.length > VALUE_MAX) throw new FormatError(`${full}: an attribute has at most ${VALUE_MAX} bytes`);
  return { name, value, flags: space[1] };
}

const NAMED = new Set([0x02, 0x08]);

/** From `posix_acl_xattr` to `xfs_acl`: a count, then tag, id and permissions of each. */
function accessList(value: Uint8Array): Uint8Array {
  const from = viewOf(value);
  if (value.length < 4 || from.getUint32(0, true) !== 2 || (value.length - 4) % 8 !== 0)
    throw new FormatError("an access control list is malformed");
  const count = (value.length - 4) / 8,
    bytes = new Uint8Array(4 + count * 12),
    to = viewOf(bytes);
  to.setUint32(0, count);
  for (let index = 0; index < count; index++) {
    const source = 4 + index * 8,
      target = 4 + index * 12,
      tag = from.getUint16(source, true);
    to.setUint32(target, tag);
    to.setUint32(target + 4, NAMED.has(tag) ? from.getUint32(source + 4, true) : 0xffffffff);
    to.setUint16(target + 8, from.getUint16(source + 2, true));
  }
  return bytes;
}
