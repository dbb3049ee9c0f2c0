/**
 * Extended attributes of ext4: behind the fields of the inode, or in a block of their own. Source: Linux
 * Documentation/filesystems/ext4/ attributes.rst; fs/ext4/xattr.c (hashes); fs/ext4/acl.h (access lists have a shorter
 * form on disk than in the system call).
 */
import { byteString, byteStringOf } from "@stratos/base";
import { viewOf } from "../disk/disk.ts";
import { FormatError } from "../format-error.ts";
import { checksum, checksumU64 } from "./ext4-superblock.ts";

const MAGIC = 0xea020000;
const BLOCK_HEADER = 32;
const ENTRY = 16;
const PREFIXES: readonly (readonly [number, string])[] = [
  [2, "system.posix_acl_access"],
  [3, "system.posix_acl_default"],
  [1, "user."],
  [4, "trusted."],
  [6, "security."],
  [7, "system."],
];

interface Attribute {
  readonly index: number;
  readonly name: string;
  readonly value: Uint8Array;
}

/** What goes behind the inode's fields, or undefined when it does not fit in `room` bytes. */
export function inodeXattrs(xattrs: ReadonlyMap<string, string>, room: number): Uint8Array | undefined {
  if (xattrs.size === 0) return new Uint8Array(0);
  const bytes = new Uint8Array(room);
  viewOf(bytes).setUint32(0, MAGIC, true);
  // Values are counted from the first entry here. No hashes: nothing shares them.
  return placeAttributes(sorted(xattrs), bytes, { first: 4, base: 4, hashes: false }) ? bytes : undefined;
}

/** A block of attributes. @throws FormatError when they need more than one */
export function xattrBlock(
  xattrs: ReadonlyMap<string, string>,
  place: { block: number; blockSize: number; seed: number | undefined },
): Uint8Array {
  const bytes = new Uint8Array(place.blockSize);
  const view = viewOf(bytes);
  view.setUint32(0, MAGIC, true);
  view.setUint32(4, 1, true);
  view.setUint32(8, 1, true);
  if (!placeAttributes(sorted(xattrs), bytes, { first: BLOCK_HEADER, base: 0, hashes: true }))
    throw new FormatError("extended attributes of one file need more than a block");
  let hash = 0;
  for (let at = BLOCK_HEADER; view.getUint32(at, true) !== 0; at += entryLength(bytes[at]!))
    hash = (hash << 16) ^ (hash >>> 16) ^ view.getUint32(at + 12, true);
  view.setUint32(12, hash >>> 0, true);
  if (place.seed !== undefined) sealAttributeBlock(bytes, place.block, place.seed);
  return bytes;
}

/** Sets the checksum of a block of attributes. */
export function sealAttributeBlock(bytes: Uint8Array, block: number, seed: number): void {
  const view = viewOf(bytes);
  view.setUint32(16, 0, true);
  view.setUint32(16, checksum(checksumU64(seed, block), bytes), true);
}

/** Attributes of an inode's tail and of its block (either may be empty). @throws FormatError */
export function parseXattrs(inodeTail: Uint8Array, block: Uint8Array | undefined): Map<string, string> {
  const found = new Map<string, string>();
  if (inodeTail.length > 8 && viewOf(inodeTail).getUint32(0, true) === MAGIC)
    collect(inodeTail, { first: 4, base: 4 }, found);
  if (block !== undefined) {
    if (viewOf(block).getUint32(0, true) !== MAGIC) throw new FormatError("a block of extended attributes is damaged");
    collect(block, { first: BLOCK_HEADER, base: 0 }, found);
  }
  return found;
}

function collect(bytes: Uint8Array, place: { first: number; base: number }, found: Map<string, string>): void {
  const view = viewOf(bytes);
  for (let at = place.first; at + 4 <= bytes.length && view.getUint32(at, true) !== 0;) {
    const length = bytes[at]!,
      index = bytes[at + 1]!;
    if (at + ENTRY + length > bytes.length) throw new FormatError("extended attributes are damaged");
    const offset = place.base + view.getUint16(at + 2, true),
      size = view.getUint32(at + 8, true);
    const name = byteString(bytes, at + ENTRY, at + ENTRY + length);
    const prefix = PREFIXES.find(([number]) => number === index)?.[1];
    // Values in inodes of their own (ea_inode) are not read; their names stay unseen.
    if (prefix !== undefined && view.getUint32(at + 4, true) === 0) {
      if (offset + size > bytes.length) throw new FormatError("extended attributes are damaged");
      const value = bytes.subarray(offset, offset + size);
      found.set(prefix + name, byteString(index === 2 || index === 3 ? aclFromDisk(value) : value));
    }
    at += entryLength(length);
  }
}

function placeAttributes(
  attributes: readonly Attribute[],
  bytes: Uint8Array,
  place: { first: number; base: number; hashes: boolean },
): boolean {
  const view = viewOf(bytes);
  let at = place.first,
    end = bytes.length;
  for (const { index, name, value } of attributes) {
    end -= Math.ceil(value.length / 4) * 4;
    // Four zero bytes end the list.
    if (at + entryLength(name.length) + 4 > end) return false;
    bytes[at] = name.length;
    bytes[at + 1] = index;
    view.setUint16(at + 2, value.length === 0 ? 0 : end - place.base, true);
    view.setUint32(at + 8, value.length, true);
    bytes.set(byteStringOf(name), at + ENTRY);
    bytes.set(value, end);
    if (place.hashes)
      view.setUint32(at + 12, hashOf(name, bytes.subarray(end, end + Math.ceil(value.length / 4) * 4)), true);
    at += entryLength(name.length);
  }
  return true;
}

function entryLength(nameLength: number): number {
  return ENTRY + Math.ceil(nameLength / 4) * 4;
}

/** `ext4_xattr_hash_entry`. */
function hashOf(name: string, paddedValue: Uint8Array): number {
  let hash = 0;
  for (let index = 0; index < name.length; index++) hash = (hash << 5) ^ (hash >>> 27) ^ name.charCodeAt(index);
  const view = viewOf(paddedValue);
  for (let at = 0; at < paddedValue.length; at += 4) hash = (hash << 16) ^ (hash >>> 16) ^ view.getUint32(at, true);
  return hash >>> 0;
}

function sorted(xattrs: ReadonlyMap<string, string>): Attribute[] {
  const attributes = [...xattrs].map(([full, value]): Attribute => {
    const found = PREFIXES.find(([, prefix]) => (prefix.endsWith(".") ? full.startsWith(prefix) : full === prefix));
    if (found === undefined) throw new FormatError(`${full}: an extended attribute of a kind that ext4 does not know`);
    const [index, prefix] = found;
    const bytes = byteStringOf(value);
    const name = full.slice(prefix.length);
    if (name.length > 255) throw new FormatError(`${full}: an attribute's name has at most 255 bytes`);
    return { index, name, value: index === 2 || index === 3 ? aclToDisk(bytes) : bytes };
  });
  return attributes.sort((a, b) => a.index - b.index || a.name.length - b.name.length || (a.name < b.name ? -1 : 1));
}

const ACL_NAMED = new Set([0x02, 0x08]);

/**
 * From `posix_acl_xattr` (version 2, each entry with an id) to ext4's form (version 1, ids only where they say
 * something).
 */
function aclToDisk(value: Uint8Array): Uint8Array {
  const view = viewOf(value);
  if (value.length < 4 || view.getUint32(0, true) !== 2 || (value.length - 4) % 8 !== 0)
    throw new FormatError("an access control list is malformed");
  const out: number[] = [1, 0, 0, 0];
  for (let at = 4; at < value.length; at += 8)
    out.push(...value.subarray(at, at + (ACL_NAMED.has(view.getUint16(at, true)) ? 8 : 4)));
  return Uint8Array.from(out);
}

function aclFromDisk(value: Uint8Array): Uint8Array {
  const view = viewOf(value);
  const out: number[] = [2, 0, 0, 0];
  for (let at = 4; at + 4 <= value.length;) {
    const isNamed = ACL_NAMED.has(view.getUint16(at, true));
    if (isNamed && at + 8 > value.length) throw new FormatError("an access control list is damaged");
    out.push(...value.subarray(at, at + 4), ...(isNamed ? value.subarray(at + 4, at + 8) : [255, 255, 255, 255]));
    at += isNamed ? 8 : 4;
  }
  return Uint8Array.from(out);
}
